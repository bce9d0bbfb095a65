/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mount namespaces of other processes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "mount/mount_priv.h"
#include "mount/table.h"

/* The namespaces that were seen. */
struct visit {
	int (*fn)(void *ctx, const struct mount_process *process, struct cfs_err *err);
	void *ctx;
	ino_t user;	 /* the user namespace of this process */
	const char *pid; /* that is looked at, for messages */
	ino_t *seen;
	size_t n, cap;
};

/* The process has ended, or is one of another user that may not be examined: a mount there is not
 * known, as before. EINVAL: of a zombie. */
static bool is_out_of_reach(int code)
{
	return code == ENOENT || code == ESRCH || code == EINVAL || code == EACCES ||
	       code == EPERM;
}

/* 1: opened; 0: out of reach. */
static int open_in(const struct visit *v, int process, const char *name, int flags,
		   int *out, struct cfs_err *err)
{
	*out = openat(process, name, flags | O_CLOEXEC);
	if (*out >= 0)
		return 1;
	return is_out_of_reach(errno) ? 0
				      : cfs_fail_errno(err, "/proc/%s/%s", v->pid, name);
}

/* 1: found; 0: out of reach. */
static int find_namespace(const struct visit *v, int process, const char *name,
			  ino_t *out, struct cfs_err *err)
{
	struct stat st;

	if (fstatat(process, name, &st, 0) < 0)
		return is_out_of_reach(errno)
			       ? 0
			       : cfs_fail_errno(err, "/proc/%s/%s", v->pid, name);
	*out = st.st_ino;
	return 1;
}

static bool is_seen(const struct visit *v, ino_t ns)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->seen[i] == ns)
			return true;
	return false;
}

static int add_seen(struct visit *v, ino_t ns, struct cfs_err *err)
{
	if (cfs_grow(&v->seen, &v->cap, v->n + 1, sizeof(*v->seen)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	v->seen[v->n++] = ns;
	return 0;
}

/* 1: examined; 0: out of reach. */
static int examine_process(struct visit *v, const char *pid, int process,
			   struct cfs_err *err)
{
	struct cfs_mount_table table = {0};
	cfs_autofd int info = -1;
	cfs_autofd int root = -1;
	int rc = open_in(v, process, "mountinfo", O_RDONLY, &info, err);

	if (rc > 0)
		rc = open_in(v, process, "root", O_PATH | O_DIRECTORY, &root, err);
	if (rc <= 0)
		return rc;
	rc = cfs_context(err, mount_table_read_fd(info, &table, err),
			 "/proc/%s/mountinfo", pid);
	if (rc == 0)
		rc = v->fn(v->ctx, &(struct mount_process){pid, root, &table}, err);
	cfs_mount_table_fini(&table);
	return rc < 0 ? rc : 1;
}

/* Looks at one process: the mounts of each mount namespace of this user namespace are
 * examined once. */
static int visit_process(struct visit *v, int proc, const char *pid, struct cfs_err *err)
{
	cfs_autofd int process = -1;
	int rc = open_in(v, proc, pid, O_RDONLY | O_DIRECTORY, &process, err);
	ino_t ns, user;

	if (rc > 0)
		rc = find_namespace(v, process, "ns/mnt", &ns, err);
	if (rc > 0)
		rc = find_namespace(v, process, "ns/user", &user, err);
	if (rc <= 0 || user != v->user || is_seen(v, ns))
		return rc < 0 ? rc : 0;
	rc = examine_process(v, pid, process, err);
	return rc <= 0 ? rc : add_seen(v, ns, err);
}

static int visit_each_process(struct visit *v, DIR *proc, struct cfs_err *err)
{
	struct dirent *e;
	int rc = 0;

	while (rc == 0 && (errno = 0, e = readdir(proc)))
		if (*e->d_name >= '1' && *e->d_name <= '9') {
			v->pid = e->d_name;
			rc = visit_process(v, dirfd(proc), e->d_name, err);
		}
	return rc == 0 && errno ? cfs_fail_errno(err, "/proc") : rc;
}

int mount_visit_namespaces(int (*fn)(void *ctx, const struct mount_process *process,
				     struct cfs_err *err),
			   void *ctx, struct cfs_err *err)
{
	struct visit v = {.fn = fn, .ctx = ctx, .pid = "thread-self"};
	DIR *proc = opendir("/proc");
	ino_t own;
	int rc;

	if (!proc)
		return cfs_fail_errno(err, "/proc");
	rc = find_namespace(&v, dirfd(proc), "thread-self/ns/mnt", &own, err);
	if (rc > 0)
		rc = find_namespace(&v, dirfd(proc), "thread-self/ns/user", &v.user, err);
	if (rc > 0)
		rc = add_seen(&v, own, err);
	if (rc == 0)
		rc = visit_each_process(&v, proc, err);
	free(v.seen);
	closedir(proc);
	return rc;
}
