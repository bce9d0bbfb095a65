/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Suggests names for mistyped words. */
#include "cli/suggest.h"

#include <string.h>

enum { WORD_MAX = 40 }; /* longer words are not compared */

static size_t min_of_three(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Returns the number of edits from a to b: a character inserted, removed or replaced, or
 * two neighbours exchanged. */
static size_t count_edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX +
		       1]; /* for prefixes of a: two before, one before, this one */
	size_t *before2 = rows[0], *before = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		before[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before2;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min_of_three(before[j] + 1, row[j - 1] + 1,
					      before[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before2[j - 2] + 1 < row[j])
				row[j] = before2[j - 2] + 1;
		}
		before2 = before;
		before = row;
		row = oldest;
	}
	return before[b_len];
}

void suggest_add_name(struct suggest *s, const char *name)
{
	size_t len = strlen(s->word), name_len = strlen(name), distance;

	if (len > WORD_MAX || name_len > WORD_MAX)
		return;
	distance = count_edits(s->word, len, name, name_len);
	/* Allows one edit per three characters: "gv" matches gc, "xyz" matches
	 * nothing. */
	if (3 * distance > (len < 3 ? 3 : len) || (s->best && distance >= s->distance))
		return;
	s->best = name;
	s->distance = distance;
}

bool suggest_is_foreign(const char *word, const char *option)
{
	static const char *const pairs[][2] = {
		{"tls-verify", "insecure-registry"},
		{"src-tls-verify", "insecure-registry"},
		{"dest-tls-verify", "insecure-registry"},
		{"arch", "platform"},
		{"os", "platform"},
		{"keep-last", "keep"},
		{"rw", "read-write"},
		{"keep-younger-than", "grace"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(pairs[i][0], word) == 0 && strcmp(pairs[i][1], option) == 0)
			return true;
	return false;
}
