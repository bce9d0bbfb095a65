/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening a container image of a repository. */
#include "containers/container_priv.h"

#include <errno.h>

#include "containers/index.h"
#include "repo/repo.h"

enum { DIGITS_MIN = CFS_REPO_PREFIX_MIN };

const char *cfs_containers_get_image_key(unsigned format, bool bootable)
{
	if (format == 2)
		return bootable ? "composefs.image.boot" : "composefs.image";
	return bootable ? "composefs.image.boot.v1" : "composefs.image.v1";
}

/* --- which manifest ----------------------------------------------------------------- */

/* The digits of "@sha256:DIGITS" or "@DIGITS"; false: too few, or anything else. */
static bool parse_digest_digits(const char *name, struct cfs_text *out)
{
	struct cfs_text t = cfs_text(name + 1);

	cfs_text_skip_prefix(&t, CFS_TEXT("sha256:"));
	*out = t;
	for (size_t i = 0; i < t.len; i++)
		if (cfs_hex_decode_digit(t.s[i]) < 0)
			return false;
	return t.len >= DIGITS_MIN && t.len <= 2 * CFS_SHA256_LEN;
}

static bool has_digits(const struct cfs_oci_digest *d, struct cfs_text digits)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	cfs_oci_digest_text(d, text);
	return cfs_text_has_prefix(cfs_text(strchr(text, ':') + 1), digits);
}

/* The digest of the only manifest that begins with these digits. ENOENT: none; ENOTUNIQ:
 * several, and none is preferred. */
static int find_by_digits(const struct cfs_repo *repo, const char *name,
			  struct cfs_text digits, struct cfs_oci_digest *out,
			  struct cfs_err *err)
{
	struct cfs_repo_list list = {0};
	struct cfs_oci_digest digest;
	size_t n = 0;
	int rc = cfs_repo_list_entries(repo, CFS_REPO_STREAMS, &list, err);

	for (size_t i = 0; rc == 0 && i < list.n; i++)
		if (cfs_containers_parse_stream(CFS_CONTAINERS_MANIFEST, list.v[i].name,
						&digest) &&
		    has_digits(&digest, digits)) {
			*out = digest;
			n++;
		}
	cfs_repo_list_fini(&list);
	if (rc == 0 && n != 1)
		rc = cfs_fail(err, n ? ENOTUNIQ : ENOENT,
			      n ? "%s: %zu container images begin with these digits"
				: "no such container image: %s",
			      name, n);
	return rc;
}

int containers_find_tag(const struct cfs_repo *repo, const char *tag, bool *is_index,
			struct cfs_oci_digest *out, struct cfs_err *err)
{
	char ref[sizeof("refs/") + CFS_CONTAINERS_REF_MAX] = "refs/";
	char entry[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = cfs_containers_format_ref(tag, ref + 5, err);

	if (rc == 0)
		rc = cfs_repo_find_stream(repo, ref, entry, &id, err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT, "no such container image: \"%s\"", tag);
	if (rc < 0)
		return rc;
	*is_index = cfs_containers_parse_stream(CFS_CONTAINERS_INDEX, entry, out);
	if (*is_index || cfs_containers_parse_stream(CFS_CONTAINERS_MANIFEST, entry, out))
		return 0;
	return cfs_fail(err, EUCLEAN,
			"streams/%s: expected a link to a manifest or an index", ref);
}

/* Of an index, the image for the platform. */
static int find_by_tag(const struct cfs_repo *repo, const char *tag,
		       const struct cfs_oci_platform *platform,
		       struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_container_index x;
	struct cfs_oci_platform here;
	bool is_index;
	size_t i = 0;
	int rc = containers_find_tag(repo, tag, &is_index, out, err);

	if (rc < 0 || !is_index)
		return rc;
	cfs_oci_platform_detect(&here);
	rc = cfs_container_index_open(repo, tag, &x, err);
	if (rc > 0)
		rc = cfs_oci_index_select(&x.index, platform ? platform : &here, &i, err);
	if (rc == 0)
		*out = x.index.entries[i].descriptor.digest;
	cfs_container_index_close(&x);
	return rc;
}

static int find_manifest_digest(const struct cfs_repo *repo, const char *name,
				const struct cfs_oci_platform *platform,
				struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_text digits;

	if (*name != '@')
		return find_by_tag(repo, name, platform, out, err);
	if (cfs_oci_digest_parse(cfs_text(name + 1), out, NULL) == 0)
		return 0;
	if (!parse_digest_digits(name, &digits))
		return cfs_fail(err, EINVAL,
				"%s: expected @ and a digest, or 8 or more of its digits",
				name);
	return find_by_digits(repo, name, digits, out, err);
}

/* --- documents ---------------------------------------------------------------------- */

static int check_manifest_digest(const struct cfs_mem *json,
				 const struct cfs_oci_digest *expected, const char *name,
				 struct cfs_err *err)
{
	char texts[2][CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest actual;

	cfs_oci_digest_of(expected->alg, cfs_mem_span(json), &actual);
	if (cfs_oci_digest_eq(expected, &actual))
		return 0;
	return cfs_fail(err, EUCLEAN, "stream %s: expected digest %s, got %s", name,
			cfs_oci_digest_text(expected, texts[0]),
			cfs_oci_digest_text(&actual, texts[1]));
}

int containers_read_checked(const struct cfs_repo *repo, const char *kind,
			    const char *type, size_t max,
			    const struct cfs_oci_digest *digest, struct cfs_mem *json,
			    struct cfs_digest *stream, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	int rc;

	cfs_containers_format_stream_name(kind, digest, name);
	rc = cfs_containers_read_document(repo, name, type, max, json, stream, err);
	return rc < 0 ? rc : check_manifest_digest(json, digest, name, err);
}

static int note_image(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *err)
{
	struct cfs_container *c = ctx;

	(void)err;
	if (cfs_text_eq(name, cfs_text(cfs_containers_get_image_key(1, false)))) {
		c->has_image = true;
		c->image = *id;
	}
	if (cfs_text_eq(name, cfs_text(cfs_containers_get_image_key(1, true)))) {
		c->has_boot_image = true;
		c->boot_image = *id;
	}
	return 0;
}

int cfs_containers_visit_config_names(const struct cfs_repo *repo,
				      const struct cfs_oci_digest *config,
				      cfs_stream_name_fn fn, void *ctx,
				      struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_CONFIG, config, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_visit_names(&s, fn, ctx, err);
	cfs_map_close(&map);
	return cfs_context(err, rc, "stream %s", name);
}

static int open_container_config(const struct cfs_repo *repo, struct cfs_container *c,
				 struct cfs_err *err)
{
	int rc = containers_read_checked(repo, CFS_CONTAINERS_CONFIG,
					 CFS_CONTAINERS_TYPE_CONFIG, CFS_OCI_CONFIG_MAX,
					 &c->manifest.config.digest, &c->config_json,
					 &c->config_stream, err);

	if (rc < 0 || !c->manifest.is_image)
		return rc;
	rc = cfs_oci_config_parse(cfs_mem_text(&c->config_json), &c->config, err);
	return rc < 0 ? cfs_context(err, rc, "configuration")
		      : cfs_containers_visit_config_names(
				repo, &c->manifest.config.digest, note_image, c, err);
}

int cfs_container_open(const struct cfs_repo *repo, const char *name,
		       struct cfs_container *out, struct cfs_err *err)
{
	return cfs_container_open_platform(repo, name, NULL, out, err);
}

int cfs_container_open_platform(const struct cfs_repo *repo, const char *name,
				const struct cfs_oci_platform *platform,
				struct cfs_container *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_container){0};
	rc = find_manifest_digest(repo, name, platform, &out->digest, err);
	if (rc == 0)
		rc = containers_read_checked(
			repo, CFS_CONTAINERS_MANIFEST, CFS_CONTAINERS_TYPE_MANIFEST,
			CFS_OCI_MANIFEST_MAX, &out->digest, &out->manifest_json,
			&out->manifest_stream, err);
	if (rc == 0)
		rc = cfs_context(err,
				 cfs_oci_manifest_parse(cfs_mem_text(&out->manifest_json),
							&out->manifest, err),
				 "manifest");
	return rc < 0 ? rc : open_container_config(repo, out, err);
}

void cfs_container_close(struct cfs_container *c)
{
	cfs_oci_config_fini(&c->config);
	cfs_oci_manifest_fini(&c->manifest);
	free(c->manifest_json.p);
	free(c->config_json.p);
	*c = (struct cfs_container){0};
}
