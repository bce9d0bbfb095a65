/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar: entries and contents of archives in each format, and what is refused. */
#include <inttypes.h>

#include "t.h"
#include "tar/archive.h"

static struct cfs_err err;
static struct cfs_mem archive, content;

struct reading {
	struct cfs_feed_mem from;
	struct cfs_tar *tar;
	const struct cfs_tar_entry *e;
};

static struct cfs_mem *start(void)
{
	archive.len = 0;
	return &archive;
}

static struct reading begin_with(const struct cfs_tar_opts *opts)
{
	static struct cfs_feed_mem from;
	struct reading r = {0};

	from = (struct cfs_feed_mem){{archive.p, archive.len}, 0};
	t_eq(cfs_tar_open(cfs_feed_mem(&from), opts, &r.tar, &err), 0);
	return r;
}

static struct reading begin(void)
{
	return begin_with(NULL);
}

static void next(struct reading *r, const char *path)
{
	int rc = cfs_tar_next(r->tar, &r->e, &err);

	if (rc != 1)
		t_fail(__FILE__, __LINE__, "expected %s, got %d, %s", path, rc,
		       rc < 0 ? err.msg : "the end");
	t_eq(r->e->path.len, strlen(path));
	t_mem(r->e->path.s, path, strlen(path));
}

static void end(struct reading *r)
{
	int rc = cfs_tar_next(r->tar, &r->e, &err);

	if (rc != 0)
		t_fail(__FILE__, __LINE__, "expected the end, got %d %s", rc,
		       rc < 0 ? err.msg : "");
	t_eq(cfs_tar_get_offset(r->tar), archive.len);
	cfs_tar_close(r->tar);
}

static void expect_content(struct reading *r, const char *expected)
{
	content.len = 0;
	if (cfs_tar_copy(r->tar, cfs_sink_mem(&content), NULL, &err) < 0)
		t_fail(__FILE__, __LINE__, "content: %s", err.msg);
	t_eq(content.len, strlen(expected));
	t_mem(content.p, expected, content.len);
}

static void expect_failure_with(const struct cfs_tar_opts *opts, int rc, const char *msg)
{
	struct reading r = begin_with(opts);
	int got;

	while ((got = cfs_tar_next(r.tar, &r.e, &err)) > 0)
		;
	if (got == 0)
		t_fail(__FILE__, __LINE__, "expected \"%s\", got the end", msg);
	t_has(err.msg, msg);
	t_eq(got, rc);
	cfs_tar_close(r.tar);
}

static void expect_failure(int rc, const char *msg)
{
	expect_failure_with(NULL, rc, msg);
}

/* --- types and numbers ---------------------------------------------------------------------- */

static void write_each_type(struct cfs_mem *a)
{
	add_header(a, &(struct header){.name = "./", .type = '5', .mode = "0001750"});
	add_file(a, "./a/file", "hello");
	add_header(a,
		   &(struct header){
			   .name = "hard", .type = '1', .link = "./a//file", .size = 7});
	add_header(a, &(struct header){.name = "sym", .type = '2', .link = "/x/../y"});
	add_header(a,
		   &(struct header){
			   .name = "chr", .type = '3', .major = 4095, .minor = 1048575});
	add_header(a,
		   &(struct header){.name = "blk", .type = '4', .major = 8, .minor = 17});
	add_header(a, &(struct header){.name = "fifo",
				       .type = '6',
				       .uid = "0001750",
				       .gid = "7777777"});
	add_header(a, &(struct header){
			      .name = "cont", .type = '7', .size = 0, .mode = "0100640"});
	add_end(a);
}

T(tar_reads_an_entry_of_each_type)
{
	struct reading r;

	write_each_type(start());
	r = begin();
	next(&r, "");
	t_eq(r.e->inode.mode, S_IFDIR | 01750);
	next(&r, "a/file");
	t_eq(r.e->inode.mode, S_IFREG | 0644);
	t_eq(r.e->inode.size, 5);
	t_eq(r.e->inode.mtime_sec, 10);
	t_eq(r.e->off, 512);
	expect_content(&r, "hello");
	next(&r, "hard");
	t_ok(r.e->is_link);
	t_mem(r.e->target.s, "a/file", 6);
	t_eq(r.e->stored_len, 0);
	next(&r, "sym");
	t_eq(r.e->inode.mode & S_IFMT, S_IFLNK);
	t_mem(r.e->inode.payload.s, "/x/../y", 7);
	next(&r, "chr");
	t_eq(r.e->inode.rdev, UINT32_MAX);
	next(&r, "blk");
	t_eq(r.e->inode.rdev, 0x811);
	next(&r, "fifo");
	t_eq(r.e->inode.uid, 01750);
	t_eq(r.e->inode.gid, 07777777);
	next(&r, "cont");
	t_eq(r.e->inode.mode, S_IFREG | 0640);
	end(&r);
}

T(tar_skips_content_that_is_not_read)
{
	struct cfs_mem *a = start();
	struct reading r;

	add_file(a, "one", "1");
	add_file(a, "two", "22");
	r = begin();
	next(&r, "one");
	next(&r, "two");
	expect_content(&r, "22");
	end(&r);
}

T(tar_v7_has_directories_by_slash_and_no_devices)
{
	struct cfs_mem *a = start();
	struct reading r;

	add_header(a, &(struct header){.name = "dir/", .magic = V7_MAGIC, .size = 9});
	r = begin();
	next(&r, "dir");
	t_eq(r.e->inode.mode & S_IFMT, S_IFDIR);
	end(&r);
	a = start();
	add_header(a, &(struct header){.name = "dev", .magic = V7_MAGIC, .type = '3'});
	expect_failure(-ENOTSUP, "entry \"dev\" at offset 0: entry type \"3\" is not "
				 "supported in a v7 header");
	a = start();
	add_header(a, &(struct header){.name = "x", .magic = V7_MAGIC, .type = 'x'});
	expect_failure(-ENOTSUP, "entry type \"x\" is not supported");
}

T(tar_refuses_unknown_types)
{
	add_header(start(), &(struct header){.name = "v", .type = 'V'});
	expect_failure(-ENOTSUP,
		       "entry \"v\" at offset 0: entry type \"V\" is not supported");
	add_header(start(), &(struct header){.name = "v", .type = '\x03'});
	expect_failure(-ENOTSUP, "entry type 0x03 is not supported");
}

static void set_field(size_t off, const void *bytes, size_t len)
{
	memcpy(archive.p + off, bytes, len);
	sum_header(archive.p);
}

T(tar_reads_binary_numbers)
{
	struct reading r;

	add_header(start(), &(struct header){.name = "n"});
	set_field(108, "\x80\0\0\0\xff\xff\xff\xff", 8);
	set_field(136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	r = begin();
	next(&r, "n");
	t_eq(r.e->inode.uid, UINT32_MAX);
	t_eq(r.e->inode.mtime_sec, -2);
	end(&r);
	set_field(108, "\x80\0\0\1\0\0\0\0", 8);
	expect_failure(-EINVAL, "uid: expected 0 to 4294967295, got 4294967296");
	set_field(108, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	expect_failure(-EINVAL, "uid: expected 0 to 4294967295, got -1");
	set_field(136, "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12);
	set_field(108, "       ", 8);
	expect_failure(-EINVAL, "mtime: the binary number exceeds 63 bits");
}

T(tar_refuses_numbers_that_are_not_octal)
{
	add_header(start(), &(struct header){.name = "n", .uid = "0000008"});
	expect_failure(-EINVAL, "uid: expected octal digits, got byte 0x38");
	add_header(start(), &(struct header){.name = "n", .uid = "  12 8"});
	t_ok(archive.len);
	add_header(start(), &(struct header){.name = "n", .type = '3', .major = 4096});
	expect_failure(-EINVAL, "device: expected a major up to 4095");
	add_header(start(), &(struct header){.name = "n", .type = '3', .minor = 1048576});
	expect_failure(-EINVAL, "device: expected a major up to 4095");
}

T(tar_accepts_signed_checksums_and_refuses_others)
{
	uint8_t *block;
	int sum = 0;
	struct reading r;

	add_header(start(), &(struct header){.name = "\xff\xfe"});
	block = archive.p;
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += (int8_t)block[i];
	snprintf((char *)block + 148, 8, "%06o", (unsigned)sum);
	r = begin();
	next(&r, "\xff\xfe");
	end(&r);
	block[148] = '7';
	expect_failure(-EINVAL, "offset 0: header checksum: expected ");
}

/* --- names ---------------------------------------------------------------------------------- */

T(tar_prefers_pax_to_gnu_to_prefix)
{
	struct cfs_mem *a = start();
	struct reading r;

	add_header(a, &(struct header){.name = "n", .prefix = "p/q"});
	add_header(a, &(struct header){.name = "n", .prefix = "p/q", .magic = GNU_MAGIC});
	add_long(a, 'L', "long/name");
	add_header(a, &(struct header){.name = "n", .prefix = "p/q"});
	add_long(a, 'L', "loser");
	add_long(a, 'K', "loser");
	add_pax(a, "path=winner", "linkpath=target", NULL);
	add_header(a, &(struct header){.name = "n", .type = '2', .link = "l"});
	add_long(a, 'K', "k");
	add_header(a, &(struct header){.name = "n", .type = '2', .link = "l"});
	r = begin();
	next(&r, "p/q/n");
	next(&r, "n");
	next(&r, "long/name");
	t_eq(r.e->off, 1024);
	next(&r, "winner");
	t_mem(r.e->inode.payload.s, "target", 6);
	t_eq(r.e->inode.payload.len, 6);
	next(&r, "n");
	t_mem(r.e->inode.payload.s, "k", 1);
	end(&r);
}

T(tar_makes_paths_of_names)
{
	static const struct {
		const char *name, *path;
	} cases[] = {
		{"/a", "a"},
		{"./a", "a"},
		{"a///b/", "a/b"},
		{".", ""},
		{"//./", ""},
		{"a/./b", "a/b"},
		{".a/..b/c.", ".a/..b/c."},
		{"./.../x", ".../x"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[64];
		size_t len;

		t_eq(cfs_tar_clean_path(cfs_text(cases[i].name), out, &len, &err), 0);
		t_eq(len, strlen(cases[i].path));
		t_mem(out, cases[i].path, len);
	}
}

T(tar_refuses_paths_that_lead_outside)
{
	static const char *const bad[] = {"..", "../a", "a/..", "a/../b", "/.."};
	char out[512], c256[257], c255[256];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(cfs_tar_clean_path(cfs_text(bad[i]), out, &len, &err), -EINVAL);
	t_eq(cfs_tar_clean_path((struct cfs_text){"a\0b", 3}, out, &len, &err), -EINVAL);
	memset(c256, 'n', 256);
	memset(c255, 'n', 255);
	c256[256] = c255[255] = 0;
	t_eq(cfs_tar_clean_path(cfs_text(c256), out, &len, &err), -ENAMETOOLONG);
	t_eq(cfs_tar_clean_path(cfs_text(c255), out, &len, &err), 0);
	add_header(start(),
		   &(struct header){.name = "h", .type = '1', .link = "../../etc"});
	expect_failure(-EINVAL,
		       "entry \"h\" at offset 0: hard link target: the path has the "
		       "component \"..\"");
	add_header(start(), &(struct header){.name = "./", .type = '0'});
	expect_failure(-EINVAL,
		       "the path is that of the root, which must be a directory");
}

/* --- pax ------------------------------------------------------------------------------------ */

T(tar_reads_pax_times_to_the_nanosecond)
{
	static const struct {
		const char *record;
		int64_t sec;
		uint32_t nsec;
	} cases[] = {
		{"mtime=1234567890.123456789", 1234567890, 123456789},
		{"mtime=1.5", 1, 500000000},
		{"mtime=1.1234567899", 1, 123456789},
		{"mtime=-1.5", -2, 500000000},
		{"mtime=-0.000000001", -1, 999999999},
		{"mtime=-3", -3, 0},
		{"mtime=7.", 7, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfs_mem *a = start();
		struct reading r;

		add_pax(a, cases[i].record, NULL);
		add_file(a, "f", "");
		r = begin();
		next(&r, "f");
		t_eq(r.e->inode.mtime_sec, cases[i].sec);
		t_eq(r.e->inode.mtime_nsec, cases[i].nsec);
		end(&r);
	}
}

T(tar_reads_pax_numbers_and_xattrs)
{
	struct cfs_mem *a = start();
	struct cfs_tar_opts opts = {.encoded_xattr_names = true};
	struct reading r;

	add_pax(a, "uid=4294967295", "gid=70000", "size=3",
		"SCHILY.xattr.user.a%3Db%25%=v=1\nw", "LIBARCHIVE.xattr.user.x=eA",
		"comment=1", "uid=12", "gid=", NULL);
	add_header(a, &(struct header){.name = "f", .gid = "0000005"});
	add_bytes(a, "abc", 3);
	add_padding(a);
	add_file(a, "plain", "");
	r = begin_with(&opts);
	next(&r, "f");
	t_eq(r.e->inode.uid, 12);
	t_eq(r.e->inode.gid, 5);
	t_eq(r.e->inode.n_xattrs, 1);
	t_eq(r.e->inode.xattrs[0].key.len, strlen("user.a=b%%"));
	t_mem(r.e->inode.xattrs[0].key.s, "user.a=b%%", 10);
	t_mem(r.e->inode.xattrs[0].value.p, "v=1\nw", 5);
	expect_content(&r, "abc");
	next(&r, "plain");
	t_eq(r.e->inode.n_xattrs, 0);
	t_eq(r.e->inode.uid, 0);
	end(&r);
	r = begin();
	next(&r, "f");
	t_mem(r.e->inode.xattrs[0].key.s, "user.a%3Db%25%", 14);
	cfs_tar_close(r.tar);
}

static void expect_records_fail(const char *records, int rc, const char *msg)
{
	struct cfs_mem *a = start();

	add_header(a,
		   &(struct header){.name = "p", .type = 'x', .size = strlen(records)});
	add_bytes(a, records, strlen(records));
	add_padding(a);
	add_file(a, "f", "");
	expect_failure(rc, msg);
}

T(tar_refuses_bad_pax_records)
{
	expect_records_fail("9999 a=b\n", -EINVAL,
			    "pax record: expected \"LENGTH KEY=VALUE\"");
	expect_records_fail("0 a=b\n", -EINVAL, "pax record");
	expect_records_fail("6 a=b\n4 \n", -EINVAL, "pax record");
	expect_records_fail("6 a=bc", -EINVAL, "pax record");
	expect_records_fail("5 =b\n", -EINVAL, "expected KEY=VALUE");
	expect_records_fail("5 ab\n", -EINVAL, "expected KEY=VALUE");
	expect_records_fail("-6 a=b\n", -EINVAL, "pax record");
	expect_records_fail("99999999999999999999999 a=b\n", -EINVAL, "pax record");
	expect_records_fail("7 a\xff=b\n", -EINVAL, "the key is not UTF-8");
	expect_records_fail("29 size=18446744073709551615\n", -EINVAL,
			    "size: expected at most");
	expect_records_fail("18 uid=4294967296\n", -EINVAL, "uid: expected at most");
	expect_records_fail("12 mtime=1x\n", -EINVAL, "mtime: expected decimal digits");
	expect_records_fail("13 mtime=1.x\n", -EINVAL, "mtime: expected decimal digits");
}

T(tar_ignores_global_records)
{
	struct cfs_mem *a = start();
	struct reading r;

	add_header(a, &(struct header){.name = "g", .type = 'g', .size = 15});
	add_bytes(a, "15 path=GLOBAL\n", 15);
	add_padding(a);
	add_file(a, "f", "x");
	r = begin();
	next(&r, "f");
	end(&r);
}

T(tar_refuses_extension_headers_twice_or_without_entry)
{
	struct cfs_mem *a = start();

	add_pax(a, "path=a", NULL);
	add_pax(a, "path=b", NULL);
	add_file(a, "f", "");
	expect_failure(-EINVAL,
		       "offset 0: expected one extension header \"x\", got a second");
	a = start();
	add_file(a, "f", "");
	add_pax(a, "path=a", NULL);
	expect_failure(-EINVAL,
		       "offset 512: expected an entry after an extension header");
	add_end(a);
	expect_failure(-EINVAL,
		       "offset 512: expected an entry after an extension header");
}

T(tar_bounds_extension_headers_and_their_records)
{
	struct cfs_mem *a = start();
	static char big[CFS_TAR_EXTENSIONS_MAX + 2];

	add_header(a, &(struct header){.name = "p",
				       .type = 'x',
				       .size = CFS_TAR_EXTENSIONS_MAX + 1});
	expect_failure(-EFBIG, "expected at most 1048576 bytes of extension headers");
	a = start();
	memset(big, 'a', CFS_TAR_EXTENSIONS_MAX / 2);
	add_long(a, 'K', big);
	add_long(a, 'L', big);
	add_file(a, "f", "");
	expect_failure(-EFBIG, "expected at most 1048576 bytes of extension headers");
	a = start();
	for (size_t i = 1; i < sizeof(big); i += 2)
		big[i] = '/';
	big[CFS_TAR_PATH_MAX + 1] = 0;
	add_long(a, 'L', big);
	add_file(a, "f", "");
	expect_failure(-ENAMETOOLONG, ": the path has 65536 bytes");
	a = start();
	add_header(a, &(struct header){.name = "p",
				       .type = 'x',
				       .size = 6 * (CFS_TAR_RECORDS_MAX + 1)});
	for (int i = 0; i <= CFS_TAR_RECORDS_MAX; i++)
		add_bytes(a, "6 a=b\n", 6);
	add_padding(a);
	add_file(a, "f", "");
	expect_failure(-EFBIG, "expected at most 32768 pax records");
}

static int count_warning;

static void see_warning(void *ctx, const char *msg)
{
	(void)ctx;
	t_has(msg, "entry \"f\": LIBARCHIVE.xattr.security.capability is ignored");
	count_warning++;
}

T(tar_warns_of_capabilities_in_the_form_of_libarchive_alone)
{
	struct cfs_watch watch = {.warning = see_warning};
	struct cfs_tar_opts opts = {.watch = &watch};
	struct cfs_mem *a = start();
	struct reading r;

	add_pax(a, "LIBARCHIVE.xattr.security.capability=AQ", NULL);
	add_file(a, "f", "");
	add_pax(a, "LIBARCHIVE.xattr.security.capability=AQ",
		"SCHILY.xattr.security.capability=1", NULL);
	add_file(a, "g", "");
	r = begin_with(&opts);
	next(&r, "f");
	next(&r, "g");
	end(&r);
	t_eq(count_warning, 1);
}

/* --- the end -------------------------------------------------------------------------------- */

T(tar_ends_at_two_zero_blocks_or_with_the_data)
{
	static const uint8_t zeros[512];
	struct cfs_mem *a = start();
	struct reading r;

	r = begin();
	end(&r);
	add_file(a, "f", "x");
	r = begin();
	next(&r, "f");
	end(&r);
	add_bytes(a, zeros, 512);
	r = begin();
	next(&r, "f");
	end(&r);
	add_bytes(a, zeros, 512);
	add_bytes(a, "anything", 8);
	r = begin();
	next(&r, "f");
	end(&r);
}

T(tar_refuses_data_after_one_zero_block)
{
	static const uint8_t zeros[512];
	struct cfs_mem *a = start();

	add_file(a, "f", "x");
	add_bytes(a, zeros, 512);
	add_file(a, "g", "x");
	expect_failure(-EINVAL,
		       "offset 1024: expected a second zero block after the first");
}

T(tar_says_where_a_truncated_archive_ends)
{
	struct cfs_mem *a = start();

	add_file(a, "f", "hello");
	a->len = 512 + 3;
	expect_failure(-EINVAL,
		       "entry \"f\" at offset 0: the archive is truncated: expected 2 "
		       "more bytes of content");
	a->len = 512 + 5;
	expect_failure(-EINVAL, "expected 507 more bytes of padding");
	a->len = 511;
	expect_failure(-EINVAL,
		       "offset 0: the archive is truncated: expected 1 more bytes of a "
		       "header");
}
