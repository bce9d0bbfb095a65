/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the command line tools share. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PROGRESS_AFTER_MS = 1000,
	PROGRESS_EVERY_MS = 100,
};

const char *cli_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	return slash ? slash + 1 : argv0 ? argv0 : "composefs";
}

bool cli_begin(const char *name)
{
	struct cfs_err err;

	if (cfs_std_open(&err) == 0)
		return true;
	cli_say(name, "%s", err.msg);
	return false;
}

bool cli_stands_in(void)
{
	return strcmp(program_invocation_short_name, "cfsctl") == 0;
}

/* Bytes of a control character at text, or 0. U+0080 to U+009F are such, too. */
static size_t control_len(const char *text)
{
	unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];

	if (c == 0xc2 && next >= 0x80 && next < 0xa0)
		return 2;
	return c < 0x20 || c == 0x7f;
}

void cli_print(FILE *to, const char *text)
{
	while (*text) {
		size_t plain = 0, n;

		while (text[plain] && control_len(text + plain) == 0)
			plain++;
		fwrite(text, 1, plain,
		       to); /* in one piece: standard error has no buffer */
		text += plain;
		for (n = *text ? control_len(text) : 0; n; n--)
			fprintf(to, "\\x%02x", (unsigned char)*text++);
	}
}

void cli_say(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: ", name);
	cli_print(stderr, text);
	fputc('\n', stderr);
}

int cli_advise(int rc, struct cfs_err *err, const char *advice)
{
	size_t len = rc < 0 ? strlen(err->msg) : 0;

	/* One that is too long goes without. */
	if (rc < 0 && len + strlen(advice) + sizeof(" ()") <= sizeof(err->msg))
		sprintf(err->msg + len, " (%s)", advice);
	return rc;
}

int cli_flush(struct cfs_err *err)
{
	bool lost = ferror(stdout);

	errno = EIO;
	if (fflush(stdout) != 0 || lost)
		return cfs_fail_errno(err, "standard output");
	return 0;
}

int cli_end(const char *name, int status)
{
	bool lost = ferror(stdout);

	errno = 0;
	lost |= fflush(stdout) != 0;
	if (!lost || status != CLI_OK)
		return status;
	cli_say(name, "standard output: %s", errno ? strerror(errno) : "write error");
	return CLI_FAILED;
}

bool cli_number(const char *text, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void cli_progress_start(struct cli_progress *p, const char *name)
{
	*p = (struct cli_progress){.name = name, .enabled = isatty(STDERR_FILENO)};
	p->start_ms = now_ms();
}

void cli_progress_show(struct cli_progress *p, const char *fmt, ...)
{
	int64_t now;
	va_list ap;

	if (!p->enabled)
		return;
	now = now_ms();
	if (now - p->start_ms < PROGRESS_AFTER_MS ||
	    now - p->shown_ms < PROGRESS_EVERY_MS)
		return;
	fprintf(stderr, "\r%s: ", p->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\033[K", stderr);
	fflush(stderr);
	p->shown = true;
	p->shown_ms = now;
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

const char *cli_bytes(uint64_t n, char buf[32])
{
	static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}
