/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which files of the image use the objects. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "damage/damage_priv.h"
#include "erofs/image_file.h"
#include "erofs/inode_spec.h"
#include "erofs/superblock.h"
#include "erofs/walk.h"

/* Notes the file of an image for each damaged object that it uses; the first file is
 * enough for a message. */
static int note_user(struct cfs_damaged_list *list, struct cfs_text backing,
		     struct cfs_text path, struct cfs_arena *arena)
{
	while (backing.len && *backing.s == '/')
		backing = (struct cfs_text){backing.s + 1, backing.len - 1};
	for (size_t i = 0; i < list->n; i++) {
		struct cfs_damaged *d = &list->v[i];

		if (d->used_by || !cfs_text_eq(backing, cfs_text(d->path)))
			continue;
		d->used_by = cfs_arena_copy(arena, path.s, path.len);
		if (!d->used_by)
			return -ENOMEM;
	}
	return 0;
}

static int note_entry_user(const struct cfs_image *im, const struct cfs_walk_entry *e,
			   struct cfs_damaged_list *list, struct cfs_arena *arena,
			   struct cfs_err *err)
{
	struct cfs_text backing;
	int rc;

	if (!e->inode.external || e->again)
		return 0;
	rc = cfs_image_read_backing(im, &e->inode, &backing, err);
	if (rc == 0 && note_user(list, backing, e->path, arena) < 0)
		rc = cfs_fail(err, ENOMEM, "out of memory");
	return rc;
}

/* Finds which files of an image use the damaged objects. */
static int walk_image(struct cfs_span bytes, struct cfs_damaged_list *list,
		      struct cfs_arena *arena, struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_image im;
	int rc = cfs_image_open(bytes, &im, err);

	if (rc == 0)
		rc = cfs_walk_new(&im, &everything, &walk, err);
	while (rc == 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = note_entry_user(&im, e, list, arena, err);
	return rc;
}

/* The image is copied: access to a damaged page of a mapped one would be a SIGBUS. */
static int find_users_in_image(const char *file, struct cfs_damaged_list *list,
			       struct cfs_arena *arena, struct cfs_err *err)
{
	cfs_autofd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct cfs_map map;
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "open");
	rc = cfs_image_map(fd, cfs_map_copy, &map, err);
	if (rc < 0)
		return rc;
	rc = walk_image(map.span, list, arena, err);
	cfs_map_close(&map);
	return rc;
}

/* Marks the image itself, which is an object of its repository. Returns whether it is in
 * the list: it cannot be read then. */
static bool mark_image(const struct cfs_image_mount *m, struct cfs_damaged_list *list)
{
	char path[CFS_OBJECT_PATH_MAX];
	bool found = false;

	if (!m->has_id)
		return false;
	cfs_digest_path(&m->id, path);
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].path, path) != 0)
			continue;
		list->v[i].used_by = "";
		found = true;
	}
	return found;
}

static void drop_unused(struct cfs_damaged_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].used_by)
			list->v[n++] = list->v[i];
	list->n = n;
}

int damage_find_users(const struct cfs_image_mount *m, struct cfs_arena *arena,
		      struct cfs_damaged_list *list, struct cfs_err *err)
{
	bool is_damaged = mark_image(m, list);
	char file[PATH_MAX];
	int rc = 0;

	if (!cfs_image_mount_file(m, file, sizeof(file)))
		rc = cfs_fail(err, ENOENT, "the file of the image is not known");
	else
		rc = cfs_context(err, find_users_in_image(file, list, arena, err), "%s",
				 file);
	if (rc < 0 && !is_damaged)
		return rc;
	drop_unused(list);
	return 0;
}
