/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of contents. It can have millions of entries: it is read entry by entry, and only
 * what is needed to fetch a file is kept. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "chunked/chunked_priv.h"

struct toc_reader {
	struct json_scan scan;
	struct cfs_chunked_toc *toc;
	uint64_t blob_len;
	uint64_t n_entries;
	struct cfs_mem json; /* of one value */
	bool has_entries, has_version;
};

/* --- entries ------------------------------------------------------------------------ */

static int get_toc_number(const json_t *entry, const char *key, uint64_t *out,
			  struct cfs_err *err)
{
	const json_t *member = json_object_get(entry, key);

	*out = 0;
	if (!member)
		return 0;
	if (!json_is_integer(member) || json_integer_value(member) < 0)
		return cfs_fail(err, EINVAL, "%s: expected a number from 0 on", key);
	*out = (uint64_t)json_integer_value(member);
	return 0;
}

static int parse_sha256(const json_t *from, const char *key, uint8_t out[CFS_SHA256_LEN],
			struct cfs_err *err)
{
	const char *text = json_string_value(from);
	struct cfs_oci_digest digest;

	if (!text || cfs_oci_digest_parse(cfs_text(text), &digest, NULL) < 0 ||
	    digest.alg != CFS_SHA256)
		return cfs_fail(err, EINVAL, "%s: expected a digest by sha256", key);
	memcpy(out, digest.bytes, CFS_SHA256_LEN);
	return 0;
}

/* Files overlap nowhere, and come in the order of the blob: it is read once. */
static int check_entry_place(const struct toc_reader *r, const struct cfs_chunked_file *f,
			     struct cfs_err *err)
{
	const struct cfs_chunked_toc *toc = r->toc;
	uint64_t from = toc->n_files ? toc->files[toc->n_files - 1].end : 0;

	if (f->off < from || f->off >= f->end || f->end > r->blob_len)
		return cfs_fail(
			err, EINVAL,
			"expected a part of the blob behind that of the last file, "
			"got %" PRIu64 " to %" PRIu64,
			f->off, f->end);
	return 0;
}

static int add_toc_file(struct toc_reader *r, const struct cfs_chunked_file *f,
			struct cfs_err *err)
{
	struct cfs_chunked_toc *toc = r->toc;

	if (toc->n_files >= CFS_CHUNKED_FILES_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d files",
				CFS_CHUNKED_FILES_MAX);
	if (cfs_grow(&toc->files, &toc->cap, toc->n_files + 1, sizeof(*toc->files)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	toc->files[toc->n_files++] = *f;
	return 0;
}

/* Only regular files with content have bytes in the blob. The digest and position are
 * untrusted; the digest is compared when the bytes arrive, the position here. */
static int take_toc_entry(struct toc_reader *r, const json_t *entry, struct cfs_err *err)
{
	const char *type = json_string_value(json_object_get(entry, "type"));
	struct cfs_chunked_file f;
	int rc;

	if (!type)
		return cfs_fail(err, EINVAL, "type: expected a string");
	if (strcmp(type, "reg") != 0)
		return 0;
	rc = get_toc_number(entry, "size", &f.size, err);
	if (rc < 0 || f.size == 0)
		return rc;
	rc = get_toc_number(entry, "offset", &f.off, err);
	if (rc == 0)
		rc = get_toc_number(entry, "endOffset", &f.end, err);
	if (rc == 0)
		rc = parse_sha256(json_object_get(entry, "digest"), "digest", f.sha256,
				  err);
	if (rc == 0)
		rc = check_entry_place(r, &f, err);
	return rc < 0 ? rc : add_toc_file(r, &f, err);
}

/* --- the table ---------------------------------------------------------------------- */

/* Reads one value of at most CFS_CHUNKED_ENTRY_MAX bytes. json_decref(*out) is the caller's. */
static int read_toc_value(struct toc_reader *r, json_t **out, struct cfs_err *err)
{
	json_error_t why;
	int rc = json_scan_value(&r->scan, &r->json, err);

	*out = NULL;
	if (rc < 0)
		return rc;
	*out = json_loadb((const char *)r->json.p, r->json.len,
			  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	return *out ? 0 : cfs_fail(err, EINVAL, "%s", why.text);
}

/* Reads one entry. Entries are freed one at a time, so that memory does not grow with
 * the length of a hostile table. */
static int read_toc_entry(void *ctx, struct cfs_err *err)
{
	struct toc_reader *r = ctx;
	json_t *entry;
	int rc = 0;

	if (r->n_entries++ >= CFS_CHUNKED_ENTRIES_MAX)
		rc = cfs_fail(err, EFBIG, "expected at most %d entries",
			      CFS_CHUNKED_ENTRIES_MAX);
	if (rc == 0)
		rc = read_toc_value(r, &entry, err);
	if (rc == 0) {
		rc = take_toc_entry(r, entry, err);
		json_decref(entry);
	}
	return cfs_context(err, rc, "entry %" PRIu64, r->n_entries - 1);
}

static int read_version(struct toc_reader *r, struct cfs_err *err)
{
	json_t *value;
	int rc = read_toc_value(r, &value, err);

	if (rc == 0 && (!json_is_integer(value) || json_integer_value(value) != 1))
		rc = cfs_fail(err, EINVAL, "version: expected 1");
	json_decref(value);
	r->has_version = true;
	return rc;
}

static int read_tarsplit_digest(struct toc_reader *r, struct cfs_err *err)
{
	json_t *value;
	int rc = read_toc_value(r, &value, err);

	if (rc == 0)
		rc = parse_sha256(value, "tarSplitDigest", r->toc->tarsplit_sha256, err);
	r->toc->has_tarsplit_digest = rc == 0;
	json_decref(value);
	return rc;
}

/* Members that we do not know are skipped, value by value. A second list of entries is
 * refused: parsers differ in which one counts. */
static int read_member(void *ctx, const char *key, struct cfs_err *err)
{
	struct toc_reader *r = ctx;
	json_t *value;
	int rc;

	if (strcmp(key, "version") == 0)
		return read_version(r, err);
	if (strcmp(key, "tarSplitDigest") == 0)
		return read_tarsplit_digest(r, err);
	if (strcmp(key, "entries") != 0) {
		rc = read_toc_value(r, &value, err);
		json_decref(value);
		return rc;
	}
	if (r->has_entries)
		return cfs_fail(err, EINVAL, "entries: a second list");
	r->has_entries = true;
	return json_scan_list(&r->scan, read_toc_entry, r, err);
}

int cfs_chunked_toc_parse(struct cfs_feed json, uint64_t blob_len,
			  struct cfs_chunked_toc *out, struct cfs_err *err)
{
	struct toc_reader r = {.scan = {.from = json}, .toc = out, .blob_len = blob_len};
	int rc;

	*out = (struct cfs_chunked_toc){0};
	rc = json_scan_object(&r.scan, read_member, &r, err);
	if (rc == 0)
		rc = json_scan_end(&r.scan, err);
	if (rc == 0 && (!r.has_entries || !r.has_version))
		rc = cfs_fail(err, EINVAL, "expected version and entries");
	free(r.json.p);
	return cfs_context(err, rc, "table of contents");
}

void cfs_chunked_toc_fini(struct cfs_chunked_toc *toc)
{
	free(toc->files);
	*toc = (struct cfs_chunked_toc){0};
}
