/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* selinux: the lines of a policy, which line wins, aliases, and what a foreign policy may
 * cost. */
#include "t.h"

#include <sys/stat.h>

#include "dump/dump.h"
#include "selinux/policy.h"
#include "selinux/selinux.h"
#include "selinux/tree_file.h"

static struct cfs_err err;

/* --- One policy ---------------------------------------------------------------------- */

static struct cfs_selinux_policy *make_policy(const char *contexts)
{
	struct cfs_selinux_policy *p = NULL;

	if (cfs_selinux_policy_new(&p, &err) < 0 ||
	    cfs_selinux_policy_add_contexts(p, "fc", cfs_text(contexts), &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return p;
}

/* subject: a path and the character of its type. */
static void check_label(const char *contexts, const char *subject, const char *expected)
{
	struct cfs_selinux_policy *p = make_policy(contexts);
	struct cfs_text label;
	char text[64] = "";

	t_eq(cfs_selinux_find(p, NULL, cfs_text(subject), &label, &err), 0);
	memcpy(text, label.len ? label.s : "", label.len);
	t_str(text, expected);
	cfs_selinux_policy_free(p);
}

static int add_text(const char *contexts, size_t len)
{
	struct cfs_selinux_policy *p = NULL;
	int rc = cfs_selinux_policy_new(&p, &err);

	t_eq(rc, 0);
	rc = cfs_selinux_policy_add_contexts(p, "fc", (struct cfs_text){contexts, len},
					     &err);
	cfs_selinux_policy_free(p);
	return rc;
}

static void check_refused(const char *contexts, int rc, const char *message)
{
	t_eq(add_text(contexts, strlen(contexts)), rc);
	t_has(err.msg, message);
}

T(last_line_that_matches_wins_whatever_its_form)
{
	check_label("/usr/x a\n/usr/.* b\n", "/usr/x-", "b");
	check_label("/usr/.* b\n/usr/x a\n", "/usr/x-", "a");
	check_label("/usr/.* b\n/usr/x <<none>>\n", "/usr/x-", "");
	check_label("/usr/.* b\n", "/var-", "");
	check_label("# /x a\n\n \t# c\n  /x\v-- \t b \r\n", "/x-", "b");
	check_label("/x b", "/x-", "b");
}

T(type_of_a_line_is_that_of_the_file)
{
	static const char types[] = "-bcdpls";

	for (size_t i = 0; types[i]; i++) {
		char line[16], path[4];

		snprintf(line, sizeof(line), "/x -%c a\n", types[i]);
		for (size_t k = 0; types[k]; k++) {
			snprintf(path, sizeof(path), "/x%c", types[k]);
			check_label(line, path, i == k ? "a" : "");
		}
	}
	t_eq(cfs_selinux_get_type_char(S_IFREG), '-');
	t_eq(cfs_selinux_get_type_char(S_IFDIR), 'd');
	t_eq(cfs_selinux_get_type_char(S_IFLNK), 'l');
	t_eq(cfs_selinux_get_type_char(S_IFSOCK), 's');
}

T(expressions_are_anchored_and_match_bytes)
{
	check_label("/a|/b x\n", "/b-", "x");
	check_label("/a|/b x\n", "/bc-", "");
	check_label("/a.*z x\n", "/a\nz-", "x");
	check_label("/a..z x\n", "/a\xc3\xa9z-", "x");
	check_label("/a[^/]z x\n", "/a\xffz-", "x");
	check_label("/(?!b).* x\n", "/b-", "");
	check_label("/(?!b).* x\n", "/c-", "x");
}

T(malformed_lines_are_refused_by_number)
{
	check_refused("/x a\n\n/y\n", -EINVAL, "fc: line 3: expected \"REGEX [TYPE]");
	check_refused("/x -- a b\n", -EINVAL, "fc: line 1: expected \"REGEX [TYPE]");
	check_refused("/x -x a\n", -EINVAL, "type: expected one of");
	check_refused("/x ---- a\n", -EINVAL, "type: expected one of");
	check_refused("/x( a\n", -EINVAL, "fc: line 1: regular expression: missing");
	check_refused("/x a\xc2\xa0\n", -EINVAL, "context: expected ASCII");
}

/* --- The prefix ---------------------------------------------------------------------- */

static void check_prefix(const char *regex, const char *expected)
{
	char text[64] = "";

	text[cfs_selinux_literal_prefix(cfs_text(regex), text)] = 0;
	t_str(text, expected);
}

T(prefix_is_what_each_match_begins_with)
{
	check_prefix("/usr/bin(/.*)?", "/usr/bin");
	check_prefix("/usr/lib(64)?/x", "/usr/lib");
	check_prefix("/usr/lib6?4", "/usr/lib");
	check_prefix("/usr/lib6*4", "/usr/lib");
	check_prefix("/usr/lib6{0,2}4", "/usr/lib");
	check_prefix("/usr/lib6+4", "/usr/lib6");
	check_prefix("/a\\.b\\+?c", "/a.b");
	check_prefix("/a(b|c)|/d", "");
	check_prefix("/a(b|c)", "/a");
	check_prefix("/a[|]", "/a");
	check_prefix("/a[]|]", "/a");
	check_prefix("/a\\|b", "/a|b");
	check_prefix("/a\\d", "/a");
	check_prefix("", "");
}

/* In doubt there is none: what looks like a group or a class may hide the alternative. */
T(prefix_is_empty_in_doubt)
{
	check_prefix("/a(?#[)|/b(?#])", "");
	check_prefix("/a(*MARK:[)|/b[]]", "");
	check_prefix("/a\\Q(\\E|/b\\Q)\\E", "");
	check_prefix("/a[\\Q]\\E]|/b", "");
	check_prefix("/a)|(/b", "");
	check_prefix("/a[[:alpha:]]", "");
	check_prefix("/a(?<n>b)", "");
	check_prefix("/a\\c(|/b", "");
	check_prefix("/a(", "");
	check_prefix("/a[", "");
	check_prefix("/a\\", "");
	check_label("/a(?#[)|/b(?#]) x\n", "/b-", "x");
	check_label("/a)|(/b -- x\n", "/a-", "x");
	check_label("/a)|(/b -- x\n", "/ad",
		    "x"); /* the type belongs to the other half */
}

T(candidates_of_a_directory_have_all_that_match_below)
{
	struct cfs_selinux_policy *p =
		make_policy("/.* d\n/usr/lib x\n/usr/libexec/a e\n/usr/bin/b b\n");
	struct cfs_selinux_candidates usr = {0}, lib = {0};
	struct cfs_text label;

	t_eq(cfs_selinux_narrow(p, NULL, CFS_TEXT("/usr/"), &usr, &err), 0);
	t_eq(usr.n, 4);
	t_eq(cfs_selinux_narrow(p, &usr, CFS_TEXT("/usr/bin/"), &lib, &err), 0);
	t_eq(lib.n, 2);
	t_eq(cfs_selinux_find(p, &lib, CFS_TEXT("/usr/bin/b-"), &label, &err), 0);
	t_ok(cfs_text_eq(label, CFS_TEXT("b")));
	free(usr.v);
	free(lib.v);
	cfs_selinux_policy_free(p);
}

/* --- Limits -------------------------------------------------------------------------- */

T(expression_that_takes_too_long_is_refused_by_line)
{
	struct cfs_selinux_policy *p = make_policy("/.* d\n/(a+)+$ x\n");
	struct cfs_text label;

	t_eq(cfs_selinux_find(
		     p, NULL,
		     CFS_TEXT("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab-"),
		     &label, &err),
	     -E2BIG);
	t_has(err.msg, "fc: line 2: the regular expression takes too long for /aaaa");
	cfs_selinux_policy_free(p);
}

static void check_repeated(const char *line, size_t n, int rc, const char *message)
{
	size_t len = strlen(line);
	char *text = malloc(n * len);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, line, len);
	t_eq(add_text(text, n * len), rc);
	if (rc < 0)
		t_has(err.msg, message);
	free(text);
}

T(policy_is_limited_in_lines_and_memory)
{
	check_repeated("/a x\n", CFS_SELINUX_LINES_MAX + 1, -EFBIG,
		       "fc: line 65537: expected at most 65536 specifications");
	check_repeated("/(abcdefghijklmnopqrst){1000} x\n", 20000, -EFBIG,
		       "expected compiled regular expressions of at most");
}

T(nesting_of_an_expression_is_limited)
{
	enum { DEPTH = 120 };
	char text[2 * DEPTH + 8];

	memset(text, '(', DEPTH);
	memset(text + DEPTH, ')', DEPTH);
	strcpy(text + 2 * DEPTH, " x\n");
	check_refused(
		text, -EINVAL,
		"fc: line 1: regular expression: parentheses are too deeply nested");
}

T(line_is_limited)
{
	char *text = malloc(CFS_SELINUX_LINE_MAX + 8);

	memset(text, 'a', CFS_SELINUX_LINE_MAX + 8);
	text[CFS_SELINUX_LINE_MAX - 2] = ' ';
	t_eq(add_text(text, CFS_SELINUX_LINE_MAX), 0);
	t_eq(add_text(text, CFS_SELINUX_LINE_MAX + 1), -EINVAL);
	t_has(err.msg, "fc: line 1: expected at most 8192 bytes, got 8193");
	free(text);
}

T(aliases_are_limited_and_later_ones_win)
{
	struct cfs_selinux_policy *p = make_policy("");
	char line[32];
	int rc = 0;

	t_eq(cfs_selinux_policy_add_aliases(p, "s", CFS_TEXT("/x /a\n/x /b\n"), &err), 0);
	t_ok(cfs_text_eq(cfs_selinux_policy_find_original(p, CFS_TEXT("/x")),
			 CFS_TEXT("/b")));
	t_eq(cfs_selinux_policy_add_aliases(p, "s", CFS_TEXT("\n/x\n"), &err), -EINVAL);
	t_has(err.msg, "s: line 2: expected \"PATH ORIGINAL\", got 1 field");
	for (int i = 0; rc == 0 && i < CFS_SELINUX_ALIASES_MAX; i++) {
		snprintf(line, sizeof(line), "/%d /y\n", i);
		rc = cfs_selinux_policy_add_aliases(p, "s", cfs_text(line), &err);
	}
	t_eq(rc, -EFBIG);
	cfs_selinux_policy_free(p);
}

/* --- A tree -------------------------------------------------------------------------- */

#define DIR(path)		  path " 0 40755 1 0 0 0 0.0 - - -\n"
#define FILE_(path, len, content) path " " #len " 100644 1 0 0 0 0.0 - " content " -\n"
#define CONFIG			  FILE_("/etc/selinux/config", 14, "SELINUXTYPE=p\\n")
#define FILES                                                                            \
	DIR("/etc/selinux/p")                                                            \
	DIR("/etc/selinux/p/contexts") DIR("/etc/selinux/p/contexts/files")
#define FC  "/etc/selinux/p/contexts/files/file_contexts"
#define TOP DIR("/") DIR("/etc") DIR("/etc/selinux")

static int read_nothing(const void *ctx, const struct cfs_tree *tree, cfs_id file,
			size_t max, struct cfs_mem *out, struct cfs_err *e)
{
	(void)ctx;
	(void)tree;
	(void)file;
	(void)max;
	(void)out;
	return cfs_fail(e, EIO, "unreadable");
}

static const struct cfs_selinux_reader reader = {read_nothing, NULL};

static struct cfs_tree *read_tree(const char *dump)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL;

	if (cfs_dump_read_mem(cfs_text(dump), CFS_SHA256, &opts, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return t;
}

/* path NULL: the tree must have no labels. */
static void check_tree(const char *dump, const char *path, const char *expected)
{
	struct cfs_tree *t = read_tree(dump);
	struct cfs_selinux_labels labels;
	char text[64] = "";
	cfs_id id;

	if (cfs_selinux_label(t, &reader, NULL, &labels, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(labels.of != NULL, path != NULL);
	if (path) {
		t_eq(cfs_selinux_find_path(t, path, &id, &err), 1);
		memcpy(text, labels.of[id].len ? labels.of[id].s : "", labels.of[id].len);
		t_str(text, expected);
	}
	cfs_selinux_labels_fini(&labels);
	cfs_tree_free(t);
}

static void check_tree_refused(const char *dump, int rc, const char *message)
{
	struct cfs_tree *t = read_tree(dump);
	struct cfs_selinux_labels labels;

	t_eq(cfs_selinux_label(t, &reader, NULL, &labels, &err), rc);
	t_has(err.msg, message);
	cfs_selinux_labels_fini(&labels);
	cfs_tree_free(t);
}

T(config_names_the_policy_or_there_is_none)
{
#define WITH(len, content)                                                               \
	TOP FILE_("/etc/selinux/config", len, content)                                   \
	FILES FILE_(FC, 6, "/.*\\x20d\\n")
	check_tree(WITH(14, "SELINUXTYPE=p\\n"), "/", "d");
	check_tree(WITH(48, "#SELINUXTYPE=q\\n\\x20selinuxtype\\x20="
			    "\\x20\\tp\\x20\\r\\nselinuxtype=q"),
		   "/etc", "d");
	check_tree(WITH(10, "SELINUX=1\\n"), NULL, NULL);
	check_tree(WITH(12, "SELINUXTYPE\\n"), NULL, NULL);
	check_tree(TOP, NULL, NULL);
	check_tree_refused(WITH(13, "SELINUXTYPE=\\n"), -EINVAL,
			   "/etc/selinux/config: SELINUXTYPE: expected the name");
	check_tree_refused(WITH(14, "SELINUXTYPE=q\\n"), -ENOENT,
			   "/etc/selinux/q/contexts/files/file_contexts: no such file");
	check_tree_refused(TOP DIR("/etc/selinux/config"), -EISDIR,
			   "/etc/selinux/config: expected a regular file");
#undef WITH
}

T(homedirs_come_after_local_lines)
{
	check_tree(TOP CONFIG FILES FILE_(FC, 6, "/.*\\x20d\\n")
			   FILE_(FC ".homedirs", 7, "/etc\\x20h\\n")
				   FILE_(FC ".local", 7, "/etc\\x20l\\n"),
		   "/etc", "h");
}

T(aliases_apply_to_the_path_as_parents_have_changed_it)
{
#define ALIASED(path, label)                                                             \
	check_tree(TOP CONFIG FILES FILE_(                                               \
			   FC, 32, "/real/.*\\x20real\\n/chain\\x20chain\\n/o\\x20o\\n") \
			   FILE_(FC ".subs", 31,                                         \
				 "/o\\x20/real\\n/real/y\\x20/chain\\n/t/\\x20/q\\n")    \
				   DIR("/o") DIR("/o/x") DIR("/o/x/z") DIR("/o/y"),      \
		   path, label)
	ALIASED("/o", "");
	ALIASED("/o/x", "real");
	ALIASED("/o/x/z", "real");
	ALIASED("/o/y", "chain");
#undef ALIASED
}

T(alias_in_a_directory_leads_to_lines_that_match_nothing_else_in_it)
{
#define ALIASED(path, label)                                                             \
	check_tree(                                                                      \
		TOP CONFIG FILES FILE_(FC, 24, "/real/.*\\x20real\\n/real\\x20top\\n")   \
			FILE_(FC ".subs", 11, "/o/p\\x20/real\\n") DIR("/o") DIR("/o/p") \
				DIR("/o/p/x") DIR("/o/q"),                               \
		path, label)
	ALIASED("/o/p", "top");
	ALIASED("/o/p/x", "real");
	ALIASED("/o/q", "");
#undef ALIASED
}

T(policy_is_found_through_symlinks_of_the_tree)
{
	check_tree(
		DIR("/") DIR(
			"/etc") "/etc/selinux 13 120777 1 0 0 0 0.0 ../usr/se/./y - "
				"-\n" DIR("/usr") DIR("/usr/se") DIR(
					"/usr/se/y") "/usr/se/y/config 4 120777 "
						     "1 0 0 0 0.0 /cfg - "
						     "-\n" DIR("/usr/se/y/p") DIR(
							     "/usr/se/y/p/"
							     "contexts")
							     DIR("/usr/se/y/p/"
								 "contexts/"
								 "files")
								     FILE_("/usr/se/y/"
									   "p/"
									   "contexts/"
									   "files/"
									   "file_"
									   "contexts",
									   6,
									   "/.*"
									   "\\x20d\\n")
									     FILE_("/cf"
										   "g",
										   14,
										   "SELI"
										   "NUXT"
										   "YPE="
										   "p\\"
										   "n"),
		"/usr", "d");
	check_tree(DIR("/") "/etc 7 120777 1 0 0 0 0.0 nothing - -\n", NULL, NULL);
	check_tree_refused(
		DIR("/") DIR("/etc") "/etc/selinux 7 120777 1 0 0 0 0.0 selinux - -\n",
		-ELOOP, "/etc/selinux/config: too many symlinks");
}

T(contents_outside_the_tree_are_read_up_to_a_limit)
{
#define DIG "1111111111111111111111111111111111111111111111111111111111111111"
	check_tree_refused(TOP CONFIG FILES FC " 100 100644 1 0 0 0 0.0 x/y - " DIG "\n",
			   -EIO, FC ": unreadable");
	check_tree_refused(TOP CONFIG FILES FC " 16777217 100644 1 0 0 0 0.0 x/y - " DIG
					       "\n",
			   -EFBIG, FC ": expected at most 16777216 bytes, got 16777217");
#undef DIG
}

/* "/x" leads to a long path, whose "x" leads back to it: each level is an alias again, and
 * the path of its parent is still needed. */
T(depth_of_aliases_is_limited)
{
	enum { N = 1200, LONG = 1000 };
	size_t len, cap = (size_t)N * (2 * N + 64) + 16384;
	char *dump = malloc(cap), *path = calloc(1, 2 * N + 8), to[LONG + 1] = "/";

	memset(to + 1, 'o', LONG - 1);
	to[LONG] = 0;
	len = (size_t)snprintf(dump, cap,
			       TOP CONFIG FILES FILE_(FC, 6, "/.*\\x20d\\n") FC
			       ".subs 3008 100644 1 0 0 0 0.0 - "
			       "/x\\x20%s\\n%s/x\\x20%s\\n -\n",
			       to, to, to);
	for (size_t i = 0; i < N; i++) {
		strcpy(path + 2 * i, "/x");
		len += (size_t)snprintf(dump + len, cap - len, DIR("%s"), path);
	}
	check_tree_refused(dump, -ENAMETOOLONG, "path too long for SELinux labels");
	free(dump);
	free(path);
}
