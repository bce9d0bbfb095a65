/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs mount --verify=first-open: the server, its layers, its counters. */
#include "composefs/mount/trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "composefs/mount/server.h"
#include "repo/repo.h"

/* --- levels ------------------------------------------------------------------------- */

bool mount_needs_trigger(const struct mount_options *o)
{
	return o->verify == MOUNT_VERIFY_FIRST_OPEN;
}

/* A user who can write objects could change one after it was verified. */
static int check_owner(const struct cfs_repo *repo, struct cfs_err *err)
{
	struct stat st;
	int rc = cfs_beneath_stat(cfs_repo_dirfd(repo), "objects", &st);

	if (rc < 0)
		return cfs_fail(err, -rc, "%s/objects: %s", cfs_repo_path(repo),
				strerror(-rc));
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return cfs_fail(
			err, EPERM,
			"%s/objects: another user can write to it, and could change "
			"an object after it was verified",
			cfs_repo_path(repo));
	return 0;
}

int mount_check_level(const struct mount_options *o, const struct cfs_repo *repo,
		      struct cfs_err *err)
{
	if (o->verify == MOUNT_VERIFY_KERNEL && !cfs_repo_is_secure(repo))
		return cfs_fail(err, ENOTTY,
				"%s: the repository has no fs-verity; "
				"--verify=first-open works without it",
				cfs_repo_path(repo));
	return o->verify == MOUNT_VERIFY_FIRST_OPEN ? check_owner(repo, err) : 0;
}

/* The path of an object must be the one of its digest: nothing else can be verified. */
static int check_paths(int fd, const struct cfs_repo *repo, struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_digest id;
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_image_map(fd, cfs_map_copy, &map, err);

	if (rc < 0)
		return rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_walk_new(&im, &everything, &walk, err);
	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (e->inode.external && !e->again)
			rc = cfs_repo_inode_object(repo, &im, &e->inode, &id, err);
	cfs_walk_free(cfs_steal(&walk));
	cfs_map_close(&map);
	return rc < 0 ? rc : 0;
}

/* --- the server --------------------------------------------------------------------- */

static void write_log(void *ctx, const char *line)
{
	(void)ctx;
	syslog(LOG_DAEMON | LOG_ERR, "%s", line);
}

static int start_server(const struct cfs_repo *repo, const char *name, int fd,
			const struct cfs_mount_opts *opts, struct mount_trigger *m,
			struct cfs_err *err)
{
	const struct cfs_trigger t = {
		.objects_fd = opts->objdir_fds[0],
		.alg = cfs_repo_meta(repo)->alg,
		.name = name,
		.verify = true,
		.report = write_log,
		.state_fd = m->state_fd,
		.state_dir_fd = m->state_dir_fd,
		.state_name = m->state_fd >= 0 ? m->state_name : NULL,
	};

	openlog("composefs", LOG_PID, LOG_DAEMON);
	return cfs_trigger_start(&t, &fd, 1, &m->layers, err);
}

/* The trigger comes first: the object directory is searched after its answer. */
static void put_layers(struct mount_trigger *m, struct cfs_mount_opts *opts)
{
	m->names[0] = "(server)";
	m->fds[0] = m->layers.find;
	m->names[1] = opts->objdirs[0];
	m->fds[1] = opts->objdir_fds[0];
	opts->objdirs = m->names;
	opts->objdir_fds = m->fds;
	opts->n_objdirs = 2;
	opts->first_open = true;
	opts->server = m->state_name;
}

int mount_trigger_start(const struct mount_options *o, const struct cfs_repo *repo,
			const char *name, int fd, struct cfs_mount_opts *opts,
			struct mount_trigger *out, struct cfs_err *err)
{
	int rc;

	(void)o;
	*out = (struct mount_trigger){
		.layers = {-1, -1, -1}, .state_fd = -1, .state_dir_fd = -1};
	rc = check_paths(fd, repo, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", name);
	out->state_dir_fd = server_make_counts(out->state_name, &out->state_fd);
	rc = start_server(repo, name, fd, opts, out, err);
	if (rc == 0)
		put_layers(out, opts);
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(cfs_steal_fd(fd));
}

void mount_trigger_fini(struct mount_trigger *m)
{
	cfs_trigger_layers_close(&m->layers);
	close_fd(&m->state_fd);
	close_fd(&m->state_dir_fd);
}
