/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bench: runs a command and says what it took, on one line of a file:
 *     wall seconds, user seconds, system seconds, peak memory in KiB, status
 *
 *     measure RESULT TIMES COMMAND...
 *
 * It runs TIMES times, one after another; times add up, the largest peak and status stay. A program
 * of its own, because the peak that the kernel reports includes that of the process
 * which called fork or exec: measured from Python, nothing could stay below 10 MiB. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct usage {
	double wall, user, sys;
	long peak_kib;
	int status;
};

static double get_seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static double get_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Runs the command once and adds its times to u, which keeps the highest memory and
 * status of all runs. -1 when it cannot be started. */
static int run_measured(char **argv, struct usage *u)
{
	double start = get_now();
	struct rusage r;
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (errno || wait4(pid, &status, 0, &r) < 0)
		return -1;
	u->wall += get_now() - start;
	u->user += get_seconds(r.ru_utime);
	u->sys += get_seconds(r.ru_stime);
	if (r.ru_maxrss > u->peak_kib)
		u->peak_kib = r.ru_maxrss;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (status > u->status)
		u->status = status;
	return 0;
}

static int write_result(const char *path, const struct usage *u)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -1;
	fprintf(f, "%.9f %.6f %.6f %ld %d\n", u->wall, u->user, u->sys, u->peak_kib,
		u->status);
	return fclose(f);
}

int main(int argc, char **argv)
{
	struct usage u = {0};
	int times = argc > 3 ? atoi(argv[2]) : 0;

	if (times < 1) {
		fprintf(stderr, "usage: measure RESULT TIMES COMMAND...\n");
		return 2;
	}
	for (int i = 0; i < times; i++) {
		if (run_measured(argv + 3, &u) < 0) {
			fprintf(stderr, "measure: %s: %s\n", argv[3], strerror(errno));
			return 1;
		}
	}
	if (write_result(argv[1], &u) < 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
