/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lines of type 1 entries, and names of entries. */
#include "bls/bls.h"

static bool is_bls_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct cfs_text trim_blanks(struct cfs_text t)
{
	while (t.len && is_bls_blank(t.s[0]))
		t = (struct cfs_text){t.s + 1, t.len - 1};
	while (t.len && is_bls_blank(t.s[t.len - 1]))
		t.len--;
	return t;
}

static struct cfs_text take_bls_line(struct cfs_text *rest)
{
	const char *end = memchr(rest->s, '\n', rest->len);
	struct cfs_text line = {rest->s, end ? (size_t)(end - rest->s) : rest->len};
	size_t used = line.len + (end != NULL);

	*rest = (struct cfs_text){rest->s + used, rest->len - used};
	return line;
}

bool cfs_bls_next(struct cfs_text *rest, struct cfs_bls_line *out)
{
	struct cfs_text line;
	size_t n = 0;

	*out = (struct cfs_bls_line){0};
	if (!rest->len)
		return false;
	line = trim_blanks(take_bls_line(rest));
	if (!line.len || line.s[0] == '#')
		return true;
	while (n < line.len && !is_bls_blank(line.s[n]))
		n++;
	out->key = (struct cfs_text){line.s, n};
	out->value = trim_blanks((struct cfs_text){line.s + n, line.len - n});
	return true;
}

bool cfs_bls_find(struct cfs_text entry, struct cfs_text key, struct cfs_text *out)
{
	struct cfs_bls_line line;

	while (cfs_bls_next(&entry, &line))
		if (line.key.len && cfs_text_eq(line.key, key)) {
			*out = line.value;
			return true;
		}
	return false;
}

int cfs_bls_write_options(struct cfs_text entry, struct cfs_sink out, struct cfs_err *err)
{
	struct cfs_bls_line line;
	bool is_first = true;
	int rc = 0;

	while (rc == 0 && cfs_bls_next(&entry, &line)) {
		if (!cfs_text_eq(line.key, CFS_TEXT("options")) || !line.value.len)
			continue;
		if (!is_first)
			rc = out.write(out.ctx, " ", 1, err);
		if (rc == 0)
			rc = out.write(out.ctx, line.value.s, line.value.len, err);
		is_first = false;
	}
	return rc;
}

/* --- names of files ------------------------------------------------------------------ */

static bool take_count(struct cfs_text *t, unsigned *out)
{
	size_t n = 0;

	*out = 0;
	while (n < t->len && n < 9 && t->s[n] >= '0' && t->s[n] <= '9')
		*out = *out * 10 + (unsigned)(t->s[n++] - '0');
	*t = (struct cfs_text){t->s + n, t->len - n};
	return n > 0;
}

/* counter: "LEFT" or "LEFT-DONE". */
static bool parse_counter(struct cfs_text counter, struct cfs_bls_name *out)
{
	unsigned left, done = 0;

	if (!take_count(&counter, &left))
		return false;
	if (cfs_text_skip_prefix(&counter, CFS_TEXT("-")) && !take_count(&counter, &done))
		return false;
	if (counter.len)
		return false;
	out->is_counted = true;
	out->tries_left = left;
	out->tries_done = done;
	return true;
}

bool cfs_bls_parse_name(struct cfs_text name, struct cfs_text suffix,
			struct cfs_bls_name *out)
{
	struct cfs_text id = name;
	size_t plus;

	*out = (struct cfs_bls_name){0};
	if (name.len <= suffix.len ||
	    memcmp(name.s + name.len - suffix.len, suffix.s, suffix.len) != 0)
		return false;
	id.len -= suffix.len;
	for (plus = id.len; plus && id.s[plus - 1] != '+'; plus--)
		;
	if (plus > 1 && parse_counter((struct cfs_text){id.s + plus, id.len - plus}, out))
		id.len = plus - 1;
	out->id = id;
	return true;
}
