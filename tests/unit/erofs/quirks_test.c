/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: what a kernel of some version would mishandle in an image is found, and nothing else. */
#include "t.h"

#include <sys/stat.h>

#include "erofs/erofs.h"
#include "erofs/format.h"
#include "erofs/quirks_priv.h"
#include "forge.h"
#include "golden.h"

enum { LEN = 32768, DATA_BLK = 4, BLOCK_END_NID = 2 * EROFS_BLOCK / EROFS_SLOT - 1 };

/* --- Finding ------------------------------------------------------------------------- */

static int scan_inode(const struct cfs_image *im, const struct cfs_walk_entry *e,
		      struct cfs_spec_room *room, struct cfs_kernel_finding *found)
{
	struct cfs_inode_spec spec;
	struct cfs_kernel_look look = {.im = im, .inode = &e->inode, .spec = &spec};
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	int rc = cfs_image_read_spec(im, &e->inode, room, &spec, NULL);

	look.twins = room->twins;
	if (rc == 0)
		rc = cfs_raw_xattrs_open(im, &e->inode, &it, NULL);
	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &x, NULL)) > 0) {
		kernel_look_at_xattr(&look, &x);
		rc = 0;
	}
	if (rc == 0)
		kernel_find_inode(&look, e->path, found);
	return rc;
}

/* The findings of an image that need not pass the check. */
static int scan(const struct cfs_image *im, struct cfs_kernel_finding *found)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_spec_room room = {0};
	int rc = cfs_walk_new(im, NULL, &walk, NULL);

	memset(found, 0, CFS_KERNEL_N_RULES * sizeof(*found));
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, NULL)) > 0)
		rc = e->again ? 0 : scan_inode(im, e, &room, found);
	cfs_spec_room_fini(&room);
	return rc < 0 ? rc : kernel_find_end(im, found, NULL);
}

/* The rules that hit a kernel, each with the number of inodes and the first of them. */
static const char *hits(struct cfs_span bytes, const char *kernel)
{
	static char text[4096];
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	uint32_t version;
	size_t len = 0;

	t_eq(cfs_kernel_parse(kernel, &version, NULL), 0);
	t_eq(cfs_image_open(bytes, &im, NULL), 0);
	t_eq(scan(&im, found), 0);
	text[0] = '\0';
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (found[i].n && cfs_kernel_rule_hits(&cfs_kernel_rules[i], version))
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%s %d %s", len ? ", " : "",
						cfs_kernel_rules[i].name, (int)found[i].n,
						found[i].first);
	return text;
}

static void expect_golden(const char *image, const char *kernel, const char *expected)
{
	size_t len;
	uint8_t *bytes = t_golden(image, &len);

	t_str(hits((struct cfs_span){bytes, len}, kernel), expected);
	free(bytes);
}

#define OLD "5.14"
#define NEW "6.18"

T(images_of_this_writer_need_no_workaround_on_a_new_kernel)
{
	expect_golden("example.v1.cfs", NEW, "");
	expect_golden("types.v1.cfs", NEW, "");
	expect_golden("whiteout.v1.cfs", NEW, "");
	expect_golden("inline-sizes.v1.cfs", NEW, "");
}

T(external_files_and_their_digests_need_newer_kernels)
{
	expect_golden(
		"example.v1.cfs", "5.3",
		"erofs 1 /, chunks 1 /g, block-size 1 /, digests 1 /g, xattr-filter 3 /, "
		"file-backed-mounts 1 /");
	expect_golden("example.v1.cfs", OLD,
		      "chunks 1 /g, block-size 1 /, digests 1 /g, xattr-filter 3 /, "
		      "file-backed-mounts 1 /");
	expect_golden(
		"example.v1.cfs", "5.15",
		"block-size 1 /, digests 1 /g, xattr-filter 3 /, file-backed-mounts 1 /");
	expect_golden("example.v1.cfs", "6.4",
		      "digests 1 /g, xattr-filter 3 /, file-backed-mounts 1 /");
	expect_golden("example.v1.cfs", "6.6", "file-backed-mounts 1 /");
	expect_golden("example.v1.cfs", "6.12", "");
	expect_golden("minimal.v1.cfs", "6.5",
		      "xattr-filter 1 /, file-backed-mounts 1 /");
}

T(escaped_xattrs_and_whiteouts_need_6_7)
{
	expect_golden("escape-overlay.v1.cfs", "6.6",
		      "escaped-xattrs 5 /, file-backed-mounts 1 /, hidden-xattrs 1 /a");
	expect_golden("escape-overlay.v1.cfs", "6.7",
		      "file-backed-mounts 1 /, hidden-xattrs 1 /a");
	expect_golden("whiteout.v1.cfs", "6.6",
		      "whiteouts 1 /d/w, file-backed-mounts 1 /");
	expect_golden("whiteout.v1.cfs", "6.7", "file-backed-mounts 1 /");
}

T(whiteouts_of_format_0_work_with_one_kernel)
{
	expect_golden("whiteout.v0.cfs", "6.6",
		      "whiteouts 1 /d/w, file-backed-mounts 1 /");
	expect_golden("whiteout.v0.cfs", "6.7", "file-backed-mounts 1 /");
	expect_golden("whiteout.v0.cfs", "6.8",
		      "whiteouts-of-format-0 1 /d, file-backed-mounts 1 /");
	expect_golden("whiteout.v0.cfs", NEW, "whiteouts-of-format-0 1 /d");
}

/* --- Layouts that our writer avoids -------------------------------------------------- */

/* An image of format 2 with one entry "f" at that inode. */
static void begin(struct forge *f, uint64_t nid, uint8_t file_type)
{
	struct forge_entry entry = {"f", nid, file_type};

	forge_init(f, 2, LEN, DATA_BLK);
	forge_root(f, &entry, 1);
}

static void expect_forged(struct forge *f, const char *kernel, const char *expected)
{
	t_str(hits(forge_span(f), kernel), expected);
}

T(symlink_whose_target_is_in_the_next_block_needs_6_12)
{
	struct forge f;

	begin(&f, BLOCK_END_NID, EROFS_FT_LNK);
	forge_inode(&f, BLOCK_END_NID, S_IFLNK | 0777, EROFS_LAYOUT_INLINE, 6, 0, 0);
	memcpy(f.p + 2 * EROFS_BLOCK, "target", 6);
	expect_forged(&f, "6.11", "symlink-across-blocks 1 /f, file-backed-mounts 1 /");
	expect_forged(&f, "6.12", "");
	forge_fini(&f);
}

T(symlink_in_one_block_works_with_every_kernel)
{
	struct forge f;

	begin(&f, BLOCK_END_NID - 1, EROFS_FT_LNK);
	forge_inode(&f, BLOCK_END_NID - 1, S_IFLNK | 0777, EROFS_LAYOUT_INLINE, 32, 0, 0);
	memset(f.p + 2 * EROFS_BLOCK - 32, 't', 32);
	expect_forged(&f, "6.11", "file-backed-mounts 1 /");
	forge_fini(&f);
}

static void make_extended(struct forge *f, uint64_t nid)
{
	uint8_t *p = f->p + nid * EROFS_SLOT;

	cfs_put_le16(p, EROFS_EXTENDED | EROFS_LAYOUT_PLAIN << EROFS_LAYOUT_SHIFT);
	cfs_put_le16(p + offsetof(struct erofs_inode_extended, i_mode), S_IFREG | 0644);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_nlink), 1);
}

T(extended_inode_across_blocks_needs_5_10)
{
	struct forge f;

	begin(&f, BLOCK_END_NID, EROFS_FT_REG);
	make_extended(&f, BLOCK_END_NID);
	expect_forged(&f, "5.9",
		      "extended-inode-across-blocks 1 /f, block-size 1 /, "
		      "file-backed-mounts 1 /");
	expect_forged(&f, "5.10", "block-size 1 /, file-backed-mounts 1 /");
	forge_fini(&f);
	begin(&f, BLOCK_END_NID - 1, EROFS_FT_REG);
	make_extended(&f, BLOCK_END_NID - 1);
	expect_forged(&f, "5.9", "block-size 1 /, file-backed-mounts 1 /");
	forge_fini(&f);
}

enum { EXTERNAL_NID = BLOCK_END_NID - 3 };

/* An external file, with metacopy and that redirect. */
static void make_external(struct forge *f, const char *redirect)
{
	uint64_t off = EXTERNAL_NID * EROFS_SLOT + 32 + 12;
	size_t len = forge_xattr(f, off, EROFS_XATTR_TRUSTED, "overlay.metacopy",
				 (struct cfs_span){(const uint8_t *)"", 0});

	len += forge_xattr(
		f, off + len, EROFS_XATTR_TRUSTED, "overlay.redirect",
		(struct cfs_span){(const uint8_t *)redirect, strlen(redirect)});
	cfs_put_le32(f->p + off + len, EROFS_NULL_ADDR);
	forge_inode(f, EXTERNAL_NID, S_IFREG | 0644, EROFS_LAYOUT_CHUNK, 100, 0,
		    (uint16_t)(1 + len / 4));
}

T(root_without_whiteouts_shows_the_objects_before_6_5)
{
	struct forge f;

	begin(&f, EXTERNAL_NID, EROFS_FT_REG);
	make_external(&f, "/x");
	expect_forged(
		&f, "6.4",
		"object-directories 1 /f, xattr-filter 1 /f, file-backed-mounts 1 /");
	expect_forged(&f, "6.5", "xattr-filter 1 /f, file-backed-mounts 1 /");
	forge_fini(&f);
}

T(device_0_0_of_format_2_is_hidden_by_every_kernel)
{
	struct forge f;

	begin(&f, BLOCK_END_NID, EROFS_FT_CHR);
	forge_inode(&f, BLOCK_END_NID, S_IFCHR | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 0);
	expect_forged(&f, NEW, "device-0-0 1 /f");
	forge_inode(&f, BLOCK_END_NID, S_IFCHR | 0644, EROFS_LAYOUT_PLAIN, 0, 1, 0);
	expect_forged(&f, NEW, "");
	forge_fini(&f);
}

/* --- What no kernel shows as the image says ------------------------------------------ */

#define REGULAR S_IFREG | 0644

/* A file of that mode with one xattr, by the rules that hit every kernel. */
static const char *hits_of_xattr(uint32_t mode, uint8_t file_type, uint8_t index,
				 const char *suffix, const char *value, size_t value_len)
{
	static const char *rules;
	struct forge f;
	size_t len;

	begin(&f, EXTERNAL_NID, file_type);
	len = forge_xattr(&f, EXTERNAL_NID * EROFS_SLOT + 32 + 12, index, suffix,
			  (struct cfs_span){(const uint8_t *)value, value_len});
	forge_inode(&f, EXTERNAL_NID, mode, EROFS_LAYOUT_PLAIN, 0, S_ISCHR(mode) ? 1 : 0,
		    (uint16_t)(1 + len / 4));
	rules = hits(forge_span(&f), NEW);
	forge_fini(&f);
	return rules;
}

T(xattrs_that_no_kernel_shows_are_reported)
{
	static const struct {
		uint8_t index;
		const char *suffix;
		bool shown;
	} rows[] = {
		{EROFS_XATTR_USER, "a", true},
		{EROFS_XATTR_SECURITY, "a", true},
		{EROFS_XATTR_TRUSTED, "overlay", true},
		{EROFS_XATTR_TRUSTED, "overlay.overlay.a", true},
		{EROFS_XATTR_USER, "", false},
		{EROFS_XATTR_TRUSTED, "", false},
		{EROFS_XATTR_SECURITY, "", false},
		{EROFS_XATTR_TRUSTED, "overlay.overlay.", false},
		{EROFS_XATTR_LUSTRE, "lov", false},
		{EROFS_XATTR_NONE, "lustre.lov", false},
		{EROFS_XATTR_NONE, "nodot", false},
		{EROFS_XATTR_NONE, "system.nfs4_acl", false},
		{EROFS_XATTR_ACL_ACCESS, "X", false},
		{EROFS_XATTR_ACL_DEFAULT, "X", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = hits_of_xattr(REGULAR, EROFS_FT_REG, rows[i].index,
						rows[i].suffix, "v", 1);

		t_eq(strstr(got, "hidden-xattrs") == NULL, rows[i].shown);
	}
	t_str(hits_of_xattr(S_IFCHR | 0644, EROFS_FT_CHR, EROFS_XATTR_USER, "a", "v", 1),
	      "user-xattrs 1 /f");
	t_str(hits_of_xattr(S_IFCHR | 0644, EROFS_FT_CHR, EROFS_XATTR_TRUSTED, "a", "v",
			    1),
	      "");
}

/* One entry of an ACL: tag, permissions, and an ID, or none. */
#define ACL_ENTRY(tag, perm, id) tag "\0" perm "\0" id
#define NO_ID			 "\xff\xff\xff\xff"
#define AN_ID			 "\xe8\x03\0\0"
#define ACL_HEAD		 "\2\0\0\0"
#define OWNER			 ACL_ENTRY("\1", "\7", NO_ID)
#define USER			 ACL_ENTRY("\2", "\5", AN_ID)
#define GROUP			 ACL_ENTRY("\4", "\5", NO_ID)
#define NAMED_GROUP		 ACL_ENTRY("\x8", "\5", AN_ID)
#define MASK			 ACL_ENTRY("\x10", "\5", NO_ID)
#define OTHERS			 ACL_ENTRY("\x20", "\4", NO_ID)

struct value_row {
	const char *value;
	size_t len;
	bool good;
};

#define VALUE(text, is_good)                                                             \
	{                                                                                \
		text, sizeof(text) - 1, is_good                                          \
	}

T(acls_that_no_kernel_accepts_are_reported)
{
	static const struct value_row rows[] = {
		VALUE(ACL_HEAD OWNER GROUP OTHERS, true),
		VALUE(ACL_HEAD OWNER USER USER GROUP MASK OTHERS, true),
		VALUE(ACL_HEAD OWNER GROUP NAMED_GROUP MASK OTHERS, true),
		VALUE(ACL_HEAD OWNER GROUP MASK OTHERS, true),
		VALUE("", false),
		VALUE("v6", false),
		VALUE(ACL_HEAD, false),
		VALUE("\1\0\0\0" OWNER GROUP OTHERS, false),
		VALUE(ACL_HEAD OWNER GROUP OTHERS "x", false),
		VALUE(ACL_HEAD OWNER, false),
		VALUE(ACL_HEAD OWNER GROUP, false),
		VALUE(ACL_HEAD GROUP OWNER OTHERS, false),
		VALUE(ACL_HEAD OWNER USER GROUP OTHERS, true), /* no mask */
		VALUE(ACL_HEAD OWNER OWNER GROUP OTHERS, false),
		VALUE(ACL_HEAD OWNER GROUP OTHERS OTHERS, false),
		VALUE(ACL_HEAD OWNER ACL_ENTRY("\4", "\x8", NO_ID) OTHERS, false),
		VALUE(ACL_HEAD OWNER ACL_ENTRY("\4", "\5", AN_ID) OTHERS, false),
		VALUE(ACL_HEAD OWNER ACL_ENTRY("\2", "\5", NO_ID) GROUP MASK OTHERS,
		      false),
		VALUE(ACL_HEAD OWNER GROUP ACL_ENTRY("\x40", "\5", NO_ID), false),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		t_str(hits_of_xattr(REGULAR, EROFS_FT_REG, EROFS_XATTR_ACL_ACCESS, "",
				    rows[i].value, rows[i].len),
		      rows[i].good ? "" : "acls 1 /f");
	t_str(hits_of_xattr(REGULAR, EROFS_FT_REG, EROFS_XATTR_ACL_DEFAULT, "",
			    rows[0].value, rows[0].len),
	      "acls 1 /f");
}

T(capabilities_that_no_kernel_accepts_are_reported)
{
	static const struct value_row rows[] = {
		VALUE("\1\0\0\2"
		      "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		      true),
		VALUE("\0\0\0\3"
		      "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		      "\5\0\0\0",
		      true),
		VALUE("\0\0\0\3"
		      "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		      "\0\0\0\0",
		      false),
		VALUE("\0\0\0\2"
		      "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		      "\5\0\0\0",
		      false),
		VALUE("\2\0\0\2"
		      "\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		      false),
		VALUE("\1\0\0\2", false),
		VALUE("", false),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		t_str(hits_of_xattr(REGULAR, EROFS_FT_REG, EROFS_XATTR_SECURITY,
				    "capability", rows[i].value, rows[i].len),
		      rows[i].good ? "" : "capabilities 1 /f");
}

T(times_and_owners_that_no_kernel_shows_are_reported)
{
	uint8_t *p;
	struct forge f;

	begin(&f, EXTERNAL_NID, EROFS_FT_REG);
	make_extended(&f, EXTERNAL_NID);
	p = f.p + EXTERNAL_NID * EROFS_SLOT;
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_mtime_nsec), 999999999);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_uid), UINT32_MAX - 1);
	expect_forged(&f, NEW, "");
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_mtime_nsec), 1000000000);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_uid), UINT32_MAX);
	expect_forged(&f, NEW, "nanoseconds 1 /f, owners 1 /f");
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_uid), 0);
	cfs_put_le32(p + offsetof(struct erofs_inode_extended, i_gid), UINT32_MAX);
	expect_forged(&f, NEW, "nanoseconds 1 /f, owners 1 /f");
	forge_fini(&f);
}

T(backing_paths_that_no_kernel_resolves_are_reported)
{
	static const struct {
		const char *redirect;
		bool good;
	} rows[] = {{"/a", true},     {"/a/b", true},	{"/..a", true}, {"/", false},
		    {"//a", false},   {"/a//b", false}, {"/a/", false}, {"/..", false},
		    {"/a/..", false}, {"/../a", false}, {"/.", false},	{"/./a", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct forge f;

		begin(&f, EXTERNAL_NID, EROFS_FT_REG);
		make_external(&f, rows[i].redirect);
		expect_forged(&f, NEW, rows[i].good ? "" : "backing-paths 1 /f");
		forge_fini(&f);
	}
}

static int fits_all(const char *image, struct cfs_err *err)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	size_t len;
	uint8_t *bytes = t_golden(image, &len);

	t_eq(cfs_image_open((struct cfs_span){bytes, len}, &im, NULL), 0);
	t_eq(cfs_image_check_kernels(&im, found, NULL, NULL), 0);
	free(bytes);
	return cfs_kernel_fits_all(found, err);
}

T(images_for_all_kernels_differ_from_images_for_none)
{
	struct cfs_err err;

	t_eq(fits_all("example.v1.cfs", &err), 0);
	t_eq(fits_all("xattr-prefixes.v1.cfs", &err), -EUCLEAN);
	t_str(err.msg, "Linux does not show xattrs with such keys (hidden-xattrs: the "
		       "first is /all)");
}

/* The devices 0/0 of the root that hide the object directories are the writer's. */
T(the_check_and_the_rules_agree_about_hidden_inodes)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES], again[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	size_t len;
	uint8_t *bytes = t_golden("example.v0.cfs", &len);

	t_eq(cfs_image_open((struct cfs_span){bytes, len}, &im, NULL), 0);
	t_eq(cfs_image_check_kernels(&im, found, NULL, NULL), 0);
	t_eq(scan(&im, again), 0);
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++) {
		t_eq(found[i].n, again[i].n);
		t_str(found[i].first, again[i].first);
	}
	free(bytes);
}

T(a_damaged_image_is_an_error_and_not_a_finding)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	struct forge f;

	begin(&f, LEN, EROFS_FT_REG);
	t_eq(cfs_image_open(forge_span(&f), &im, NULL), 0);
	t_eq(scan(&im, found), -EUCLEAN);
	forge_fini(&f);
}

/* --- Rules and versions -------------------------------------------------------------- */

T(names_of_rules_are_different_and_ranges_not_empty)
{
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++) {
		t_ok(cfs_kernel_rules[i].name && cfs_kernel_rules[i].wrong);
		t_ok(cfs_kernel_rules[i].from < cfs_kernel_rules[i].fixed);
		for (size_t k = 0; k < i; k++)
			t_ok(strcmp(cfs_kernel_rules[i].name, cfs_kernel_rules[k].name));
	}
}

T(versions_are_two_numbers_and_whatever_uname_adds)
{
	static const char *const good[] = {
		"5.14", "5.14.0", "5.14-rc1", "5.14+", "5.14.0-427.el9.x86_64", "05.014"};
	uint32_t version;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t_eq(cfs_kernel_parse(good[i], &version, NULL), 0);
		t_eq(version, CFS_KERNEL_VERSION(5, 14));
	}
	t_ok(CFS_KERNEL_VERSION(5, 14) < CFS_KERNEL_VERSION(6, 0));
	t_ok(CFS_KERNEL_VERSION(6, 9) < CFS_KERNEL_VERSION(6, 12));
}

T(other_versions_are_refused_with_a_message)
{
	static const char *const bad[] = {"",	     "5",	 "5.",	       ".14",
					  "5.x",     "v5.14",	 " 5.14",      "-5.14",
					  "5.14x",   "5,14",	 "5.-14",      "5. 14",
					  "65536.0", "5.65536",	 "5.123456",   "latest",
					  "5.14 ",   "0x5.0x14", "999999999.9"};
	struct cfs_err err;
	uint32_t version;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_eq(cfs_kernel_parse(bad[i], &version, &err), -EINVAL);
		t_has(err.msg, "kernel version: expected a version such as 5.14, got \"");
	}
}
