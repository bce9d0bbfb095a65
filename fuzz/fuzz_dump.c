/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The dump parser, and the way from a text through an image back: what parses, writes, loads
 * and dumps must be equal. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

#include "dump/dump.h"
#include "erofs/erofs.h"
#include "unit/tree_text.h"

/* Returns NULL when the text is refused, and then there is a reason. */
static struct cfs_tree *parse(struct cfs_text text, bool strict)
{
	struct cfs_dump_opts opts = {.name = "input", .strict = strict};
	struct cfs_tree *t = NULL;
	struct cfs_err err = {""};
	int rc = cfs_dump_read_mem(text, CFS_SHA256, &opts, &t, &err);

	fuzz_hold(rc == 0 || strncmp(err.msg, "input: ", strlen("input: ")) == 0);
	fuzz_hold((rc == 0) == (t != NULL));
	return t;
}

/* The same through a descriptor. */
static struct cfs_tree *parse_file(struct cfs_text text)
{
	struct cfs_dump_opts opts = {.name = "input"};
	cfs_autofd int fd = memfd_create("input", MFD_CLOEXEC);
	struct cfs_tree *t = NULL;
	int rc;

	fuzz_hold(fd >= 0 && cfs_io_write(fd, text.s, text.len, NULL) == 0 &&
		  lseek(fd, 0, SEEK_SET) == 0);
	rc = cfs_dump_read_fd(fd, CFS_SHA256, &opts, &t, NULL);
	fuzz_hold((rc == 0) == (t != NULL));
	return t;
}

static struct cfs_text text_of(const struct cfs_tree *t)
{
	struct cfs_text text;

	text.s = tree_text(t, &text.len);
	fuzz_hold(text.s);
	return text;
}

static void release(struct cfs_text text)
{
	free((void *)(uintptr_t)text.s);
}

/* What is written can be read, says the same, and breaks no rule of strict mode. */
static void check_text(const struct cfs_tree *t)
{
	struct cfs_text text = text_of(t), again;
	struct cfs_tree *reread = parse(text, true);

	fuzz_hold(reread);
	again = text_of(reread);
	fuzz_hold(cfs_text_eq(text, again));
	cfs_tree_free(reread);
	release(text);
	release(again);
}

/* The image of a tree; empty when the format has no room for it. */
static struct cfs_mem image_of(const struct cfs_tree *t)
{
	struct cfs_image_opts opts = {.max_version = CFS_IMAGE_VERSION_MAX};
	struct cfs_mem image = {0};
	struct cfs_plan *plan = NULL;

	if (cfs_plan_new(t, &opts, &plan, NULL) == 0)
		fuzz_hold(cfs_emit(plan, cfs_sink_mem(&image), NULL) == 0);
	cfs_plan_free(plan);
	return image;
}

static struct cfs_tree *load(struct cfs_mem image)
{
	struct cfs_load_opts opts = {0};
	struct cfs_tree *t = NULL;
	struct cfs_image im;
	struct cfs_err err;

	if (cfs_image_open((struct cfs_span){image.p, image.len}, &im, &err) < 0 ||
	    cfs_image_load(&im, &opts, &t, &err) < 0) {
		fprintf(stderr, "our own image: %s\n", err.msg);
		abort();
	}
	return t;
}

static bool has_overlay_key(const struct cfs_tree *t)
{
	for (uint32_t i = 0; i < t->n_keys; i++)
		if (memmem(t->keys[i].s, t->keys[i].len, "overlay.", 8))
			return true;
	return false;
}

/* An image keeps all of it. Not kept: overlay's own xattrs and the marks beside whiteouts, which of
 * its names an inode has first, a slash in front of a backing path, sizes of what has none. */
static bool is_plain(const struct cfs_tree *t)
{
	char buf[CFS_PAYLOAD_BUF];

	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];
		struct cfs_text payload = cfs_node_payload(t, n, buf);

		if (cfs_node_is_link(n) || cfs_node_is_whiteout(n))
			return false;
		if (cfs_node_is_external(n) && payload.len && payload.s[0] == '/')
			return false;
		if (!S_ISREG(n->mode) && !S_ISLNK(n->mode) && n->size)
			return false;
	}
	return !has_overlay_key(t);
}

static void check_image(const struct cfs_tree *t)
{
	struct cfs_mem image = image_of(t), again;
	struct cfs_tree *loaded;

	if (!image.p)
		return;
	loaded = load(image);
	if (is_plain(t)) {
		struct cfs_text want = text_of(t), got = text_of(loaded);

		fuzz_hold(cfs_text_eq(want, got));
		release(want);
		release(got);
		again = image_of(loaded);
		fuzz_hold(again.len == image.len &&
			  memcmp(again.p, image.p, image.len) == 0);
		free(again.p);
	}
	check_text(loaded);
	cfs_tree_free(loaded);
	free(image.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text text = {(const char *)data, len};
	struct cfs_tree *strict = parse(text, true);
	struct cfs_tree *t = parse(text, false);
	struct cfs_tree *streamed = parse_file(text);

	fuzz_hold(t || !strict);
	fuzz_hold(!t == !streamed);
	if (t) {
		check_text(t);
		check_image(t);
	}
	cfs_tree_free(strict);
	cfs_tree_free(streamed);
	cfs_tree_free(t);
	return 0;
}
