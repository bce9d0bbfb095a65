/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Warnings of one kind. */
#include "cli/bounded.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"

void bounded_warn(struct bounded *b, const char *fmt, ...)
{
	char text[CFS_ERR_MAX];
	va_list ap;

	if (b->n++ >= BOUNDED_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_say(b->program, "warning: %s", text);
}

void bounded_end(const struct bounded *b, const char *what)
{
	if (b->n > BOUNDED_MAX)
		cli_say(b->program, "warning: and %zu more %s", b->n - BOUNDED_MAX, what);
}
