/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: workers share what a sync brought to disk. */
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

static struct cfs_store *open_store(struct cfs_store_opts opts)
{
	struct cfs_store *s = NULL;

	if (cfs_store_open(AT_FDCWD, tmp_in("store"), &opts, &s, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return s;
}

static void commit(struct cfs_store *s)
{
	if (cfs_store_commit(s, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
}

/* Objects with a name. */
static int count_files(void)
{
	char cmd[512];
	FILE *p;
	int n = -1;

	snprintf(cmd, sizeof(cmd), "find '%s' -type f | wc -l", tmp_in("store"));
	p = popen(cmd, "r");
	t_ok(p);
	t_eq(fscanf(p, "%d", &n), 1);
	pclose(p);
	return n;
}

static int n_syncs;

/* In place of the one in libc. */
int syncfs(int fd)
{
	n_syncs++;
	return (int)syscall(SYS_syncfs, fd);
}

static void add_byte(struct cfs_store *s, unsigned worker, int i)
{
	char text[] = {(char)('0' + i), '\0'};
	struct cfs_digest d;

	t_eq(cfs_store_add_mem(s, worker, cfs_text_span((struct cfs_text){text, 1}), &d,
			       &err),
	     0);
}

T(store_names_objects_synced_by_another_worker_and_no_others)
{
	struct cfs_store *s;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.max_pending = 4, .n_workers = 2});
	n_syncs = 0;
	add_byte(s, 0, 0);
	t_eq(n_syncs, 0);
	add_byte(s, 1, 1);
	t_eq(n_syncs, 1);
	t_eq(count_files(), 1);
	add_byte(s, 0, 2);
	t_eq(n_syncs, 1);
	t_eq(count_files(), 2);
	cfs_store_close(s);
	t_eq(count_files(), 2);
}

T(store_syncs_no_more_often_with_more_workers)
{
	struct cfs_store *s;

	tmp_fresh();
	s = open_store((struct cfs_store_opts){.max_pending = 16, .n_workers = 8});
	n_syncs = 0;
	for (int i = 0; i < 64; i++)
		add_byte(s, (unsigned)i % 8, i);
	t_eq(n_syncs, 64 / 8);
	commit(s);
	cfs_store_close(s);
	t_eq(count_files(), 64);
}
