/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The JSON writer. */
#include "t.h"

#include "cli/json.h"

T(json_separates_and_nests)
{
	char *text;
	size_t len;
	struct json j = {.to = open_memstream(&text, &len)};

	t_ok(j.to);
	json_begin_object(&j, NULL);
	json_put_string(&j, "name", "a\"b\\\033\xff");
	json_put_uint(&j, "max", UINT64_MAX);
	json_put_int(&j, "min", INT64_MIN);
	json_begin_array(&j, "list");
	json_put_string(&j, NULL, "x");
	json_put_null(&j, NULL);
	json_end(&j);
	json_begin_array(&j, "empty");
	json_end(&j);
	json_begin_array(&j, "objects");
	json_begin_object(&j, NULL);
	json_put_bool(&j, "yes", true);
	json_end(&j);
	json_begin_object(&j, NULL);
	json_end(&j);
	json_end(&j);
	json_put_bool(&j, "no", false);
	json_finish(&j);
	t_eq(fclose(j.to), 0);
	t_str(text, "{\"name\":\"a\\\"b\\\\\\u001b\\ufffd\",\"max\":18446744073709551615,"
		    "\"min\":-9223372036854775808,\"list\":[\"x\",null],\"empty\":[],"
		    "\"objects\":[\n  {\"yes\":true},\n  {}],\"no\":false}\n");
	free(text);
}

T(json_puts_strings_as_an_array)
{
	static const char *const v[] = {"a", "\"", NULL};
	char *text;
	size_t len;
	struct json j = {.to = open_memstream(&text, &len)};

	t_ok(j.to);
	json_begin_object(&j, NULL);
	json_put_strings(&j, "none", v, 0);
	json_put_strings(&j, "some", v, 3);
	json_finish(&j);
	t_eq(fclose(j.to), 0);
	t_str(text, "{\"none\":[],\"some\":[\"a\",\"\\\"\",null]}\n");
	free(text);
}

T(json_finish_ends_everything_after_a_failure)
{
	char *text;
	size_t len;
	struct json j = {.to = open_memstream(&text, &len)};

	t_ok(j.to);
	json_begin_array(&j, NULL);
	json_begin_object(&j, NULL);
	json_begin_array(&j, "a");
	json_finish(&j);
	t_eq(fclose(j.to), 0);
	t_str(text, "[\n {\"a\":[]}]\n");
	free(text);
}

T(json_writes_null_for_what_is_nested_too_deeply_and_stays_valid)
{
	char *text, expected[128] = "";
	size_t len;
	struct json j = {.to = open_memstream(&text, &len)};

	t_ok(j.to);
	for (int i = 0; i < JSON_DEPTH_MAX + 3; i++)
		json_begin_object(&j, "k");
	json_put_uint(&j, "lost", 1);
	json_begin_array(&j, "lost");
	for (int i = 0; i < 4; i++)
		json_end(&j);
	json_put_uint(&j, "kept", 2);
	json_finish(&j);
	t_eq(fclose(j.to), 0);
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strcat(expected, "\"k\":{");
	strcat(expected, "\"k\":null,\"kept\":2");
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		strcat(expected, "}");
	strcat(expected, "\n");
	t_str(text, expected);
	free(text);
}
