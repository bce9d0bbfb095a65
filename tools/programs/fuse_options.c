/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The command line of composefs-fuse: options of its own and those of FUSE programs. */
#include "programs/fuse_options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "mount/mount.h"

enum kind {
	OPT_TEXT,    /* a value */
	OPT_OBJDIRS, /* paths, separated by colons */
	OPT_FLAG,    /* sets a bool */
	OPT_VIEW,    /* number: enum cfs_fuse_view */
	OPT_ATTR,    /* number: MOUNT_ATTR_* */
	OPT_NOTHING, /* what FUSE programs take, without a meaning here */
};

struct rule {
	const char *name;
	enum kind kind;
	size_t at; /* offset in struct fuse_options */
	uint64_t number;
};

#define AT(member) offsetof(struct fuse_options, member)

static const struct rule rules[] = {
	{"source", OPT_TEXT, AT(image)},
	{"basedir", OPT_OBJDIRS},
	{"digest", OPT_TEXT, AT(digest)},
	{"verity", OPT_FLAG, AT(verity)},
	{"noacl", OPT_FLAG, AT(no_acl)},
	{"layer", OPT_VIEW, .number = CFS_FUSE_LAYER},
	{"userxattr", OPT_VIEW, .number = CFS_FUSE_USER_LAYER},
	{"allow_other", OPT_FLAG, AT(allow_other)},
	{"nosuid", OPT_ATTR, .number = MOUNT_ATTR_NOSUID},
	{"nodev", OPT_ATTR, .number = MOUNT_ATTR_NODEV},
	{"noexec", OPT_ATTR, .number = MOUNT_ATTR_NOEXEC},
	{"noatime", OPT_ATTR, .number = MOUNT_ATTR_NOATIME},
	{"ro", OPT_NOTHING},
	{"suid", OPT_NOTHING},
	{"dev", OPT_NOTHING},
	{"exec", OPT_NOTHING},
	{"atime", OPT_NOTHING},
	{"default_permissions", OPT_NOTHING},
	{"clone_fd", OPT_NOTHING},
	{"noauto", OPT_NOTHING},
	{"user", OPT_NOTHING},
	{"_netdev", OPT_NOTHING},
	{"nofail", OPT_NOTHING},
};

/* The next part of the text, up to stop; a backslash makes a character literal. NULL: no memory. */
static char *take_option_part(struct fuse_options *o, const char **at, const char *stop)
{
	char *out = cfs_arena_alloc(&o->arena, strlen(*at) + 1, 1), *to = out;

	if (!out)
		return NULL;
	for (; **at && !strchr(stop, **at); (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		*to++ = **at;
	}
	*to = '\0';
	return out;
}

/* Parses basedir=DIR[:DIR...], as the existing FUSE program does. */
static int add_objdirs(struct fuse_options *o, const char **at, struct cfs_err *err)
{
	do {
		const char *dir = take_option_part(o, at, ",:");

		if (!dir)
			return cfs_fail(err, ENOMEM, "out of memory");
		if (!*dir || o->n_objdirs == FUSE_OBJDIRS_MAX)
			return cfs_fail(err, EINVAL,
					"basedir: expected 1 to %d paths separated by "
					"colons",
					FUSE_OBJDIRS_MAX);
		o->objdirs[o->n_objdirs++] = dir;
	} while (**at == ':' && (*at)++);
	return 0;
}

/* Stores the value of one option and moves *at behind it. Texts are allocated in the
 * arena of o. Options of other filesystems are accepted and ignored. */
static int set_fuse_option(struct fuse_options *o, const struct rule *rule,
			   const char **at, struct cfs_err *err)
{
	void *member = (char *)o + rule->at;

	switch (rule->kind) {
	case OPT_OBJDIRS:
		return add_objdirs(o, at, err);
	case OPT_TEXT:
		*(const char **)member = take_option_part(o, at, ",");
		if (!*(const char **)member)
			return cfs_fail(err, ENOMEM, "out of memory");
		break;
	case OPT_FLAG:
		*(bool *)member = true;
		break;
	case OPT_VIEW:
		o->view = (enum cfs_fuse_view)rule->number;
		break;
	case OPT_ATTR:
		o->attr |= rule->number;
		break;
	case OPT_NOTHING:
		break;
	}
	return 0;
}

static const struct rule *find_fuse_rule(const char *name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static int parse_option(struct fuse_options *o, const char **at, struct cfs_err *err)
{
	const char *name = take_option_part(o, at, "=,");
	const struct rule *rule = name ? find_fuse_rule(name) : NULL;
	bool has_value = **at == '=', wants_value;

	if (!name)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (!*name && !has_value)
		return 0;
	if (!rule)
		return cfs_fail(err, EINVAL, "unsupported option %s", name);
	wants_value = rule->kind == OPT_TEXT || rule->kind == OPT_OBJDIRS;
	if (wants_value != has_value)
		return cfs_fail(err, EINVAL, "option %s: expected %s", name,
				wants_value ? "a value" : "no value");
	*at += has_value;
	return set_fuse_option(o, rule, at, err);
}

/* Parses the value of one -o: options between commas. */
static int parse_text(struct fuse_options *o, const char *text, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0 && *text) {
		rc = parse_option(o, &text, err);
		if (rc == 0 && *text == ',')
			text++;
	}
	return rc;
}

/* Reads the letters that mount(8) and libfuse pass. An unknown one gets an empty
 * message, since getopt has printed it. */
static int parse_fuse_letters(struct fuse_options *o, int argc, char **argv,
			      struct cfs_err *err)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int letter, rc = 0;

	while (rc == 0 &&
	       (letter = getopt_long(argc, argv, "hdfso:", longs, NULL)) != -1) {
		switch (letter) {
		case 'h':
			o->help = true;
			return 0;
		case 'd': /* messages of libfuse, which is not there; it implied -f */
		case 'f':
			o->foreground = true;
			break;
		case 's':
			o->one_thread = true;
			break;
		case 'o':
			rc = parse_text(o, optarg, err);
			break;
		default:
			return cfs_fail(err, EINVAL, "%s", "");
		}
	}
	return rc;
}

int fuse_options_parse(struct fuse_options *o, int argc, char **argv, struct cfs_err *err)
{
	int rc = parse_fuse_letters(o, argc, argv, err), n = argc - optind;

	if (rc < 0 || o->help)
		return rc;
	if (n == 2 && !o->image) /* as mount.fuse3 calls it */
		o->image = argv[optind++];
	else if (n != 1)
		return cfs_fail(err, EINVAL, "expected MOUNTPOINT");
	o->mountpoint = argv[optind];
	if (!o->image)
		return cfs_fail(err, EINVAL, "no image specified: give -o source=IMAGE");
	return 0;
}

void fuse_options_fini(struct fuse_options *o)
{
	cfs_arena_fini(&o->arena);
	*o = (struct fuse_options){0};
}
