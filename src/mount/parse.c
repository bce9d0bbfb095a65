/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The option string of mount(8): text -> struct cfs_mount_args. */
#include "mount/mount_priv.h"

#include <errno.h>
#include <stdalign.h>

#include "mount/option_text.h"
#include "mount/sys_mount.h"

enum kind {
	OPT_BASEDIR,  /* paths separated by colons */
	OPT_PREFETCH, /* one of three words */
	OPT_IGNORED,  /* for mount(8), systemd and others */
	/* The number is an offset in struct cfs_mount_args. */
	OPT_STRING,  /* a value that is stored unchanged */
	OPT_CONTEXT, /* the same; it may have commas in quotes */
	OPT_SIGNED,  /* the same, and a signature is required */
	/* The number is an enum flag. */
	OPT_FLAG, /* an option of this program, without a value */
	/* The number has mount attributes. */
	OPT_ON,	   /* sets them */
	OPT_OFF,   /* clears them */
	OPT_ATIME, /* sets them in place of others about access times */
	OPT_ALLOW, /* does not add them to unverified images */
};

enum flag {
	FLAG_RO,
	FLAG_RW,
	FLAG_VERITY,
	FLAG_TRYVERITY,
	FLAG_SIGNED,
	FLAG_SYNC,
	FLAG_ASYNC,
	FLAG_DIRSYNC,
	FLAG_LAZYTIME,
	FLAG_NOLAZYTIME,
	FLAG_REMOUNT,
};

/* Few bytes and no pointers: mount.composefs must be small. */
struct rule {
	char name[14];	 /* with '*' at the end: a prefix of names */
	uint8_t kind;	 /* enum kind */
	bool any_value;	 /* may have a value, which is ignored */
	uint32_t number; /* what it is depends on kind */
};

/* The attributes that mount(8) sets for "user": the user who mounts must not gain
 * privileges. */
#define OWNER_SECURE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define USER_SECURE  (OWNER_SECURE | MOUNT_ATTR_NOEXEC)

#define MEMBER(name, kind, field)                                                        \
	{                                                                                \
		name, kind, .number = offsetof(struct cfs_mount_args, field)             \
	}
#define STRING(name, field)   MEMBER(name, OPT_STRING, field)
#define SIGNED(name, field)   MEMBER(name, OPT_SIGNED, field)
#define CONTEXT(name, number) MEMBER(name, OPT_CONTEXT, opts.context[number])
#define FLAG(name, which)                                                                \
	{                                                                                \
		name, OPT_FLAG, .number = (which)                                        \
	}
#define ON(name, bits)                                                                   \
	{                                                                                \
		name, OPT_ON, .number = (bits)                                           \
	}
#define OFF(name, bits)                                                                  \
	{                                                                                \
		name, OPT_OFF, .number = (bits)                                          \
	}
#define ATIME(name, bits)                                                                \
	{                                                                                \
		name, OPT_ATIME, .number = (bits)                                        \
	}
#define ALLOW(name, bits)                                                                \
	{                                                                                \
		name, OPT_ALLOW, .number = (bits)                                        \
	}
#define IGNORED(name)                                                                    \
	{                                                                                \
		name, OPT_IGNORED, .any_value = true                                     \
	}

static const struct rule rules[] = {
	{"basedir", OPT_BASEDIR},
	STRING("digest", opts.digest),
	STRING("upperdir", opts.upperdir),
	STRING("workdir", opts.workdir),
	STRING("idmap", idmap),
	STRING("repo", repo),
	STRING("verify", verify),
	STRING("lazy", lazy),
	STRING("method", method),
	SIGNED("signature", signature),
	SIGNED("statement", statement),
	SIGNED("name", name),
	SIGNED("floor", floor),
	SIGNED("trusted", trusted),
	FLAG("signed", FLAG_SIGNED),
	{"prefetch", OPT_PREFETCH},
	FLAG("verity", FLAG_VERITY),
	FLAG("tryverity", FLAG_TRYVERITY),
	ALLOW("allow-suid", MOUNT_ATTR_NOSUID),
	ALLOW("allow-dev", MOUNT_ATTR_NODEV),
	FLAG("ro", FLAG_RO),
	FLAG("rw", FLAG_RW),
	FLAG("sync", FLAG_SYNC),
	FLAG("async", FLAG_ASYNC),
	FLAG("dirsync", FLAG_DIRSYNC),
	FLAG("lazytime", FLAG_LAZYTIME),
	FLAG("nolazytime", FLAG_NOLAZYTIME),
	FLAG("remount", FLAG_REMOUNT),
	CONTEXT("context", 0),
	CONTEXT("fscontext", 1),
	CONTEXT("defcontext", 2),
	CONTEXT("rootcontext", 3),

	ON("nosuid", MOUNT_ATTR_NOSUID),
	OFF("suid", MOUNT_ATTR_NOSUID),
	ON("nodev", MOUNT_ATTR_NODEV),
	OFF("dev", MOUNT_ATTR_NODEV),
	ON("noexec", MOUNT_ATTR_NOEXEC),
	OFF("exec", MOUNT_ATTR_NOEXEC),
	ON("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	OFF("symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	ON("nodiratime", MOUNT_ATTR_NODIRATIME),
	OFF("diratime", MOUNT_ATTR_NODIRATIME),
	ATIME("noatime", MOUNT_ATTR_NOATIME),
	ATIME("strictatime", MOUNT_ATTR_STRICTATIME),
	ATIME("relatime", MOUNT_ATTR_RELATIME),
	ATIME("atime", MOUNT_ATTR_RELATIME),
	ATIME("norelatime", MOUNT_ATTR_RELATIME),
	ATIME("nostrictatime", MOUNT_ATTR_RELATIME),
	{"user", OPT_ON, .number = USER_SECURE, .any_value = true},
	ON("users", USER_SECURE),
	ON("owner", OWNER_SECURE),
	ON("group", OWNER_SECURE),

	/* For mount(8), systemd and others, or without effect on a filesystem that is
	 * never written. */
	IGNORED("defaults"),
	IGNORED("auto"),
	IGNORED("noauto"),
	IGNORED("nouser"),
	IGNORED("nofail"),
	IGNORED("_netdev"),
	IGNORED("loud"),
	IGNORED("silent"),
	IGNORED("nomand"),
	IGNORED("noiversion"),
	IGNORED("comment"),
	IGNORED("uhelper"),
	IGNORED("helper"),
	IGNORED("x-*"),
	IGNORED("X-*"),
};

static bool rule_matches(const struct rule *rule, struct cfs_text name)
{
	struct cfs_text want = cfs_text(rule->name);

	if (want.s[want.len - 1] != '*')
		return cfs_text_eq(want, name);
	want.len--;
	return cfs_text_has_prefix(name, want);
}

static const struct rule *find_option_rule(struct cfs_text name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rule_matches(&rules[i], name))
			return &rules[i];
	}
	return NULL;
}

/* Sets the string at the offset member of *args, which lives in the arena of args. */
static int set_string_argument(struct cfs_mount_args *args, size_t member,
			       struct cfs_text value, struct cfs_err *err)
{
	const char *copy = mount_unescape_until(&args->arena, &value, 0);

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy((char *)args + member, &copy, sizeof(copy));
	return 0;
}

/* Splits "DIR:DIR" into a list in the arena of args. An empty directory is refused in
 * the words of mount.composefs 1.0.8, which scripts compare. */
static int set_basedir(struct cfs_mount_args *args, const struct mount_option *opt,
		       struct cfs_err *err)
{
	struct cfs_text rest = opt->value;
	size_t n = 0, max = 1;
	const char **dirs;

	for (size_t i = 0; i < rest.len; i++)
		max += rest.s[i] == ':';
	dirs = cfs_arena_alloc(&args->arena, max * sizeof(*dirs), alignof(char *));
	if (!dirs)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (rest.s) {
		dirs[n] = mount_unescape_until(&args->arena, &rest, ':');
		if (!dirs[n])
			return cfs_fail(err, ENOMEM, "out of memory");
		if (!*dirs[n++])
			return cfs_fail(err, EINVAL,
					"Value for basedir option has incorrect format");
	}
	args->opts.objdirs = dirs;
	args->opts.n_objdirs = n;
	return 0;
}

/* A row's function: whether the image is read ahead. */
static int set_prefetch(struct cfs_mount_args *args, const struct mount_option *opt,
			struct cfs_err *err)
{
	static const char *const words[] = {
		[CFS_MOUNT_PREFETCH_ASYNC] = "async",
		[CFS_MOUNT_PREFETCH_WAIT] = "wait",
		[CFS_MOUNT_PREFETCH_OFF] = "off",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (cfs_text_eq(opt->value, cfs_text(words[i]))) {
			args->opts.prefetch = (enum cfs_mount_prefetch)i;
			return 0;
		}
	}
	return cfs_fail(err, EINVAL,
			"prefetch: expected async, wait or off, got \"%.*s\"",
			(int)opt->value.len, opt->value.s);
}

/* "tryverity" never weakens "verity", whatever their order. */
static void set_argument_flag(struct cfs_mount_args *args, enum flag flag)
{
	struct cfs_mount_opts *o = &args->opts;

	switch (flag) {
	case FLAG_RO:
		o->readonly = true;
		break;
	case FLAG_RW:
		o->readonly = false;
		break;
	case FLAG_VERITY:
		o->verity = CFS_MOUNT_VERITY_REQUIRE;
		break;
	case FLAG_TRYVERITY:
		if (o->verity == CFS_MOUNT_VERITY_NONE)
			o->verity = CFS_MOUNT_VERITY_TRY;
		break;
	case FLAG_SIGNED:
		o->require_signature = true;
		break;
	case FLAG_SYNC:
	case FLAG_ASYNC:
		o->sync = flag == FLAG_SYNC;
		break;
	case FLAG_DIRSYNC:
		o->dirsync = true;
		break;
	case FLAG_LAZYTIME:
	case FLAG_NOLAZYTIME:
		o->lazytime = flag == FLAG_LAZYTIME;
		break;
	case FLAG_REMOUNT:
		args->remount = true;
		break;
	}
}

/* Options without a value refuse one: "verity=off" must not turn verity on. */
static int check_option_value(const struct rule *rule, const struct mount_option *opt,
			      struct cfs_err *err)
{
	bool wants_value = rule->kind == OPT_STRING || rule->kind == OPT_CONTEXT ||
			   rule->kind == OPT_SIGNED || rule->kind == OPT_BASEDIR ||
			   rule->kind == OPT_PREFETCH;

	if (wants_value && !opt->has_value)
		return cfs_fail(err, EINVAL, "No value specified for %s option",
				rule->name);
	if (!wants_value && opt->has_value && !rule->any_value)
		return cfs_fail(err, EINVAL, "The %s option takes no value", rule->name);
	return 0;
}

/* An option that has no rule. */
static int ignore_or_refuse(const struct cfs_mount_args *args,
			    const struct mount_option *opt, struct cfs_err *err)
{
	if (!args->sloppy)
		return cfs_fail(err, EINVAL, "Unsupported option %.*s",
				(int)opt->name.len, opt->name.s);
	if (cfs_mount_may_ignore(opt->name, opt->value))
		return 0;
	return cfs_fail(err, EINVAL,
			"Unsupported option %.*s: it looks like one that makes the "
			"mount stricter, so it is not ignored",
			(int)opt->name.len, opt->name.s);
}

/* Stores one option as its rule says. Texts are borrowed from the option or copied
 * into the arena of args; options that change nothing here are accepted silently. */
static int apply_rule(struct cfs_mount_args *args, const struct rule *rule,
		      const struct mount_option *opt, struct cfs_err *err)
{
	switch ((enum kind)rule->kind) {
	case OPT_SIGNED:
		args->opts.require_signature = true;
		return set_string_argument(args, rule->number, opt->value, err);
	case OPT_CONTEXT:
		return set_string_argument(args, rule->number,
					   mount_strip_quotes(opt->value), err);
	case OPT_STRING:
		return set_string_argument(args, rule->number, opt->value, err);
	case OPT_BASEDIR:
		return set_basedir(args, opt, err);
	case OPT_PREFETCH:
		return set_prefetch(args, opt, err);
	case OPT_FLAG:
		set_argument_flag(args, (enum flag)rule->number);
		return 0;
	case OPT_ON:
		args->opts.attr |= rule->number;
		return 0;
	case OPT_OFF:
		args->opts.attr &= ~(uint64_t)rule->number;
		return 0;
	case OPT_ATIME:
		args->opts.attr &= ~(uint64_t)MOUNT_ATTR__ATIME;
		args->opts.attr |= rule->number;
		return 0;
	case OPT_ALLOW:
		args->allowed |= rule->number;
		return 0;
	case OPT_IGNORED:
		return 0;
	}
	return 0;
}

static int set_mount_option(struct cfs_mount_args *args, const struct mount_option *opt,
			    struct cfs_err *err)
{
	const struct rule *rule = find_option_rule(opt->name);
	int rc;

	if (!rule)
		return ignore_or_refuse(args, opt, err);
	rc = check_option_value(rule, opt, err);
	return rc < 0 ? rc : apply_rule(args, rule, opt, err);
}

int cfs_mount_parse(struct cfs_mount_args *args, const char *text, struct cfs_err *err)
{
	struct cfs_text rest = cfs_text(text);
	struct mount_option opt;

	while (mount_next_option(&rest, &opt)) {
		int rc = set_mount_option(args, &opt, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void cfs_mount_args_fini(struct cfs_mount_args *args)
{
	cfs_arena_fini(&args->arena);
	*args = (struct cfs_mount_args){0};
}

/* Options that name something else than an image of a repository, or that "composefs mount"
 * does not know. */
static const char *find_excluded(const struct cfs_mount_args *args)
{
	const struct cfs_mount_opts *o = &args->opts;

	if (args->remount)
		return "remount";
	if (o->n_objdirs)
		return "basedir";
	if (o->digest)
		return "digest";
	if (args->idmap)
		return "idmap";
	if (args->signature)
		return "signature";
	if (o->context[0] || o->context[1] || o->context[2] || o->context[3])
		return "context";
	return o->attr ? "nosuid, noatime and others of mount(8)" : NULL;
}

int cfs_mount_check_repo(const struct cfs_mount_args *args, struct cfs_err *err)
{
	const char *excluded = args->repo ? find_excluded(args) : NULL;

	if (excluded)
		return cfs_fail(err, EINVAL, "option repo excludes the options %s",
				excluded);
	if (!args->repo && (args->verify || args->lazy || args->method))
		return cfs_fail(err, EINVAL, "option %s needs repo=DIR",
				args->verify ? "verify"
				: args->lazy ? "lazy"
					     : "method");
	return 0;
}
