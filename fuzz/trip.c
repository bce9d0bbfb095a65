/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "trip.h"

#include <string.h>

#include "fuzz.h"
#include "unit/tree_text.h"

struct cfs_tree *trip_parse(struct cfs_text text, bool strict)
{
	struct cfs_dump_opts opts = {.name = "input", .strict = strict};
	struct cfs_tree *t = NULL;
	struct cfs_err err = {""};
	int rc = cfs_dump_read_mem(text, CFS_SHA256, &opts, &t, &err);

	fuzz_hold(rc == 0 || strncmp(err.msg, "input: ", strlen("input: ")) == 0);
	fuzz_hold((rc == 0) == (t != NULL));
	return t;
}

struct cfs_text trip_text(const struct cfs_tree *t)
{
	struct cfs_text text;

	text.s = tree_text(t, &text.len);
	fuzz_hold(text.s);
	return text;
}

void trip_release(struct cfs_text text)
{
	free((void *)(uintptr_t)text.s);
}

struct cfs_mem trip_image(const struct cfs_tree *t, uint32_t min_version)
{
	struct cfs_image_opts opts = {min_version, CFS_IMAGE_VERSION_MAX};
	struct cfs_mem image = {0};
	struct cfs_plan *plan;

	if (cfs_plan_new(t, &opts, NULL, &plan, NULL) < 0)
		return image;
	fuzz_hold(cfs_emit(plan, cfs_sink_mem(&image), NULL) == 0);
	fuzz_hold(image.len == cfs_plan_image_len(plan));
	cfs_plan_free(plan);
	return image;
}

static void hold_good(int rc, const struct cfs_err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "our own image: %s\n", err->msg);
	abort();
}

struct cfs_tree *trip_load(struct cfs_mem image)
{
	struct cfs_tree *t = NULL;
	struct cfs_image im;
	struct cfs_err err;

	hold_good(cfs_image_open((struct cfs_span){image.p, image.len}, &im, &err), &err);
	hold_good(cfs_image_check(&im, &err), &err);
	hold_good(cfs_image_load(&im, NULL, &t, &err), &err);
	return t;
}

static bool has_empty_xattr(const struct cfs_tree *t, const struct cfs_node *n,
			    const char *key)
{
	for (uint16_t i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *pair = &t->pairs[n->xattrs[i]];

		if (pair->value_len == 0 &&
		    cfs_text_eq(t->keys[pair->key], cfs_text(key)))
			return true;
	}
	return false;
}

/* Xattrs of its own that mean a whiteout, or the directory of one: both, and without values. */
static bool has_marks(const struct cfs_tree *t)
{
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (cfs_node_is_link(n))
			continue;
		if (has_empty_xattr(t, n, "trusted.overlay.whiteout") &&
		    has_empty_xattr(t, n, "user.overlay.whiteout"))
			return true;
		if (has_empty_xattr(t, n, "trusted.overlay.whiteouts") &&
		    has_empty_xattr(t, n, "user.overlay.whiteouts"))
			return true;
	}
	return false;
}

/* Sizes of devices, fifos and sockets are lost, but not without a trace: a large one made a large
 * inode. */
bool trip_is_told(const struct cfs_tree *t)
{
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (!cfs_node_is_link(n) && !S_ISREG(n->mode) &&
		    !cfs_node_is_whiteout(n) && n->size > UINT32_MAX)
			return false;
	}
	return !has_marks(t);
}

/* An image keeps all of it. Not kept: pairs of keys that are marks of whiteouts, what is said of whiteouts
 * beside their names, which of its names an inode has first, a slash in front of a backing
 * path, sizes of what has none. */
static bool is_kept_by_image(const struct cfs_tree *t)
{
	char buf[CFS_PAYLOAD_BUF];

	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];
		struct cfs_text payload = cfs_node_get_payload(t, n, buf);

		if (cfs_node_is_link(n) || cfs_node_is_whiteout(n))
			return false;
		if (cfs_node_is_external(n) && payload.len && payload.s[0] == '/')
			return false;
		if (!S_ISREG(n->mode) && !S_ISLNK(n->mode) && n->size)
			return false;
	}
	return !has_marks(t);
}

static void expect_same_tree(const struct cfs_tree *a, const struct cfs_tree *b)
{
	struct cfs_text text = trip_text(a), other = trip_text(b);

	fuzz_hold(cfs_text_eq(text, other));
	trip_release(text);
	trip_release(other);
}

static void hold_same_image(const struct cfs_tree *t, uint32_t min_version,
			    struct cfs_mem image)
{
	struct cfs_mem again = trip_image(t, min_version);

	fuzz_hold(again.len == image.len && memcmp(again.p, image.p, image.len) == 0);
	free(again.p);
}

void trip_through_image(const struct cfs_tree *t, uint32_t min_version)
{
	struct cfs_mem image = trip_image(t, min_version);
	struct cfs_tree *loaded, *read;
	struct cfs_text text;

	if (!image.p)
		return;
	loaded = trip_load(image);
	if (is_kept_by_image(t)) {
		expect_same_tree(t, loaded);
		hold_same_image(loaded, min_version, image);
	}
	text = trip_text(loaded);
	read = trip_parse(text, true);
	fuzz_hold(read);
	expect_same_tree(loaded, read);
	trip_release(text);
	cfs_tree_free(read);
	cfs_tree_free(loaded);
	free(image.p);
}
