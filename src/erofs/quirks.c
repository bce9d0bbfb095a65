/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of what kernels mishandle, and the evaluation of its rules. */
#include "erofs/quirks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "erofs/erofs_priv.h"
#include "erofs/format.h"
#include "erofs/dir.h"
#include "erofs/image_priv.h"
#include "erofs/kernel_xattr.h"
#include "erofs/quirks_priv.h"

#define V CFS_KERNEL_VERSION

/* --- Predicates of the rules --------------------------------------------------------- */

static uint64_t head_len(const struct cfs_inode *inode)
{
	return inode->len - inode->xattrs.len - inode->tail.len;
}

static bool always_once(const struct cfs_kernel_look *l)
{
	return l->inode->nid == l->im->root_nid;
}

static bool has_split_head(const struct cfs_kernel_look *l)
{
	return l->inode->off % EROFS_BLOCK + head_len(l->inode) > EROFS_BLOCK;
}

static bool is_external_file(const struct cfs_kernel_look *l)
{
	return l->inode->external;
}

/* Cleared by kernel_find_end when the root hides every object directory. */
static bool shows_objects(const struct cfs_kernel_look *l)
{
	return l->inode->external;
}

static bool has_inode_digest(const struct cfs_kernel_look *l)
{
	return l->digest;
}

static bool has_xattrs(const struct cfs_kernel_look *l)
{
	return l->inode->xattrs.len > 0;
}

static bool has_escaped(const struct cfs_kernel_look *l)
{
	return l->escaped;
}

static bool is_whiteout(const struct cfs_kernel_look *l)
{
	return l->im->rules->whiteouts_escaped && l->whiteout && S_ISREG(l->inode->mode);
}

static bool has_old_whiteouts(const struct cfs_kernel_look *l)
{
	return l->im->rules->whiteouts_escaped && l->whiteouts && !l->opaque &&
	       S_ISDIR(l->inode->mode);
}

/* Such a kernel requires the end of the target in the block where the head of the inode ends. */
static bool has_far_target(const struct cfs_kernel_look *l)
{
	const struct cfs_inode *i = l->inode;
	uint64_t at = i->off % EROFS_BLOCK + head_len(i);

	if (at > EROFS_BLOCK)
		at -= EROFS_BLOCK;
	return S_ISLNK(i->mode) && i->tail.len &&
	       at + i->xattrs.len + i->size > EROFS_BLOCK;
}

static bool is_device_0_0(const struct cfs_kernel_look *l)
{
	return S_ISCHR(l->inode->mode) && l->inode->rdev == 0;
}

/* --- Predicates that hold for all kernels -------------------------------------------- */

/* Whether the predicate holds for an xattr of the inode. */
static bool has_xattr(const struct cfs_kernel_look *l,
		      bool (*holds)(const struct cfs_kernel_look *l,
				    const struct cfs_xattr *x))
{
	for (size_t i = 0; i < l->spec->n_xattrs; i++)
		if (holds(l, &l->spec->xattrs[i]))
			return true;
	return false;
}

static bool is_hidden_key(const struct cfs_kernel_look *l, const struct cfs_xattr *x)
{
	(void)l;
	return !kernel_shows_key(x->key);
}

static bool has_hidden_key(const struct cfs_kernel_look *l)
{
	return has_xattr(l, is_hidden_key);
}

static bool is_user_key(const struct cfs_kernel_look *l, const struct cfs_xattr *x)
{
	(void)l;
	return cfs_text_has_prefix(x->key, CFS_TEXT("user."));
}

static bool has_user_key_elsewhere(const struct cfs_kernel_look *l)
{
	return !S_ISREG(l->inode->mode) && !S_ISDIR(l->inode->mode) &&
	       has_xattr(l, is_user_key);
}

static bool is_bad_acl(const struct cfs_kernel_look *l, const struct cfs_xattr *x)
{
	return kernel_is_acl(x->key) &&
	       !kernel_takes_acl(x->key, x->value, l->inode->mode);
}

static bool has_bad_acl(const struct cfs_kernel_look *l)
{
	return has_xattr(l, is_bad_acl);
}

static bool is_bad_capability(const struct cfs_kernel_look *l, const struct cfs_xattr *x)
{
	(void)l;
	return kernel_is_capability(x->key) && !kernel_takes_capability(x->value);
}

static bool has_bad_capability(const struct cfs_kernel_look *l)
{
	return has_xattr(l, is_bad_capability);
}

static bool has_whole_second(const struct cfs_kernel_look *l)
{
	return l->inode->mtime_nsec >= 1000000000;
}

static bool has_no_owner(const struct cfs_kernel_look *l)
{
	return l->inode->uid == UINT32_MAX || l->inode->gid == UINT32_MAX;
}

static bool has_no_object(const struct cfs_kernel_look *l)
{
	return l->inode->external && !kernel_finds_path(l->spec->payload);
}

static bool has_twins(const struct cfs_kernel_look *l)
{
	return l->twins;
}

/* --- The rules ----------------------------------------------------------------------- */

/* A quoted title is that of the commit in the kernel that changed it; the version is the release with it. */
const struct cfs_kernel_rule cfs_kernel_rules[CFS_KERNEL_N_RULES] = {
	{"erofs", always_once, 0, V(5, 4), CFS_KERNEL_REFUSES, "has no EROFS"},
	/* "erofs: fix extended inode could cross boundary" */
	{"extended-inode-across-blocks", has_split_head, 0, V(5, 10), CFS_KERNEL_MISLEADS,
	 "reads the second half of such an inode from the wrong place"},
	/* "erofs: add support of chunk-based files". The superblock of a composefs image has no feature bit for them,
	 * so the mount succeeds and each file fails. */
	{"chunks", is_external_file, 0, V(5, 15), CFS_KERNEL_REFUSES,
	 "does not know the layout of external files and fails to look them up"},
	/* "erofs: support sub-page block size for uncompressed files" */
	{"block-size", always_once, 0, V(6, 4), CFS_KERNEL_COPES,
	 "mounts it only where memory pages have 4096 bytes"},
	/* "ovl: introduce data-only lower layers": before, objects are in an ordinary layer, whose names are visible
	 * unless the root hides them. */
	{"object-directories", shows_objects, 0, V(6, 5), CFS_KERNEL_MISLEADS,
	 "shows the directories of the objects: nothing in the root hides them"},
	/* "ovl: Validate verity xattr when resolving lowerdata" */
	{"digests", has_inode_digest, 0, V(6, 6), CFS_KERNEL_COPES,
	 "does not compare the digests of the objects with those in the image"},
	/* "erofs: boost negative xattr lookup with bloom filter" */
	{"xattr-filter", has_xattrs, 0, V(6, 6), CFS_KERNEL_COPES,
	 "ignores the filters of xattrs and looks for absent ones the long way"},
	/* "ovl: Support escaped overlay.* xattrs" */
	{"escaped-xattrs", has_escaped, 0, V(6, 7), CFS_KERNEL_MISLEADS,
	 "hides the xattrs trusted.overlay.* of the tree"},
	/* "ovl: Add an alternative type of whiteout" */
	{"whiteouts", is_whiteout, 0, V(6, 7), CFS_KERNEL_MISLEADS,
	 "shows an empty file where the tree has a whiteout"},
	/* "ovl: mark xwhiteouts directory with overlay.opaque='x'": the mark of 6.7 and format 0 is ignored since.
	 * Observed on 6.18, in an overlay mount whose lower layer is such a tree. */
	{"whiteouts-of-format-0", has_old_whiteouts, V(6, 8), CFS_KERNEL_NEVER,
	 CFS_KERNEL_MISLEADS,
	 "lists the names that the whiteouts of such a directory hide"},
	/* "erofs: fix incorrect symlink detection in fast symlink" */
	{"symlink-across-blocks", has_far_target, 0, V(6, 12), CFS_KERNEL_REFUSES,
	 "takes a target that is not in the block of its inode for damage"},
	/* "erofs: add file-backed mount support" */
	{"file-backed-mounts", always_once, 0, V(6, 12), CFS_KERNEL_COPES,
	 "needs a loop device to mount it"},
	/* Documentation/filesystems/overlayfs.rst: a whiteout is a device 0/0, in whatever layer. */
	{"device-0-0", is_device_0_0, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "takes a device 0/0 of the tree for a whiteout of its own, and hides it"},
	/* Each observed on 6.18: tests/root/kernel_differ.c. */
	{"hidden-xattrs", has_hidden_key, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "does not show xattrs with such keys"},
	{"user-xattrs", has_user_key_elsewhere, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "shows xattrs user.* of files and directories alone"},
	{"acls", has_bad_acl, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "does not understand such an ACL, and lets only root open the file"},
	{"capabilities", has_bad_capability, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "does not understand such capabilities, or shows them otherwise"},
	{"nanoseconds", has_whole_second, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "shows an mtime whose nanoseconds are a second or more"},
	{"owners", has_no_owner, 0, CFS_KERNEL_NEVER, CFS_KERNEL_MISLEADS,
	 "takes 4294967295 for no user or group, and shows another one"},
	{"backing-paths", has_no_object, 0, CFS_KERNEL_NEVER, CFS_KERNEL_REFUSES,
	 "finds no object under such a backing path, or there is none"},
	{"twin-xattrs", has_twins, 0, CFS_KERNEL_NEVER, CFS_KERNEL_COPES,
	 "lists an xattr twice, and gives its first value"},
};

/* --- Finding ------------------------------------------------------------------------- */

/* Escaped keys that the writer added are not xattrs of the tree. */
void kernel_look_at_xattr(struct cfs_kernel_look *look, const struct cfs_raw_xattr *x)
{
	struct cfs_text name = cfs_raw_xattr_get_rest(x, CFS_TEXT(CFS_OVERLAY_PREFIX));
	const size_t escape_len = sizeof(CFS_ESCAPE) - 1;

	if (!name.s)
		return; /* the usual case */
	if (cfs_text_eq(name, CFS_TEXT("metacopy")))
		look->digest = x->value.len > 0;
	if (!cfs_text_has_prefix(name, CFS_TEXT(CFS_ESCAPE)))
		return;
	name = (struct cfs_text){name.s + escape_len, name.len - escape_len};
	if (cfs_text_eq(name, CFS_TEXT("whiteout")))
		look->whiteout = true;
	else if (cfs_text_eq(name, CFS_TEXT("whiteouts")))
		look->whiteouts = true;
	else if (cfs_text_eq(name, CFS_TEXT("opaque")) &&
		 cfs_text_eq(cfs_span_text(x->value), CFS_TEXT("x")))
		look->opaque = true;
	else
		look->escaped = true;
}

/* Sets *bare when the root lacks one of the names 00 to ff, so that overlayfs would show an object directory. */
static int find_bare_root(const struct cfs_image *im, bool *bare, struct cfs_err *err)
{
	struct cfs_dirent entry;
	struct cfs_inode root;
	char name[3];
	int rc = cfs_image_read_inode(im, im->root_nid, &root, err);

	*bare = false;
	for (unsigned i = 0; rc >= 0 && i < 256 && !*bare; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		rc = cfs_dir_find(im, &root, cfs_text(name), &entry, err);
		*bare = rc == 0;
	}
	return rc < 0 ? rc : 0;
}

static void add_kernel_finding(struct cfs_kernel_finding *f, struct cfs_text path)
{
	if (f->n++ == 0)
		snprintf(f->first, sizeof(f->first), "%.*s", (int)path.len, path.s);
}

void kernel_find_inode(struct cfs_kernel_look *look, struct cfs_text path,
		       struct cfs_kernel_finding *out)
{
	/* The mark of a directory with whiteouts; without the other mark it is an xattr of the tree. */
	if (look->opaque && !look->whiteouts)
		look->escaped = true;
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (cfs_kernel_rules[i].is_about(look))
			add_kernel_finding(&out[i], path);
}

int kernel_find_end(const struct cfs_image *im, struct cfs_kernel_finding *out,
		    struct cfs_err *err)
{
	bool bare;
	int rc = find_bare_root(im, &bare, err);

	for (size_t i = 0; rc == 0 && !bare && i < CFS_KERNEL_N_RULES; i++)
		if (cfs_kernel_rules[i].is_about == shows_objects)
			out[i] = (struct cfs_kernel_finding){0};
	return rc;
}

int cfs_kernel_fits_all(const struct cfs_kernel_finding found[CFS_KERNEL_N_RULES],
			struct cfs_err *err)
{
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (found[i].n && cfs_kernel_rule_hits_all(&cfs_kernel_rules[i]) &&
		    cfs_kernel_rules[i].effect != CFS_KERNEL_COPES)
			return cfs_fail(err, EUCLEAN, "Linux %s (%s: the first is %s)",
					cfs_kernel_rules[i].wrong,
					cfs_kernel_rules[i].name, found[i].first);
	return 0;
}

/* --- Versions ------------------------------------------------------------------------ */

/* Parses a decimal number of at most five digits that fits 16 bits; NULL when there is none. */
static const char *parse_version_number(const char *text, uint32_t *out)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5)
		return NULL;
	*out = (uint32_t)strtoul(text, NULL, 10);
	return *out <= UINT16_MAX ? text + n : NULL;
}

int cfs_kernel_parse(const char *text, uint32_t *out, struct cfs_err *err)
{
	uint32_t major, minor;
	const char *rest = parse_version_number(text, &major);

	if (rest)
		rest = *rest == '.' ? parse_version_number(rest + 1, &minor) : NULL;
	if (!rest || (*rest && !strchr(".-+", *rest)))
		return cfs_fail(
			err, EINVAL,
			"kernel version: expected a version such as 5.14, got \"%s\"",
			text);
	*out = CFS_KERNEL_VERSION(major, minor);
	return 0;
}
