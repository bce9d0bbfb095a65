/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Damages good images where it hurts, and gives them to the image target:
 *   damage COUNT SEED IMAGE...
 * Flipped bits and changed bytes anywhere, fields of inodes and directory entries set to numbers that
 * mean something elsewhere in the image, structures copied over others, ends cut off. The same
 * arguments give the same images. */
#include "fuzz.h"

#include <string.h>
#include <time.h>

#include <fcntl.h>

#include "erofs/format.h"
#include "erofs/erofs.h"

enum {
	EDITS_MAX = 6,	 /* of one image */
	SECONDS_MAX = 5, /* of CPU for one image, under sanitizers */
};

/* A good image, and where its structures begin. */
struct good {
	struct cfs_map map;
	uint64_t *inodes, *entries; /* offsets */
	size_t n_inodes, inodes_cap, n_entries, entries_cap;
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t choose_below(uint64_t *state, uint64_t n)
{
	return next_random(state) % n;
}

/* --- Good images --------------------------------------------------------------------- */

static void note_offset(uint64_t **list, size_t *n, size_t *cap, uint64_t off)
{
	fuzz_hold(cfs_grow(list, cap, *n + 1, sizeof(**list)) == 0);
	(*list)[(*n)++] = off;
}

/* Notes the entries of the group at off. */
static void note_group(struct good *g, uint64_t off)
{
	uint16_t names = cfs_le16(g->map.span.p + off + 8);

	for (uint16_t i = 0; i < names / sizeof(struct erofs_dirent); i++)
		note_offset(&g->entries, &g->n_entries, &g->entries_cap,
			    off + i * sizeof(struct erofs_dirent));
}

static void note_dir(struct good *g, const struct cfs_inode *dir)
{
	for (uint64_t off = 0; off < dir->blocks.len; off += EROFS_BLOCK)
		note_group(g, dir->data_off + off);
	if (dir->tail.len)
		note_group(g, dir->off + dir->len - dir->tail.len);
}

static int survey_image(struct good *g, struct cfs_err *err)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_image im;
	int rc = cfs_image_open(g->map.span, &im, err);

	if (rc == 0)
		rc = cfs_walk_new(&im, NULL, &walk, err);
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		note_offset(&g->inodes, &g->n_inodes, &g->inodes_cap, e->inode.off);
		if (S_ISDIR(e->inode.mode))
			note_dir(g, &e->inode);
		rc = 0;
	}
	return rc;
}

static int open_good(const char *path, struct good *g, struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	*g = (struct good){0};
	if (fd < 0)
		return cfs_context(err, cfs_fail_errno(err, "open"), "%s", path);
	rc = cfs_map_copy(fd, &g->map, err);
	if (rc == 0)
		rc = survey_image(g, err);
	return cfs_context(err, rc, "%s", path);
}

static void close_good(struct good *g)
{
	cfs_map_close(&g->map);
	free(g->inodes);
	free(g->entries);
}

/* --- Damage -------------------------------------------------------------------------- */

/* A damaged image in the making. */
struct bad {
	const struct good *good;
	uint8_t *p;
	size_t len;
	uint64_t random;
};

/* A number that is likely to lead somewhere. */
static uint64_t pick_value(struct bad *b)
{
	static const uint64_t edges[] = {0,	     1,		2,	    0x7f,
					 0xff,	     0x7fff,	UINT16_MAX, INT32_MAX,
					 UINT32_MAX, INT64_MAX, 4095,	    4096,
					 UINT64_MAX, 12,	36};
	uint64_t off = b->good->inodes[choose_below(&b->random, b->good->n_inodes)];

	switch (choose_below(&b->random, 5)) {
	case 0:
		return off / EROFS_SLOT;
	case 1:
		return off / EROFS_SLOT + choose_below(&b->random, 3) - 1;
	case 2:
		return choose_below(&b->random, b->good->map.span.len / EROFS_BLOCK + 2);
	case 3:
		return edges[choose_below(&b->random, sizeof(edges) / sizeof(edges[0]))];
	default:
		return next_random(&b->random) >> choose_below(&b->random, 64);
	}
}

/* Sets a field of that width, if it is still inside. */
static void set_bytes(struct bad *b, uint64_t off, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width && off + i < b->len; i++)
		b->p[off + i] = (uint8_t)(value >> 8 * i);
}

static void flip_bit(struct bad *b)
{
	b->p[choose_below(&b->random, b->len)] ^=
		(uint8_t)(1 << choose_below(&b->random, 8));
}

static void change_byte(struct bad *b)
{
	set_bytes(b, choose_below(&b->random, b->len), 1, next_random(&b->random));
}

static void edit_super(struct bad *b)
{
	static const size_t fields[] = {offsetof(struct erofs_super, root_nid),
					offsetof(struct erofs_super, inos),
					offsetof(struct erofs_super, meta_blkaddr),
					offsetof(struct erofs_super, xattr_blkaddr),
					offsetof(struct erofs_super, feature_compat)};

	if (choose_below(&b->random, 4) == 0)
		set_bytes(b, offsetof(struct cfs_header, composefs_version), 4,
			  choose_below(&b->random, 3));
	else
		set_bytes(b, EROFS_SB_OFF + fields[choose_below(&b->random, 5)], 2,
			  pick_value(b));
}

/* The head of an inode, or what follows it: xattrs, names, targets, chunk maps. */
static void edit_inode(struct bad *b)
{
	uint64_t off = b->good->inodes[choose_below(&b->random, b->good->n_inodes)];
	size_t width = (size_t)1 << choose_below(&b->random, 4);

	off += choose_below(&b->random, 2) ? 2 * choose_below(&b->random, 32)
					   : choose_below(&b->random, 300);
	set_bytes(b, off, width, pick_value(b));
}

static void edit_entry(struct bad *b)
{
	static const struct {
		uint8_t off, width;
	} fields[] = {{0, 8}, {8, 2}, {10, 1}, {11, 1}};
	uint64_t off = b->good->entries[choose_below(&b->random, b->good->n_entries)];
	uint64_t i = choose_below(&b->random, 4);

	set_bytes(b, off + fields[i].off, fields[i].width, pick_value(b));
}

/* The nid and type of one entry into another: a loop, or a second name. */
static void cross_link(struct bad *b)
{
	uint64_t from = b->good->entries[choose_below(&b->random, b->good->n_entries)];
	uint64_t to = b->good->entries[choose_below(&b->random, b->good->n_entries)];

	if (from + 11 > b->len || to + 11 > b->len)
		return;
	memmove(b->p + to, b->p + from, 8);
	b->p[to + 10] = b->p[from + 10];
}

static void copy_structure(struct bad *b)
{
	size_t len = EROFS_SLOT * (1 + choose_below(&b->random, 8));
	uint64_t from = choose_below(&b->random, b->len),
		 to = choose_below(&b->random, b->len);

	if (choose_below(&b->random, 2)) {
		from = b->good->inodes[choose_below(&b->random, b->good->n_inodes)];
		to = b->good->inodes[choose_below(&b->random, b->good->n_inodes)];
	}
	if (from + len <= b->len && to + len <= b->len)
		memmove(b->p + to, b->p + from, len);
}

/* Mostly at a block, with a superblock that agrees. */
static void cut_image(struct bad *b)
{
	size_t len = choose_below(&b->random, b->len) + 1;

	if (choose_below(&b->random, 4)) {
		len = (size_t)cfs_align_up(len, EROFS_BLOCK);
		len = len < b->len ? len : b->len;
		set_bytes(b, EROFS_SB_OFF + offsetof(struct erofs_super, blocks), 4,
			  len / EROFS_BLOCK);
	}
	b->len = len;
}

static void damage_image(struct bad *b)
{
	static void (*const ways[])(struct bad *) = {
		flip_bit,   change_byte,    edit_super, edit_inode,
		edit_inode, edit_inode,	    edit_entry, edit_entry,
		cross_link, copy_structure, cut_image};
	uint64_t n = 1 + choose_below(&b->random, EDITS_MAX);

	while (n--) {
		size_t way = choose_below(&b->random, sizeof(ways) / sizeof(ways[0]));

		ways[way](b);
	}
}

/* --- Main ---------------------------------------------------------------------------- */

/* Gives image number i to the target, in memory of just its size. Returns the CPU time in
 * clocks. */
static clock_t try_one(const struct good *g, uint64_t seed, uint64_t i)
{
	struct bad b = {.good = g, .len = g->map.span.len, .random = seed + (i << 20)};
	uint8_t *copy;
	clock_t start;

	b.p = malloc(b.len);
	fuzz_hold(b.p);
	memcpy(b.p, g->map.span.p, b.len);
	damage_image(&b);
	copy = malloc(b.len);
	fuzz_hold(copy);
	memcpy(copy, b.p, b.len);
	free(b.p);
	start = clock();
	LLVMFuzzerTestOneInput(copy, b.len);
	start = clock() - start;
	free(copy);
	return start;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t seed = argc > 3 ? strtoull(argv[2], NULL, 10) : 0;
	clock_t longest = 0;
	struct cfs_err err;

	printf("1..1\n");
	for (int k = 3; k < argc; k++) {
		struct good g;

		if (open_good(argv[k], &g, &err) < 0) {
			printf("not ok 1 - %s\n", err.msg);
			return 1;
		}
		for (uint64_t i = 0; i < count; i++) {
			clock_t used = try_one(&g, seed + (uint64_t)k, i);

			longest = used > longest ? used : longest;
		}
		close_good(&g);
	}
	printf("%s 1 - %llu damaged images, the longest took %.3f s of at most %d\n",
	       longest < (clock_t)SECONDS_MAX * CLOCKS_PER_SEC ? "ok" : "not ok",
	       (unsigned long long)count * (unsigned long long)(argc - 3),
	       (double)longest / CLOCKS_PER_SEC, SECONDS_MAX);
	return longest >= (clock_t)SECONDS_MAX * CLOCKS_PER_SEC;
}
