/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: images that no writer here makes: format 2 of composefs-rs, SHA-512, and structures at the
 * very end. */
#include "t.h"

#include "erofs/erofs.h"
#include "erofs/format.h"
#include "forge.h"

enum { LEN = 32768, DATA_BLK = 4, ROOT_LEN = 32 + 512 };

static struct cfs_span bytes_of(const void *p, size_t len)
{
	return (struct cfs_span){p, len};
}

/* Opens, walks and takes the specs of all inodes. */
static int read_all(const struct forge *f, struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	struct cfs_image im;
	int rc = cfs_image_open(forge_span(f), &im, err);

	if (rc == 0)
		rc = cfs_walk_new(&im, &opts, &walk, err);
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = cfs_image_read_spec(&im, &e->inode, &room, &spec, err);
	cfs_spec_room_fini(&room);
	return rc;
}

/* An image with one file "f", whose inode is not written yet. */
static uint64_t begin(struct forge *f, uint32_t version, size_t file_len, size_t tail_at)
{
	struct forge_entry entry = {"f", 0, EROFS_FT_REG};

	forge_init(f, version, LEN, DATA_BLK);
	forge_take(f, ROOT_LEN, 32);
	entry.nid = forge_take(f, file_len, tail_at);
	forge_root(f, &entry, 1);
	return entry.nid;
}

static void get(const struct forge *f, const char *path, struct cfs_image *im,
		struct cfs_inode *inode)
{
	t_eq(cfs_image_open(forge_span(f), im, NULL), 0);
	t_eq(cfs_image_lookup(im, cfs_text(path), inode, NULL), 0);
}

T(format_2_counts_references_from_the_start)
{
	const uint64_t shared_off = 2 * EROFS_BLOCK;
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_inode inode;
	struct cfs_image im;
	struct forge f;
	uint64_t nid = begin(&f, 2, 32 + 16 + 16, 0);
	size_t len;

	forge_xattr(&f, shared_off, EROFS_XATTR_USER, "k", bytes_of("v", 1));
	cfs_put_le32(f.p + nid * 32 + 32 + 12, (uint32_t)(shared_off / 4));
	f.p[nid * 32 + 32 + 4] = 1;
	len = forge_xattr(&f, nid * 32 + 48, EROFS_XATTR_LUSTRE, "lov", bytes_of("x", 1));
	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0,
		    (uint16_t)(2 + len / 4));
	get(&f, "f", &im, &inode);
	t_eq(cfs_image_read_spec(&im, &inode, &room, &spec, NULL), 0);
	t_eq(spec.n_xattrs, 2);
	t_ok(cfs_text_eq(spec.xattrs[0].key, CFS_TEXT("lustre.lov")));
	t_ok(cfs_text_eq(spec.xattrs[1].key, CFS_TEXT("user.k")));
	cfs_spec_room_fini(&room);
	forge_fini(&f);
}

T(format_2_does_not_take_marks_for_whiteouts)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_inode inode;
	struct cfs_image im;
	struct forge f;
	uint64_t nid = begin(&f, 2, 32 + 12 + 48, 0);
	size_t len = 12;

	len += forge_xattr(&f, nid * 32 + 32 + len, EROFS_XATTR_TRUSTED,
			   "overlay.overlay.whiteout", bytes_of("", 0));
	len += forge_xattr(&f, nid * 32 + 32 + len, EROFS_XATTR_USER, "overlay.whiteout",
			   bytes_of("", 0));
	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0,
		    (uint16_t)(1 + (len - 12) / 4));
	get(&f, "f", &im, &inode);
	t_eq(cfs_image_read_spec(&im, &inode, &room, &spec, NULL), 0);
	t_ok(S_ISREG(spec.mode));
	t_eq(spec.n_xattrs, 2);
	t_ok(cfs_text_eq(spec.xattrs[0].key, CFS_TEXT("trusted.overlay.whiteout")));
	t_ok(cfs_text_eq(spec.xattrs[1].key, CFS_TEXT("user.overlay.whiteout")));
	cfs_spec_room_fini(&room);
	forge_fini(&f);
}

/* An external file with a metacopy of that algorithm. */
static void write_external(struct forge *f, uint64_t nid, enum cfs_hash_alg alg)
{
	uint8_t value[4 + CFS_HASH_MAX_LEN] = {0, (uint8_t)(4 + cfs_hash_len(alg)), 0,
					       (uint8_t)alg};
	uint64_t off = nid * 32 + 32 + 12;
	size_t len;

	memset(value + 4, 0xab, cfs_hash_len(alg));
	len = forge_xattr(f, off, EROFS_XATTR_TRUSTED, "overlay.metacopy",
			  bytes_of(value, 4 + cfs_hash_len(alg)));
	cfs_put_le32(f->p + off + len, EROFS_NULL_ADDR);
	forge_inode(f, nid, S_IFREG | 0644, EROFS_LAYOUT_CHUNK, 100, 0,
		    (uint16_t)(1 + len / 4));
}

T(digests_of_sha512_are_read_and_loaded)
{
	struct cfs_tree *tree;
	struct cfs_image im;
	struct forge f;
	uint64_t nid = begin(&f, 1, 32 + 12 + 88 + 4, 32 + 12 + 88);
	cfs_id id;

	write_external(&f, nid, CFS_SHA512);
	t_eq(cfs_image_open(forge_span(&f), &im, NULL), 0);
	t_eq(cfs_image_load(&im, NULL, &tree, NULL), 0);
	t_eq(tree->alg, CFS_SHA512);
	id = cfs_tree_find(tree, CFS_ROOT, CFS_TEXT("f"));
	t_ok(tree->nodes[id].digest[63] == 0xab);
	cfs_tree_free(tree);
	forge_fini(&f);
}

T(a_tree_has_digests_of_one_algorithm)
{
	struct cfs_tree *tree;
	struct cfs_image im;
	struct cfs_err err;
	struct forge f;
	struct forge_entry entries[2] = {{"a", 0, EROFS_FT_REG}, {"b", 0, EROFS_FT_REG}};

	forge_init(&f, 1, LEN, DATA_BLK);
	forge_take(&f, ROOT_LEN, 32);
	for (int i = 0; i < 2; i++) {
		entries[i].nid = forge_take(&f, 32 + 12 + 88 + 4, 32);
		write_external(&f, entries[i].nid, i ? CFS_SHA256 : CFS_SHA512);
	}
	forge_root(&f, entries, 2);
	t_eq(cfs_image_open(forge_span(&f), &im, NULL), 0);
	t_eq(cfs_image_load(&im, NULL, &tree, &err), -EUCLEAN);
	t_str(err.msg, "inode 58 at offset 1856: expected a sha512 digest, got sha256");
	forge_fini(&f);
}

T(inode_at_the_end_is_read_or_refused)
{
	struct forge_entry entry = {"f", LEN / 32 - 1, EROFS_FT_REG};
	struct cfs_err err;
	struct forge f;

	forge_init(&f, 2, LEN, DATA_BLK);
	forge_root(&f, &entry, 1);
	forge_inode(&f, entry.nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 0);
	t_eq(read_all(&f, &err), 0);
	f.p[entry.nid * 32] |= EROFS_EXTENDED;
	t_eq(read_all(&f, &err), -EUCLEAN);
	t_str(err.msg, "inode 1023 at offset 32736: cut off at the end of the image");
	forge_inode(&f, entry.nid, S_IFREG | 0644, EROFS_LAYOUT_INLINE, 1, 0, 0);
	t_eq(read_all(&f, &err), -EUCLEAN);
	t_str(err.msg, "inode 1023 at offset 32736: tail of 1 bytes at offset 32768 ends "
		       "outside the image");
	forge_fini(&f);
}

T(xattrs_of_one_inode_are_bounded)
{
	static uint8_t value[16384];
	struct cfs_err err;
	struct forge f;
	uint64_t nid = begin(&f, 2, 32, 0);

	for (char i = 0; i < 3; i++) {
		uint64_t off = 2 * EROFS_BLOCK + 64U * (unsigned)i;
		char key[2] = {(char)('a' + i), 0};

		forge_xattr(&f, off, EROFS_XATTR_USER, key,
			    bytes_of(value, sizeof(value)));
		cfs_put_le32(f.p + nid * 32 + 32 + 12 + 4 * i, (uint32_t)off / 4);
	}
	f.p[nid * 32 + 32 + 4] = 3;
	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 4);
	t_eq(read_all(&f, &err), -EUCLEAN);
	t_has(err.msg, ": xattrs: expected at most 49152 bytes in total");
	f.p[nid * 32 + 32 + 4] = 2;
	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 3);
	t_eq(read_all(&f, &err), 0);
	forge_fini(&f);
}

T(keys_that_no_tree_can_have_are_refused)
{
	struct cfs_err err;
	char suffix[256];
	struct forge f;
	uint64_t nid = begin(&f, 1, 32 + 12 + 260, 0);
	size_t len;

	memset(suffix, 'k', 255);
	suffix[255] = '\0';
	len = forge_xattr(&f, nid * 32 + 44, EROFS_XATTR_TRUSTED, suffix,
			  bytes_of("", 0));
	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0,
		    (uint16_t)(1 + len / 4));
	t_eq(read_all(&f, &err), -EUCLEAN);
	t_has(err.msg, ": xattr key: expected at most 255 bytes, got 263");
	memcpy(suffix, "overlay.overlay.", 16);
	forge_xattr(&f, nid * 32 + 44, EROFS_XATTR_TRUSTED, suffix, bytes_of("", 0));
	t_eq(read_all(&f, &err), 0);
	forge_fini(&f);
}

/* The xattrs of "f", a file of that size whose inode comes first in its entries. */
static void spec_of_file(struct forge *f, uint64_t nid, size_t xattrs_len,
			 struct cfs_spec_room *room, struct cfs_inode_spec *out)
{
	struct cfs_inode inode;
	struct cfs_image im;

	forge_inode(f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0,
		    (uint16_t)(1 + xattrs_len / 4));
	get(f, "f", &im, &inode);
	t_eq(cfs_image_read_spec(&im, &inode, room, out, NULL), 0);
}

T(the_first_value_of_a_duplicate_xattr_counts)
{
	static const size_t others[] = {0,
					40}; /* few and many, which are found otherwise */

	for (size_t k = 0; k < 2; k++) {
		struct cfs_spec_room room = {0};
		struct cfs_inode_spec spec;
		struct forge f;
		uint64_t nid = begin(&f, 1, 32 + 12 + 600, 0), off = nid * 32 + 32 + 12;
		size_t len =
			forge_xattr(&f, off, EROFS_XATTR_USER, "k", bytes_of("1", 1));

		for (size_t i = 0; i < others[k]; i++) {
			char key[2] = {(char)('A' + i), 0};

			len += forge_xattr(&f, off + len, EROFS_XATTR_USER, key,
					   bytes_of("x", 1));
		}
		len += forge_xattr(&f, off + len, EROFS_XATTR_USER, "k",
				   bytes_of("22", 2));
		len += forge_xattr(&f, off + len, EROFS_XATTR_USER, "k", bytes_of("", 0));
		spec_of_file(&f, nid, len, &room, &spec);
		t_ok(room.twins);
		t_eq(spec.n_xattrs, 1 + others[k]);
		t_ok(cfs_text_eq(spec.xattrs[0].key, CFS_TEXT("user.k")));
		t_ok(cfs_text_eq(cfs_span_text(spec.xattrs[0].value), CFS_TEXT("1")));
		cfs_spec_room_fini(&room);
		forge_fini(&f);
	}
}

T(only_a_pair_of_marks_without_values_is_a_whiteout)
{
	static const struct {
		const char *trusted, *user; /* values; NULL: not there */
		bool whiteout;
	} rows[] = {{"", "", true},
		    {"", NULL, false},
		    {NULL, "", false},
		    {"v", "", false},
		    {"", "v", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfs_spec_room room = {0};
		struct cfs_inode_spec spec;
		struct forge f;
		uint64_t nid = begin(&f, 1, 32 + 12 + 80, 0), off = nid * 32 + 32 + 12;
		size_t len = 0, n = 0;

		if (rows[i].trusted) {
			len += forge_xattr(
				&f, off, EROFS_XATTR_TRUSTED, "overlay.overlay.whiteout",
				bytes_of(rows[i].trusted, strlen(rows[i].trusted)));
			n++;
		}
		if (rows[i].user) {
			len += forge_xattr(&f, off + len, EROFS_XATTR_USER,
					   "overlay.whiteout",
					   bytes_of(rows[i].user, strlen(rows[i].user)));
			n++;
		}
		spec_of_file(&f, nid, len, &room, &spec);
		t_eq(S_ISCHR(spec.mode), rows[i].whiteout);
		t_eq(spec.n_xattrs, rows[i].whiteout ? 0 : n);
		cfs_spec_room_fini(&room);
		forge_fini(&f);
	}
}

T(a_file_with_content_has_no_backing_path)
{
	struct cfs_err err;
	struct forge f;
	uint64_t nid = begin(&f, 1, 32 + 12 + 24, 0);
	size_t len = forge_xattr(&f, nid * 32 + 44, EROFS_XATTR_TRUSTED,
				 "overlay.redirect", bytes_of("/x", 2));

	forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0,
		    (uint16_t)(1 + len / 4));
	t_eq(read_all(&f, &err), -EUCLEAN);
	t_has(err.msg, ": redirect on a file whose content is in the image");
	forge_fini(&f);
}

/* An inode of which the chunk map has a block to itself, as files of more than 2^52 bytes have. */
T(far_chunk_map_accounts_for_one_block_of_ones)
{
	struct cfs_inode_spec root_spec = {.mode = S_IFDIR};
	struct cfs_inode_spec spec = {
		.mode = S_IFREG, .size = CFS_EXTERNAL_MAX, .payload = CFS_TEXT("x")};
	struct cfs_image_opts opts = {0};
	struct cfs_mem image = {0};
	struct cfs_inode inode;
	struct cfs_builder *b;
	struct cfs_tree *tree;
	struct cfs_plan *plan;
	struct cfs_image im;
	struct cfs_err err;
	cfs_id id;

	t_eq(cfs_builder_new(CFS_SHA256, &b, NULL), 0);
	t_eq(cfs_builder_set_root(b, &root_spec, NULL), 0);
	t_eq(cfs_builder_add(b, CFS_ROOT, CFS_TEXT("f"), &spec, &id, NULL), 0);
	t_eq(cfs_builder_freeze(&b, &tree, NULL), 0);
	t_eq(cfs_plan_new(tree, &opts, NULL, &plan, NULL), 0);
	t_eq(cfs_emit(plan, cfs_sink_mem(&image), NULL), 0);
	cfs_plan_free(plan);
	cfs_tree_free(tree);
	t_eq(cfs_image_open((struct cfs_span){image.p, image.len}, &im, NULL), 0);
	t_eq(cfs_image_lookup(&im, CFS_TEXT("f"), &inode, NULL), 0);
	t_ok(inode.external && inode.far_chunks);
	t_eq(inode.size, CFS_EXTERNAL_MAX);
	t_eq(cfs_image_check(&im, &err), 0);
	image.p[image.len - 1] = 0;
	t_eq(cfs_image_check(&im, &err), -EUCLEAN);
	t_has(err.msg, "belongs to no inode");
	free(image.p);
}
