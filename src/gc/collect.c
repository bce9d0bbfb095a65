/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Collecting: mark beside the others, mark what came meanwhile alone, then remove. */
#include "gc/mark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct collect {
	const struct cfs_gc_opts *opts;
	struct cfs_gc_result *out;
	struct cfs_repo *repo;
	struct mark mark;
	struct cfs_ids garbage; /* objects that were not reached when they were listed */
	/* What is removed is decided before the first removal, so that a question without an answer
	 * leaves all as it was. */
	struct cfs_ids gone;   /* of the garbage */
	bool *gone_entries[2]; /* by enum cfs_repo_kind and the index of the entry */
	uint8_t *expired;      /* by the index of the ref: mark_expired */
	bool *gone_refs[2];    /* the same */
	int objects;	       /* the directory, or -1 when there is none */
	int prefix_dir;	       /* objects/xx of prefix_byte, or -1 */
	unsigned prefix_byte;
	time_t now;
};

static void note(const struct collect *c, enum cfs_gc_note what, const char *name,
		 const char *why)
{
	if (c->opts->note)
		c->opts->note(c->opts->ctx, what, name, why);
}

static void show(const struct collect *c, const char *stage, uint64_t done, uint64_t all)
{
	if (c->opts->progress)
		c->opts->progress(c->opts->ctx, stage, done, all);
}

/* --- listing ----------------------------------------------------------------------------- */

/* One file of objects/xx. */
static int list_file(struct collect *c, const char *prefix, const char *name,
		     struct cfs_err *err)
{
	struct cfs_digest id;
	char path[CFS_OBJECT_PATH_MAX + 300];

	snprintf(path, sizeof(path), "%s/%s", prefix, name);
	if (!cfs_repo_parse_object_name(prefix, name, c->mark.live.alg, &id)) {
		note(c, CFS_GC_NOTE_FOREIGN, path, "not the name of an object");
		return 0;
	}
	if (cfs_ids_has(&c->mark.live, id.bytes)) {
		c->out->n_live++;
		return 0;
	}
	return cfs_ids_add(&c->garbage, id.bytes, err);
}

/* Calls list_file for all of a directory, which is closed then. */
static int list_prefix(struct collect *c, const char *prefix, struct cfs_err *err)
{
	int fd = cfs_beneath_open(c->objects, prefix, O_RDONLY | O_DIRECTORY, 0), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		if (fd == -ENOENT)
			return 0;
		errno = fd < 0 ? -fd : errno;
		return cfs_fail_errno(err, "objects/%s", prefix);
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = list_file(c, prefix, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "objects/%s", prefix);
	closedir(dir);
	return rc;
}

static int list_objects(struct collect *c, struct cfs_err *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && c->objects >= 0 && i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		char prefix[3] = "";

		cfs_hex_encode(&byte, 1, prefix);
		rc = list_prefix(c, prefix, err);
		show(c, "objects listed", i, 256);
	}
	return rc < 0 ? rc : cfs_ids_settle(&c->garbage, err);
}

/* --- removing ---------------------------------------------------------------------------- */

/* The directory of the object, held until that of another one is asked for. A path "xx/rest" would be
 * followed through whatever is at xx by now: whoever owns the repository could put a symbolic link there, to the
 * objects of another one. -ENOENT: there is none. */
static int hold_prefix(struct collect *c, const struct cfs_digest *id,
		       struct cfs_err *err)
{
	char name[3] = "", place[16];

	if (c->prefix_dir >= 0 && c->prefix_byte == id->bytes[0])
		return c->prefix_dir;
	if (c->prefix_dir >= 0)
		close(c->prefix_dir);
	cfs_hex_encode(id->bytes, 1, name);
	c->prefix_byte = id->bytes[0];
	c->prefix_dir = cfs_beneath_open_dir(c->objects, name);
	if (c->prefix_dir >= 0 || c->prefix_dir == -ENOENT)
		return c->prefix_dir;
	snprintf(place, sizeof(place), "objects/%s", name);
	return cfs_beneath_fail(c->prefix_dir, place, err);
}

static void drop_prefix(struct collect *c)
{
	if (c->prefix_dir >= 0)
		close(c->prefix_dir);
	c->prefix_dir = -1;
}

/* The name of the object in its directory. */
static const char *name_in_prefix(const char *path)
{
	return path + 3;
}

/* What is still garbage; younger than the grace: it stays. */
static int choose_object(struct collect *c, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	int dir = hold_prefix(c, id, err);
	struct stat st;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	cfs_digest_path(id, path);
	if (fstatat(dir, name_in_prefix(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "objects/%s", path);
	if (!S_ISREG(st.st_mode)) {
		note(c, CFS_GC_NOTE_FOREIGN, path, "not a regular file");
		return 0;
	}
	if (c->opts->grace && st.st_ctim.tv_sec + (time_t)c->opts->grace > c->now)
		return 0;
	c->out->n_objects++;
	c->out->bytes += (uint64_t)st.st_blocks * 512;
	return cfs_ids_add(&c->gone, id->bytes, err);
}

static int choose_objects(struct collect *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->garbage.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->garbage, i);

		if (!cfs_ids_has(&c->mark.live, id.bytes))
			rc = choose_object(c, &id, err);
	}
	drop_prefix(c);
	return rc < 0 ? rc : cfs_ids_settle(&c->gone, err);
}

static int remove_object(struct collect *c, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	int dir = hold_prefix(c, id, err);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	cfs_digest_path(id, path);
	if (unlinkat(dir, name_in_prefix(path), 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, "objects/%s", path);
	return 0;
}

static int remove_objects(struct collect *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->gone.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->gone, i);
		char prefix[3] = "";

		rc = remove_object(c, &id, err);
		if (rc < 0)
			break;
		show(c, "objects removed", i, c->gone.n);
		cfs_hex_encode(id.bytes, 1, prefix);
		/* Behind the last of its directory; a directory that is not empty stays. */
		if (i + 1 == c->gone.n || c->gone.v[(i + 1) * c->gone.len] != id.bytes[0])
			(void)unlinkat(c->objects, prefix, AT_REMOVEDIR);
	}
	drop_prefix(c);
	return rc;
}

/* Those of what goes: signatures/ID of images, signatures/objects/ID.p7s of objects. They go before, so that
 * none is left over when the power goes. */
static int remove_signatures(const struct collect *c, struct cfs_err *err)
{
	static const int directory = O_RDONLY | O_DIRECTORY;
	cfs_autofd int of_images =
		cfs_beneath_open(cfs_repo_dirfd(c->repo), "signatures", directory, 0);
	cfs_autofd int of_objects =
		of_images < 0 ? -ENOENT
			      : cfs_beneath_open(of_images, "objects", directory, 0);

	if (of_images < 0 && of_images != -ENOENT)
		return cfs_beneath_fail(of_images, "signatures", err);
	if (of_objects < 0 && of_objects != -ENOENT)
		return cfs_beneath_fail(of_objects, "signatures/objects", err);
	for (size_t i = 0; of_images >= 0 && i < c->gone.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->gone, i);
		char hex[CFS_DIGEST_HEX_MAX], name[CFS_DIGEST_HEX_MAX + 8];
		int rc = cfs_repo_remove_tree(of_images, cfs_digest_hex(&id, hex));

		snprintf(name, sizeof(name), "%s.p7s", hex);
		if (rc == 0 && of_objects >= 0)
			rc = cfs_repo_remove_tree(of_objects, name);
		if (rc < 0) {
			errno = -rc;
			return cfs_fail_errno(err, "signatures of %s", hex);
		}
	}
	return 0;
}

/* First-level links whose object goes, or is gone, whoever removed it. */
static int choose_entries(struct collect *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	const struct cfs_repo_list *l = &c->mark.side[kind].entries;
	bool *gone = c->gone_entries[kind] = calloc(l->n + 1, sizeof(*gone));

	if (!gone)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];
		int has;

		if (e->code)
			continue;
		has = cfs_ids_has(&c->gone, e->id.bytes)
			      ? 0
			      : cfs_repo_has_object(c->repo, &e->id, err);
		if (has < 0 && has != -EUCLEAN) /* of another type: it stays */
			return has;
		gone[i] = has == 0;
	}
	return 0;
}

/* They are off the disk before the first object is: a link to nothing would tell others that they have what
 * they do not have. */
static int remove_entries(struct collect *c, enum cfs_repo_kind kind, uint64_t *n,
			  struct cfs_err *err)
{
	const struct cfs_repo_list *l = &c->mark.side[kind].entries;
	cfs_autofd int dirfd =
		cfs_beneath_open(cfs_repo_dirfd(c->repo), cfs_repo_kind_dir(kind),
				 O_RDONLY | O_DIRECTORY, 0);
	uint64_t before = *n;

	if (dirfd < 0 && dirfd != -ENOENT)
		return cfs_beneath_fail(dirfd, cfs_repo_kind_dir(kind), err);
	for (size_t i = 0; dirfd >= 0 && i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];

		if (!c->gone_entries[kind][i])
			continue;
		if (!c->opts->dry_run && unlinkat(dirfd, e->name, 0) < 0 &&
		    errno != ENOENT)
			return cfs_fail_errno(err, "%s/%s", cfs_repo_kind_dir(kind),
					      e->name);
		++*n;
	}
	if (*n > before && !c->opts->dry_run && fsync(dirfd) < 0)
		return cfs_fail_errno(err, "%s: sync directory", cfs_repo_kind_dir(kind));
	return 0;
}

static int remove_ref(struct collect *c, enum cfs_repo_kind kind, const char *name,
		      struct cfs_err *err)
{
	int rc = c->opts->dry_run ? 0 : cfs_repo_remove_ref(c->repo, kind, name, err);

	if (rc == 0)
		c->out->n_refs++;
	return rc == -ENOENT ? 0 : rc;
}

static int choose_expired(struct collect *c, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[CFS_REPO_IMAGES].refs;
	int rc;

	c->expired = calloc(refs->n + 1, sizeof(*c->expired));
	if (!c->expired)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = c->opts->keep ? mark_expired(refs, c->opts->keep, c->expired, err) : 0;
	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (c->expired[i] && c->expired[i] != MARK_EXPIRED)
			note(c, CFS_GC_NOTE_KEPT, refs->v[i].name,
			     c->expired[i] == MARK_OLD_TIME
				     ? "its version is among the newest, its time is not"
				     : "its time is among the newest, its version is "
				       "not");
	return rc;
}

static int remove_expired(struct collect *c, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[CFS_REPO_IMAGES].refs;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++) {
		if (c->expired[i] != MARK_EXPIRED)
			continue;
		note(c, CFS_GC_NOTE_EXPIRED, refs->v[i].name, "there are newer ones");
		rc = remove_ref(c, CFS_REPO_IMAGES, refs->v[i].name, err);
	}
	return rc;
}

static int choose_dangling(struct collect *c, enum cfs_repo_kind kind,
			   struct cfs_err *err)
{
	const struct mark_side *s = &c->mark.side[kind];
	bool *gone = c->gone_refs[kind] = calloc(s->refs.n + 1, sizeof(*gone));

	if (!gone)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; c->opts->prune_refs && i < s->refs.n; i++) {
		const struct cfs_repo_entry *ref = &s->refs.v[i];
		int leads;

		if (ref->code ||
		    (kind == CFS_REPO_IMAGES && c->expired[i] == MARK_EXPIRED))
			continue;
		leads = mark_leads_somewhere(&c->mark, kind, ref, err);
		if (leads < 0)
			return leads;
		gone[i] = leads == 0;
	}
	return 0;
}

static int remove_dangling(struct collect *c, enum cfs_repo_kind kind,
			   struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &c->mark.side[kind].refs;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (c->gone_refs[kind][i])
			rc = remove_ref(c, kind, refs->v[i].name, err);
	return rc;
}

/* --- what was left behind ---------------------------------------------------------------- */

enum {
	LEFT_AFTER = 3600
}; /* seconds: a program that knows no locks may still be at it */

static int remove_left_file(struct collect *c, int dirfd, const char *name,
			    struct cfs_err *err)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", name);
	if (S_ISDIR(st.st_mode) || st.st_mtim.tv_sec + LEFT_AFTER > c->now)
		return 0;
	if (!c->opts->dry_run && unlinkat(dirfd, name, 0) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", name);
	c->out->n_temporary++;
	return 0;
}

static int remove_left(struct collect *c, int dirfd, const char *prefix,
		       struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		rc = cfs_fail_errno(err, "open directory");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (strncmp(d->d_name, prefix, strlen(prefix)) == 0)
			rc = remove_left_file(c, dirfd, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory");
	closedir(dir);
	return rc;
}

/* --- the whole --------------------------------------------------------------------------- */

/* Whatever leads to them or not: objects that are in use stay, with what they refer to. An image may be
 * mounted of which the repository knows nothing since its entry was removed. */
static int keep_used(struct collect *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->garbage.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->garbage, i);

		if (!cfs_ids_has(&c->mark.live, id.bytes))
			rc = mark_if_used(&c->mark, &id, err);
		show(c, "objects asked about", i, c->garbage.n);
	}
	if (rc == 0)
		rc = cfs_ids_settle(&c->mark.used, err);
	c->out->n_in_use = c->mark.used.n;
	return rc < 0 ? rc : mark_images(&c->mark, err);
}

static int choose(struct collect *c, struct cfs_err *err)
{
	int rc = keep_used(c, err);

	if (rc == 0)
		rc = choose_expired(c, err);

	if (rc == 0)
		rc = choose_objects(c, err);
	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES;
	     rc == 0 && kind <= CFS_REPO_STREAMS; kind++) {
		rc = choose_entries(c, kind, err);
		if (rc == 0)
			rc = choose_dangling(c, kind, err);
	}
	return rc;
}

static int sweep(struct collect *c, struct cfs_err *err)
{
	int rc = choose(c, err);

	if (rc == 0)
		rc = remove_expired(c, err);
	if (rc == 0)
		rc = remove_entries(c, CFS_REPO_IMAGES, &c->out->n_images, err);
	if (rc == 0)
		rc = remove_entries(c, CFS_REPO_STREAMS, &c->out->n_streams, err);
	if (rc == 0)
		rc = remove_dangling(c, CFS_REPO_IMAGES, err);
	if (rc == 0)
		rc = remove_dangling(c, CFS_REPO_STREAMS, err);
	if (rc == 0 && !c->opts->dry_run)
		rc = remove_signatures(c, err);
	if (rc == 0 && !c->opts->dry_run)
		rc = remove_objects(c, err);
	if (rc == 0 && c->objects >= 0)
		rc = remove_left(c, c->objects, ".tmp-object-", err);
	return rc < 0 ? rc : remove_left(c, cfs_repo_dirfd(c->repo), ".symlink-", err);
}

static int open_objects(struct collect *c, struct cfs_err *err)
{
	c->objects = cfs_beneath_open(cfs_repo_dirfd(c->repo), "objects",
				      O_RDONLY | O_DIRECTORY, 0);
	if (c->objects == -ENOENT)
		return 0;
	if (c->objects < 0)
		return cfs_beneath_fail(c->objects, "objects", err);
	/* A lease on the file of another user is refused: all images would count as in use, and a run that may
	 * remove nothing would end with success. */
	if (!c->opts->dry_run && faccessat(c->objects, ".", W_OK, AT_EACCESS) < 0)
		return cfs_fail_errno(err, "objects");
	return 0;
}

static int look(struct collect *c, struct cfs_err *err)
{
	int rc = open_objects(c, err);

	if (rc == 0)
		rc = mark_open(&c->mark, c->repo, c->opts, NULL, err);
	if (rc == 0)
		rc = mark_all(&c->mark, err);
	if (rc == 0)
		rc = list_objects(c, err);
	return rc;
}

/* The lock is not turned into another one, but given back and taken anew: the rest of the world may
 * act in between, which is why the names are followed again. */
static int look_alone(struct collect *c, struct cfs_err *err)
{
	struct cfs_gc_opts quiet = *c->opts;
	struct mark before = c->mark;
	int rc;

	c->mark = (struct mark){0};
	quiet.note = NULL; /* it was all told already */
	rc = cfs_repo_lock_alone(c->repo, err);
	if (rc == 0)
		rc = mark_open(&c->mark, c->repo, &quiet, &before, err);
	if (rc == 0)
		rc = mark_all(&c->mark, err);
	c->mark.opts = c->opts;
	mark_close(&before);
	return rc;
}

static void free_collect(struct collect *c)
{
	mark_close(&c->mark);
	cfs_ids_fini(&c->garbage);
	cfs_ids_fini(&c->gone);
	for (int kind = 0; kind < 2; kind++) {
		free(c->gone_entries[kind]);
		free(c->gone_refs[kind]);
	}
	free(c->expired);
	if (c->objects >= 0)
		close(c->objects);
}

int cfs_gc_collect(struct cfs_repo *repo, const struct cfs_gc_opts *opts,
		   struct cfs_gc_result *out, struct cfs_err *err)
{
	struct collect c = {.opts = opts,
			    .out = out,
			    .repo = repo,
			    .objects = -1,
			    .prefix_dir = -1,
			    .now = time(NULL)};
	int rc;

	*out = (struct cfs_gc_result){0};
	cfs_ids_init(&c.garbage, cfs_repo_meta(repo)->alg);
	cfs_ids_init(&c.gone, cfs_repo_meta(repo)->alg);
	rc = look(&c, err);
	if (rc == 0 && !opts->dry_run)
		rc = look_alone(&c, err);
	if (rc == 0)
		rc = sweep(&c, err);
	free_collect(&c);
	return cfs_context(err, rc, "repository %s", cfs_repo_path(repo));
}
