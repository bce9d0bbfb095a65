/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "root/kernel_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "erofs/erofs_priv.h"
#include "unit/t.h"

enum { STRANGER = 54321, MARKER_MAX = 256, LIST_MAX = 1 << 16, VALUE_MAX = 1 << 16 };

/* --- Objects ------------------------------------------------------------------------- */

/* What the object of that path has in it. */
static size_t marker_of(struct cfs_text payload, char out[MARKER_MAX])
{
	int n = snprintf(out, MARKER_MAX, "object %.*s", (int)payload.len, payload.s);

	return n < MARKER_MAX ? (size_t)n : MARKER_MAX - 1;
}

static int open_beneath(int dirfd, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .mode = mode,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* The payload comes from a mutant: its directories are made one by one, none above objects. */
static void make_object(int objects, struct cfs_text payload)
{
	char path[CFS_PAYLOAD_MAX + 1], marker[MARKER_MAX];
	cfs_autofd int fd = -1;

	memcpy(path, payload.s, payload.len);
	path[payload.len] = '\0';
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		cfs_autofd int dir = -1;

		*slash = '\0';
		if (!strstr(path, "..") && slash != path)
			(void)mkdirat(objects, path, 0755);
		dir = open_beneath(objects, path, O_PATH | O_DIRECTORY, 0);
		*slash = '/';
		if (dir < 0)
			return;
	}
	fd = open_beneath(objects, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0)
		(void)!write(fd, marker, marker_of(payload, marker));
}

void view_make_objects(const struct cfs_image *im, int objects)
{
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_text payload;

	if (cfs_walk_new(im, NULL, &walk, NULL) < 0)
		return;
	while (cfs_walk_next(walk, &e, NULL) > 0)
		if (e->inode.external &&
		    cfs_image_read_backing(im, &e->inode, &payload, NULL) == 0 &&
		    payload.len)
			make_object(objects, payload);
}

/* --- One entry ----------------------------------------------------------------------- */

/* A comparison under way. */
struct view {
	const struct cfs_image *im;
	char *difference;
	bool differs;
	struct cfs_spec_room room;
};

/* An entry of the reader, and its path from the working directory. */
struct entry {
	const struct cfs_walk_entry *e;
	const char *path;
	struct cfs_inode_spec spec;
	bool is_whiteout; /* of the tree: shown as an empty file with marks */
};

__attribute__((format(printf, 3, 4))) static void differ(struct view *v, const char *path,
							 const char *fmt, ...)
{
	int n;
	va_list ap;

	if (v->differs)
		return;
	v->differs = true;
	n = snprintf(v->difference, VIEW_DIFFERENCE_MAX, "%.200s: ", path);
	va_start(ap, fmt);
	vsnprintf(v->difference + n, VIEW_DIFFERENCE_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

static void compare_number(struct view *v, const char *path, const char *what,
			   uint64_t kernel, uint64_t reader)
{
	if (kernel != reader)
		differ(v, path, "%s: the kernel says %" PRIu64 ", the reader %" PRIu64,
		       what, kernel, reader);
}

static void compare_stat(struct view *v, const struct entry *x)
{
	const struct cfs_inode_spec *s = &x->spec;
	uint32_t mode =
		x->is_whiteout ? (s->mode & ~(uint32_t)S_IFMT) | S_IFREG : s->mode;
	struct stat st;

	if (lstat(x->path, &st) < 0) {
		differ(v, x->path, "lstat: %s", strerror(errno));
		return;
	}
	compare_number(v, x->path, "mode", st.st_mode, mode);
	compare_number(v, x->path, "uid", st.st_uid, s->uid);
	compare_number(v, x->path, "gid", st.st_gid, s->gid);
	compare_number(v, x->path, "mtime", (uint64_t)st.st_mtim.tv_sec,
		       (uint64_t)s->mtime_sec);
	compare_number(v, x->path, "nanoseconds", (uint64_t)st.st_mtim.tv_nsec,
		       s->mtime_nsec);
	compare_number(v, x->path, "size", (uint64_t)st.st_size, s->size);
	if (!S_ISDIR(mode))
		compare_number(v, x->path, "nlink", st.st_nlink, s->nlink);
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		compare_number(v, x->path, "major", major(st.st_rdev),
			       s->rdev >> 8 & 0xfff);
		compare_number(v, x->path, "minor", minor(st.st_rdev),
			       (s->rdev & 0xff) | (s->rdev >> 12 & 0xfff00));
	}
}

/* --- xattrs -------------------------------------------------------------------------- */

/* Marks that stand for whiteouts, and are no xattrs of the tree. */
static bool is_mark(const struct entry *x, const char *key)
{
	if (x->is_whiteout)
		return strcmp(key, "trusted.overlay.whiteout") == 0 ||
		       strcmp(key, "user.overlay.whiteout") == 0;
	return S_ISDIR(x->spec.mode) && (strcmp(key, "trusted.overlay.whiteouts") == 0 ||
					 strcmp(key, "user.overlay.whiteouts") == 0);
}

static const struct cfs_xattr *find_xattr(const struct entry *x, const char *key)
{
	for (size_t i = 0; i < x->spec.n_xattrs; i++)
		if (cfs_text_eq(x->spec.xattrs[i].key, cfs_text(key)))
			return &x->spec.xattrs[i];
	return NULL;
}

static void compare_value(struct view *v, const struct entry *x, const char *key,
			  struct cfs_span expected)
{
	static uint8_t value[VALUE_MAX];
	ssize_t n = lgetxattr(x->path, key, value, sizeof(value));

	if (n < 0)
		differ(v, x->path, "xattr %s: %s", key, strerror(errno));
	else if (!cfs_span_eq((struct cfs_span){value, (size_t)n}, expected))
		differ(v, x->path,
		       "xattr %s: the kernel has another value (%zd bytes, the reader "
		       "%zu)",
		       key, n, expected.len);
}

static void compare_xattrs(struct view *v, const struct entry *x)
{
	static char list[LIST_MAX];
	ssize_t n = llistxattr(x->path, list, sizeof(list));
	size_t listed = 0;

	if (n < 0)
		differ(v, x->path, "llistxattr: %s", strerror(errno));
	for (const char *key = list; n > 0 && key < list + n; key += strlen(key) + 1) {
		const struct cfs_xattr *expected = find_xattr(x, key);

		if (expected)
			compare_value(v, x, key, expected->value);
		else if (is_mark(x, key))
			compare_value(v, x, key,
				      (struct cfs_span){(const uint8_t *)"", 0});
		else
			differ(v, x->path, "xattr %s: shown by the kernel alone", key);
		listed += expected != NULL;
	}
	for (size_t i = 0; listed != x->spec.n_xattrs && i < x->spec.n_xattrs; i++) {
		char key[CFS_XATTR_KEY_MAX + 1] = "";
		const char *at = list;

		memcpy(key, x->spec.xattrs[i].key.s, x->spec.xattrs[i].key.len);
		while (at < list + n && strcmp(at, key) != 0)
			at += strlen(at) + 1;
		if (at >= list + n)
			differ(v, x->path, "xattr %s: not listed by the kernel", key);
	}
}

/* --- Contents ------------------------------------------------------------------------ */

static void compare_bytes(struct view *v, const char *path, int fd,
			  struct cfs_span expected)
{
	static uint8_t buf[2 * CFS_CONTENT_MAX];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	if (n < 0)
		differ(v, path, "read: %s", strerror(errno));
	else if (!cfs_span_eq((struct cfs_span){buf, (size_t)n}, expected))
		differ(v, path,
		       "content: the kernel has %zd bytes, the reader %zu, and they "
		       "differ",
		       n, expected.len);
}

static void compare_content(struct view *v, const struct entry *x)
{
	cfs_autofd int fd = open(x->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char marker[MARKER_MAX];

	if (fd < 0)
		differ(v, x->path, "open: %s", strerror(errno));
	else if (x->e->inode.external)
		compare_bytes(v, x->path, fd,
			      (struct cfs_span){(const uint8_t *)marker,
						marker_of(x->spec.payload, marker)});
	else
		compare_bytes(v, x->path, fd, x->spec.content);
}

static void compare_target(struct view *v, const struct entry *x)
{
	char target[CFS_PAYLOAD_MAX + 1];
	ssize_t n = readlink(x->path, target, sizeof(target));

	if (n < 0 || !cfs_text_eq((struct cfs_text){target, (size_t)n}, x->spec.payload))
		differ(v, x->path, "readlink: %s",
		       n < 0 ? strerror(errno) : "another target");
}

/* What an ACL gives to others; -1: there is none. */
static int acl_of_others(const struct entry *x)
{
	const struct cfs_xattr *acl = find_xattr(x, "system.posix_acl_access");
	int perm = -1;

	if (!acl || !(x->spec.mode & S_IRWXG)) /* then the kernel does not ask it */
		return -1;
	for (size_t off = 4; off + 8 <= acl->value.len; off += 8)
		if (cfs_le16(acl->value.p + off) == 0x20)
			perm = cfs_le16(acl->value.p + off + 2);
	return perm;
}

/* A user who owns nothing opens what mode and ACL let others read. */
static void compare_access(struct view *v, const struct entry *x, bool reachable)
{
	int others = acl_of_others(x);
	bool allowed = (others < 0 ? x->spec.mode & S_IROTH : others & 4) != 0;
	int fd, errnum;

	if (!reachable || x->spec.uid == STRANGER || x->spec.gid == STRANGER)
		return;
	setfsgid(STRANGER);
	setfsuid(STRANGER);
	fd = open(x->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	errnum = errno;
	setfsuid(0);
	setfsgid(0);
	if (fd >= 0)
		close(fd);
	if (allowed && fd < 0)
		differ(v, x->path, "open for others: %s", strerror(errnum));
	if (!allowed && fd >= 0)
		differ(v, x->path, "open for others: allowed against mode or ACL");
}

/* --- Directories --------------------------------------------------------------------- */

/* Counts what the kernel lists; each name must be one of the reader's, of its type. */
static void compare_names(struct view *v, const struct entry *x)
{
	DIR *dir = opendir(x->path);
	size_t n_kernel = 0, n_reader = 0;
	const struct dirent *d;
	struct cfs_dirent entry;
	struct cfs_dir reader;

	if (!dir) {
		differ(v, x->path, "opendir: %s", strerror(errno));
		return;
	}
	while ((errno = 0, d = readdir(dir))) {
		struct cfs_inode child;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n_kernel++;
		if (cfs_dir_find(v->im, &x->e->inode, cfs_text(d->d_name), &entry,
				 NULL) <= 0 ||
		    cfs_dirent_read_inode(v->im, &entry, &child, NULL) < 0 ||
		    cfs_inode_is_hidden(v->im, &child))
			differ(v, x->path, "the kernel alone lists %.100s", d->d_name);
		else if (d->d_type != IFTODT(child.mode))
			differ(v, x->path, "%.100s is listed as type %d", d->d_name,
			       d->d_type);
	}
	if (errno)
		differ(v, x->path, "readdir: %s", strerror(errno));
	closedir(dir);
	if (cfs_dir_open(v->im, &x->e->inode, &reader, NULL) < 0)
		return;
	while (cfs_dir_next(&reader, &entry, NULL) > 0) {
		struct cfs_inode child;

		n_reader += cfs_dirent_read_inode(v->im, &entry, &child, NULL) == 0 &&
			    !cfs_inode_is_hidden(v->im, &child);
	}
	compare_number(v, x->path, "names", n_kernel, n_reader);
}

/* --- All of it ----------------------------------------------------------------------- */

static void compare_entry(struct view *v, struct entry *x, bool reachable)
{
	struct cfs_err err;

	if (cfs_image_read_spec(v->im, &x->e->inode, &v->room, &x->spec, &err) < 0) {
		differ(v, x->path, "the reader fails: %s", err.msg);
		return;
	}
	x->is_whiteout = S_ISCHR(x->spec.mode) && S_ISREG(x->e->inode.mode);
	compare_stat(v, x);
	compare_xattrs(v, x);
	if (S_ISDIR(x->spec.mode))
		compare_names(v, x);
	else if (S_ISREG(x->spec.mode))
		compare_content(v, x);
	else if (S_ISLNK(x->spec.mode))
		compare_target(v, x);
	if (S_ISREG(x->spec.mode) || S_ISDIR(x->spec.mode))
		compare_access(v, x, reachable);
}

/* May others search that directory? One with an ACL counts as closed. */
static bool is_open(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && st.st_mode & S_IXOTH &&
	       getxattr(dir, "system.posix_acl_access", NULL, 0) <= 0;
}

/* Can others reach that path? */
static bool is_reachable(const char *path)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strrchr(copy, '/'); slash; slash = strrchr(copy, '/')) {
		*slash = '\0';
		if (!is_open(copy))
			return false;
	}
	return is_open(".");
}

bool view_agrees(const struct cfs_image *im, char difference[VIEW_DIFFERENCE_MAX])
{
	struct view v = {.im = im, .difference = difference};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	char path[4096];
	int rc = cfs_walk_new(im, NULL, &walk, NULL);

	while (rc >= 0 && !v.differs && (rc = cfs_walk_next(walk, &e, NULL)) > 0) {
		struct entry x = {.e = e, .path = path};

		if (e->path.len >= sizeof(path))
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)e->path.len - 1, e->path.s + 1);
		if (!*path)
			strcpy(path, ".");
		compare_entry(&v, &x, is_reachable(path));
	}
	if (rc < 0)
		differ(&v, ".", "the reader fails: %s", strerror(-rc));
	cfs_spec_room_fini(&v.room);
	return !v.differs;
}
