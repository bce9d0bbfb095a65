/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Marking what is in use although no name refers to it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "gc/mark.h"

static int open_image_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	return cfs_repo_open_unverified(cfs_repo_get_dirfd(repo), below, err);
}

/* --- what no entry leads to --------------------------------------------------------- */

static void note_image_use(const struct gc_marks *m, const char *place, int use)
{
	if (m->opts->note)
		m->opts->note(m->opts->ctx, CFS_GC_NOTE_IN_USE, place,
			      cfs_file_get_use_reason(use));
}

/* Whether the file has the magic of composefs images. It is not mapped: reading a damaged
 * page of a file with fs-verity raises SIGBUS. */
static int is_image(int fd, struct cfs_err *err)
{
	uint8_t head[4];
	ssize_t n = cfs_io_pread(fd, head, sizeof(head), 0, err);

	if (n < 0)
		return (int)n;
	return n == sizeof(head) && cfs_image_has_magic(head);
}

/* Whether the content has the digest id. */
static int has_content_digest(int fd, const struct cfs_digest *id,
			      const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_digest got;
	int rc = cfs_verity_digest_fd(id->alg, fd, 1, watch, &got, NULL, err);

	return rc < 0 ? rc : cfs_digest_eq(&got, id);
}

/* Whether a file in use without the magic of an image may be an image that was damaged
 * after it was mounted. What such an image refers to is unknown. */
static int may_be_damaged_image(const struct gc_marks *m, int fd,
				const struct cfs_digest *id, int use, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];
	int sound;

	if (gc_find_entry(&m->side[CFS_REPO_IMAGES], cfs_digest_hex(id, hex)))
		return 1;
	if (use ==
	    CFS_FILE_USE_UNKNOWN) /* true of every file here, and only images are mounted */
		return 0;
	sound = has_content_digest(fd, id, m->opts->watch, err);
	return sound < 0 ? sound : !sound;
}

static int fail_damaged(struct cfs_err *err)
{
	return cfs_fail(err, EUCLEAN,
			"in use, but damaged: expected an image or a sound object");
}

/* Marks an object in use without the magic of an image. */
static int mark_used_object(struct gc_marks *m, int fd, const struct cfs_digest *id,
			    int use, struct cfs_err *err)
{
	int damaged = may_be_damaged_image(m, fd, id, use, err);
	char path[CFS_OBJECT_PATH_MAX];

	if (damaged)
		return damaged < 0 ? damaged : fail_damaged(err);
	if (use == CFS_FILE_USE_UNKNOWN)
		return 0;
	note_image_use(m, cfs_digest_path(id, path), use);
	return cfs_ids_add(&m->live, id->bytes, err);
}

/* An image in use keeps itself and its objects, although no reference names it: a mount
 * would lose its files. ENOENT: the object is gone, and nothing is to be kept. */
int gc_mark_if_used(struct gc_marks *m, const struct cfs_digest *id, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	cfs_autofd int fd = open_image_object(m->repo, id, err);
	int use, image;

	if (fd == -ENOENT || fd == -EUCLEAN)
		return 0;
	if (fd < 0)
		return fd;
	cfs_digest_path(id, path);
	use = cfs_context(err, cfs_file_probe_use(fd, err), "objects/%s", path);
	if (use <= CFS_FILE_UNUSED)
		return use;
	image = cfs_context(err, is_image(fd, err), "objects/%s: in use", path);
	if (image < 0)
		return image;
	if (!image)
		return cfs_context(err, mark_used_object(m, fd, id, use, err),
				   "objects/%s", path);
	note_image_use(m, path, use);
	use = cfs_ids_add(&m->used, id->bytes, err);
	return use < 0 ? use : gc_mark_image(m, id, err);
}

/* --- .quarantine -------------------------------------------------------------------- */

/* Marks what the image in a file refers to. -EINVAL: not an image. */
static int mark_bytes(struct gc_marks *m, int fd, struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	int rc = is_image(fd, err);

	if (rc <= 0)
		return rc < 0 ? rc
			      : cfs_fail(err, EINVAL,
					 "expected an image, got another kind of file");
	rc = cfs_map_copy(fd, &map, err);
	if (rc < 0)
		return rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_repo_list_image_objects(&im, m->opts->watch, &m->live, NULL,
						 err);
	cfs_map_close(&map);
	return rc;
}

/* Errors that a damaged file causes, as opposed to failures of the program. */
static bool is_image_damage(int rc)
{
	return rc == -EINVAL || rc == -EUCLEAN || rc == -ENOTSUP || rc == -EIO;
}

/* Parses HEX or HEX.N. */
static bool parse_aside_name(const char *name, enum cfs_hash_alg alg,
			     struct cfs_digest *out)
{
	size_t len = 2 * cfs_hash_len(alg);

	*out = (struct cfs_digest){.alg = alg};
	return strlen(name) >= len && (name[len] == '\0' || name[len] == '.') &&
	       cfs_hex_decode((struct cfs_text){name, len}, out->bytes, len / 2);
}

/* Marks the image that is now in the place of a file that was moved aside. 1: there is
 * one. */
static int mark_successor(struct gc_marks *m, const struct cfs_digest *id,
			  struct cfs_err *err)
{
	cfs_autofd int fd = open_image_object(m->repo, id, err);
	int rc;

	if (fd == -ENOENT || fd == -EUCLEAN)
		return 0;
	rc = fd < 0 ? fd : is_image(fd, err);
	if (rc <= 0)
		return rc;
	rc = gc_mark_image(m, id, err);
	return rc < 0 ? rc : 1;
}

/* Fails if a file that was moved aside, without the magic of an image, may be a damaged
 * image. */
static int check_no_image(const struct gc_marks *m, int fd, const struct cfs_digest *id,
			  int use, struct cfs_err *err)
{
	cfs_autofd int now = open_image_object(m->repo, id, err);
	int sound, damaged;

	if (now < 0 && now != -ENOENT && now != -EUCLEAN)
		return now;
	sound = now < 0 ? 0 : has_content_digest(now, id, m->opts->watch, err);
	if (sound) /* an intact object is in its place, and it is not an image */
		return sound < 0 ? sound : 0;
	damaged = may_be_damaged_image(m, fd, id, use, err);
	return damaged > 0 ? fail_damaged(err) : damaged;
}

/* A file in use keeps what it refers to, and what the image of its name refers to: the
 * kernel may have read that before the file was damaged. */
static int mark_aside_file(struct gc_marks *m, int dirfd, const char *name,
			   struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_unverified(dirfd, name, err);
	struct cfs_digest id;
	struct cfs_err why;
	int use, own, successor = 0;
	bool has_id;

	if (fd == -ENOENT || fd == -EUCLEAN)
		return 0;
	if (fd < 0)
		return fd;
	use = cfs_file_probe_use(fd, err);
	if (use <= CFS_FILE_UNUSED)
		return use;
	own = mark_bytes(m, fd, &why);
	has_id = parse_aside_name(name, m->live.alg, &id);
	if (has_id)
		successor = mark_successor(m, &id, err);
	if (successor < 0)
		return successor;
	if (own == -EINVAL && !successor)
		return has_id ? check_no_image(m, fd, &id, use, err) : 0;
	if (own < 0 && !(successor && is_image_damage(own)))
		return cfs_fail(err, -own,
				"in use, but it cannot be read as an image: %s", why.msg);
	note_image_use(m, name, use);
	return has_id ? cfs_ids_add(&m->used, id.bytes, err) : 0;
}

/* Marks the objects that a mount or a process still uses of those that a repair has
 * moved aside. */
static int mark_aside_files(struct gc_marks *m, DIR *dir, struct cfs_err *err)
{
	const struct dirent *d;
	int rc = 0;

	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if ((rc = cfs_watch_poll(m->opts->watch, err)) == 0 &&
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = cfs_context(err,
					 mark_aside_file(m, dirfd(dir), d->d_name, err),
					 CFS_REPO_ASIDE "/%s", d->d_name);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory " CFS_REPO_ASIDE);
	return rc;
}

/* Files that were replaced while in use lie aside under another name; they are roots as
 * long as a process has them open. No such directory: there are none. */
int gc_mark_aside(struct gc_marks *m, struct cfs_err *err)
{
	int fd = cfs_beneath_open(cfs_repo_get_dirfd(m->repo), CFS_REPO_ASIDE,
				  O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, CFS_REPO_ASIDE, err);
	if (!dir) {
		rc = cfs_fail_errno(err, CFS_REPO_ASIDE);
		close(fd);
		return rc;
	}
	rc = mark_aside_files(m, dir, err);
	closedir(dir);
	return rc;
}
