/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs record: note which objects a command opens, for prefetch. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/composefs.h"
#include "composefs/mount/mount.h"
#include "fuse/fuse.h"

struct options {
	struct mount_options mount;
};

static const struct cli_option option_table[] = {
	{"output", "FILE", CLI_AT(struct options, mount.record),
	 "Write the IDs of the objects to FILE, one per line", CLI_TEXT,
	 .group = "Options"},
	{"lazy", "SOURCE", CLI_AT(struct options, mount.lazy),
	 "Fetch missing objects when they are opened; repeatable", CLI_LIST},
	WHERE_OPTIONS(struct options, mount.where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] --output=FILE IMAGE MOUNTPOINT -- "
				       "COMMAND [ARG...]",
				       NULL},
	.about = "Mount an image, run a command, unmount the image, and write down which "
		 "objects were opened, in\nthis order. With this file, prefetch and "
		 "\"mount "
		 "--prefetch --order\" fetch first what a start needs.",
	.status = "0 success, 1 failure, also of the command, 2 wrong usage",
	.example =
		(const char *const[]){
			"composefs record --output=start.order os/1 /mnt -- "
			"chroot /mnt /bin/app --version",
			NULL},
	.options = option_table,
};

/* The command sees the mount, and its files are closed when it has ended. */
static int run_command(char **argv, const struct cfs_watch *watch, struct cfs_err *err)
{
	pid_t pid;
	int rc = cfs_child_start((const char *const *)argv, STDIN_FILENO, STDOUT_FILENO,
				 &pid, err);

	return rc < 0 ? rc : cfs_child_wait(pid, argv[0], watch, err);
}

/* A command that leaves processes behind would keep the mount busy: it is detached then, and ends
 * with them. */
static int record_command(struct options *o, char **operands,
			  const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_digest id;
	struct cfs_repo *repo;
	struct cfs_err why;
	int rc = where_open(&o->mount.where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return rc;
	rc = mount_image(&o->mount, repo, cfs_repo_find_image, operands[0], operands[1],
			 &id, err);
	cfs_repo_close(repo);
	if (rc < 0)
		return rc;
	rc = run_command(operands + 2, watch, err);
	if (cfs_fuse_unmount(operands[1], 0, &why) < 0 &&
	    cfs_fuse_unmount(operands[1], MNT_DETACH, &why) < 0 && rc == 0)
		rc = cfs_fail(err, EBUSY, "%s", why.msg);
	return rc;
}

int cmd_record(int argc, char **argv)
{
	struct options o = {0};
	struct cli_watch watch;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 3, argc,
				   "expected IMAGE MOUNTPOINT COMMAND"),
	    rc;

	if (status < 0 && !o.mount.record) {
		cli_fail_usage(argv[0], "expected --output=FILE");
		status = CLI_USAGE;
	}
	if (status < 0) {
		cli_watch_start(&watch, argv[0]); /* Ctrl-C must not leave the mount */
		rc = record_command(&o, argv + optind, &watch.watch, &err);
		cli_watch_end(&watch);
		status = command_end(argv[0], rc, &err);
	}
	cli_list_fini(&o.mount.lazy);
	return status;
}
