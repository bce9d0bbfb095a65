/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Entries and state directories -> deployments. */
#include "deploy/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bls/bls.h"
#include "deploy/deploy_priv.h"
#include "mount/table.h"

enum { NAME_DIGITS_MIN = 8, RECORD_MAX = 65536 };

const char *cfs_deploy_state_path(const struct cfs_digest *image,
				  char out[CFS_DEPLOY_PATH_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX];

	snprintf(out, CFS_DEPLOY_PATH_MAX, CFS_DEPLOY_STATE_DIR "/%s",
		 cfs_digest_hex(image, hex));
	return out;
}

struct cfs_deployment *cfs_deployments_of(struct cfs_deployments *list,
					  const struct cfs_digest *image)
{
	for (size_t i = 0; i < list->n; i++)
		if (cfs_digest_eq(&list->v[i].image, image))
			return &list->v[i];
	return NULL;
}

static int add_deployment(struct cfs_deployments *list, const struct cfs_digest *image,
			  struct cfs_deployment **out, struct cfs_err *err)
{
	if (cfs_grow(&list->v, &list->cap, list->n + 1, sizeof(*list->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	*out = &list->v[list->n++];
	**out = (struct cfs_deployment){.image = *image, .owner = CFS_DEPLOY_OTHER};
	return 0;
}

/* --- entries -------------------------------------------------------------------------- */

/* The version of an entry of ours begins with generation and revision. */
static const char *get_version(const struct cfs_deployment *d)
{
	const char *version = d->entry->version;
	const char *dash =
		d->owner == CFS_DEPLOY_OURS && version ? strchr(version, '-') : NULL;

	if (d->owner != CFS_DEPLOY_OURS)
		return version;
	return dash ? dash + 1 : NULL;
}

/* Finds out who wrote the entry, by its name: only our own entries are changed or
 * removed. */
static int describe_entry(struct cfs_deployment *d, struct cfs_err *err)
{
	struct deploy_name name;
	char key[DEPLOY_KEY_MAX];
	bool is_uki;

	if (d->entry->type == CFS_BOOTENTRY_TYPE1 &&
	    deploy_parse_name(d->entry->id, &name) && d->entry->text &&
	    deploy_find_key(d->entry->text, key, &is_uki)) {
		d->owner = CFS_DEPLOY_OURS;
		d->generation = name.generation;
		d->revision = name.revision;
		d->key = strdup(key);
		if (!d->key)
			return cfs_fail(err, ENOMEM, "out of memory");
	} else if (strncmp(d->entry->id, "bootc_", 6) == 0) {
		d->owner = CFS_DEPLOY_BOOTC;
	}
	d->version = get_version(d);
	return 0;
}

/* A UKI of bootc is not an entry by itself: a type 1 entry names it. */
static bool is_offered(const struct cfs_bootentry *e)
{
	return e->has_image && !e->problem &&
	       strncmp(e->file, "EFI/Linux/bootc/", 16) != 0;
}

/* Adds a deployment for each image that an entry boots. Of several entries for one
 * image the first in the order of the boot loader counts. */
static int add_entries(struct cfs_deployments *list, struct cfs_err *err)
{
	int rc = 0;

	deploy_sort_entries(&list->entries);
	for (size_t i = 0; rc == 0 && i < list->entries.n; i++) {
		const struct cfs_bootentry *e = &list->entries.v[i];
		struct cfs_deployment *d;

		if (!is_offered(e) || cfs_deployments_of(list, &e->image))
			continue;
		rc = add_deployment(list, &e->image, &d, err);
		if (rc < 0)
			break;
		d->entry = e;
		rc = describe_entry(d, err);
	}
	return rc;
}

/* --- state directories ---------------------------------------------------------------- */

/* Adds the state directory NAME to the deployment of its image, or a deployment without an
 * entry. Files and directories with other names are not ours: they are left out. */
static int add_state(struct cfs_deployments *list, int dirfd, const char *name,
		     struct cfs_err *err)
{
	struct deploy_origin origin = {0};
	cfs_autofd int statefd = -1;
	struct cfs_deployment *d;
	struct cfs_digest image;
	int rc = 0;

	if (strchr(name, ':') || cfs_digest_parse(cfs_text(name), &image, NULL) < 0)
		return 0;
	statefd = cfs_beneath_open_dir(dirfd, name);
	if (statefd < 0)
		return statefd == -ENOTDIR || statefd == -ELOOP || statefd == -ENOENT
			       ? 0
			       : cfs_beneath_fail(statefd, name, err);
	rc = deploy_read_origin(statefd, &origin, err);
	d = cfs_deployments_of(list, &image);
	if (rc == 0 && !d)
		rc = add_deployment(list, &image, &d, err);
	if (rc < 0) {
		free(origin.reference);
		return cfs_context(err, rc, "%s", name);
	}
	d->has_state = true;
	d->pinned = origin.pinned;
	d->reference = origin.reference;
	return 0;
}

/* A deployment can have a state without an entry: after rm, or a failed install. */
static int add_states(struct cfs_deployments *list, int rootfd, struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_open(rootfd, CFS_DEPLOY_STATE_DIR, O_RDONLY | O_DIRECTORY, 0);
	const struct dirent *e;
	int rc = 0, fd;
	DIR *dir;

	if (dirfd == -ENOENT)
		return 0;
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, CFS_DEPLOY_STATE_DIR, err);
	fd = dup(dirfd);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = cfs_fail_errno(err, "%s", CFS_DEPLOY_STATE_DIR);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, e = readdir(dir)))
		rc = add_state(list, dirfd, e->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "reading the directory");
	closedir(dir);
	return cfs_context(err, rc, "%s", CFS_DEPLOY_STATE_DIR);
}

/* --- the running system --------------------------------------------------------------- */

/* The record is JSON of composefs-prepare-root, without spaces. */
static int take_record(struct cfs_deployments *list, const char *record,
		       struct cfs_err *err)
{
	static const char key[] = "\"digest\":\"";
	const char *at = strstr(record, key);
	size_t len;

	if (!at)
		return cfs_fail(err, EINVAL, "expected a digest, got none");
	at += sizeof(key) - 1;
	len = strcspn(at, "\"");
	if (len == 0)
		return 0; /* an image without a digest was booted */
	if (cfs_digest_parse((struct cfs_text){at, len}, &list->booted, err) < 0)
		return -EINVAL;
	list->booted_known = true;
	list->booted_verified = strstr(at, "\"verified\":true") != NULL;
	return 0;
}

/* composefs-rs and bootc leave only the source of the root mount. */
static int take_root_mount(struct cfs_deployments *list, struct cfs_err *err)
{
	struct cfs_mount_table table = {0};
	int rc = cfs_mount_table_read(&table, err);

	for (size_t i = 0; rc == 0 && i < table.n; i++) {
		struct cfs_text source = cfs_text(table.v[i].source);

		if (strcmp(table.v[i].place, "/") != 0 ||
		    (!cfs_text_skip_prefix(&source, CFS_TEXT("composefs:")) &&
		     !cfs_text_skip_prefix(&source, CFS_TEXT("transient:composefs="))))
			continue;
		if (cfs_digest_parse(source, &list->booted, NULL) == 0)
			list->booted_known = true;
	}
	cfs_mount_table_fini(&table);
	return rc;
}

/* Finds out which deployment runs: by the record of composefs-prepare-root, or else by
 * the mount of the root. A test names another /run. */
static int read_booted(struct cfs_deployments *list, const struct cfs_deploy_place *place,
		       struct cfs_err *err)
{
	struct cfs_mem record = {0};
	int rc;

	if (place->runfd < 0)
		return 0;
	rc = cfs_input_read(place->runfd, "composefs/booted",
			    CFS_INPUT_NOFOLLOW | CFS_INPUT_BENEATH, RECORD_MAX, &record,
			    err);
	if (rc == -ENOENT)
		rc = strcmp(place->run, "/run") == 0 ? take_root_mount(list, err) : 0;
	else if (rc == 0)
		rc = cfs_sink_mem(&record).write(&record, "", 1, err);
	if (rc == 0 && record.len)
		rc = take_record(list, (const char *)record.p, err);
	free(record.p);
	return cfs_context(err, rc, "%s/composefs/booted", place->run);
}

/* --- roles ---------------------------------------------------------------------------- */

/* A rollback goes to the running system if another one is next, else to the newest
 * that can still be booted. */
static struct cfs_deployment *find_rollback(struct cfs_deployments *list,
					    struct cfs_deployment *next,
					    struct cfs_deployment *booted)
{
	if (booted && booted->entry && booted != next)
		return booted;
	for (size_t i = 0; i < list->n; i++) {
		struct cfs_deployment *d = &list->v[i];

		if (d != next && d->entry && !deploy_is_exhausted(d->entry))
			return d;
	}
	return NULL;
}

/* Marks the running deployment, the next one and the one of a rollback. */
static void set_roles(struct cfs_deployments *list)
{
	struct cfs_deployment *next = list->n && list->v[0].entry ? &list->v[0] : NULL;
	struct cfs_deployment *booted =
		list->booted_known ? cfs_deployments_of(list, &list->booted) : NULL;
	struct cfs_deployment *rollback = find_rollback(list, next, booted);

	if (booted)
		booted->is_booted = true;
	if (next)
		next->is_next = true;
	if (rollback)
		rollback->is_rollback = true;
}

bool cfs_deploy_is_unreadable(const struct cfs_bootentry *e)
{
	struct deploy_name name;

	return e->problem && e->type == CFS_BOOTENTRY_TYPE1 &&
	       deploy_parse_name(e->id, &name);
}

static int check_readable(const struct cfs_bootentries *entries, struct cfs_err *err)
{
	for (size_t i = 0; i < entries->n; i++)
		if (cfs_deploy_is_unreadable(&entries->v[i]))
			return cfs_fail(err, EUCLEAN, "%s: %s; nothing is changed",
					entries->v[i].file, entries->v[i].problem);
	return 0;
}

int cfs_deployments_read(const struct cfs_deploy_place *place, enum cfs_deploy_use use,
			 struct cfs_deployments *out, struct cfs_err *err)
{
	int rc = cfs_context(err, cfs_bootentries_read(place->bootfd, &out->entries, err),
			     "%s", place->boot);

	if (rc == 0 && use == CFS_DEPLOY_CHANGE)
		rc = cfs_context(err, check_readable(&out->entries, err), "%s",
				 place->boot);
	if (rc == 0)
		rc = add_entries(out, err);
	if (rc == 0)
		rc = cfs_context(err, add_states(out, place->rootfd, err), "%s",
				 place->root);
	if (rc == 0)
		rc = read_booted(out, place, err);
	if (rc == 0)
		set_roles(out);
	return rc;
}

void cfs_deployments_fini(struct cfs_deployments *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].reference);
		free(list->v[i].key);
	}
	free(list->v);
	cfs_bootentries_fini(&list->entries);
	*list = (struct cfs_deployments){0};
}

/* --- names ---------------------------------------------------------------------------- */

/* Whether a user can mean this deployment by name: a role, an entry, an ID or its
 * first digits. */
static bool has_name(const struct cfs_deployment *d, const char *name)
{
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_text id = cfs_text(cfs_digest_hex(&d->image, hex));
	struct cfs_text digits = cfs_text(name);

	if ((d->is_booted && strcmp(name, "booted") == 0) ||
	    (d->is_next && strcmp(name, "next") == 0) ||
	    (d->is_rollback && strcmp(name, "rollback") == 0) ||
	    (d->entry && strcmp(name, d->entry->id) == 0))
		return true;
	if (!cfs_text_skip_prefix(&digits, CFS_TEXT("sha256:")))
		(void)cfs_text_skip_prefix(&digits, CFS_TEXT("sha512:"));
	return digits.len >= NAME_DIGITS_MIN && cfs_text_has_prefix(id, digits);
}

/* The error says what the user could have meant. */
static int fail_no_deployment(const struct cfs_deployments *list, const char *name,
			      struct cfs_err *err)
{
	static const char *const roles[] = {"booted", "next", "rollback"};

	if (list->n == 0)
		return cfs_fail(err, ENOENT,
				"no system is installed: \"composefs boot install\" "
				"makes the first");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(name, roles[i]) == 0)
			return cfs_fail(err, ENOENT,
					"deployment %s: none is; \"composefs boot "
					"status\" shows all",
					name);
	return cfs_fail(err, ENOENT,
			"deployment %s: expected booted, next, rollback, or the "
			"name of an entry or the ID of an image that \"composefs boot "
			"status\" shows",
			name);
}

int cfs_deployments_find(struct cfs_deployments *list, const char *name,
			 struct cfs_deployment **out, struct cfs_err *err)
{
	*out = NULL;
	for (size_t i = 0; i < list->n; i++) {
		if (!has_name(&list->v[i], name))
			continue;
		if (*out)
			return cfs_fail(err, ENOTUNIQ,
					"deployment %s: several images have such an ID",
					name);
		*out = &list->v[i];
	}
	return *out ? 0 : fail_no_deployment(list, name, err);
}
