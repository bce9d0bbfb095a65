/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: what an image costs its reader is bounded by its length: forged images of 1 MiB that
 * try to make more of themselves. */
#include "t.h"

#include <sys/resource.h>
#include <time.h>

#include "erofs/format.h"
#include "erofs/erofs.h"
#include "forge.h"

enum {
	MIB = 1 << 20,
	SECONDS_MAX =
		20, /* of CPU, under sanitizers; an order of magnitude above what it takes */
};

/* What a dump does with an image, but for the printing. */
static int read_all(struct cfs_span bytes, uint64_t *n, struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	struct cfs_image im;
	clock_t start = clock();
	int rc = cfs_image_open(bytes, &im, err);

	*n = 0;
	if (rc == 0)
		rc = cfs_walk_new(&im, &opts, &walk, err);
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		rc = cfs_image_read_spec(&im, &e->inode, &room, &spec, err);
		++*n;
	}
	cfs_spec_room_fini(&room);
	t_ok((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
	return rc;
}

/* A chain of directories, each in the one before, of names of that length. The last one is empty and
 * returned; its inode has room for a group of 64 bytes, not written. */
static uint64_t dig(struct forge *f, size_t depth, size_t name_len, uint64_t *parent)
{
	char name[256] = {0};
	uint64_t nid, self = forge_take(f, 32 + 39 + name_len, 32);

	memset(name, 'd', name_len);
	*parent = self;
	for (size_t i = 0; i < depth; i++) {
		struct forge_entry group[3] = {{".", self, EROFS_FT_DIR},
					       {"..", *parent, EROFS_FT_DIR},
					       {name, 0, EROFS_FT_DIR}};
		size_t len = 3 * 12 + 3 + name_len;

		nid = forge_take(f, 32 + len, 32);
		group[2].nid = nid;
		forge_inode(f, self, S_IFDIR | 0755, EROFS_LAYOUT_INLINE, len, 0, 0);
		forge_group(f, self * 32 + 32, group, 3);
		*parent = self;
		self = nid;
	}
	return self;
}

static void fill_empty_dir(struct forge *f, uint64_t self, uint64_t parent)
{
	const struct forge_entry group[2] = {{".", self, EROFS_FT_DIR},
					     {"..", parent, EROFS_FT_DIR}};

	forge_inode(f, self, S_IFDIR | 0755, EROFS_LAYOUT_INLINE, 27, 0, 0);
	forge_group(f, self * 32 + 32, group, 2);
}

/* A directory of blocks with n names of 4 digits for one inode; "." and ".." come first. */
static void fill_wide_dir(struct forge *f, uint64_t self, uint64_t parent,
			  uint64_t target, uint8_t file_type, size_t n)
{
	enum { PER_BLOCK = 240 /* of 12 + 5 bytes */ };
	uint32_t first = f->next_blk;
	size_t done = 0;

	while (done < n) {
		struct forge_entry group[PER_BLOCK];
		char names[PER_BLOCK][8];
		size_t k = 0;

		if (done == 0) {
			group[k++] = (struct forge_entry){".", self, EROFS_FT_DIR};
			group[k++] = (struct forge_entry){"..", parent, EROFS_FT_DIR};
		}
		for (; k < PER_BLOCK && done < n; k++, done++) {
			snprintf(names[k], sizeof(names[k]), "%05zu", done);
			group[k] = (struct forge_entry){names[k], target, file_type};
		}
		t_ok((f->next_blk + 1U) * EROFS_BLOCK <= f->len);
		forge_group(f, (uint64_t)f->next_blk++ * EROFS_BLOCK, group, k);
	}
	forge_inode(f, self, S_IFDIR | 0755, EROFS_LAYOUT_PLAIN,
		    (uint64_t)(f->next_blk - first) * EROFS_BLOCK, first, 0);
}

T(deep_tree_is_walked_without_recursion)
{
	struct cfs_err err;
	struct forge f;
	uint64_t self, parent, n;

	forge_init(&f, 1, MIB, 255);
	self = dig(&f, 10000, 1, &parent);
	fill_empty_dir(&f, self, parent);
	t_eq(read_all(forge_span(&f), &n, &err), 0);
	t_eq(n, 10001);
	forge_fini(&f);
}

T(many_names_deep_down_are_refused_before_their_paths_fill_the_disk)
{
	struct cfs_err err;
	struct forge f;
	uint64_t self, parent, file, n;

	forge_init(&f, 1, MIB, 150);
	self = dig(&f, 1500, 255, &parent);
	file = forge_take(&f, 32, 0);
	forge_inode(&f, file, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 0);
	fill_wide_dir(&f, self, parent, file, EROFS_FT_REG, 25000);
	t_eq(read_all(forge_span(&f), &n, &err), -EUCLEAN);
	t_has(err.msg, "paths and repeated inodes need more than 1140850688 "
		       "bytes, the limit for an image of 1048576 bytes");
	forge_fini(&f);
}

/* Names that sort before "." can lie in blocks, with "." and ".." in the tail of each directory: then
 * thousands of directories could show the same thousands of names. */
T(directories_cannot_share_blocks)
{
	struct forge_entry root_group[4], group[2], shared[1] = {{"!", 0, EROFS_FT_REG}};
	struct cfs_err err;
	struct forge f;
	uint64_t dir[2], root, file, n;

	forge_init(&f, 1, MIB, 100);
	root = forge_take(&f, 32 + 53, 32);
	file = forge_take(&f, 32, 0);
	forge_inode(&f, file, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 0);
	shared[0].nid = file;
	forge_group(&f, 100 * EROFS_BLOCK, shared, 1);
	for (int i = 0; i < 2; i++) {
		dir[i] = forge_take(&f, 32 + 27, 32);
		group[0] = (struct forge_entry){".", dir[i], EROFS_FT_DIR};
		group[1] = (struct forge_entry){"..", root, EROFS_FT_DIR};
		forge_inode(&f, dir[i], S_IFDIR | 0755, EROFS_LAYOUT_INLINE,
			    EROFS_BLOCK + 27, 100, 0);
		forge_group(&f, dir[i] * 32 + 32, group, 2);
	}
	root_group[0] = (struct forge_entry){".", root, EROFS_FT_DIR};
	root_group[1] = (struct forge_entry){"..", root, EROFS_FT_DIR};
	root_group[2] = (struct forge_entry){"a", dir[0], EROFS_FT_DIR};
	root_group[3] = (struct forge_entry){"b", dir[1], EROFS_FT_DIR};
	forge_inode(&f, root, S_IFDIR | 0755, EROFS_LAYOUT_INLINE, 53, 0, 0);
	forge_group(&f, root * 32 + 32, root_group, 4);
	t_eq(read_all(forge_span(&f), &n, &err), -EUCLEAN);
	t_has(err.msg, "bytes 409600 to 413696 belong to another structure already");
	forge_fini(&f);
}

/* An inode whose stored xattrs are many, named from everywhere: each name makes a printer repeat all of
 * them. */
T(large_inode_of_many_names_is_refused)
{
	enum { N = 5000 };
	struct cfs_err err;
	struct forge f;
	uint64_t root, file, n;
	uint8_t *p;

	forge_init(&f, 2, MIB, 20);
	root = forge_take(&f, 32, 0);
	file = forge_take(&f, 32 + 12 + 8 * N, 32 + 12 + 8 * N - 1);
	p = f.p + file * 32;
	for (int i = 0; i < N; i++) {
		uint8_t *entry = p + 44 + 8 * i;

		entry[0] = 2;
		entry[4] = (uint8_t)(1 + (N - i) / 255);
		entry[5] = (uint8_t)(1 + (N - i) % 255);
	}
	forge_inode(&f, file, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 1 + 2 * N);
	fill_wide_dir(&f, root, root, file, EROFS_FT_REG, 55000);
	t_eq(read_all(forge_span(&f), &n, &err), -EUCLEAN);
	t_has(err.msg, "paths and repeated inodes need more than");
	forge_fini(&f);
}

/* Puts "user.k" with a value of zeros into the next blocks. */
static void put_large_xattr(struct forge *f, uint16_t value_len)
{
	uint8_t *entry = f->p + f->next_blk * EROFS_BLOCK;

	entry[0] = 1;
	entry[1] = EROFS_XATTR_USER;
	cfs_put_le16(entry + 2, value_len);
	entry[4] = 'k';
	f->next_blk += (5U + value_len) / EROFS_BLOCK + 1;
}

/* The same where its one xattr is a large one of the shared table: 4 bytes of the inode. */
T(inode_with_a_large_shared_xattr_and_many_names_is_refused)
{
	enum { VALUE = 48000 };
	struct cfs_err err;
	struct forge f;
	uint64_t root, file, n;

	forge_init(&f, 2, MIB, 1);
	root = forge_take(&f, 32, 0);
	file = forge_take(&f, 48, 47);
	forge_inode(&f, file, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 2);
	f.p[file * 32 + 36] = 1;
	cfs_put_le32(f.p + file * 32 + 44, f.next_blk * EROFS_BLOCK / 4);
	put_large_xattr(&f, VALUE);
	fill_wide_dir(&f, root, root, file, EROFS_FT_REG, 55000);
	t_eq(read_all(forge_span(&f), &n, &err), -EUCLEAN);
	t_has(err.msg, "paths and repeated inodes need more than");
	forge_fini(&f);
}

/* One xattr of 32,000 bytes, and 8,000 inodes that refer to it. */
T(large_shared_xattr_costs_each_inode_little)
{
	enum { N = 8000, VALUE = 32000 };
	const uint32_t data_blk = 180;
	struct cfs_tree *tree;
	struct cfs_image im;
	struct cfs_err err;
	struct forge f;
	uint64_t root, n;

	forge_init(&f, 2, MIB, data_blk);
	root = forge_take(&f, 32, 0);
	put_large_xattr(&f, VALUE);
	for (int i = 0; i < N; i++) {
		uint64_t nid = forge_take(&f, 48, 47);

		forge_inode(&f, nid, S_IFREG | 0644, EROFS_LAYOUT_PLAIN, 0, 0, 2);
		f.p[nid * 32 + 36] = 1;
		cfs_put_le32(f.p + nid * 32 + 44, data_blk * EROFS_BLOCK / 4);
	}
	fill_wide_dir(&f, root, root, root + 1, EROFS_FT_REG, N);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t at = i + 2;

		cfs_put_le64(f.p + (188U + at / 240) * EROFS_BLOCK + at % 240 * 12,
			     root + 1 + 2 * i);
	}
	t_eq(read_all(forge_span(&f), &n, &err), 0);
	t_eq(n, N + 1);
	t_eq(cfs_image_open(forge_span(&f), &im, &err), 0);
	t_eq(cfs_image_load(&im, NULL, &tree, &err), 0);
	t_eq(tree->n_pairs, 1);
	cfs_tree_free(tree);
	t_eq(cfs_image_check(&im, NULL), -EUCLEAN); /* filters are wrong */
	forge_fini(&f);
}

T(reader_never_takes_much_memory)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	t_ok(use.ru_maxrss < 512 * 1024);
}
