/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Resolution of a path: one lookup for each component, by the path without symbolic links so far. */
#include "erofs/resolve.h"

#include <errno.h>
#include <string.h>

#include "erofs/content.h"
#include "erofs/lookup.h"

enum { LINKS_MAX = 40 }; /* as Linux: MAXSYMLINKS */

struct resolve {
	const struct cfs_image *im;
	char done[PATH_MAX]; /* without symbolic links: "/a/b"; the root is "" */
	size_t done_len;
	char left[PATH_MAX]; /* what follows */
	unsigned n_links;
};

static int fail_long(struct cfs_err *err)
{
	return cfs_fail(err, ENAMETOOLONG, "path: expected less than %d bytes", PATH_MAX);
}

static void leave_directory(struct resolve *r)
{
	while (r->done_len && r->done[--r->done_len] != '/')
		;
	r->done[r->done_len] = '\0';
}

static int resolve_name(struct resolve *r, struct cfs_text name, struct cfs_err *err)
{
	if (r->done_len + 1 + name.len >= sizeof(r->done))
		return fail_long(err);
	r->done[r->done_len++] = '/';
	memcpy(r->done + r->done_len, name.s, name.len);
	r->done_len += name.len;
	r->done[r->done_len] = '\0';
	return 0;
}

/* Puts the target of a symbolic link in front of what is left, and leaves the link. */
static int follow_link(struct resolve *r, const struct cfs_inode *link, const char *rest,
		       struct cfs_err *err)
{
	size_t rest_len = strlen(rest);
	struct cfs_text target;
	int rc = cfs_inode_read_target(link, &target, err);

	if (rc < 0)
		return rc;
	if (++r->n_links > LINKS_MAX)
		return cfs_fail(err, ELOOP, "expected at most %d symbolic links",
				LINKS_MAX);
	if (target.len + 1 + rest_len >= sizeof(r->left))
		return fail_long(err);
	memmove(r->left + target.len + 1, rest, rest_len + 1);
	memcpy(r->left, target.s, target.len);
	r->left[target.len] = '/';
	if (rest_len == 0)
		r->left[target.len] = '\0';
	leave_directory(r);
	if (target.s[0] == '/') {
		r->done_len = 0;
		r->done[0] = '\0';
	}
	return 0;
}

/* One component. Sets *inode to that of the path so far. */
static int take_step(struct resolve *r, enum cfs_resolve last, struct cfs_inode *inode,
		     struct cfs_err *err)
{
	const char *name = r->left + strspn(r->left, "/");
	size_t len = strcspn(name, "/");
	const char *rest = name + len;
	bool is_last = !*rest;
	int rc = 0;

	if (len && !S_ISDIR(inode->mode))
		return cfs_fail(err, ENOTDIR, "expected a directory: %s", r->done);
	if (len == 2 && memcmp(name, "..", 2) == 0)
		leave_directory(r);
	else if (len && !(len == 1 && *name == '.'))
		rc = resolve_name(r, (struct cfs_text){name, len}, err);
	if (rc == 0)
		rc = cfs_image_lookup(r->im, (struct cfs_text){r->done, r->done_len},
				      inode, err);
	if (rc < 0)
		return rc;
	if (S_ISLNK(inode->mode) && !(is_last && last == CFS_RESOLVE_NOT_LAST)) {
		rc = follow_link(r, inode, rest, err);
		return rc < 0 ? rc
			      : cfs_image_lookup(r->im,
						 (struct cfs_text){r->done, r->done_len},
						 inode, err);
	}
	if (*rest && !S_ISDIR(inode->mode))
		return cfs_fail(err, ENOTDIR, "expected a directory: %s", r->done);
	memmove(r->left, rest, strlen(rest) + 1);
	return 0;
}

int cfs_image_resolve(const struct cfs_image *im, struct cfs_text path,
		      enum cfs_resolve last, struct cfs_inode *out, char *path_out,
		      struct cfs_err *err)
{
	struct resolve r = {.im = im};
	int rc;

	if (path.len >= sizeof(r.left))
		return fail_long(err);
	if (path.len)
		memcpy(r.left, path.s, path.len);
	rc = cfs_image_read_inode(im, im->root_nid, out, err);
	while (rc == 0 && r.left[0])
		rc = take_step(&r, last, out, err);
	if (rc == 0 && path_out)
		memcpy(path_out, r.done, r.done_len + 1);
	return rc;
}
