/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Options by table. */
#include "cli/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum {
	HELP_COLUMN = 26, /* where the explanations begin */
	FIRST_ID = 256,	  /* above all characters, which getopt uses for itself */
};

static bool ends(const struct cli_option *o)
{
	return !o->name && !o->help;
}

static void explain(FILE *to, const struct cli_option *o)
{
	int n;

	if (!o->help)
		return;
	if (!o->name) {
		fprintf(to, "%s\n", o->help);
		return;
	}
	n = o->letter ? fprintf(to, "  -%c,", o->letter) : fprintf(to, " ");
	n += fprintf(to, " --%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
	fprintf(to, "%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", o->help);
}

void cli_usage(FILE *to, const struct cli_syntax *s, const char *name)
{
	for (size_t i = 0; s->usage[i]; i++)
		fprintf(to, "%s %s %s\n", i ? "      " : "Usage:", name, s->usage[i]);
	fprintf(to, "\n%s\nStatus: %s.\n\n", s->about,
		s->status ? s->status : "0 done, 1 failed, 2 wrong usage");
	for (const struct cli_option *o = s->options; !ends(o); o++)
		explain(to, o);
	fputs("  --help                  Print this text\n", to);
	if (s->is_program)
		fputs("  --version               Print the version\n", to);
	fputs("\nExample:\n", to);
	for (size_t i = 0; s->example[i]; i++)
		fprintf(to, "  %s\n", s->example[i]);
}

int cli_misused(const struct cli_syntax *s, const char *name, const char *what)
{
	cfs_autofree char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	cli_say(name, "%s", what);
	if (to) {
		cli_usage(to, s, name);
		if (fclose(to) == 0)
			cli_complain(text);
	}
	return CLI_FAILED;
}

/* What getopt wants: an option's id is FIRST_ID and its row, or its letter. --help comes last. */
struct table {
	struct option *longs;
	char *letters;
	int help_id;
};

static int make_table(const struct cli_option *options, struct table *out)
{
	size_t n = 0, used = 0;
	char *at;

	while (!ends(&options[n]))
		n++;
	out->longs = calloc(n + 2, sizeof(*out->longs));
	out->letters = at = malloc(2 * n + 2);
	if (!out->longs || !at)
		return -1;
	*at++ = ':';
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &options[i];

		if (!o->name)
			continue;
		out->longs[used++] =
			(struct option){o->name, o->arg ? required_argument : no_argument,
					NULL, FIRST_ID + (int)i};
		if (o->letter)
			*at++ = o->letter;
		if (o->letter && o->arg)
			*at++ = ':';
	}
	*at = '\0';
	out->help_id = FIRST_ID + (int)n;
	out->longs[used] = (struct option){"help", no_argument, NULL, out->help_id};
	return 0;
}

static void free_table(struct table *t)
{
	free(t->longs);
	free(t->letters);
}

static const struct cli_option *row_of(const struct cli_option *options, int id)
{
	if (id >= FIRST_ID)
		return &options[id - FIRST_ID];
	while (options->letter != id)
		options++;
	return options;
}

static bool take(const struct cli_option *o, void *opts)
{
	char *at = (char *)opts + o->at;

	if (o->take)
		return o->take(opts, optarg);
	if (o->arg)
		*(const char **)(void *)at = optarg;
	else
		*(bool *)at = true;
	return true;
}

static int parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
		 void *opts, const struct table *table)
{
	char what[256];
	int id;

	while ((id = getopt_long(argc, argv, table->letters, table->longs, NULL)) != -1) {
		if (id == table->help_id) {
			cli_usage(stdout, s, name);
			return CLI_OK;
		}
		if (id == ':') {
			cli_say(name, "%s: option needs a value", argv[optind - 1]);
			return CLI_FAILED;
		}
		if (id == '?') {
			snprintf(what, sizeof(what),
				 "%.200s: no such option, or not clear which",
				 argv[optind - 1]);
			return cli_misused(s, name, what);
		}
		if (!take(row_of(s->options, id), opts))
			return CLI_FAILED;
	}
	return -1;
}

int cli_parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
	      void *opts)
{
	struct table table = {0};
	int status = CLI_FAILED;

	if (make_table(s->options, &table) < 0)
		cli_say(name, "out of memory");
	else
		status = parse(s, name, argc, argv, opts, &table);
	free_table(&table);
	return status;
}
