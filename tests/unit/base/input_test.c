/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: input files are opened without waiting, and read within a bound. */
#include "t.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "tmpdir.h"

static int open_named(const char *name, unsigned flags, struct cfs_err *err)
{
	return cfs_input_open(AT_FDCWD, tmp_in(name), flags, err);
}

static void refuses(const char *path, unsigned flags, int code, const char *why)
{
	struct cfs_err err = {""};

	t_eq(cfs_input_open(AT_FDCWD, path, flags, &err), code);
	t_has(err.msg, why);
}

T(input_is_a_regular_file)
{
	struct cfs_err err;
	char back[8];
	int fd;

	tmp_fresh();
	tmp_text("file", "hello");
	fd = open_named("file", 0, &err);
	t_ok(fd >= 0);
	t_eq(cfs_io_read(fd, back, sizeof(back), &err), 5);
	t_eq(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDONLY);
	t_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	t_eq(symlink("file", tmp_in("link")), 0);
	fd = open_named("link", 0, &err);
	t_ok(fd >= 0);
	close(fd);
	refuses(tmp_in("link"), CFS_INPUT_NOFOLLOW, -ELOOP, "got a symlink");
	refuses(tmp_in("none"), 0, -ENOENT, "No such file");
}

/* A named FIFO would wait for a writer without end, in open() already. */
T(input_that_is_no_regular_file_is_refused_without_waiting)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	tmp_fresh();
	alarm(10);
	t_eq(mkfifo(tmp_in("fifo"), 0600), 0);
	refuses(tmp_in("fifo"), 0, -EINVAL, "expected a regular file, got a FIFO");
	refuses(tmp_in("fifo"), CFS_INPUT_PIPE, -EINVAL, "got a FIFO");
	refuses(tmp_dir(), 0, -EISDIR, "got a directory");
	refuses("/dev/zero", 0, -EINVAL, "got a character device");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", tmp_in("socket"));
	t_eq(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	refuses(tmp_in("socket"), 0, -EINVAL, "got a socket");
	close(s);
	alarm(0);
}

T(input_may_be_an_unnamed_pipe_where_that_is_allowed)
{
	struct cfs_err err;
	char path[64], back[8];
	int p[2], fd;

	t_eq(pipe(p), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", p[0]);
	refuses(path, 0, -EINVAL, "got a FIFO");
	t_eq(cfs_io_write(p[1], "pipe", 4, &err), 0);
	close(p[1]);
	fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, &err);
	t_ok(fd >= 0);
	t_eq(cfs_io_read(fd, back, sizeof(back), &err), 4);
	close(fd);
	close(p[0]);
}

T(input_is_read_whole_or_refused)
{
	struct cfs_mem out = {0};
	struct cfs_err err;
	char data[70000];

	tmp_fresh();
	memset(data, 'x', sizeof(data));
	tmp_put("file", data, sizeof(data));
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("file"), 0, sizeof(data), &out, &err), 0);
	t_eq(out.len, sizeof(data));
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("file"), 0, sizeof(data), &out, &err), 0);
	t_eq(out.len, 2 * sizeof(data));
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("file"), 0, sizeof(data) - 1, &out, &err),
	     -EFBIG);
	t_has(err.msg, "expected at most 69999 bytes");
	tmp_text("empty", "");
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("empty"), 0, 0, &out, &err), 0);
	free(out.p);
}

/* 7 GB without a block on disk: nothing of it is read. */
T(input_of_a_huge_size_costs_nothing)
{
	struct cfs_mem out = {0};
	struct cfs_err err;

	tmp_fresh();
	tmp_text("sparse", "x");
	t_eq(truncate(tmp_in("sparse"), 7000000000), 0);
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("sparse"), 0, 64, &out, &err), -EFBIG);
	t_eq(out.cap, 0);
}

T(input_from_a_pipe_without_end_is_read_within_the_bound)
{
	struct cfs_mem out = {0};
	struct cfs_err err;
	char data[300] = {0};
	int p[2];

	t_eq(pipe(p), 0);
	t_eq(cfs_io_write(p[1], data, sizeof(data), &err), 0);
	t_eq(cfs_input_read_fd(p[0], 100, &out, &err), -EFBIG);
	t_ok(out.len == 101 && out.cap < 4096);
	close(p[0]);
	close(p[1]);
	free(out.p);
}

/* Others than the standard ones are non-blocking because we opened them so, and are not waited for. */
T(read_and_write_do_not_wait_where_we_asked_for_that)
{
	struct cfs_err err;
	char data[4096] = {0};
	int p[2], rc = 0;

	alarm(10);
	t_eq(pipe2(p, O_NONBLOCK), 0);
	t_eq(cfs_io_read(p[0], data, 1, &err), -EAGAIN);
	for (int i = 0; rc == 0 && i < 10000; i++)
		rc = cfs_io_write(p[1], data, sizeof(data), &err);
	t_eq(rc, -EAGAIN);
	alarm(0);
	close(p[0]);
	close(p[1]);
}

/* --- standard descriptors ------------------------------------------------------------------ */

/* In a child with these closed: is each open afterwards, and neither read from nor written to? */
static int closed_are_opened(unsigned closed)
{
	char c = 0;

	for (int fd = 0; fd <= 2; fd++)
		if (closed & (1U << fd))
			close(fd);
	if (cfs_std_open(NULL) < 0)
		return 1;
	for (int fd = 0; fd <= 2; fd++)
		if (closed & (1U << fd)) {
			ssize_t n = fd ? write(fd, &c, 1) : read(fd, &c, 1);

			if (n >= 0 || errno != EBADF)
				return 2;
		}
	return open("/dev/null", O_RDONLY | O_CLOEXEC) > 2 ? 0 : 3;
}

T(standard_descriptors_that_are_closed_get_dev_null)
{
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(closed_are_opened(closed));
		t_eq(waitpid(pid, &status, 0), pid);
		t_eq(status, 0);
	}
}
