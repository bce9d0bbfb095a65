/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "deploy/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "bls/bls.h"
#include "boot/boot.h"
#include "deploy/deploy_priv.h"
#include "mount/namespace.h"

struct check {
	const struct cfs_deploy_place *place;
	const struct cfs_repo *repo;
	const struct cfs_deployment *d;
	const struct cfs_watch *watch;
};

/* --- entry and kernel ----------------------------------------------------------------- */

static int check_entry(const struct check *c, struct cfs_err *err)
{
	if (!c->d->entry)
		return cfs_fail(err, ENOENT, "it has no boot entry");
	if (deploy_is_exhausted(c->d->entry))
		return cfs_fail(err, EIO, "%u boots failed, and none is left to try",
				c->d->entry->tries_done);
	return 0;
}

static int hash_file(int dirfd, const char *name, struct cfs_hash *hash,
		     struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dirfd, name, CFS_INPUT_NOFOLLOW, err);
	struct cfs_map map;
	int rc = fd < 0 ? fd : cfs_map_stable(fd, &map, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", name);
	cfs_hash_update(hash, map.span.p, map.span.len);
	cfs_map_close(&map);
	return 0;
}

/* The name of the directory is the digest of its files. */
static int check_kernel(const struct check *c, struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX], hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest key = {.alg = CFS_SHA256};
	cfs_autofd int dirfd = -1;
	struct cfs_text uki;
	struct cfs_hash hash;
	int rc;

	if (c->d->owner != CFS_DEPLOY_OURS || !c->d->entry)
		return 0;
	snprintf(path, sizeof(path), DEPLOY_FILES "/%s", c->d->key);
	dirfd = cfs_beneath_open_dir(c->place->bootfd, path);
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, path, err);
	cfs_hash_init(&hash, CFS_SHA256);
	if (cfs_bls_find(cfs_text(c->d->entry->text), CFS_TEXT("efi"), &uki)) {
		rc = hash_file(dirfd, "uki.efi", &hash, err);
	} else {
		rc = hash_file(dirfd, "linux", &hash, err);
		if (rc == 0)
			rc = hash_file(dirfd, "initrd", &hash, err);
	}
	if (rc < 0)
		return cfs_context(err, rc, "%s", path);
	cfs_hash_final(&hash, key.bytes);
	if (strcmp(cfs_digest_hex(&key, hex), c->d->key) != 0)
		return cfs_fail(err, EILSEQ, "%s: the files are damaged", path);
	return 0;
}

/* --- image and objects ---------------------------------------------------------------- */

static int open_image(const struct check *c, struct cfs_map *map, struct cfs_image *im,
		      struct cfs_err *err)
{
	char id[CFS_DIGEST_TEXT_MAX];

	return cfs_repo_open_image(c->repo, cfs_digest_text(&c->d->image, id), map, im,
				   NULL, err);
}

static int check_image(const struct check *c, struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	int rc = open_image(c, &map, &im, err);

	if (rc < 0)
		return rc;
	cfs_map_close(&map);
	return 0;
}

/* Opens each object; with fs-verity its digest is compared, which reads nothing. */
static int check_ids(const struct check *c, const struct cfs_ids *ids,
		     struct cfs_err *err)
{
	for (size_t i = 0; i < ids->n; i++) {
		struct cfs_digest id = cfs_ids_get(ids, i);
		int rc = cfs_watch_poll(c->watch, err), fd;

		if (rc < 0)
			return rc;
		fd = cfs_repo_open_object(c->repo, &id, CFS_REPO_SEALED, err);
		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

/* Each object that the image needs must be in the repository, or files of the next
 * system are missing after the boot. */
static int check_deployed_objects(const struct check *c, struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	struct cfs_ids ids;
	int rc = open_image(c, &map, &im, err);

	if (rc < 0)
		return rc;
	cfs_ids_init(&ids, cfs_repo_get_meta(c->repo)->alg);
	rc = cfs_repo_list_image_objects(&im, c->watch, &ids, NULL, err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, err);
	if (rc == 0)
		rc = check_ids(c, &ids, err);
	cfs_ids_fini(&ids);
	cfs_map_close(&map);
	return rc;
}

/* --- the mount ------------------------------------------------------------------------ */

/* What the initrd would do. Its configuration is not known here, so what that may forbid is
 * allowed. etc is left out: a mount marks the layers as used. */
static int choose_checked_root(const struct check *c, struct cfs_boot_choice *out,
			       struct cfs_err *err)
{
	struct cfs_boot_config config;
	int rc;

	cfs_boot_config_init(&config);
	config.allow_insecure = true;
	rc = deploy_choose_root(c->repo, c->d, &config, NULL, out, err);
	out->etc = CFS_BOOT_NONE;
	return rc;
}

struct mount_work {
	const struct check *c;
	const struct cfs_boot_choice *choice;
	char target[64];
	struct cfs_err *err;
	int rc;
};

/* The work of the thread: what the initrd would do. A root without /etc and /var would
 * not boot. */
static int mount_root(const struct mount_work *w)
{
	/* The image covers this directory; "." would still be what is below. */
	cfs_autofree char *sysroot = realpath(w->c->place->root, NULL);
	struct cfs_boot_request request = {
		.choice = w->choice,
		.sysroot = sysroot,
		.target = w->target,
		.run = w->c->place->run,
	};
	cfs_autofree struct cfs_boot_result *result = calloc(1, sizeof(*result));
	cfs_autofd int root = -1;
	int rc = result ? 0 : cfs_fail(w->err, ENOMEM, "out of memory");

	if (rc == 0 && !sysroot)
		rc = cfs_fail_errno(w->err, "%s", w->c->place->root);
	if (rc == 0)
		rc = cfs_namespace_enter(w->err);
	if (rc == 0)
		rc = cfs_boot_prepare(&request, result, w->err);
	if (rc < 0)
		return rc;
	root = open(w->target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || faccessat(root, "etc", F_OK, 0) < 0 ||
	    faccessat(root, "var", F_OK, 0) < 0)
		return cfs_fail_errno(w->err, "the new root");
	return 0;
}

/* The namespace ends with the thread, and with it all mounts. */
static void *mount_thread(void *arg)
{
	struct mount_work *w = arg;

	w->rc = mount_root(w);
	return NULL;
}

/* A running system has a read-only root, and perhaps no /tmp yet. */
static int make_target(char target[64], struct cfs_err *err)
{
	static const char *const places[] = {"/run", "/tmp"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(target, 64, "%s/composefs-check-XXXXXX", places[i]);
		if (mkdtemp(target))
			return 0;
	}
	return cfs_fail_errno(err, "temporary directory");
}

/* Mounts the root in a thread with a mount namespace of its own, so that this system
 * does not see it. */
static int check_mount(const struct check *c, struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_choice *choice = calloc(1, sizeof(*choice));
	struct mount_work w = {.c = c, .choice = choice, .err = err};
	pthread_t thread;
	int rc = choice ? choose_checked_root(c, choice, err)
			: cfs_fail(err, ENOMEM, "out of memory");

	if (rc < 0)
		return rc;
	rc = make_target(w.target, err);
	if (rc < 0)
		return rc;
	errno = pthread_create(&thread, NULL, mount_thread, &w);
	if (errno) {
		w.rc = cfs_fail_errno(err, "thread");
	} else {
		pthread_join(thread, NULL);
	}
	rmdir(w.target);
	return w.rc;
}

/* --- all of them ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(const struct check *c, struct cfs_err *err);
} checks[CFS_DEPLOY_CHECKS] = {
	{"entry", check_entry}, {"kernel", check_kernel},
	{"image", check_image}, {"objects", check_deployed_objects},
	{"mount", check_mount},
};

int cfs_deploy_check(const struct cfs_deploy_place *place, const struct cfs_repo *repo,
		     const struct cfs_deployment *d, const struct cfs_watch *watch,
		     struct cfs_deploy_report *out, struct cfs_err *err)
{
	const struct check c = {.place = place, .repo = repo, .d = d, .watch = watch};

	out->n = 0;
	out->ok = true;
	for (size_t i = 0; i < CFS_DEPLOY_CHECKS; i++) {
		struct cfs_deploy_finding *f = &out->v[out->n++];
		struct cfs_err why = {0};
		int rc = checks[i].run(&c, &why);

		if (rc == -ECANCELED || rc == -ENOMEM)
			return cfs_fail(err, -rc, "%s", why.msg);
		*f = (struct cfs_deploy_finding){.check = checks[i].name, .ok = rc == 0};
		if (rc < 0)
			memcpy(f->why, why.msg, sizeof(f->why));
		out->ok = out->ok && rc == 0;
	}
	return 0;
}
