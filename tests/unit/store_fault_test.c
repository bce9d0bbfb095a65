/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: what goes wrong below it leaves whole objects and a clear error, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "store/store.h"
#include "t.h"
#include "tmpdir.h"

static const struct fault no_tmpfile = {SYS_openat, 2, __O_TMPFILE, EOPNOTSUPP};

static struct cfs_err err;

static int open_store(struct cfs_store **s)
{
	struct cfs_store_opts opts = {0};

	return cfs_store_open(AT_FDCWD, tmp_in("store"), &opts, s, &err);
}

static int add_text(struct cfs_store *s, const char *text, struct cfs_digest *d)
{
	return cfs_store_add_mem(s, 0, cfs_text_span(cfs_text(text)), d, &err);
}

static int add_large(struct cfs_store *s, struct cfs_digest *d)
{
	cfs_autofd int fd = open(tmp_in("large"), O_RDONLY | O_CLOEXEC);

	return cfs_store_add_fd(s, 0, fd, 3 << 20, d, &err);
}

static void make_large(void)
{
	static uint8_t data[3 << 20];

	memset(data, 'x', sizeof(data));
	tmp_put("large", data, sizeof(data));
}

/* Files below the store, whatever they are called. */
static int count_files(void)
{
	char cmd[8192];
	FILE *p;
	int n = -1;

	snprintf(cmd, sizeof(cmd), "find '%s' -mindepth 1 ! -type d | wc -l",
		 tmp_in("store"));
	p = popen(cmd, "r");
	if (!p || fscanf(p, "%d", &n) != 1)
		n = -1;
	pclose(p);
	return n;
}

static int add_two_sizes(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(add_large(s, &d) == 0);
	CHILD_CHECK(add_large(s, &d) == 0);
	CHILD_CHECK(cfs_store_commit(s, &err) == 0);
	cfs_store_close(s);
	return 0;
}

T(store_works_where_files_without_a_name_are_unknown)
{
	tmp_fresh();
	make_large();
	t_eq(fault_run(&no_tmpfile, add_two_sizes), 0);
	t_eq(count_files(), 2);
	t_eq(fault_run(&no_tmpfile, add_two_sizes), 0);
	t_eq(count_files(), 2);
}

static int add_and_give_up(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(count_files() == 1);
	cfs_store_close(s);
	CHILD_CHECK(count_files() == 0);
	return 0;
}

T(store_removes_temporary_names_when_it_is_closed_without_a_commit)
{
	tmp_fresh();
	t_eq(fault_run(&no_tmpfile, add_and_give_up), 0);
}

static int add_and_die(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	raise(SIGKILL);
	return 1;
}

static int open_and_close(void)
{
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	cfs_store_close(s);
	return 0;
}

T(store_sweeps_what_a_killed_process_left)
{
	tmp_fresh();
	t_eq(fault_run(&no_tmpfile, add_and_die), -1);
	t_eq(count_files(), 1);
	t_eq(fault_run(NULL, open_and_close), 0);
	t_eq(count_files(), 0);
}

static int add_beside_another(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(open_and_close() == 0);
	CHILD_CHECK(count_files() == 1);
	CHILD_CHECK(cfs_store_commit(s, &err) == 0);
	cfs_store_close(s);
	return 0;
}

T(store_does_not_sweep_what_a_living_process_needs)
{
	tmp_fresh();
	t_eq(fault_run(&no_tmpfile, add_beside_another), 0);
	t_eq(count_files(), 1);
}

T(store_does_not_sweep_files_of_others)
{
	tmp_fresh();
	t_eq(mkdir(tmp_in("store"), 0755), 0);
	tmp_text("store/.tmp-object-abcdefghijkl", "x");
	tmp_text("store/.tmpXXXXXX", "x");
	t_eq(fault_run(NULL, open_and_close), 0);
	t_eq(count_files(), 2);
}

/* --- a disk that takes no more ------------------------------------------------------------- */

static int want_no_space(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == -ENOSPC);
	CHILD_CHECK(strstr(err.msg, "object store: write: No space left on device"));
	CHILD_CHECK(add_large(s, &d) == -ENOSPC);
	cfs_store_close(s);
	return 0;
}

T(store_says_when_the_disk_is_full_and_leaves_nothing)
{
	struct fault full = {SYS_pwrite64, 0, 0, ENOSPC};

	tmp_fresh();
	make_large();
	t_eq(fault_run(&full, want_no_space), 0);
	t_eq(count_files(), 0);
}

static int want_link_error(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(cfs_store_commit(s, &err) == -EDQUOT);
	CHILD_CHECK(strncmp(err.msg, "object ", 7) == 0);
	CHILD_CHECK(strstr(err.msg, ": link: Disk quota exceeded"));
	cfs_store_close(s);
	return 0;
}

T(store_names_the_object_that_cannot_get_its_name)
{
	struct fault quota = {SYS_linkat, 0, 0, EDQUOT};

	tmp_fresh();
	t_eq(fault_run(&quota, want_link_error), 0);
	t_eq(count_files(), 0);
}

static int want_sync_error(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == 0);
	CHILD_CHECK(cfs_store_commit(s, &err) == -EIO);
	CHILD_CHECK(strstr(err.msg, "object store: sync: Input/output error"));
	CHILD_CHECK(cfs_store_commit(s, &err) == -EIO);
	cfs_store_close(s);
	return 0;
}

T(store_names_nothing_that_did_not_reach_the_disk)
{
	struct fault broken = {SYS_syncfs, 0, 0, EIO};

	tmp_fresh();
	t_eq(fault_run(&broken, want_sync_error), 0);
	t_eq(count_files(), 0);
}

/* Root may write everywhere. */
static int want_no_access(void)
{
	struct cfs_digest d;
	struct cfs_store *s;

	if (geteuid() == 0)
		CHILD_CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	CHILD_CHECK(open_store(&s) == 0);
	CHILD_CHECK(add_text(s, "x", &d) == -EACCES);
	CHILD_CHECK(strstr(err.msg, "object store: temporary file: Permission denied"));
	cfs_store_close(s);
	return 0;
}

T(store_says_when_its_directory_may_not_be_written)
{
	tmp_fresh();
	t_eq(chmod(tmp_dir(), 0755), 0);
	t_eq(mkdir(tmp_in("store"), 0555), 0);
	t_eq(fault_run(NULL, want_no_access), 0);
	t_eq(count_files(), 0);
}
