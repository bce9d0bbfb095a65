/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* TOML as a list of items. */
#include "toml/toml.h"
#include "t.h"

static struct cfs_err err;
static char items[1024];

/* Appends the item: "table|key=value;". */
static int add_item(void *ctx, const struct cfs_toml_item *item, struct cfs_err *e)
{
	static const char *const kinds[] = {
		[CFS_TOML_TABLE] = "[]",	 [CFS_TOML_TABLES] = "[[]]",
		[CFS_TOML_STRING] = "s",	 [CFS_TOML_BOOL] = "b",
		[CFS_TOML_OTHER] = "?",		 [CFS_TOML_INLINE] = "{}",
		[CFS_TOML_ARRAY] = "[",		 [CFS_TOML_ELEMENT] = "e",
		[CFS_TOML_OTHER_ELEMENT] = "?e",
	};
	bool is_text = item->kind == CFS_TOML_STRING || item->kind == CFS_TOML_ELEMENT;
	size_t n = strlen(items);

	(void)ctx;
	snprintf(items + n, sizeof(items) - n, "%.*s|%.*s=%s%.*s%s;",
		 (int)item->table.len, item->table.s, (int)item->key.len,
		 item->key.len ? item->key.s : "", kinds[item->kind],
		 is_text ? (int)item->text.len : 0, is_text ? item->text.s : "",
		 item->kind != CFS_TOML_BOOL ? ""
		 : item->value		     ? "true"
					     : "false");
	return cfs_text_eq(item->key, CFS_TEXT("bad")) ? cfs_fail(e, EDOM, "a bad key")
						       : 0;
}

static int parse(const char *text)
{
	items[0] = '\0';
	return cfs_toml_parse(cfs_text(text), add_item, NULL, &err);
}

static void has_items(const char *text, const char *expected)
{
	t_eq(parse(text), 0);
	t_str(items, expected);
}

static void refused(const char *text, const char *part)
{
	t_eq(parse(text), -EINVAL);
	t_has(err.msg, part);
}

T(toml_tables_and_values_are_passed_on)
{
	has_items("# c\r\na = \"x\" # c\n[t.u]\n\tb=true\nc-1_ = 'y'\n[[v]]\n\"k k\" = "
		  "false",
		  "|a=sx;t.u|=[];t.u|b=btrue;t.u|c-1_=sy;v|=[[]];v|k k=bfalse;");
	has_items(" \n# nothing\n\n", "");
}

T(toml_numbers_and_dates_are_read_over)
{
	has_items("a = 12_3\nb = -4\nc = 1.5e+3\nd = 0xff\ne = +inf\nf = "
		  "1979-05-27T07:32:00Z\ng = nan",
		  "|a=?;|b=?;|c=?;|d=?;|e=?;|f=?;|g=?;");
}

T(toml_arrays_pass_their_strings_on)
{
	has_items("a = [\"x\", 'y', # c\n  ]\nb = []", "|a=[;|a=ex;|a=ey;|b=[;");
	has_items("a = [1, true, ['in'], {k = 'in'}, 'x']",
		  "|a=[;|a=?e;|a=?e;|a=?e;|a={};|a=ex;");
}

T(toml_inline_tables_are_one_item)
{
	has_items("a = {}\nb = { k = \"v\", l = [1, 'z'], m = {n = 1} }\nc = 'x'",
		  "|a={};|b={};|c=sx;");
}

T(toml_escapes_are_replaced)
{
	has_items("a = \"q\\\"b\\\\t\\t\\u00e9\\u20AC\\U0001F600\"\nb = '\\n'",
		  "|a=sq\"b\\t\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;|b=s\\n;");
	refused("a = \"\\x41\"", "wrong escape");
	refused("a = \"\\u00\"", "wrong escape");
	refused("a = \"\\u00zz\"", "wrong escape");
	refused("a = \"\\u0000\"", "wrong escape");
	refused("a = \"\\ud800\"", "wrong escape");
	refused("a = \"\\U00110000\"", "wrong escape");
	refused("\"a\\tb\" = 1", "escapes in keys");
}

T(toml_that_is_malformed_is_refused_with_its_line)
{
	refused("\n\nx", "line 3: expected \"=\"");
	refused("x = \"a", "without its end");
	refused("x = \"a\\", "without its end");
	refused("x = \"a\\\"", "without its end");
	refused("x = \"a\n\"", "control character");
	refused("x = \"a\\\n\"", "control character");
	refused("x = \"\"\"a\"\"\"", "several lines");
	refused("x = [\"a\" \"b\"]", "expected \",\" or \"]\"");
	refused("x = [\"a\"", "expected \",\" or \"]\"");
	refused("x = {a = 1 b = 2}", "expected \",\" or \"}\"");
	refused("x = {a = 1", "expected \",\" or \"}\"");
	refused("x = {a = 1,}", "expected a key");
	refused("a.b = 1", "dotted keys");
	refused("x = yes", "expected a string");
	refused("x =", "expected a value");
	refused("x = 1 y = 2", "expected the end of the line");
	refused("[a", "expected \"]\"");
	refused("[[a]", "expected \"]]\"");
	refused("[]", "expected the name");
	refused("[\"a\"]", "expected the name");
	refused("= 1", "expected a key");
}

T(toml_texts_have_no_nul_bytes)
{
	static const char text[] = "x = \"a\0b\"";

	items[0] = '\0';
	t_eq(cfs_toml_parse((struct cfs_text){text, sizeof(text) - 1}, add_item, NULL,
			    &err),
	     -EINVAL);
	t_has(err.msg, "control character");
}

T(toml_values_have_few_levels)
{
	has_items("x = [[[[[[[[]]]]]]]]", "|x=[;|x=?e;");
	refused("x = [[[[[[[[[]]]]]]]]]", "at most 8 levels");
	refused("x = {a={a={a={a={a={a={a={a={}}}}}}}}}", "at most 8 levels");
}

T(toml_errors_of_the_callback_name_the_line)
{
	t_eq(parse("a = 1\nbad = ['x']\n"), -EDOM);
	t_str(err.msg, "line 2: a bad key");
	t_eq(parse("\nbad = {}\n"), -EDOM);
	t_str(err.msg, "line 2: a bad key");
}
