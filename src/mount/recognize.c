/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Recognizing the mounts of images. */
#include "mount/recognize.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "mount/mount_priv.h"

static const char source_prefix[] = "composefs:";

/* What the options of an overlay say. */
struct overlay {
	struct cfs_image_mount *m;
	size_t cap;
	bool metacopy, userxattr, data_layers, read_only;
};

/* The value of an option, or NULL. */
static const char *value_of(const char *option, const char *name)
{
	size_t len = strlen(name);

	return strncmp(option, name, len) == 0 ? option + len : NULL;
}

bool mount_is_server_layer(const char *path)
{
	return strcmp(path, "/" CFS_MOUNT_VERIFY_DIR) == 0 ||
	       strcmp(path, "/" CFS_MOUNT_FETCH_DIR) == 0 ||
	       strcmp(path, "/" CFS_MOUNT_LAST_DIR) == 0;
}

/* Notes a data layer of an overlay. The layer of our own server has no objects of its
 * own, and tells that they are verified. */
static int add_overlay_objects(struct overlay *o, struct cfs_arena *arena,
			       const char *path)
{
	const char **all = cfs_arena_alloc(arena, (o->m->n_objects + 1) * sizeof(*all),
					   _Alignof(const char *));

	if (!all)
		return -ENOMEM;
	o->data_layers = true;
	if (strcmp(path, "/" CFS_MOUNT_VERIFY_DIR) == 0)
		o->m->verifies_at_open = true;
	if (mount_is_server_layer(path))
		return 0;
	if (o->m->n_objects)
		memcpy(all, o->m->objects, o->m->n_objects * sizeof(*all));
	all[o->m->n_objects++] = path;
	o->m->objects = all;
	return 0;
}

/* "IMAGE::OBJECTS::OBJECTS" of kernels without datadir+. */
static int add_lower(struct overlay *o, struct cfs_arena *arena, char *layers)
{
	char *next = strstr(layers, "::");
	int rc = 0;

	while (rc == 0 && next) {
		char *path = next + 2;

		next = strstr(path, "::");
		if (next)
			*next = '\0';
		rc = add_overlay_objects(o, arena, path);
	}
	return rc;
}

/* Keeps what one overlayfs option says about the mount. Texts stay in the arena that
 * owns the option; options that do not tell a composefs mount apart are skipped. */
static int read_option(struct overlay *o, struct cfs_arena *arena, char *option)
{
	const char *value;

	if (strcmp(option, "ro") == 0)
		o->read_only = true;
	else if (strcmp(option, "metacopy=on") == 0)
		o->metacopy = true;
	else if (strcmp(option, "userxattr") == 0)
		o->userxattr = true;
	else if (strcmp(option, "verity=require") == 0)
		o->m->requires_verity = true;
	else if ((value = value_of(option, "upperdir=")))
		o->m->upperdir = value;
	else if ((value = value_of(option, "workdir=")))
		o->m->workdir = value;
	else if ((value = value_of(option, "datadir+=")))
		return add_overlay_objects(o, arena, value);
	else if (value_of(option, "lowerdir="))
		return add_lower(o, arena, option + strlen("lowerdir="));
	return 0;
}

static void read_source(const char *source, struct cfs_image_mount *m)
{
	const char *hex = value_of(source, source_prefix);

	if (hex)
		m->has_id = cfs_digest_parse(cfs_text(hex), &m->id, NULL) == 0;
	else if (strcmp(source, "composefs") != 0 && strcmp(source, "none") != 0 &&
		 strcmp(source, "overlay") != 0 && *source)
		m->image = source;
}

/* Whether a list separated by commas has the whole word: "ro" is not in
 * "errors=remount-ro". */
static bool has_mount_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

static int recognize_fuse(const struct cfs_mount_entry *entry,
			  struct cfs_image_mount *out)
{
	out->method = "fuse";
	out->read_only = true;
	read_source(entry->source, out);
	return 1;
}

int cfs_image_mount_recognize(const struct cfs_mount_entry *entry,
			      struct cfs_arena *arena, struct cfs_image_mount *out,
			      struct cfs_err *err)
{
	struct overlay o = {.m = out};
	const char *at = entry->options;
	char *option;
	int rc = 0;

	*out = (struct cfs_image_mount){
		.mount_id = entry->id, .place = entry->place, .attrs = entry->attrs};
	if (strcmp(entry->fs, "fuse.composefs") == 0)
		return recognize_fuse(entry, out);
	if (strcmp(entry->fs, "overlay") != 0)
		return 0;
	while (rc == 0 && (rc = cfs_mount_option(&at, arena, &option)) > 0)
		rc = read_option(&o, arena, option);
	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->read_only =
		o.read_only || !out->upperdir || has_mount_word(entry->attrs, "ro");
	read_source(entry->source, out);
	if (o.userxattr)
		out->method = "overlay-fuse";
	/* Kernels before 6.5 have no data layers, and only the source is left. */
	return o.userxattr ? o.data_layers
			   : o.metacopy && (o.data_layers || out->has_id ||
					    strcmp(entry->source, "composefs") == 0);
}

/* The kernel lists none for FUSE, and descriptors before Linux 6.13. */
static bool knows_objects(const struct cfs_image_mount *m)
{
	for (size_t i = 0; i < m->n_objects; i++)
		if (strncmp(m->objects[i], "/proc/", strlen("/proc/")) == 0)
			return false;
	return m->n_objects > 0;
}

int cfs_image_mount_find(const struct cfs_mount_entry *entry, struct cfs_arena *arena,
			 struct cfs_image_mount *out, struct cfs_err *err)
{
	int rc = cfs_image_mount_recognize(entry, arena, out, err);

	if (rc <= 0)
		return rc;
	rc = cfs_mount_record_read(out->place, out->mount_id, arena, &out->record);
	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->has_record = rc > 0;
	if (out->has_record && !knows_objects(out)) {
		out->objects = out->record.objects;
		out->n_objects = out->record.n_objects;
	}
	return 1;
}

bool cfs_image_mount_file(const struct cfs_image_mount *m, char *out, size_t cap)
{
	char path[CFS_OBJECT_PATH_MAX];

	if (m->image)
		return (size_t)snprintf(out, cap, "%s", m->image) < cap;
	return m->has_id && m->n_objects &&
	       (size_t)snprintf(out, cap, "%s/%s", m->objects[0],
				cfs_digest_path(&m->id, path)) < cap;
}

/* --- loop devices ------------------------------------------------------------------- */

/* Whether the device called name has that backing file. A device that does not exist has none. */
static int has_backing_file(int dirfd, const char *name, const char *path,
			    struct cfs_err *err)
{
	char file[64 + CFS_LOOP_NAME_MAX], text[PATH_MAX + 1];
	cfs_autofd int fd = -1;
	ssize_t n;

	snprintf(file, sizeof(file), "%s/loop/backing_file", name);
	fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "/sys/block/%s", file);
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return errno == ENXIO || errno == ENODEV
			       ? 0
			       : cfs_fail_errno(err, "/sys/block/%s", file);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, path) == 0;
}

int cfs_loop_find(const char *path, char out[CFS_LOOP_NAME_MAX], struct cfs_err *err)
{
	DIR *dir = opendir("/sys/block");
	const struct dirent *d;
	int rc = 0;

	if (!dir)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "/sys/block");
	while (rc == 0 && (errno = 0, d = readdir(dir))) {
		if (strncmp(d->d_name, "loop", 4) != 0 ||
		    strlen(d->d_name) >= CFS_LOOP_NAME_MAX)
			continue;
		rc = has_backing_file(dirfd(dir), d->d_name, path, err);
		if (rc > 0)
			strcpy(out, d->d_name);
	}
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "/sys/block");
	closedir(dir);
	return rc;
}
