/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "programs/mount_repo.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { WORDS_MAX = 24 };

/* Options with a value: how "composefs mount" calls them, and where the value is. */
static const struct {
	char option[14];
	uint16_t offset;
} values[] = {
	{"--repo=", offsetof(struct cfs_mount_args, repo)},
	{"--verify=", offsetof(struct cfs_mount_args, verify)},
	{"--lazy=", offsetof(struct cfs_mount_args, lazy)},
	{"--method=", offsetof(struct cfs_mount_args, method)},
	{"--trusted=", offsetof(struct cfs_mount_args, trusted)},
	{"--statement=", offsetof(struct cfs_mount_args, statement)},
	{"--name=", offsetof(struct cfs_mount_args, name)},
	{"--floor=", offsetof(struct cfs_mount_args, floor)},
	{"--upperdir=", offsetof(struct cfs_mount_args, opts.upperdir)},
	{"--workdir=", offsetof(struct cfs_mount_args, opts.workdir)},
};

/* Option and value are one word, so that no value is taken for an option. The words live until
 * the other program takes over. NULL: no memory. */
static const char *join_option(const char *option, const char *value)
{
	char *word = malloc(strlen(option) + strlen(value) + 1);

	if (word)
		stpcpy(stpcpy(word, option), value);
	return word;
}

static const char **add_flags(const char **at, const struct cfs_mount_args *args)
{
	const struct cfs_mount_opts *o = &args->opts;

	if (o->upperdir && !o->readonly)
		*at++ = "--read-write";
	if (o->require_signature)
		*at++ = "--require-signature";
	if (o->verity == CFS_MOUNT_VERITY_REQUIRE)
		*at++ = "--require-verity";
	if (args->allowed & MOUNT_ATTR_NOSUID)
		*at++ = "--allow-suid";
	if (args->allowed & MOUNT_ATTR_NODEV)
		*at++ = "--allow-dev";
	return at;
}

int mount_from_repo(const struct cfs_mount_args *args, const char *image,
		    const char *mountpoint, bool verbose, struct cfs_err *err)
{
	const char *words[WORDS_MAX], **at = words;
	char path[4096];

	*at++ = cfs_child_find("composefs", path);
	*at++ = "mount";
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const char *value =
			*(const char *const *)((const char *)args + values[i].offset);

		if (value && !(*at++ = join_option(values[i].option, value)))
			return cfs_fail(err, ENOMEM, "out of memory");
	}
	at = add_flags(at, args);
	if (verbose)
		*at++ = "--verbose";
	*at++ = "--";
	*at++ = image;
	*at++ = mountpoint;
	*at = NULL;
	execvp(words[0], (char *const *)(uintptr_t)words);
	return cfs_fail_errno(err, "option repo: composefs");
}
