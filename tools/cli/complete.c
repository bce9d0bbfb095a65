/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Completes command lines, using the option tables. */
#include "cli/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void (*cli_complete_kind)(struct cli_completion *c, const char *kind);

enum { KIND_MAX = 64 };

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

void cli_complete_put(struct cli_completion *c, const char *text, const char *about)
{
	if (strncmp(text, c->word, strlen(c->word)) != 0 || has_control(text))
		return;
	printf("%.*s%s\t%.*s\n", c->prefix_len, c->prefix, text,
	       (int)strcspn(about ? about : "", "\n\t"), about ? about : "");
	c->n_candidates++;
}

bool cli_is_completion(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "--complete") == 0;
}

/* --- options ------------------------------------------------------------------------ */

/* Finds the row of a long option, given without dashes and value, or abbreviated without
 * ambiguity. */
static const struct cli_option *find_long(const struct cli_syntax *s, const char *arg)
{
	size_t len = strcspn(arg, "="), n = 0;
	const struct cli_option *found = NULL;

	for (const struct cli_option *o = s->options; o->name; o++) {
		if (strncmp(o->name, arg, len) != 0)
			continue;
		if (o->name[len] == '\0')
			return o;
		found = o;
		n++;
	}
	return n == 1 ? found : NULL;
}

static const struct cli_option *find_letter(const struct cli_syntax *s, char letter)
{
	for (const struct cli_option *o = s->options; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static void put_options(struct cli_completion *c, const struct cli_syntax *s)
{
	char text[80];

	for (const struct cli_option *o = s->options; o->name; o++) {
		snprintf(text, sizeof(text), "--%s%s", o->name, o->arg ? "=" : "");
		if (o->help)
			cli_complete_put(c, text, o->help);
	}
	if (!find_long(s, "quiet"))
		cli_complete_put(c, "--quiet", "Print only errors and requested output");
	cli_complete_put(c, "--verbose", "Explain what is done, and why");
	cli_complete_put(c, "--help", "Print the help");
	if (s->is_program)
		cli_complete_put(c, "--version", "Print the version");
}

/* Records options that select the repository. value is NULL for a flag. */
static void record_option(struct cli_completion *c, const struct cli_option *o,
			  const char *value)
{
	if (strcmp(o->name, "repo") == 0)
		c->repo = value;
	else if (strcmp(o->name, "from") == 0 && o->arg && strcmp(o->arg, "REPO") == 0)
		c->from = value;
	else if (strcmp(o->name, "user") == 0)
		c->user = true;
	else if (strcmp(o->name, "system") == 0)
		c->system = true;
}

/* Reads a long option. Returns its row if its value is the next word. */
static const struct cli_option *read_long(struct cli_completion *c,
					  const struct cli_syntax *s, const char *arg)
{
	const struct cli_option *o = find_long(s, arg + 2);
	const char *value = strchr(arg, '=');

	if (!o)
		return NULL;
	if (o->kind != CLI_FLAG && !value)
		return o;
	record_option(c, o, value ? value + 1 : NULL);
	return NULL;
}

/* Reads short options, such as "-nr". */
static const struct cli_option *read_letters(struct cli_completion *c,
					     const struct cli_syntax *s, const char *arg)
{
	for (arg++; *arg; arg++) {
		const struct cli_option *o = find_letter(s, *arg);

		if (!o)
			return NULL;
		if (o->kind == CLI_FLAG)
			record_option(c, o, NULL);
		else if (arg[1])
			record_option(c, o, arg + 1);
		if (o->kind != CLI_FLAG)
			return arg[1] ? NULL : o;
	}
	return NULL;
}

/* --- words, by their name in --help ------------------------------------------------- */

static bool is_one_kind(const char *kind, const char *const *all)
{
	while (*all && strcmp(*all, kind) != 0)
		all++;
	return *all != NULL;
}

/* Prints the words of a choice: "ls|dump". */
static void put_words(struct cli_completion *c, const char *words)
{
	char word[KIND_MAX];

	for (; *words; words += *words == '|') {
		size_t n = strcspn(words, "|");

		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		cli_complete_put(c, word, NULL);
		words += n;
	}
}

/* Prints the candidates for a kind of word. Returns the directive for the shell. */
static const char *put_kind(struct cli_completion *c, const char *kind,
			    const char *otherwise)
{
	static const char *const dirs[] = {"DIR", "MOUNTPOINT", "DEST", "REPO", NULL};
	static const char *const files[] = {"FILE", "PLACE", "SOURCE", "DESTINATION",
					    NULL};
	static const char *const closed[] = {"NAME", "PATH", "COMMAND", NULL};

	if (is_one_kind(kind, dirs))
		return ":dirs";
	if (islower((unsigned char)*kind))
		put_words(c, kind);
	else if (cli_complete_kind)
		cli_complete_kind(c, kind);
	if (is_one_kind(kind, files))
		return ":files";
	return c->n_candidates || islower((unsigned char)*kind) || c->no_files ||
			       is_one_kind(kind, closed)
		       ? ":none"
		       : otherwise;
}

static const char *put_option_values(struct cli_completion *c, const struct cli_option *o)
{
	for (const struct cli_choice *w = o->choices; w && w->name; w++)
		if (cli_choice_is_first(o->choices, w))
			cli_complete_put(c, w->name, NULL);
	for (size_t i = 0; o->word && o->word(i); i++)
		cli_complete_put(c, o->word(i), NULL);
	if (o->choices || o->word || strcmp(o->arg, "NAME") == 0)
		return ":none";
	return put_kind(c, o->arg, ":none");
}

/* --- operands ----------------------------------------------------------------------- */

static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Takes the next operand from a usage line, without brackets and dots: "IMAGE", or a
 * choice such as "ls|dump". *repeats: it has dots. Returns false at the end. */
static bool next_operand(const char **at, char kind[KIND_MAX], bool *repeats)
{
	while (**at) {
		size_t len = strcspn(*at, " ");
		const char *word = *at + strspn(*at, "[");
		size_t n = strcspn(word, " ].=");

		if (strncmp(word, "-- ", 3) == 0)
			return false;
		*repeats = memmem(*at, len, "...", 3) != NULL;
		*at += len + ((*at)[len] == ' ');
		if (*word == '-' || strncmp(word, "OPTIONS", 7) == 0 || n >= KIND_MAX)
			continue;
		memcpy(kind, word, n);
		kind[n] = '\0';
		return true;
	}
	return false;
}

/* Returns true if kind is a placeholder such as "IMAGE", or a choice that contains the
 * operand. */
static bool takes_operand(const char *kind, const char *operand)
{
	size_t len = strlen(operand);

	if (strchr(upper, *kind))
		return true;
	for (; *kind; kind += *kind == '|') {
		size_t n = strcspn(kind, "|");

		if (n == len && memcmp(kind, operand, n) == 0)
			return true;
		kind += n;
	}
	return false;
}

/* Finds the operand of a usage line that follows the operands of c. *image is the operand
 * called IMAGE. Returns false if there is none, or if the operands of c do not match the
 * line. */
static bool find_operand(const struct cli_completion *c, const char *usage,
			 char kind[KIND_MAX], const char **image)
{
	bool repeats = false;

	*image = NULL;
	for (size_t i = 0; i <= c->n_operands; i++) {
		if (!repeats && !next_operand(&usage, kind, &repeats))
			return false;
		if (i == c->n_operands)
			break;
		if (!takes_operand(kind, c->operands[i]))
			return false;
		if (strcmp(kind, "IMAGE") == 0 && !*image)
			*image = c->operands[i];
	}
	return true;
}

/* Puts the candidates for the operand at the cursor. Every form of the command counts,
 * because the words before it may fit several. Returns the directive for the shell:
 * ":none", ":dirs" or ":files". */
static const char *put_operand(struct cli_completion *c, const struct cli_syntax *s)
{
	const char *answer = NULL;
	char kind[KIND_MAX];

	if (s->complete_operand) {
		s->complete_operand(c);
		/* A relative path can be one of them, too. */
		return c->n_candidates || !*c->word || *c->word == '/' ? ":none"
								       : ":dirs";
	}
	for (size_t i = 0; s->usage[i]; i++) {
		const char *found;

		if (!find_operand(c, s->usage[i], kind, &c->image))
			continue;
		found = put_kind(c, kind, ":files");
		if (!answer || strcmp(answer, ":none") == 0)
			answer = found;
	}
	return answer ? answer : ":files";
}

/* --- the command line --------------------------------------------------------------- */

/* Reads the words before the cursor as getopt_long() would, then completes the last
 * one. Mistakes are skipped: completion must not print messages. Returns the directive
 * for the shell. */
static const char *put_all(struct cli_completion *c, const struct cli_syntax *s,
			   char **words, size_t n)
{
	const char *last = n ? words[n - 1] : "", *equals = strchr(last, '=');
	const struct cli_option *pending = NULL, *own;
	bool ended = false;

	for (size_t i = 0; i + 1 < n; i++) {
		const char *w = words[i];

		if (pending) {
			record_option(c, pending, w);
			pending = NULL;
		} else if (ended || w[0] != '-' || !w[1]) {
			c->operands[c->n_operands++] = w;
		} else if (strcmp(w, "--") == 0) {
			ended = true;
		} else {
			pending =
				w[1] == '-' ? read_long(c, s, w) : read_letters(c, s, w);
		}
	}
	c->word = last;
	if (pending)
		return put_option_values(c, pending);
	if (ended || last[0] != '-')
		return put_operand(c, s);
	if (!equals) {
		put_options(c, s);
		return ":none";
	}
	own = strncmp(last, "--", 2) == 0 ? find_long(s, last + 2) : NULL;
	if (!own || own->kind == CLI_FLAG)
		return ":none";
	c->prefix = last;
	c->word = equals + 1;
	c->prefix_len = (int)(c->word - last);
	return put_option_values(c, own);
}

int cli_complete(const struct cli_syntax *s, int argc, char **argv)
{
	struct cli_completion c = {.prefix = ""};

	c.operands = calloc((size_t)argc, sizeof(*c.operands));
	if (!c.operands)
		return CLI_FAILED;
	printf("%s\n", put_all(&c, s, argv + 2, (size_t)argc - 2));
	free(c.operands);
	return CLI_OK;
}
