/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Helpers that all command line tools share. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/signals.h"
#include "cli/verbosity.h"

#define CLEAR_LINE "\r\033[K"

enum {
	PROGRESS_AFTER_MS = 1000,
	PROGRESS_EVERY_MS = 100,
	LINE_LEN = 4 * CFS_ERR_MAX, /* maximum length of a message */
};

const char *cli_program_name(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	return slash ? slash + 1 : argv0 ? argv0 : "composefs";
}

static bool is_any_of(const char *text, const char *const *words)
{
	while (*words && strcmp(text, *words) != 0)
		words++;
	return *words != NULL;
}

bool cli_print_version(const char *name, int argc, char **argv)
{
	static const char *const ignored[] = {"-q", "-v", "--quiet", "--verbose", NULL};
	int n = 0;

	for (int i = 1; i < argc; i++)
		if (!is_any_of(argv[i], ignored))
			n += strcmp(argv[i], "--version") == 0 ? 1 : 2;
	if (n != 1)
		return false;
	printf("%s %s\n", name, VERSION);
	return true;
}

bool cli_print_help_or_version(const char *name, const char *usage, int argc, char **argv)
{
	if (cli_print_version(name, argc, argv))
		return true;
	if (argc != 2 || strcmp(argv[1], "--help") != 0)
		return false;
	fputs(usage, stdout);
	return true;
}

/* stdio drops its buffer if write(2) fails with EAGAIN, and another process that shares
 * the open file may set O_NONBLOCK at any moment. glibc allows a program to replace
 * stdout by a stream whose writes wait. */
#ifdef __GLIBC__
static ssize_t write_stdout(void *cookie, const char *p, size_t len)
{
	(void)cookie;
	/* cli_end reports errno. */
	int rc = cli_write(STDOUT_FILENO, p, len);

	if (rc < 0)
		errno = -rc;
	return rc < 0 ? 0 : (ssize_t)len;
}

static bool replace_stdout(void)
{
	FILE *out =
		fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_stdout});

	if (!out)
		return false;
	setvbuf(out, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
	stdout = out;
	return true;
}
#else
static bool replace_stdout(void)
{
	return true;
}
#endif

bool cli_begin(const char *name)
{
	struct cfs_err err;

	if (cfs_std_open(&err) < 0)
		cli_print_message(name, "%s", err.msg);
	else if (!replace_stdout())
		cli_print_message(name, "out of memory");
	else {
		cli_signals_begin();
		return true;
	}
	return false;
}

bool cli_is_cfsctl(void)
{
	return strcmp(program_invocation_short_name, "cfsctl") == 0;
}

void cli_print(FILE *to, const char *text)
{
	char small[1024];
	struct cfs_text left = cfs_text(text);

	while (left.len) {
		size_t n = left.len < sizeof(small) / CFS_SHOW_FACTOR - 1
				   ? left.len
				   : sizeof(small) / CFS_SHOW_FACTOR - 1;

		/* Do not cut a character. */
		for (size_t k = 0; n < left.len && k < 3 && (left.s[n] & 0xc0) == 0x80;
		     k++)
			n--;
		fwrite(small, 1,
		       cfs_show_text((struct cfs_text){left.s, n}, small, sizeof(small)),
		       to);
		left.s += n;
		left.len -= n;
	}
}

/* Set while there is a progress line on the terminal. */
static atomic_bool has_progress_line;

/* Writes all in one write(2), because other processes may use the same terminal or
 * log. */
static void write_message(const char *text, size_t len)
{
	(void)!cli_write(STDERR_FILENO, text, len);
}

/* Formats "NAME: text" and a newline. Erases the progress line first, if there is one.
 * Returns the length. */
static size_t format_line(char line[LINE_LEN], enum cli_message kind, const char *name,
			  const char *text)
{
	bool colour = cli_has_colour(STDERR_FILENO);
	const char *red = colour && kind == CLI_ERROR ? "\033[1;31m" : "";
	const char *warning = kind != CLI_WARNING ? ""
			      : colour		  ? "\033[1;33mwarning:\033[0m "
						  : "warning: ";
	size_t len = (size_t)snprintf(
		line, 300, "%s%s%.200s:%s %s",
		atomic_exchange(&has_progress_line, false) ? CLEAR_LINE : "", red, name,
		*red ? "\033[0m" : "", warning);

	len += cfs_show_text(cfs_text(text), line + len, LINE_LEN - len - 1);
	line[len++] = '\n';
	return len;
}

static char repository[PATH_MAX]; /* "": not to be named */

void cli_use_repository(const char *path)
{
	if (!cli_is_cfsctl())
		snprintf(repository, sizeof(repository), "%s", path);
}

/* As a word, or as the beginning of a path: "r" is in "error". */
static bool names_repository(const char *text)
{
	size_t len = strlen(repository);

	for (const char *at = text; (at = strstr(at, repository)); at++)
		if ((at == text || strchr(" \"'(=", at[-1])) &&
		    strchr(" \"'),:;/", at[len]))
			return true;
	return false;
}

void cli_print_message_as(enum cli_message kind, const char *name, const char *text)
{
	char line[LINE_LEN], full[2 * CFS_ERR_MAX + PATH_MAX];

	if (kind != CLI_NOTE && *repository && !names_repository(text)) {
		snprintf(full, sizeof(full), "%s (repository %s)", text, repository);
		text = full;
	}
	write_message(line, format_line(line, kind, name, text));
}

void cli_print_message(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_print_message_as(CLI_ERROR, name, text);
}

int cli_fail_usage(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX], line[LINE_LEN + 256];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = format_line(line, CLI_ERROR, name, text);
	len += (size_t)snprintf(line + len, sizeof(line) - len, "see \"%.200s --help\"\n",
				name);
	write_message(line, len);
	return CLI_FAILED;
}

void cli_print_error_text(const char *text)
{
	write_message(text, strlen(text));
}

int cli_add_advice(int rc, struct cfs_err *err, const char *advice)
{
	size_t len, cap = sizeof(err->msg);

	if (rc >= 0 || !err)
		return rc;
	len = strnlen(err->msg, cap);
	/* If both do not fit, the advice is left out. */
	if (len + strlen(advice) + sizeof(" ()") <= cap)
		snprintf(err->msg + len, cap - len, " (%s)", advice);
	return rc;
}

int cli_flush(struct cfs_err *err)
{
	bool lost = ferror(stdout);

	int rc;

	errno = EIO;
	if (fflush(stdout) == 0 && !lost)
		return 0;
	rc = cfs_fail_errno(err, "standard output");
	/* The caller reports the error; cli_end must not report it again. */
	__fpurge(stdout);
	clearerr(stdout);
	return rc;
}

int cli_end(const char *name, int status)
{
	bool lost = ferror(stdout);

	if (status != CLI_OK && cli_signal_get_status())
		return cli_signal_get_status();
	errno = 0;
	lost |= fflush(stdout) != 0;
	if (!lost)
		return status;
	if (cli_signal_get_status())
		return cli_signal_get_status();
	cli_print_message(name, "standard output: %s",
			  errno ? strerror(errno) : "write error");
	return status == CLI_OK ? CLI_FAILED : status;
}

void cli_progress_start(struct cli_progress *p, const char *name)
{
	*p = (struct cli_progress){.name = name,
				   .enabled = !cli_is_quiet() && isatty(STDERR_FILENO)};
	p->start_ms = cfs_lock_get_now_ms();
}

void cli_progress_update(struct cli_progress *p, const char *fmt, ...)
{
	char text[512], line[1024];
	int64_t now;
	va_list ap;
	int len;

	if (!p->enabled)
		return;
	now = cfs_lock_get_now_ms();
	if (now - p->start_ms < PROGRESS_AFTER_MS ||
	    now - p->shown_ms < PROGRESS_EVERY_MS)
		return;
	len = snprintf(line, sizeof(line), "\r%.200s: ", p->name);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len += (int)cfs_show_text(cfs_text(text), line + len,
				  sizeof(line) - (size_t)len - 8);
	len += sprintf(line + len, "\033[K");
	write_message(line, (size_t)len);
	atomic_store(&has_progress_line, true);
	p->shown = true;
	p->shown_ms = now;
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown && atomic_exchange(&has_progress_line, false))
		write_message(CLEAR_LINE, strlen(CLEAR_LINE));
	p->shown = false;
}

const char *cli_format_bytes(uint64_t n, char buf[32])
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
