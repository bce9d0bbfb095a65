/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lists of first-level links and of references. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* The number of components of a reference whose target still fits into CFS_REPO_LINK_MAX:
 * "../" for each, and a name of one byte. Below that depth no link can be valid. */
enum { DEPTH_MAX = (CFS_REPO_LINK_MAX - 2) / 3 };

void cfs_repo_list_fini(struct cfs_repo_list *list)
{
	cfs_arena_fini(&list->arena);
	free(list->v);
	*list = (struct cfs_repo_list){0};
}

struct lister {
	const struct cfs_repo *repo;
	enum cfs_repo_kind kind;
	bool refs;
	struct cfs_repo_list *out;
};

static int set_bad(struct cfs_repo_entry *e, int code, const char *wrong)
{
	e->code = code;
	e->wrong = wrong;
	return 0;
}

/* images/ID must refer to the object of the same ID; the name of a stream is free. */
static int parse_list_entry(const struct lister *l, struct cfs_repo_entry *e,
			    struct cfs_text target)
{
	char hex[CFS_DIGEST_HEX_MAX];

	if (!repo_parse_object_target(target, l->repo->meta.alg, &e->id))
		return set_bad(e, -EUCLEAN, "expected a link to ../objects/xx/rest");
	if (l->kind == CFS_REPO_IMAGES &&
	    strcmp(e->name, cfs_digest_hex(&e->id, hex)) != 0)
		return set_bad(e, -EUCLEAN,
			       "the link refers to the object of another ID");
	return 0;
}

static int parse_listed_ref(const struct lister *l, struct cfs_repo_entry *e,
			    struct cfs_text target, struct cfs_err *err)
{
	struct cfs_text entry;

	if (!repo_parse_ref_target(cfs_text(e->name), target, &entry))
		return set_bad(e, -EUCLEAN,
			       "expected a link to a first-level entry, \"../\" for each "
			       "component of the name");
	e->target = cfs_arena_copy(&l->out->arena, entry.s, entry.len);
	return e->target ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Fills in e from the link called name. A name that is no valid link becomes a bad
 * entry with its error, since one bad name must not hide the others. */
static int read_list_entry(const struct lister *l, int dirfd, const char *name,
			   struct cfs_repo_entry *e, struct cfs_err *err)
{
	char buf[CFS_REPO_LINK_MAX];
	struct stat st;
	int len = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0
			  ? -errno
			  : cfs_repo_read_link(dirfd, name, buf);

	if (len == -EINVAL)
		return set_bad(e, -EMLINK, "expected a symbolic link");
	if (len == -EUCLEAN)
		return set_bad(e, -EUCLEAN, "the link is too long");
	if (len < 0)
		return set_bad(e, len, strerror(-len));
	e->mtime_sec = st.st_mtim.tv_sec;
	e->mtime_nsec = (uint32_t)st.st_mtim.tv_nsec;
	if (l->refs)
		return parse_listed_ref(l, e, (struct cfs_text){buf, (size_t)len}, err);
	return parse_list_entry(l, e, (struct cfs_text){buf, (size_t)len});
}

static int append_entry(const struct lister *l, const struct cfs_repo_entry *e,
			struct cfs_err *err)
{
	if (cfs_grow(&l->out->v, &l->out->cap, l->out->n + 1, sizeof(*e)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->out->v[l->out->n++] = *e;
	return 0;
}

/* Allocated in the arena; NULL: out of memory. */
static const char *join_name(const struct lister *l, const char *prefix, const char *name)
{
	size_t prefix_len = strlen(prefix), len = strlen(name);
	char *full = cfs_arena_alloc(&l->out->arena, prefix_len + len + 1, 1);

	if (!full)
		return NULL;
	memcpy(full, prefix, prefix_len);
	memcpy(full + prefix_len, name, len + 1);
	return full;
}

static int add_list_entry(const struct lister *l, int dirfd, const char *prefix,
			  const char *name, struct cfs_err *err)
{
	struct cfs_repo_entry e = {.name = join_name(l, prefix, name)};
	int rc;

	if (!e.name)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = read_list_entry(l, dirfd, name, &e, err);
	if (e.code == -ENOENT) /* removed during the run */
		return 0;
	return rc < 0 ? rc : append_entry(l, &e, err);
}

/* Lists a directory that is too deep as a bad entry, without entering it. */
static int add_too_deep(const struct lister *l, const char *prefix, const char *name,
			struct cfs_err *err)
{
	struct cfs_repo_entry e = {.name = join_name(l, prefix, name)};

	if (!e.name)
		return cfs_fail(err, ENOMEM, "out of memory");
	set_bad(&e, -EMLINK, "a directory below the deepest possible reference");
	return append_entry(l, &e, err);
}

/* 1, 0 or -errno. */
static int is_dir(int dirfd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	if (fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode);
}

static int list_directory_names(const struct lister *l, int fd, const char *prefix,
				int depth, struct cfs_err *err);

/* Lists the references below one directory of refs/. A directory that disappeared is
 * skipped; one that is too deep becomes a bad entry. The descriptor is handed to
 * list_directory_names. */
static int list_ref_directory(const struct lister *l, int dirfd, const char *prefix,
			      const char *name, int depth, struct cfs_err *err)
{
	cfs_autofree char *below = NULL;
	int fd;

	if (!l->refs) /* refs/ itself, or a directory that does not belong here */
		return strcmp(name, "refs") == 0
			       ? 0
			       : add_list_entry(l, dirfd, prefix, name, err);
	if (depth + 2 > DEPTH_MAX)
		return add_too_deep(l, prefix, name, err);
	if (asprintf(&below, "%s%s/", prefix, name) < 0) {
		below = NULL;
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return cfs_fail_errno(err, "refs/%s%s", prefix, name);
	return list_directory_names(l, fd, below, depth + 1, err);
}

static int list_ref_name(const struct lister *l, int dirfd, const char *prefix,
			 const struct dirent *d, int depth, struct cfs_err *err)
{
	int dir = is_dir(dirfd, d);

	if (dir < 0) {
		errno = -dir;
		return cfs_fail_errno(err, "%s%s", prefix, d->d_name);
	}
	return dir ? list_ref_directory(l, dirfd, prefix, d->d_name, depth, err)
		   : add_list_entry(l, dirfd, prefix, d->d_name, err);
}

/* Closes fd. The depth is bounded, and with it the stack. */
static int list_directory_names(const struct lister *l, int fd, const char *prefix,
				int depth, struct cfs_err *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = cfs_fail_errno(err, "open directory");
		close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir))) {
		rc = cfs_watch_poll(l->repo->wait.watch, err);
		if (rc == 0 && strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0)
			rc = list_ref_name(l, dirfd(dir), prefix, d, depth, err);
	}
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory");
	closedir(dir);
	return rc;
}

/* qsort_r cannot be interrupted. Once the watch is cancelled, all are equal: that ends it
 * soon. */
static int compare_entry_names(const void *a, const void *b, void *watch)
{
	if (cfs_watch_is_cancelled(watch))
		return 0;
	return strcmp(((const struct cfs_repo_entry *)a)->name,
		      ((const struct cfs_repo_entry *)b)->name);
}

static int sort_names(const struct lister *l, struct cfs_err *err)
{
	const struct cfs_watch *watch = l->repo->wait.watch;

	if (l->out->n)
		qsort_r(l->out->v, l->out->n, sizeof(*l->out->v), compare_entry_names,
			(void *)(uintptr_t)watch);
	return cfs_watch_poll(watch, err);
}

/* Lists all links of a kind, sorted. A directory that does not exist is empty, as in a
 * new repository. */
static int list_kind(const struct lister *l, struct cfs_err *err)
{
	char path[64];
	int fd, rc;

	snprintf(path, sizeof(path), "%s%s", cfs_repo_get_kind_dir(l->kind),
		 l->refs ? "/refs" : "");
	fd = cfs_beneath_open(l->repo->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, path, err);
	rc = cfs_context(err, list_directory_names(l, fd, "", 0, err), "%s", path);
	return rc < 0 ? rc : sort_names(l, err);
}

int cfs_repo_list_entries(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			  struct cfs_repo_list *out, struct cfs_err *err)
{
	struct lister l = {.repo = repo, .kind = kind, .refs = false, .out = out};

	return list_kind(&l, err);
}

int cfs_repo_list_refs(const struct cfs_repo *repo, enum cfs_repo_kind kind,
		       struct cfs_repo_list *out, struct cfs_err *err)
{
	struct lister l = {.repo = repo, .kind = kind, .refs = true, .out = out};

	return list_kind(&l, err);
}
