/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Parses options, using a table. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/complete.h"
#include "cli/suggest.h"
#include "cli/values.h"
#include "cli/verbosity.h"
#include "hash/hash.h"

enum {
	HELP_COLUMN = 26, /* column of the descriptions */
	FIRST_ID = 256, /* above all characters, which getopt returns for short options */
};

const struct cli_choice cli_digest_algs[] = {
	{"sha256", CFS_SHA256},
	{"sha512", CFS_SHA512},
	{0},
};

const struct cli_choice cli_repo_algs[] = {
	{"sha256", CFS_SHA256},
	{"sha512", CFS_SHA512},
	{"fsverity-sha256-12", CFS_SHA256},
	{"fsverity-sha512-12", CFS_SHA512},
	{0},
};

void cli_list_fini(struct cli_list *list)
{
	free(list->v);
	*list = (struct cli_list){0};
}

/* The options of every command that has no row of that name, such as images -q. */
static const struct {
	const char *name;
	char letter;
	enum cli_verbosity verbosity;
	const char *help;
} common_options[] = {
	{"quiet", 'q', CLI_QUIET, "Print only errors and requested output"},
	{"verbose", 'v', CLI_VERBOSE, "Explain what is done, and why"},
};

enum { N_COMMON = sizeof(common_options) / sizeof(common_options[0]) };

static bool has_own_row(const struct cli_option *options, int common)
{
	for (const struct cli_option *o = options; o->name; o++)
		if (strcmp(o->name, common_options[common].name) == 0 ||
		    o->letter == common_options[common].letter)
			return true;
	return false;
}

/* --- --help ------------------------------------------------------------------------------ */

/* Prints one row of the help. A name that would touch the descriptions gets a line of its own, so
 * that all descriptions begin in one column. */
static void print_option(FILE *to, const struct cli_option *o)
{
	int n;

	n = o->letter ? fprintf(to, "  -%c,", o->letter) : fprintf(to, " ");
	n += fprintf(to, " --%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
	if (n >= HELP_COLUMN) {
		putc('\n', to);
		n = 0;
	}
	fprintf(to, "%*s%s\n", HELP_COLUMN - n, "", o->help);
}

static void print_group(FILE *to, const char *title)
{
	char text[128];

	snprintf(text, sizeof(text), "%s:", title);
	cli_print_heading(to, text);
}

void cli_print_usage(FILE *to, const struct cli_syntax *s, const char *name)
{
	for (size_t i = 0; s->usage[i]; i++)
		fprintf(to, "%s %s %s\n", i ? "      " : "Usage:", name, s->usage[i]);
	fprintf(to, "\n%s\nExit status: %s.\n\n", s->about,
		s->status ? s->status : "0 success, 1 failure, 2 wrong usage");
	for (const struct cli_option *o = s->options; o->name; o++) {
		if (o->group)
			print_group(to, o->group);
		if (o->help)
			print_option(to, o);
	}
	for (int i = 0; i < N_COMMON; i++)
		if (!has_own_row(s->options, i))
			print_option(to, &(struct cli_option){
						 .name = common_options[i].name,
						 .letter = common_options[i].letter,
						 .help = common_options[i].help});
	fputs("  -h, --help              Print this text\n", to);
	if (s->is_program)
		fputs("  --version               Print the version\n", to);
	fputc('\n', to);
	cli_print_heading(to, "Example:");
	for (size_t i = 0; s->example[i]; i++)
		fprintf(to, "  %s\n", s->example[i]);
}

/* --- values ------------------------------------------------------------------------------ */

static long long max_value(const struct cli_option *o)
{
	return o->max ? o->max : LLONG_MAX >> 8 * (sizeof(long long) - o->size);
}

/* Stores a number. parse_number_option and the like have checked that it fits. */
static void set_integer(const struct cli_option *o, void *out, long long value)
{
	if (o->size == sizeof(uint8_t))
		*(uint8_t *)out = (uint8_t)value;
	else if (o->size == sizeof(uint16_t))
		*(uint16_t *)out = (uint16_t)value;
	else if (o->size == sizeof(uint32_t))
		*(uint32_t *)out = (uint32_t)value;
	else
		*(uint64_t *)out = (uint64_t)value;
}

static int parse_number_option(const struct cli_option *o, const char *value, void *out,
			       struct cfs_err *err)
{
	long long n;

	if (!cli_parse_number(value, &n) || n < o->min || n > max_value(o))
		return cfs_fail(err, EINVAL,
				"expected a number from %lld to %lld, got \"%s\"", o->min,
				max_value(o), value);
	set_integer(o, out, n);
	return 0;
}

static int parse_size_option(const struct cli_option *o, const char *value, void *out,
			     struct cfs_err *err)
{
	long long n;

	if (!cli_parse_size(value, &n))
		return cfs_fail(err, EINVAL,
				"expected a size such as 10M or 1G, got \"%s\"", value);
	if (n < o->min || n > max_value(o))
		return cfs_fail(err, EINVAL,
				"expected a size from %lld to %lld bytes, got \"%s\"",
				o->min, max_value(o), value);
	set_integer(o, out, n);
	return 0;
}

static int parse_time_option(const struct cli_option *o, const char *value, void *out,
			     struct cfs_err *err)
{
	long long n;

	if (!cli_parse_time(value, &n))
		return cfs_fail(err, EINVAL,
				"expected a time such as 90s or 30d, got \"%s\"", value);
	if (n < o->min || n > max_value(o))
		return cfs_fail(err, EINVAL,
				"expected a time from %lld to %lld seconds, got \"%s\"",
				o->min, max_value(o), value);
	set_integer(o, out, n);
	return 0;
}

/* Formats "a, b or c". Further words for the same value are left out. */
static void format_choices(const struct cli_choice *all, char *buf, size_t cap)
{
	size_t n_left = 0, len = 0;

	for (const struct cli_choice *c = all; c->name; c++)
		n_left += cli_choice_is_first(all, c);
	*buf = '\0';
	for (const struct cli_choice *c = all; c->name && len < cap; c++) {
		if (!cli_choice_is_first(all, c))
			continue;
		n_left--;
		len += (size_t)snprintf(buf + len, cap - len, "%s%s", c->name,
					n_left > 1   ? ", "
					: n_left > 0 ? " or "
						     : "");
	}
}

static int parse_choice(const struct cli_option *o, const char *value, void *out,
			struct cfs_err *err)
{
	char words[256];

	for (const struct cli_choice *c = o->choices; c->name; c++)
		if (strcmp(c->name, value) == 0) {
			set_integer(o, out, c->value);
			return 0;
		}
	format_choices(o->choices, words, sizeof(words));
	return cfs_fail(err, EINVAL, "expected %s, got \"%s\"", words, value);
}

static int add_to_list(struct cli_list *list, const char *value, struct cfs_err *err)
{
	if (cfs_grow(&list->v, &list->cap, list->n + 1, sizeof(*list->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	list->v[list->n++] = value;
	return 0;
}

/* value is NULL for a flag. */
static int set_option_value(const struct cli_option *o, void *opts, const char *value,
			    struct cfs_err *err)
{
	void *out = (char *)opts + o->at;

	if (o->given)
		*((char *)opts + o->given - 1) = true;
	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)out = true;
		return 0;
	case CLI_TEXT:
		*(const char **)out = value;
		return 0;
	case CLI_NUMBER:
		return parse_number_option(o, value, out, err);
	case CLI_SIZE:
		return parse_size_option(o, value, out, err);
	case CLI_TIME:
		return parse_time_option(o, value, out, err);
	case CLI_CHOICE:
		return parse_choice(o, value, out, err);
	case CLI_LIST:
		return add_to_list(out, value, err);
	case CLI_PARSED:
		return o->parse(value, out, err);
	}
	return cfs_fail(err, EINVAL, "unknown kind of option");
}

/* --- the command line -------------------------------------------------------------------- */

/* The tables for getopt. The ID of an option is FIRST_ID plus its row, or its letter.
 * --help and the common options come last. */
struct table {
	struct option *longs;
	char *letters;
	int help_id;
};

static size_t count_rows(const struct cli_option *options)
{
	size_t n = 0;

	while (options[n].name)
		n++;
	return n;
}

/* Allocates the tables that getopt_long() needs; the caller frees both, also after a
 * failure (-1, out of memory). Letters start with ":", which makes getopt_long() report a
 * missing value differently from an unknown option. */
static int make_table(const struct cli_option *options, struct table *out)
{
	size_t n = count_rows(options);
	char *at;

	out->longs = calloc(n + N_COMMON + 2, sizeof(*out->longs));
	out->letters = at = malloc(2 * n + N_COMMON + 3);
	if (!out->longs || !at)
		return -1;
	*at++ = ':';
	*at++ = 'h'; /* as --help; no option has this letter */
	for (size_t i = 0; i < n; i++) {
		const struct cli_option *o = &options[i];

		out->longs[i] = (struct option){
			o->name, o->kind == CLI_FLAG ? no_argument : required_argument,
			NULL, FIRST_ID + (int)i};
		if (o->letter)
			*at++ = o->letter;
		if (o->letter && o->kind != CLI_FLAG)
			*at++ = ':';
	}
	out->help_id = FIRST_ID + (int)n;
	out->longs[n] = (struct option){"help", no_argument, NULL, out->help_id};
	for (int i = 0; i < N_COMMON; i++) {
		out->longs[n + 1 + (size_t)i] = (struct option){
			common_options[i].name, no_argument, NULL, out->help_id + 1 + i};
		*at++ = common_options[i].letter;
	}
	*at = '\0';
	return 0;
}

/* Handles an option that every command has. */
static bool set_common(const struct cli_option *options, const struct table *table,
		       int id)
{
	for (int i = 0; i < N_COMMON; i++)
		if (id == table->help_id + 1 + i ||
		    (id == common_options[i].letter && !has_own_row(options, i))) {
			cli_set_verbosity(common_options[i].verbosity);
			return true;
		}
	return false;
}

static void free_table(struct table *t)
{
	free(t->longs);
	free(t->letters);
}

static const struct cli_option *find_row(const struct cli_option *options, int id)
{
	if (id >= FIRST_ID)
		return &options[id - FIRST_ID];
	while (options->letter != id)
		options++;
	return options;
}

/* Reports a long option that getopt refused: it takes no value, is ambiguous or
 * unknown. */
static int report_long_option(const struct cli_option *options, const char *name,
			      const char *arg)
{
	size_t len = strcspn(arg + 2, "="), n_similar = 0;
	char word[64];
	struct suggest near = {.word = word};

	snprintf(word, sizeof(word), "%.*s", len < 60 ? (int)len : 60, arg + 2);
	if (optopt)
		return cli_fail_usage(name, "--%s: the option takes no value", word);
	for (const struct cli_option *o = options; o->name; o++) {
		n_similar += strncmp(o->name, word, strlen(word)) == 0;
		if (o->help)
			suggest_add_name(&near, o->name);
		if (suggest_is_foreign(word, o->name))
			near = (struct suggest){.word = word, .best = o->name};
	}
	for (size_t i = 0; i < N_COMMON; i++) {
		n_similar += strncmp(common_options[i].name, word, strlen(word)) == 0;
		suggest_add_name(&near, common_options[i].name);
	}
	suggest_add_name(&near, "help");
	if (n_similar > 1)
		return cli_fail_usage(name, "--%s: ambiguous option", word);
	if (near.best)
		return cli_fail_usage(name, "--%s: unknown option; did you mean --%s?",
				      word, near.best);
	return cli_fail_usage(name, "--%s: unknown option", word);
}

static int report_option(const struct cli_option *options, const char *name,
			 const char *arg)
{
	if (strncmp(arg, "--", 2) == 0)
		return report_long_option(options, name, arg);
	return cli_fail_usage(name, "-%c: unknown option", optopt);
}

/* Stores all options in opts. Returns -1 to continue, or the exit status after help or
 * a usage error, which is already printed. */
static int parse_arguments(const struct cli_syntax *s, const char *name, int argc,
			   char **argv, void *opts, const struct table *table)
{
	const struct cli_option *o, *chosen = NULL;
	struct cfs_err err;
	int id;

	while ((id = getopt_long(argc, argv, table->letters, table->longs, NULL)) != -1) {
		if (id == table->help_id || id == 'h') {
			cli_print_usage(stdout, s, name);
			return CLI_OK;
		}
		if (set_common(s->options, table, id))
			continue;
		if (id == '?')
			return report_option(s->options, name, argv[optind - 1]);
		o = find_row(s->options, id == ':' ? optopt : id);
		if (id == ':')
			return cli_fail_usage(name, "--%s: expected a value: --%s=%s",
					      o->name, o->name, o->arg);
		if (o->one_of && chosen && chosen != o)
			return cli_fail_usage(name, "expected one of %s, got more",
					      o->one_of);
		if (o->one_of)
			chosen = o;
		if (set_option_value(o, opts, optarg, &err) == 0)
			continue;
		return o->invalid ? cli_fail_usage(name, "%s %s", o->invalid, optarg)
				  : cli_fail_usage(name, "--%s: %s", o->name, err.msg);
	}
	return -1;
}

static void free_lists(const struct cli_option *options, void *opts)
{
	for (const struct cli_option *o = options; o->name; o++)
		if (o->kind == CLI_LIST)
			cli_list_fini((void *)((char *)opts + o->at));
}

int cli_parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
	      void *opts)
{
	struct table table = {0};
	int status = CLI_FAILED;

	if (cli_is_completion(argc, argv))
		return cli_complete(s, argc, argv);
	if (make_table(s->options, &table) < 0)
		cli_print_message(name, "out of memory");
	else
		status = parse_arguments(s, name, argc, argv, opts, &table);
	free_table(&table);
	if (status >= 0)
		free_lists(s->options, opts);
	return status;
}
