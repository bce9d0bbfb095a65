/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The walk through the layer, and the decision about each name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "etcmerge/etcmerge_priv.h"

struct merge {
	const struct cfs_etc_merge *m;
	struct etc_links links;
	char path[PATH_MAX]; /* of the current name, below /etc */
	size_t path_len;
	unsigned depth;
};

/* A directory on all sides. */
struct place {
	int from, to;
	struct etc_side old_side, new_side;
};

static int merge_dir(struct merge *g, const struct place *at, struct cfs_err *err);

/* --- sides ---------------------------------------------------------------------------- */

static bool is_dir(const struct etc_side *side)
{
	return side->exists && S_ISDIR(side->inode.mode);
}

/* Finds a name in the directory of one image. What overlayfs hides does not exist. */
static int find_side(const struct etc_side *dir, const char *name, struct etc_side *out,
		     struct cfs_err *err)
{
	struct cfs_dirent e;
	int rc;

	*out = (struct etc_side){.im = dir->im};
	if (!is_dir(dir))
		return 0;
	rc = cfs_dir_find(dir->im, &dir->inode, cfs_text(name), &e, err);
	if (rc == 1)
		rc = cfs_dirent_read_inode(dir->im, &e, &out->inode, err);
	else if (rc == 0)
		return 0;
	out->exists = rc == 0 && !cfs_inode_is_hidden(dir->im, &out->inode);
	return rc;
}

static int find_top(const struct cfs_image *im, struct etc_side *out, struct cfs_err *err)
{
	int rc;

	*out = (struct etc_side){.im = im};
	rc = cfs_image_lookup(im, CFS_TEXT("etc"), &out->inode, err);
	out->exists = rc == 0;
	return rc == -ENOENT ? 0 : rc;
}

/* Reports a change of the user that hides one of the new image. */
static int check_conflict(struct merge *g, const struct etc_side *old_side,
			  const struct etc_side *new_side, const char *what,
			  struct cfs_err *err)
{
	int rc = etc_equals(old_side, new_side, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	return g->m->conflict(g->m->ctx, g->path, what, err);
}

/* --- names ---------------------------------------------------------------------------- */

/* A file was deleted. */
static int merge_whiteout(struct merge *g, const struct place *at, const char *name,
			  const struct etc_side *old_side,
			  const struct etc_side *new_side, struct cfs_err *err)
{
	if (!new_side->exists)
		return 0;
	if (mknodat(at->to, name, S_IFCHR, 0) < 0)
		return cfs_fail_errno(err, "create the whiteout");
	return check_conflict(g, old_side, new_side,
			      "deleted here, changed in the new image", err);
}

/* Keeps a file that was changed on this machine. One that equals the old or the new
 * image needs no copy in the layer. */
static int merge_file(struct merge *g, const struct place *at, const char *name,
		      const struct etc_file *file, const struct etc_side *old_side,
		      const struct etc_side *new_side, struct cfs_err *err)
{
	int rc = etc_equals_image(file, old_side, err);

	if (rc == 0)
		rc = etc_equals_image(file, new_side, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = etc_link_copied(&g->links, file, g->m->out, g->path, at->to, name, err);
	if (rc == 0)
		rc = etc_copy_file(file, at->to, name, g->m->watch, err);
	if (rc < 0)
		return rc;
	return check_conflict(g, old_side, new_side,
			      new_side->exists ? "changed here and in the new image"
					       : "changed here, not in the new image",
			      err);
}

/* Removes a new directory that has nothing but what the new image shows anyway. */
static int drop_if_empty(const struct place *at, const char *name, struct cfs_err *err)
{
	if (unlinkat(at->to, name, AT_REMOVEDIR) == 0)
		return 1;
	return errno == ENOTEMPTY || errno == EEXIST
		       ? 0
		       : cfs_fail_errno(err, "remove the empty directory");
}

/* The attributes of a directory: of the new image, unless the user changed them. */
static int finish_dir(const struct etc_file *file, bool is_changed,
		      const struct etc_side *new_side, int fd, struct cfs_err *err)
{
	if (!is_changed && is_dir(new_side))
		return etc_give_attributes(new_side, fd, err);
	return etc_copy_attributes(file, fd, err);
}

/* Decides about the attributes and the use of a directory whose files were merged. */
static int settle_subdir(struct merge *g, const struct place *at, const char *name,
			 const struct etc_file *file, const struct place *below,
			 const struct etc_side *old_side, const struct etc_side *new_side,
			 struct cfs_err *err)
{
	int unchanged = etc_equals_image(file, &below->old_side, err);
	int as_new = unchanged != 0 ? unchanged
				    : etc_equals_image(file, &below->new_side, err);
	int rc = as_new < 0 ? as_new
			    : finish_dir(file, unchanged == 0, &below->new_side,
					 below->to, err);

	if (rc == 0 && as_new && !file->is_opaque)
		rc = drop_if_empty(at, name, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!new_side->exists || (as_new && is_dir(&below->new_side)))
		return 0;
	return check_conflict(g, old_side, new_side,
			      "a directory here, changed in the new image", err);
}

/* Merges a directory into a new one, which gets its attributes when its entries are
 * there. */
static int merge_subdir(struct merge *g, const struct place *at, const char *name,
			const struct etc_file *file, const struct etc_side *old_side,
			const struct etc_side *new_side, struct cfs_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	cfs_autofd int from = openat(at->from, name, flags);
	cfs_autofd int to = -1;
	struct place below = {.from = from, .old_side = *old_side, .new_side = *new_side};
	int rc;

	if (from < 0 || mkdirat(at->to, name, 0700) < 0)
		return cfs_fail_errno(err, "create the directory");
	to = openat(at->to, name, flags);
	if (to < 0)
		return cfs_fail_errno(err, "open the directory");
	below.to = to;
	/* What an opaque directory hides is no side of it. */
	if (file->is_opaque)
		below.old_side.exists = below.new_side.exists = false;
	rc = merge_dir(g, &below, err);
	return rc < 0 ? rc
		      : settle_subdir(g, at, name, file, &below, old_side, new_side, err);
}

/* Compares one name of the running /etc with both images, and decides by its type. */
static int merge_name(struct merge *g, const struct place *at, const char *name,
		      struct cfs_err *err)
{
	struct etc_side old_side, new_side;
	struct etc_file file = {.fd = -1};
	int rc = find_side(&at->old_side, name, &old_side, err);

	if (rc == 0)
		rc = find_side(&at->new_side, name, &new_side, err);
	if (rc == 0)
		rc = etc_file_open(at->from, name, &file, err);
	if (rc == 0 && etc_is_whiteout(&file))
		rc = merge_whiteout(g, at, name, &old_side, &new_side, err);
	else if (rc == 0 && S_ISDIR(file.st.st_mode))
		rc = merge_subdir(g, at, name, &file, &old_side, &new_side, err);
	else if (rc == 0)
		rc = merge_file(g, at, name, &file, &old_side, &new_side, err);
	etc_file_close(&file);
	return rc;
}

/* --- directories ---------------------------------------------------------------------- */

struct names {
	char **v;
	size_t n, cap;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

/* Sorted, so that messages have the same order on each machine. */
static int read_names(int dirfd, struct names *out, struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		rc = cfs_fail_errno(err, "reading the directory");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0 ||
		    !(out->v[out->n] = strdup(e->d_name)))
			rc = cfs_fail(err, ENOMEM, "out of memory");
		else
			out->n++;
	}
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "reading the directory");
	closedir(dir);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_names);
	return rc;
}

/* Appends a name to the path. Returns false if it is too long. */
static bool enter_name(struct merge *g, const char *name)
{
	int n = snprintf(g->path + g->path_len, sizeof(g->path) - g->path_len, "%s%s",
			 g->path_len ? "/" : "", name);

	if ((size_t)n >= sizeof(g->path) - g->path_len)
		return false;
	g->path_len += (size_t)n;
	return true;
}

/* Merges the entries of a directory. The depth is limited, because each level keeps
 * descriptors open. */
static int merge_dir(struct merge *g, const struct place *at, struct cfs_err *err)
{
	struct names names = {0};
	size_t path_len = g->path_len;
	int rc = read_names(at->from, &names, err);

	if (rc == 0 && ++g->depth > CFS_ETC_DEPTH_MAX)
		rc = cfs_fail(err, ELOOP, "expected at most %d directories on the way",
			      CFS_ETC_DEPTH_MAX);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		rc = cfs_watch_poll(g->m->watch, err);
		if (rc == 0 && !enter_name(g, names.v[i]))
			rc = cfs_fail(err, ENAMETOOLONG, "the path is too long");
		if (rc == 0)
			rc = merge_name(g, at, names.v[i], err);
		if (rc < 0)
			break; /* the path is that of the failure */
		g->path_len = path_len;
		g->path[path_len] = '\0';
	}
	g->depth--;
	free_names(&names);
	return rc;
}

/* The top itself: the layer has the attributes of /etc. */
static int merge_top(const struct cfs_etc_merge *m, const struct place *at,
		     struct cfs_err *err)
{
	struct etc_file top;
	int rc = etc_file_open(m->upper, ".", &top, err);

	if (rc == 0)
		rc = etc_equals_image(&top, &at->old_side, err);
	if (rc >= 0)
		rc = finish_dir(&top, rc == 0, &at->new_side, m->out, err);
	etc_file_close(&top);
	return rc;
}

int cfs_etc_merge(const struct cfs_etc_merge *m, struct cfs_err *err)
{
	struct merge *g = calloc(1, sizeof(*g));
	struct place at = {.from = m->upper, .to = m->out};
	int rc = g ? find_top(m->old_image, &at.old_side, err)
		   : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0)
		rc = find_top(m->new_image, &at.new_side, err);
	if (rc == 0) {
		g->m = m;
		rc = merge_dir(g, &at, err);
		if (rc == 0)
			rc = merge_top(m, &at, err);
		rc = cfs_context(err, rc, "/etc/%s", g->path);
	}
	if (g)
		etc_links_fini(&g->links);
	free(g);
	return rc;
}
