/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The image reader: whatever the bytes, each way through it ends with a result or with -EUCLEAN and
 * a sentence, and the ways agree with each other. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "erofs/erofs.h"

enum { LOOKUPS_MAX = 3000 };

static bool says_where(const char *msg)
{
	const char *off = strstr(msg, "offset ");

	while (off && strspn(off + strlen("offset "), "0123456789") == 0)
		off = strstr(off + 1, "offset ");
	return off;
}

/* Passes on the outcome of a reading function: 0, 1, or -EUCLEAN with one line that says where and why. */
static int check_image_error(int rc, const struct cfs_err *err)
{
	fuzz_hold(rc >= 0 || rc == -EUCLEAN);
	fuzz_hold(rc >= 0 || (says_where(err->msg) && !strchr(err->msg, '\n')));
	return rc;
}

/* One inode in each way that there is. Returns -EUCLEAN when its spec is refused. */
static int read_image_inode(const struct cfs_image *im, const struct cfs_inode *inode,
			    struct cfs_spec_room *room)
{
	struct cfs_inode_spec spec;
	struct cfs_text backing;
	struct cfs_err err = {""};
	int rc = check_image_error(cfs_image_read_spec(im, inode, room, &spec, &err),
				   &err);
	int backing_rc = check_image_error(
		cfs_image_read_backing(im, inode, &backing, &err), &err);

	if (rc < 0)
		return rc;
	fuzz_hold(backing_rc == 0);
	fuzz_hold(!S_ISREG(spec.mode) || cfs_text_eq(backing, spec.payload));
	fuzz_hold(!spec.content.len || spec.content.len == spec.size);
	fuzz_hold(spec.content.len <= CFS_CONTENT_MAX &&
		  spec.payload.len <= CFS_PAYLOAD_MAX);
	for (size_t i = 0; i < spec.n_xattrs; i++)
		fuzz_hold(spec.xattrs[i].key.len >= 1 &&
			  spec.xattrs[i].key.len <= CFS_XATTR_KEY_MAX);
	return 0;
}

/* Returns 0 when all of the image can be read. */
static int walk_fuzzed_image(const struct cfs_image *im, const struct cfs_walk_opts *opts,
			     uint64_t *n)
{
	cfs_auto_walk struct cfs_walk *w = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_err err = {""};
	int bad = 0, rc = check_image_error(cfs_walk_new(im, opts, &w, &err), &err);

	*n = 0;
	while (rc >= 0 &&
	       (rc = check_image_error(cfs_walk_next(w, &e, &err), &err)) > 0) {
		fuzz_hold(e->path.len && e->path.s[0] == '/');
		fuzz_hold(!opts->first_names || e->again == (e->first.len > 0));
		fuzz_hold(!e->again || !S_ISDIR(e->inode.mode));
		if (!e->again && read_image_inode(im, &e->inode, &room) < 0)
			bad = -EUCLEAN;
		++*n;
	}
	cfs_spec_room_fini(&room);
	return rc < 0 ? rc : bad;
}

/* What a walk finds, a search finds. Only for an image whose directories are all in order. */
static void look_up_names(const struct cfs_image *im)
{
	cfs_auto_walk struct cfs_walk *w = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_inode inode;

	fuzz_hold(cfs_walk_new(im, NULL, &w, NULL) == 0);
	for (int i = 0; i < LOOKUPS_MAX && cfs_walk_next(w, &e, NULL) > 0; i++) {
		fuzz_hold(cfs_image_lookup(im, e->path, &inode, NULL) == 0);
		fuzz_hold(inode.nid == e->inode.nid);
	}
}

/* Lookups in an image of which nothing is known yet. */
static void poke_byte(const struct cfs_image *im)
{
	static const char *const paths[] = {"/",	"a", "00",  "d/f",
					    "/d/d/d/d", "~", "f/x", "l"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct cfs_err err = {""};
		struct cfs_inode inode;
		int rc = cfs_image_lookup(im, cfs_text(paths[i]), &inode, &err);

		if (rc != -ENOENT && rc != -ENOTDIR)
			check_image_error(rc, &err);
	}
}

/* What the writer could have made is sound too. */
static void check_canonical(const struct cfs_image *im, bool is_sound)
{
	struct cfs_err err = {""};
	int rc = cfs_image_check_canonical(im, NULL, &err);

	if (rc != -ENOTSUP || im->version < 2)
		check_image_error(rc, &err);
	fuzz_hold(rc < 0 || is_sound);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct cfs_text name = CFS_TEXT("d");
	struct cfs_walk_opts all = {.first_names = true}, plain = {0};
	struct cfs_walk_opts one = {.names = &name, .n_names = 1, .first_names = true};
	struct cfs_walk_opts below = {.top = CFS_TEXT("//d/"), .first_names = true};
	struct cfs_tree *tree = NULL;
	struct cfs_inode top;
	struct cfs_err err = {""};
	struct cfs_image im;
	uint64_t n, n_plain, n_one, n_below;
	int rc = cfs_image_open((struct cfs_span){data, len}, &im, &err);
	int check_rc, load_rc;

	if (rc == -EINVAL || rc == -ENOTSUP || check_image_error(rc, &err) < 0)
		return 0;
	rc = walk_fuzzed_image(&im, &all, &n);
	fuzz_hold(walk_fuzzed_image(&im, &plain, &n_plain) == rc || rc < 0);
	poke_byte(&im);
	check_rc = check_image_error(cfs_image_check(&im, &err), &err);
	fuzz_hold(rc == 0 || check_rc < 0);
	check_canonical(&im, check_rc == 0);
	load_rc = check_image_error(cfs_image_load(&im, NULL, &tree, &err), &err);
	/* Only the tree has one kind of digests in all. */
	fuzz_hold(rc < 0 ? load_rc < 0 : load_rc == 0 || strstr(err.msg, "digest by "));
	cfs_tree_free(tree);
	if (rc < 0)
		return 0;
	fuzz_hold(n == n_plain);
	fuzz_hold(walk_fuzzed_image(&im, &one, &n_one) == 0 && n_one <= n);
	if (cfs_image_lookup(&im, below.top, &top, NULL) == 0)
		fuzz_hold(walk_fuzzed_image(&im, &below, &n_below) == 0 && n_below < n);
	look_up_names(&im);
	return 0;
}
