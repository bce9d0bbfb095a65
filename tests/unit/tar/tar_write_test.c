/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar: what is written is read back. */
#include "t.h"
#include "tar/archive.h"

static struct cfs_err err;

static struct cfs_mem write_one(const struct cfs_tar_entry *e)
{
	struct cfs_mem out = {0};
	struct cfs_tar_writer *w;

	t_eq(cfs_tar_writer_new(cfs_sink_mem(&out), &w, &err), 0);
	if (cfs_tar_write_entry(w, e, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	/* Of a huge file only so much that the headers leave the buffer. */
	if (S_ISREG(e->inode.mode) && !e->is_link) {
		static const uint8_t zeros[512 * 1024];
		uint64_t size = e->inode.size;

		t_eq(cfs_tar_write_content(
			     w, zeros, size < sizeof(zeros) ? size : sizeof(zeros), &err),
		     0);
	}
	if (e->inode.size < 4096)
		t_eq(cfs_tar_write_end(w, &err), 0);
	cfs_tar_writer_free(w);
	return out;
}

static void expect_same(struct cfs_text a, struct cfs_text b)
{
	t_eq(a.len, b.len);
	if (a.len)
		t_mem(a.s, b.s, a.len);
}

static void check_trip(const struct cfs_tar_entry *e)
{
	struct cfs_mem out = write_one(e);
	struct cfs_feed_mem from = {{out.p, out.len}, 0};
	struct cfs_tar_opts opts = {.encoded_xattr_names = true};
	const struct cfs_tar_entry *got;
	struct cfs_tar *t;

	t_eq(cfs_tar_open(cfs_feed_mem(&from), &opts, &t, &err), 0);
	if (cfs_tar_next(t, &got, &err) != 1)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	expect_same(got->path, e->path);
	t_eq(got->is_link, e->is_link);
	expect_same(got->target, e->target);
	if (!e->is_link) {
		t_eq(got->inode.mode, e->inode.mode);
		t_eq(got->inode.size, S_ISREG(e->inode.mode) ? e->inode.size : 0);
		t_eq(got->inode.uid, e->inode.uid);
		t_eq(got->inode.gid, e->inode.gid);
		t_eq(got->inode.rdev, e->inode.rdev);
		t_eq(got->inode.mtime_sec, e->inode.mtime_sec);
		t_eq(got->inode.mtime_nsec, e->inode.mtime_nsec);
		expect_same(got->inode.payload, e->inode.payload);
		t_eq(got->inode.n_xattrs, e->inode.n_xattrs);
	}
	for (size_t i = 0; i < got->inode.n_xattrs; i++) {
		expect_same(got->inode.xattrs[i].key, e->inode.xattrs[i].key);
		t_ok(cfs_span_eq(got->inode.xattrs[i].value, e->inode.xattrs[i].value));
	}
	cfs_tar_close(t);
	free(out.p);
}

T(tar_writes_every_type)
{
	struct cfs_tar_entry e = {.path = CFS_TEXT(""), .inode.mode = S_IFDIR | 01755};

	check_trip(&e);
	e = (struct cfs_tar_entry){.path = CFS_TEXT("d"), .inode.mode = S_IFDIR};
	check_trip(&e);
	e = (struct cfs_tar_entry){.path = CFS_TEXT("f"),
				   .inode = {.mode = S_IFREG | 06777, .size = 513}};
	check_trip(&e);
	e = (struct cfs_tar_entry){
		.path = CFS_TEXT("h"), .is_link = true, .target = CFS_TEXT("a/b")};
	check_trip(&e);
	e = (struct cfs_tar_entry){.path = CFS_TEXT("c"),
				   .inode = {.mode = S_IFCHR, .rdev = UINT32_MAX}};
	check_trip(&e);
	e.inode.mode = S_IFBLK | 0600;
	e.inode.rdev = 0x12345678;
	check_trip(&e);
	e = (struct cfs_tar_entry){.path = CFS_TEXT("p"), .inode.mode = S_IFIFO | 0600};
	check_trip(&e);
	e = (struct cfs_tar_entry){
		.path = CFS_TEXT("l"),
		.inode = {.mode = S_IFLNK | 0777, .payload = CFS_TEXT("../x")}};
	check_trip(&e);
}

T(tar_writes_values_that_ustar_cannot_hold)
{
	static char long_path[5000], long_target[4095];
	struct cfs_xattr xattrs[] = {
		{CFS_TEXT("security.capability"), {(const uint8_t *)"\1\0\n=", 4}},
		{CFS_TEXT("user.%3D=x"), {(const uint8_t *)"", 0}},
		{CFS_TEXT("user.a"), {(const uint8_t *)"v", 1}},
	};
	struct cfs_tar_entry e = {
		.path = {long_path, sizeof(long_path)},
		.inode = {.mode = S_IFREG | 0644,
			  .uid = UINT32_MAX,
			  .gid = 07777777 + 1,
			  .mtime_sec = INT64_MAX - 1,
			  .mtime_nsec = 1,
			  .xattrs = xattrs,
			  .n_xattrs = 3},
	};

	memset(long_target, 't', sizeof(long_target));
	for (size_t i = 0; i < sizeof(long_path); i++)
		long_path[i] = i % 200 == 199 ? '/' : 'p';
	long_path[sizeof(long_path) - 1] = 'p';
	check_trip(&e);
	e.inode.size = UINT64_C(1) << 53;
	check_trip(&e);
	e.inode = (struct cfs_inode_spec){.mode = S_IFLNK | 0777,
					  .payload = {long_target, sizeof(long_target)}};
	check_trip(&e);
	e = (struct cfs_tar_entry){.path = CFS_TEXT("h"),
				   .is_link = true,
				   .target = {long_path, sizeof(long_path)}};
	check_trip(&e);
}

T(tar_writes_times_before_the_epoch)
{
	static const int64_t secs[] = {-1, -2, 0, 1, 8589934591, 8589934592, -8589934592};
	static const uint32_t nsecs[] = {0, 1, 500000000, 999999999};

	for (size_t i = 0; i < sizeof(secs) / sizeof(secs[0]); i++)
		for (size_t k = 0; k < 4; k++) {
			struct cfs_tar_entry e = {.path = CFS_TEXT("f"),
						  .inode = {.mode = S_IFREG,
							    .mtime_sec = secs[i],
							    .mtime_nsec = nsecs[k]}};

			check_trip(&e);
		}
}

T(tar_writes_ustar_alone_where_it_is_enough)
{
	struct cfs_tar_entry e = {.path = CFS_TEXT("f"),
				  .inode = {.mode = S_IFREG | 0644, .uid = 07777777}};
	struct cfs_mem out = write_one(&e);

	t_eq(out.len, 3 * 512);
	t_str((char *)out.p, "./f");
	t_eq(out.p[156], '0');
	free(out.p);
}

static void expect_refusal(const struct cfs_tar_entry *e, int rc, const char *msg)
{
	struct cfs_mem out = {0};
	struct cfs_tar_writer *w;

	t_eq(cfs_tar_writer_new(cfs_sink_mem(&out), &w, &err), 0);
	t_eq(cfs_tar_write_entry(w, e, &err), rc);
	t_has(err.msg, msg);
	cfs_tar_writer_free(w);
	free(out.p);
}

T(tar_refuses_to_write_what_it_could_not_read)
{
	static char path[CFS_TAR_PATH_MAX + 1];
	struct cfs_tar_entry e = {.path = CFS_TEXT("s"), .inode.mode = S_IFSOCK};

	expect_refusal(&e, -EINVAL, "expected a file type that tar archives support");
	e.inode = (struct cfs_inode_spec){.mode = S_IFREG, .mtime_nsec = 1000000000};
	expect_refusal(&e, -EINVAL, "expected less than 10^9 nanoseconds");
	e.inode = (struct cfs_inode_spec){.mode = S_IFREG};
	e.path = (struct cfs_text){path, sizeof(path)};
	memset(path, 'p', sizeof(path));
	expect_refusal(&e, -ENAMETOOLONG, "expected at most 65535");
}

T(tar_writer_counts_the_content)
{
	struct cfs_tar_entry e = {.path = CFS_TEXT("f"),
				  .inode = {.mode = S_IFREG, .size = 5}};
	struct cfs_mem out = {0};
	struct cfs_tar_writer *w;

	t_eq(cfs_tar_writer_new(cfs_sink_mem(&out), &w, &err), 0);
	t_eq(cfs_tar_write_entry(w, &e, &err), 0);
	t_eq(cfs_tar_write_content(w, "123456", 6, &err), -EINVAL);
	t_eq(cfs_tar_write_end(w, &err), -EINVAL);
	t_eq(cfs_tar_write_entry(w, &e, &err), -EINVAL);
	t_has(err.msg, "expected 5 more bytes of content, got an entry");
	cfs_tar_writer_free(w);
	free(out.p);
}
