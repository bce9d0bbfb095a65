/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* storage.conf: the few settings that say where stores are. It is TOML, of which this reads tables,
 * strings on one line and lists of them; other values are skipped.
 * Source: containers-storage.conf(5). */
#include <errno.h>
#include <string.h>

#include "storage/storage_priv.h"

enum { WORD_MAX = 128 }; /* of a table or a key, with its NUL */

struct parser {
	struct cfs_text rest;
	unsigned line;
	char table[WORD_MAX], key[WORD_MAX];
	struct storage_conf *conf;
	struct cfs_err *err;
};

void storage_conf_fini(struct storage_conf *conf)
{
	free(conf->driver);
	free(conf->graphroot);
	free(conf->rootless_path);
	free(conf->image_store);
	for (size_t i = 0; i < conf->n_additional; i++)
		free(conf->additional[i]);
	free(conf->additional);
	*conf = (struct storage_conf){0};
}

static int fail_line(const struct parser *p, const char *expected)
{
	return cfs_fail(p->err, EINVAL, "line %u: expected %s", p->line, expected);
}

/* --- characters --------------------------------------------------------------------- */

static char peek_char(const struct parser *p)
{
	return p->rest.len ? *p->rest.s : '\0';
}

static void skip_char(struct parser *p)
{
	if (p->rest.len == 0)
		return;
	p->line += *p->rest.s == '\n';
	p->rest.s++;
	p->rest.len--;
}

static void skip_line(struct parser *p)
{
	while (p->rest.len && peek_char(p) != '\n')
		skip_char(p);
}

static void skip_blanks(struct parser *p, const char *blanks)
{
	while (p->rest.len && (strchr(blanks, peek_char(p)) || peek_char(p) == '#'))
		if (peek_char(p) == '#')
			skip_line(p);
		else
			skip_char(p);
}

/* Takes what stands before the character end on this line, without blanks at its end. */
static int take_word(struct parser *p, char end, char out[WORD_MAX])
{
	size_t n = 0;

	while (p->rest.len && peek_char(p) != end && peek_char(p) != '\n') {
		if (n == WORD_MAX - 1)
			return fail_line(p, "a shorter name");
		out[n++] = peek_char(p);
		skip_char(p);
	}
	if (peek_char(p) != end)
		return fail_line(p, end == '=' ? "KEY = VALUE" : "[TABLE]");
	skip_char(p);
	while (n > 0 && strchr(" \t", out[n - 1]))
		n--;
	out[n] = '\0';
	return 0;
}

/* --- values ------------------------------------------------------------------------- */

/* The setting with this name, or NULL: an unknown one. */
static char **find_setting(const struct parser *p)
{
	struct storage_conf *c = p->conf;
	const struct {
		const char *table, *key;
		char **to;
	} settings[] = {
		{"storage", "driver", &c->driver},
		{"storage", "graphroot", &c->graphroot},
		{"storage", "rootless_storage_path", &c->rootless_path},
		{"storage", "imagestore", &c->image_store},
		{"storage.options", "imagestore", &c->image_store},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(p->table, settings[i].table) == 0 &&
		    strcmp(p->key, settings[i].key) == 0)
			return settings[i].to;
	return NULL;
}

static bool is_additional(const struct parser *p)
{
	return strcmp(p->table, "storage.options") == 0 &&
	       strcmp(p->key, "additionalimagestores") == 0;
}

/* A string in quotes. In double quotes, a backslash stands before a quote or a backslash. */
static int take_string(struct parser *p, char **out)
{
	char quote = peek_char(p);
	size_t cap = p->rest.len + 1, n = 0;

	*out = malloc(cap);
	if (!*out)
		return cfs_fail(p->err, ENOMEM, "out of memory");
	skip_char(p);
	while (p->rest.len && peek_char(p) != quote && peek_char(p) != '\n') {
		if (quote == '"' && peek_char(p) == '\\')
			skip_char(p);
		(*out)[n++] = peek_char(p);
		skip_char(p);
	}
	(*out)[n] = '\0';
	if (peek_char(p) != quote)
		return fail_line(p, "a quote at the end of the string");
	skip_char(p);
	return strlen(*out) == n ? 0 : fail_line(p, "a string without NUL bytes");
}

static int add_store(struct storage_conf *c, char **path, struct cfs_err *err)
{
	if (cfs_grow(&c->additional, &c->cap_additional, c->n_additional + 1,
		     sizeof(*c->additional)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	c->additional[c->n_additional++] = cfs_steal(path);
	return 0;
}

/* The stores of the file replace those of a file before it. */
static void drop_stores(struct storage_conf *c)
{
	while (c->n_additional)
		free(c->additional[--c->n_additional]);
}

static int take_list(struct parser *p)
{
	int rc = 0;

	skip_char(p);
	if (is_additional(p))
		drop_stores(p->conf);
	for (;;) {
		cfs_autofree char *text = NULL;

		skip_blanks(p, " \t\r\n,");
		if (peek_char(p) == ']')
			break;
		if (peek_char(p) != '"' && peek_char(p) != '\'')
			return is_additional(p) ? fail_line(p, "a list of strings") : 0;
		rc = take_string(p, &text);
		if (rc == 0 && is_additional(p) && *text)
			rc = add_store(p->conf, &text, p->err);
		if (rc < 0)
			return rc;
	}
	skip_char(p);
	return 0;
}

static int take_value(struct parser *p)
{
	cfs_autofree char *text = NULL;
	char **to = find_setting(p);
	int rc;

	skip_blanks(p, " \t");
	if (peek_char(p) == '[')
		return take_list(p);
	if (!to) {
		skip_line(p);
		return 0;
	}
	if (peek_char(p) != '"' && peek_char(p) != '\'')
		return fail_line(p, "a string in quotes");
	rc = take_string(p, &text);
	if (rc < 0 || !*text)
		return rc;
	free(*to);
	*to = cfs_steal(&text);
	return 0;
}

int storage_conf_parse(struct cfs_text text, struct storage_conf *conf,
		       struct cfs_err *err)
{
	struct parser p = {.rest = text, .line = 1, .conf = conf, .err = err};
	int rc = 0;

	for (;;) {
		skip_blanks(&p, " \t\r\n");
		if (p.rest.len == 0)
			return 0;
		if (peek_char(&p) == '[') {
			skip_char(&p);
			rc = take_word(&p, ']', p.table);
		} else {
			rc = take_word(&p, '=', p.key);
			if (rc == 0)
				rc = take_value(&p);
		}
		if (rc < 0)
			return rc;
		skip_line(&p);
	}
}
