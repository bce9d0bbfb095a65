/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the cases in the machine ask of the kernel. Prints one word: what they asked for, "ok", or
 * the name of the errno or signal that came instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static const char *word(int rc)
{
	return rc < 0 ? strerrorname_np(-rc) : "ok";
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* --- what a program meets ------------------------------------------------------------ */

static const char *probe_open(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);

	return word(fd);
}

/* PATH PAGE */
static const char *probe_read(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);
	char page[CFS_VERITY_BLOCK];

	if (fd < 0)
		return word(fd);
	if (pread(fd, page, sizeof(page), atol(arg[1]) * CFS_VERITY_BLOCK) < 0)
		return word(-errno);
	return "ok";
}

static sigjmp_buf out_of_map;

static void on_signal(int number)
{
	siglongjmp(out_of_map, number);
}

/* PATH PAGE */
static const char *probe_map(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);
	const volatile char *page;
	int number;

	if (fd < 0)
		return word(fd);
	page = mmap(NULL, CFS_VERITY_BLOCK, PROT_READ, MAP_SHARED, fd,
		    atol(arg[1]) * CFS_VERITY_BLOCK);
	if (page == MAP_FAILED)
		return word(-errno);
	signal(SIGBUS, on_signal);
	number = sigsetjmp(out_of_map, 1);
	if (number)
		return number == SIGBUS ? "SIGBUS" : "signal";
	(void)*page;
	return "ok";
}

/* PATH: its first page, as a library is mapped. */
static const char *probe_mapexec(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);

	if (fd < 0)
		return word(fd);
	return mmap(NULL, CFS_VERITY_BLOCK, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) ==
			       MAP_FAILED
		       ? word(-errno)
		       : "ok";
}

/* FROM TO: writes all of FROM with one write to the existing file TO. */
static const char *probe_write(char **arg)
{
	cfs_autofd int from = open_file(arg[0]);
	cfs_autofd int to = open(arg[1], O_WRONLY | O_CLOEXEC);
	static char bytes[1 << 20];
	ssize_t len = read(from, bytes, sizeof(bytes));

	if (to < 0 || len < 0 || write(to, bytes, (size_t)len) < 0)
		return word(-errno);
	return "ok";
}

/* PATH: a program that itself prints "ok". */
static const char *probe_exec(char **arg)
{
	char *const run[] = {arg[0], NULL};
	int status, pid = vfork();

	if (pid == 0) {
		execv(arg[0], run);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return word(-errno);
	if (WIFSIGNALED(status))
		return sigabbrev_np(WTERMSIG(status));
	return WEXITSTATUS(status) ? word(-WEXITSTATUS(status)) : NULL;
}

/* --- fs-verity ----------------------------------------------------------------------- */

static enum cfs_hash_alg algorithm(const char *name)
{
	return strcmp(name, "sha512") == 0 ? CFS_SHA512 : CFS_SHA256;
}

/* PATH ALGORITHM */
static const char *probe_enable(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);

	return word(fd < 0 ? fd : cfs_verity_enable(fd, algorithm(arg[1]), NULL));
}

/* PATH */
static const char *probe_measure(char **arg)
{
	static char hex[CFS_DIGEST_HEX_MAX];
	cfs_autofd int fd = open_file(arg[0]);
	struct cfs_digest digest;
	int rc = fd < 0 ? fd : cfs_verity_measure(fd, &digest, NULL);

	return rc < 0 ? word(rc) : cfs_digest_hex(&digest, hex);
}

/* DIRECTORY */
static const char *probe_supported(char **arg)
{
	cfs_autofd int fd = open_file(arg[0]);

	return fd >= 0 && cfs_verity_is_supported(fd, NULL) == 1 ? "yes" : "no";
}

/* PATH PATH: exchanges the two until it is killed, for a minute at most. */
static const char *probe_exchange(char **arg)
{
	struct timespec pause = {.tv_nsec = 20000};

	alarm(60);
	while (renameat2(AT_FDCWD, arg[0], AT_FDCWD, arg[1], RENAME_EXCHANGE) == 0)
		nanosleep(&pause, NULL);
	return word(-errno);
}

/* --- all ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int n_args;
		const char *(*run)(char **arg);
	} table[] = {
		{"open", 1, probe_open},
		{"read", 2, probe_read},
		{"map", 2, probe_map},
		{"mapexec", 1, probe_mapexec},
		{"exec", 1, probe_exec},
		{"write", 2, probe_write},
		{"enable", 2, probe_enable},
		{"measure", 1, probe_measure},
		{"supported", 1, probe_supported},
		{"exchange", 2, probe_exchange},
		{"ladder", 3, probe_ladder},
		{"flip", 2, probe_flip},
		{"key", 1, probe_key},
		{"closekeys", 0, probe_close_keys},
	};
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(name, table[i].name) == 0 && argc - 2 == table[i].n_args) {
			const char *said = table[i].run(argv + 2);

			if (said)
				puts(said);
			return 0;
		}
	}
	fputs("probe: no such question\n", stderr);
	return 2;
}
