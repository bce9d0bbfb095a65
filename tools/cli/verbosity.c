/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* -q, -v, and held-back warnings. */
#include "cli/verbosity.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELD_MAX = 1000 }; /* warnings */

struct held {
	struct held *next;
	char *name, *text;
};

static enum cli_verbosity verbosity;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the rest */
static struct held *first, **last = &first;
static size_t n_held;
static pid_t owner; /* a child process must not print them again */

void cli_set_verbosity(enum cli_verbosity v)
{
	verbosity = v;
}

bool cli_is_quiet(void)
{
	return verbosity == CLI_QUIET;
}

bool cli_is_verbose(void)
{
	return verbosity == CLI_VERBOSE;
}

void cli_take_verbosity(int *argc, char **argv)
{
	int n = 0, i = 0;

	for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "-q") == 0 || strcmp(argv[i], "--quiet") == 0)
			cli_set_verbosity(CLI_QUIET);
		else if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
			cli_set_verbosity(CLI_VERBOSE);
		else
			argv[n++] = argv[i];
	}
	while (i < *argc)
		argv[n++] = argv[i++];
	argv[n] = NULL;
	*argc = n;
}

/* --- warnings --------------------------------------------------------------------------- */

static void print_held(void)
{
	while (first) {
		struct held *h = first;

		first = h->next;
		cli_print_message_as(CLI_WARNING, h->name, h->text);
		free(h->name);
		free(h->text);
		free(h);
	}
	last = &first;
	n_held = 0;
}

void cli_flush_warnings(void)
{
	pthread_mutex_lock(&lock);
	if (owner == getpid())
		print_held();
	pthread_mutex_unlock(&lock);
}

/* Copies a warning that is printed when the progress line is gone; NULL: no memory,
 * and the caller prints it at once. */
static struct held *copy_warning(const char *name, const char *text)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->name = strdup(name);
	h->text = strdup(text);
	if (h->name && h->text)
		return h;
	free(h->name);
	free(h->text);
	free(h);
	return NULL;
}

/* Keeps a warning until the program exits, so that it stands behind the output. Prints all
 * now if memory runs out, or too many are held. */
static void hold_warning(const char *name, const char *text)
{
	struct held *h = copy_warning(name, text);

	if (!h) {
		print_held();
		cli_print_message_as(CLI_WARNING, name, text);
		return;
	}
	if (!owner)
		atexit(cli_flush_warnings);
	owner = getpid();
	*last = h;
	last = &h->next;
	if (++n_held > HELD_MAX)
		print_held();
}

void cli_print_warning(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX];
	va_list ap;

	if (cli_is_quiet())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&lock);
	hold_warning(name, text);
	pthread_mutex_unlock(&lock);
}

/* --- notes ------------------------------------------------------------------------------ */

void cli_print_note(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX];
	va_list ap;

	if (cli_is_quiet())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_print_message_as(CLI_NOTE, name, text);
}

void cli_print_detail(const char *name, const char *fmt, ...)
{
	char text[2 * CFS_ERR_MAX];
	va_list ap;

	if (!cli_is_verbose())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_print_message_as(CLI_NOTE, name, text);
}

/* --- colours ---------------------------------------------------------------------------- */

bool cli_has_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb") != 0 && isatty(fd);
}

void cli_print_heading(FILE *to, const char *text)
{
	bool bold = to == stdout && cli_has_colour(STDOUT_FILENO);

	fprintf(to, "%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}
