/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: what goes wrong below it leaves whole objects and a clear error, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "store/store.h"
#include "t.h"
#include "tmpdir.h"

static const struct fault no_tmpfile = {SYS_openat, 2, __O_TMPFILE, EOPNOTSUPP};

static struct cfs_err err;

/* --- calls that stand in for those of libc ------------------------------------------------- */

static int syncs_to_fail;

/* As the kernel does it: a lost write is reported once. */
int syncfs(int fd)
{
	if (syncs_to_fail > 0) {
		syncs_to_fail--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_syncfs, fd);
}

enum cloning {
	CLONE_REAL,
	CLONE_COPIES,	    /* FICLONE works, on any filesystem */
	CLONE_COPIES_LATER, /* ... after somebody wrote to the source */
};

static enum cloning cloning;

static int stand_in_clone(int to, int from)
{
	char buf[4096];
	off_t off = 0;
	ssize_t n;

	while ((n = pread(from, buf, sizeof(buf), off)) > 0) {
		if (cloning == CLONE_COPIES_LATER && off == 0)
			buf[0] ^= 1;
		if (pwrite(to, buf, (size_t)n, off) != n)
			return -1;
		off += n;
	}
	return n < 0 ? -1 : 0;
}

enum sealing {
	SEAL_REAL,
	SEAL_WORKS, /* fs-verity, on any filesystem; statx(2) does not know of it */
	SEAL_FAILS, /* it is there, and does not take the block size */
};

static enum sealing sealing;

static int stand_in_enable(void)
{
	if (sealing == SEAL_WORKS)
		return 0;
	errno = EINVAL;
	return -1;
}

static int stand_in_measure(int fd, struct fsverity_digest *out)
{
	struct cfs_digest d;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, &d, NULL, NULL) < 0) {
		errno = ENODATA;
		return -1;
	}
	out->digest_algorithm = CFS_SHA256;
	out->digest_size = (uint16_t)cfs_hash_len(CFS_SHA256);
	memcpy(out->digest, d.bytes, cfs_hash_len(CFS_SHA256));
	return 0;
}

int fstatfs(int fd, struct statfs *out)
{
	int rc = (int)syscall(SYS_fstatfs, fd, out);

	if (rc == 0 && sealing != SEAL_REAL)
		out->f_type = EXT4_SUPER_MAGIC;
	return rc;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	long arg;

	va_start(ap, request);
	arg = va_arg(ap, long);
	va_end(ap);
	if (request == FICLONE && cloning != CLONE_REAL)
		return stand_in_clone(fd, (int)arg);
	if (request == FS_IOC_ENABLE_VERITY && sealing != SEAL_REAL)
		return stand_in_enable();
	if (request == FS_IOC_MEASURE_VERITY && sealing != SEAL_REAL)
		return stand_in_measure(fd, (void *)arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* --- helpers -------------------------------------------------------------------------------- */

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

T(store_works_without_o_tmpfile)
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

static int expect_no_space(void)
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

T(store_reports_a_full_disk_and_leaves_nothing)
{
	struct fault full = {SYS_pwrite64, 0, 0, ENOSPC};

	tmp_fresh();
	make_large();
	t_eq(fault_run(&full, expect_no_space), 0);
	t_eq(count_files(), 0);
}

static int expect_link_error(void)
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
	t_eq(fault_run(&quota, expect_link_error), 0);
	t_eq(count_files(), 0);
}

T(store_names_nothing_that_did_not_reach_the_disk)
{
	struct cfs_digest d;
	struct cfs_store *s;

	tmp_fresh();
	t_eq(open_store(&s), 0);
	t_eq(add_text(s, "x", &d), 0);
	syncs_to_fail = 1;
	t_eq(cfs_store_commit(s, &err), -EIO);
	t_str(err.msg, "object store: sync: Input/output error");
	t_eq(count_files(), 0);
	/* The next sync works, but what was lost remains lost. */
	t_eq(cfs_store_commit(s, &err), -EIO);
	cfs_store_close(s);
	t_eq(count_files(), 0);
}

/* --- shared blocks -------------------------------------------------------------------------- */

static int add_source(struct cfs_store *s, uint64_t size, struct cfs_digest *d)
{
	cfs_autofd int fd = open(tmp_in("source"), O_RDONLY | O_CLOEXEC);

	t_ok(fd >= 0);
	return cfs_store_add_fd(s, 0, fd, size, d, &err);
}

T(store_digests_what_a_clone_holds)
{
	static uint8_t data[(1 << 20) + 1];
	static const size_t sizes[] = {100, sizeof(data)};
	struct cfs_digest d, expected;
	struct cfs_store *s;

	tmp_fresh();
	t_eq(open_store(&s), 0);
	for (size_t i = 0; i < 2; i++) {
		tmp_put("source", data, sizes[i]);
		cloning = CLONE_COPIES;
		t_eq(add_source(s, sizes[i], &d), 0);
		cloning = CLONE_REAL;
		t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){data, sizes[i]},
					   &expected, NULL),
		     0);
		t_ok(cfs_digest_eq(&d, &expected));
	}
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(count_files(), 2);
}

T(store_notices_a_small_source_that_changes_before_it_is_cloned)
{
	struct cfs_digest d;
	struct cfs_store *s;
	int rc;

	tmp_fresh();
	tmp_text("source", "content");
	t_eq(open_store(&s), 0);
	cloning = CLONE_COPIES_LATER;
	rc = add_source(s, 7, &d);
	cloning = CLONE_REAL;
	t_eq(rc, -ESTALE);
	t_str(err.msg, "changed while it was read");
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(count_files(), 0);
}

static void check_content(const struct cfs_digest *d, struct cfs_span expected)
{
	char path[CFS_OBJECT_PATH_MAX], name[CFS_OBJECT_PATH_MAX + 8];
	struct cfs_mem got = {0};

	snprintf(name, sizeof(name), "store/%s", cfs_digest_path(d, path));
	t_eq(cfs_input_read(AT_FDCWD, tmp_in(name), 0, 8 << 20, &got, &err), 0);
	t_eq(got.len, expected.len);
	t_mem(got.p, expected.p, expected.len);
	free(got.p);
}

/* Writes data like a file with these contents. */
static void write_like(struct cfs_span data, struct cfs_span like, bool clones)
{
	struct cfs_store_writer *w;
	struct cfs_digest d, expected;
	struct cfs_store *s;
	cfs_autofd int fd = -1;

	tmp_fresh();
	tmp_put("source", like.p, like.len);
	fd = open(tmp_in("source"), O_RDONLY | O_CLOEXEC);
	t_eq(open_store(&s), 0);
	t_eq(cfs_store_writer_open(s, 0, data.len, &w, &err), 0);
	cfs_store_writer_share(w, fd);
	cloning = clones ? CLONE_COPIES : CLONE_REAL;
	t_eq(cfs_store_writer_get_sink(w).write(w, data.p, data.len, &err), 0);
	t_eq(cfs_store_writer_finish(w, NULL, &d, &err), 0);
	cloning = CLONE_REAL;
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(cfs_verity_digest_mem(CFS_SHA256, data, &expected, NULL), 0);
	t_ok(cfs_digest_eq(&d, &expected));
	check_content(&d, data);
}

T(store_writer_keeps_what_was_written_whatever_the_shared_file_has)
{
	static uint8_t data[(3 << 20) + 1], other[(3 << 20) + 9];
	static const size_t sizes[] = {4096, 5000, 1 << 20, (1 << 20) + 1, sizeof(data)};

	memset(data, 7, sizeof(data));
	memset(data + 100000, 0, 200000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cfs_span written = {data, sizes[i]};
		struct cfs_span likes[] = {
			{data, sizes[i]},      {data, sizes[i] - 1}, {data, 0},
			{other, sizes[i] + 8}, {other, sizes[i]},    {other, 4095},
		};

		memcpy(other, data, sizeof(data));
		other[sizes[i] - 1] ^= 1;
		other[0] ^= 1;
		for (size_t k = 0; k < sizeof(likes) / sizeof(likes[0]); k++)
			write_like(written, likes[k], true);
		write_like(written, likes[0], false);
	}
}

/* --- places that may not be written --------------------------------------------------------- */

/* Root may write everywhere. */
static int expect_no_access(void)
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

/* --- objects that lost their seal ---------------------------------------------------------- */

static int n_warned;
static char warned[CFS_ERR_MAX];

static void note_warning(void *ctx, const char *msg)
{
	(void)ctx;
	n_warned++;
	snprintf(warned, sizeof(warned), "%s", msg);
}

/* Adds an object that exists already, without a seal. Returns the inode that has its name then. */
static ino_t add_again(enum sealing how)
{
	static const struct cfs_watch watch = {.warning = note_warning};
	struct cfs_store_opts opts = {.watch = &watch};
	char name[CFS_OBJECT_PATH_MAX], path[CFS_OBJECT_PATH_MAX + 8];
	struct cfs_digest d;
	struct cfs_store *s;
	struct stat st;

	n_warned = 0;
	sealing = how;
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("store"), &opts, &s, &err), 0);
	t_eq(add_text(s, "content", &d), 0);
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	sealing = SEAL_REAL;
	snprintf(path, sizeof(path), "store/%s", cfs_digest_path(&d, name));
	t_eq(stat(tmp_in(path), &st), 0);
	return st.st_ino;
}

T(store_replaces_an_object_without_a_seal_where_it_can_seal)
{
	ino_t first;

	tmp_fresh();
	first = add_again(SEAL_REAL);
	t_ok(add_again(SEAL_WORKS) != first);
	t_eq(n_warned, 1);
	t_has(warned, "is replaced: no fs-verity");
	t_eq(count_files(), 1);
}

T(store_keeps_objects_without_a_seal_where_sealing_fails)
{
	ino_t first;

	tmp_fresh();
	first = add_again(SEAL_REAL);
	t_eq(add_again(SEAL_FAILS), first);
	t_eq(n_warned, 1);
	t_has(warned, "objects are not sealed");
}

T(store_reports_a_read_only_directory)
{
	tmp_fresh();
	t_eq(chmod(tmp_dir(), 0755), 0);
	t_eq(mkdir(tmp_in("store"), 0555), 0);
	t_eq(fault_run(NULL, expect_no_access), 0);
	t_eq(count_files(), 0);
}
