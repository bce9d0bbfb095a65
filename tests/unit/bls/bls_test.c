/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bls: lines of boot entries, and names of entries with counters. */
#include "t.h"
#include "bls/bls.h"

#define ENTRY                                                                            \
	"# a comment\n"                                                                  \
	"title   Debian GNU/Linux 13\n"                                                  \
	"\n"                                                                             \
	"\tversion 6.12\r\n"                                                             \
	"options root=LABEL=x  rw \n"                                                    \
	"options\n"                                                                      \
	"options composefs=abc"

static void check_value(const char *key, const char *expected)
{
	struct cfs_text value = {NULL, 0};

	t_ok(cfs_bls_find(CFS_TEXT(ENTRY), cfs_text(key), &value));
	t_eq(value.len, strlen(expected));
	t_eq(memcmp(value.s, expected, value.len), 0);
}

T(entry_gives_values_without_blanks_and_comments)
{
	struct cfs_text value;

	check_value("title", "Debian GNU/Linux 13");
	check_value("version", "6.12");
	check_value("options", "root=LABEL=x  rw");
	t_ok(!cfs_bls_find(CFS_TEXT(ENTRY), CFS_TEXT("#"), &value));
	t_ok(!cfs_bls_find(CFS_TEXT(ENTRY), CFS_TEXT("tit"), &value));
	t_ok(!cfs_bls_find(CFS_TEXT(ENTRY), CFS_TEXT(""), &value));
}

T(options_of_all_lines_are_joined)
{
	struct cfs_mem mem = {0};
	struct cfs_err err;

	t_eq(cfs_bls_write_options(CFS_TEXT(ENTRY), cfs_sink_mem(&mem), &err), 0);
	t_ok(cfs_text_eq(cfs_mem_text(&mem), CFS_TEXT("root=LABEL=x  rw composefs=abc")));
	free(mem.p);
}

static void check_name(const char *name, const char *id, int left, int done)
{
	struct cfs_bls_name n;

	t_ok(cfs_bls_parse_name(cfs_text(name), CFS_TEXT(".conf"), &n));
	t_ok(cfs_text_eq(n.id, cfs_text(id)));
	t_eq(n.is_counted, left >= 0);
	t_eq(n.tries_left, (unsigned)(left < 0 ? 0 : left));
	t_eq(n.tries_done, (unsigned)done);
}

T(name_gives_id_and_counter)
{
	struct cfs_bls_name n;

	check_name("os.conf", "os", -1, 0);
	check_name("os+3.conf", "os", 3, 0);
	check_name("os+2-1.conf", "os", 2, 1);
	check_name("os+0-3.conf", "os", 0, 3);
	check_name("a+1+2-1.conf", "a+1", 2, 1);
	check_name("os+x.conf", "os+x", -1, 0);
	check_name("os+2-.conf", "os+2-", -1, 0);
	check_name("os+2-1x.conf", "os+2-1x", -1, 0);
	check_name("os+.conf", "os+", -1, 0);
	check_name("os+1234567890.conf", "os+1234567890", -1, 0);
	check_name("+3.conf", "+3", -1, 0);
	t_ok(!cfs_bls_parse_name(CFS_TEXT(".conf"), CFS_TEXT(".conf"), &n));
	t_ok(!cfs_bls_parse_name(CFS_TEXT("os.efi"), CFS_TEXT(".conf"), &n));
	t_ok(!cfs_bls_parse_name(CFS_TEXT(""), CFS_TEXT(".conf"), &n));
}

/* Each is older than the next one. */
T(versions_have_the_order_of_uapi_10)
{
	static const char *const older[] = {
		"~1",	  "",	    "0~rc1",  "0",     "1",	 "1.0",
		"1.0.1",  "1.2",    "1.10",   "9.0-x", "10.0-a", "10.1~rc",
		"10.1-1", "10.1^1", "10.1.1", "11",    "123.a",	 "123.b"};
	const size_t n = sizeof(older) / sizeof(older[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int c = cfs_bls_compare_versions(cfs_text(older[i]),
							 cfs_text(older[k]));

			t_eq(c < 0, i < k);
			t_eq(c > 0, i > k);
		}
	t_eq(cfs_bls_compare_versions(CFS_TEXT("001"), CFS_TEXT("1")), 0);
	t_eq(cfs_bls_compare_versions(CFS_TEXT("1_"), CFS_TEXT("1")), 0);
	t_eq(cfs_bls_compare_versions(CFS_TEXT("1--1"), CFS_TEXT("1--1")), 0);
	t_eq(cfs_bls_compare_versions(CFS_TEXT("1\0002"), CFS_TEXT("1.2")) > 0, true);
}
