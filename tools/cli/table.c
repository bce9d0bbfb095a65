/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tables. */
#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Escaped, in the arena; NULL: out of memory. */
static const char *copy_shown(struct cli_table *t, const char *text)
{
	size_t cap = CFS_SHOW_FACTOR * strlen(text) + 1;
	char *shown = cfs_arena_alloc(&t->arena, cap, 1);

	if (shown)
		cfs_show_text(cfs_text(text), shown, cap);
	return shown;
}

void cli_table_add(struct cli_table *t, const char *text)
{
	const char *shown = copy_shown(t, text);

	if (!shown || cfs_grow(&t->cells, &t->cap, t->n + 1, sizeof(*t->cells)) < 0)
		t->failed = true;
	else
		t->cells[t->n++] = shown;
}

/* Characters, for columns of text in UTF-8. */
static size_t count_characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *to, const char *text, size_t width, bool right, bool last)
{
	int pad = (int)(width - count_characters(text));

	if (right)
		fprintf(to, "%*s", pad, "");
	fputs(text, to);
	if (last)
		putc('\n', to);
	else
		fprintf(to, "%*s", (right ? 0 : pad) + 2, "");
}

int cli_table_print(FILE *to, const struct cli_table *t, struct cfs_err *err)
{
	size_t widths[CLI_COLUMNS_MAX] = {0}, n = t->n_columns;

	if (t->failed)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		widths[i] = strlen(t->columns[i].title);
	for (size_t i = 0; i < t->n; i++) {
		size_t width = count_characters(t->cells[i]);

		widths[i % n] = width > widths[i % n] ? width : widths[i % n];
	}
	for (size_t i = 0; i < n; i++)
		print_cell(to, t->columns[i].title, widths[i], t->columns[i].right,
			   i + 1 == n);
	for (size_t i = 0; i < t->n; i++)
		print_cell(to, t->cells[i], widths[i % n], t->columns[i % n].right,
			   i % n + 1 == n);
	return 0;
}

void cli_table_fini(struct cli_table *t)
{
	cfs_arena_fini(&t->arena);
	free(t->cells);
	t->cells = NULL;
	t->n = t->cap = 0;
}
