/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The order of an installation: everything is checked and read, then written. */
#include "deploy/install.h"

#include <errno.h>
#include <stdio.h>

#include "bls/bls.h"
#include "deploy/install_priv.h"

void install_finish(struct install_run *r)
{
	if (r->map.span.p)
		cfs_map_close(&r->map);
	deploy_kernel_fini(&r->kernel);
	cfs_deployments_fini(&r->list);
	free(r->options.p);
}

/* --- checks --------------------------------------------------------------------------- */

static int check_os(const char *os, struct cfs_err *err)
{
	if (!*os || strchr(os, '/') || *os == '.' || strlen(os) > 64)
		return cfs_fail(err, EINVAL,
				"name of the system: expected 1 to 64 bytes without "
				"\"/\", not beginning with \".\", got \"%s\"",
				os);
	return 0;
}

/* Refuses options that contradict each other, before anything is read. */
static int check_options(const struct cfs_install *opts, struct cfs_err *err)
{
	int rc = opts->os ? check_os(opts->os, err) : 0;

	for (size_t i = 0; rc == 0 && i < opts->n_kargs; i++)
		rc = cfs_context(err, deploy_check_karg(opts->kargs[i], err),
				 "kernel argument");
	if (rc == 0 && opts->uki && opts->n_kargs)
		rc = cfs_fail(err, EINVAL,
			      "a UKI has its kernel arguments inside: expected no other");
	if (rc == 0 && opts->uki && opts->kver)
		rc = cfs_fail(err, EINVAL,
			      "expected a UKI or a version of a kernel, got both");
	return rc;
}

/* An image whose objects are incomplete would fail at the next boot only, when no user can
 * fetch them. -ENODATA: an object is missing. */
static int check_installed_objects(const struct install_run *r, struct cfs_err *err)
{
	struct cfs_ids ids;
	int rc;

	cfs_ids_init(&ids, cfs_repo_get_meta(r->repo)->alg);
	rc = cfs_repo_list_image_objects(&r->im, r->opts->watch, &ids, NULL, err);
	if (rc == 0)
		rc = cfs_ids_settle(&ids, err);
	for (size_t i = 0; rc == 0 && i < ids.n; i++) {
		struct cfs_digest id = cfs_ids_get(&ids, i);
		char text[CFS_DIGEST_TEXT_MAX];

		rc = cfs_watch_poll(r->opts->watch, err);
		if (rc == 0)
			rc = cfs_repo_has_object(r->repo, &id, err);
		if (rc == 0)
			rc = cfs_fail(err, ENODATA, "object %s is missing",
				      cfs_digest_text(&id, text));
		rc = rc < 0 ? rc : 0;
	}
	cfs_ids_fini(&ids);
	return rc;
}

/* --- reading -------------------------------------------------------------------------- */

int install_open_image(struct install_run *r, struct cfs_err *err)
{
	int rc = cfs_repo_open_image(r->repo, r->name, &r->map, &r->im, &r->id, err);

	if (rc < 0)
		r->map = (struct cfs_map){0};
	if (rc == 0 && !cfs_repo_is_secure(r->repo) && !r->opts->insecure)
		rc = cfs_fail(err, ENOTTY,
			      "the repository has no fs-verity, so the initrd can verify "
			      "nothing: --insecure boots the image anyway");
	return rc;
}

static int read_all(struct install_run *r, struct cfs_err *err)
{
	int rc = deploy_check_directories(&r->im, err);

	if (rc == 0)
		rc = check_installed_objects(r, err);

	if (rc == 0)
		rc = deploy_read_kernel(r->repo, &r->im, &r->id, r->opts, &r->kernel,
					err);
	return cfs_context(err, rc, "image %s", r->name);
}

/* The arguments of the system before, the new ones, and the one that names the image. */
static int make_options(struct install_run *r, struct cfs_err *err)
{
	struct cfs_mem all = {0};
	struct cfs_sink sink = cfs_sink_mem(&all);
	int rc =
		r->base && r->base->entry->text
			? cfs_bls_write_options(cfs_text(r->base->entry->text), sink, err)
			: 0;

	for (size_t i = 0; rc == 0 && i < r->opts->n_kargs; i++) {
		const char *karg = r->opts->kargs[i];

		rc = sink.write(&all, " ", 1, err);
		if (rc == 0)
			rc = sink.write(&all, karg, strlen(karg), err);
	}
	if (rc == 0)
		rc = sink.write(&all, "", 1, err);
	if (rc == 0)
		rc = deploy_replace_image((const char *)all.p, &r->id,
					  !cfs_repo_is_secure(r->repo), &r->options, err);
	free(all.p);
	return rc;
}

/* --- writing -------------------------------------------------------------------------- */

unsigned deploy_next_generation(const struct cfs_bootentries *entries)
{
	unsigned next = 1;

	for (size_t i = 0; i < entries->n; i++) {
		struct deploy_name name;

		if (deploy_parse_name(entries->v[i].id, &name) && name.generation >= next)
			next = name.generation + 1;
	}
	return next;
}

static int publish_ref(const struct install_run *r, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX],
		ref[sizeof(CFS_REPO_BOOT_REFS) + CFS_DIGEST_HEX_MAX];
	const struct cfs_repo_link link = {
		.kind = CFS_REPO_IMAGES, .id = r->id, .ref = ref};

	snprintf(ref, sizeof(ref), CFS_REPO_BOOT_REFS "%s", cfs_digest_hex(&r->id, hex));
	return cfs_repo_publish(r->repo, &link, err);
}

int install_make_state(const struct install_run *r, bool pinned, struct cfs_err *err)
{
	struct deploy_state state = {
		.image = &r->id,
		.os = r->opts->os ? r->opts->os : "default",
		.origin = {.pinned = pinned},
		.fill_etc = r->base ? install_merge_etc : NULL,
		.ctx = (void *)(uintptr_t)r,
	};
	cfs_autofree char *reference = strdup(r->name);
	struct cfs_digest id;
	int rc;

	if (!reference)
		return cfs_fail(err, ENOMEM, "out of memory");
	/* An ID never has a successor. */
	if (cfs_digest_parse(cfs_text(r->name), &id, NULL) < 0)
		state.origin.reference = reference;
	rc = deploy_make_state(r->place, &state, err);
	r->done->etc_existed = rc == 1;
	return rc < 0 ? rc : 0;
}

/* Writes the boot entry, the last step of an installation: before it, nothing is
 * booted. */
static int write_entry(const struct install_run *r, struct cfs_err *err)
{
	const struct deploy_entry e = {
		.name = {deploy_next_generation(&r->list.entries), 0},
		.image = r->id,
		.is_counted = r->opts->tries > 0,
		.tries_left = r->opts->tries,
		.title = r->kernel.title,
		.version = r->kernel.version,
		.key = r->kernel.key,
		.is_uki = r->kernel.is_uki,
		.options = (const char *)r->options.p,
	};

	r->done->image = r->id;
	deploy_format_name(&e, r->done->entry);
	return deploy_write_entry(r->place, &e, err);
}

static int write_all(const struct install_run *r, struct cfs_err *err)
{
	int rc = install_make_state(r, false, err);

	if (rc == 0)
		rc = publish_ref(r, err);
	if (rc == 0)
		rc = cfs_context(err, deploy_write_files(r->place, &r->kernel, err), "%s",
				 r->place->boot);
	return rc < 0 ? rc : write_entry(r, err);
}

int install_carry_out(struct install_run *r, struct cfs_err *err)
{
	int rc = deploy_tidy(r->place, err);

	if (rc == 0)
		rc = read_all(r, err);
	if (rc == 0)
		rc = make_options(r, err);
	if (rc == 0)
		rc = deploy_check_space(r->place, &r->kernel, err);
	return rc < 0 ? rc : write_all(r, err);
}

/* --- doors ---------------------------------------------------------------------------- */

int install_begin(struct install_run *r, struct cfs_err *err)
{
	int rc = check_options(r->opts, err);

	*r->done = (struct cfs_installed){0};
	return rc < 0 ? rc
		      : cfs_deployments_read(r->place, CFS_DEPLOY_CHANGE, &r->list, err);
}

int cfs_deploy_install(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		       const struct cfs_install *opts, struct cfs_installed *out,
		       struct cfs_err *err)
{
	struct install_run r = {.place = place,
				.repo = repo,
				.opts = opts,
				.done = out,
				.name = opts->image};
	const struct cfs_deployment *old;
	int rc = install_begin(&r, err);

	if (rc == 0)
		rc = install_open_image(&r, err);
	old = rc == 0 ? cfs_deployments_of(&r.list, &r.id) : NULL;
	if (old && old->entry)
		rc = cfs_fail(err, EEXIST, "image %s is installed as %s", opts->image,
			      old->entry->id);
	if (rc == 0)
		rc = install_carry_out(&r, err);
	install_finish(&r);
	return rc;
}

void cfs_installed_fini(struct cfs_installed *done)
{
	for (size_t i = 0; i < done->n_conflicts; i++)
		free(done->conflicts[i].path);
	free(done->conflicts);
	*done = (struct cfs_installed){0};
}
