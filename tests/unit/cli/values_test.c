/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Values of options, and the names that mistyped words probably mean. */
#include <limits.h>
#include <unistd.h>

#include "t.h"

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/suggest.h"
#include "cli/values.h"

T(sizes_have_units_of_1024)
{
	long long n;

	t_ok(cli_parse_size("0", &n));
	t_eq(n, 0);
	t_ok(cli_parse_size("512", &n));
	t_eq(n, 512);
	t_ok(cli_parse_size("10M", &n));
	t_eq(n, 10 << 20);
	t_ok(cli_parse_size("1GiB", &n));
	t_eq(n, 1 << 30);
	t_ok(cli_parse_size("3kb", &n));
	t_eq(n, 3 << 10);
}

T(sizes_refuse_signs_blanks_units_and_overflow)
{
	static const char *const bad[] = {"",
					  "M",
					  "-1",
					  "+1",
					  " 1",
					  "1 M",
					  "1X",
					  "1.5M",
					  "1s",
					  "M1",
					  "0x10",
					  "9223372036854775807K",
					  "99999999999999999999"};
	long long n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cli_parse_size(bad[i], &n))
			t_fail(__FILE__, __LINE__,
			       "size \"%s\": expected refusal, got %lld", bad[i], n);
}

T(times_have_units)
{
	static const struct {
		const char *text;
		long long seconds;
	} good[] = {{"0", 0},	   {"90", 90},	 {"90s", 90},	   {"5m", 300},
		    {"5min", 300}, {"1h", 3600}, {"30d", 2592000}, {"2w", 1209600}};
	long long n;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t_ok(cli_parse_time(good[i].text, &n));
		t_eq(n, good[i].seconds);
	}
	t_ok(!cli_parse_time("1M1", &n));
	t_ok(!cli_parse_time("-5s", &n));
	t_ok(!cli_parse_time("1y", &n));
}

static const char *nearest(const char *word)
{
	static const char *const names[] = {"init", "create-image", "gc", "mount",
					    "umount"};
	struct suggest s = {.word = word};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		suggest_add_name(&s, names[i]);
	return s.best ? s.best : "";
}

T(suggestions_allow_one_edit_in_three_characters)
{
	t_str(nearest("craete-image"), "create-image");
	t_str(nearest("create_image"), "create-image");
	t_str(nearest("inti"), "init");
	t_str(nearest("mont"), "mount");
	t_str(nearest("unmount"), "umount");
	t_str(nearest("gv"), "gc");
	t_str(nearest("xyzzy"), "");
	t_str(nearest("a-word-that-is-longer-than-any-command-of-this-program"), "");
}

/* --- tables ------------------------------------------------------------------------------ */

enum color { RED = 3, BLUE = 7 };

struct values {
	bool flag, text_given;
	const char *text;
	uint8_t small;
	uint64_t size;
	int seconds;
	enum color color;
	struct cli_list list;
};

static const struct cli_choice colors[] = {
	{"red", RED}, {"blue", BLUE}, {"azure", BLUE}, {0}};

#define AT(member) CLI_AT(struct values, member)

static const struct cli_option rows[] = {
	{"flag", NULL, AT(flag), "A flag", .letter = 'f', .group = "Some"},
	{"text", "TEXT", AT(text), "A text", CLI_TEXT,
	 CLI_GIVEN(struct values, text_given)},
	{"small", "N", AT(small), "A number", CLI_NUMBER, .min = 1},
	{"size", "SIZE", AT(size), "A size", CLI_SIZE, .min = 10},
	{"time", "TIME", AT(seconds), "A time", CLI_TIME, .max = 60},
	{"color", "WORD", AT(color), "A choice", CLI_CHOICE, .choices = colors},
	{"list", "TEXT", AT(list), "A list", CLI_LIST, .group = "Others"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "About.",
	.example = (const char *const[]){"test", NULL},
	.options = rows,
};

/* The status; what is printed goes into said. */
static int parse(struct values *out, char *said, size_t cap, const char *a, const char *b)
{
	char *argv[] = {(char[]){"test"}, strdup(a), b ? strdup(b) : NULL, NULL};
	int saved = dup(STDERR_FILENO), pipes[2], status;
	ssize_t n;

	t_eq(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	optind = 0;
	*out = (struct values){0};
	status = cli_parse(&syntax, "test", b ? 3 : 2, argv, out);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(pipes[0], said, cap - 1);
	close(pipes[0]);
	said[n > 0 ? n : 0] = '\0';
	free(argv[1]);
	free(argv[2]);
	return status;
}

T(rows_set_members_of_any_width)
{
	struct values v;
	char said[1024];

	t_eq(parse(&v, said, sizeof(said), "-f", "--small=127"), -1);
	t_ok(v.flag && !v.text_given);
	t_eq(v.small, 127);
	t_eq(parse(&v, said, sizeof(said), "--size=4T", "--time=1m"), -1);
	t_eq(v.size, 4LL << 40);
	t_eq(v.seconds, 60);
	t_eq(parse(&v, said, sizeof(said), "--color=azure", "--text="), -1);
	t_eq(v.color, BLUE);
	t_ok(v.text_given);
	t_eq(parse(&v, said, sizeof(said), "--list=a", "--list=b"), -1);
	t_eq(v.list.n, 2);
	cli_list_fini(&v.list);
	t_str(said, "");
}

T(wrong_values_name_the_option_and_what_was_expected)
{
	static const struct {
		const char *arg, *says;
	} bad[] = {
		{"--small=0", "--small: expected a number from 1 to 127, got \"0\""},
		{"--small=128", "--small: expected a number from 1 to 127, got \"128\""},
		{"--size=x", "--size: expected a size such as 10M or 1G, got \"x\""},
		{"--size=9", "--size: expected a size from 10 to 9223372036854775807 "
			     "bytes, got \"9\""},
		{"--time=2m", "--time: expected a time from 0 to 60 seconds, got \"2m\""},
		{"--time=x", "--time: expected a time such as 90s or 30d, got \"x\""},
		{"--color=pink", "--color: expected red or blue, got \"pink\""},
		{"--txet=a", "--txet: unknown option; did you mean --text?"},
		{"--zzz", "--zzz: unknown option"},
		{"--flag=1", "--flag: the option takes no value"},
		{"--", NULL},
		{"--li", "--list: expected a value: --list=TEXT"},
		{"--s=1", "--s: ambiguous option"},
		{"-Q", "-Q: unknown option"},
	};
	char said[1024], expected[1024];
	struct values v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = parse(&v, said, sizeof(said), bad[i].arg, NULL);

		if (!bad[i].says) {
			t_eq(status, -1);
			continue;
		}
		snprintf(expected, sizeof(expected), "test: %s\nsee \"test --help\"\n",
			 bad[i].says);
		t_str(said, expected);
		t_eq(status, CLI_FAILED);
	}
}

/* Leak checkers see what is not. */
T(lists_are_freed_when_a_later_option_is_wrong)
{
	struct values v;
	char said[1024];

	t_eq(parse(&v, said, sizeof(said), "--list=a", "--small=x"), CLI_FAILED);
	t_eq(v.list.n, 0);
}
