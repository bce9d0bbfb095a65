/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: what the writer makes is canonical, wherever hard links have their inodes. */
#include "t.h"

#include <dirent.h>
#include <fcntl.h>

#include "dump/dump.h"
#include "erofs/erofs.h"
#include "golden.h"

#define ROOT "/ 4096 40755 1 0 0 0 0.0 - - -\n"

static struct cfs_err err;

static int check(struct cfs_span bytes)
{
	struct cfs_image im;

	t_eq(cfs_image_open(bytes, &im, NULL), 0);
	return cfs_image_check_canonical(&im, NULL, &err);
}

/* The image of a dump; p NULL: not a tree, or not in this form. */
static struct cfs_mem write_image_as(struct cfs_text text,
				     const struct cfs_image_opts *opts)
{
	struct cfs_dump_opts dump_opts = {0};
	struct cfs_mem image = {0};
	struct cfs_plan *plan = NULL;
	struct cfs_tree *t = NULL;

	if (cfs_dump_read_mem(text, CFS_SHA256, &dump_opts, &t, &err) == 0 &&
	    cfs_plan_new(t, opts, NULL, &plan, &err) == 0)
		t_eq(cfs_emit(plan, cfs_sink_mem(&image), &err), 0);
	cfs_plan_free(plan);
	cfs_tree_free(t);
	return image;
}

static struct cfs_mem write_image(struct cfs_text text, uint32_t version)
{
	struct cfs_image_opts opts = {version, version};

	return write_image_as(text, &opts);
}

static int check_dump(struct cfs_text text, uint32_t version)
{
	struct cfs_mem image = write_image(text, version);
	int rc = image.p ? check((struct cfs_span){image.p, image.len}) : 0;

	free(image.p);
	return rc;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);

	return len >= strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

/* Their images do not tell all of their trees: a size of a device, marks of whiteouts. */
static bool is_untold(const char *name)
{
	return strcmp(name, "devices.dump") == 0 ||
	       strcmp(name, "escape-whiteout-xattr.dump") == 0;
}

/* Made by composefs-rs, in a form of its own. */
static bool is_foreign(const char *name)
{
	return ends_with(name, ".v2.cfs");
}

static void check_golden(const char *name)
{
	size_t len;
	uint8_t *bytes = t_golden(name, &len);
	struct cfs_text text = {(const char *)bytes, len};
	int expected = is_untold(name) ? -EUCLEAN : 0;

	err.msg[0] = '\0';
	if (ends_with(name, ".cfs") &&
	    (check(cfs_text_span(text)) < 0) != is_foreign(name))
		t_fail(__FILE__, __LINE__, "%s: %s", name, err.msg);
	for (uint32_t version = 0; version < 2 && ends_with(name, ".dump"); version++)
		if (check_dump(text, version) != expected)
			t_fail(__FILE__, __LINE__, "%s, format %u: %s", name, version,
			       err.msg);
	free(bytes);
}

T(every_golden_image_and_that_of_every_golden_dump_is_canonical)
{
	const char *path = getenv("CFS_GOLDEN");
	const struct dirent *e;
	int n = 0;
	DIR *dir;

	if (!path)
		t_skip("CFS_GOLDEN is not set");
	dir = opendir(path);
	t_ok(dir);
	while ((e = readdir(dir))) {
		if (!ends_with(e->d_name, ".cfs") && !ends_with(e->d_name, ".dump"))
			continue;
		check_golden(e->d_name);
		n++;
	}
	closedir(dir);
	t_ok(n > 100);
}

/* Each inode stands behind other names than a walk meets first. */
static const char *const linked[] = {
	/* the first name in a directory before, one beside, and all three */
	ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n/a/x 0 @100644 1 0 0 0 0.0 /b/x - -\n"
	     "/b 0 40755 1 0 0 0 0.0 - - -\n/b/x 5 100644 2 0 0 0 0.0 - abcde -\n",
	ROOT "/a 0 @100644 1 0 0 0 0.0 /b - -\n/b 5 100644 2 0 0 0 0.0 - abcde -\n"
	     "/c 5 100644 2 0 0 0 0.0 - abcde -\n",
	ROOT "/a 0 @100644 1 0 0 0 0.0 /d/n - -\n/d 0 40755 1 0 0 0 0.0 - - -\n"
	     "/d/m 0 @100644 1 0 0 0 0.0 /d/n - -\n/d/n 5 100644 2 0 0 0 0.0 - abcde -\n"
	     "/d/o 0 @100644 1 0 0 0 0.0 /d/n - -\n/e 0 @100644 1 0 0 0 0.0 /a - -\n",
	/* breadth first the second name comes first, deep first the first */
	ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n/a/x 0 @100644 1 0 0 0 0.0 /b - -\n"
	     "/b 5 100644 2 0 0 0 0.0 - abcde -\n",
	/* either name gives the same numbers */
	ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n/a/x 5 100644 2 0 0 0 0.0 - abcde -\n"
	     "/b 0 40755 1 0 0 0 0.0 - - -\n/b/x 0 @100644 1 0 0 0 0.0 /a/x - -\n",
	/* two inodes whose names cross */
	ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n/a/x 0 @100644 1 0 0 0 0.0 /b/x - -\n"
	     "/a/y 1 100644 2 0 0 0 0.0 - y -\n/b 0 40755 1 0 0 0 0.0 - - -\n"
	     "/b/x 1 100644 2 0 0 0 0.0 - x -\n/b/y 0 @100644 1 0 0 0 0.0 /a/y - -\n",
};

T(inode_at_any_of_its_names_is_canonical)
{
	for (size_t i = 0; i < sizeof(linked) / sizeof(linked[0]); i++)
		for (uint32_t version = 0; version < 2; version++)
			if (check_dump(cfs_text(linked[i]), version) < 0)
				t_fail(__FILE__, __LINE__, "%s%s", linked[i], err.msg);
}

/* i_ino is at the same place in both forms of an inode. */
T(number_that_the_writer_gives_to_no_name_is_refused)
{
	struct cfs_mem image = write_image(cfs_text(linked[1]), 1);
	struct cfs_inode inode;
	struct cfs_image im;

	t_eq(cfs_image_open((struct cfs_span){image.p, image.len}, &im, NULL), 0);
	t_eq(cfs_image_lookup(&im, CFS_TEXT("/b"), &inode, NULL), 0);
	t_eq(check(im.bytes), 0);
	image.p[inode.off + 20] ^= 0x40;
	t_eq(check(im.bytes), -EUCLEAN);
	t_has(err.msg, "its number belongs to none of its names");
	free(image.p);
}

T(place_of_a_difference_is_one_line_for_any_name)
{
	const char *text = ROOT "/a\\nb 1 100644 1 0 0 0 0.0 - c - user.x=y\n";
	struct cfs_mem image = write_image(cfs_text(text), 1);
	struct cfs_inode inode;
	struct cfs_image im;

	t_eq(cfs_image_open((struct cfs_span){image.p, image.len}, &im, NULL), 0);
	t_eq(cfs_image_lookup(&im, CFS_TEXT("/a\nb"), &inode, NULL), 0);
	image.p[inode.off + inode.len - 2] ^= 1; /* the padding of the xattr */
	t_eq(check(im.bytes), -EUCLEAN);
	t_has(err.msg, "(/a?b)");
	free(image.p);
}

/* Where an inode that has one keeps its first shared xattr with padding, and the padding is. */
static uint64_t find_shared_padding(const struct cfs_image *im)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;

	t_eq(cfs_walk_new(im, NULL, &walk, NULL), 0);
	while (cfs_walk_next(walk, &e, NULL) > 0) {
		t_eq(cfs_raw_xattrs_open(im, &e->inode, &it, NULL), 0);
		while (cfs_raw_xattrs_next(&it, &x, NULL) > 0)
			if (x.shared && (x.suffix.len + x.value.len) % 4)
				return x.off + 4 + x.suffix.len + x.value.len;
	}
	t_fail(__FILE__, __LINE__, "no shared xattr has padding");
	return 0;
}

/* Bytes that the tree does not depend on; off 0: that padding. */
T(first_difference_is_reported_with_its_structure)
{
	static const struct {
		const char *image;
		uint64_t off;
		const char *expected;
	} rows[] = {
		{"example.v1.cfs", 100, "composefs header: offset 100: "},
		{"example.v1.cfs", 1024 + 48, "superblock: offset 1072: "},
		{"example.v1.cfs", 1152 + 20, "inode 36 (/): offset 1172: "},
		{"example.v1.cfs", 1216 + 24, "inode 38 (/00): offset 1240: "},
		{"inline-sizes.v1.cfs", 11456, "padding between inodes: offset 11456: "},
		{"inline-sizes.v1.cfs", 30721,
		 "data of inode 576 (/s2049): offset 30721: "},
		{"xattr-shared-order.v1.cfs", 0, "shared xattrs: offset "},
		{"xattr-shared-order.v1.cfs", 12000,
		 "padding behind the shared xattrs: offset 12000: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfs_image im;
		size_t len;
		uint8_t *bytes = t_golden(rows[i].image, &len);
		struct cfs_span image = {bytes, len};

		t_eq(cfs_image_open(image, &im, NULL), 0);
		bytes[rows[i].off ? rows[i].off : find_shared_padding(&im)] ^= 1;
		t_eq(check(image), -EUCLEAN);
		err.msg[strlen(rows[i].expected)] = '\0';
		t_str(err.msg, rows[i].expected);
		free(bytes);
	}
}

/* They differ in the four bytes of the field, and each is canonical. */
T(image_with_0_blocks_is_canonical_and_another_wrong_number_is_refused)
{
	struct cfs_image_opts silent = {.max_version = 1, .no_blocks = true};
	struct cfs_mem plain = write_image(cfs_text(linked[0]), 0),
		       image = write_image_as(cfs_text(linked[0]), &silent);
	uint8_t *field = image.p + 1024 + 36;
	struct cfs_span bytes = {image.p, image.len};
	struct cfs_image im;

	t_eq(image.len, plain.len);
	t_eq(cfs_le32(plain.p + 1024 + 36), plain.len / 4096);
	t_eq(cfs_le32(field), 0);
	t_eq(check(bytes), 0);
	t_eq(cfs_image_open(bytes, &im, NULL), 0);
	t_ok(im.no_blocks);
	t_eq(cfs_image_check(&im, &err), 0);
	bytes.len--;
	t_eq(cfs_image_open(bytes, &im, &err), -EUCLEAN);
	t_has(err.msg, "superblock at offset 1060: says 0 blocks");
	bytes.len++;
	cfs_put_le32(field, 1);
	t_eq(cfs_image_open(bytes, &im, &err), -EUCLEAN);
	t_has(err.msg, "superblock at offset 1060: says 1 blocks");
	cfs_put_le32(field, (uint32_t)(plain.len / 4096));
	t_mem(image.p, plain.p, plain.len);
	free(plain.p);
	free(image.p);
}

/* One from before 1970 is the largest to who takes times for numbers without sign. */
T(image_is_canonical_by_either_reading_of_times_before_1970)
{
	static const char dump[] = "/ 4096 40755 1 0 0 0 7.5 - - -\n"
				   "/a 0 100644 1 0 0 0 -2.9 - - -\n"
				   "/b 0 100644 1 0 0 0 7.4 - - -\n";
	struct cfs_image_opts opts = {.max_version = 1, .unsigned_times = true};
	struct cfs_mem earliest = write_image(cfs_text(dump), 0),
		       other = write_image_as(cfs_text(dump), &opts);
	struct cfs_span bytes = {other.p, other.len};
	struct cfs_image im;

	t_eq(cfs_image_open((struct cfs_span){earliest.p, earliest.len}, &im, NULL), 0);
	t_eq(im.build_sec, -2);
	t_eq(im.build_nsec, 9);
	t_eq(cfs_image_open(bytes, &im, NULL), 0);
	t_eq(im.build_sec, 7);
	t_eq(im.build_nsec, 4);
	t_eq(check(bytes), 0);
	t_eq(check((struct cfs_span){earliest.p, earliest.len}), 0);
	free(earliest.p);
	free(other.p);
}
