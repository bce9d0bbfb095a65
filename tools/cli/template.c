/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Templates. */
#include "cli/template.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* A part of a template: a field, or a piece of text if the name is empty. */
struct part {
	struct cfs_text name, text;
};

static const char *skip_template_blanks(const char *at)
{
	while (isblank((unsigned char)*at))
		at++;
	return at;
}

/* Parses the name in "{{ .Name }}", after the opening braces. Returns the text after the closing ones, or NULL: not a
 * field. */
static const char *parse_field(const char *at, struct part *out)
{
	at = skip_template_blanks(at);
	if (*at++ != '.')
		return NULL;
	out->name.s = at;
	while (isalnum((unsigned char)*at))
		at++;
	out->name.len = (size_t)(at - out->name.s);
	at = skip_template_blanks(at);
	return out->name.len && strncmp(at, "}}", 2) == 0 ? at + 2 : NULL;
}

/* The first part at *at, which moves behind it. 1; 0: the end; -1: braces without a field. */
static int next_part(const char **at, struct part *out)
{
	const char *start = *at, *end;

	*out = (struct part){0};
	if (!*start)
		return 0;
	if (strncmp(start, "{{", 2) == 0) {
		*at = parse_field(start + 2, out);
		return *at ? 1 : -1;
	}
	end = strstr(start, "{{");
	out->text = (struct cfs_text){start, end ? (size_t)(end - start) : strlen(start)};
	*at = start + out->text.len;
	return 1;
}

static const struct cli_field *find_field(const struct cli_field *fields,
					  struct cfs_text name)
{
	for (; fields->name; fields++)
		if (cfs_text_eq(cfs_text(fields->name), name))
			return fields;
	return NULL;
}

static int fail_field(const char *at, const struct cli_field *fields, struct cfs_err *err)
{
	char list[512] = "";
	size_t len = 0;

	for (; fields->name && len < sizeof(list); fields++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s{{.%s}}",
					len ? ", " : "", fields->name);
	return cfs_fail(err, EINVAL,
			"expected json or text with fields, got \"%.64s\"; fields: %s",
			at, list);
}

int cli_template_check(const char *text, const struct cli_field *fields,
		       struct cfs_err *err)
{
	const char *at = text, *before = text;
	struct part part;
	int rc;

	while ((rc = next_part(&at, &part)) > 0) {
		if (part.name.len && !find_field(fields, part.name))
			return fail_field(before, fields, err);
		before = at;
	}
	return rc < 0 ? fail_field(before, fields, err) : 0;
}

bool cli_template_has(const char *text, const char *field)
{
	struct part part;

	while (next_part(&text, &part) > 0)
		if (part.name.len && cfs_text_eq(part.name, cfs_text(field)))
			return true;
	return false;
}

static void put_template_text(FILE *to, struct cfs_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char next = text.s[i] == '\\' && i + 1 < text.len ? text.s[i + 1] : '\0';
		char c = next == 't'	? '\t'
			 : next == 'n'	? '\n'
			 : next == '\\' ? '\\'
					: '\0';

		putc(c ? c : text.s[i], to);
		i += c != '\0';
	}
}

void cli_template_print(FILE *to, const char *text, const struct cli_field *fields,
			const void *row)
{
	struct part part;

	while (next_part(&text, &part) > 0)
		if (part.name.len)
			find_field(fields, part.name)->put(to, row);
		else
			put_template_text(to, part.text);
	putc('\n', to);
}
