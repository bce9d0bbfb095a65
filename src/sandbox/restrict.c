/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The restrictions except seccomp: descriptors, limits, privileges, Landlock. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

/* --- Descriptors --------------------------------------------------------------------- */

/* Closes the descriptors that /proc lists; false without /proc, or if the list is not
 * complete. */
static bool close_listed(void)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	bool complete;

	if (!dir)
		return false;
	while (errno = 0, (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > 0 && fd != dirfd(dir))
			close(fd);
	}
	complete = errno == 0;
	closedir(dir);
	return complete;
}

/* Closes all descriptors up to the default of fs.nr_open: some may be above the limit, if
 * they were opened before it was set. */
static void close_each(void)
{
	enum { NR_OPEN = 1 << 20 };
	long limit = sysconf(_SC_OPEN_MAX), n = limit > NR_OPEN ? limit : NR_OPEN;

	for (int fd = 1; fd < n; fd++)
		close(fd);
}

int sandbox_close_descriptors(int answer, struct cfs_err *err)
{
	if (answer != 0 && dup2(answer, 0) < 0)
		return cfs_fail_errno(err, "sandbox: dup2");
	if (close_range(1, UINT32_MAX, 0) == 0)
		return 0;
	/* Before Linux 5.9: one by one. */
	close(1); /* leaves one free for the directory */
	if (!close_listed())
		close_each();
	return 0;
}

/* --- Limits -------------------------------------------------------------------------- */

static int set_limit(int resource, rlim_t soft, rlim_t hard, struct cfs_err *err)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return cfs_fail_errno(err, "sandbox: getrlimit");
	if (hard < limit.rlim_max)
		limit.rlim_max = hard;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	if (setrlimit(resource, &limit) < 0)
		return cfs_fail_errno(err, "sandbox: setrlimit");
	return 0;
}

static bool page_fits(rlim_t limit, size_t page)
{
	void *p;

	if (set_limit(RLIMIT_AS, limit, RLIM_INFINITY, NULL) < 0)
		return false;
	p = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	munmap(p, page);
	return true;
}

/* Bytes of address space of the process: one page less than the smallest limit under
 * which a page can still be mapped. A binary search, so that /proc is not needed. */
static uint64_t address_space(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t low = 0, high = INT64_MAX / page;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (page_fits(middle * page, page))
			high = middle;
		else
			low = middle;
	}
	return low * page;
}

int sandbox_set_limits(const struct cfs_sandbox_opts *opts, struct cfs_err *err)
{
	uint64_t memory;
	int rc = 0;

	if (!cfs_add(address_space(), opts->memory_len, &memory))
		memory = RLIM_INFINITY;
	/* The signal of the soft limit (SIGXCPU) tells the parent the reason; the hard
	 * limit kills one second later. */
	const struct {
		int resource;
		rlim_t soft, hard;
	} limits[] = {
		{RLIMIT_AS, memory, memory}, {RLIMIT_CPU, opts->cpu_s, opts->cpu_s + 1},
		{RLIMIT_CORE, 0, 0},	     {RLIMIT_NOFILE, 0, 0},
		{RLIMIT_FSIZE, 0, 0},
	};

	for (size_t i = 0; rc == 0 && i < sizeof(limits) / sizeof(limits[0]); i++)
		rc = set_limit(limits[i].resource, limits[i].soft, limits[i].hard, err);
	return rc;
}

/* --- Privileges ---------------------------------------------------------------------- */

int sandbox_drop_privileges(struct cfs_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return cfs_fail_errno(err, "sandbox: no_new_privs");
	if (syscall(SYS_capset, &head, none) < 0)
		return cfs_fail_errno(err, "sandbox: capset");
	/* A core_pattern that is a pipe ignores RLIMIT_CORE. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return cfs_fail_errno(err, "sandbox: PR_SET_DUMPABLE");
	return 0;
}

/* --- Landlock ------------------------------------------------------------------------ */

/* struct landlock_ruleset_attr of Linux 6.12. Older kernels accept it if the fields that
 * they do not know are 0. */
struct ruleset {
	uint64_t fs, net, scoped;
};

/* All accesses that a version of the interface can deny. Without a rule it denies them
 * all. */
static const struct {
	long abi; /* from this version on */
	struct ruleset all;
} rulesets[] = {
	{1, {(1 << 13) - 1, 0, 0}}, /* Linux 5.13 */
	{2, {(1 << 14) - 1, 0, 0}}, /* 5.19: rename to other directories */
	{3, {(1 << 15) - 1, 0, 0}}, /* 6.2: truncate */
	{4, {(1 << 15) - 1, 3, 0}}, /* 6.7: TCP bind and connect */
	{5, {(1 << 16) - 1, 3, 0}}, /* 6.10: ioctl on devices */
	{6, {(1 << 16) - 1, 3, 3}}, /* 6.12: abstract sockets, signals */
};

int sandbox_make_ruleset(uint64_t net_kept, struct cfs_err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset all = {0};
	long fd;

	if (abi < 1)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(rulesets) / sizeof(rulesets[0]); i++)
		if (rulesets[i].abi <= abi)
			all = rulesets[i].all;
	all.net &= ~net_kept;
	fd = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	return fd < 0 ? cfs_fail_errno(err, "sandbox: Landlock ruleset") : (int)fd;
}

int sandbox_enable_landlock(struct cfs_err *err)
{
	int fd = sandbox_make_ruleset(0, err);
	long rc;

	if (fd < 0)
		return fd == -ENOTSUP ? 0 : fd;
	rc = syscall(SYS_landlock_restrict_self, fd, 0);
	if (rc < 0)
		rc = cfs_fail_errno(err, "sandbox: Landlock");
	close(fd);
	return rc < 0 ? (int)rc : 1;
}
