/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Repairing what a check reported: first objects, made durable, then the links to
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check/fetch.h"

struct repair {
	struct cfs_repo *repo;
	const struct cfs_check_report *report;
	struct cfs_check_repaired *out;
	struct cfs_store *store;
	const struct cfs_watch *watch;
	struct cfs_ids wanted; /* missing, or moved aside as damaged */
};

/* --- objects ------------------------------------------------------------------------ */

/* The content is right: the store replaces the file by a copy with fs-verity. */
static int replace_sealed(struct repair *r, const struct cfs_digest *id, int fd,
			  uint64_t size, struct cfs_err *err)
{
	struct cfs_digest got;
	int rc = cfs_store_add_fd(r->store, 0, fd, size, &got, err);

	if (rc == 0 && !cfs_digest_eq(&got, id))
		rc = cfs_fail(err, EILSEQ, "the object changed while it was read");
	r->out->n_sealed += rc == 0;
	return rc;
}

/* EIO means that the content does not match fs-verity, or a failure of the disk. Try once
 * more, in case of the latter. */
static int digest_repaired_file(int fd, const struct cfs_digest *id,
				const struct cfs_watch *watch, struct cfs_digest *got,
				struct cfs_err *err)
{
	int rc = cfs_verity_digest_fd(id->alg, fd, 1, watch, got, NULL, err);

	return rc == -EIO ? cfs_verity_digest_fd(id->alg, fd, 1, watch, got, NULL, err)
			  : rc;
}

static int seal_if_unsealed(struct repair *r, const struct cfs_digest *id, int fd,
			    uint64_t size, struct cfs_err *err)
{
	struct cfs_digest got;
	int rc = cfs_repo_is_secure(r->repo) ? cfs_verity_measure(fd, &got, err) : 0;

	return rc == -ENOTTY ? replace_sealed(r, id, fd, size, err) : rc;
}

/* -ENOENT: the object must be fetched. */
static int repair_bad_object(struct repair *r, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	struct cfs_digest got;
	struct stat st;
	int rc;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	fd = cfs_beneath_open(cfs_repo_get_dirfd(r->repo), below,
			      O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return -ENOENT;
	/* A symbolic link in its place is not the object; what cannot be opened may
	 * be. */
	if (fd < 0 && fd != -ELOOP)
		return cfs_beneath_fail(fd, below, err);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", below);
	if (fd >= 0 && S_ISREG(st.st_mode)) {
		rc = digest_repaired_file(fd, id, r->watch, &got, err);
		if (rc == 0 && cfs_digest_eq(&got, id))
			return seal_if_unsealed(r, id, fd, (uint64_t)st.st_size, err);
		if (rc < 0 && rc != -EIO)
			return rc;
	}
	rc = cfs_repo_move_aside(r->repo, id, err);
	r->out->n_quarantined += rc == 0;
	return rc < 0 ? rc : -ENOENT;
}

/* Moves damaged objects away, and collects the IDs of those that are missing, which
 * are fetched afterwards. */
static int repair_objects(struct repair *r, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->report->n; i++) {
		const struct cfs_digest *id = &r->report->v[i].id;

		if (!id->alg)
			continue;
		rc = cfs_watch_poll(r->watch, err);
		if (rc == 0)
			rc = repair_bad_object(r, id, err);
		if (rc == -ENOENT)
			rc = cfs_ids_add(&r->wanted, id->bytes, err);
		rc = cfs_context(err, rc, "%s", r->report->v[i].place);
	}
	return rc < 0 ? rc : cfs_ids_settle(&r->wanted, err);
}

/* --- links -------------------------------------------------------------------------- */

/* Whether a reference may refer to the entry. One that could not be read may refer to
 * any. */
static bool may_be_named(const struct cfs_repo_list *refs, const char *entry)
{
	for (size_t i = 0; i < refs->n; i++) {
		const struct cfs_repo_entry *ref = &refs->v[i];

		if (ref->code ? ref->code != -EMLINK : strcmp(ref->target, entry) == 0)
			return true;
	}
	return false;
}

/* Creates the link of an image from its name. For a stream that is impossible. */
static int create_image_link(struct repair *r, int dirfd, const char *name,
			     struct cfs_err *err)
{
	char target[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc;

	if (cfs_digest_parse(cfs_text(name), &id, NULL) < 0 ||
	    id.alg != cfs_repo_get_meta(r->repo)->alg)
		return 0;
	rc = cfs_repo_has_object(r->repo, &id, err);
	if (rc <= 0)
		return rc == -EUCLEAN ? 0 : rc;
	cfs_repo_format_object_target(&id, target);
	rc = cfs_repo_put_link(r->repo, dirfd, name, target, err);
	r->out->n_relinked += rc == 0;
	return rc;
}

/* Repairs one link below images or streams: one that can be made again is made again,
 * and one whose object is gone is removed if no reference needs it. */
static int repair_entry(struct repair *r, enum cfs_repo_kind kind, int dirfd,
			const struct cfs_repo_entry *e, const struct cfs_repo_list *refs,
			struct cfs_err *err)
{
	int has = cfs_watch_poll(r->watch, err);

	if (has < 0)
		return has;
	if (e->code == -EUCLEAN && kind == CFS_REPO_IMAGES)
		return create_image_link(r, dirfd, e->name, err);
	if (e->code || may_be_named(refs, e->name))
		return 0;
	has = cfs_repo_has_object(r->repo, &e->id, err);
	if (has)
		return has > 0 || has == -EUCLEAN ? 0 : has;
	if (unlinkat(dirfd, e->name, 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, "%s/%s", cfs_repo_get_kind_dir(kind), e->name);
	r->out->n_dropped++;
	return 0;
}

/* Repairs a reference to an image whose first-level link is missing although its object
 * exists. */
static int repair_ref(struct repair *r, int dirfd, const struct cfs_repo_entry *ref,
		      struct cfs_err *err)
{
	char buf[CFS_REPO_LINK_MAX];
	int len = cfs_watch_poll(r->watch, err);

	if (len < 0)
		return len;
	len = ref->code ? 0 : cfs_repo_read_link(dirfd, ref->target, buf);
	/* Other problems are reported by the next check. */
	if (len >= 0 || len == -EINVAL || len == -EUCLEAN)
		return 0;
	if (len != -ENOENT) {
		errno = -len;
		return cfs_fail_errno(err, "images/%s", ref->target);
	}
	return create_image_link(r, dirfd, ref->target, err);
}

/* First the entries, then the references to them. The directory is synced once at the
 * end. A kind that has no directory has nothing to repair. */
static int repair_links(struct repair *r, enum cfs_repo_kind kind, struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_open(cfs_repo_get_dirfd(r->repo), cfs_repo_get_kind_dir(kind),
				 O_RDONLY | O_DIRECTORY, 0);
	struct cfs_repo_list entries = {0}, refs = {0};
	int rc;

	if (dirfd == -ENOENT)
		return 0;
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, cfs_repo_get_kind_dir(kind), err);
	rc = cfs_repo_list_entries(r->repo, kind, &entries, err);
	if (rc == 0)
		rc = cfs_repo_list_refs(r->repo, kind, &refs, err);
	for (size_t i = 0; rc == 0 && i < entries.n; i++)
		rc = repair_entry(r, kind, dirfd, &entries.v[i], &refs, err);
	for (size_t i = 0; rc == 0 && kind == CFS_REPO_IMAGES && i < refs.n; i++)
		rc = repair_ref(r, dirfd, &refs.v[i], err);
	if (rc == 0 && fsync(dirfd) < 0)
		rc = cfs_fail_errno(err, "sync directory");
	cfs_repo_list_fini(&entries);
	cfs_repo_list_fini(&refs);
	return rc;
}

/* Objects first, then what was fetched, then a commit, then links: a link is restored
 * only to an object that is on disk. After a failure, what was repaired stays so. */
int cfs_check_repair(struct cfs_repo *repo, const struct cfs_check_report *report,
		     const struct cfs_check_sources *from, struct cfs_check_repaired *out,
		     struct cfs_err *err)
{
	/* The store warns of what the check has reported. */
	const struct cfs_watch quiet = {.cancelled = from->watch ? from->watch->cancelled
								 : NULL};
	const struct cfs_store_opts opts = {.watch = &quiet};
	struct repair r = {repo, report, out, NULL, from->watch, {0}};
	int rc;

	*out = (struct cfs_check_repaired){0};
	cfs_ids_init(&r.wanted, cfs_repo_get_meta(repo)->alg);
	r.wanted.watch = from->watch;
	rc = cfs_repo_open_store(repo, &opts, &r.store, err);
	if (rc == 0)
		rc = repair_objects(&r, err);
	if (rc == 0)
		rc = check_fetch(repo, r.store, &r.wanted, from, &out->n_fetched, err);
	if (rc == 0)
		rc = cfs_store_commit(r.store, err);
	if (rc == 0)
		rc = repair_links(&r, CFS_REPO_IMAGES, err);
	if (rc == 0)
		rc = repair_links(&r, CFS_REPO_STREAMS, err);
	cfs_store_close(r.store);
	cfs_ids_fini(&r.wanted);
	return cfs_context(err, rc, "repair %s", cfs_repo_get_path(repo));
}
