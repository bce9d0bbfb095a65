/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Idle priority: SCHED_IDLE, and the class of ionice(1) of that name. */
#include "composefs/repo/idle.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

void idle_set_priority(void)
{
	enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 }; /* ioprio_set(2) */
	static const struct sched_param none;

	(void)!syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE << CLASS_SHIFT);
	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0)
		(void)!nice(19);
}
