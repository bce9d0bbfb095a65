/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: what cannot be read, and what changes while it is read, is an error that names it, never a
 * wrong tree. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* What happens just before the scan reads a symlink, once. */
static void (*before_readlink)(void);

/* In place of the one in libc. */
ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
	void (*act)(void) = before_readlink;

	before_readlink = NULL;
	if (act)
		act();
	return syscall(SYS_readlinkat, dirfd, path, buf, len);
}

static int scan(const struct cfs_scan_opts *opts, struct cfs_tree **out)
{
	static const struct cfs_scan_opts none;

	err.msg[0] = '\0';
	return cfs_scan(AT_FDCWD, tmp_dir(), opts ? opts : &none, out, &err);
}

static void expect_stale(const struct cfs_scan_opts *opts, const char *name,
			 const char *why)
{
	struct cfs_tree *tree;

	t_eq(scan(opts, &tree), -ESTALE);
	t_has(err.msg, tmp_in(name));
	t_has(err.msg, why);
}

struct meddler {
	const char *name; /* the file during which it happens */
	void (*act)(void);
};

static int meddle(void *ctx, unsigned worker, int fd, const struct stat *st,
		  const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	const struct meddler *m = ctx;
	int rc;

	(void)worker;
	(void)st;
	rc = cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, out, NULL, e);
	if (strcmp(strrchr(path, '/') + 1, m->name) == 0)
		m->act();
	return rc;
}

static void expect_noticed(const char *during, void (*act)(void), const char *name,
			   const char *why)
{
	struct meddler m = {during, act};
	struct cfs_scan_opts opts = {
		.threads = 1, .inline_max = -1, .file = meddle, .file_ctx = &m};

	expect_stale(&opts, name, why);
}

static void grow_file(void)
{
	int fd = open(tmp_in("2"), O_WRONLY | O_APPEND | O_CLOEXEC);

	t_eq(write(fd, "more", 4), 4);
	close(fd);
}

static void rewrite_file(void)
{
	tmp_text("2", "olleh");
}

static void remove_file(void)
{
	t_eq(unlink(tmp_in("2")), 0);
}

static void replace_by_twin(void)
{
	t_eq(rename(tmp_in("twin"), tmp_in("2")), 0);
}

static void replace_by_symlink(void)
{
	remove_file();
	t_eq(symlink("1", tmp_in("2")), 0);
}

static void replace_by_fifo(void)
{
	remove_file();
	t_eq(mkfifo(tmp_in("2"), 0644), 0);
}

static void chmod_file(void)
{
	t_eq(chmod(tmp_in("2"), 0600), 0);
}

static void two_files(void)
{
	tmp_fresh();
	tmp_text("1", "hello");
	tmp_text("2", "hello");
}

T(scan_notices_a_file_that_grows_while_it_is_read)
{
	two_files();
	expect_noticed("2", grow_file, "2", "changed while it was read");
}

T(scan_notices_a_file_that_is_rewritten_between_walk_and_reading)
{
	two_files();
	expect_noticed("1", rewrite_file, "2", "changed while it was read");
}

T(scan_notices_a_mode_that_changes_while_the_file_is_read)
{
	two_files();
	expect_noticed("2", chmod_file, "2", "changed while it was read");
}

T(scan_notices_a_file_that_vanishes)
{
	two_files();
	expect_noticed("1", remove_file, "2", "vanished while it was read");
}

T(scan_notices_a_file_that_is_replaced_by_an_equal_one)
{
	two_files();
	tmp_text("twin", "hello");
	expect_noticed("1", replace_by_twin, "2", "changed while it was read");
}

T(scan_does_not_follow_a_symlink_that_takes_the_place_of_a_file)
{
	two_files();
	expect_noticed("1", replace_by_symlink, "2", "vanished while it was read");
}

T(scan_does_not_hang_on_a_fifo_that_takes_the_place_of_a_file)
{
	two_files();
	expect_noticed("1", replace_by_fifo, "2", "changed while it was read");
}

static void replace_dir_by_symlink(void)
{
	t_eq(rename(tmp_in("dir"), tmp_in("moved")), 0);
	t_eq(symlink("moved", tmp_in("dir")), 0);
}

static void replace_dir_by_copy(void)
{
	t_eq(rename(tmp_in("dir"), tmp_in("moved")), 0);
	t_eq(mkdir(tmp_in("dir"), 0755), 0);
	tmp_text("dir/2", "hello");
}

/* The directory listed last is still open when the files are read: "end" is that one. */
static void file_in_directory(void)
{
	tmp_fresh();
	tmp_text("1", "hello");
	t_eq(mkdir(tmp_in("dir"), 0755), 0);
	tmp_text("dir/2", "hello");
	t_eq(mkdir(tmp_in("end"), 0755), 0);
}

T(scan_does_not_follow_a_symlink_that_takes_the_place_of_a_directory)
{
	file_in_directory();
	expect_noticed("1", replace_dir_by_symlink, "dir/2", "changed while it was read");
}

T(scan_notices_a_directory_that_is_exchanged)
{
	file_in_directory();
	expect_noticed("1", replace_dir_by_copy, "dir/2", "changed while it was read");
}

/* Another name of the same file: what would be read is right, the way to it is not. */
static void replace_dir_by_symlink_to_its_twin(void)
{
	t_eq(rename(tmp_in("dir"), tmp_in("moved")), 0);
	t_eq(symlink("end/twin", tmp_in("dir")), 0);
}

T(scan_opens_nothing_below_a_symlink_that_takes_the_place_of_a_directory)
{
	file_in_directory();
	t_eq(mkdir(tmp_in("dir/sub"), 0755), 0);
	t_eq(rename(tmp_in("dir/2"), tmp_in("dir/sub/2")), 0);
	t_eq(mkdir(tmp_in("end/twin"), 0755), 0);
	t_eq(mkdir(tmp_in("end/twin/sub"), 0755), 0);
	t_eq(link(tmp_in("dir/sub/2"), tmp_in("end/twin/sub/2")), 0);
	expect_noticed("1", replace_dir_by_symlink_to_its_twin, "dir/sub/2",
		       "changed while it was read");
}

static void replace_symlink(void)
{
	t_eq(unlink(tmp_in("link")), 0);
	t_eq(symlink("after", tmp_in("link")), 0);
}

static void remove_symlink(void)
{
	t_eq(unlink(tmp_in("link")), 0);
}

T(scan_notices_a_symlink_that_is_exchanged)
{
	tmp_fresh();
	t_eq(symlink("before", tmp_in("link")), 0);
	before_readlink = replace_symlink;
	expect_stale(NULL, "link", "changed while it was read");
}

T(scan_notices_a_symlink_that_vanishes)
{
	tmp_fresh();
	t_eq(symlink("before", tmp_in("link")), 0);
	before_readlink = remove_symlink;
	expect_stale(NULL, "link", "vanished while it was read");
}

/* --- directories that change between the moment their parent lists them and their own turn --- */

struct walk_meddler {
	void (*act)(void); /* once, after the first directory */
};

static void meddle_in_walk(void *ctx, const struct cfs_progress *now)
{
	struct walk_meddler *m = ctx;
	void (*act)(void) = m->act;

	(void)now;
	m->act = NULL;
	if (act)
		act();
}

static void expect_noticed_by_walk(void (*act)(void))
{
	struct walk_meddler m = {act};
	struct cfs_watch watch = {.progress = meddle_in_walk, .ctx = &m};
	struct cfs_scan_opts opts = {.threads = 1, .watch = &watch};

	file_in_directory();
	expect_stale(&opts, "dir", "changed while it was read");
}

static void add_name(void)
{
	tmp_text("dir/3", "hello");
}

static void remove_dir(void)
{
	t_eq(rename(tmp_in("dir"), tmp_in("end/moved")), 0);
}

T(scan_notices_a_directory_that_gains_a_name)
{
	expect_noticed_by_walk(add_name);
}

T(scan_notices_a_directory_that_vanishes)
{
	expect_noticed_by_walk(remove_dir);
}

T(scan_notices_a_directory_that_becomes_a_symlink)
{
	expect_noticed_by_walk(replace_dir_by_symlink);
}

T(scan_notices_a_directory_that_becomes_another_one)
{
	expect_noticed_by_walk(replace_dir_by_copy);
}

/* --- what cannot be read -------------------------------------------------------------------- */

static int fail_second(void *ctx, unsigned worker, int fd, const struct stat *st,
		       const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	(void)ctx;
	(void)worker;
	(void)st;
	if (strcmp(path, tmp_in("2")) == 0)
		return cfs_fail(e, EDOM, "no");
	return cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, out, NULL, e);
}

T(scan_puts_the_path_in_front_of_what_the_callback_says)
{
	struct cfs_scan_opts opts = {.inline_max = -1, .file = fail_second};
	char expected[2 * PATH_MAX + 64];
	struct cfs_tree *t;

	two_files();
	t_eq(scan(&opts, &t), -EDOM);
	snprintf(expected, sizeof(expected), "error accessing %s: no", tmp_in("2"));
	t_str(err.msg, expected);
}

/* In a child without privileges: root reads everything. */
static int scan_as_nobody(void)
{
	pid_t pid = fork();
	int status;

	t_ok(pid >= 0);
	if (pid == 0) {
		struct cfs_tree *t;

		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(99);
		_exit(scan(NULL, &t) == -EACCES && strstr(err.msg, tmp_in("secret")) ? 0
										     : 1);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	return status;
}

T(scan_names_a_file_that_it_may_not_read)
{
	tmp_fresh();
	t_eq(chmod(tmp_dir(), 0755), 0);
	tmp_text("secret", "hello");
	t_eq(chmod(tmp_in("secret"), 0), 0);
	t_eq(scan_as_nobody(), 0);
}

T(scan_names_a_directory_that_it_may_not_read)
{
	tmp_fresh();
	t_eq(chmod(tmp_dir(), 0755), 0);
	t_eq(mkdir(tmp_in("secret"), 0), 0);
	t_eq(scan_as_nobody(), 0);
	t_eq(chmod(tmp_in("secret"), 0700), 0);
}

/* Files there say that they have 4096 bytes and hold less. Its inodes get their times when
 * they are first looked at, so the first scan may say that they changed. */
T(scan_refuses_a_file_that_holds_less_than_its_size)
{
	static const char dir[] = "/sys/kernel/mm/transparent_hugepage/khugepaged";
	struct cfs_scan_opts opts = {0};
	struct cfs_tree *t;

	if (access(dir, R_OK | X_OK) < 0)
		t_skip("%s: %s", dir, strerror(errno));
	t_ok(cfs_scan(AT_FDCWD, dir, &opts, &t, NULL) < 0);
	t_eq(cfs_scan(AT_FDCWD, dir, &opts, &t, &err), -ESTALE);
	t_has(err.msg, "expected 4096 bytes, got ");
}
