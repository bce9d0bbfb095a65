/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text of the options of mount(8): commas, quotes and escapes, without their meaning. */
#include "mount/option_text.h"

/* mount(8) writes SELinux contexts, which may have commas, in quotes: context="...".
 * Elsewhere a quote has no special meaning. */
static bool opens_quote(struct cfs_text before)
{
	static const char name[] = "context=";
	size_t len = sizeof(name) - 1;

	return before.len >= len && memcmp(before.s + before.len - len, name, len) == 0 &&
	       memchr(before.s, '=', before.len) == before.s + before.len - 1;
}

bool mount_next_option(struct cfs_text *rest, struct mount_option *out)
{
	struct cfs_text all = {rest->s, 0};
	const char *equals;

	if (!rest->s)
		return false;
	for (bool quoted = false; all.len < rest->len; all.len++) {
		char c = rest->s[all.len];

		if (c == ',' && !quoted)
			break;
		if (c == '"')
			quoted = !quoted && opens_quote(all);
		else if (c == '\\' && all.len + 1 < rest->len)
			all.len++;
	}
	if (all.len < rest->len)
		*rest = (struct cfs_text){rest->s + all.len + 1, rest->len - all.len - 1};
	else
		*rest = (struct cfs_text){NULL, 0};
	equals = memchr(all.s, '=', all.len);
	*out = (struct mount_option){.name = all, .has_value = equals != NULL};
	if (equals) {
		out->name.len = (size_t)(equals - all.s);
		out->value = (struct cfs_text){equals + 1, all.len - out->name.len - 1};
	}
	return true;
}

char *mount_unescape_until(struct cfs_arena *arena, struct cfs_text *text, char stop)
{
	char *copy = cfs_arena_copy(arena, text->s, text->len);
	size_t i, len = 0;

	if (!copy)
		return NULL;
	for (i = 0; i < text->len && (!stop || text->s[i] != stop); i++) {
		if (text->s[i] == '\\' && i + 1 < text->len)
			i++;
		copy[len++] = text->s[i];
	}
	copy[len] = 0;
	if (i < text->len)
		*text = (struct cfs_text){text->s + i + 1, text->len - i - 1};
	else
		*text = (struct cfs_text){NULL, 0};
	return copy;
}

struct cfs_text mount_strip_quotes(struct cfs_text value)
{
	if (value.len < 2 || value.s[0] != '"' || value.s[value.len - 1] != '"')
		return value;
	return (struct cfs_text){value.s + 1, value.len - 2};
}
