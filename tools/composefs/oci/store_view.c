/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci store-view: the container images of the repository as an additional image
 * store of podman. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/mount/mount.h"
#include "composefs/oci/oci.h"
#include "composefs/oci/store_files.h"
#include "composefs/oci/watch_tags.h"
#include "containers/store_view.h"

struct options {
	struct where where;
	bool json, watch;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"watch", NULL, AT(watch),
	 "Write it again at each change of a tag, until SIGTERM", .group = "Options"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] DIR", NULL},
	.about = "Write an additional image store for podman 5.4 or later to DIR: podman "
		 "mounts the\n"
		 "images of the repository by itself. Run it again after a change of the "
		 "tags, or\n"
		 "with --watch.",
	.example =
		(const char *const[]){
			"composefs oci store-view --repo=repo store",
			"podman --storage-opt additionalimagestore=$PWD/store images",
			NULL},
	.options = option_table,
};

/* What one run of the command works on. */
struct view {
	const char *program;
	const struct cfs_repo *repo;
	char path[PATH_MAX]; /* of the repository, absolute */
	int dir;
	struct cfs_store_image *images;
	size_t n_images, cap;
	size_t n_left_out; /* tags */
};

/* --- the images --------------------------------------------------------------------- */

/* The image with this configuration; NULL: it is new. */
static struct cfs_store_image *find_view_image(const struct view *v, const char *id)
{
	for (size_t i = 0; i < v->n_images; i++)
		if (strcmp(v->images[i].id, id) == 0)
			return &v->images[i];
	return NULL;
}

/* Writes manifest and config under the names that containers-storage expects; the
 * manifest also under its digest. */
static int write_documents(const struct view *v, const struct cfs_container *c,
			   const struct cfs_store_image *m, struct cfs_err *err)
{
	char path[sizeof("overlay-images/") + CFS_STORE_ID_MAX], key[CFS_STORE_KEY_MAX];
	cfs_autofd int fd = -1;
	int rc;

	snprintf(path, sizeof(path), "overlay-images/%s", m->id);
	fd = store_make_dir(v->dir, path, err);
	if (fd < 0)
		return fd;
	rc = store_write_file(fd, "manifest", c->manifest_json.p, c->manifest_json.len,
			      err);
	cfs_store_format_key("manifest", m->manifest, key);
	if (rc == 0)
		rc = store_write_file(fd, key, c->manifest_json.p, c->manifest_json.len,
				      err);
	cfs_store_format_key(NULL, m->id, key);
	return rc < 0 ? rc
		      : store_write_file(fd, key, c->config_json.p, c->config_json.len,
					 err);
}

/* Links the image and the objects into a layer as containers-storage expects them, so
 * that podman mounts them without a copy. */
static int link_layer(const struct view *v, const struct cfs_store_image *m, int fd,
		      struct cfs_err *err)
{
	char target[PATH_MAX], hex[CFS_DIGEST_HEX_MAX];
	cfs_autofd int data = store_make_dir(fd, "composefs-data", err);
	int rc;

	if (data < 0)
		return data;
	cfs_digest_hex(&m->image, hex);
	if (snprintf(target, sizeof(target), "%s/objects/%.2s/%s", v->path, hex,
		     hex + 2) >= (int)sizeof(target))
		return cfs_fail(err, ENAMETOOLONG,
				"the path of the repository is too long");
	rc = store_set_link(data, "composefs.blob", target, err);
	snprintf(target, sizeof(target), "%.*s/objects", PATH_MAX - 16, v->path);
	return rc < 0 ? rc : store_set_link(fd, "diff", target, err);
}

/* Writes the layer of one image, a link into the mounted view. The short name in
 * overlay/l comes last, when the layer is complete. */
static int write_view_layer(const struct view *v, const struct cfs_store_image *m,
			    struct cfs_err *err)
{
	char path[sizeof("overlay/") + CFS_STORE_ID_MAX],
		target[sizeof("..//diff") + CFS_STORE_ID_MAX];
	cfs_autofd int fd = -1, links = -1;
	int rc;

	snprintf(path, sizeof(path), "overlay/%s", m->layer);
	snprintf(target, sizeof(target), "../%s/diff", m->layer);
	links = store_make_dir(v->dir, "overlay/l", err);
	if (links < 0)
		return links;
	fd = store_make_dir(v->dir, path, err);
	if (fd < 0)
		return fd;
	rc = link_layer(v, m, fd, err);
	if (rc == 0)
		rc = store_write_text(fd, "link", m->link, err);
	return rc < 0 ? rc : store_set_link(links, m->link, target, err);
}

/* The image of a container image, with its files. */
static int get_image(struct view *v, const struct cfs_container *c,
		     struct cfs_store_image **out, struct cfs_err *err)
{
	struct cfs_store_image m;
	int rc = cfs_store_image_init(c, &m, err);

	if (rc < 0)
		return rc;
	*out = find_view_image(v, m.id);
	if (*out)
		return 0;
	if (cfs_grow(&v->images, &v->cap, v->n_images + 1, sizeof(*v->images)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = write_documents(v, c, &m, err);
	if (rc == 0)
		rc = write_view_layer(v, &m, err);
	if (rc < 0)
		return rc;
	v->images[v->n_images] = m;
	*out = &v->images[v->n_images++];
	return 0;
}

/* An artifact, or an image that podman cannot have, is left out with a warning. */
static int add_view_tag(void *ctx, const char *tag, struct cfs_err *err)
{
	struct view *v = ctx;
	struct cfs_store_image *image = NULL;
	struct cfs_container c;
	int rc = cfs_container_open(v->repo, tag, &c, err);

	if (rc == 0)
		rc = get_image(v, &c, &image, err);
	if (rc == 0)
		rc = cfs_store_image_add_name(image, tag, err);
	cfs_container_close(&c);
	if (rc != -ENOENT && rc != -ENOTSUP && rc != -EINVAL)
		return cfs_context(err, rc, "%s", tag);
	cli_print_warning(v->program, "%s: left out: %s", tag, err->msg);
	v->n_left_out++;
	return 0;
}

static int add_tags(struct view *v, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc = cfs_repo_list_refs(v->repo, CFS_REPO_STREAMS, &refs, err);

	if (rc == 0)
		rc = cfs_containers_visit_tags(&refs, add_view_tag, v, err);
	cfs_repo_list_fini(&refs);
	return rc;
}

/* --- the store ---------------------------------------------------------------------- */

#define MARK "composefs-store-view"

/* What is gone from the repository is removed from the store: so it must not be the store
 * of podman itself. */
static int check_mark(int dirfd, struct cfs_err *err)
{
	struct stat st;
	size_t n;
	int rc;

	if (fstatat(dirfd, MARK, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return cfs_fail_errno(err, "%s", MARK);
	rc = store_count_names(dirfd, &n, err);
	if (rc == 0 && n > 0)
		return cfs_fail(err, ENOTEMPTY,
				"expected an empty directory, or one that store-view has "
				"written");
	return rc < 0 ? rc : store_write_text(dirfd, MARK, "", err);
}

static int make_lock_file(int dirfd, const char *name, struct cfs_err *err)
{
	cfs_autofd int fd =
		openat(dirfd, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	return fd < 0 ? cfs_fail_errno(err, "%s", name) : 0;
}

static int write_view_index(const struct view *v, const char *dir, const char *index,
			    const char *lock,
			    int (*format)(const struct cfs_store_image *, size_t, char **,
					  struct cfs_err *),
			    struct cfs_err *err)
{
	cfs_autofd int fd = store_make_dir(v->dir, dir, err);
	cfs_autofree char *text = NULL;
	int rc = fd < 0 ? fd : make_lock_file(fd, lock, err);

	if (rc == 0)
		rc = format(v->images, v->n_images, &text, err);
	return rc < 0 ? rc : store_write_text(fd, index, text, err);
}

/* --- what is gone ------------------------------------------------------------------- */

static bool is_id(const char *name)
{
	return strspn(name, "0123456789abcdef") == CFS_STORE_ID_MAX - 1 &&
	       strlen(name) == CFS_STORE_ID_MAX - 1;
}

static bool is_layer_link(const char *name)
{
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CFS_STORE_LINK_MAX - 1 &&
	       strlen(name) == CFS_STORE_LINK_MAX - 1;
}

/* Does an image have this name, at this position of its struct? */
static bool is_known(const struct view *v, size_t at, const char *name)
{
	for (size_t i = 0; i < v->n_images; i++)
		if (strcmp((const char *)&v->images[i] + at, name) == 0)
			return true;
	return false;
}

/* Removes the names of a directory that no image has. */
static int remove_gone(const struct view *v, const char *path,
		       bool (*is_ours)(const char *name), size_t at, struct cfs_err *err)
{
	int fd = cfs_beneath_open(v->dir, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (fd == -ENOENT)
		return 0;
	if (!dir)
		return fd < 0 ? cfs_beneath_fail(fd, path, err)
			      : cfs_fail_errno(err, "%s", path);
	while (rc == 0 && (errno = 0, e = readdir(dir)))
		if (is_ours(e->d_name) && !is_known(v, at, e->d_name))
			rc = cfs_repo_remove_tree(dirfd(dir), e->d_name);
	if (rc == 0)
		rc = -errno;
	closedir(dir);
	return rc < 0 ? cfs_fail(err, -rc, "%s: %s", path, strerror(-rc)) : 0;
}

#define OF_IMAGE(member) offsetof(struct cfs_store_image, member)

/* The indexes come after what they refer to, and before what they no longer refer to is
 * removed. */
static int write_store(struct view *v, struct cfs_err *err)
{
	int rc = check_mark(v->dir, err);

	if (rc == 0)
		rc = add_tags(v, err);
	if (rc == 0)
		rc = write_view_index(v, "overlay-layers", "layers.json", "layers.lock",
				      cfs_store_format_layers_json, err);
	if (rc == 0)
		rc = write_view_index(v, "overlay-images", "images.json", "images.lock",
				      cfs_store_format_images_json, err);
	if (rc == 0)
		rc = remove_gone(v, "overlay-images", is_id, OF_IMAGE(id), err);
	if (rc == 0)
		rc = remove_gone(v, "overlay", is_id, OF_IMAGE(layer), err);
	return rc < 0 ? rc
		      : remove_gone(v, "overlay/l", is_layer_link, OF_IMAGE(link), err);
}

/* --- the command -------------------------------------------------------------------- */

static void print_view_json(const struct view *v, const char *dir)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "store", dir);
	json_put_uint(&j, "images", v->n_images);
	json_put_uint(&j, "tags_left_out", v->n_left_out);
	json_finish(&j);
}

static int make_view(struct view *v, const char *dir, struct cfs_err *err)
{
	cfs_autofd int lock = -1;
	int rc;

	if (!realpath(cfs_repo_get_path(v->repo), v->path))
		return cfs_fail_errno(err, "%s", cfs_repo_get_path(v->repo));
	v->dir = mount_open_private(dir, err);
	if (v->dir < 0)
		return v->dir;
	lock = openat(v->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return cfs_fail_errno(err, "%s", dir);
	rc = cfs_lock_take(lock, LOCK_EX, NULL, err);
	if (rc == 0)
		rc = write_store(v, err);
	return cfs_context(err, rc, "%s", dir);
}

static void free_view(struct view *v)
{
	for (size_t i = 0; i < v->n_images; i++)
		cfs_store_image_fini(&v->images[i]);
	free(v->images);
	if (v->dir >= 0)
		close(v->dir);
}

static int run_once(struct options *o, char **argv)
{
	struct view v = {.program = argv[0], .dir = -1};
	struct cfs_repo *repo;
	struct cfs_err err;
	int rc = where_open(&o->where, CFS_REPO_READ, &repo, &err);

	if (rc < 0)
		return command_end(argv[0], rc, &err);
	v.repo = repo;
	rc = make_view(&v, argv[optind], &err);
	if (rc == 0 && o->json)
		print_view_json(&v, argv[optind]);
	free_view(&v);
	cfs_repo_close(repo);
	return command_end(argv[0], rc, &err);
}

/* --- with --watch ------------------------------------------------------------------- */

/* Changes are noted before the tags are read, so none is lost. The repository is open, and locked against
 * garbage collection, only while the view is written. */
static int write_and_note(const struct options *o, const char *program, const char *dir,
			  struct watch_tags *changes, struct cfs_err *err)
{
	struct view v = {.program = program, .dir = -1};
	struct where where = o->where;
	struct cfs_repo *repo;
	int rc = where_open(&where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return rc;
	rc = watch_tags_open(cfs_repo_get_dirfd(repo), changes, err);
	v.repo = repo;
	if (rc == 0)
		rc = make_view(&v, dir, err);
	if (rc == 0)
		cli_print_detail(program, "%s: images: %zu", dir, v.n_images);
	free_view(&v);
	cfs_repo_close(repo);
	return rc;
}

static int watch_view(const struct options *o, const char *program, const char *dir,
		      struct cfs_err *err)
{
	struct watch_tags changes = {.fd = -1};
	struct cli_watch watch;
	int rc;

	cli_watch_start(&watch, program);
	do {
		rc = write_and_note(o, program, dir, &changes, err);
		if (rc == 0)
			rc = watch_tags_wait(&changes, watch.watch.cancelled, err);
		watch_tags_close(&changes);
	} while (rc == 0);
	cli_watch_end(&watch);
	return rc;
}

/* A signal is the expected end: systemd counts status 0 alone as success. */
static int run_view_watch(const struct options *o, char **argv)
{
	struct cfs_err err;
	int rc;

	if (o->json) {
		cli_fail_usage(argv[0], "--watch prints no JSON");
		return CLI_USAGE;
	}
	rc = watch_view(o, argv[0], argv[optind], &err);
	return rc == -ECANCELED ? CLI_OK : command_end(argv[0], rc, &err);
}

int cmd_oci_store_view(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected DIR");

	if (status >= 0)
		return status;
	return o.watch ? run_view_watch(&o, argv) : run_once(&o, argv);
}
