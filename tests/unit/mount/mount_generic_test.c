/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: the generic options of mount(8) and the source in the mount table, as steps. */
#include "mount/mount.h"

#include <sys/mount.h>

#include "t.h"

static struct cfs_mount_args args;
static struct cfs_steps steps;

/* Parses options behind a basedir, and makes the steps. */
static void make_steps(const char *text)
{
	const struct cfs_mount_facts facts = {0};

	args = (struct cfs_mount_args){0};
	t_eq(cfs_mount_parse(&args, "basedir=/o", NULL), 0);
	t_eq(cfs_mount_parse(&args, text, NULL), 0);
	t_eq(cfs_mount_steps(&args.opts, &facts, &steps, NULL), 0);
}

static void free_steps(void)
{
	cfs_steps_fini(&steps);
	cfs_mount_args_fini(&args);
}

/* The value of the key in that way: "" for a flag, NULL if the way does not have it. */
static const char *value_of(const struct cfs_way *way, const char *key)
{
	for (size_t i = 0; i < way->n_steps; i++) {
		const struct cfs_step *s = &way->steps[i];

		if (s->key && strcmp(s->key, key) == 0)
			return s->value ? s->value : "";
	}
	return NULL;
}

static const struct cfs_step *old_step(void)
{
	return &steps.apart.way[1].steps[0];
}

T(mount_passes_selinux_contexts_on_to_each_way)
{
	make_steps("fscontext=a:b:c,context=\"system_u:object_r:t:s0:c1,c2\",ro,"
		   "rootcontext=d\\,e,defcontext=\"f\"");
	t_str(value_of(&steps.overlay.way[0], "context"), "system_u:object_r:t:s0:c1,c2");
	t_str(value_of(&steps.apart.way[0], "fscontext"), "a:b:c");
	t_str(value_of(&steps.apart.way[0], "rootcontext"), "d,e");
	t_str(value_of(&steps.overlay.way[0], "defcontext"), "f");
	t_ok(args.opts.readonly);
	t_str(old_step()->value,
	      ",context=\"system_u:object_r:t:s0:c1,c2\",fscontext=\"a:b:c\","
	      "defcontext=\"f\",rootcontext=\"d,e\"");
	free_steps();
}

T(mount_interprets_quotes_in_contexts_only)
{
	make_steps("upperdir=/a\"b,workdir=/context=\"d,idmap=e\"");
	t_str(args.opts.upperdir, "/a\"b");
	t_str(args.opts.workdir, "/context=\"d");
	t_str(args.idmap, "e\"");
	free_steps();
}

T(mount_passes_sync_dirsync_and_lazytime_on_to_each_way)
{
	make_steps("sync,dirsync,lazytime");
	t_str(value_of(&steps.overlay.way[0], "sync"), "");
	t_str(value_of(&steps.overlay.way[0], "dirsync"), "");
	t_str(value_of(&steps.apart.way[0], "lazytime"), "");
	t_eq(old_step()->number & (MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME),
	     MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME);
	free_steps();
	make_steps("sync,async,lazytime,nolazytime,comment=x,nomand,x-systemd.device-"
		   "timeout="
		   "3");
	t_ok(!value_of(&steps.overlay.way[0], "sync"));
	t_ok(!value_of(&steps.overlay.way[0], "lazytime"));
	free_steps();
}

/* The kernel accepts 255 bytes; a truncated path would be another one. */
T(mount_shows_the_source_or_composefs)
{
	static const struct cfs_mount_facts facts;
	char longest[CFS_MOUNT_SOURCE_MAX + 2];
	const struct {
		const char *source, *expected;
	} rows[] = {{NULL, "composefs"},
		    {"", "composefs"},
		    {"/a b/image.cfs", "/a b/image.cfs"},
		    {longest, "composefs"},
		    {longest + 1, longest + 1}};

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const dirs[] = {"/o"};
		struct cfs_mount_opts o = {dirs, 1, .source = rows[i].source};

		t_eq(cfs_mount_steps(&o, &facts, &steps, NULL), 0);
		t_str(value_of(&steps.overlay.way[0], "source"), rows[i].expected);
		t_str(value_of(&steps.apart.way[0], "source"), rows[i].expected);
		t_str(old_step()->source, rows[i].expected);
		cfs_steps_fini(&steps);
	}
}
