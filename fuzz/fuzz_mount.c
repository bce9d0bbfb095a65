/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mount options: the parser, and the steps, which hand the paths to the kernel in three ways. The
 * first byte of an input says what the kernel and the image have, the rest is an option string. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "mount/mount.h"
#include "mount/sys_mount.h"

enum { SLOPPY = 1, HAS_ACL = 2, OBJECTS_VERITY = 4, PREFETCH = 8 };

/* --- Parsing ------------------------------------------------------------------------- */

static int parse_mount_text(struct cfs_mount_args *args, bool sloppy, const char *text)
{
	struct cfs_err err = {""};
	int rc;

	*args = (struct cfs_mount_args){.sloppy = sloppy};
	rc = cfs_mount_parse(args, text, &err);
	fuzz_hold(rc == 0 || (rc == -EINVAL && err.msg[0]));
	return rc;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* Fails unless both are equal in every field that an option can set. */
static void expect_same_arguments(const struct cfs_mount_args *a,
				  const struct cfs_mount_args *b)
{
	const struct cfs_mount_opts *x = &a->opts, *y = &b->opts;

	fuzz_hold(x->n_objdirs == y->n_objdirs);
	for (size_t i = 0; i < x->n_objdirs; i++)
		fuzz_hold(is_same_text(x->objdirs[i], y->objdirs[i]));
	fuzz_hold(is_same_text(x->upperdir, y->upperdir) &&
		  is_same_text(x->workdir, y->workdir));
	fuzz_hold(is_same_text(x->digest, y->digest) && is_same_text(a->idmap, b->idmap));
	fuzz_hold(is_same_text(a->signature, b->signature) &&
		  is_same_text(a->trusted, b->trusted));
	fuzz_hold(is_same_text(a->statement, b->statement) &&
		  is_same_text(a->name, b->name));
	fuzz_hold(is_same_text(a->floor, b->floor) && a->allowed == b->allowed);
	fuzz_hold(x->require_signature == y->require_signature);
	fuzz_hold(x->verity == y->verity && x->prefetch == y->prefetch);
	fuzz_hold(x->readonly == y->readonly);
}

/* Writes a value so that it is read as it is. */
static char *put_option_value(char *to, const char *value)
{
	for (; *value; value++) {
		if (strchr("\\,:", *value))
			*to++ = '\\';
		*to++ = *value;
	}
	return to;
}

static char *put_option(char *to, const char *name, const char *value)
{
	return value ? put_option_value(stpcpy(to, name), value) : to;
}

/* The options as a text again, but those that are bits. */
static void write_options(const struct cfs_mount_args *args, char *to)
{
	static const char *const verity[] = {",x-none", ",tryverity", ",verity"};
	static const char *const prefetch[] = {"async", "wait", "off"};
	const struct cfs_mount_opts *o = &args->opts;

	to = stpcpy(to, o->readonly ? "ro" : "rw");
	for (size_t i = 0; i < o->n_objdirs; i++)
		to = put_option(to, i ? ":" : ",basedir=", o->objdirs[i]);
	to = put_option(to, ",upperdir=", o->upperdir);
	to = put_option(to, ",workdir=", o->workdir);
	to = put_option(to, ",digest=", o->digest);
	to = put_option(to, ",idmap=", args->idmap);
	to = put_option(to, ",signature=", args->signature);
	to = put_option(to, ",statement=", args->statement);
	to = put_option(to, ",name=", args->name);
	to = put_option(to, ",floor=", args->floor);
	to = put_option(to, ",trusted=", args->trusted);
	to = stpcpy(to, o->require_signature ? ",signed" : "");
	to = stpcpy(to, args->allowed & MOUNT_ATTR_NOSUID ? ",allow-suid" : "");
	to = stpcpy(to, args->allowed & MOUNT_ATTR_NODEV ? ",allow-dev" : "");
	to = put_option(to, ",prefetch=", prefetch[o->prefetch]);
	strcpy(to, verity[o->verity]);
}

static void write_and_read(const struct cfs_mount_args *args, size_t len)
{
	char *text = malloc(2 * len + 200);
	struct cfs_mount_args again;

	fuzz_hold(text);
	write_options(args, text);
	fuzz_hold(parse_mount_text(&again, false, text) == 0);
	expect_same_arguments(args, &again);
	cfs_mount_args_fini(&again);
	free(text);
}

/* Must the kernel refuse what is not verified? */
static bool wants_verity(const struct cfs_mount_opts *o)
{
	return o->digest || o->require_signature || o->verity == CFS_MOUNT_VERITY_REQUIRE;
}

/* --- Steps --------------------------------------------------------------------------- */

/* Takes off what stands in front of a value, then the value, as overlayfs reads it. */
static const char *take_input(const char *data, const char *before, const char *value)
{
	if (!value)
		return data;
	fuzz_hold(strncmp(data, before, strlen(before)) == 0);
	data += strlen(before);
	for (; *value; value++) {
		fuzz_hold(!strchr(",:\\", *data) || *data == '\\');
		data += *data == '\\';
		fuzz_hold(*data++ == *value);
	}
	return data;
}

static bool has_context(const struct cfs_mount_opts *o)
{
	for (size_t i = 0; i < CFS_MOUNT_CONTEXTS; i++)
		if (o->context[i])
			return true;
	return false;
}

/* The data of mount(2), behind the layers. Security contexts stand in front of the verity option; what they hold
 * is not parsed here. */
static void check_old(const struct cfs_mount_opts *o, const struct cfs_way *way,
		      const char *separator)
{
	const struct cfs_step *step = way->steps;
	const char *data;

	while (step->op != CFS_STEP_OLD)
		fuzz_hold(++step < way->steps + way->n_steps);
	data = step->value;

	fuzz_hold(is_same_text(step->separator, separator));
	data = take_input(data, ",upperdir=", o->upperdir);
	data = take_input(data, ",workdir=", o->workdir);
	if (has_context(o)) {
		const char *verity = strrchr(data, ',');

		fuzz_hold(*data == ',');
		data = strcmp(verity, ",verity=require") == 0 ? verity : "";
	}
	fuzz_hold(!*data || strcmp(data, ",verity=require") == 0);
	fuzz_hold(!*data == !wants_verity(o));
}

/* In a way of single options, each object directory is one, in order and as it is. */
static void check_way(const struct cfs_mount_opts *o, const struct cfs_way *way)
{
	size_t n = 0;
	bool required = false;

	for (size_t i = 0; i < way->n_steps; i++) {
		const struct cfs_step *step = &way->steps[i];

		if (step->op == CFS_STEP_OLD)
			return;
		if (!step->key || !step->value)
			continue;
		if (strcmp(step->key, "datadir+") == 0) {
			fuzz_hold(n < o->n_objdirs && step->number == n);
			fuzz_hold(is_same_text(step->value, o->objdirs[n++]));
		}
		if (strcmp(step->key, "verity") == 0)
			required = !step->optional;
	}
	fuzz_hold(n == o->n_objdirs);
	fuzz_hold(required == wants_verity(o));
}

static void check_steps(const struct cfs_mount_opts *o,
			const struct cfs_mount_facts *facts)
{
	struct cfs_steps steps;

	fuzz_hold(cfs_mount_steps(o, facts, &steps, NULL) == 0);
	for (size_t i = 0; i < steps.image.n; i++)
		fuzz_hold(steps.image.way[i].n_steps > 0);
	for (size_t i = 0; i < steps.overlay.n; i++)
		check_way(o, &steps.overlay.way[i]);
	fuzz_hold(steps.apart.n == 3);
	check_way(o, &steps.apart.way[0]);
	check_old(o, &steps.apart.way[1], "::");
	check_old(o, &steps.apart.way[2], ":");
	cfs_steps_fini(&steps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_mount_args args;
	char *text;

	if (len == 0)
		return 0;
	text = strndup((const char *)data + 1, len - 1);
	fuzz_hold(text);
	if (parse_mount_text(&args, data[0] & SLOPPY, text) == 0) {
		struct cfs_mount_facts facts = {
			.has_acl = data[0] & HAS_ACL,
			.objects_verity = data[0] & OBJECTS_VERITY,
			.prefetch_len = data[0] & PREFETCH ? 4096 : 0};
		struct cfs_err err = {""};
		int rc;

		args.opts.idmap = args.idmap != NULL;
		rc = cfs_mount_check(&args.opts, &err);
		fuzz_hold(rc == 0 || (rc == -EINVAL && err.msg[0]));
		write_and_read(&args, len);
		if (rc == 0)
			check_steps(&args.opts, &facts);
	}
	cfs_mount_args_fini(&args);
	free(text);
	return 0;
}
