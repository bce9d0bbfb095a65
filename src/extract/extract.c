/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The walk: a directory is made before its entries, and gets its attributes after them. */
#include "extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "extract/extract_priv.h"

/* An open directory, and the inode whose attributes it gets in the end. */
struct level {
	int fd;
	struct cfs_inode inode;
	char *path; /* in the image, for messages */
};

struct run {
	struct extract e;
	struct level *levels; /* from the top to the current directory */
	size_t n_levels, cap;
};

static int current_dir(const struct run *r)
{
	return r->n_levels ? r->levels[r->n_levels - 1].fd : r->e.x->dirfd;
}

/* --- directories -------------------------------------------------------------------- */

static int push_level(struct run *r, int fd, const struct cfs_walk_entry *entry,
		      struct cfs_err *err)
{
	char *path = strndup(entry->path.s, entry->path.len);

	if (!path ||
	    cfs_grow(&r->levels, &r->cap, r->n_levels + 1, sizeof(*r->levels)) < 0) {
		free(path);
		close(fd);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	r->levels[r->n_levels++] = (struct level){fd, entry->inode, path};
	return 0;
}

static void drop_level(struct run *r)
{
	struct level *l = &r->levels[--r->n_levels];

	close(l->fd);
	free(l->path);
}

/* Leaves the directories that have at least this depth. */
static int leave_levels(struct run *r, size_t depth, struct cfs_err *err)
{
	while (r->n_levels > depth) {
		const struct level *l = &r->levels[r->n_levels - 1];
		struct cfs_inode_spec spec;
		int rc = cfs_image_read_mounted_spec(r->e.x->im, &l->inode, &r->e.room,
						     &spec, err);

		if (rc == 0)
			rc = extract_attributes(&r->e, l->fd, &spec, cfs_text(l->path),
						err);
		if (rc < 0)
			return cfs_context(err, rc, "%s", l->path);
		drop_level(r);
	}
	return 0;
}

static int open_dir_nofollow(int dirfd, const char *name)
{
	int fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int fail_exists(struct cfs_err *err)
{
	return cfs_fail(err, EEXIST, "exists already");
}

/* Removes a file that is in the way, if that is allowed. */
static int remove_file(const struct run *r, int dirfd, const char *name,
		       struct cfs_err *err)
{
	if (!r->e.x->force)
		return fail_exists(err);
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	return cfs_fail_errno(err, "replace");
}

/* Makes a directory, or with force opens the one that exists. Returns the descriptor. */
static int make_or_open_dir(const struct run *r, int dirfd, const char *name,
			    struct cfs_err *err)
{
	int rc = mkdirat(dirfd, name, 0700) < 0 ? -errno : 0, fd;

	if (rc == -EEXIST) {
		fd = r->e.x->force ? open_dir_nofollow(dirfd, name) : -EEXIST;
		if (fd >= 0)
			return fd;
		rc = remove_file(r, dirfd, name, err);
		if (rc < 0)
			return rc;
		rc = mkdirat(dirfd, name, 0700) < 0 ? -errno : 0;
	}
	fd = rc < 0 ? rc : open_dir_nofollow(dirfd, name);
	errno = fd < 0 ? -fd : 0;
	if (fd < 0)
		return cfs_fail_errno(err, "create directory");
	extract_drop_acl(fd);
	return fd;
}

static int enter_dir(struct run *r, const struct cfs_walk_entry *entry, const char *name,
		     struct cfs_err *err)
{
	int fd = name ? make_or_open_dir(r, current_dir(r), name, err)
		      : open_dir_nofollow(r->e.x->dirfd, ".");

	if (fd < 0)
		return name ? fd : cfs_fail(err, -fd, "open: %s", strerror(-fd));
	return push_level(r, fd, entry, err);
}

/* --- other files -------------------------------------------------------------------- */

/* mknod() gives no descriptor, so the file is opened by its name. In a directory of another user it may be
 * another one by then, such as a hard link to a file whose owner and mode would be changed. Some network filesystems show other owners than
 * the caller; only root changes owners. */
static int check_node(const struct run *r, int fd, const struct cfs_inode_spec *spec,
		      struct cfs_err *err)
{
	bool is_device = S_ISCHR(spec->mode) || S_ISBLK(spec->mode);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "fstat");
	if ((st.st_mode & S_IFMT) == (spec->mode & S_IFMT) &&
	    (!r->e.x->as_root || st.st_uid == geteuid()) && st.st_nlink == 1 &&
	    (!is_device || st.st_rdev == spec->rdev))
		return 0;
	return cfs_fail(err, ESTALE, "it was exchanged while it was created");
}

static int open_node(const struct run *r, int dirfd, const char *name,
		     const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	cfs_autofd int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "open");
	rc = check_node(r, fd, spec, err);
	return rc < 0 ? rc : cfs_steal_fd(&fd);
}

/* Creates a node that is no regular file and no directory. -EEXIST without a message:
 * the name is taken. */
static int make_node(const struct run *r, int dirfd, const char *name,
		     const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	char target[CFS_PAYLOAD_MAX + 1];
	int rc;

	if (S_ISLNK(spec->mode)) {
		memcpy(target, spec->payload.s, spec->payload.len);
		target[spec->payload.len] = '\0';
		rc = symlinkat(target, dirfd, name);
	} else {
		rc = mknodat(dirfd, name, (spec->mode & S_IFMT) | 0600, spec->rdev);
	}
	if (rc == 0)
		return open_node(r, dirfd, name, spec, err);
	return errno == EEXIST ? -EEXIST : cfs_fail_errno(err, "create");
}

/* Returns a descriptor of the new file. */
static int make_any(struct run *r, int dirfd, const char *name,
		    const struct cfs_walk_entry *entry, const struct cfs_inode_spec *spec,
		    struct cfs_err *err)
{
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = S_ISREG(spec->mode)
			     ? extract_file(&r->e, dirfd, name, &entry->inode, spec, err)
			     : make_node(r, dirfd, name, spec, err);
		if (fd != -EEXIST)
			return fd;
		if (i == 1)
			break;
		fd = remove_file(r, dirfd, name, err);
		if (fd < 0)
			return fd;
	}
	return fail_exists(err);
}

/* Creates anything but a directory. Without root, devices are counted and left out. The
 * attributes come last; if they fail, the entry is removed again. */
static int create_walk_entry(struct run *r, const struct cfs_walk_entry *entry,
			     const char *name, struct cfs_err *err)
{
	bool device = S_ISCHR(entry->inode.mode) || S_ISBLK(entry->inode.mode);
	struct cfs_inode_spec spec;
	cfs_autofd int fd = -1;
	struct stat st;
	int rc;

	if (device && !r->e.x->as_root) {
		r->e.report->devices++;
		return 0;
	}
	rc = cfs_image_read_mounted_spec(r->e.x->im, &entry->inode, &r->e.room, &spec,
					 err);
	if (rc < 0)
		return rc;
	fd = make_any(r, current_dir(r), name, entry, &spec, err);
	if (fd < 0)
		return fd;
	extract_drop_acl(fd);
	if (entry->cookie && fstat(fd, &st) == 0)
		*entry->cookie = st.st_ino;
	rc = extract_attributes(&r->e, fd, &spec, entry->path, err);
	if (rc < 0)
		(void)unlinkat(current_dir(r), name, 0);
	return rc;
}

/* --- hard links --------------------------------------------------------------------- */

/* The path of an entry below the first level. The top itself is "". */
static const char *skip_top_path(const struct run *r, struct cfs_text path)
{
	size_t len = strlen(r->e.x->top);

	return path.len > len ? path.s + len + 1 : "";
}

/* Links the file that was made for the first name. In a directory that existed before, another user may have
 * exchanged it meanwhile: hence the comparison. */
static int make_link(struct run *r, const struct cfs_walk_entry *entry, const char *name,
		     struct cfs_err *err)
{
	char first[PATH_MAX];
	const char *last;
	cfs_autofd int parent = -1;
	struct stat st;

	if (!entry->cookie || *entry->cookie == 0)
		return 0; /* the first name was left out */
	if ((size_t)snprintf(first, sizeof(first), "%.*s", (int)entry->first.len,
			     entry->first.s) >= sizeof(first))
		return cfs_fail(err, ENAMETOOLONG, "hard link: the path is too long");
	parent = cfs_beneath_open_parent(
		r->levels[0].fd,
		skip_top_path(r, (struct cfs_text){first, strlen(first)}), &last);
	if (parent < 0)
		return cfs_beneath_fail(parent, first, err);
	if (linkat(parent, last, current_dir(r), name, 0) < 0) {
		int rc = errno == EEXIST ? remove_file(r, current_dir(r), name, err) : 0;

		if (rc < 0)
			return rc;
		if (linkat(parent, last, current_dir(r), name, 0) < 0)
			return cfs_fail_errno(err, "hard link to %s", first);
	}
	if (fstatat(current_dir(r), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != *entry->cookie) {
		(void)unlinkat(current_dir(r), name, 0);
		return cfs_fail(err, ESTALE, "%s was replaced during the run", first);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------ */

/* Leaves the directories that are complete, whose times and modes are set only then, and
 * creates the entry in the one that is open. Paths are never opened as a whole. */
static int extract_entry(struct run *r, const struct cfs_walk_entry *entry,
			 struct cfs_err *err)
{
	char buf[CFS_NAME_MAX + 1];
	const char *name = buf;
	int rc = leave_levels(r, entry->depth, err);

	if (rc < 0)
		return rc;
	if (entry->depth == 0)
		name = r->e.x->name;
	else
		snprintf(buf, sizeof(buf), "%.*s", (int)entry->name.len, entry->name.s);
	r->e.report->entries++;
	if (S_ISDIR(entry->inode.mode))
		rc = enter_dir(r, entry, name, err);
	else
		rc = entry->again ? make_link(r, entry, name, err)
				  : create_walk_entry(r, entry, name, err);
	return cfs_context(err, rc, "%.*s", (int)entry->path.len, entry->path.s);
}

/* Extracts everything below the top. Directories get their modes and times when they
 * are left, or nothing could be created in them. */
static int walk_all(struct run *r, struct cfs_err *err)
{
	const struct cfs_extract *x = r->e.x;
	struct cfs_walk_opts opts = {.top = cfs_text(x->top), .first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *entry;
	int rc = cfs_walk_new(x->im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &entry, err)) > 0) {
		const struct cfs_progress now = {.stage = "files",
						 .done = r->e.report->entries};

		rc = cfs_watch_poll(x->watch, err);
		if (rc == 0)
			rc = extract_entry(r, entry, err);
		cfs_watch_progress(x->watch, &now);
	}
	return rc < 0 ? rc : leave_levels(r, 0, err);
}

int cfs_extract(const struct cfs_extract *x, struct cfs_extract_report *out,
		struct cfs_err *err)
{
	struct run r = {.e = {.x = x, .report = out, .lost.watch = x->watch}};
	int rc;

	*out = (struct cfs_extract_report){0};
	rc = walk_all(&r, err);
	while (r.n_levels)
		drop_level(&r);
	cfs_watch_end_kind(&r.e.lost, "such xattrs");
	free(r.levels);
	free(r.e.buf);
	cfs_verity_free(r.e.verity);
	cfs_spec_room_fini(&r.e.room);
	return rc;
}
