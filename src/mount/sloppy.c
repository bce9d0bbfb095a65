/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which unknown options -s may ignore: none that might have made the mount stricter. */
#include "mount/mount_priv.h"

#include <ctype.h>

/* A name that has one of these means verification, however it is spelled. */
static const char words[][10] = {
	"verit", "verif", "digest", "sign",	"trust", "statement", "hash",
	"sha2",	 "sha5",  "sum",    "integrit", "secur", "require",
};

/* Options that verify or restrict; a name that is almost one of them is taken for a
 * typing mistake. */
static const char strict[][12] = {
	"digest", "verity", "tryverity", "signed", "signature", "statement",   "trusted",
	"name",	  "floor",  "nosuid",	 "nodev",  "noexec",	"nosymfollow",
};

enum {
	NAME_MAX_LEN = 16, /* longer names are not similar to any of these */
	SHORT_LEN = 5,	   /* names up to this length differ by one edit at most */
	HEX_MIN_LEN = 32,  /* this many hex digits are taken for a digest */
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The edit distance of a and b (Damerau-Levenshtein, adjacent transpositions). Both have
 * at most NAME_MAX_LEN letters. */
static size_t edit_distance(struct cfs_text a, struct cfs_text b)
{
	size_t d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];

	for (size_t i = 0; i <= a.len; i++) {
		for (size_t k = 0; k <= b.len; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = i + k;
				continue;
			}
			d[i][k] = min_size(min_size(d[i - 1][k], d[i][k - 1]) + 1,
					   d[i - 1][k - 1] + (a.s[i - 1] != b.s[k - 1]));
			if (i > 1 && k > 1 && a.s[i - 1] == b.s[k - 2] &&
			    a.s[i - 2] == b.s[k - 1])
				d[i][k] = min_size(d[i][k], d[i - 2][k - 2] + 1);
		}
	}
	return d[a.len][b.len];
}

static bool is_almost_strict(struct cfs_text name)
{
	for (size_t i = 0; i < sizeof(strict) / sizeof(strict[0]); i++) {
		struct cfs_text want = cfs_text(strict[i]);

		if (edit_distance(name, want) <= (want.len <= SHORT_LEN ? 1 : 2))
			return true;
	}
	return false;
}

static bool has_strict_word(struct cfs_text name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (memmem(name.s, name.len, words[i], strlen(words[i])))
			return true;
	}
	return false;
}

static bool has_hex_digits(struct cfs_text value)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < HEX_MIN_LEN; i++)
		n = isxdigit((unsigned char)value.s[i]) ? n + 1 : 0;
	return n >= HEX_MIN_LEN;
}

/* Converts to lower case and removes separators: "Fs-Verity" becomes "fsverity". */
static struct cfs_text normalize_name(struct cfs_text name, char out[CFS_SLOPPY_NAME_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];

		if (c != '-' && c != '_' && c != '.' && c != '\\')
			out[len++] = (char)tolower(c);
	}
	return (struct cfs_text){out, len};
}

bool cfs_mount_may_ignore(struct cfs_text name, struct cfs_text value)
{
	char buf[CFS_SLOPPY_NAME_MAX];
	struct cfs_text text;

	if (name.len > sizeof(buf) || has_hex_digits(value))
		return false;
	text = normalize_name(name, buf);
	return !has_strict_word(text) &&
	       (text.len > NAME_MAX_LEN || !is_almost_strict(text));
}
