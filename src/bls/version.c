/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The order of versions, by the steps of UAPI.10 (Version Format Specification). */
#include "bls/bls.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next character, or NUL at the end. */
static char peek_char(struct cfs_text t)
{
	return t.len ? *t.s : '\0';
}

static void skip_version_chars(struct cfs_text *t, size_t n)
{
	*t = (struct cfs_text){t->s + n, t->len - n};
}

static void skip_others(struct cfs_text *t)
{
	while (t->len && !is_digit(*t->s) && !is_letter(*t->s) &&
	       !memchr("~-^.", *t->s, 4))
		skip_version_chars(t, 1);
}

static struct cfs_text take_run(struct cfs_text *t, bool (*is_part)(char c))
{
	struct cfs_text run = {t->s, 0};

	while (run.len < t->len && is_part(t->s[run.len]))
		run.len++;
	skip_version_chars(t, run.len);
	return run;
}

static int compare_numbers(struct cfs_text a, struct cfs_text b)
{
	while (a.len && *a.s == '0')
		skip_version_chars(&a, 1);
	while (b.len && *b.s == '0')
		skip_version_chars(&b, 1);
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return cfs_text_cmp(a, b);
}

/* Compares a separator: 1 and *out if it decides; else 0, and both are behind it. */
static bool decide_separator(struct cfs_text *a, struct cfs_text *b, char separator,
			     int if_only_a, int *out)
{
	bool in_a = peek_char(*a) == separator, in_b = peek_char(*b) == separator;

	if (in_a && in_b) {
		skip_version_chars(a, 1);
		skip_version_chars(b, 1);
	}
	*out = in_a ? if_only_a : -if_only_a;
	return in_a != in_b;
}

static bool decide_separators(struct cfs_text *a, struct cfs_text *b, int *out)
{
	if (decide_separator(a, b, '~', -1, out))
		return true;
	/* A version that continues is newer. */
	if (!a->len || !b->len) {
		*out = (a->len > 0) - (b->len > 0);
		return true;
	}
	return decide_separator(a, b, '-', -1, out) ||
	       decide_separator(a, b, '^', -1, out) ||
	       decide_separator(a, b, '.', -1, out);
}

int cfs_bls_compare_versions(struct cfs_text a, struct cfs_text b)
{
	int c;

	for (;;) {
		bool numbers;

		skip_others(&a);
		skip_others(&b);
		if (decide_separators(&a, &b, &c))
			return c;
		numbers = is_digit(peek_char(a)) || is_digit(peek_char(b));
		c = numbers ? compare_numbers(take_run(&a, is_digit),
					      take_run(&b, is_digit))
			    : cfs_text_cmp(take_run(&a, is_letter),
					   take_run(&b, is_letter));
		if (c)
			return c < 0 ? -1 : 1;
	}
}
