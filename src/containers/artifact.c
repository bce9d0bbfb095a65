/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading the artifacts of a repository. */
#include "containers/artifact.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "repo/repo.h"

#define REFERRERS "oci-referrers/"

const char *cfs_artifact_format_ref(const struct cfs_oci_digest *subject,
				    const struct cfs_oci_digest *artifact,
				    char out[CFS_ARTIFACT_REF_MAX])
{
	char a[CFS_OCI_DIGEST_TEXT_MAX], b[CFS_OCI_DIGEST_TEXT_MAX];

	snprintf(out, CFS_ARTIFACT_REF_MAX, REFERRERS "%s/%s",
		 cfs_oci_digest_text(subject, a), cfs_oci_digest_text(artifact, b));
	return out;
}

/* --- the manifest ------------------------------------------------------------------- */

static int check_manifest(const struct cfs_artifact *a, struct cfs_err *err)
{
	char texts[2][CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest actual;

	cfs_oci_digest_of(a->digest.alg, cfs_mem_span(&a->json), &actual);
	if (!cfs_oci_digest_eq(&a->digest, &actual))
		return cfs_fail(err, EUCLEAN, "expected digest %s, got %s",
				cfs_oci_digest_text(&a->digest, texts[0]),
				cfs_oci_digest_text(&actual, texts[1]));
	return 0;
}

int cfs_artifact_open(const struct cfs_repo *repo, const struct cfs_oci_digest *digest,
		      struct cfs_artifact *out, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	int rc;

	*out = (struct cfs_artifact){.digest = *digest};
	cfs_containers_format_stream_name(CFS_CONTAINERS_MANIFEST, digest, name);
	rc = cfs_containers_read_document(repo, name, CFS_CONTAINERS_TYPE_MANIFEST,
					  CFS_OCI_MANIFEST_MAX, &out->json, NULL, err);
	if (rc == 0)
		rc = check_manifest(out, err);
	if (rc == 0)
		rc = cfs_oci_manifest_parse(cfs_mem_text(&out->json), &out->manifest,
					    err);
	return cfs_context(err, rc, "%s", name);
}

void cfs_artifact_close(struct cfs_artifact *a)
{
	cfs_oci_manifest_fini(&a->manifest);
	free(a->json.p);
	*a = (struct cfs_artifact){0};
}

/* --- blobs -------------------------------------------------------------------------- */

/* A stored blob is read again each time, because the repository may belong to another
 * user and its objects may lack fs-verity. */
static int check_artifact_blob(int fd, const struct cfs_oci_descriptor *d,
			       struct cfs_err *err)
{
	char texts[2][CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest actual;
	struct cfs_hash h;
	uint8_t buf[16384];
	uint64_t len = 0;
	ssize_t n;

	cfs_hash_init(&h, d->digest.alg);
	while ((n = cfs_io_pread(fd, buf, sizeof(buf), len, err)) > 0) {
		cfs_hash_update(&h, buf, (size_t)n);
		len += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	cfs_oci_digest_final(&h, &actual);
	if (len != d->size || !cfs_oci_digest_eq(&d->digest, &actual))
		return cfs_fail(err, EUCLEAN,
				"expected %" PRIu64 " bytes with digest %s, got %" PRIu64
				" with %s",
				d->size, cfs_oci_digest_text(&d->digest, texts[0]), len,
				cfs_oci_digest_text(&actual, texts[1]));
	return 0;
}

/* The only object of a stream. */
static int open_stream_object(const struct cfs_repo *repo, const struct cfs_stream *s,
			      const char *type, struct cfs_err *err)
{
	struct cfs_digest id;

	if (strcmp(s->type, type) != 0 || cfs_stream_count_ids(s, s->object_refs) != 1)
		return cfs_fail(err, EUCLEAN,
				"expected a stream of type %s with one object", type);
	id = cfs_stream_get_id(s, s->object_refs, 0);
	return cfs_repo_open_object(repo, &id, CFS_REPO_SEALED, err);
}

/* Opens the object behind a blob of an artifact, and checks size and digest. Returns
 * the descriptor, owned by the caller. */
static int open_blob_stream(const struct cfs_repo *repo, const char *kind,
			    const char *type, const struct cfs_oci_descriptor *d,
			    struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	cfs_autofd int fd = -1;
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(kind, &d->digest, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return cfs_context(err, rc, "stream %s", name);
	fd = open_stream_object(repo, &s, type, err);
	cfs_map_close(&map);
	rc = fd < 0 ? fd : check_artifact_blob(fd, d, err);
	return rc < 0 ? cfs_context(err, rc, "stream %s", name) : cfs_steal_fd(&fd);
}

int cfs_artifact_open_blob(const struct cfs_repo *repo,
			   const struct cfs_oci_descriptor *d, bool is_config,
			   struct cfs_err *err)
{
	return is_config ? open_blob_stream(repo, CFS_CONTAINERS_CONFIG,
					    CFS_CONTAINERS_TYPE_CONFIG, d, err)
			 : open_blob_stream(repo, CFS_CONTAINERS_LAYER,
					    CFS_CONTAINERS_TYPE_BLOB, d, err);
}

int cfs_containers_open_kept(const struct cfs_repo *repo,
			     const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	return open_blob_stream(repo, CFS_CONTAINERS_BLOB, CFS_CONTAINERS_TYPE_BLOB, d,
				err);
}

/* --- the list ----------------------------------------------------------------------- */

/* The artifact of a reference with this subject. False: another reference. */
static bool parse_artifact_ref(const char *ref, const struct cfs_oci_digest *subject,
			       struct cfs_oci_digest *out)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_text rest = cfs_text(ref);

	return cfs_text_skip_prefix(&rest, CFS_TEXT(REFERRERS)) &&
	       cfs_text_skip_prefix(&rest,
				    cfs_text(cfs_oci_digest_text(subject, text))) &&
	       cfs_text_skip_prefix(&rest, CFS_TEXT("/")) &&
	       cfs_oci_digest_parse(rest, out, NULL) == 0;
}

/* Opens the artifact and passes it to fn. The reference names a subject, but the manifest
 * decides: an artifact about another image must not count as a signature of this one.
 * -EUCLEAN: another subject, or none. */
static int pass_listed_artifact(const struct cfs_repo *repo,
				const struct cfs_oci_digest *digest,
				const struct cfs_oci_digest *subject,
				int (*fn)(void *ctx, const struct cfs_artifact *a,
					  struct cfs_err *err),
				void *ctx, struct cfs_err *err)
{
	struct cfs_artifact a;
	int rc = cfs_artifact_open(repo, digest, &a, err);

	if (rc == 0 && (!a.manifest.has_subject ||
			!cfs_oci_digest_eq(&a.manifest.subject.digest, subject)))
		rc = cfs_fail(
			err, EUCLEAN,
			"expected an artifact with this subject, got one with another");
	if (rc == 0)
		rc = fn(ctx, &a, err);
	cfs_artifact_close(&a);
	return rc;
}

int cfs_artifact_list(const struct cfs_repo *repo, const struct cfs_oci_digest *subject,
		      int (*fn)(void *ctx, const struct cfs_artifact *a,
				struct cfs_err *err),
		      void *ctx, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	struct cfs_oci_digest digest;
	int rc = cfs_repo_list_refs(repo, CFS_REPO_STREAMS, &refs, err);

	for (size_t i = 0; rc == 0 && i < refs.n; i++)
		if (parse_artifact_ref(refs.v[i].name, subject, &digest))
			rc = cfs_context(err,
					 pass_listed_artifact(repo, &digest, subject, fn,
							      ctx, err),
					 "%s", refs.v[i].name);
	cfs_repo_list_fini(&refs);
	return rc;
}
