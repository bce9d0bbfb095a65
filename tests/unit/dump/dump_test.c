/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: each field, what it accepts, and what is said about what it refuses. */
#include "t.h"

#include "tree_text.h"

#define ROOT	 "/ 4096 40755 1 0 0 0 0.0 - - -\n"
#define DIGEST	 "35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"
#define OBJECT	 "35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"
#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct cfs_err err;

static int parse_bytes(struct cfs_text text, bool strict, struct cfs_tree **out)
{
	struct cfs_dump_opts opts = {.name = "x.dump", .strict = strict};

	*out = NULL;
	return cfs_dump_read_mem(text, CFS_SHA256, &opts, out, &err);
}

/* The tree that a text gives, as a text; free() it. */
static char *read_back(const char *text)
{
	struct cfs_tree *t;
	char *s;

	if (parse_bytes(cfs_text(text), false, &t) < 0)
		t_fail(__FILE__, __LINE__, "refused: %s", err.msg);
	s = tree_text(t, NULL);
	cfs_tree_free(t);
	return s;
}

static void check_refused(const char *text, bool strict, const char *message)
{
	struct cfs_tree *t;
	int rc = parse_bytes(cfs_text(text), strict, &t);

	cfs_tree_free(t);
	if (rc >= 0)
		t_fail(__FILE__, __LINE__, "accepted: %s", text);
	t_str(err.msg, message);
}

static void check_reads_as(const char *text, const char *expected)
{
	cfs_autofree char *got = read_back(text);

	t_str(got, expected);
}

/* --- Bad lines: the second line of a text, and what is said about it --- */

static const struct {
	const char *line, *message;
} bad_lines[] = {
	{"", "path: expected a path, got nothing"},
	{" 0 100644 1 0 0 0 0.0 - - -", "path: expected a path, got nothing"},
	{"/a", "mode: expected an octal number, got \"\""},
	{"/a x 100644 1 0 0 0 0.0 - - -", "size: expected a decimal number, got \"x\""},
	{"/a 0x1 100644 1 0 0 0 0.0 - - -",
	 "size: expected a decimal number, got \"0x1\""},
	{"/a 1 100644 - 0 0 0 0.0 - - -", "nlink: expected a decimal number, got \"-\""},
	{"/a 1 100644 1 + 0 0 0.0 - - -", "uid: expected a decimal number, got \"+\""},
	{"/a 1 100644 1 0 wheel 0 0.0 - - -",
	 "gid: expected a decimal number, got \"wheel\""},
	{"/a 1 100644 1 7 1\x7f 0 0.0 - - -",
	 "gid: expected a decimal number, got \"1\\x7f\""},
	{"/a 1 100644 1 7 0 1:3 0.0 - - -",
	 "rdev: expected a decimal number, got \"1:3\""},
	{"/a 1 100648 1 0 0 0 0.0 - - -",
	 "mode: expected an octal number, got \"100648\""},
	{"/a 1 @ 1 0 0 0 0.0 - - -", "mode: expected an octal number, got \"\""},
	{"/a 1 644 1 0 0 0 0.0 - - -", "mode: expected a known file type, got 644"},
	{"/a 1 130644 1 0 0 0 0.0 - - -", "mode: expected a known file type, got 130644"},
	{"/a - @644", "mode: expected a known file type, got 644"},
	{"/a - @40755 - - - - - /b", "mode: directories cannot be hard linked"},
	{"/a 0 100644 1 0 0 0 1 - - -", "mtime: expected SECONDS.NANOSECONDS, got \"1\""},
	{"/a 0 100644 1 0 0 0 1. - - -",
	 "mtime: expected SECONDS.NANOSECONDS, got \"1.\""},
	{"/a 0 100644 1 0 0 0 .1 - - -",
	 "mtime: expected SECONDS.NANOSECONDS, got \".1\""},
	{"/a 0 100644 1 0 0 0 1.2.3 - - -",
	 "mtime: expected SECONDS.NANOSECONDS, got \"1.2.3\""},
	{"/a 0 120777 1 0 0 0 0.0 - - -",
	 "payload: expected the target of a symlink, got nothing"},
	{"/a 0 120777 1 0 0 0 0.0",
	 "payload: expected the target of a symlink, got nothing"},
	{"/a 0 @100644", "payload: expected the target of a hard link, got nothing"},
	{"/a - @100644 - - - - - -",
	 "payload: expected the target of a hard link, got nothing"},
	{"/a 4 100644 1 0 0 0 0.0 - abc -",
	 "content: expected 4 bytes (the size), got 3"},
	{"/a 4 40755 1 0 0 0 0.0", "content: expected 4 bytes (the size), got 0"},
	{"/a 4 120777 1 0 0 0 0.0 t abc -",
	 "content: expected 4 bytes (the size), got 3"},
	{"/a 4 100644 1 0 0 0 0.0 " OBJECT " - abcd",
	 "digest: expected 64 hex digits or \"-\", got \"abcd\""},
	{"/a 4 100644 1 0 0 0 0.0 " OBJECT " - ",
	 "digest: expected 64 hex digits or \"-\", got \"\""},
	{"/a 4 100644 1 0 0 0 0.0 - - g" DIGEST "0123456789",
	 "digest: expected 64 hex digits or \"-\", got "
	 "\"g35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408...\""},
	{"/a 0 100644 1 0 0 0 0.0 - - abcd",
	 "digest: expected 64 hex digits or \"-\", got \"abcd\""},
	{"/a 0 100644 1 0 0 0 0.0 - - - user.a",
	 "xattr 1: expected KEY=VALUE, got \"user.a\""},
	{"/a 0 100644 1 0 0 0 0.0 - - - user.a=1  user.b=2",
	 "xattr 2: expected KEY=VALUE, got \"\""},
	{"/a 0 100644 1 0 0 0 0.0 - - -  ", "xattr 1: expected KEY=VALUE, got \"\""},
	/* Escapes */
	{"/a\\ 0 100644 1 0 0 0 0.0 - - -",
	 "path: escape: expected a character after \"\\\", got the end"},
	{"/a\\0 0 100644 1 0 0 0 0.0 - - -",
	 "path: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\0\""},
	{"/a\\x 0 100644 1 0 0 0 0.0 - - -",
	 "path: escape: expected two hex digits after \"\\x\", got \"\\x\""},
	{"/a\\x1 0 100644 1 0 0 0 0.0 - - -",
	 "path: escape: expected two hex digits after \"\\x\", got \"\\x1\""},
	{"/a\\x1g7 0 100644 1 0 0 0 0.0 - - -",
	 "path: escape: expected hex digits after \"\\x\", got \"\\x1g\""},
	{"/a 0 120777 1 0 0 0 0.0 t\\q - -",
	 "payload: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q\""},
	{"/a 1 100644 1 0 0 0 0.0 - \\q -",
	 "content: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q\""},
	{"/a 1 100644 1 0 0 0 0.0 - - \\q",
	 "digest: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q\""},
	{"/a 0 100644 1 0 0 0 0.0 - - - a\\q=b",
	 "xattr 1: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q\""},
	{"/a 0 100644 1 0 0 0 0.0 - - - a=b\\q",
	 "xattr 1: escape: expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q\""},
	{"/a\\x00b 0 100644 1 0 0 0 0.0 - - -",
	 "path: expected no NUL byte, got \"/a\\x00b\""},
	{"/a 0 120777 1 0 0 0 0.0 t\\x00 - -",
	 "payload: expected no NUL byte, got \"t\\x00\""},
	{"/a 0 100644 1 0 0 0 0.0 - - - k\\x00=v",
	 "xattr 1: expected no NUL byte, got \"k\\x00\""},
	/* The place in the tree */
	{"/ 0 40755 1 0 0 0 0.0 - - -", "path \"/\": expected one root, got a second"},
	{"/ 0 @100644 - - - - - /a", "path \"/\": expected one root, got a second"},
	{"/d/a 0 100644 1 0 0 0 0.0 - - -",
	 "path \"/d/a\": expected the parent directory before its entries"},
	{"/a/../b 0 100644 1 0 0 0 0.0 - - -",
	 "path \"/a/../b\": expected the parent directory before its entries"},
	{"/f/a 0 100644 1 0 0 0 0.0 - - -",
	 "path \"/f/a\": expected a directory as parent"},
	{"/l/a 0 100644 1 0 0 0 0.0 - - -",
	 "path \"/l/a\": expected a directory as parent"},
	{"/f/a/b 0 100644 1 0 0 0 0.0 - - -",
	 "path \"/f/a/b\": expected the parent directory before its entries"},
	{"/a 0 @100644 - - - - - /b",
	 "payload: expected the path of an entry, got \"/b\""},
	{"/a 0 @100644 - - - - - /f/b",
	 "payload: expected the path of an entry, got \"/f/b\""},
};

T(dump_errors_name_line_field_expected_and_found)
{
	for (size_t i = 0; i < N(bad_lines); i++) {
		char text[1024], message[1024];

		snprintf(text, sizeof(text),
			 ROOT "/f 0 100644 1 0 0 0 0.0 - - -\n/l 0 @100644 - - - - - "
			      "/f\n%s\n/z 0 100644 1 0 0 0 0.0 - - -\n",
			 bad_lines[i].line);
		snprintf(message, sizeof(message), "x.dump: line 4: %s",
			 bad_lines[i].message);
		check_refused(text, false, message);
	}
}

/* The builder refuses these; the room adds the place. */
T(dump_names_the_line_of_what_the_tree_refuses)
{
	static const struct {
		const char *line, *part;
	} bad[] = {
		{"/f 0 100644 1 0 0 0 0.0 - - -", "path \"/f\": name"},
		{"f 0 @100644 - - - - - /f", "path \"f\": name"},
		{"/d/. 0 100644 1 0 0 0 0.0 - - -", "path \"/d/.\": name"},
		{"/.. 0 100644 1 0 0 0 0.0 - - -", "path \"/..\": name"},
		{"// 0 40755 1 0 0 0 0.0 - - -", "path \"//\": name"},
		{"/d/ 0 40755 1 0 0 0 0.0 - - -", "path \"/d/\": name"},
		{"/a 9007199254740993 100644 1 0 0 0 0.0 - - -", "path \"/a\": size"},
		{"/a -1 100644 1 0 0 0 0.0 - - -", "path \"/a\": size"},
		{"/a 0 100644 1 0 0 0 0.0 - - - =v", "path \"/a\": xattr"},
		{"/a 0 @100644 - - - - - /a", "payload: hard link"},
		{"/a 0 @100644 - - - - - /d", "payload: hard link"},
		{"/a 0 @100644 - - - - - //d//", "payload: hard link"},
		{"/a 0 @100644 - - - - - /", "payload: hard link"},
	};

	for (size_t i = 0; i < N(bad); i++) {
		struct cfs_tree *t;
		char text[1024];
		int rc;

		snprintf(text, sizeof(text),
			 ROOT "/d 0 40755 1 0 0 0 0.0 - - -\n"
			      "/f 0 100644 1 0 0 0 0.0 - - -\n%s\n",
			 bad[i].line);
		rc = parse_bytes(cfs_text(text), false, &t);
		cfs_tree_free(t);
		if (rc >= 0)
			t_fail(__FILE__, __LINE__, "accepted: %s", bad[i].line);
		t_has(err.msg, "x.dump: line 4: ");
		t_has(err.msg, bad[i].part);
	}
}

T(dump_requires_the_root_first)
{
	struct cfs_tree *t;

	check_refused("", false,
		      "x.dump: expected at least the line of the root, got nothing");
	t_eq(parse_bytes((struct cfs_text){0}, false, &t), -EINVAL);
	check_refused("\n", false, "x.dump: line 1: path: expected a path, got nothing");
	check_refused("/a 0 40755 1 0 0 0 0.0 - - -\n", false,
		      "x.dump: line 1: path \"/a\": expected the root \"/\" first");
	check_refused("/ 0 100644 1 0 0 0 0.0 - - -\n", false,
		      "x.dump: line 1: path \"/\": expected a directory as root");
	check_refused("/ 0 @100644 1 0 0 0 0.0 /a - -\n", false,
		      "x.dump: line 1: path \"/\": expected a directory as root");
}

T(dump_names_no_file_when_it_has_no_name)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t;

	t_eq(cfs_dump_read_mem(CFS_TEXT("x"), CFS_SHA256, &opts, &t, &err), -EINVAL);
	t_str(err.msg, "line 1: mode: expected an octal number, got \"\"");
	t_eq(cfs_dump_read_mem(CFS_TEXT("x"), CFS_SHA256, &opts, &t, NULL), -EINVAL);
}

T(dump_refuses_a_raw_nul_and_names_the_place)
{
	struct cfs_tree *t;

	t_eq(parse_bytes(CFS_TEXT(ROOT "/a\0 0 100644 1 0 0 0 0.0 - - -\n"), false, &t),
	     -EINVAL);
	t_str(err.msg, "x.dump: line 2: expected no NUL byte, got one as byte 3");
}

T(dump_reports_the_line_of_a_link_whose_target_never_came)
{
	check_refused(ROOT "/a - @100644 - - - - - /c\n/b - @100644 - - - - - /no\n"
			   "/c 0 100644 1 0 0 0 0.0 - - -\n",
		      false,
		      "x.dump: line 3: payload: expected the path of an entry, got "
		      "\"/no\"");
}

T(dump_refuses_links_in_a_circle)
{
	struct cfs_tree *t;

	t_eq(parse_bytes(CFS_TEXT(ROOT
				  "/a - @100644 - - - - - /b\n/b - @100644 - - - - - /c\n"
				  "/c - @100644 - - - - - /b\n"),
			 false, &t),
	     -ELOOP);
	t_has(err.msg, "x.dump: ");
}

static const struct {
	const char *text, *message;
} refused_lines[] = {
	{"/a 0 100644 1 0 0 0 0.0 - - -",
	 "expected a newline at the end of the last line"},
	{"/a 0 100644 1 0 0 5 0.0 - - -\n",
	 "rdev: expected 0 for a file that is not a device, got 5"},
	{"/a 0 40755 1 0 0 5 0.0 - - -\n",
	 "rdev: expected 0 for a file that is not a device, got 5"},
	{"/a 4 120777 1 0 0 0 0.0 abc - -\n",
	 "payload: expected a target of 4 bytes (the size), got 3"},
	{"/a 3 120777 1 0 0 0 0.0 abc def -\n",
	 "content: expected none for a symlink, got 3 bytes"},
	{"/a 3 10644 1 0 0 0 0.0 - - -\n", "size: expected none for a FIFO, got "
					   "\"3\" (the mode is 10644; that of a "
					   "file would be 100644)"},
	{"/a 0 60644 1 0 0 5 0.0 ab/cd - -\n",
	 "payload: expected none for a device, got \"ab/cd\" (the mode is 60644; "
	 "that "
	 "of a file would be 100644)"},
	{"/a 3 40755 1 0 0 0 0.0 - abc -\n",
	 "content: expected none for a directory, got \"abc\" (the mode is "
	 "40755; "
	 "that "
	 "of a file would be 100755)"},
	{"/a 0 140600 1 0 0 0 0.0 - - " DIGEST "\n",
	 "digest: expected none for a socket, got \"" DIGEST "\" (the mode is 140600; "
	 "that of a file would be 100600)"},
};

T(dump_strict_mode_refuses_more)
{
	for (size_t i = 0; i < N(refused_lines); i++) {
		cfs_autofree char *loose = NULL;
		char text[256], message[256];

		snprintf(text, sizeof(text), ROOT "%s", refused_lines[i].text);
		snprintf(message, sizeof(message), "x.dump: line 2: %s",
			 refused_lines[i].message);
		loose = read_back(text);
		check_refused(text, true, message);
	}
}

static void note(void *ctx, const char *msg)
{
	char *all = ctx;

	snprintf(all + strlen(all), 200, "%.180s\n", msg);
}

T(dump_warns_of_fields_that_the_tree_does_not_keep)
{
	char all[1024] = "";
	struct cfs_watch watch = {.warning = note, .ctx = all};
	struct cfs_dump_opts opts = {.name = "x.dump", .watch = &watch};
	struct cfs_tree *t;

	t_eq(cfs_dump_read_mem(CFS_TEXT(ROOT "/a 3 10644 1 0 0 0 0.0 - - -\n"
					     "/b 3 100644 1 0 0 0 0.0 - abc -\n"
					     "/c 0 20644 1 0 0 5 0.0 x - -\n"
					     "/d 0 @20644 1 0 0 5 0.0 /c - -\n"
					     "/e 4096 40755 1 0 0 0 0.0 - - -\n"),
			       CFS_SHA256, &opts, &t, &err),
	     0);
	t_str(all, "x.dump: line 2: size: expected none for a FIFO, got \"3\" (the mode "
		   "is 10644; "
		   "that of a file would be 100644)\n"
		   "x.dump: line 4: payload: expected none for a device, got \"x\" (the "
		   "mode is "
		   "20644; that of a file would be 100644)\n");
	cfs_tree_free(t);
}

T(dump_strict_mode_spares_hard_links_and_devices)
{
	struct cfs_tree *t;

	t_eq(parse_bytes(CFS_TEXT(ROOT "/c 0 20644 1 0 0 5 0.0 - - -\n"
				       "/s 3 120777 1 0 0 0 0.0 abc - -\n"
				       "/l 9 @120777 1 0 0 7 0.0 /s abc -\n"),
			 true, &t),
	     0);
	cfs_tree_free(t);
}

/* --- Good lines --- */

#define OUT_ROOT "/ 0 40755 1 0 0 0 0.0 - - -\n"

static const struct {
	const char *line, *reads_as;
} good_lines[] = {
	/* Short lines, and spaces at the end */
	{"/a 0 100644 1 0 0 0 0.0", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"/a 0 100644 1 0 0 0 0.0 ", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"/a 0 100644 1 0 0 0 0.0  ", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"/a 0 100644 1 0 0 0 0.0 - - - ", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"/a 0 100644 1 0 0 0 0.0 - - - k=v ", "/a 0 100644 1 0 0 0 0.0 - - - k=v"},
	{"/a 3 10644 1 0 0 0 0.0  - ", "/a 3 10644 1 0 0 0 0.0 - - -"},
	/* Numbers */
	{"/a +0 0100644 +1 \t1 \v\f\r-1 9 +1.+2 - - -",
	 "/a 0 100644 1 1 4294967295 0 1.2 - - -"},
	{"/a 00 120777 007 4294967296 99999999999999999999 0 -5.-1 t - -",
	 "/a 1 120777 7 0 4294967295 0 -5.4294967295 t - -"},
	{"/a -0 20644 1 0 0 4294967301 18446744073709551615.0 - - -",
	 "/a 0 20644 1 0 0 5 -1.0 - - -"},
	{"/a 0 20644 1 0 0 1 -9223372036854775808.000 - - -",
	 "/a 0 20644 1 0 0 1 -9223372036854775808.0 - - -"},
	{"/a -99999999999999999999 60644 1 0 0 1 9223372036854775807.1 - - -",
	 "/a 18446744073709551615 60644 1 0 0 1 9223372036854775807.1 - - -"},
	{"/a 9007199254740992 37777100644 1 0 0 1 0.0 - - -",
	 "/a 9007199254740992 100644 1 0 0 0 0.0 - - -"},
	{"/a 18446744073709551615 10644 1 -18446744073709551615 0 0 0.0 - - -",
	 "/a 18446744073709551615 10644 1 1 0 0 0.0 - - -"},
	{"/a 18446744073709551616 10644 1 00000000000000000000000000001 0 0 0.0 - - -",
	 "/a 18446744073709551615 10644 1 1 0 0 0.0 - - -"},
	/* Paths */
	{"a 0 100644 1 0 0 0 0.0", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"//a 0 100644 1 0 0 0 0.0", "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"- 0 100644 1 0 0 0 0.0", "/- 0 100644 1 0 0 0 0.0 - - -"},
	{"/... 0 100644 1 0 0 0 0.0", "/... 0 100644 1 0 0 0 0.0 - - -"},
	{"/\\x61\\n\\r\\t\\\\\\x20\\xFf= 0 100644 1 0 0 0 0.0",
	 "/a\\n\\r\\t\\\\\\x20\\xff= 0 100644 1 0 0 0 0.0 - - -"},
	{"/\t\x01\x7f\xff\r 0 100644 1 0 0 0 0.0",
	 "/\\t\\x01\\x7f\\xff\\r 0 100644 1 0 0 0 0.0 - - -"},
	/* Payload, content, digest */
	{"/a 1 100644 1 0 0 0 0.0 " OBJECT " - " DIGEST,
	 "/a 1 100644 1 0 0 0 0.0 " OBJECT " - " DIGEST},
	{"/a 1 100644 1 0 0 0 0.0 \\x2d - -", "/a 1 100644 1 0 0 0 0.0 \\x2d - -"},
	{"/a 1 100644 1 0 0 0 0.0 -- - -", "/a 1 100644 1 0 0 0 0.0 -- - -"},
	{"/a 1 100644 1 0 0 0 0.0  - -", "/a 1 100644 1 0 0 0 0.0 - - -"},
	{"/a 1 100644 1 0 0 0 0.0 - - " DIGEST "zz",
	 "/a 1 100644 1 0 0 0 0.0 - - " DIGEST},
	{"/a 0 100644 1 0 0 0 0.0 x - " DIGEST, "/a 0 100644 1 0 0 0 0.0 - - -"},
	{"/a 1 100644 1 0 0 0 0.0 x \\x2d " DIGEST, "/a 1 100644 1 0 0 0 0.0 - \\x2d -"},
	{"/a 2 100644 1 0 0 0 0.0 - \\x00= ", "/a 2 100644 1 0 0 0 0.0 - \\x00= -"},
	{"/a 7 120777 1 0 0 0 0.0 target - " DIGEST,
	 "/a 6 120777 1 0 0 0 0.0 target - -"},
	{"/a 3 120777 1 0 0 0 0.0 /x=y abc -", "/a 4 120777 1 0 0 0 0.0 /x=y - -"},
	{"/a 4096 40755 7 1 2 3 4.5 x - -", "/a 0 40755 1 1 2 0 4.5 - - -"},
	{"/a 3 140755 7 1 2 3 4.5 x abc", "/a 3 140755 7 1 2 0 4.5 - - -"},
	/* xattrs */
	{"/a 0 100644 1 0 0 0 0.0 - - - k=- e= q=a=b\\x3d\\x00",
	 "/a 0 100644 1 0 0 0 0.0 - - - e= k=- q=a\\x3db\\x3d\\x00"},
	{"/a 0 100644 1 0 0 0 0.0 - - - k=1 k=2", "/a 0 100644 1 0 0 0 0.0 - - - k=2"},
	{"/a 0 100644 1 0 0 0 0.0 - - - k\\x3d\\x20=1",
	 "/a 0 100644 1 0 0 0 0.0 - - - k\\x3d\\x20=1"},
};

T(dump_reads_every_field)
{
	for (size_t i = 0; i < N(good_lines); i++) {
		char text[1024], expected[1024];

		snprintf(text, sizeof(text), ROOT "%s\n", good_lines[i].line);
		snprintf(expected, sizeof(expected), OUT_ROOT "%s\n",
			 good_lines[i].reads_as);
		check_reads_as(text, expected);
		check_reads_as(expected, expected);
	}
}
