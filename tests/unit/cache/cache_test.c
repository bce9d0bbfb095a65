/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cache: a digest is found for the very state of a file that it belongs to, or not at all. */
#include "cache/cache_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;
static char warned[CFS_ERR_MAX];
static bool read_only; /* what statvfs says */

/* In place of the one in libc: a mount would need root. */
int statvfs(const char *path, struct statvfs *out)
{
	(void)path;
	*out = (struct statvfs){.f_flag = read_only ? ST_RDONLY : 0};
	return 0;
}

enum { NOW = 1700000000 };

/* In place of the one in libc: to a machine that stalls between two lines the clock jumps. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	*out = (struct timespec){.tv_sec = NOW};
	return 0;
}

static void note_warning(void *ctx, const char *msg)
{
	(void)ctx;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static int open_cache(struct cfs_cache **out, enum cfs_hash_alg alg)
{
	static const struct cfs_watch watch = {.warning = note_warning};
	struct cfs_cache_opts opts = {.alg = alg, .watch = &watch};
	char source[256];

	warned[0] = err.msg[0] = '\0';
	snprintf(source, sizeof(source), "%s", tmp_dir());
	return cfs_cache_open(tmp_in("cache"), source, &opts, out, &err);
}

static struct cfs_cache *open_ok(void)
{
	struct cfs_cache *c = NULL;

	if (open_cache(&c, CFS_SHA256) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return c;
}

/* A file that was last changed long ago. */
static struct stat old_file(ino_t ino)
{
	struct stat st;

	t_eq(stat(tmp_dir(), &st), 0);
	st.st_ino = ino;
	st.st_size = 1000 + (off_t)ino;
	st.st_mtim.tv_sec = 1600000000;
	st.st_mtim.tv_nsec = 1;
	st.st_ctim.tv_sec = 1600000001;
	st.st_ctim.tv_nsec = 2;
	return st;
}

static struct cfs_digest digest_of(ino_t ino)
{
	struct cfs_digest d = {.alg = CFS_SHA256};

	memset(d.bytes, (int)ino, CFS_SHA256_LEN);
	return d;
}

static void add(struct cfs_cache *c, struct stat st)
{
	struct cfs_digest d = digest_of(st.st_ino);

	t_eq(cfs_cache_add(c, &st, &d, &err), 0);
}

static void save(struct cfs_cache *c)
{
	if (cfs_cache_save(c, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	cfs_cache_close(c);
}

/* Those of inodes 3, 1, 2. */
static void make_cache(void)
{
	struct cfs_cache *c;

	tmp_fresh();
	c = open_ok();
	add(c, old_file(3));
	add(c, old_file(1));
	add(c, old_file(2));
	save(c);
}

static bool finds(struct stat st)
{
	struct cfs_digest expected = digest_of(st.st_ino), got = {0};
	struct cfs_cache *c = open_ok();
	bool found = cfs_cache_find(c, &st, &got);

	cfs_cache_close(c);
	if (found)
		t_ok(cfs_digest_eq(&got, &expected));
	return found;
}

T(cache_finds_what_was_saved)
{
	make_cache();
	t_str(warned, "");
	for (ino_t ino = 1; ino <= 3; ino++)
		t_ok(finds(old_file(ino)));
	t_ok(!finds(old_file(4)));
	t_ok(!finds(old_file(0)));
}

T(cache_finds_nothing_when_any_part_of_the_state_differs)
{
	struct stat same, st;

	make_cache();
	same = old_file(2);
	t_ok(finds(same));
	st = same, st.st_dev++;
	t_ok(!finds(st));
	st = same, st.st_ino = 3;
	t_ok(!finds(st));
	st = same, st.st_size++;
	t_ok(!finds(st));
	st = same, st.st_mtim.tv_sec++;
	t_ok(!finds(st));
	st = same, st.st_mtim.tv_nsec++;
	t_ok(!finds(st));
	st = same, st.st_ctim.tv_sec++;
	t_ok(!finds(st));
	st = same, st.st_ctim.tv_nsec++;
	t_ok(!finds(st));
}

T(cache_forgets_what_is_not_added_again)
{
	struct cfs_cache *c;

	make_cache();
	c = open_ok();
	add(c, old_file(2));
	save(c);
	t_ok(finds(old_file(2)));
	t_ok(!finds(old_file(1)));
}

T(cache_without_save_stays_as_it_was)
{
	struct cfs_cache *c;

	make_cache();
	c = open_ok();
	add(c, old_file(9));
	cfs_cache_close(c);
	t_ok(finds(old_file(1)));
	t_ok(!finds(old_file(9)));
}

/* In seconds from NOW: whether a file with such times is remembered. */
static bool remembers(long mtime, long ctime)
{
	struct stat st;
	struct cfs_cache *c;

	tmp_fresh();
	st = old_file(1);
	st.st_mtim.tv_sec = NOW + mtime;
	st.st_ctim.tv_sec = NOW + ctime;
	c = open_ok();
	add(c, st);
	save(c);
	return finds(st);
}

T(cache_does_not_remember_a_file_that_may_change_within_the_same_tick)
{
	t_ok(remembers(-10, -10));
	t_ok(!remembers(-10, 0));
	t_ok(!remembers(-10, -1));
	t_ok(!remembers(-10, -CFS_CACHE_RACY_SEC));
	t_ok(remembers(-10, -CFS_CACHE_RACY_SEC - 1));
	t_ok(!remembers(0, -10));
	t_ok(!remembers(-10, 1000));
	t_ok(!remembers(1000, -10));
}

T(cache_does_not_remember_files_of_another_device)
{
	struct stat st;
	struct cfs_cache *c;

	tmp_fresh();
	st = old_file(1);
	st.st_dev++;
	c = open_ok();
	add(c, st);
	save(c);
	t_ok(!finds(st));
}

T(cache_is_not_used_for_a_source_that_is_mounted_read_only)
{
	struct stat st;
	struct cfs_cache *c;

	make_cache();
	st = old_file(1);
	read_only = true;
	t_ok(!finds(st));
	t_has(warned, "is mounted read-only");
	c = open_ok();
	add(c, old_file(9));
	save(c);
	read_only = false;
	t_ok(finds(st));
	t_ok(!finds(old_file(9)));
}

T(cache_takes_an_inode_that_is_seen_twice)
{
	struct cfs_cache *c;

	tmp_fresh();
	c = open_ok();
	add(c, old_file(2));
	add(c, old_file(1));
	add(c, old_file(2));
	save(c);
	t_ok(finds(old_file(1)));
	t_ok(finds(old_file(2)));
	t_str(warned, "");
}

static struct cfs_mem load(void)
{
	cfs_autofd int fd = open(tmp_in("cache"), O_RDONLY | O_CLOEXEC);
	struct cfs_map map;

	t_ok(fd >= 0 && cfs_map_copy(fd, &map, NULL) == 0);
	return (struct cfs_mem){(uint8_t *)(uintptr_t)map.span.p, map.span.len,
				map.span.len};
}

static void put(const void *p, size_t len)
{
	cfs_autofd int fd = open(tmp_in("cache"), O_WRONLY | O_TRUNC | O_CLOEXEC);

	t_ok(fd >= 0 && cfs_io_write(fd, p, len, NULL) == 0);
}

/* Nothing is found in such a file; true when it is refused, else there is a warning. */
static bool is_refused(const void *p, size_t len)
{
	struct cfs_cache *c = NULL;
	struct cfs_digest d;
	int rc;

	put(p, len);
	rc = open_cache(&c, CFS_SHA256);
	for (ino_t ino = 0; rc == 0 && ino < 5; ino++) {
		struct stat st = old_file(ino);

		t_ok(!cfs_cache_find(c, &st, &d));
	}
	if (rc == 0)
		t_has(warned, "is not used: ");
	cfs_cache_close(c);
	return rc < 0;
}

T(cache_that_is_damaged_anywhere_is_not_used)
{
	struct cfs_mem file;

	make_cache();
	file = load();
	for (size_t i = 0; i < file.len; i++) {
		file.p[i] ^= 0x10;
		t_eq(is_refused(file.p, file.len), i < CACHE_MAGIC_LEN);
		file.p[i] ^= 0x10;
	}
	for (size_t len = 1; len < file.len; len++)
		t_ok(!is_refused(file.p, len));
	put(file.p, file.len);
	t_ok(finds(old_file(1)));
	free(file.p);
}

T(cache_that_is_damaged_is_replaced)
{
	struct cfs_cache *c;

	make_cache();
	put(cfs_cache_magic, CACHE_MAGIC_LEN);
	c = open_ok();
	t_has(warned, "is not used: damaged: cut off in the header");
	add(c, old_file(1));
	save(c);
	t_ok(finds(old_file(1)));
	t_str(warned, "");
}

/* With a checksum that is right for it. */
static void expect_unused(struct cfs_mem file, const char *why)
{
	struct cfs_digest sum;

	t_eq(cfs_verity_digest_mem(CFS_SHA256,
				   (struct cfs_span){file.p, file.len - CACHE_SUM_LEN},
				   &sum, NULL),
	     0);
	memcpy(file.p + file.len - CACHE_SUM_LEN, sum.bytes, CACHE_SUM_LEN);
	t_ok(!is_refused(file.p, file.len));
	t_has(warned, why);
}

T(cache_with_a_good_checksum_is_still_checked)
{
	size_t entry_len = cfs_cache_entry_len(CFS_SHA256);
	struct cfs_mem file;

	make_cache();
	file = load();
	cfs_put_le64(file.p + CACHE_COUNT_OFF, 2);
	expect_unused(file, "2 entries do not make ");
	cfs_put_le64(file.p + CACHE_COUNT_OFF, 4);
	expect_unused(file, "4 entries do not make ");
	cfs_put_le64(file.p + CACHE_COUNT_OFF, UINT64_MAX / entry_len + 4);
	expect_unused(file, "entries do not make ");
	cfs_put_le64(file.p + CACHE_COUNT_OFF, UINT64_MAX / entry_len);
	expect_unused(file, "entries do not make ");
	cfs_put_le64(file.p + CACHE_COUNT_OFF, 3);
	cfs_put_le64(file.p + CACHE_HEADER_LEN + entry_len, 1);
	expect_unused(file, "entry 1 is out of order");
	cfs_put_le64(file.p + CACHE_HEADER_LEN + entry_len, 4);
	expect_unused(file, "entry 2 is out of order");
	cfs_put_le32(file.p + CACHE_VERSION_OFF, 2);
	expect_unused(file, "expected version 1, got 2");
	free(file.p);
}

T(cache_of_another_algorithm_is_not_used)
{
	struct cfs_cache *c = NULL;

	make_cache();
	t_eq(open_cache(&c, CFS_SHA512), 0);
	t_has(warned, "is not used: expected digests of sha512, got algorithm 1");
	cfs_cache_close(c);
}

T(cache_that_is_another_file_is_refused_and_left_alone)
{
	struct cfs_mem file;

	make_cache();
	t_ok(is_refused("some text of mine\n", 18));
	t_has(err.msg, "expected a digest cache, got another kind of file");
	file = load();
	t_eq(file.len, 18);
	free(file.p);
	t_ok(is_refused("x", 1));
}

T(empty_cache_has_no_digests)
{
	make_cache();
	put("", 0);
	t_ok(!finds(old_file(1)));
	t_str(warned, "");
}

static void expect_refused(const char *why)
{
	struct cfs_cache *c = NULL;

	t_ok(open_cache(&c, CFS_SHA256) < 0);
	t_has(err.msg, tmp_in("cache"));
	t_has(err.msg, why);
}

T(cache_that_others_can_write_is_refused)
{
	make_cache();
	t_eq(chmod(tmp_in("cache"), 0620), 0);
	expect_refused("writable by group or others: expected mode 0600, got 0620");
	t_eq(chmod(tmp_in("cache"), 0602), 0);
	expect_refused("writable by group or others");
	t_eq(chmod(tmp_in("cache"), 0644), 0);
	t_ok(finds(old_file(1)));
}

T(cache_of_another_user_is_refused)
{
	make_cache();
	if (chown(tmp_in("cache"), 12345, (gid_t)-1) < 0)
		t_skip("needs root");
	expect_refused("owned by user 12345, expected user ");
}

T(cache_that_is_not_a_regular_file_is_refused)
{
	tmp_fresh();
	t_eq(mkfifo(tmp_in("cache"), 0600), 0);
	expect_refused("expected a regular file");
	tmp_fresh();
	t_eq(mkdir(tmp_in("cache"), 0700), 0);
	expect_refused("expected a regular file");
}

T(cache_in_a_missing_directory_is_refused_before_the_work)
{
	struct cfs_cache_opts opts = {0};
	struct cfs_cache *c = NULL;

	tmp_fresh();
	t_eq(cfs_cache_open(tmp_in("none/cache"), ".", &opts, &c, &err), -ENOENT);
	t_has(err.msg, "none");
	t_eq(cfs_cache_open(tmp_in("cache"), tmp_in("none"), &opts, &c, &err), -ENOENT);
	t_has(err.msg, "error accessing ");
}

T(cache_can_be_read_by_its_user_alone_whatever_the_umask)
{
	mode_t before = umask(0);
	struct stat st;

	make_cache();
	umask(before);
	t_eq(stat(tmp_in("cache"), &st), 0);
	t_eq(st.st_mode & 07777, 0600);
}

T(an_unchanged_cache_is_not_written_again)
{
	struct stat before, now;
	struct cfs_cache *c;

	make_cache();
	t_eq(stat(tmp_in("cache"), &before), 0);
	c = open_ok();
	add(c, old_file(1));
	add(c, old_file(2));
	add(c, old_file(3));
	save(c);
	t_eq(stat(tmp_in("cache"), &now), 0);
	t_eq(now.st_ino, before.st_ino);
	c = open_ok();
	add(c, old_file(1));
	save(c);
	t_eq(stat(tmp_in("cache"), &now), 0);
	t_ok(now.st_ino != before.st_ino);
}

T(cache_keeps_digests_of_sha512)
{
	struct cfs_digest d = {.alg = CFS_SHA512}, got = {0};
	struct cfs_cache *c = NULL;
	struct stat st;

	tmp_fresh();
	st = old_file(7);
	memset(d.bytes, 7, CFS_SHA512_LEN);
	t_eq(open_cache(&c, CFS_SHA512), 0);
	t_eq(cfs_cache_add(c, &st, &d, &err), 0);
	save(c);
	t_eq(open_cache(&c, CFS_SHA512), 0);
	t_ok(cfs_cache_find(c, &st, &got));
	t_ok(cfs_digest_eq(&got, &d));
	cfs_cache_close(c);
}
