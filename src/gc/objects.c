/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Garbage collection of objects: listing, choosing, removing, with their signatures. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gc/collect_priv.h"

/* --- listing ------------------------------------------------------------------------ */

/* Adds one file of objects/xx to the garbage unless it is marked. */
static int list_collected_file(struct gc_run *c, const char *prefix, const char *name,
			       struct cfs_err *err)
{
	struct cfs_digest id;
	char path[CFS_OBJECT_PATH_MAX + 300];

	snprintf(path, sizeof(path), "%s/%s", prefix, name);
	if (!cfs_repo_parse_object_name(prefix, name, c->mark.live.alg, &id)) {
		gc_note(c, CFS_GC_NOTE_FOREIGN, path, "not the name of an object");
		return 0;
	}
	if (cfs_ids_has(&c->mark.live, id.bytes)) {
		c->out->n_live++;
		return 0;
	}
	return cfs_ids_add(&c->garbage, id.bytes, err);
}

/* Lists one of the 256 directories. ENOENT: another run removed it. An error of
 * readdir() stops the collection, which then has removed nothing. */
static int list_collected_prefix(struct gc_run *c, const char *prefix,
				 struct cfs_err *err)
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
		if ((rc = cfs_watch_poll(c->opts->watch, err)) == 0 &&
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = list_collected_file(c, prefix, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "objects/%s", prefix);
	closedir(dir);
	return rc;
}

int gc_list_objects(struct gc_run *c, struct cfs_err *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && c->objects >= 0 && i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		char prefix[3] = "";

		cfs_hex_encode(&byte, 1, prefix);
		rc = gc_step(c, "prefixes listed", i, 256, err);
		if (rc == 0)
			rc = list_collected_prefix(c, prefix, err);
	}
	return rc < 0 ? rc : cfs_ids_settle(&c->garbage, err);
}

int gc_keep_used(struct gc_run *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->garbage.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->garbage, i);

		rc = gc_step(c, "unreferenced objects checked for use", i, c->garbage.n,
			     err);
		if (rc == 0 && !cfs_ids_has(&c->mark.live, id.bytes))
			rc = gc_mark_if_used(&c->mark, &id, err);
	}
	if (rc == 0)
		rc = cfs_ids_settle(&c->mark.used, err);
	c->out->n_in_use = c->mark.used.n;
	return rc < 0 ? rc : gc_mark_pending_images(&c->mark, err);
}

/* --- choosing and removing ---------------------------------------------------------- */

/* The directory of an object; it stays open until that of another one is requested. A
 * path "xx/REST" is not used: the owner of the repository could replace xx by a symbolic
 * link to the objects of another repository. -ENOENT. */
static int open_prefix(struct gc_run *c, const struct cfs_digest *id, struct cfs_err *err)
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

static void close_prefix(struct gc_run *c)
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

/* Chooses an object that is still garbage, and older than the grace period. */
static int choose_object(struct gc_run *c, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	int dir = open_prefix(c, id, err);
	struct stat st;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	cfs_digest_path(id, path);
	if (fstatat(dir, name_in_prefix(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "objects/%s", path);
	if (!S_ISREG(st.st_mode)) {
		gc_note(c, CFS_GC_NOTE_FOREIGN, path, "not a regular file");
		return 0;
	}
	if (c->opts->grace && st.st_ctim.tv_sec + (time_t)c->opts->grace > c->now)
		return 0;
	c->out->n_objects++;
	c->out->bytes += (uint64_t)st.st_blocks * 512;
	return cfs_ids_add(&c->gone, id->bytes, err);
}

int gc_choose_objects(struct gc_run *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->garbage.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->garbage, i);

		rc = cfs_watch_poll(c->opts->watch, err);
		if (rc == 0 && !cfs_ids_has(&c->mark.live, id.bytes))
			rc = choose_object(c, &id, err);
	}
	close_prefix(c);
	return rc < 0 ? rc : cfs_ids_settle(&c->gone, err);
}

static int remove_object(struct gc_run *c, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	int dir = open_prefix(c, id, err);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	cfs_digest_path(id, path);
	if (unlinkat(dir, name_in_prefix(path), 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, "objects/%s", path);
	return 0;
}

/* gone is sorted, so the objects of a directory follow each other, and the directory is
 * removed after its last one. A failure leaves the rest for the next run. */
int gc_remove_objects(struct gc_run *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->gone.n; i++) {
		struct cfs_digest id = cfs_ids_get(&c->gone, i);
		char prefix[3] = "";

		rc = gc_step(c, "objects removed", i, c->gone.n, err);
		if (rc == 0)
			rc = remove_object(c, &id, err);
		if (rc < 0)
			break;
		cfs_hex_encode(id.bytes, 1, prefix);
		/* After the last one of a directory; fails harmlessly if it is not
		 * empty. */
		if (i + 1 == c->gone.n || c->gone.v[(i + 1) * c->gone.len] != id.bytes[0])
			(void)unlinkat(c->objects, prefix, AT_REMOVEDIR);
	}
	close_prefix(c);
	return rc;
}

/* Removes signatures/ID of images and signatures/objects/ID.p7s of objects. Before the
 * objects, so that none is left over after a crash. */
int gc_remove_signatures(const struct gc_run *c, struct cfs_err *err)
{
	static const int directory = O_RDONLY | O_DIRECTORY;
	cfs_autofd int of_images =
		cfs_beneath_open(cfs_repo_get_dirfd(c->repo), "signatures", directory, 0);
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
		int rc = cfs_watch_poll(c->opts->watch, err);

		if (rc < 0)
			return rc;
		rc = cfs_repo_remove_tree(of_images, cfs_digest_hex(&id, hex));

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
