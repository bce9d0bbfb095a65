/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: damaged and hostile images are refused with one sentence that says where and why. */
#include "t.h"

#include "erofs/erofs.h"
#include "golden.h"

/* Everything a reader does, in the order in which tools do it. */
static int read_all(struct cfs_span bytes, struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	struct cfs_image im;
	int rc = cfs_image_open(bytes, &im, err);

	if (rc == 0)
		rc = cfs_walk_new(&im, &opts, &walk, err);
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = cfs_image_read_spec(&im, &e->inode, &room, &spec, err);
	cfs_spec_room_fini(&room);
	return rc;
}

static int check_all(struct cfs_span bytes, struct cfs_err *err)
{
	struct cfs_image im;
	int rc = cfs_image_open(bytes, &im, err);

	return rc < 0 ? rc : cfs_image_check(&im, err);
}

/* Bytes to change. With a path, off counts from its inode. */
struct edit {
	const char *path;
	uint32_t off;
	uint8_t width; /* 0: no edit */
	uint64_t value;
};

enum { EDITS_MAX = 4 };

struct hostile {
	const char *image;
	struct edit edits[EDITS_MAX];
	const char *expected;
};

static void apply(uint8_t *bytes, size_t len, const struct edit *edit)
{
	struct cfs_span all = {bytes, len};
	struct cfs_inode inode = {0};
	struct cfs_image im;
	uint64_t off;

	if (edit->path) {
		t_eq(cfs_image_open(all, &im, NULL), 0);
		t_eq(cfs_image_lookup(&im, cfs_text(edit->path), &inode, NULL), 0);
	}
	off = inode.off + edit->off;
	t_ok(off + edit->width <= len);
	for (int i = 0; i < edit->width; i++)
		bytes[off + i] = (uint8_t)(edit->value >> 8 * i);
}

/* Runs a row. Edits are made from the last to the first, so that a path is looked up before the
 * way to it is damaged. */
static void run_row(const struct hostile *row,
		    int (*read)(struct cfs_span, struct cfs_err *))
{
	struct cfs_err err = {""};
	uint8_t *bytes;
	size_t len;
	int rc;

	bytes = t_golden(row->image, &len);
	for (int i = EDITS_MAX - 1; i >= 0; i--)
		if (row->edits[i].width)
			apply(bytes, len, &row->edits[i]);
	rc = read((struct cfs_span){bytes, len}, &err);
	free(bytes);
	if (rc != -EUCLEAN)
		t_fail(__FILE__, __LINE__, "got %d \"%s\", expected \"%s\"", rc, err.msg,
		       row->expected ? row->expected : "-EUCLEAN");
	if (row->expected)
		t_str(err.msg, row->expected);
}

enum { SB = 1024, ROOT = 0x480, BLOCK = 0x3000, G = 0x2520 };

#define EXAMPLE "example.v1.cfs"
#define SHARED	"xattr-shared-order.v1.cfs"
#define LINKS	"hardlinks.v1.cfs"
#define SIZES	"inline-sizes.v1.cfs"

/* Of the example: "g" is an external file, "f" has inline content and an xattr; the root's entries are
 * in one block: ".", "..", "00" to "ef", "f", "f0" to "ff", "g". */
static const struct hostile reader_rows[] = {
	/* header and superblock */
	{EXAMPLE, {{NULL, 8, 4, 2}}, "header: reserved bits in flags 2 at offset 8"},
	{EXAMPLE, {{NULL, 31, 1, 1}}, "header: reserved bytes at offset 16 are not 0"},
	{EXAMPLE,
	 {{NULL, SB + 8, 4, 7}},
	 "superblock at offset 1032: unknown compatible features 1"},
	{EXAMPLE,
	 {{NULL, SB + 80, 4, 4}},
	 "superblock at offset 1104: unknown incompatible features 4"},
	{EXAMPLE,
	 {{NULL, SB + 12, 1, 9}},
	 "superblock at offset 1036: expected blocks of 2^12 bytes, got 2^9"},
	{EXAMPLE,
	 {{NULL, SB + 13, 1, 1}},
	 "superblock at offset 1037: reserved byte is not 0"},
	{EXAMPLE,
	 {{NULL, SB + 127, 1, 1}},
	 "superblock at offset 1108: reserved bytes are not 0"},
	{EXAMPLE,
	 {{NULL, SB + 36, 4, 5}},
	 "superblock at offset 1060: says 5 blocks of 4096 bytes, but the image has "
	 "16384 bytes"},
	{EXAMPLE,
	 {{NULL, SB + 36, 4, 3}},
	 "superblock at offset 1060: says 3 blocks of 4096 bytes, but the image has "
	 "16384 bytes"},
	{EXAMPLE,
	 {{NULL, SB + 40, 4, 4}},
	 "superblock at offset 1064: meta_blkaddr 4 is outside the image of 16384 bytes"},
	{EXAMPLE,
	 {{NULL, SB + 44, 4, UINT32_MAX}},
	 "superblock at offset 1068: xattr_blkaddr 4294967295 is outside the image of "
	 "16384 bytes"},
	{EXAMPLE,
	 {{NULL, SB + 14, 2, 0}},
	 "superblock at offset 1038: root: inode 0 at offset 0: offset 0 is in the "
	 "superblock"},
	{EXAMPLE,
	 {{NULL, SB + 14, 2, 35}},
	 "root: inode 35 at offset 1120: offset 1120 is in the superblock"},
	{EXAMPLE,
	 {{NULL, SB + 14, 2, UINT16_MAX}},
	 "superblock at offset 1038: root: inode 65535: its offset is outside the image "
	 "of "
	 "16384 bytes"},
	{EXAMPLE,
	 {{NULL, SB + 14, 2, 38}},
	 "superblock at offset 1038: root inode 38 is not a directory"},
	/* inodes */
	{EXAMPLE, {{"g", 0, 2, 0x0a}}, "inode 297 at offset 9504: unknown format a"},
	{EXAMPLE, {{"g", 0, 2, 0x18}}, "inode 297 at offset 9504: unknown format 18"},
	{EXAMPLE,
	 {{"g", 12, 4, 1}},
	 "inode 297 at offset 9504: reserved bytes are not 0"},
	{EXAMPLE,
	 {{"g", 28, 4, 1}},
	 "inode 297 at offset 9504: reserved bytes are not 0"},
	{EXAMPLE, {{"f", 6, 2, 1}}, "inode 278 at offset 8896: reserved bytes are not 0"},
	{EXAMPLE,
	 {{"f", 63, 1, 1}},
	 "inode 278 at offset 8896: reserved bytes are not 0"},
	{EXAMPLE,
	 {{"g", 4, 2, 0644}},
	 "inode 297 at offset 9504: mode 644 has no file type"},
	{EXAMPLE,
	 {{"g", 2, 2, UINT16_MAX}},
	 "inode 297 at offset 9504: xattrs of 262148 bytes at offset 9536 end outside "
	 "the image"},
	{EXAMPLE,
	 {{"g", 8, 4, 1 << 28}},
	 "inode 297 at offset 9504: size 268435456 in chunks of 2^17 bytes: expected 1 "
	 "to 1024 chunks, got 2048"},
	{EXAMPLE,
	 {{"g", 8, 4, 0}},
	 "inode 297 at offset 9504: size 0 in chunks of 2^17 bytes: expected 1 to 1024 "
	 "chunks, got 0"},
	{EXAMPLE,
	 {{"g", 8, 4, 1 << 27}},
	 "inode 297 at offset 9504: tail of 4096 bytes at offset 9692 crosses a block "
	 "boundary"},
	{EXAMPLE,
	 {{"g", 16, 4, 0x25}},
	 "inode 297 at offset 9504: unknown chunk format 25"},
	{EXAMPLE,
	 {{"g", 16, 4, 0x10005}},
	 "inode 297 at offset 9504: reserved bits in chunk format 10005"},
	{EXAMPLE,
	 {{"g", 188, 4, 3}},
	 "inode 297 at offset 9504: chunk 0: expected no block, got block 3"},
	{EXAMPLE,
	 {{"g", 0, 2, 0}},
	 "inode 297 at offset 9504: mode 100644: expected size at most 5000, got 70000"},
	{EXAMPLE,
	 {{"f", 8, 8, UINT64_MAX}},
	 "inode 278 at offset 8896: mode 100644: expected size at most 5000, got "
	 "18446744073709551615"},
	{EXAMPLE,
	 {{"f", 8, 8, 4096}},
	 "inode 278 at offset 8896: inline layout: size 4096 leaves no tail"},
	{EXAMPLE,
	 {{"f", 8, 8, 4097}},
	 "inode 278 at offset 8896: data block 0 lies among the metadata, which ends at "
	 "offset 8192"},
	{EXAMPLE,
	 {{NULL, ROOT + 16, 4, 4}},
	 "root: inode 36 at offset 1152: 4096 bytes from data block 4 on end outside the "
	 "image"},
	{EXAMPLE,
	 {{NULL, ROOT + 8, 4, 1 << 31}},
	 "root: inode 36 at offset 1152: mode 40755: expected size at most 16384, got "
	 "2147483648"},
	{EXAMPLE,
	 {{NULL, ROOT, 2, 8}},
	 "root: inode 36 at offset 1152: mode 40755 with chunks"},
	{"types.v1.cfs",
	 {{"link", 8, 4, 0}},
	 "inode 312 at offset 9984: symlink without target"},
	{"types.v1.cfs",
	 {{"link", 8, 4, 4096}},
	 "inode 312 at offset 9984: mode 120777: expected size at most 4095, got 4096"},
	{"types.v1.cfs",
	 {{"link", 34, 1, 0}},
	 "inode 312 at offset 9984: symlink target contains a NUL byte"},
	{"types.v1.cfs",
	 {{"chr", 8, 4, 1}},
	 "inode 251 at offset 8032: mode 20666: expected size at most 0, got 1"},
	{EXAMPLE,
	 {{NULL, ROOT + 64 + 6, 2, 2}},
	 "inode 38 at offset 1216: whiteout with 2 links"},
	/* directories */
	{EXAMPLE,
	 {{NULL, BLOCK + 8, 2, 11}},
	 "inode 36 at offset 1152: directory block at offset 12288 of 4096 bytes: names "
	 "cannot begin at 11"},
	{EXAMPLE,
	 {{NULL, BLOCK + 8, 2, 0}},
	 "inode 36 at offset 1152: directory block at offset 12288 of 4096 bytes: names "
	 "cannot begin at 0"},
	{EXAMPLE,
	 {{NULL, BLOCK + 8, 2, 4104}},
	 "inode 36 at offset 1152: directory block at offset 12288 of 4096 bytes: names "
	 "cannot begin at 4104"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36 + 8, 2, 9000}},
	 "inode 36 at offset 1152: directory entry at offset 12312: name ends at 9000, "
	 "outside the block"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36 + 8, 2, 5}},
	 "inode 36 at offset 1152: directory entry at offset 12312: name offset 3123 is "
	 "not below the next one, 5"},
	{EXAMPLE,
	 {{NULL, BLOCK + 8, 2, 12 * 261}},
	 "inode 36 at offset 1152: directory entry at offset 12288: name offset 3132 is "
	 "not below the next one, 3121"},
	{EXAMPLE,
	 {{NULL, BLOCK + 10, 1, 0}},
	 "inode 36 at offset 1152: directory entry at offset 12288: expected file type 1 "
	 "to 7, got 0"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36 + 10, 1, 8}},
	 "inode 36 at offset 1152: directory entry at offset 12324: expected file type 1 "
	 "to 7, got 8"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36 + 11, 1, 1}},
	 "inode 36 at offset 1152: directory entry at offset 12324: reserved byte is not "
	 "0"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36 + 10, 1, 1}},
	 "inode 39 at offset 1248: expected file type 1 of the directory entry at offset "
	 "12324, got mode 20644"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36, 8, UINT64_MAX / 16}},
	 "directory entry at offset 12324: inode 1152921504606846975: its offset is "
	 "outside "
	 "the image of 16384 bytes"},
	{EXAMPLE,
	 {{NULL, BLOCK + 36, 8, UINT64_MAX}},
	 "directory entry at offset 12324: inode 18446744073709551615: its offset is "
	 "outside "
	 "the image of 16384 bytes"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc33, 1, '/'}},
	 "inode 36 at offset 1152: directory entry at offset 12312: name contains a "
	 "slash"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc33, 1, 0}},
	 "inode 36 at offset 1152: directory entry at offset 12312: name contains a NUL "
	 "byte"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc33, 2, 0x3131}},
	 "inode 36 at offset 1152: directory entry at offset 12324: name does not come "
	 "after the one before it"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc34, 1, '1'}},
	 "inode 36 at offset 1152: directory entry at offset 12324: name does not come "
	 "after the one before it"},
	{EXAMPLE,
	 {{NULL, BLOCK, 8, 38}},
	 "inode 36 at offset 1152: directory entry at offset 12288: \".\": expected "
	 "inode 36, got 38"},
	{EXAMPLE,
	 {{NULL, BLOCK + 12, 8, 38}},
	 "inode 36 at offset 1152: \"..\": expected inode 36, got 38"},
	{EXAMPLE,
	 {{NULL, BLOCK + 22, 1, 1}},
	 "inode 36 at offset 1152: directory entry at offset 12300: \"..\": expected "
	 "file type 2 (directory), got 1"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc30, 1, '-'}, {NULL, BLOCK, 8, 38}, {NULL, BLOCK + 10, 1, 3}},
	 "inode 36 at offset 1152: directory without \".\""},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc32, 1, '/'}},
	 "inode 36 at offset 1152: directory entry at offset 12300: name contains a "
	 "slash"},
	{EXAMPLE,
	 {{NULL, BLOCK + 0xc32, 1, '0'},
	  {NULL, BLOCK + 12, 8, 38},
	  {NULL, BLOCK + 22, 1, 3}},
	 "inode 36 at offset 1152: directory without \"..\""},
	{EXAMPLE,
	 {{NULL, BLOCK + 4095, 1, 1}},
	 "inode 36 at offset 1152: directory entry at offset 15396: padding after the "
	 "name is not 0"},
	/* loops and cross-links */
	{EXAMPLE,
	 {{NULL, BLOCK + 259 * 12, 8, 36}, {NULL, BLOCK + 259 * 12 + 10, 1, 2}},
	 "inode 36 at offset 1152: directory with two names"},
	{LINKS,
	 {{"z", 32 + 24, 8, 303}, {"z", 32 + 34, 1, 2}},
	 "inode 303 at offset 9696: directory with two names"},
	{LINKS,
	 {{"z", 32 + 24, 8, 36}, {"z", 32 + 34, 1, 2}},
	 "inode 36 at offset 1152: directory with two names"},
	{LINKS,
	 {{"z", 32 + 12, 8, 303}},
	 "inode 303 at offset 9696: \"..\": expected inode 36, got 303"},
	{LINKS,
	 {{"d/l1", 2, 2, 24}},
	 "inode 301 at offset 9632: bytes 9632 to 9667 belong to another structure "
	 "already"},
	{SIZES,
	 {{"s3000", 16, 4, 4}},
	 "inode 577 at offset 18464: data block 4 lies among the metadata, which ends at "
	 "offset 20480"},
	{SIZES,
	 {{"s3000", 16, 4, 5}},
	 "inode 639 at offset 20448: bytes 20448 to 21384 belong to another structure "
	 "already"},
	{SIZES,
	 {{"s3000", 16, 4, 6}},
	 "inode 577 at offset 18464: bytes 24576 to 28672 belong to another structure "
	 "already"},
	/* xattrs */
	{EXAMPLE,
	 {{"g", 36, 1, 200}},
	 "inode 297 at offset 9504: xattrs of 156 bytes at offset 9536: expected at most "
	 "128 shared ones that fit, got 200"},
	{EXAMPLE,
	 {{"g", 36, 1, 37}},
	 "inode 297 at offset 9504: xattrs of 156 bytes at offset 9536: expected at most "
	 "128 shared ones that fit, got 37"},
	{EXAMPLE,
	 {{"g", 43, 1, 1}},
	 "inode 297 at offset 9504: xattrs at offset 9536: reserved bytes are not 0"},
	{EXAMPLE,
	 {{"g", 100, 1, 255}},
	 "inode 297 at offset 9504: xattr at offset 9604 ends at 9929, outside, the end "
	 "is at 9692"},
	{EXAMPLE,
	 {{"g", 2, 2, 36}},
	 "inode 297 at offset 9504: chunk 0: expected no block, got block 14384"},
	{EXAMPLE,
	 {{"g", 102, 2, 70}},
	 "inode 297 at offset 9504: xattr at offset 9604 ends at 9694, outside, the end "
	 "is at 9692"},
	{EXAMPLE,
	 {{"g", 45, 1, 7}},
	 "inode 297 at offset 9504: xattr at offset 9548: invalid key prefix number 7"},
	{EXAMPLE,
	 {{"g", 45, 1, 132}},
	 "inode 297 at offset 9504: xattr at offset 9548: invalid key prefix number 132"},
	{EXAMPLE,
	 {{"g", 48, 1, 0}},
	 "inode 297 at offset 9504: xattr at offset 9548: key is empty or contains a NUL "
	 "byte"},
	{EXAMPLE,
	 {{"g", 45, 1, 0}, {"g", 48, 8, 0x2e64657473757274}},
	 "inode 297 at offset 9504: xattr at offset 9548: invalid key prefix number 0"},
	{EXAMPLE,
	 {{"g", 48, 8, 0x2e79616c7265766f}, {"g", 56, 8, 0x6965706f63617465}},
	 "inode 297 at offset 9504: external file without metacopy"},
	{EXAMPLE,
	 {{"g", 64, 1, 1}},
	 "inode 297 at offset 9504: metacopy of 36 bytes with a wrong header"},
	{EXAMPLE,
	 {{"g", 65, 1, 35}},
	 "inode 297 at offset 9504: metacopy of 36 bytes with a wrong header"},
	{EXAMPLE,
	 {{"g", 67, 1, 2}},
	 "inode 297 at offset 9504: metacopy of 36 bytes with a wrong header"},
	{EXAMPLE,
	 {{"g", 120, 1, 'x'}},
	 "inode 297 at offset 9504: redirect: expected a slash and a path of at most "
	 "4095 bytes, got 66 bytes"},
	{EXAMPLE,
	 {{"g", 130, 1, 0}},
	 "inode 297 at offset 9504: redirect: expected a slash and a path of at most "
	 "4095 bytes, got 66 bytes"},
	{EXAMPLE,
	 {{NULL, G, 2, 0}, {NULL, G + 8, 4, 0}, {NULL, G + 16, 4, 0}},
	 "inode 297 at offset 9504: metacopy on a file whose content is in the image"},
	{SIZES,
	 {{"s3000", 16, 4, 0}},
	 "inode 577 at offset 18464: data block 0 lies among the metadata, which ends at "
	 "offset 20480"},
	{SHARED,
	 {{"a00", 44, 4, UINT32_MAX}},
	 "inode 199 at offset 6368: xattr at offset 17179877372 lies outside, the end is "
	 "at 16384"},
	/* a reference that leads to itself */
	{SHARED,
	 {{"b08", 44, 4, 19}},
	 "inode 257 at offset 8224: xattr at offset 8268: key is empty or contains a NUL "
	 "byte"},
	{SHARED,
	 {{"a00", 44, 4, 2047}},
	 "inode 199 at offset 6368: xattr at offset 16380: key is empty or contains a "
	 "NUL byte"},
};

T(reader_refuses_images_that_linux_shows_differently)
{
	for (size_t i = 0; i < sizeof(reader_rows) / sizeof(reader_rows[0]); i++)
		run_row(&reader_rows[i], read_all);
}

/* It may find another fault first. */
T(check_refuses_whatever_the_reader_refuses)
{
	for (size_t i = 0; i < sizeof(reader_rows) / sizeof(reader_rows[0]); i++) {
		struct hostile row = reader_rows[i];

		row.expected = NULL;
		run_row(&row, check_all);
	}
}

/* What readers can live with, but no writer of the format makes. */
static const struct hostile check_rows[] = {
	{EXAMPLE,
	 {{NULL, 1000, 1, 1}},
	 "header: bytes from offset 32 to the superblock at 1024 are not 0"},
	{EXAMPLE,
	 {{NULL, SB + 8, 4, 2}},
	 "superblock at offset 1032: expected compatible features 6, got 2"},
	{EXAMPLE, {{NULL, SB + 4, 4, 2}}, "superblock at offset 1028: checksum is not 0"},
	{EXAMPLE,
	 {{NULL, SB + 48, 1, 1}},
	 "superblock at offset 1072: uuid and name are not all 0"},
	{EXAMPLE,
	 {{NULL, SB + 79, 1, 1}},
	 "superblock at offset 1072: uuid and name are not all 0"},
	{EXAMPLE,
	 {{NULL, SB + 16, 8, 260}},
	 "superblock at offset 1040: expected 259 inodes, got 260"},
	{EXAMPLE,
	 {{NULL, SB + 44, 4, 1}},
	 "superblock at offset 1068: expected xattr_blkaddr 2, where the inodes end, got "
	 "1"},
	{EXAMPLE,
	 {{NULL, 8, 4, 1}},
	 "header: flags at offset 8: expected no ACLs, got ACLs"},
	{"acl-file.v1.cfs",
	 {{NULL, 8, 4, 0}},
	 "header: flags at offset 8: expected ACLs, got no ACLs"},
	{EXAMPLE,
	 {{"f", 16, 4, 3}},
	 "inode 278 at offset 8896: expected address 0 without data blocks, got 3"},
	/* the first whiteout, under the name of "ff" and then some other: its entry is that of "g" */
	{EXAMPLE,
	 {{NULL, BLOCK + 259 * 12, 8, 38}, {NULL, BLOCK + 259 * 12 + 10, 1, 3}},
	 "inode 38 at offset 1216: whiteout: expected a name from 00 to ff in the root"},
	{EXAMPLE,
	 {{"f", 95, 1, 1}},
	 "inode 278 at offset 8896: padding from offset 8990 on is not 0"},
	{EXAMPLE,
	 {{"g", 186, 1, 1}},
	 "inode 297 at offset 9504: padding from offset 9690 on is not 0"},
	{EXAMPLE,
	 {{"g", 34, 1, 0}},
	 "inode 297 at offset 9504: xattr filter: expected 7ffdffff, got 7f00ffff"},
	{EXAMPLE,
	 {{NULL, ROOT + 62, 1, 'x'}},
	 "inode 36 at offset 1152: xattr at offset 1196 would make overlayfs show "
	 "another tree"},
	{SIZES,
	 {{"s2049", 0, 2, 0}, {NULL, 7 * 4096 + 2049, 1, 1}},
	 "inode 576 at offset 18432: padding from offset 30721 on is not 0"},
	{SIZES,
	 {{NULL, 11456, 1, 1}},
	 "bytes at offset 11456 belong to no inode and are not 0"},
	{SIZES,
	 {{NULL, 6 * 4096 - 1, 1, 1}},
	 "bytes from offset 21408 to the data at 24576 are not only padding"},
	{SIZES,
	 {{NULL, 577 * 32 + 16, 4, 0}, {NULL, 577 * 32 + 8, 4, 0}},
	 "bytes from offset 21408 to the data at 28672 are not only padding"},
	{SHARED,
	 {{"a00", 48, 4, 801}, {NULL, 11396, 4, 0x101}, {NULL, 11400, 4, 'k'}},
	 "shared xattrs: 53 are referenced, 52 of them lie between offset 11072 and "
	 "11696"},
};

T(check_requires_that_each_byte_belongs_to_a_structure)
{
	for (size_t i = 0; i < sizeof(check_rows) / sizeof(check_rows[0]); i++) {
		run_row(&check_rows[i], check_all);
	}
}

/* The image, longer or shorter, with a superblock that says so or not. */
T(an_image_ends_where_its_superblock_says)
{
	static const struct {
		int more;
		uint32_t blocks;
		const char *expected;
	} rows[] = {
		{1, 4, "4 blocks of 4096 bytes, but the image has 16385 bytes"},
		{-1, 4, "4 blocks of 4096 bytes, but the image has 16383 bytes"},
		{4096, 4, "4 blocks of 4096 bytes, but the image has 20480 bytes"},
		{-4096, 4, "4 blocks of 4096 bytes, but the image has 12288 bytes"},
		{1, 0, "0 blocks of 4096 bytes, but the image has 16385 bytes"},
		{-4096, 3, "4096 bytes from data block 3 on end outside the image"},
		{4096, 5, "bytes from offset 9696 to the data at 16384 are not only"},
		{4096, 0, "bytes from offset 9696 to the data at 16384 are not only"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct edit edit = {NULL, SB + 36, 4, rows[i].blocks};
		struct cfs_err err = {""};
		uint8_t *good, *bytes;
		size_t len, new_len;

		good = t_golden(EXAMPLE, &len);
		new_len = len + (size_t)rows[i].more;
		bytes = calloc(1, new_len);
		memcpy(bytes, good, new_len < len ? new_len : len);
		apply(bytes, new_len, &edit);
		t_eq(check_all((struct cfs_span){bytes, new_len}, &err), -EUCLEAN);
		t_has(err.msg, rows[i].expected);
		free(good);
		free(bytes);
	}
}
