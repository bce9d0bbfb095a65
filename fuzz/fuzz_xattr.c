/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* xattrs, as an image stores them and as a dump writes them: decoding, the escapes of overlay's
 * own keys, the header's word about ACLs, and back. The first byte of an input says which of
 * both it is, on what kind of inode, in which format version. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "trip.h"

/* How the line of "/f" goes on, before its xattrs. */
static const char *const kinds[] = {
	"0 100644 1 0 0 0 0.0 - - -",	  "5 100644 1 0 0 0 0.0 ab/cd - -",
	"5 100644 1 0 0 0 0.0 - abcde -", "0 40755 1 0 0 0 0.0 - - -",
	"1 120777 1 0 0 0 0.0 a - -",	  "0 20644 1 0 0 259 0.0 - - -",
	"0 20644 1 0 0 0 0.0 - - -",	  "0 10644 1 0 0 0 0.0 - - -",
};

enum {
	FROM_IMAGE = 1,
	KIND_SHIFT = 1,
	N_KINDS = sizeof(kinds) / sizeof(kinds[0]),
	VERSION_1 = 16,
	LINE_MAX_LEN = 80,
	AREA_MIN = 20, /* header, entry, "x", padding */
	AREA_MAX = 2000,
};

/* The root, and "/f" with the xattrs. Returns NULL when they are refused. */
static struct cfs_tree *parse_xattr_dump(const char *kind, struct cfs_text xattrs)
{
	static const char root[] = "/ 0 40755 1 0 0 0 0.0 - - -\n";
	char *text = malloc(sizeof(root) + LINE_MAX_LEN + xattrs.len);
	struct cfs_tree *t;
	int len;

	fuzz_hold(text);
	len = sprintf(text, "%s/f %s ", root, kind);
	if (xattrs.len)
		memcpy(text + len, xattrs.s, xattrs.len);
	t = trip_parse((struct cfs_text){text, (size_t)len + xattrs.len}, false);
	free(text);
	return t;
}

static bool has_tree_acl(const struct cfs_tree *t)
{
	for (uint32_t i = 0; i < t->n_pairs; i++) {
		struct cfs_text key = t->keys[t->pairs[i].key];

		if (cfs_text_eq(key, CFS_TEXT("system.posix_acl_access")) ||
		    cfs_text_eq(key, CFS_TEXT("system.posix_acl_default")))
			return true;
	}
	return false;
}

static void try_text(const char *kind, uint32_t version, struct cfs_text xattrs)
{
	struct cfs_tree *t = parse_xattr_dump(kind, xattrs);

	if (t)
		trip_through_image(t, version);
	cfs_tree_free(t);
}

/* --- From an image ------------------------------------------------------------------- */

/* An image whose "/f" has xattrs of that length, a multiple of 4. */
static struct cfs_mem format_template(const char *kind, uint32_t version, size_t area_len)
{
	char text[AREA_MAX + 1];
	struct cfs_mem image;
	struct cfs_tree *t;
	size_t len = 7 + area_len - AREA_MIN + 3;

	memset(text, 'v', sizeof(text));
	memcpy(text, "user.x=", 7);
	t = parse_xattr_dump(kind, (struct cfs_text){text, len});
	fuzz_hold(t);
	image = trip_image(t, version);
	fuzz_hold(image.p);
	cfs_tree_free(t);
	return image;
}

/* Reads the xattrs one by one. Returns their number, or -EUCLEAN. */
static int count_xattrs(const struct cfs_image *im, const struct cfs_inode *inode)
{
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	struct cfs_err err = {""};
	int rc, n = 0;

	rc = cfs_raw_xattrs_open(im, inode, &it, &err);
	while (rc >= 0 && (rc = cfs_raw_xattrs_next(&it, &x, &err)) > 0) {
		fuzz_hold(cfs_xattr_prefix(x.index).len + x.suffix.len > 0);
		fuzz_hold(cfs_span_holds(im->bytes, x.value));
		fuzz_hold(x.shared || cfs_span_holds(inode->xattrs, x.value));
		n++;
	}
	fuzz_hold(rc == 0 || (rc == -EUCLEAN && err.msg[0]));
	return rc < 0 ? rc : n;
}

/* What the reader and the loader make of it; what they take goes through an image again. */
static void try_xattr_image(struct cfs_mem image, uint32_t version)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_tree *t = NULL;
	struct cfs_inode inode;
	struct cfs_image im;
	struct cfs_text backing;
	int n, rc, spec_rc, check_rc;

	fuzz_hold(cfs_image_open(cfs_mem_span(&image), &im, NULL) == 0);
	fuzz_hold(cfs_image_lookup(&im, CFS_TEXT("/f"), &inode, NULL) == 0);
	n = count_xattrs(&im, &inode);
	spec_rc = cfs_image_read_spec(&im, &inode, &room, &spec, NULL);
	fuzz_hold(n >= 0 || spec_rc == -EUCLEAN);
	fuzz_hold(spec_rc < 0 || spec.n_xattrs <= (size_t)n);
	rc = cfs_image_read_backing(&im, &inode, &backing, NULL);
	fuzz_hold(rc == 0 || spec_rc < 0);
	fuzz_hold(spec_rc < 0 || !S_ISREG(spec.mode) ||
		  cfs_text_eq(backing, spec.payload));
	cfs_spec_room_fini(&room);
	if (spec_rc < 0)
		return; /* as most are, and the rest takes long */
	fuzz_hold(cfs_image_load(&im, NULL, &t, NULL) == 0);
	check_rc = cfs_image_check(&im, NULL);
	fuzz_hold(check_rc < 0 || im.has_acl == has_tree_acl(t));
	trip_through_image(t, version);
	cfs_tree_free(t);
}

/* The bytes as the xattr area of "/f"; what they refer to can lie in them too. */
static void try_area(const char *kind, uint32_t version, struct cfs_span area)
{
	struct cfs_inode inode;
	struct cfs_mem image;
	struct cfs_image im;

	area.len = cfs_align_down(area.len, 4);
	if (area.len < AREA_MIN || area.len > AREA_MAX)
		return;
	image = format_template(kind, version, area.len);
	fuzz_hold(cfs_image_open(cfs_mem_span(&image), &im, NULL) == 0);
	fuzz_hold(cfs_image_lookup(&im, CFS_TEXT("/f"), &inode, NULL) == 0);
	memcpy(image.p + (inode.xattrs.p - im.bytes.p), area.p,
	       area.len < inode.xattrs.len ? area.len : inode.xattrs.len);
	try_xattr_image(image, version);
	free(image.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span rest, input = {data, len};
	const char *kind;
	uint32_t version;

	if (!cfs_span_sub(input, 1, len - 1, &rest))
		return 0;
	kind = kinds[data[0] >> KIND_SHIFT & (N_KINDS - 1)];
	version = (data[0] & VERSION_1) != 0;
	if (data[0] & FROM_IMAGE)
		try_area(kind, version, rest);
	else
		try_text(kind, version, cfs_span_text(rest));
	return 0;
}
