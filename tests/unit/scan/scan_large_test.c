/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: no thread is left alone with a file that is larger than all others together. */
#include "scan/scan.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

enum { MIB = 1 << 20 };

static struct cfs_err err;
static int n_started; /* threads */
static off_t grow_to; /* the file "large", when the next thread is started; 0: not */

/* In place of the one in libc, which it calls. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
		   void *arg)
{
	static int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
			     void *);

	if (!create)
		*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	n_started++;
	if (grow_to && truncate(tmp_in("large"), grow_to) < 0)
		return -1;
	grow_to = 0;
	return create(thread, attr, fn, arg);
}

/* Mostly holes. */
static void put_large(const char *name, off_t len)
{
	tmp_text(name, name);
	t_eq(truncate(tmp_in(name), len), 0);
}

static int scan(struct cfs_scan_opts opts, struct cfs_tree **out)
{
	n_started = 0;
	return cfs_scan(AT_FDCWD, tmp_dir(), &opts, out, &err);
}

static void expect_digest(const struct cfs_tree *t, const char *name)
{
	cfs_autofd int fd = open(tmp_in(name), O_RDONLY | O_CLOEXEC);
	struct cfs_digest d;

	t_ok(fd >= 0);
	t_eq(cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, &d, NULL, &err), 0);
	t_mem(t->nodes[cfs_tree_find(t, CFS_ROOT, cfs_text(name))].digest, d.bytes,
	      CFS_SHA256_LEN);
}

/* How many threads a scan starts; all digests are right. */
static int started(unsigned threads, const char *const *names)
{
	struct cfs_tree *t = NULL;

	if (scan((struct cfs_scan_opts){.threads = threads}, &t) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	for (; *names; names++)
		expect_digest(t, *names);
	cfs_tree_free(t);
	return n_started;
}

T(scan_reads_a_lone_large_file_with_all_threads)
{
	static const char *const names[] = {"large", NULL};

	tmp_fresh();
	put_large("large", 33 * MIB + 17);
	t_eq(started(1, names), 0);
	t_eq(started(2, names), 1);
	t_eq(started(3, names), 2);
	t_eq(started(8, names), 7);
}

T(scan_reads_a_small_file_with_one_thread)
{
	static const char *const names[] = {"small", NULL};

	tmp_fresh();
	put_large("small", 7 * MIB);
	t_eq(started(8, names), 0);
}

T(scan_reads_large_files_side_by_side_when_there_are_enough)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", NULL};

	tmp_fresh();
	for (int i = 0; names[i]; i++)
		put_large(names[i], 9 * MIB);
	t_eq(started(2, names), 1);
}

T(scan_reads_the_largest_with_all_threads_and_the_others_side_by_side)
{
	static const char *const names[] = {"large", "a", "b", "c", NULL};

	tmp_fresh();
	put_large("large", 40 * MIB);
	for (int i = 1; names[i]; i++)
		put_large(names[i], 5 * MIB);
	t_eq(started(2, names), 2);
}

T(scan_notices_a_large_file_that_grows_while_all_threads_read_it)
{
	struct cfs_tree *t = NULL;

	tmp_fresh();
	put_large("large", 33 * MIB);
	grow_to = 34 * MIB;
	t_eq(scan((struct cfs_scan_opts){.threads = 2}, &t), -ESTALE);
	t_has(err.msg, tmp_in("large"));
	t_has(err.msg, "changed while it was read");
}
