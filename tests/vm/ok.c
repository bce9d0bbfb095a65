/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The program that the cases pack and run: a few pages, without any library. */
static long call(long number, long a, long b, long c)
{
	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return number;
}

void _start(void);
void _start(void)
{
	enum { SYS_WRITE = 1, SYS_EXIT = 60 };

	call(SYS_WRITE, 1, (long)"ok\n", 3);
	call(SYS_EXIT, 0, 0, 0);
	__builtin_unreachable();
}
