/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: foreign text that reaches a terminal. */
#include "t.h"

#include "base/base.h"

static void shows(const char *text, const char *expected)
{
	char out[256];

	t_eq(cfs_show_text(cfs_text(text), out, sizeof(out)), strlen(expected));
	t_str(out, expected);
}

T(printable_text_is_shown_unchanged)
{
	shows("", "");
	shows("plain \"text\" \\ 100%", "plain \"text\" \\ 100%");
	shows("Gr\u00fc\u00dfe \u4e2d\u6587 \U0001f600 \u00a0",
	      "Gr\u00fc\u00dfe \u4e2d\u6587 \U0001f600 \u00a0");
}

T(control_characters_are_shown_as_numbers)
{
	shows("a\033[2Jb", "a\\x1b[2Jb");
	shows("\n\r\t\x7f", "\\x0a\\x0d\\x09\\x7f");
	shows("\xc2\x80|\xc2\x9b|\xc2\x9f", "\\xc2\\x80|\\xc2\\x9b|\\xc2\\x9f");
}

/* A terminal that does not read UTF-8 takes 0x9b for the beginning of a sequence. */
T(bytes_that_are_not_utf8_are_shown_as_numbers)
{
	shows("a\x9b"
	      "2Jb",
	      "a\\x9b2Jb");
	shows("\xff\xc3", "\\xff\\xc3");
	shows("\xc0\x9b \xe0\x80\x9b", "\\xc0\\x9b \\xe0\\x80\\x9b"); /* overlong */
	shows("\xed\xa0\x80", "\\xed\\xa0\\x80");		      /* surrogate */
}

T(bidirectional_control_characters_are_escaped)
{
	static const char *const turns[] = {
		"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b",
		"\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"};

	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		char out[64];

		t_eq(cfs_show_text(cfs_text(turns[i]), out, sizeof(out)),
		     4 * strlen(turns[i]));
		t_ok(out[0] == '\\' && out[1] == 'x');
	}
	shows("\u200d\u2027\u202f\u2065\u206a", "\u200d\u2027\u202f\u2065\u206a");
}

T(text_that_does_not_fit_ends_at_a_character)
{
	char out[6];

	t_eq(cfs_show_text(cfs_text("abcd\u00fc"), out, sizeof(out)), 4);
	t_str(out, "abcd");
	t_eq(cfs_show_text(cfs_text("ab\033"), out, sizeof(out)), 2);
	t_str(out, "ab");
	t_eq(cfs_show_text(cfs_text("a\033"), out, sizeof(out)), 5);
	t_str(out, "a\\x1b");
}
