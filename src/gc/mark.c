/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Marking: entries, and everything that they refer to. Streams are small and are followed
 * one after the other; images are read on all CPUs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gc/mark.h"

/* --- entries ------------------------------------------------------------------------ */

static int compare_entry_ids(const void *a, const void *b, void *ctx)
{
	const struct cfs_repo_list *l = ctx;
	const struct cfs_repo_entry *x = &l->v[*(const uint32_t *)a];
	const struct cfs_repo_entry *y = &l->v[*(const uint32_t *)b];
	int c = memcmp(x->id.bytes, y->id.bytes, sizeof(x->id.bytes));

	return c ? c : strcmp(x->name, y->name);
}

/* Fails if a link could not be read: what it refers to is unknown. */
static int check_read(const struct cfs_repo_list *l, const char *dir, const char *refs,
		      struct cfs_err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];

		if (e->code && e->code != -EMLINK && e->code != -EUCLEAN)
			return cfs_fail(err, -e->code, "%s/%s%s: %s", dir, refs, e->name,
					e->wrong);
	}
	return 0;
}

/* Lists one kind and prepares the search by ID. An entry that cannot be read is an error
 * unless it is known to be foreign: its objects could not be kept. */
static int list_side(struct gc_marks *m, enum cfs_repo_kind kind, struct cfs_err *err)
{
	struct gc_side *s = &m->side[kind];
	/* References first, opposite to the order in which links are created: so each
	 * reference has its entry. */
	int rc = cfs_repo_list_refs(m->repo, kind, &s->refs, err);

	if (rc == 0)
		rc = cfs_repo_list_entries(m->repo, kind, &s->entries, err);
	if (rc == 0)
		rc = check_read(&s->refs, cfs_repo_get_kind_dir(kind), "refs/", err);
	if (rc == 0)
		rc = check_read(&s->entries, cfs_repo_get_kind_dir(kind), "", err);
	if (rc < 0)
		return rc;
	s->reached = calloc(s->entries.n + 1, sizeof(*s->reached));
	s->by_id = calloc(s->entries.n + 1, sizeof(*s->by_id));
	if (!s->reached || !s->by_id || s->entries.n > UINT32_MAX)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->entries.n; i++)
		if (s->entries.v[i].code == 0)
			s->by_id[s->n_by_id++] = (uint32_t)i;
	qsort_r(s->by_id, s->n_by_id, sizeof(*s->by_id), compare_entry_ids, &s->entries);
	return 0;
}

static int compare_name_with_entry(const void *key, const void *entry)
{
	return strcmp(key, ((const struct cfs_repo_entry *)entry)->name);
}

const struct cfs_repo_entry *gc_find_entry(const struct gc_side *s, const char *name)
{
	if (s->entries.n == 0)
		return NULL;
	return bsearch(name, s->entries.v, s->entries.n, sizeof(*s->entries.v),
		       compare_name_with_entry);
}

/* The first index in by_id with this ID, or n_by_id. */
static size_t find_entry_by_id(const struct gc_side *s, const struct cfs_digest *id)
{
	size_t low = 0, high = s->n_by_id;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct cfs_repo_entry *e = &s->entries.v[s->by_id[mid]];

		if (memcmp(e->id.bytes, id->bytes, sizeof(id->bytes)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Takes over the marks of entries that have not changed, so that these are not read
 * again. */
static void inherit_marks(struct gc_marks *m, struct gc_marks *before)
{
	cfs_ids_fini(&m->live);
	m->live = before->live;
	cfs_ids_init(&before->live, m->live.alg);
	cfs_ids_fini(&m->used);
	m->used = before->used;
	cfs_ids_init(&before->used, m->live.alg);
	for (int kind = 0; kind < 2; kind++) {
		struct gc_side *now = &m->side[kind], *then = &before->side[kind];

		for (size_t i = 0; i < now->entries.n; i++) {
			const struct cfs_repo_entry *e = &now->entries.v[i];
			const struct cfs_repo_entry *old = gc_find_entry(then, e->name);

			if (old && old->code == 0 && e->code == 0 &&
			    cfs_digest_eq(&old->id, &e->id))
				now->reached[i] = then->reached[old - then->entries.v];
		}
	}
}

/* before, if not NULL, is an earlier run over the same repository: its marks of entries that have not
 * changed move to this one. Call gc_close_marks also after a failure. */
int gc_open_marks(struct gc_marks *m, const struct cfs_repo *repo,
		  const struct cfs_gc_opts *opts, struct gc_marks *before,
		  struct cfs_err *err)
{
	int rc;

	*m = (struct gc_marks){
		.repo = repo, .opts = opts, .n_threads = cfs_pool_count_cpus()};
	cfs_ids_init(&m->live, cfs_repo_get_meta(repo)->alg);
	cfs_ids_init(&m->used, cfs_repo_get_meta(repo)->alg);
	m->live.watch = m->used.watch = opts->watch;
	m->found = calloc(m->n_threads, sizeof(*m->found));
	if (!m->found)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (unsigned i = 0; i < m->n_threads; i++) {
		cfs_ids_init(&m->found[i], cfs_repo_get_meta(repo)->alg);
		m->found[i].watch = opts->watch;
	}
	rc = list_side(m, CFS_REPO_IMAGES, err);
	if (rc == 0)
		rc = list_side(m, CFS_REPO_STREAMS, err);
	if (rc == 0 && before)
		inherit_marks(m, before);
	return rc;
}

void gc_close_marks(struct gc_marks *m)
{
	for (int kind = 0; kind < 2; kind++) {
		cfs_repo_list_fini(&m->side[kind].entries);
		cfs_repo_list_fini(&m->side[kind].refs);
		free(m->side[kind].reached);
		free(m->side[kind].by_id);
	}
	for (unsigned i = 0; m->found && i < m->n_threads; i++)
		cfs_ids_fini(&m->found[i]);
	free(m->found);
	cfs_ids_fini(&m->live);
	cfs_ids_fini(&m->used);
	free(m->todo);
	free(m->images);
	*m = (struct gc_marks){0};
}

/* --- marking ------------------------------------------------------------------------ */

int gc_mark_image(struct gc_marks *m, const struct cfs_digest *id, struct cfs_err *err)
{
	if (cfs_grow(&m->images, &m->images_cap, m->n_images + 1, sizeof(*m->images)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	m->images[m->n_images++] = *id;
	return cfs_ids_add(&m->live, id->bytes, err);
}

int gc_mark_entry(struct gc_marks *m, enum cfs_repo_kind kind, size_t index,
		  struct cfs_err *err)
{
	struct gc_side *s = &m->side[kind];

	if (s->reached[index])
		return 0;
	s->reached[index] = true;
	if (kind == CFS_REPO_IMAGES)
		return gc_mark_image(m, &s->entries.v[index].id, err);
	if (cfs_grow(&m->todo, &m->todo_cap, m->n_todo + 1, sizeof(*m->todo)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	m->todo[m->n_todo++] = (struct gc_todo){kind, index};
	return cfs_ids_add(&m->live, s->entries.v[index].id.bytes, err);
}

/* Marks an object, and all images and streams that have it. */
static int mark_id(struct gc_marks *m, const struct cfs_digest *id, struct cfs_err *err)
{
	int rc = cfs_ids_add(&m->live, id->bytes, err);

	for (enum cfs_repo_kind kind = CFS_REPO_IMAGES; kind <= CFS_REPO_STREAMS;
	     kind++) {
		const struct gc_side *s = &m->side[kind];

		for (size_t i = find_entry_by_id(s, id); rc == 0 && i < s->n_by_id; i++) {
			if (!cfs_digest_eq(&s->entries.v[s->by_id[i]].id, id))
				break;
			rc = gc_mark_entry(m, kind, s->by_id[i], err);
		}
	}
	return rc;
}

/* --- streams ------------------------------------------------------------------------ */

/* The entry of what a container image names: "manifest:DIGEST" in an index, "config:DIGEST" or,
 * of a layer, "DIGEST" in a manifest. False: another name. */
static bool container_entry(struct cfs_text name, char *out, size_t out_len)
{
	const char *kind = "layer";

	if (cfs_text_skip_prefix(&name, CFS_TEXT("config:")))
		kind = "config";
	else if (cfs_text_skip_prefix(&name, CFS_TEXT("manifest:")))
		kind = "manifest";
	if (name.len > 2 * CFS_SHA512_LEN + 7 || memchr(name.s, '\0', name.len) ||
	    (!cfs_text_has_prefix(name, CFS_TEXT("sha256:")) &&
	     !cfs_text_has_prefix(name, CFS_TEXT("sha512:"))))
		return false;
	snprintf(out, out_len, "oci-%s-%.*s", kind, (int)name.len, name.s);
	return true;
}

/* Pulling a container image again can replace the stream of its configuration or manifest,
 * whose old object other manifests or an index refer to: the new one is theirs, too. */
static int mark_named_id(void *ctx, struct cfs_text name, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	struct gc_marks *m = ctx;
	const struct gc_side *s = &m->side[CFS_REPO_STREAMS];
	char entry_name[16 + 2 * CFS_SHA512_LEN + 8];
	int rc = cfs_watch_poll(m->opts->watch, err);

	if (rc == 0)
		rc = mark_id(m, id, err);
	if (rc == 0 && container_entry(name, entry_name, sizeof(entry_name))) {
		const struct cfs_repo_entry *e = gc_find_entry(s, entry_name);

		if (e && e->code == 0)
			rc = gc_mark_entry(m, CFS_REPO_STREAMS,
					   (size_t)(e - s->entries.v), err);
	}
	return rc;
}

/* Marks everything that a stream refers to, as in use. */
static int follow_bytes(struct gc_marks *m, struct cfs_span bytes, struct cfs_err *err)
{
	struct cfs_stream s;
	int rc = cfs_stream_open(bytes, cfs_repo_get_meta(m->repo)->alg, &s, err);

	for (size_t i = 0; rc == 0 && i < cfs_stream_count_ids(&s, s.object_refs); i++) {
		struct cfs_digest id = cfs_stream_get_id(&s, s.object_refs, i);

		rc = cfs_watch_poll(m->opts->watch, err);
		if (rc == 0)
			rc = cfs_ids_add(&m->live, id.bytes, err);
	}
	/* Includes stream references without a name, which nothing else keeps. */
	for (size_t i = 0; rc == 0 && i < cfs_stream_count_ids(&s, s.stream_refs); i++) {
		struct cfs_digest id = cfs_stream_get_id(&s, s.stream_refs, i);

		rc = cfs_watch_poll(m->opts->watch, err);
		if (rc == 0)
			rc = mark_id(m, &id, err);
	}
	return rc < 0 ? rc : cfs_stream_visit_names(&s, mark_named_id, m, err);
}

static int follow_stream(struct gc_marks *m, size_t index, struct cfs_err *err)
{
	const struct cfs_repo_entry *e = &m->side[CFS_REPO_STREAMS].entries.v[index];
	struct cfs_map map;
	int rc = cfs_repo_map_object(m->repo, &e->id, &map, err);

	if (rc == 0) {
		rc = follow_bytes(m, map.span, err);
		cfs_map_close(&map);
	}
	return cfs_context(err, rc, "streams/%s", e->name);
}

int gc_follow_streams(struct gc_marks *m, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0 && m->n_todo) {
		rc = cfs_watch_poll(m->opts->watch, err);
		if (rc == 0)
			rc = follow_stream(m, m->todo[--m->n_todo].index, err);
	}
	return rc;
}

/* --- images ------------------------------------------------------------------------- */

/* One item of the pool: the objects of one image, into the list of this worker. An image
 * that cannot be read ends the collection: its objects are unknown. */
static int follow_image(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct gc_marks *m = ctx;
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_repo_map_object(m->repo, &m->images[i], &map, err);

	if (rc == 0) {
		rc = cfs_image_open(map.span, &im, err);
		if (rc == 0)
			rc = cfs_repo_list_image_objects(&im, m->opts->watch,
							 &m->found[worker], NULL, err);
		cfs_map_close(&map);
	}
	if (worker == 0)
		cfs_watch_progress(m->opts->watch,
				   &(struct cfs_progress){.stage = "images",
							  .done = i,
							  .all = m->n_images});
	return cfs_context(err, rc, "images/%s", cfs_digest_hex(&m->images[i], hex));
}

int gc_mark_pending_images(struct gc_marks *m, struct cfs_err *err)
{
	int rc = cfs_pool_run(m->n_threads, m->n_images, follow_image, m, m->opts->watch,
			      err);

	m->n_images = 0;
	for (unsigned t = 0; rc == 0 && t < m->n_threads; t++) {
		struct cfs_ids *found = &m->found[t];

		rc = cfs_ids_settle(found, err);
		for (size_t i = 0; rc == 0 && i < found->n; i++) {
			rc = cfs_watch_poll(m->opts->watch, err);
			if (rc == 0)
				rc = cfs_ids_add(&m->live, found->v + i * found->len,
						 err);
		}
		cfs_ids_fini(found);
	}
	return rc < 0 ? rc : cfs_ids_settle(&m->live, err);
}
