/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: objects are whole, durable and named by their content, or not there. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

enum { LARGE = 3 * 1024 * 1024 + 12345 };

static struct cfs_err err;

static char warned[CFS_ERR_MAX];
static unsigned n_warned;

/* That this filesystem has no fs-verity is no news. */
static void keep_warning(void *ctx, const char *msg)
{
	(void)ctx;
	if (strstr(msg, "not sealed"))
		return;
	n_warned++;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static const struct cfs_watch store_watch = {.warning = keep_warning};

static struct cfs_store *open_store(struct cfs_store_opts opts)
{
	struct cfs_store *s;
	int rc;

	n_warned = 0;
	opts.watch = &store_watch;
	rc = cfs_store_open(AT_FDCWD, tmp_in("store"), &opts, &s, &err);
	if (rc < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return s;
}

static struct cfs_store *open_default(void)
{
	return open_store((struct cfs_store_opts){0});
}

static int add_text(struct cfs_store *s, unsigned worker, const char *text,
		    struct cfs_digest *d)
{
	return cfs_store_add_mem(s, worker, cfs_text_span(cfs_text(text)), d, &err);
}

static int add_file(struct cfs_store *s, const char *name, uint64_t size,
		    struct cfs_digest *d)
{
	cfs_autofd int fd = open(tmp_in(name), O_RDONLY | O_CLOEXEC);

	t_ok(fd >= 0);
	return cfs_store_add_fd(s, 0, fd, size, d, &err);
}

static const char *object(const struct cfs_digest *d)
{
	char path[CFS_OBJECT_PATH_MAX], name[CFS_OBJECT_PATH_MAX + 8];

	snprintf(name, sizeof(name), "store/%s", cfs_digest_path(d, path));
	return tmp_in(name);
}

/* Objects and anything else below the store that is no prefix directory. */
static int count_files(void)
{
	char cmd[2 * PATH_MAX];
	FILE *p;
	int n = -1;

	snprintf(cmd, sizeof(cmd), "find '%s' -mindepth 1 ! -type d | wc -l",
		 tmp_in("store"));
	p = popen(cmd, "r");
	t_ok(p);
	t_eq(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static bool holds(const struct cfs_digest *d, const void *expected, size_t len)
{
	cfs_autofd int fd = open(object(d), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct cfs_map map;
	bool same;

	if (fd < 0 || cfs_map_copy(fd, &map, &err) < 0)
		return false;
	same = map.span.len == len && memcmp(map.span.p, expected, len) == 0;
	cfs_map_close(&map);
	return same;
}

static void commit(struct cfs_store *s)
{
	if (cfs_store_commit(s, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
}

static uint8_t *make_large(void)
{
	static uint8_t data[LARGE];
	uint32_t x = 1;

	for (size_t i = 0; i < LARGE; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	return data;
}

T(store_names_an_object_by_its_digest)
{
	struct cfs_digest d, expected;
	struct cfs_store *s;
	struct stat st;
	mode_t mask;

	tmp_fresh();
	mask = umask(0077);
	s = open_default();
	t_eq(add_text(s, 0, "some content", &d), 0);
	commit(s);
	cfs_store_close(s);
	umask(mask);
	t_eq(cfs_verity_digest_mem(CFS_SHA256, cfs_text_span(cfs_text("some content")),
				   &expected, NULL),
	     0);
	t_ok(cfs_digest_eq(&d, &expected));
	t_ok(holds(&d, "some content", 12));
	t_eq(stat(object(&d), &st), 0);
	t_eq(st.st_mode, S_IFREG | 0644);
	t_eq(st.st_nlink, 1);
	t_eq(count_files(), 1);
}

T(store_announcement_example_gives_its_two_objects)
{
	struct cfs_digest a, b;
	struct cfs_store *s;

	tmp_fresh();
	s = open_default();
	tmp_text("file-a", "content_a\n");
	tmp_text("file-b", "content_b\n");
	t_eq(add_file(s, "file-a", 10, &a), 0);
	t_eq(add_file(s, "file-b", 10, &b), 0);
	commit(s);
	cfs_store_close(s);
	t_eq(access(tmp_in("store/cc/"
			   "3da5b14909626fc99443f580e4d8c9b990e85e0a1d18883dc89b23d43e173"
			   "f"),
		    F_OK),
	     0);
	t_eq(access(tmp_in("store/02/"
			   "927862b4ab9fb69919187bb78d394e235ce444eeb0a890d37e955827fe4bf"
			   "4"),
		    F_OK),
	     0);
}

T(store_names_nothing_before_the_commit)
{
	struct cfs_digest d;
	struct cfs_store *s;

	tmp_fresh();
	s = open_default();
	t_eq(add_text(s, 0, "x", &d), 0);
	t_eq(count_files(), 0);
	commit(s);
	t_eq(count_files(), 1);
	t_eq(add_text(s, 0, "y", &d), 0);
	cfs_store_close(s);
	t_eq(count_files(), 1);
}

T(store_takes_any_size)
{
	static const uint64_t sizes[] = {0,	1,	 4096,		4097,
					 65536, 1 << 20, (1 << 20) + 1, LARGE};
	const uint8_t *data = make_large();
	struct cfs_digest d, expected;
	struct cfs_store *s;

	tmp_fresh();
	s = open_default();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cfs_span span = {data, sizes[i]};

		tmp_put("source", data, sizes[i]);
		t_eq(add_file(s, "source", sizes[i], &d), 0);
		t_eq(cfs_verity_digest_mem(CFS_SHA256, span, &expected, NULL), 0);
		t_ok(cfs_digest_eq(&d, &expected));
		commit(s);
		t_ok(holds(&d, data, sizes[i]));
	}
	cfs_store_close(s);
	t_eq(count_files(), 8);
}

T(store_takes_sha512)
{
	struct cfs_digest d, full;
	struct cfs_store *s;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.alg = CFS_SHA512});
	t_eq(add_text(s, 0, "x", &d), 0);
	commit(s);
	cfs_store_close(s);
	t_eq(cfs_verity_digest_mem(CFS_SHA512, cfs_text_span(cfs_text("x")), &full, NULL),
	     0);
	t_ok(cfs_digest_eq(&d, &full));
	t_ok(holds(&full, "x", 1));
}

T(store_keeps_equal_contents_once)
{
	struct cfs_digest a, b, c;
	struct cfs_store *s;
	struct stat before, after;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.n_workers = 2});
	t_eq(add_text(s, 0, "same", &a), 0);
	t_eq(add_text(s, 0, "same", &b), 0);
	t_eq(add_text(s, 1, "same", &c), 0);
	t_ok(cfs_digest_eq(&a, &b) && cfs_digest_eq(&a, &c));
	commit(s);
	t_eq(count_files(), 1);
	t_eq(stat(object(&a), &before), 0);
	t_eq(add_text(s, 0, "same", &a), 0);
	commit(s);
	cfs_store_close(s);
	t_eq(stat(object(&a), &after), 0);
	t_eq(before.st_ino, after.st_ino);
	t_eq(n_warned, 0);
}

T(store_does_not_write_a_pending_object_again)
{
	struct cfs_digest d;
	struct cfs_store *s;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.max_pending = 2});
	for (int i = 0; i < 4; i++)
		t_eq(add_text(s, 0, "same", &d), 0);
	t_eq(count_files(), 0);
	cfs_store_close(s);
}

T(store_names_objects_early_when_many_wait)
{
	struct cfs_digest d[5];
	struct cfs_store *s;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.max_pending = 2});
	for (int i = 0; i < 5; i++) {
		char text[] = {(char)('0' + i), '\0'};

		t_eq(add_text(s, 0, text, &d[i]), 0);
	}
	t_eq(count_files(), 4);
	commit(s);
	cfs_store_close(s);
	t_eq(count_files(), 5);
	t_ok(holds(&d[4], "4", 1));
}

static void lower_descriptors(rlim_t n, struct rlimit *old)
{
	struct rlimit lim;

	t_eq(getrlimit(RLIMIT_NOFILE, old), 0);
	lim = *old;
	lim.rlim_cur = n;
	t_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

T(store_works_with_few_descriptors)
{
	struct rlimit old;
	struct cfs_digest d;
	struct cfs_store *s;
	int rc = 0;

	tmp_fresh();
	lower_descriptors(24, &old);
	s = open_default();
	for (int i = 0; i < 100 && rc == 0; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		rc = add_text(s, 0, text, &d);
	}
	setrlimit(RLIMIT_NOFILE, &old);
	t_eq(rc, 0);
	commit(s);
	cfs_store_close(s);
	t_eq(count_files(), 100);
}

T(store_leaves_holes_where_zeros_are)
{
	static uint8_t data[4 << 20];
	struct cfs_digest d;
	struct cfs_store *s;
	struct stat st;

	tmp_fresh();
	data[1 << 20] = 1;
	tmp_put("source", data, sizeof(data));
	s = open_default();
	t_eq(add_file(s, "source", sizeof(data), &d), 0);
	commit(s);
	cfs_store_close(s);
	t_ok(holds(&d, data, sizeof(data)));
	t_eq(stat(object(&d), &st), 0);
	t_ok(st.st_blocks * 512 <= 256 << 10);
}

T(store_makes_missing_parents_of_its_directory)
{
	struct cfs_store_opts opts = {0};
	struct cfs_store *s;
	struct stat st;
	mode_t mask = umask(0022);
	int rc;

	tmp_fresh();
	rc = cfs_store_open(AT_FDCWD, tmp_in("a/b//c/"), &opts, &s, &err);
	umask(mask);
	t_eq(rc, 0);
	cfs_store_close(s);
	t_eq(stat(tmp_in("a/b/c"), &st), 0);
	t_eq(st.st_mode, S_IFDIR | 0700);
	t_eq(stat(tmp_in("a/b"), &st), 0);
	t_eq(st.st_mode, S_IFDIR | 0755);
}

T(store_keeps_the_mode_of_an_existing_directory)
{
	struct cfs_store_opts opts = {0};
	struct cfs_store *s;
	struct stat st;

	tmp_fresh();
	t_eq(mkdir(tmp_in("shared"), 0755), 0);
	t_eq(chmod(tmp_in("shared"), 0775), 0);
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("shared"), &opts, &s, &err), 0);
	cfs_store_close(s);
	t_eq(stat(tmp_in("shared"), &st), 0);
	t_eq(st.st_mode, S_IFDIR | 0775);
}

T(store_reports_a_store_that_is_not_a_directory)
{
	struct cfs_store_opts opts = {0};
	struct cfs_store *s;

	tmp_fresh();
	tmp_text("file", "x");
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("file"), &opts, &s, &err), -ENOTDIR);
	t_has(err.msg, "object store ");
	t_has(err.msg, "file: Not a directory");
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("file/below"), &opts, &s, &err), -ENOTDIR);
}

/* All prefixes lead to elsewhere, which stays empty. */
T(store_follows_no_symlink_below_its_directory)
{
	struct cfs_store_opts opts = {.max_pending = 1};
	struct cfs_digest d;
	struct cfs_store *s;

	tmp_fresh();
	t_eq(mkdir(tmp_in("elsewhere"), 0755), 0);
	t_eq(mkdir(tmp_in("store"), 0755), 0);
	t_eq(symlink("store", tmp_in("own")), 0);
	for (int i = 0; i < 256; i++) {
		char name[16];

		snprintf(name, sizeof(name), "store/%02x", i);
		t_eq(symlink("../elsewhere", tmp_in(name)), 0);
	}
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("own"), &opts, &s, &err), 0);
	t_eq(cfs_store_add_mem(s, 0, cfs_text_span(cfs_text("content")), &d, &err),
	     -ELOOP);
	t_has(err.msg, "symbolic link in the path");
	cfs_store_close(s);
	t_eq(rmdir(tmp_in("elsewhere")), 0);
}

/* --- what is there already ---------------------------------------------------------------- */

/* Add content where something else has its name. It must be replaced. */
static void expect_replaced(void (*put)(const char *path), const char *why)
{
	struct cfs_digest d;
	struct cfs_store *s;
	char dir[PATH_MAX];

	tmp_fresh();
	s = open_default();
	t_eq(cfs_verity_digest_mem(CFS_SHA256, cfs_text_span(cfs_text("content")), &d,
				   NULL),
	     0);
	snprintf(dir, sizeof(dir), "%s", object(&d));
	*strrchr(dir, '/') = '\0';
	t_eq(mkdir(dir, 0755), 0);
	put(object(&d));
	t_eq(add_text(s, 0, "content", &d), 0);
	commit(s);
	cfs_store_close(s);
	t_ok(holds(&d, "content", 7));
	t_eq(count_files(), 1);
	t_eq(n_warned, 1);
	t_has(warned, "is replaced: ");
	t_has(warned, why);
}

static void put_short(const char *path)
{
	cfs_autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	t_eq(write(fd, "con", 3), 3);
}

static void put_symlink(const char *path)
{
	t_eq(symlink("/dev/null", path), 0);
}

static void put_fifo(const char *path)
{
	t_eq(mkfifo(path, 0644), 0);
}

T(store_replaces_an_object_that_was_cut_off)
{
	expect_replaced(put_short, "expected 7 bytes, got 3");
}

T(store_replaces_a_symlink_under_the_name_of_an_object)
{
	expect_replaced(put_symlink, "expected a regular file, got a symlink");
}

T(store_replaces_a_fifo_under_the_name_of_an_object)
{
	expect_replaced(put_fifo, "expected a regular file, got a FIFO");
}

T(store_reports_a_directory_in_place_of_an_object)
{
	struct cfs_digest d;
	struct cfs_store *s;
	char cmd[2 * PATH_MAX];

	tmp_fresh();
	s = open_default();
	t_eq(cfs_verity_digest_mem(CFS_SHA256, cfs_text_span(cfs_text("content")), &d,
				   NULL),
	     0);
	snprintf(cmd, sizeof(cmd), "mkdir -p '%s'", object(&d));
	t_eq(system(cmd), 0);
	t_eq(add_text(s, 0, "content", &d), 0);
	t_eq(cfs_store_commit(s, &err), -EISDIR);
	t_has(err.msg, "object ");
	t_has(err.msg, "rename: Is a directory");
	cfs_store_close(s);
	t_eq(count_files(), 0);
}

T(store_tells_whether_it_has_an_object)
{
	struct cfs_store *s;
	struct cfs_digest d;

	tmp_fresh();
	s = open_default();
	t_eq(add_text(s, 0, "twelve bytes", &d), 0);
	t_ok(!cfs_store_has(s, &d, 12));
	commit(s);
	t_ok(cfs_store_has(s, &d, 12));
	t_ok(!cfs_store_has(s, &d, 13));
	t_eq(truncate(object(&d), 11), 0);
	t_ok(!cfs_store_has(s, &d, 12));
	t_eq(unlink(object(&d)), 0);
	t_ok(!cfs_store_has(s, &d, 12));
	cfs_store_close(s);
}

T(store_makes_a_prefix_directory_again_when_a_collector_removed_it)
{
	struct cfs_digest d;
	struct cfs_store *s;
	char dir[PATH_MAX];

	tmp_fresh();
	s = open_default();
	t_eq(add_text(s, 0, "x", &d), 0);
	commit(s);
	t_eq(unlink(object(&d)), 0);
	snprintf(dir, sizeof(dir), "%s", object(&d));
	*strrchr(dir, '/') = '\0';
	t_eq(rmdir(dir), 0);
	t_eq(add_text(s, 0, "x", &d), 0);
	commit(s);
	cfs_store_close(s);
	t_ok(holds(&d, "x", 1));
}

/* Both have the object in hand before either names it. */
T(store_takes_two_builders_at_once)
{
	struct cfs_store *one, *two;
	struct cfs_digest d;

	tmp_fresh();
	one = open_default();
	two = open_default();
	t_eq(add_text(one, 0, "x", &d), 0);
	t_eq(add_text(two, 0, "x", &d), 0);
	commit(one);
	commit(two);
	cfs_store_close(one);
	cfs_store_close(two);
	t_ok(holds(&d, "x", 1));
	t_eq(count_files(), 1);
	t_eq(n_warned, 0);
}

/* --- sources that are not what they were said to be ---------------------------------------- */

static void expect_size_error(uint64_t len, uint64_t size, const char *why)
{
	struct cfs_digest d;
	struct cfs_store *s;

	tmp_fresh();
	tmp_put("source", make_large(), len);
	s = open_default();
	t_eq(add_file(s, "source", size, &d), -ESTALE);
	t_has(err.msg, why);
	commit(s);
	cfs_store_close(s);
	t_eq(count_files(), 0);
}

T(store_refuses_a_small_file_of_another_size)
{
	expect_size_error(10, 11, "expected 11 bytes, got 10");
	expect_size_error(11, 10, "expected 10 bytes, got more");
}

T(store_refuses_a_large_file_of_another_size)
{
	expect_size_error(LARGE, LARGE + 1, "expected 3158074 bytes, got 3158073");
	expect_size_error(LARGE, LARGE - 1, "expected 3158072 bytes, got more");
	expect_size_error(10, LARGE, "got 10");
}

T(store_seals_objects_or_reports_that_it_cannot)
{
	struct cfs_store_opts opts = {.require_verity = true};
	struct cfs_digest d, got;
	struct cfs_store *s;
	int rc, fd;

	tmp_fresh();
	rc = cfs_store_open(AT_FDCWD, tmp_in("store"), &opts, &s, &err);
	if (rc < 0) {
		t_eq(rc, -ENOTTY);
		t_has(err.msg, "filesystem has no fs-verity");
		t_eq(count_files(), 0);
		return;
	}
	t_eq(add_text(s, 0, "x", &d), 0);
	commit(s);
	cfs_store_close(s);
	fd = open(object(&d), O_RDONLY | O_CLOEXEC);
	t_eq(cfs_verity_measure(fd, &got, &err), 0);
	close(fd);
	t_ok(cfs_digest_eq(&got, &d));
}
