/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: a statement has one text; other images, another order, another name and an older version are each
 * refused with a code of their own. */
#include "t.h"

#include <unistd.h>

#include "sig/sig.h"
#include "tmpdir.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define A     "sha256:" HEX64
#define B     "sha512:" HEX64 HEX64
#define C     "sha256:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD  "composefs-statement 1\n"
#define GOOD  HEAD "name os/stable\nversion 42\nimage " A "\nimage " B "\n"

static struct cfs_sig_statement parsed(const char *text)
{
	struct cfs_sig_statement s;

	t_eq(cfs_sig_statement_parse(cfs_text(text), &s, NULL), 0);
	return s;
}

T(statement_is_parsed_and_formatted_to_the_same_text)
{
	struct cfs_sig_statement s = parsed(GOOD);
	struct cfs_mem again = {0};

	t_ok(cfs_text_eq(s.name, CFS_TEXT("os/stable")));
	t_eq(s.version, 42);
	t_eq(s.n_images, 2);
	t_ok(cfs_text_eq(s.images[1], CFS_TEXT(B)));
	t_eq(cfs_sig_statement_format(&s, &again, NULL), 0);
	t_eq(again.len, strlen(GOOD));
	t_mem(again.p, GOOD, again.len);
	free(again.p);
}

static const struct {
	const char *text, *message;
} bad_statements[] = {
	{"", "expected a line \"composefs-statement 1"},
	{"composefs-statement 1", "expected a line"},
	{"composefs-statement 11\nname a\nversion 1\nimage " A "\n", "another version"},
	{HEAD "version 1\nname a\nimage " A "\n", "expected a line \"name ...\""},
	{HEAD "name \nversion 1\nimage " A "\n", "expected 1 to 255 visible"},
	{HEAD "name a b\nversion 1\nimage " A "\n", "got \"a b\""},
	{HEAD "name a\x7f\nversion 1\nimage " A "\n", "expected 1 to 255 visible"},
	{HEAD "name a\nversion \nimage " A "\n", "decimal number"},
	{HEAD "name a\nversion 01\nimage " A "\n", "decimal number"},
	{HEAD "name a\nversion +1\nimage " A "\n", "decimal number"},
	{HEAD "name a\nversion 18446744073709551616\nimage " A "\n", "decimal number"},
	{HEAD "name a\nversion 1\n", "expected an image, got none"},
	{HEAD "name a\nversion 1\nimage " A, "expected a line \"image"},
	{HEAD "name a\nversion 1\nimage " A "\n\n", "expected a line \"image"},
	{HEAD "name a\nversion 1\nimage " A "\nx", "expected a line \"image"},
	{HEAD "name a\nversion 1\nimage " A "\r\n", "lowercase hex"},
	{HEAD "name a\nversion 1\nimage " HEX64 "\n", "lowercase hex"},
	{HEAD "name a\nversion 1\nimage sha512:" HEX64 "\n", "lowercase hex"},
	{HEAD "name a\nversion 1\nimage sha256:A" HEX64 "\n", "lowercase hex"},
};

T(statement_with_anything_else_in_it_is_refused)
{
	struct cfs_sig_statement s;
	struct cfs_err err;

	for (size_t i = 0; i < LEN(bad_statements); i++) {
		t_eq(cfs_sig_statement_parse(cfs_text(bad_statements[i].text), &s, &err),
		     -EINVAL);
		t_has(err.msg, bad_statements[i].message);
	}
	t_eq(cfs_sig_statement_parse(
		     CFS_TEXT(HEAD "name a\nversion 18446744073709551615\nimage " A "\n"),
		     &s, NULL),
	     0);
	t_ok(s.version == UINT64_MAX);
}

T(statement_with_uppercase_digits_is_refused)
{
	char text[] = HEAD "name a\nversion 1\nimage " A "\n";
	struct cfs_sig_statement s;

	t_eq(cfs_sig_statement_parse(cfs_text(text), &s, NULL), 0);
	*strstr(text, "aabb") = 'A';
	t_eq(cfs_sig_statement_parse(cfs_text(text), &s, NULL), -EINVAL);
}

T(statement_that_could_not_be_read_is_not_written)
{
	struct cfs_sig_statement s = {.name = CFS_TEXT("a\nversion 7"),
				      .version = 1,
				      .images = {CFS_TEXT(A)},
				      .n_images = 1};
	struct cfs_mem text = {0};

	t_eq(cfs_sig_statement_format(&s, &text, NULL), -EINVAL);
	free(text.p);
}

T(statement_takes_as_many_images_as_fit_and_no_more)
{
	struct cfs_mem text = {0};
	struct cfs_sink sink = cfs_sink_mem(&text);
	struct cfs_sig_statement s;

	t_eq(sink.write(sink.ctx, HEAD "name a\nversion 1\n", 39, NULL), 0);
	for (size_t i = 0; i <= CFS_SIG_IMAGES_MAX; i++) {
		struct cfs_text t = {(char *)text.p, text.len};

		t_eq(cfs_sig_statement_parse(t, &s, NULL), i ? 0 : -EINVAL);
		t_eq(sink.write(sink.ctx, "image " A "\n", 78, NULL), 0);
	}
	t_eq(cfs_sig_statement_parse((struct cfs_text){(char *)text.p, text.len}, &s,
				     NULL),
	     -EINVAL);
	free(text.p);
}

T(other_images_and_another_order_are_distinguished)
{
	const struct cfs_sig_statement s = parsed(GOOD);
	const struct cfs_text a = CFS_TEXT(A), b = CFS_TEXT(B), c = CFS_TEXT(C);
	struct cfs_err err;

	t_eq(cfs_sig_statement_check_images(&s, (struct cfs_text[]){a, b}, 2, NULL), 0);
	t_eq(cfs_sig_statement_check_images(&s, (struct cfs_text[]){b, a}, 2, &err),
	     -EPROTO);
	t_has(err.msg, "image 1: expected sha512:");
	t_has(err.msg, "another order");
	t_eq(cfs_sig_statement_check_images(&s, (struct cfs_text[]){a, c}, 2, &err),
	     -EILSEQ);
	t_has(err.msg, "not about image sha256:ff11");
	t_eq(cfs_sig_statement_check_images(&s, (struct cfs_text[]){a, a}, 2, NULL),
	     -EILSEQ);
	t_eq(cfs_sig_statement_check_images(&s, &a, 1, &err), -EILSEQ);
	t_str(err.msg, "expected a statement about 1 image, got one about 2");
	t_eq(cfs_sig_statement_check_images(&s, (struct cfs_text[]){a, b, c}, 3, NULL),
	     -EILSEQ);
}

T(statement_about_another_name_is_refused)
{
	const struct cfs_sig_statement s = parsed(GOOD);
	struct cfs_err err;

	t_eq(cfs_sig_statement_check_name(&s, CFS_TEXT("os/stable"), NULL), 0);
	t_eq(cfs_sig_statement_check_name(&s, CFS_TEXT("os/stabl"), &err), -ENXIO);
	t_str(err.msg, "expected a statement about os/stabl, got one about os/stable");
}

/* --- floors ---------------------------------------------------------------------------- */

static void expect_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "r");
	char buf[512] = "";

	t_ok(f);
	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	fclose(f);
	t_str(buf, text);
}

T(version_below_the_floor_is_refused_and_the_floor_stays)
{
	struct cfs_sig_statement s = parsed(GOOD);
	struct cfs_err err;
	const char *path;

	tmp_fresh();
	path = tmp_in("floors");
	t_eq(cfs_sig_floor_check(path, &s, &err), -ENOENT);
	t_eq(cfs_sig_floor_raise(path, &s, NULL, NULL), 0);
	expect_file(path, "42 os/stable\n");
	t_eq(cfs_sig_floor_check(path, &s, NULL), 0);
	s.version = 41;
	t_eq(cfs_sig_floor_check(path, &s, &err), -ESTALE);
	t_has(err.msg, "os/stable: rolled back: expected version 42 or newer, got 41");
	t_eq(cfs_sig_floor_raise(path, &s, NULL, NULL), -ESTALE);
	expect_file(path, "42 os/stable\n");
	s.version = 43;
	t_eq(cfs_sig_floor_raise(path, &s, NULL, NULL), 0);
	expect_file(path, "43 os/stable\n");
}

T(each_name_has_a_floor_of_its_own)
{
	struct cfs_sig_statement s = parsed(GOOD);
	const char *path;

	tmp_fresh();
	path = tmp_in("floors");
	tmp_text("floors", "7 os/stable\n99 os\n100 os/stable2\n");
	t_eq(cfs_sig_floor_check(path, &s, NULL), 0);
	t_eq(cfs_sig_floor_raise(path, &s, NULL, NULL), 0);
	expect_file(path, "99 os\n100 os/stable2\n42 os/stable\n");
	s.name = CFS_TEXT("os");
	t_eq(cfs_sig_floor_check(path, &s, NULL), -ESTALE);
	s.name = CFS_TEXT("new");
	t_eq(cfs_sig_floor_check(path, &s, NULL), 0);
}

T(damaged_floors_are_an_error)
{
	static const char *const bad[] = {"7 os/stable",   "\n",
					  " os/stable\n",  "7 \n",
					  "7\n",	   "-7 os/stable\n",
					  "7 os stable\n", "1 a\n07 os/stable\n"};
	struct cfs_sig_statement s = parsed(GOOD);
	struct cfs_err err;

	tmp_fresh();
	for (size_t i = 0; i < LEN(bad); i++) {
		tmp_text("floors", bad[i]);
		t_eq(cfs_sig_floor_check(tmp_in("floors"), &s, &err), -EINVAL);
		t_has(err.msg, "floors: expected lines \"VERSION NAME\"");
		t_eq(cfs_sig_floor_raise(tmp_in("floors"), &s, NULL, NULL), -EINVAL);
		expect_file(tmp_in("floors"), bad[i]);
	}
}
