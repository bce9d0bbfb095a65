/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Describes an entry from its header block and the extension headers before it. */
#include <errno.h>
#include <inttypes.h>

#include "tar/tar_priv.h"

static enum tar_dialect find_dialect(const uint8_t *block)
{
	if (memcmp(block + TAR_MAGIC, "ustar\00000", 8) == 0)
		return TAR_POSIX;
	if (memcmp(block + TAR_MAGIC, "ustar  \0", 8) == 0)
		return TAR_GNU;
	return TAR_V7;
}

/* The sum of all bytes, those of the checksum itself counted as spaces. Old programs added signed bytes. */
static int check_header_sum(const uint8_t *block, struct cfs_err *err)
{
	uint64_t said, sum = 0;
	int64_t signed_sum = 0;
	int rc = tar_parse_octal(block + TAR_CHECKSUM, TAR_SHORT_LEN, "checksum", &said,
				 err);

	for (size_t i = 0; i < CFS_TAR_BLOCK; i++) {
		bool is_sum = i >= TAR_CHECKSUM && i < TAR_CHECKSUM + TAR_SHORT_LEN;
		uint8_t c = is_sum ? ' ' : block[i];

		sum += c;
		signed_sum += (int8_t)c;
	}
	if (rc < 0 || said == sum || (int64_t)said == signed_sum)
		return rc;
	return cfs_fail(err, EINVAL,
			"header checksum: expected %" PRIo64 " (octal), got %" PRIo64,
			sum, said);
}

int tar_check_block(struct tar_head *h, struct cfs_err *err)
{
	h->dialect = find_dialect(h->block);
	return check_header_sum(h->block, err);
}

/* --- names ------------------------------------------------------------------------------ */

/* A text of a header, up to the first NUL. */
static struct cfs_text get_field_text(const uint8_t *field, size_t len)
{
	return (struct cfs_text){(const char *)field, strnlen((const char *)field, len)};
}

/* One trailing NUL is the terminator of GNU tar. */
static struct cfs_text long_text(const struct cfs_mem *m)
{
	return (struct cfs_text){(const char *)m->p,
				 m->len && m->p[m->len - 1] == 0 ? m->len - 1 : m->len};
}

/* The name of the header, with its prefix in front. Joined in a buffer, which has room for both. */
static struct cfs_text header_name(struct tar_head *h)
{
	struct cfs_text name = get_field_text(h->block + TAR_NAME, TAR_NAME_LEN);
	struct cfs_text prefix = get_field_text(h->block + TAR_PREFIX, TAR_PREFIX_LEN);
	char *joined;

	if (h->dialect != TAR_POSIX || prefix.len == 0)
		return name;
	joined = (char *)h->name.p;
	memcpy(joined, prefix.s, prefix.len);
	joined[prefix.len] = '/';
	memcpy(joined + prefix.len + 1, name.s, name.len);
	return (struct cfs_text){joined, prefix.len + 1 + name.len};
}

struct cfs_text tar_name(struct tar_head *h)
{
	if (h->said.sparse_name.s)
		return h->said.sparse_name;
	if (h->said.path.s)
		return h->said.path;
	return h->has_long_name ? long_text(&h->long_name) : header_name(h);
}

static struct cfs_text link_name(const struct tar_head *h)
{
	if (h->said.linkpath.s)
		return h->said.linkpath;
	return h->has_long_link ? long_text(&h->long_link)
				: get_field_text(h->block + TAR_LINK, TAR_NAME_LEN);
}

/* The path of a name, in a buffer that is kept for the next entry. */
static int keep_path(struct cfs_text name, struct cfs_mem *room, struct cfs_text *out,
		     struct cfs_err *err)
{
	int rc;

	if (name.len > CFS_TAR_PATH_MAX)
		return cfs_fail(err, ENAMETOOLONG,
				"the path has %zu bytes, expected at most %d", name.len,
				(int)CFS_TAR_PATH_MAX);
	if (cfs_grow(&room->p, &room->cap, name.len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_tar_clean_path(name, (char *)room->p, &room->len, err);
	*out = cfs_mem_text(room);
	return rc;
}

/* --- types ------------------------------------------------------------------------------ */

/* The file type of a type byte; 0: a type that has no file, or one that is not
 * supported. */
static uint32_t type_mode(uint8_t type)
{
	static const struct {
		uint8_t type;
		uint32_t mode;
	} types[] = {
		{'0', S_IFREG}, {'\0', S_IFREG}, {'7', S_IFREG},
		{'S', S_IFREG}, {'2', S_IFLNK},	 {'3', S_IFCHR},
		{'4', S_IFBLK}, {'5', S_IFDIR},	 {'6', S_IFIFO},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].mode;
	return 0;
}

static int fail_entry_type(uint8_t type, const char *why, struct cfs_err *err)
{
	char shown[2] = {(char)type, 0};

	if (type < 0x21 || type > 0x7e)
		return cfs_fail(err, ENOTSUP, "entry type 0x%02x is not supported%s",
				type, why);
	return cfs_fail(err, ENOTSUP, "entry type \"%s\" is not supported%s", shown, why);
}

/* A v7 header has no type for directories, and no fields for devices. */
static int find_type(struct cfs_tar *t, struct cfs_err *err)
{
	struct cfs_tar_entry *e = &t->entry;
	uint8_t type = t->head.block[TAR_TYPE];
	bool is_v7 = t->head.dialect == TAR_V7;

	e->is_link = type == '1';
	e->inode.mode = type_mode(type);
	if (!e->is_link && !e->inode.mode)
		return fail_entry_type(type, "", err);
	if (is_v7 && (type == '3' || type == '4'))
		return fail_entry_type(type, " in a v7 header", err);
	if (type == 'S' && t->head.dialect != TAR_GNU)
		return fail_entry_type(type, " but in a GNU header", err);
	if (is_v7 && S_ISREG(e->inode.mode) && e->name.len &&
	    e->name.s[e->name.len - 1] == '/')
		e->inode.mode = S_IFDIR;
	return 0;
}

/* --- numbers ---------------------------------------------------------------------------- */

/* Owner and group: of the PAX records if they have them, because the header is too
 * short for large IDs. */
static int describe_owner(struct cfs_tar *t, struct cfs_err *err)
{
	const uint8_t *block = t->head.block;
	const struct tar_said *s = &t->head.said;
	uint64_t uid = s->uid, gid = s->gid;
	int rc = 0;

	if (!s->has_uid)
		rc = tar_parse_count(block + TAR_UID, TAR_SHORT_LEN, "uid", UINT32_MAX,
				     &uid, err);
	if (rc == 0 && !s->has_gid)
		rc = tar_parse_count(block + TAR_GID, TAR_SHORT_LEN, "gid", UINT32_MAX,
				     &gid, err);
	t->entry.inode.uid = (uint32_t)uid;
	t->entry.inode.gid = (uint32_t)gid;
	return rc;
}

static int describe_times(struct cfs_tar *t, struct cfs_err *err)
{
	struct cfs_inode_spec *inode = &t->entry.inode;
	const struct tar_said *s = &t->head.said;

	inode->mtime_sec = s->mtime.sec;
	inode->mtime_nsec = s->mtime.nsec;
	if (s->has_mtime)
		return 0;
	inode->mtime_nsec = 0;
	return tar_parse_number(t->head.block + TAR_MTIME, TAR_LONG_LEN, "mtime",
				&inode->mtime_sec, err);
}

/* The device number as the kernel stores it: 12 bits of major and 20 of minor. */
static int describe_device(struct cfs_tar *t, struct cfs_err *err)
{
	const uint8_t *block = t->head.block;
	uint64_t major, minor;
	int rc = tar_parse_octal(block + TAR_MAJOR, TAR_SHORT_LEN, "device major", &major,
				 err);

	if (rc == 0)
		rc = tar_parse_octal(block + TAR_MINOR, TAR_SHORT_LEN, "device minor",
				     &minor, err);
	if (rc < 0)
		return rc;
	if (major > 0xfff || minor > 0xfffff)
		return cfs_fail(err, EINVAL,
				"device: expected a major up to 4095 and a minor up to "
				"1048575, got %" PRIu64 " and %" PRIu64,
				major, minor);
	t->entry.inode.rdev =
		(uint32_t)(major << 8 | (minor & 0xff) | (minor & 0xfff00) << 12);
	return 0;
}

/* Only regular files have content. Other types may have a size, which means nothing. */
static int describe_size(struct cfs_tar *t, struct cfs_err *err)
{
	uint64_t size = t->head.said.size;
	int rc = 0;

	if (!S_ISREG(t->entry.inode.mode))
		return 0;
	if (!t->head.said.has_size)
		rc = tar_parse_count(t->head.block + TAR_SIZE, TAR_LONG_LEN, "size",
				     INT64_MAX, &size, err);
	t->left = size;
	t->padding = -size % CFS_TAR_BLOCK;
	t->entry.inode.size = size;
	return rc;
}

/* Decodes the numbers of the header. Those of PAX records replace them where both
 * exist. */
static int describe_numbers(struct cfs_tar *t, struct cfs_err *err)
{
	struct cfs_tar_entry *e = &t->entry;
	uint64_t mode;
	int rc = tar_parse_count(t->head.block + TAR_MODE, TAR_SHORT_LEN, "mode",
				 INT64_MAX, &mode, err);

	if (rc == 0)
		rc = describe_owner(t, err);
	if (rc == 0)
		rc = describe_times(t, err);
	if (rc == 0)
		rc = describe_size(t, err);
	if (rc == 0 && (S_ISCHR(e->inode.mode) || S_ISBLK(e->inode.mode)))
		rc = describe_device(t, err);
	if (rc == 0)
		e->inode.mode |= (uint32_t)(mode & 07777);
	return rc;
}

/* --- all of it -------------------------------------------------------------------------- */

static int describe_tar_link(struct cfs_tar *t, struct cfs_err *err)
{
	struct cfs_tar_entry *e = &t->entry;
	int rc;

	if (S_ISLNK(e->inode.mode))
		e->inode.payload = link_name(&t->head);
	if (!e->is_link)
		return 0;
	rc = keep_path(link_name(&t->head), &t->head.target, &e->target, err);
	return cfs_context(err, rc, "hard link target");
}

static bool is_pax_sparse(const struct tar_said *s, size_t n_segments)
{
	return s->has_major || s->has_map || s->has_numblocks || n_segments > 0;
}

int tar_describe(struct cfs_tar *t, struct cfs_err *err)
{
	struct tar_head *h = &t->head;
	struct cfs_tar_entry *e = &t->entry;
	int rc = 0;

	if (cfs_grow(&h->name.p, &h->name.cap, TAR_NAME_LEN + TAR_PREFIX_LEN + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (h->has_pax)
		rc = tar_parse_pax(t, err);
	e->name = tar_name(h);
	if (rc == 0)
		rc = find_type(t, err);
	if (rc == 0)
		rc = keep_path(e->name, &h->path, &e->path, err);
	if (rc == 0 && e->path.len == 0 && !S_ISDIR(e->inode.mode))
		rc = cfs_fail(err, EINVAL,
			      "the path is that of the root, which must be a directory");
	if (rc == 0)
		rc = describe_numbers(t, err);
	if (rc == 0)
		rc = describe_tar_link(t, err);
	if (rc == 0 && S_ISREG(e->inode.mode) &&
	    (h->block[TAR_TYPE] == 'S' || is_pax_sparse(&h->said, h->n_segments)))
		rc = tar_read_sparse(t, err);
	e->inode.nlink = 1;
	e->inode.xattrs = h->xattrs;
	e->inode.n_xattrs = h->n_xattrs;
	e->stored_len = t->left;
	return rc;
}
