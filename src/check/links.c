/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking first-level links and references. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/check_priv.h"

/* Checks the link itself. 1: valid. */
static int check_link_form(struct check *c, const struct cfs_repo_entry *e,
			   const char *place, struct cfs_err *err)
{
	enum cfs_check_fault fault = CFS_CHECK_STAT;

	if (e->code == 0)
		return 1;
	if (e->code == -EMLINK)
		fault = CFS_CHECK_ENTRY_NO_LINK;
	else if (e->code == -EUCLEAN)
		fault = CFS_CHECK_LINK_TARGET;
	return check_add_finding(c, fault, NULL, place, e->wrong, err);
}

/* Finds an entry by name; the list is sorted. */
static const struct cfs_repo_entry *find_link_entry(const struct cfs_repo_list *l,
						    const char *name)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int n = strcmp(l->v[mid].name, name);

		if (n == 0)
			return &l->v[mid];
		if (n < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* A reference must be a symbolic link of the right form, with a permitted name, to an
 * entry that exists. What the entry itself is worth is checked where it is listed. */
static int check_ref(struct check *c, enum cfs_repo_kind kind,
		     const struct cfs_repo_entry *e, struct cfs_err *err)
{
	char place[CHECK_PLACE_MAX];
	struct cfs_err why;
	int rc;

	snprintf(place, sizeof(place), "%s/refs/%s", cfs_repo_get_kind_dir(kind),
		 e->name);
	rc = check_link_form(c, e, place, err);
	if (rc <= 0)
		return rc;
	if (cfs_repo_check_ref(cfs_text(e->name), &why) < 0) {
		rc = check_add_finding(c, CFS_CHECK_REF_NAME, NULL, place, why.msg, err);
		if (rc < 0)
			return rc;
	}
	if (find_link_entry(&c->entries[kind], e->target))
		return 0;
	check_count(c, &c->out->n_broken);
	return check_add_finding(c, CFS_CHECK_LINK_BROKEN, NULL, place,
				 "the image or stream that it refers to does not exist",
				 err);
}

int check_list_links(struct check *c, struct cfs_err *err)
{
	int rc = 0;

	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES;
	     rc == 0 && kind <= CFS_REPO_STREAMS; kind++) {
		rc = cfs_repo_list_refs(c->repo, kind, &c->refs[kind], err);
		if (rc == 0)
			rc = cfs_repo_list_entries(c->repo, kind, &c->entries[kind], err);
	}
	return rc;
}

/* Checks the refs of a kind, and begins to count its entries. */
int check_all_refs(struct check *c, enum cfs_repo_kind kind, struct cfs_err *err)
{
	int rc = 0;

	atomic_store(&c->n_done, 0);
	for (size_t i = 0; rc == 0 && i < c->refs[kind].n; i++) {
		rc = cfs_watch_poll(c->opts->watch, err);
		if (rc == 0)
			rc = check_ref(c, kind, &c->refs[kind].v[i], err);
	}
	return rc;
}

/* The bytes that an entry leads to. 1: they are there. */
/* In a mapping, a block that does not match its fs-verity digest would be a SIGBUS. */
static int check_readable(const struct check *c, const struct cfs_digest *id,
			  struct cfs_err *why)
{
	cfs_autofd int fd = -1;
	struct cfs_digest got;

	if (!cfs_repo_is_secure(c->repo))
		return 0;
	fd = cfs_repo_open_object(c->repo, id, CFS_REPO_SEALED, why);
	if (fd < 0)
		return fd;
	return cfs_verity_digest_fd(id->alg, fd, 1, c->opts->watch, &got, NULL, why);
}

/* Returns 1 and maps the object, or 0 after a finding was added, or an error of the
 * check itself. The caller unmaps *map after 1 only. */
int check_map_entry(struct check *c, const struct cfs_repo_entry *e, const char *place,
		    enum cfs_check_fault fault, struct cfs_map *map, struct cfs_err *err)
{
	struct cfs_err why;
	uint64_t size;
	int rc = check_link_form(c, e, place, err);

	if (rc <= 0)
		return rc;
	if (!check_get_size(c, &e->id, &size)) {
		check_count(c, &c->out->n_broken);
		return check_add_finding(c, CFS_CHECK_LINK_BROKEN, &e->id, place,
					 "its object does not exist", err);
	}
	rc = check_readable(c, &e->id, &why);
	if (rc == 0)
		rc = cfs_repo_map_object(c->repo, &e->id, map, &why);
	if (rc == -ECANCELED)
		return cfs_watch_poll(c->opts->watch, err);
	return rc < 0 ? check_add_finding(c, fault, &e->id, place, why.msg, err) : 1;
}
