/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories: reading in order, and binary search.
 *
 * A directory is a sequence of groups: one in each block, the last one in the tail if there is
 * one. A group is n entries of 12 bytes, then their names; a name ends where the next one
 * begins, the last one at the end of the group or at its first NUL.
 */
#include "erofs/dir.h"

#include <errno.h>

#include "base/input.h"
#include "erofs/format.h"
#include "erofs/image_priv.h"
#include "tree/tree.h"

enum { DIRENT_LEN = sizeof(struct erofs_dirent) };

static bool is_self(struct cfs_text name)
{
	return name.len == 1 && name.s[0] == '.';
}

static bool is_parent(struct cfs_text name)
{
	return name.len == 2 && name.s[0] == '.' && name.s[1] == '.';
}

/* --- Groups -------------------------------------------------------------------------- */

static uint32_t count_dir_blocks(const struct cfs_dir *dir)
{
	uint64_t whole = cfs_align_up(dir->blocks.len, EROFS_BLOCK) / EROFS_BLOCK;

	return (uint32_t)whole + (dir->tail.len > 0);
}

/* The offset of the current group in the image. */
static uint64_t block_off(const struct cfs_dir *dir)
{
	return dir->block.p ? (uint64_t)(dir->block.p - dir->im->bytes.p) : dir->off;
}

/* Makes the group with this number the current one. */
static int load_block(struct cfs_dir *dir, uint32_t no, struct cfs_err *err)
{
	uint64_t off = (uint64_t)no * EROFS_BLOCK, names_off = 0;

	dir->block = dir->tail;
	if (off < dir->blocks.len) {
		uint64_t left = dir->blocks.len - off;

		(void)cfs_span_sub(dir->blocks, off,
				   left < EROFS_BLOCK ? left : EROFS_BLOCK, &dir->block);
	}
	if (dir->block.len >= DIRENT_LEN)
		names_off =
			cfs_le16(dir->block.p + offsetof(struct erofs_dirent, nameoff));
	if (names_off < DIRENT_LEN || names_off % DIRENT_LEN ||
	    names_off > dir->block.len)
		return cfs_bad_inode(err, dir,
				     "directory block at offset %" PRIu64
				     " of %zu bytes: names cannot begin at %" PRIu64,
				     block_off(dir), dir->block.len, names_off);
	dir->n_entries = (uint16_t)(names_off / DIRENT_LEN);
	dir->entry = 0;
	dir->block_no = no + 1;
	return 0;
}

/* Adds the offset of an entry of the current group to a message. Names are untrusted and not
 * printed. */
static int add_dirent_place(const struct cfs_dir *dir, uint32_t i, int rc,
			    struct cfs_err *err)
{
	return cfs_context(err, rc,
			   "inode %" PRIu64 " at offset %" PRIu64
			   ": directory entry at offset %" PRIu64,
			   dir->nid, dir->off, block_off(dir) + i * DIRENT_LEN);
}

/* The name of an entry of the current group. */
static int decode_dirent_name(const struct cfs_dir *dir, uint32_t i, struct cfs_text *out,
			      struct cfs_err *err)
{
	const uint8_t *p = dir->block.p + i * DIRENT_LEN;
	uint32_t from = cfs_le16(p + offsetof(struct erofs_dirent, nameoff));
	uint32_t to = (uint32_t)dir->block.len;
	struct cfs_span name;

	if (from < dir->n_entries * (uint32_t)DIRENT_LEN || from >= dir->block.len)
		return cfs_fail(err, EUCLEAN,
				"name offset %" PRIu32 " is outside the block", from);
	if (i + 1 < dir->n_entries)
		to = cfs_le16(p + DIRENT_LEN + offsetof(struct erofs_dirent, nameoff));
	if (to <= from)
		return cfs_fail(err, EUCLEAN,
				"name offset %" PRIu32
				" is not below the next one, %" PRIu32,
				from, to);
	if (!cfs_span_sub(dir->block, from, to - from, &name))
		return cfs_fail(err, EUCLEAN,
				"name ends at %" PRIu32 ", outside the block", to);
	if (i + 1 == dir->n_entries)
		name.len = strnlen((const char *)name.p, name.len);
	if (name.len == 0 || name.len > CFS_NAME_MAX)
		return cfs_fail(err, EUCLEAN, "name: expected 1 to %d bytes, got %zu",
				CFS_NAME_MAX, name.len);
	if (memchr(name.p, '\0', name.len) || memchr(name.p, '/', name.len))
		return cfs_fail(err, EUCLEAN, "name contains %s",
				memchr(name.p, '/', name.len) ? "a slash" : "a NUL byte");
	*out = cfs_span_text(name);
	return 0;
}

/* An entry of the current group. */
static int decode_dirent(const struct cfs_dir *dir, uint32_t i, struct cfs_dirent *out,
			 struct cfs_err *err)
{
	const uint8_t *p = dir->block.p + i * DIRENT_LEN;
	int rc = decode_dirent_name(dir, i, &out->name, err);

	if (rc < 0)
		return rc;
	out->nid = cfs_le64(p);
	out->off = block_off(dir) + i * DIRENT_LEN;
	out->file_type = p[offsetof(struct erofs_dirent, file_type)];
	if (out->file_type < EROFS_FT_REG || out->file_type > EROFS_FT_LNK)
		return cfs_fail(err, EUCLEAN, "expected file type %d to %d, got %d",
				EROFS_FT_REG, EROFS_FT_LNK, out->file_type);
	if (p[offsetof(struct erofs_dirent, reserved)] != 0)
		return cfs_fail(err, EUCLEAN, "reserved byte is not 0");
	return 0;
}

/* --- Reading in order ---------------------------------------------------------------- */

int cfs_dir_open(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_dir *out, struct cfs_err *err)
{
	if (!S_ISDIR(inode->mode))
		return cfs_fail(err, ENOTDIR,
				"inode %" PRIu64 ": expected a directory, got %s",
				inode->nid, cfs_input_get_type_name(inode->mode));
	*out = (struct cfs_dir){.im = im,
				.nid = inode->nid,
				.off = inode->off,
				.blocks = inode->blocks,
				.tail = inode->tail};
	return 0;
}

/* Records "." and "..". Names ascend, so each occurs at most once. */
static int record_dots(struct cfs_dir *dir, const struct cfs_dirent *entry,
		       struct cfs_err *err)
{
	if (entry->file_type != EROFS_FT_DIR)
		return cfs_fail(err, EUCLEAN,
				"\"%s\": expected file type %d (directory), got %d",
				is_self(entry->name) ? "." : "..", EROFS_FT_DIR,
				entry->file_type);
	if (is_parent(entry->name)) {
		dir->parent_nid = entry->nid;
		dir->has_parent = true;
		return 0;
	}
	if (entry->nid != dir->nid)
		return cfs_fail(err, EUCLEAN,
				"\".\": expected inode %" PRIu64 ", got %" PRIu64,
				dir->nid, entry->nid);
	dir->has_self = true;
	return 0;
}

/* Whether only zeros follow the last name of the current group. */
static bool is_padded(const struct cfs_dir *dir, struct cfs_text last)
{
	size_t end = (size_t)((const uint8_t *)last.s - dir->block.p) + last.len;
	struct cfs_span rest;

	return cfs_span_sub(dir->block, end, dir->block.len - end, &rest) &&
	       cfs_span_is_zero(rest);
}

/* The next entry of the current group: 1, or 0 when it is "." or "..". */
static int take_dirent(struct cfs_dir *dir, uint32_t i, struct cfs_dirent *out,
		       struct cfs_err *err)
{
	int rc = decode_dirent(dir, i, out, err);

	if (rc < 0)
		return rc;
	if (dir->before.len && cfs_text_cmp(dir->before, out->name) >= 0)
		return cfs_fail(err, EUCLEAN,
				"name does not come after the one before it");
	if (i + 1 == dir->n_entries && !is_padded(dir, out->name))
		return cfs_fail(err, EUCLEAN, "padding after the name is not 0");
	dir->before = out->name;
	if (is_self(out->name) || is_parent(out->name))
		return record_dots(dir, out, err);
	return 1;
}

static int check_dots(const struct cfs_dir *dir, struct cfs_err *err)
{
	if (!dir->has_self || !dir->has_parent)
		return cfs_bad_inode(err, dir, "directory without \"%s\"",
				     dir->has_self ? ".." : ".");
	return 0;
}

int cfs_dir_next(struct cfs_dir *dir, struct cfs_dirent *out, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0) {
		uint32_t i;

		if (dir->entry == dir->n_entries) {
			if (dir->block_no == count_dir_blocks(dir))
				return check_dots(dir, err);
			rc = load_block(dir, dir->block_no, err);
			if (rc < 0)
				return rc;
		}
		i = dir->entry++;
		rc = add_dirent_place(dir, i, take_dirent(dir, i, out, err), err);
	}
	return rc;
}

/* The number of the next block, and that of the next entry in the current one. */
enum { POSITION_SHIFT = 16 };

uint64_t cfs_dir_tell(const struct cfs_dir *dir)
{
	return (uint64_t)dir->block_no << POSITION_SHIFT | dir->entry;
}

/* A position holds the number of a block and of an entry, as cfs_dir_tell gives it. It
 * comes from the kernel or a user, so both are checked. "." and ".." count as seen. */
int cfs_dir_seek(struct cfs_dir *dir, uint64_t position, struct cfs_err *err)
{
	uint64_t block_no = position >> POSITION_SHIFT;
	uint16_t entry = (uint16_t)position;
	int rc;

	if (position == 0)
		return 0;
	if (block_no == 0 || block_no > count_dir_blocks(dir))
		return cfs_fail(err, EINVAL,
				"inode %" PRIu64 ": no directory position %" PRIu64,
				dir->nid, position);
	rc = load_block(dir, (uint32_t)block_no - 1, err);
	if (rc < 0)
		return rc;
	if (entry > dir->n_entries)
		return cfs_fail(err, EINVAL,
				"inode %" PRIu64 ": no directory position %" PRIu64,
				dir->nid, position);
	dir->entry = entry;
	dir->has_self = dir->has_parent = true;
	return 0;
}

/* --- Searching ----------------------------------------------------------------------- */

/* Makes the last group whose first name is not greater than name the current one: 1, or 0 when name
 * precedes all. */
static int find_block(struct cfs_dir *dir, struct cfs_text name, struct cfs_err *err)
{
	uint32_t low = 0, high = count_dir_blocks(dir);
	struct cfs_text first;
	int rc;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		rc = load_block(dir, mid, err);
		if (rc == 0)
			rc = add_dirent_place(
				dir, 0, decode_dirent_name(dir, 0, &first, err), err);
		if (rc < 0)
			return rc;
		if (cfs_text_cmp(first, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return 0;
	rc = load_block(dir, low - 1, err);
	return rc < 0 ? rc : 1;
}

/* Binary search, first over blocks, then over the entries of one. Only what is touched
 * is checked: a directory out of order may hide a name, which fsck reports. */
int cfs_dir_find(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_text name, struct cfs_dirent *out, struct cfs_err *err)
{
	uint32_t low = 0, high;
	struct cfs_dir dir;
	int rc;

	rc = cfs_dir_open(im, inode, &dir, err);
	if (rc == 0)
		rc = find_block(&dir, name, err);
	if (rc <= 0)
		return rc;
	high = dir.n_entries;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order;

		rc = add_dirent_place(&dir, mid, decode_dirent(&dir, mid, out, err), err);
		if (rc < 0)
			return rc;
		order = cfs_text_cmp(name, out->name);
		if (order == 0)
			return 1;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

int cfs_dirent_read_inode(const struct cfs_image *im, const struct cfs_dirent *entry,
			  struct cfs_inode *out, struct cfs_err *err)
{
	int rc = cfs_image_read_inode(im, entry->nid, out, err);

	if (rc < 0 && out->off == 0) /* outside the image: report the entry */
		return cfs_context(err, rc, "directory entry at offset %" PRIu64,
				   entry->off);
	if (rc < 0)
		return rc;
	if (entry->file_type != cfs_mode_file_type(out->mode))
		return cfs_bad_inode(err, out,
				     "expected file type %d of the directory entry at "
				     "offset %" PRIu64 ", got mode %" PRIo32,
				     entry->file_type, entry->off, out->mode);
	return 0;
}
