/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Forged images for tests. */
#include "forge.h"

#include "erofs/format.h"
#include <sys/stat.h>

#include "t.h"

void forge_init(struct forge *f, uint32_t version, size_t len, uint32_t data_blk)
{
	uint8_t *sb;

	*f = (struct forge){.p = calloc(1, len),
			    .len = len,
			    .next_off = EROFS_FIRST_INODE_OFF,
			    .next_blk = data_blk};
	t_ok(f->p && len % EROFS_BLOCK == 0);
	sb = f->p + EROFS_SB_OFF;
	cfs_put_le32(f->p, CFS_HEADER_MAGIC);
	cfs_put_le32(f->p + offsetof(struct cfs_header, version), CFS_HEADER_VERSION);
	cfs_put_le32(f->p + offsetof(struct cfs_header, composefs_version), version);
	cfs_put_le32(sb, EROFS_MAGIC);
	cfs_put_le32(sb + offsetof(struct erofs_super, feature_compat), 6);
	sb[offsetof(struct erofs_super, blkszbits)] = EROFS_BLOCK_BITS;
	cfs_put_le16(sb + offsetof(struct erofs_super, root_nid), 36);
	cfs_put_le32(sb + offsetof(struct erofs_super, blocks),
		     (uint32_t)(len / EROFS_BLOCK));
	cfs_put_le32(sb + offsetof(struct erofs_super, xattr_blkaddr),
		     version < 2 ? data_blk : 0);
}

void forge_fini(struct forge *f)
{
	free(f->p);
}

struct cfs_span forge_span(const struct forge *f)
{
	return (struct cfs_span){f->p, f->len};
}

uint64_t forge_take(struct forge *f, size_t len, size_t tail_at)
{
	uint64_t off = f->next_off;

	while ((off + tail_at) / EROFS_BLOCK != (off + len - 1) / EROFS_BLOCK)
		off += EROFS_SLOT;
	f->next_off = cfs_align_up(off + len, EROFS_SLOT);
	t_ok(f->next_off <= f->len);
	return off / EROFS_SLOT;
}

void forge_inode(struct forge *f, uint64_t nid, uint32_t mode, uint32_t layout,
		 uint64_t size, uint32_t i_u, uint16_t icount)
{
	uint8_t *p = f->p + nid * EROFS_SLOT;

	cfs_put_le16(p, (uint16_t)(layout << EROFS_LAYOUT_SHIFT));
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_xattr_icount), icount);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_mode), (uint16_t)mode);
	cfs_put_le16(p + offsetof(struct erofs_inode_compact, i_nlink), 1);
	cfs_put_le32(p + offsetof(struct erofs_inode_compact, i_size), (uint32_t)size);
	cfs_put_le32(p + offsetof(struct erofs_inode_compact, i_u), i_u);
}

size_t forge_group(struct forge *f, uint64_t off, const struct forge_entry *entries,
		   size_t n)
{
	size_t name_off = n * sizeof(struct erofs_dirent);

	for (size_t i = 0; i < n; i++) {
		uint8_t *p = f->p + off + i * sizeof(struct erofs_dirent);
		size_t len = strlen(entries[i].name);

		cfs_put_le64(p, entries[i].nid);
		cfs_put_le16(p + offsetof(struct erofs_dirent, nameoff),
			     (uint16_t)name_off);
		p[offsetof(struct erofs_dirent, file_type)] = entries[i].file_type;
		memcpy(f->p + off + name_off, entries[i].name, len);
		name_off += len;
	}
	return name_off;
}

size_t forge_xattr(struct forge *f, uint64_t off, uint8_t index, const char *suffix,
		   struct cfs_span value)
{
	size_t suffix_len = strlen(suffix);
	uint8_t *p = f->p + off;

	p[offsetof(struct erofs_xattr_entry, e_name_len)] = (uint8_t)suffix_len;
	p[offsetof(struct erofs_xattr_entry, e_name_index)] = index;
	cfs_put_le16(p + offsetof(struct erofs_xattr_entry, e_value_size),
		     (uint16_t)value.len);
	memcpy(p + sizeof(struct erofs_xattr_entry), suffix, suffix_len);
	if (value.len)
		memcpy(p + sizeof(struct erofs_xattr_entry) + suffix_len, value.p,
		       value.len);
	return cfs_align_up(sizeof(struct erofs_xattr_entry) + suffix_len + value.len, 4);
}

void forge_root(struct forge *f, const struct forge_entry *entries, size_t n)
{
	struct forge_entry group[18] = {{".", 36, EROFS_FT_DIR},
					{"..", 36, EROFS_FT_DIR}};
	size_t len;

	t_ok(n <= 16);
	memcpy(group + 2, entries, n * sizeof(*entries));
	len = forge_group(f, 36 * EROFS_SLOT + EROFS_SLOT, group, n + 2);
	forge_inode(f, 36, S_IFDIR | 0755, EROFS_LAYOUT_INLINE, len, 0, 0);
}
