/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The index of contents: a head and sorted entries. */
#include "containers/content_index.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/repo.h"

static const char index_name[] = ".content-index";

/* The head of the file: magic bytes, and the algorithm of the objects. */
struct index_head {
	char magic[8];
	uint64_t alg; /* little endian */
};

static const char index_magic[] = "CFSCONT1";

#define INDEX_LEN_MAX                                                                    \
	(sizeof(struct index_head) + CFS_CONTENTS_MAX * sizeof(struct cfs_content))

static_assert(sizeof(struct cfs_content) == 104, "the form of the file");

static int by_sha256(const void *a, const void *b)
{
	const struct cfs_content *x = a, *y = b;

	return memcmp(x->sha256, y->sha256, CFS_SHA256_LEN);
}

/* --- reading ------------------------------------------------------------------------ */

static bool is_sorted(const struct cfs_content *entries, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (by_sha256(&entries[i - 1], &entries[i]) >= 0)
			return false;
	return true;
}

/* A malformed index is no error: it is only a cache, and is written again. */
static bool parse_index(struct cfs_span file, enum cfs_hash_alg alg,
			struct cfs_content_index *out)
{
	struct index_head head;
	struct cfs_span part;

	if (!cfs_span_sub(file, 0, sizeof(head), &part))
		return false;
	memcpy(&head, part.p, sizeof(head));
	if (memcmp(head.magic, index_magic, sizeof(head.magic)) != 0 ||
	    le64toh(head.alg) != (uint64_t)alg ||
	    (file.len - sizeof(head)) % sizeof(struct cfs_content) != 0 ||
	    !cfs_span_sub(file, sizeof(head), file.len - sizeof(head), &part))
		return false;
	out->entries = (const struct cfs_content *)(const void *)part.p;
	out->n = part.len / sizeof(struct cfs_content);
	return is_sorted(out->entries, out->n);
}

void cfs_content_index_open(const struct cfs_repo *repo, struct cfs_content_index *out)
{
	cfs_autofd int fd = cfs_beneath_open(cfs_repo_get_dirfd(repo), index_name,
					     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	*out = (struct cfs_content_index){0};
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > (off_t)INDEX_LEN_MAX || cfs_map_stable(fd, &out->map, NULL) < 0)
		return;
	if (!parse_index(out->map.span, cfs_repo_get_meta(repo)->alg, out))
		cfs_content_index_close(out);
}

void cfs_content_index_close(struct cfs_content_index *index)
{
	cfs_map_close(&index->map);
	*index = (struct cfs_content_index){0};
}

const struct cfs_content *cfs_content_index_find(const struct cfs_content_index *index,
						 const uint8_t sha256[CFS_SHA256_LEN],
						 uint64_t size)
{
	struct cfs_content key = {.size = 0};
	const struct cfs_content *found;

	memcpy(key.sha256, sha256, CFS_SHA256_LEN);
	found = index->n ? bsearch(&key, index->entries, index->n, sizeof(key), by_sha256)
			 : NULL;
	return found && le64toh(found->size) == size ? found : NULL;
}

void cfs_content_get_object(const struct cfs_content *c, enum cfs_hash_alg alg,
			    struct cfs_digest *out)
{
	*out = (struct cfs_digest){.alg = alg};
	memcpy(out->bytes, c->value, cfs_hash_len(alg));
}

/* --- writing ------------------------------------------------------------------------ */

/* Sorts entries and removes those that are repeated. Returns their number. */
static size_t sort_entries(struct cfs_content *entries, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(entries, n, sizeof(*entries), by_sha256);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_sha256(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	return kept < CFS_CONTENTS_MAX ? kept : CFS_CONTENTS_MAX;
}

/* What a merge may keep of the old entries. */
struct old_entries {
	const struct cfs_repo *repo;
	struct cfs_content_index index;
	size_t room;
	bool is_full; /* there is no room for all */
};

/* Whether the old entry stays. */
static bool keep_entry(struct old_entries *old, const struct cfs_content *c)
{
	struct cfs_digest object;

	if (old->room == 0)
		return false;
	if (old->is_full && le64toh(c->size) > CFS_CONTAINERS_INLINE_MAX) {
		cfs_content_get_object(c, cfs_repo_get_meta(old->repo)->alg, &object);
		if (cfs_repo_has_object(old->repo, &object, NULL) <= 0)
			return false;
	}
	old->room--;
	return true;
}

/* Writes old and new entries in order; of the same content the new one. */
static int write_merged(struct old_entries *old, const struct cfs_content *new, size_t n,
			struct cfs_out *to, struct cfs_err *err)
{
	const struct cfs_content *o = old->index.entries;
	const struct cfs_content *end = old->index.n ? o + old->index.n : o;

	for (size_t i = 0; i < n || o < end;) {
		int order = i == n ? -1 : o == end ? 1 : by_sha256(o, &new[i]);

		if (order >= 0)
			cfs_out_put(to, &new[i++], sizeof(*new));
		else if (keep_entry(old, o))
			cfs_out_put(to, o, sizeof(*o));
		if (order <= 0)
			o++;
	}
	return cfs_out_flush(to, err);
}

/* Writes old and new entries in the order of their digests, so that the file can be
 * searched without reading it whole. */
static int write_content_index(int fd, struct old_entries *old,
			       const struct cfs_content *new, size_t n,
			       struct cfs_err *err)
{
	struct index_head head = {.alg = htole64(cfs_repo_get_meta(old->repo)->alg)};
	struct cfs_out to;
	int rc;

	if (cfs_out_init(&to, cfs_sink_fd(&fd), 256 * 1024) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(head.magic, index_magic, sizeof(head.magic));
	cfs_out_put(&to, &head, sizeof(head));
	rc = write_merged(old, new, n, &to, err);
	cfs_out_fini(&to);
	return rc;
}

/* Merges the sorted entries with the old file into a new one, which replaces it at once.
 * Changes entries: they are sorted, and their sizes get the byte order of the file. */
int cfs_content_index_add(const struct cfs_repo *repo, struct cfs_content *entries,
			  size_t n, bool keeps_old, struct cfs_err *err)
{
	struct old_entries old = {.repo = repo};
	struct cfs_replace file = {.fd = -1};
	int rc;

	for (size_t i = 0; i < n; i++)
		entries[i].size = htole64(entries[i].size);
	n = sort_entries(entries, n);
	if (keeps_old)
		cfs_content_index_open(repo, &old.index);
	old.room = CFS_CONTENTS_MAX - n;
	old.is_full = old.index.n > old.room;
	rc = cfs_replace_open_at(cfs_repo_get_dirfd(repo), index_name, &file, err);
	if (rc == 0)
		rc = write_content_index(file.fd, &old, entries, n, err);
	if (rc == 0)
		rc = cfs_replace_commit(&file, err);
	cfs_replace_abort(&file);
	cfs_content_index_close(&old.index);
	return cfs_context(err, rc, "%s", index_name);
}
