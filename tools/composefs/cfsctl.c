/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The main tool when it is started as cfsctl, the name of the program of composefs-rs. */
#include "composefs/cfsctl.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "cli/cli.h"

const char *cfsctl_new_name(const char *given, char buf[CFSCTL_NAME_MAX])
{
	int len;

	if (!cli_is_cfsctl() || strncmp(given, "refs/", 5) != 0)
		return given;
	len = snprintf(buf, CFSCTL_NAME_MAX, "refs/%s", given);
	return len < CFSCTL_NAME_MAX ? buf : given; /* too long for a reference */
}

static bool is_one_of(const char *text, const char *const *list)
{
	while (*list && strcmp(text, *list) != 0)
		list++;
	return *list != NULL;
}

/* --- programs that cfsctl contains
 * -------------------------------------------------------- */

static bool is_program(const char *command)
{
	static const char *const programs[] = {"mkcomposefs", "composefs-info",
					       "mount.composefs", NULL};

	return is_one_of(command, programs);
}

/* Returns only on failure. argv[0] is the name of the program. */
static int exec_program(const char *program, char **argv)
{
	char path[4096];

	execvp(cfs_child_find(argv[0], path), argv);
	cli_print_message(program, "%s: %s", argv[0], strerror(errno));
	return CLI_FAILED;
}

/* --- options before the command
 * ----------------------------------------------------------- */

/* An option before the command, and the number of its arguments: 1 or 2. */
struct front_option {
	const char *name;  /* argv[i], possibly with =VALUE */
	const char *value; /* NULL: it has none */
	int n_args;
};

/* Matches argv[i], which is before argv[at], with an option that has a value. */
static bool match_value(char **argv, int i, int at, const char *long_name,
			struct front_option *out)
{
	size_t len = strlen(long_name);

	if (strncmp(argv[i], long_name, len) != 0)
		return false;
	if (argv[i][len] == '=')
		*out = (struct front_option){long_name, argv[i] + len + 1, 1};
	else if (!argv[i][len] && i + 1 < at)
		*out = (struct front_option){long_name, argv[i + 1], 2};
	else
		return false;
	return true;
}

static struct front_option get_front_option(char **argv, int i, int at)
{
	struct front_option o = {argv[i], NULL, 1};

	if (!match_value(argv, i, at, "--hash", &o) &&
	    !match_value(argv, i, at, "--erofs-version", &o))
		match_value(argv, i, at, "--repo", &o);
	return o;
}

/* cfsctl reports these values as wrong usage for every command. */
static int check_front_value(const char *program, const struct front_option *o)
{
	static const char *const hashes[] = {"sha256", "sha512", NULL};
	static const char *const formats[] = {"0", "1", "2", NULL};

	if (strcmp(o->name, "--hash") == 0 && o->value && !is_one_of(o->value, hashes))
		cli_print_message(program, "--hash: expected sha256 or sha512, got %s",
				  o->value);
	else if (strcmp(o->name, "--erofs-version") == 0 && o->value &&
		 !is_one_of(o->value, formats))
		cli_print_message(program, "--erofs-version: expected 0, 1 or 2, got %s",
				  o->value);
	else
		return -1;
	return CLI_USAGE;
}

static int check_no_repo(const char *program, const char *command)
{
	static const char *const without[] = {"compute-id", "compute-karg",
					      "create-dumpfile", NULL};

	if (is_one_of(command, without))
		return -1;
	cli_print_message(program, "--no-repo: %s needs a repository", command);
	return CLI_FAILED;
}

/* --insecure is older than meta.json, which now records whether a repository has
 * fs-verity. It has an effect for init and for compute-karg only. The object digest of
 * init is set by --algorithm only. */
static bool is_ignored_option(const struct front_option *o, const char *command)
{
	if (strcmp(command, "init") == 0)
		return strcmp(o->name, "--hash") == 0;
	return strcmp(o->name, "--insecure") == 0 && strcmp(command, "compute-karg") != 0;
}

int cfsctl_begin(const char *program, int *at, int *argc, char **argv)
{
	const char *command = *at < *argc ? argv[*at] : NULL;
	int status = -1, i = 1;

	if (!command)
		return -1;
	while (status < 0 && i < *at) {
		struct front_option o = get_front_option(argv, i, *at);

		status = check_front_value(program, &o);
		if (status < 0 && strcmp(o.name, "--no-repo") == 0)
			status = check_no_repo(program, command);
		if (!is_ignored_option(&o, command)) {
			i += o.n_args;
			continue;
		}
		memmove(argv + i, argv + i + o.n_args,
			(size_t)(*argc - i - o.n_args + 1) * sizeof(*argv));
		*at -= o.n_args;
		*argc -= o.n_args;
	}
	if (status < 0 && is_program(argv[*at]))
		status = exec_program(program, argv + *at);
	return status;
}
