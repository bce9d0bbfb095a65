/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Options -> steps for each kind of kernel, without side effects. */
#include "mount/steps.h"

#include <errno.h>
#include <stdalign.h>

#include "mount/mount_priv.h"
#include "mount/sys_mount.h"

/* The steps under construction. */
struct builder {
	const struct cfs_mount_opts *o;
	const struct cfs_mount_facts *facts;
	struct cfs_steps *out;
	struct cfs_way *way;
	size_t cap; /* of way->steps */
	int rc;	    /* the first failure */
};

/* Steps of the first allocation of a way; more than enough for one object directory. */
enum { STEPS_MIN = 32 };

/* Makes room for more steps of a way. The arena keeps the old ones until all is freed. */
static void grow_steps(struct builder *b)
{
	struct cfs_way *way = b->way;
	size_t cap = b->cap ? 2 * b->cap : STEPS_MIN;
	struct cfs_step *steps = cfs_arena_alloc(&b->out->arena, cap * sizeof(*steps),
						 alignof(struct cfs_step));

	if (!steps) {
		b->rc = -ENOMEM;
		return;
	}
	if (way->n_steps)
		memcpy(steps, way->steps, way->n_steps * sizeof(*steps));
	way->steps = steps;
	b->cap = cap;
}

static void add_mount_step(struct builder *b, struct cfs_step step)
{
	if (b->rc == 0 && b->way->n_steps == b->cap)
		grow_steps(b);
	if (b->rc == 0)
		b->way->steps[b->way->n_steps++] = step;
}

#define ADD(b, ...) add_mount_step(b, (struct cfs_step){__VA_ARGS__})

/* --- the image ---------------------------------------------------------------------- */

static void add_idmap(struct builder *b)
{
	if (b->o->idmap)
		ADD(b, CFS_STEP_IDMAP, .fd = b->o->idmap_fd);
}

/* After the superblock is created, so that nothing is read ahead on a kernel that needs
 * another way. */
static void add_prefetch(struct builder *b)
{
	if (b->o->prefetch == CFS_MOUNT_PREFETCH_OFF || b->facts->prefetch_len == 0)
		return;
	ADD(b, CFS_STEP_PREFETCH, .number = b->facts->prefetch_len,
	    .value = b->o->prefetch == CFS_MOUNT_PREFETCH_WAIT ? "wait" : NULL);
}

static void add_erofs(struct builder *b)
{
	ADD(b, CFS_STEP_SOURCE, "source");
	ADD(b, CFS_STEP_FLAG, "ro");
	if (!b->facts->has_acl)
		ADD(b, CFS_STEP_FLAG, "noacl");
	ADD(b, CFS_STEP_CREATE, .move_on = {ENOTBLK, ENOENT});
	ADD(b, CFS_STEP_MOUNT, .number = MOUNT_ATTR_RDONLY);
	add_idmap(b);
	add_prefetch(b);
}

/* EROFS directly from the file: Linux 6.12. On older kernels, and on filesystems that the
 * kernel does not read through its page cache (tmpfs), creating the superblock fails with
 * ENOTBLK; without /proc, which has the path of the file, with ENOENT. */
static void plan_image_file(struct builder *b)
{
	ADD(b, CFS_STEP_OPEN, "erofs");
	add_erofs(b);
}

static void plan_image_loop(struct builder *b)
{
	ADD(b, CFS_STEP_OPEN, "erofs");
	ADD(b, CFS_STEP_LOOP, .value = b->o->image_name);
	add_erofs(b);
}

/* --- the overlay -------------------------------------------------------------------- */

static const char verity_hint[] = "verity needs overlayfs of kernel 6.6";

static void add_verity(struct builder *b)
{
	if (cfs_mount_requires_verity(b->o))
		ADD(b, CFS_STEP_STRING, "verity", "require", .hint = verity_hint);
	else if (b->o->verity == CFS_MOUNT_VERITY_TRY && b->facts->objects_verity)
		ADD(b, CFS_STEP_STRING, "verity", "require", .optional = true);
}

static const char *get_source(const struct cfs_mount_opts *o)
{
	return o->source && *o->source && strlen(o->source) <= CFS_MOUNT_SOURCE_MAX
		       ? o->source
		       : "composefs";
}

static const char *const context_keys[CFS_MOUNT_CONTEXTS] = {"context", "fscontext",
							     "defcontext", "rootcontext"};

/* Options that the kernel accepts for any filesystem. */
static void add_generic(struct builder *b)
{
	for (size_t i = 0; i < CFS_MOUNT_CONTEXTS; i++) {
		if (b->o->context[i])
			ADD(b, CFS_STEP_STRING, context_keys[i], b->o->context[i]);
	}
	if (b->o->sync)
		ADD(b, CFS_STEP_FLAG, "sync");
	if (b->o->dirsync)
		ADD(b, CFS_STEP_FLAG, "dirsync");
	if (b->o->lazytime)
		ADD(b, CFS_STEP_FLAG, "lazytime");
}

static bool uses_userxattr(const struct cfs_mount_opts *o)
{
	return o->layer && o->layer->userxattr;
}

/* With userxattr the kernel refuses metacopy and redirect_dir, and follows redirects into
 * data layers nevertheless. */
static void add_overlay(struct builder *b)
{
	ADD(b, CFS_STEP_STRING, "source", get_source(b->o));
	if (uses_userxattr(b->o)) {
		ADD(b, CFS_STEP_FLAG, "userxattr");
	} else {
		ADD(b, CFS_STEP_STRING, "metacopy", "on");
		ADD(b, CFS_STEP_STRING, "redirect_dir", "on");
	}
	add_verity(b);
	add_generic(b);
}

static void add_attach_step(struct builder *b)
{
	uint64_t attr = b->o->attr | (b->o->readonly ? MOUNT_ATTR_RDONLY : 0);

	ADD(b, CFS_STEP_MOUNT, .number = attr);
}

static const char *create_hint(const struct cfs_mount_opts *o)
{
	return uses_userxattr(o) ? "data layers with userxattr need Linux 6.16" : NULL;
}

static void add_directory_step(struct builder *b, const char *key, const char *path)
{
	if (path)
		ADD(b, CFS_STEP_DIR, key, path, .move_on = {EBADF, EINVAL});
}

/* All layers by descriptor, nothing attached before the mount is complete: Linux 6.15.
 * Older kernels refuse a descriptor with EBADF (seen on 6.12), EOPNOTSUPP (6.1) or
 * EINVAL, or a detached layer with EINVAL when the superblock is created. */
static void plan_overlay_fds(struct builder *b)
{
	ADD(b, CFS_STEP_OPEN, "overlay");
	add_overlay(b);
	ADD(b, CFS_STEP_LOWER, "lowerdir+", .move_on = {EBADF, EINVAL, EOPNOTSUPP});
	for (size_t i = 0; i < b->o->n_objdirs; i++)
		ADD(b, CFS_STEP_DATA, "datadir+", b->o->objdirs[i], .number = i,
		    .move_on = {EBADF, EINVAL});
	add_directory_step(b, "upperdir", b->o->upperdir);
	add_directory_step(b, "workdir", b->o->workdir);
	ADD(b, CFS_STEP_CREATE, .move_on = {EBADF, EINVAL}, .hint = create_hint(b->o));
	add_attach_step(b);
}

/* Copies path with a backslash before each character at which the kernel splits the text
 * (special). Writes at most twice the length of path, and a NUL. Returns the position of the
 * NUL. */
static char *put_overlay_path(char *to, const char *path, const char *special)
{
	for (; *path; path++) {
		if (strchr(special, *path))
			*to++ = '\\';
		*to++ = *path;
	}
	*to = 0;
	return to;
}

/* Overlayfs unescapes upperdir and workdir, but not the layers that are added one by one.
 */
static void add_escaped(struct builder *b, const char *key, const char *path)
{
	char *copy;

	if (!path)
		return;
	copy = cfs_arena_alloc(&b->out->arena, 2 * strlen(path) + 1, 1);
	if (!copy) {
		b->rc = -ENOMEM;
		return;
	}
	put_overlay_path(copy, path, "\\");
	ADD(b, CFS_STEP_STRING, key, copy, .move_on = {EINVAL});
}

/* Layers by path: Linux 6.8. An overlayfs that still has the options of mount(2) accepts
 * any option at first, so an option that does not exist tells the two apart. */
static void plan_overlay_paths(struct builder *b)
{
	ADD(b, CFS_STEP_OPEN, "overlay");
	ADD(b, CFS_STEP_REFUSED, "composefs-asks-for-the-new-mount-api",
	    .move_on = {EINVAL});
	add_overlay(b);
	ADD(b, CFS_STEP_LOWER_AT, "lowerdir+", .move_on = {EINVAL});
	for (size_t i = 0; i < b->o->n_objdirs; i++)
		ADD(b, CFS_STEP_DATA_AT, "datadir+", b->o->objdirs[i], .number = i,
		    .move_on = {EINVAL});
	add_escaped(b, "upperdir", b->o->upperdir);
	add_escaped(b, "workdir", b->o->workdir);
	ADD(b, CFS_STEP_CREATE, .hint = create_hint(b->o));
	add_attach_step(b);
}

/* Attributes of fsmount(2) as flags of mount(2). */
uint64_t cfs_mount_old_flags(uint64_t attr)
{
	static const struct {
		uint64_t attr, flag;
	} same[] = {
		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},
		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},
		{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
		{MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
	};
	uint64_t flags = 0;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (attr & same[i].attr)
			flags |= same[i].flag;
	}
	return flags;
}

/* Appends before and the escaped path to the text at to, which has room for
 * path_max(path) more. Returns the end; to if path is NULL. */
static char *put_path(char *to, const char *before, const char *path)
{
	return path ? put_overlay_path(stpcpy(to, before), path, "\\,:") : to;
}

static size_t path_max(const char *path)
{
	return path ? 2 * strlen(path) : 0;
}

/* The quotes protect commas; SELinux removes them. */
static char *put_contexts(char *to, const struct cfs_mount_opts *o)
{
	for (size_t i = 0; i < CFS_MOUNT_CONTEXTS; i++) {
		if (!o->context[i])
			continue;
		to = stpcpy(stpcpy(stpcpy(to, ","), context_keys[i]), "=\"");
		to = stpcpy(stpcpy(to, o->context[i]), "\"");
	}
	return to;
}

static uint64_t old_generic(const struct cfs_mount_opts *o)
{
	return (o->sync ? MS_SYNCHRONOUS : 0) | (o->dirsync ? MS_DIRSYNC : 0) |
	       (o->lazytime ? MS_LAZYTIME : 0);
}

/* The data of mount(2) behind the paths of the layers. */
static char *old_data(struct builder *b)
{
	static const char upper[] = ",upperdir=", work[] = ",workdir=";
	static const char verity[] = ",verity=require";
	size_t max = sizeof(upper) + sizeof(work) + sizeof(verity);
	char *data, *to;

	max += path_max(b->o->upperdir) + path_max(b->o->workdir);
	for (size_t i = 0; i < CFS_MOUNT_CONTEXTS; i++)
		max += b->o->context[i] ? strlen(b->o->context[i]) + 16 : 0;
	data = to = cfs_arena_alloc(&b->out->arena, max, 1);
	if (!data)
		return NULL;
	*data = 0;
	to = put_path(to, upper, b->o->upperdir);
	to = put_path(to, work, b->o->workdir);
	to = put_contexts(to, b->o);
	if (cfs_mount_requires_verity(b->o))
		strcpy(to, verity);
	return data;
}

/* Adds the call of mount(2), for kernels without descriptors as layers. A failure that
 * move_on names leads to the next way. */
static void add_old_overlay(struct builder *b, const char *separator, uint64_t flags,
			    int move_on)
{
	const char *data = old_data(b);

	if (!data) {
		b->rc = -ENOMEM;
		return;
	}
	if (b->o->readonly)
		flags |= MS_RDONLY;
	ADD(b, CFS_STEP_OLD, "metacopy=on,redirect_dir=on,lowerdir=", data,
	    .source = get_source(b->o), .separator = separator,
	    .number = flags | old_generic(b->o) | cfs_mount_old_flags(b->o->attr),
	    .move_on = {move_on},
	    .hint = cfs_mount_requires_verity(b->o) ? verity_hint : NULL);
}

/* mount(2), with the object directories as data-only layers: Linux 6.5. */
static void plan_overlay_old(struct builder *b)
{
	add_old_overlay(b, "::", MS_SILENT, EINVAL);
}

/* The same with ordinary lower layers. The root directory of the image hides the names 00
 * to ff; other names would appear beside those of the image. */
static void plan_overlay_older(struct builder *b)
{
	for (size_t i = 0; i < b->o->n_objdirs; i++)
		ADD(b, CFS_STEP_NAMES, .value = b->o->objdirs[i], .number = i);
	add_old_overlay(b, ":", 0, 0);
}

/* --- all of it ---------------------------------------------------------------------- */

static void add_way(struct builder *b, struct cfs_ways *ways, const char *name,
		    void (*plan)(struct builder *b))
{
	if (ways->n == CFS_MOUNT_WAYS) {
		b->rc = -EOVERFLOW;
		return;
	}
	b->way = &ways->way[ways->n++];
	b->way->name = name;
	b->cap = 0;
	plan(b);
}

/* All ways in which some kernel since 5.15 mounts the image, the best first: the first
 * that works is taken. */
static void add_ways(struct builder *b)
{
	struct cfs_steps *s = b->out;

	if (!b->o->layer) {
		add_way(b, &s->image, "file", plan_image_file);
		add_way(b, &s->image, "loop", plan_image_loop);
	}
	add_way(b, &s->overlay, "descriptors", plan_overlay_fds);
	add_way(b, &s->apart, "paths", plan_overlay_paths);
	if (uses_userxattr(b->o)) /* no kernel that lacks the new mount API supports it */
		return;
	add_way(b, &s->apart, "mount(2)", plan_overlay_old);
	add_way(b, &s->apart, "mount(2), plain layers", plan_overlay_older);
}

int cfs_mount_steps(const struct cfs_mount_opts *o, const struct cfs_mount_facts *facts,
		    struct cfs_steps *out, struct cfs_err *err)
{
	struct builder b = {.o = o, .facts = facts, .out = out};

	*out = (struct cfs_steps){.objdirs = o->objdirs,
				  .objdir_fds = o->objdir_fds,
				  .n_objdirs = o->n_objdirs,
				  .layer_fd = o->layer ? o->layer->fd : -1,
				  .userxattr = uses_userxattr(o)};
	if (o->give_root && o->upperdir && o->workdir) {
		out->new_upper = o->upperdir;
		out->new_work = o->workdir;
	}
	if (o->upperdir && !o->readonly && !(o->attr & MOUNT_ATTR_RDONLY))
		out->writable_by = o->workdir;
	add_ways(&b);
	if (b.rc == 0)
		return 0;
	cfs_steps_fini(out);
	return b.rc == -ENOMEM ? cfs_fail(err, ENOMEM, "out of memory")
			       : cfs_fail(err, -b.rc, "too many ways to mount");
}

void cfs_steps_fini(struct cfs_steps *steps)
{
	cfs_arena_fini(&steps->arena);
	*steps = (struct cfs_steps){0};
}
