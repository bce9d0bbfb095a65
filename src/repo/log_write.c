/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The log of a reference: writing. The file is replaced as a whole: after a crash it has
 * the new entry or not, and nothing else is changed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "repo/log_priv.h"

enum { LOCK_TIMEOUT_MS = 10000 }; /* others hold the lock for milliseconds */

void cfs_repo_set_command(struct cfs_repo *repo, const char *command)
{
	repo->command = command;
}

static void warn_unrecorded(const struct cfs_repo *repo, const char *ref,
			    const struct cfs_err *err)
{
	cfs_watch_warn(repo->wait.watch,
		       "the change of %s is not recorded in its log: %s", ref, err->msg);
}

/* --- before the change -------------------------------------------------------------- */

/* The directory, locked, or -errno. */
static int lock_logs(const struct cfs_repo *repo, struct cfs_err *err)
{
	const struct cfs_lock_wait wait = {.timeout_ms = LOCK_TIMEOUT_MS,
					   .watch = repo->wait.watch};
	cfs_autofd int made = cfs_beneath_make_dir(repo->dirfd, CFS_REPO_LOG_DIR, 0755);
	cfs_autofd int fd =
		made < 0 ? made : openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (made < 0)
		return cfs_beneath_fail(made, CFS_REPO_LOG_DIR, err);
	if (fd < 0)
		return cfs_fail_errno(err, CFS_REPO_LOG_DIR);
	rc = cfs_context(err, cfs_lock_take(fd, LOCK_EX, &wait, err), CFS_REPO_LOG_DIR);
	return rc < 0 ? rc : cfs_steal_fd(&fd);
}

/* The image ID that the reference refers to. A link of another form counts as no reference. */
static int find_old(const struct cfs_repo *repo, struct repo_log_change *c,
		    struct cfs_err *err)
{
	const char *last;
	cfs_autofd int dirfd = repo_open_ref_parent(repo, CFS_REPO_IMAGES, c->ref, &last);
	char target[CFS_REPO_LINK_MAX];
	struct cfs_text entry;
	int len = dirfd < 0 ? dirfd : cfs_repo_read_link(dirfd, last, target);

	/* Below a reference (-ENOTDIR, -ELOOP) there is none; the change itself fails. */
	if (len == -ENOENT || len == -EINVAL || len == -EUCLEAN || len == -ENOTDIR ||
	    len == -ELOOP)
		return 0;
	if (len < 0)
		return repo_fail_ref(CFS_REPO_IMAGES, c->ref, len, err);
	c->has_old =
		repo_parse_ref_target(cfs_text(c->ref),
				      (struct cfs_text){target, (size_t)len}, &entry) &&
		cfs_digest_parse(entry, &c->old_id, NULL) == 0;
	return 0;
}

void repo_log_begin(const struct cfs_repo *repo, const char *ref,
		    struct repo_log_change *out)
{
	struct cfs_err err;
	int rc;

	*out = (struct repo_log_change){.ref = ref, .lock = -1};
	if (!repo->command)
		return;
	out->lock = rc = lock_logs(repo, &err);
	if (rc >= 0)
		rc = find_old(repo, out, &err);
	if (rc < 0) {
		warn_unrecorded(repo, ref, &err);
		repo_log_drop(out);
	}
}

/* --- after the change --------------------------------------------------------------- */

static const char *format_id(bool has, const struct cfs_digest *id,
			     char buf[CFS_DIGEST_TEXT_MAX])
{
	return has ? cfs_digest_text(id, buf) : "-";
}

static void put_log_entry(struct cfs_out *out, const struct cfs_repo_log_entry *e)
{
	char old[CFS_DIGEST_TEXT_MAX], new[CFS_DIGEST_TEXT_MAX];

	cfs_out_printf(out, "%" PRId64 " %s %s %s\n", e->time_sec,
		       format_id(e->has_old, &e->old_id, old),
		       format_id(e->has_new, &e->new_id, new), e->command);
}

/* A file that is not the log of this reference is replaced. Anything but a regular file is left alone. */
static int load_log(const struct cfs_repo *repo, const char *ref,
		    struct cfs_repo_log *out, struct cfs_err *err)
{
	int rc = cfs_repo_log_read(repo, ref, out, err);

	if (rc != -EINVAL)
		return rc;
	cfs_repo_log_fini(out);
	return 0;
}

/* Replaces the log of ref by its last entries and the new one. It is written beside
 * its place and renamed, so that a crash leaves the former log. */
static int write_ref_log(int dirfd, const char *ref, const struct cfs_repo_log *log,
			 const struct cfs_repo_log_entry *last, struct cfs_err *err)
{
	size_t keep = CFS_REPO_LOG_ENTRIES - 1;
	char path[REPO_LOG_PATH_MAX];
	struct cfs_mem text = {0};
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(&text), 4096);

	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_out_printf(&out, "composefs log 1 %s\n", ref);
	for (size_t i = log->n > keep ? log->n - keep : 0; i < log->n; i++)
		put_log_entry(&out, &log->v[i]);
	put_log_entry(&out, last);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	repo_log_format_path(ref, path);
	if (rc == 0)
		rc = cfs_replace_write(dirfd, strrchr(path, '/') + 1, cfs_mem_span(&text),
				       err);
	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

static const char *get_command(const struct cfs_repo *repo)
{
	return repo_log_is_command(cfs_text(repo->command)) ? repo->command : "-";
}

void repo_log_end(const struct cfs_repo *repo, struct repo_log_change *change,
		  const struct cfs_digest *new_id)
{
	struct cfs_repo_log_entry e = {.time_sec = time(NULL),
				       .has_old = change->has_old,
				       .has_new = new_id != NULL,
				       .old_id = change->old_id,
				       .command = get_command(repo)};
	struct cfs_repo_log log = {0};
	struct cfs_err err;
	int rc;

	if (change->lock < 0)
		return;
	if (new_id)
		e.new_id = *new_id;
	if (new_id && change->has_old && cfs_digest_eq(new_id, &change->old_id)) {
		repo_log_drop(change); /* nothing changed */
		return;
	}
	rc = load_log(repo, change->ref, &log, &err);
	if (rc == 0)
		rc = write_ref_log(change->lock, change->ref, &log, &e, &err);
	if (rc < 0)
		warn_unrecorded(repo, change->ref, &err);
	cfs_repo_log_fini(&log);
	repo_log_drop(change);
}

void repo_log_drop(struct repo_log_change *change)
{
	if (change->lock >= 0)
		close(change->lock);
	change->lock = -1;
}

/* --- expiry ------------------------------------------------------------------------- */

struct expiry {
	const struct cfs_repo *repo;
	int64_t now;
	bool dry_run;
	uint64_t *n;
	struct cfs_err *err;
};

/* Returns whether the file is the log of a reference that does not exist; false in doubt. */
static bool is_of_removed_ref(const struct expiry *x, const char *file)
{
	char path[REPO_LOG_PATH_MAX + REPO_NAME_MAX], own[REPO_LOG_PATH_MAX];
	cfs_autofree char *name = NULL;
	struct cfs_mem text = {0};
	struct cfs_text left, ref;
	int rc;

	snprintf(path, sizeof(path), CFS_REPO_LOG_DIR "/%s", file);
	rc = repo_log_load(x->repo, path, &text, NULL);
	left = cfs_mem_text(&text);
	if (rc == 0 && repo_log_parse_header(&left, &ref))
		name = strndup(ref.s, ref.len);
	free(text.p);
	if (rc < 0 || !name || cfs_repo_check_ref(cfs_text(name), NULL) < 0)
		return false;
	repo_log_format_path(name, own);
	return strcmp(own, path) == 0 && repo_has_ref(x->repo, name, NULL) == 0;
}

/* A callback of repo_visit_names(). */
static int expire_log(void *ctx, int dirfd, const char *name)
{
	const struct expiry *x = ctx;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(x->err, CFS_REPO_LOG_DIR);
	if (!S_ISREG(st.st_mode) || st.st_mtim.tv_sec > x->now - CFS_REPO_LOG_EXPIRE_SEC)
		return 0;
	if (!is_of_removed_ref(x, name))
		return 0;
	if (!x->dry_run && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(x->err, CFS_REPO_LOG_DIR "/%s", name);
	++*x->n;
	return 0;
}

int cfs_repo_log_expire(const struct cfs_repo *repo, int64_t now, bool dry_run,
			uint64_t *n, struct cfs_err *err)
{
	struct cfs_err why = {""};
	struct expiry x = {repo, now, dry_run, n, &why};
	int rc, fd = cfs_beneath_open(repo->dirfd, CFS_REPO_LOG_DIR,
				      O_RDONLY | O_DIRECTORY, 0);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, CFS_REPO_LOG_DIR, err);
	rc = repo_visit_names(fd, expire_log, &x);
	return rc < 0 ? cfs_fail(err, -rc, "%s",
				 *why.msg ? why.msg
					  : CFS_REPO_LOG_DIR ": it cannot be listed")
		      : 0;
}
