/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Warnings that cannot be held back, since memory runs out. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/verbosity.h"

#include "../starve.h"
#include "t.h"

T(warning_is_printed_at_once_when_memory_runs_out)
{
	char got[200];
	ssize_t n;
	int saved = dup(STDERR_FILENO), ends[2];

	t_eq(pipe2(ends, O_CLOEXEC), 0);
	t_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	starve_left = 1; /* the first warning is held back, the second is not */
	cli_print_warning("test", "%s", "first");
	cli_print_warning("test", "%s", "second");
	starve_left = -1;
	t_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	close(ends[1]);
	n = read(ends[0], got, sizeof(got) - 1);
	close(ends[0]);
	t_ok(n >= 0);
	got[n] = '\0';
	t_str(got, "test: warning: first\ntest: warning: second\n");
}
