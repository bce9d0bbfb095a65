/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: the golden vectors. What existing tools accept is accepted, what they refuse is
 * refused, for the cause that they name. CFS_GOLDEN is the directory of the vectors. */
#include "t.h"

#include <fcntl.h>
#include <unistd.h>

#include "tree_text.h"

static struct cfs_err err;

static int open_golden(const char *name, const char *suffix)
{
	const char *dir = getenv("CFS_GOLDEN");
	char path[4096];
	int fd;

	if (!dir)
		t_fail(__FILE__, __LINE__, "CFS_GOLDEN is not set");
	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	return fd;
}

static int parse_golden(const char *name, bool strict, struct cfs_tree **out)
{
	struct cfs_dump_opts opts = {.name = name, .strict = strict};
	cfs_autofd int fd = open_golden(name, ".dump");

	*out = NULL;
	return cfs_dump_read_fd(fd, CFS_SHA256, &opts, out, &err);
}

/* The tree of a vector as a text; free() it. */
static char *golden_text(const char *name)
{
	struct cfs_tree *t;
	char *text;

	if (parse_golden(name, false, &t) < 0)
		t_fail(__FILE__, __LINE__, "refused: %s", err.msg);
	text = tree_text(t, NULL);
	cfs_tree_free(t);
	return text;
}

/* Rows of a table whose columns are separated by `separators`. */
struct table {
	struct cfs_map map;
	struct cfs_text rest;
};

static void table_open(struct table *t, const char *name)
{
	cfs_autofd int fd = open_golden(name, "");

	t_eq(cfs_map_fd(fd, &t->map, &err), 0);
	t->rest = cfs_span_text(t->map.span);
	t_ok(t->rest.len > 0);
}

/* Cuts a row into at most max columns; returns how many it has, 0 at the end. */
static size_t table_row(struct table *t, char separator, struct cfs_text *columns,
			size_t max)
{
	size_t n = 0;

	if (t->rest.len == 0)
		return 0;
	for (bool more = true; more && n < max; n++) {
		size_t len = 0;

		while (t->rest.s[len] != '\n' && t->rest.s[len] != separator)
			len++;
		more = t->rest.s[len] != '\n';
		columns[n] = (struct cfs_text){t->rest.s, len};
		t->rest.s += len + 1;
		t->rest.len -= len + 1;
	}
	return n;
}

static void copy(struct cfs_text from, char *to, size_t to_len)
{
	snprintf(to, to_len, "%.*s", (int)from.len, from.s);
}

/* The cause as this parser says it, for each row of FAILS. */
static const struct {
	const char *name, *cause;
} causes[] = {
	{"fail-empty", "expected at least the line of the root"},
	{"fail-blank-line", "line 2: path: expected a path"},
	{"fail-no-root", "line 1: path \"/a\": expected the root"},
	{"fail-root-not-dir", "line 1: path \"/\": expected a directory as root"},
	{"fail-two-roots", "line 2: path \"/\": expected one root"},
	{"fail-missing-parent", "expected the parent directory before its entries"},
	{"fail-parent-later", "expected the parent directory before its entries"},
	{"fail-parent-is-file", "expected a directory as parent"},
	{"fail-parent-is-symlink", "expected a directory as parent"},
	{"fail-duplicate", "already"},
	{"fail-dot", "path \"/.\": name"},
	{"fail-dotdot", "path \"/a/..\": name"},
	{"fail-dotdot-inside", "expected the parent directory before its entries"},
	{"fail-trailing-slash", "path \"/a/\": "},
	{"fail-double-slash", "path \"//\": name"},
	{"fail-empty-path", "path: expected a path"},
	{"fail-long-name", "name: expected at most 255 bytes, got 256"},
	{"fail-no-type", "mode: expected a known file type, got 644"},
	{"fail-bad-type", "mode: expected a known file type, got 30644"},
	{"fail-mode-not-octal", "mode: expected an octal number, got \"100648\""},
	{"fail-mode-hex", "mode: expected an octal number, got \"0x81a4\""},
	{"fail-mode-empty", "mode: expected an octal number, got \"\""},
	{"fail-size-empty", "expected an octal number, got \"\""},
	{"fail-size-text", "size: expected a decimal number, got \"12k\""},
	{"fail-size-space", "mode: expected a known file type, got 0"},
	{"fail-uid-dash", "uid: expected a decimal number, got \"-\""},
	{"fail-gid-text", "gid: expected a decimal number, got \"wheel\""},
	{"fail-rdev-text", "rdev: expected a decimal number, got \"1:3\""},
	{"fail-mtime-no-dot", "mtime: expected SECONDS.NANOSECONDS"},
	{"fail-mtime-dot-end", "mtime: expected SECONDS.NANOSECONDS"},
	{"fail-mtime-two-dots", "mtime: expected SECONDS.NANOSECONDS"},
	{"fail-embedded-nul", "expected no NUL byte, got one as byte 3"},
	{"fail-escape-end", "expected a character after \"\\\""},
	{"fail-escape-unknown", "expected one of \\\\ \\n \\r \\t \\xHH, got \"\\q"},
	{"fail-escape-octal", "expected one of \\\\ \\n \\r \\t \\xHH, got \"\\0"},
	{"fail-escape-hex-short", "expected two hex digits after \"\\x\""},
	{"fail-escape-hex-bad", "expected hex digits after \"\\x\""},
	{"fail-content-short", "content: expected 4 bytes (the size), got 3"},
	{"fail-content-missing-field", "content: expected 4 bytes (the size), got 0"},
	{"fail-dir-size-short-line", "content: expected 4096 bytes (the size), got 0"},
	{"fail-symlink-content-size", "content: expected 4 bytes (the size), got 3"},
	{"fail-inline-5001", "content: expected at most 5000 bytes inline, got 5001"},
	{"fail-symlink-empty", "payload: expected the target of a symlink"},
	{"fail-symlink-none", "payload: expected the target of a symlink"},
	{"fail-symlink-4096", "payload: expected at most 4095 bytes, got 4096"},
	{"fail-payload-4096", "payload: expected at most 4095 bytes, got 4096"},
	{"fail-payload-4096-dir", "payload: expected at most 4095 bytes, got 4096"},
	{"fail-too-big", "size: expected at most 2^53"},
	{"fail-too-big-2", "size: expected at most 2^53"},
	{"fail-xattr-no-equals", "xattr 1: expected KEY=VALUE"},
	{"fail-xattr-two-spaces", "expected KEY=VALUE, got \"\""},
	{"fail-xattr-two-trailing-spaces", "expected KEY=VALUE, got \"\""},
	{"fail-xattr-empty-key", "xattr"},
	{"fail-xattr-long-key", "xattr"},
	{"fail-xattr-bad-escape", "expected one of \\\\ \\n \\r \\t \\xHH, got \"\\y"},
	{"fail-xattr-budget-1", "xattr"},
	{"fail-xattr-budget-2", "xattr"},
	{"fail-xattr-line-65536",
	 "xattrs: expected at most 65535 bytes of text, got 65539"},
	{"fail-link-dir-mode", "mode: directories cannot be hard linked"},
	{"fail-link-root-mode", "mode: directories cannot be hard linked"},
	{"fail-link-no-type", "mode: expected a known file type, got 644"},
	{"fail-link-no-target", "payload: expected the target of a hard link"},
	{"fail-link-missing", "payload: expected the path of an entry, got \"/a\""},
	{"fail-link-dotdot", "payload: expected the path of an entry, got \"/d/../a\""},
	{"fail-link-self", "payload: hard link: target is the link itself"},
	{"fail-link-loop", "hard link"},
	{"fail-link-parent", "path \"/l/x\": expected a directory as parent"},
	{"strict-no-newline", "expected a newline at the end of the last line"},
	{"strict-rdev-on-file", "rdev: expected 0 for a file that is not a device"},
	{"strict-rdev-on-dir", "rdev: expected 0 for a file that is not a device"},
	{"strict-symlink-size",
	 "payload: expected a target of 3 bytes (the size), got 4"},
	{"strict-symlink-content", "content: expected none for a symlink"},
};

static const char *cause_of(const char *name)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcmp(causes[i].name, name) == 0)
			return causes[i].cause;
	t_fail(__FILE__, __LINE__, "no cause is known for %s", name);
}

T(dump_refuses_what_the_vectors_refuse_for_the_same_cause)
{
	struct cfs_text columns[4];
	struct table t;

	table_open(&t, "FAILS");
	while (table_row(&t, '\t', columns, 4) == 4) {
		bool strict = cfs_text_eq(columns[1], CFS_TEXT("strict"));
		struct cfs_tree *tree;
		char name[64];

		copy(columns[0], name, sizeof(name));
		if (parse_golden(name, strict, &tree) >= 0)
			t_fail(__FILE__, __LINE__, "accepted: %s", name);
		t_has(err.msg, name);
		t_has(err.msg, cause_of(name));
	}
	t_eq(t.rest.len, 0);
	cfs_map_close(&t.map);
}

/* And what is accepted can be written and read again without a change. */
T(dump_accepts_what_the_vectors_accept)
{
	struct cfs_text columns[6];
	struct table t;

	table_open(&t, "DIGESTS");
	while (table_row(&t, '\t', columns, 6) == 6) {
		struct cfs_dump_opts opts = {0};
		cfs_autofree char *text = NULL, *again = NULL;
		struct cfs_tree *tree;
		char name[64];

		copy(columns[0], name, sizeof(name));
		text = golden_text(name);
		t_eq(cfs_dump_read_mem(cfs_text(text), CFS_SHA256, &opts, &tree, &err),
		     0);
		again = tree_text(tree, NULL);
		cfs_tree_free(tree);
		t_str(again, text);
	}
	t_eq(t.rest.len, 0);
	cfs_map_close(&t.map);
}

T(dump_gives_equal_trees_for_equivalent_vectors)
{
	struct cfs_text columns[2];
	struct table t;

	table_open(&t, "SAME");
	while (table_row(&t, ' ', columns, 2) == 2) {
		cfs_autofree char *a = NULL, *b = NULL;
		char name[64];

		copy(columns[0], name, sizeof(name));
		a = golden_text(name);
		copy(columns[1], name, sizeof(name));
		b = golden_text(name);
		t_str(a, b);
	}
	t_eq(t.rest.len, 0);
	cfs_map_close(&t.map);
}
