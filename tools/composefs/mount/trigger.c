/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs mount --verify=first-open, --lazy: the server, its layers, its counters. */
#include "composefs/mount/trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "composefs/mount/server.h"
#include "fetch/fetch.h"
#include "repo/repo.h"

/* --- levels ------------------------------------------------------------------------- */

bool mount_needs_trigger(const struct mount_options *o)
{
	return o->verify == MOUNT_VERIFY_FIRST_OPEN || o->lazy.n || o->record;
}

/* A user who can write objects could change one after it was verified. */
static int check_repo_owner(const struct cfs_repo *repo, struct cfs_err *err)
{
	struct stat st;
	int rc = cfs_beneath_stat(cfs_repo_get_dirfd(repo), "objects", &st);

	if (rc < 0)
		return cfs_fail(err, -rc, "%s/objects: %s", cfs_repo_get_path(repo),
				strerror(-rc));
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return cfs_fail(
			err, EPERM,
			"%s/objects: another user can write to it, and could change "
			"an object after it was verified",
			cfs_repo_get_path(repo));
	return 0;
}

int mount_check_level(const struct mount_options *o, const struct cfs_repo *repo,
		      struct cfs_err *err)
{
	if (o->verify == MOUNT_VERIFY_KERNEL && !cfs_repo_is_secure(repo))
		return cfs_fail(err, ENOTTY,
				"%s: the repository has no fs-verity; "
				"--verify=first-open works without it",
				cfs_repo_get_path(repo));
	return o->verify == MOUNT_VERIFY_FIRST_OPEN ? check_repo_owner(repo, err) : 0;
}

/* --- objects ------------------------------------------------------------------------ */

/* The path of an object must be the one of its digest: nothing else can be verified. */
static int list_lazy_objects(int fd, const struct cfs_repo *repo,
			     struct cfs_lazy_objects *out, struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_image_map(fd, cfs_map_copy, &map, err);

	if (rc < 0)
		return rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_lazy_list_objects(repo, &im, out, err);
	cfs_map_close(&map);
	return rc;
}

/* --- the order of objects ------------------------------------------------------------ */

static void write_record(void *ctx, const struct cfs_digest *id)
{
	const int *fd = ctx;
	char line[CFS_DIGEST_TEXT_MAX + 1];
	size_t len;

	cfs_digest_text(id, line);
	len = strlen(line);
	line[len] = '\n';
	(void)!cfs_io_write(*fd, line, len + 1, NULL); /* it is only a hint */
}

static int open_record(const struct mount_options *o, struct mount_trigger *m,
		       struct cfs_err *err)
{
	if (!o->record)
		return 0;
	m->record = open(o->record, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC,
			 0644);
	return m->record < 0 ? cfs_fail_errno(err, "--record=%s", o->record) : 0;
}

/* What the server fetches in the background. */
static int order_objects(const struct mount_options *o, const struct cfs_repo *repo,
			 struct mount_trigger *m, struct cfs_err *err)
{
	enum { ORDER_MAX = 1 << 30 };
	struct cfs_mem text = {0};
	int rc = 0;

	if (!o->prefetch)
		return 0;
	if (o->order)
		rc = cfs_input_read(AT_FDCWD, o->order, CFS_INPUT_PIPE, ORDER_MAX, &text,
				    err);
	if (rc == 0)
		rc = cfs_lazy_order_objects(&m->lazy.objects,
					    cfs_repo_get_meta(repo)->alg,
					    cfs_mem_text(&text), &m->fill, err);
	free(text.p);
	return cfs_context(err, rc, "--order=%s", o->order ? o->order : "");
}

/* --- the server --------------------------------------------------------------------- */

/* Starts the server behind a mount that verifies or fetches objects on first open. The
 * server keeps fd and the sources; m owns the layers that it serves. */
static int start_mount_server(const struct mount_options *o, const struct cfs_repo *repo,
			      const char *name, int fd, const struct cfs_mount_opts *opts,
			      struct mount_trigger *m, struct cfs_err *err)
{
	const struct cfs_trigger t = {
		.objects_fd = opts->objdir_fds[0],
		.alg = cfs_repo_get_meta(repo)->alg,
		.name = name,
		.verify = o->verify == MOUNT_VERIFY_FIRST_OPEN,
		.fetch = o->lazy.n ? cfs_lazy_fetch : NULL,
		.fetch_ctx = &m->lazy,
		.kill_readers = o->kill_readers,
		.fill = m->fill,
		.n_fill = m->fill ? m->lazy.objects.n : 0,
		.record = m->record >= 0 ? write_record : NULL,
		.record_ctx = &m->record,
		.report = server_write_log,
		.report_ctx = &m->kmsg,
		.state_fd = m->state_fd,
		.state_dir_fd = m->state_dir_fd,
		.state_name = m->state_fd >= 0 ? m->state_name : NULL,
	};
	int keep[MOUNT_SOURCES_MAX + 3] = {fd, m->kmsg, m->record};

	for (size_t i = 0; i < m->lazy.n_sources; i++)
		keep[i + 3] = m->sources[i].dirfd;
	return cfs_trigger_start(&t, keep, m->lazy.n_sources + 3, &m->layers, err);
}

static void put_layer(struct mount_trigger *m, size_t *n, const char *name, int fd)
{
	m->names[*n] = name;
	m->fds[(*n)++] = fd;
}

/* The object directory is searched after the answer of the server. What it cannot fetch would be ENOENT, for a file that is
 * there; the last layer makes it EIO. */
static void put_trigger_layers(const struct mount_options *o, struct mount_trigger *m,
			       struct cfs_mount_opts *opts)
{
	size_t n = 0;

	put_layer(m, &n, "(server)", m->layers.find);
	put_layer(m, &n, opts->objdirs[0], opts->objdir_fds[0]);
	if (o->lazy.n)
		put_layer(m, &n, "(server)", m->layers.last);
	opts->objdirs = m->names;
	opts->objdir_fds = m->fds;
	opts->n_objdirs = n;
	opts->first_open = o->verify == MOUNT_VERIFY_FIRST_OPEN;
	opts->server = m->state_name;
}

int mount_trigger_start(const struct mount_options *o, const struct cfs_repo *repo,
			const char *name, int fd, struct cfs_mount_opts *opts,
			struct mount_trigger *out, struct cfs_err *err)
{
	int rc;

	*out = (struct mount_trigger){.layers = {-1, -1, -1},
				      .state_fd = -1,
				      .state_dir_fd = -1,
				      .kmsg = -1,
				      .record = -1};
	rc = mount_open_sources(&o->lazy, "--lazy", repo, out->sources, &out->lazy,
				&out->repo_path, err);
	if (rc == 0)
		rc = cfs_context(err,
				 list_lazy_objects(fd, repo, &out->lazy.objects, err),
				 "%s", name);
	if (rc == 0)
		rc = order_objects(o, repo, out, err);
	if (rc == 0)
		rc = open_record(o, out, err);
	if (rc < 0)
		return rc;
	out->kmsg = server_open_log();
	out->state_dir_fd = server_make_counts(out->state_name, &out->state_fd);
	rc = start_mount_server(o, repo, name, fd, opts, out, err);
	if (rc == 0)
		put_trigger_layers(o, out, opts);
	return rc;
}

static void close_owned_fd(int *fd)
{
	if (*fd >= 0)
		close(cfs_steal_fd(fd));
}

void mount_trigger_fini(struct mount_trigger *m)
{
	cfs_trigger_layers_close(&m->layers);
	mount_close_sources(m->sources, &m->lazy);
	cfs_lazy_objects_fini(&m->lazy.objects);
	free(m->repo_path);
	free(m->fill);
	close_owned_fd(&m->record);
	close_owned_fd(&m->state_fd);
	close_owned_fd(&m->state_dir_fd);
	close_owned_fd(&m->kmsg);
}
