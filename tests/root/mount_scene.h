/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The scene of the tests that mount: an image, its object and a mount point, in a mount
 * namespace with a /tmp of its own. Needs root, EROFS and overlayfs, else the test is
 * skipped. COMPOSEFS_TEST_IMAGE is golden/example.v1.cfs.
 */
#ifndef MOUNT_SCENE_H
#define MOUNT_SCENE_H

#include "mount/mount.h"
#include "unit/t.h"

/* Below a directory that is made in the working directory: EROFS cannot mount a file of a
 * tmpfs, and /tmp often is one. */
struct scene {
	char dir[64], image[128], objects[128], mnt[128];
	const char *objdirs[1];
	struct cfs_mount_dirs dirs; /* objdirs, open; o has their descriptors */
	struct cfs_mount_opts o;
	struct cfs_mount_facts facts;
	int fd; /* of the image */
};

enum { OBJECT_LEN = 70000 };

/* The image of the scenes. */
extern uint8_t scene_image_bytes[1 << 16];
extern ssize_t scene_image_len;

/* What this kernel takes by itself; known once there was a scene. */
extern struct cfs_mount_taken scene_usual;

/* The names of all ways, as they are tried: those that are taken apart included. */
extern const char *const scene_image_names[];
extern const char *const scene_overlay_names[];

/* The way that this kernel takes when it may begin with number from: that one, unless the
 * kernel is too old for it. unforced: what it takes by itself. */
const char *scene_way_from(const char *const *names, size_t from, const char *unforced);

void scene_begin(struct scene *s);
void scene_end(struct scene *s);
void scene_write(const char *path, const void *p, size_t len);

/* The steps of the scene; from way i for the image and way k for the overlay on; those
 * two ways alone. */
void scene_steps(const struct scene *s, struct cfs_steps *steps);
void scene_steps_from(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps);
void scene_only_ways(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps);
struct cfs_way *scene_overlay_way(struct cfs_steps *steps, size_t k);

/* Files f (in the image) and g (in an object), and nothing else. */
void scene_check_tree(const struct scene *s);
/* No mount, nothing in /tmp, no loop device. */
void scene_check_nothing_left(const struct scene *s);

size_t scene_count(const char *dir);
bool scene_file_has(const char *path, const char *text);
bool scene_has_loop(const struct scene *s);

#endif
