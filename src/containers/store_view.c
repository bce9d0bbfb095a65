/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The names and indexes of an additional image store. */
#include "containers/store_view.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* --- one image ---------------------------------------------------------------------- */

/* RFC 3339 in UTC without a fraction. A time that Go does not accept would make the whole
 * index unreadable, so anything else becomes 1970. */
static void copy_time(const char *from, char out[sizeof("2024-01-01T00:00:00Z")])
{
	struct tm in = {0}, checked = {0};
	const char *end = from ? strptime(from, "%Y-%m-%dT%H:%M:%S", &in) : NULL;
	struct tm copy = in;
	time_t t = end ? timegm(&copy) : 0;

	if (!gmtime_r(&t, &checked) || checked.tm_year < 0 || checked.tm_year > 8099) {
		t = 0;
		gmtime_r(&t, &checked);
	}
	strftime(out, sizeof("2024-01-01T00:00:00Z"), "%Y-%m-%dT%H:%M:%SZ", &checked);
}

static int copy_digest(const struct cfs_oci_digest *d, const char *what,
		       char out[CFS_STORE_ID_MAX], struct cfs_err *err)
{
	if (d->alg != CFS_SHA256)
		return cfs_fail(err, ENOTSUP, "%s: expected a SHA-256 digest", what);
	cfs_hex_encode(d->bytes, CFS_SHA256_LEN, out);
	return 0;
}

/* Images with equal trees share a layer. */
static void name_layer(struct cfs_store_image *image)
{
	char text[CFS_DIGEST_HEX_MAX];
	struct cfs_oci_digest id;

	cfs_digest_hex(&image->image, text);
	cfs_oci_digest_of(CFS_SHA256, cfs_text_span(cfs_text(text)), &id);
	cfs_hex_encode(id.bytes, CFS_SHA256_LEN, image->layer);
	for (size_t i = 0; i < CFS_STORE_LINK_MAX - 1; i++)
		image->link[i] = (char)('A' + id.bytes[i] % 26);
}

static uint64_t sum_sizes(const struct cfs_oci_manifest *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n_layers; i++)
		if (!cfs_add(sum, m->layers[i].size, &sum) || sum > INT64_MAX)
			return INT64_MAX;
	return sum;
}

int cfs_store_image_init(const struct cfs_container *c, struct cfs_store_image *out,
			 struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_store_image){
		.manifest_len = c->manifest_json.len,
		.config_len = c->config_json.len,
		.size = sum_sizes(&c->manifest),
		.image = c->image,
	};
	if (!c->has_image)
		return cfs_fail(err, ENOENT, "no image was made of it; pull it again");
	rc = copy_digest(&c->manifest.config.digest, "configuration", out->id, err);
	if (rc == 0)
		rc = copy_digest(&c->digest, "manifest", out->manifest, err);
	if (rc < 0)
		return rc;
	copy_time(c->config.created, out->created);
	name_layer(out);
	return 0;
}

void cfs_store_image_fini(struct cfs_store_image *image)
{
	for (size_t i = 0; i < image->n_names; i++)
		free(image->names[i]);
	free(image->names);
	*image = (struct cfs_store_image){0};
}

/* Is the first component a host, as podman decides it? */
static bool names_registry_host(const char *tag)
{
	size_t len = strcspn(tag, "/");
	struct cfs_text first = {tag, len};

	return tag[len] == '/' && (memchr(tag, '.', len) || memchr(tag, ':', len) ||
				   cfs_text_eq(first, CFS_TEXT("localhost")));
}

/* podman shows names with a registry; a tag without one gets "localhost/", as podman
 * itself does. The image owns the name. */
int cfs_store_image_add_name(struct cfs_store_image *image, const char *tag,
			     struct cfs_err *err)
{
	char full[CFS_OCI_REFERENCE_MAX], text[CFS_OCI_REFERENCE_MAX];
	struct cfs_oci_reference ref;
	int rc;

	if (snprintf(full, sizeof(full), "%s%s",
		     names_registry_host(tag) ? "" : "localhost/",
		     tag) >= (int)sizeof(full))
		return cfs_fail(err, EINVAL, "name: expected at most %zu bytes, got %zu",
				sizeof(full) - 1, strlen(tag));
	rc = cfs_oci_reference_parse(full, &ref, err);
	if (rc < 0)
		return rc;
	if (ref.has_digest)
		return cfs_fail(err, EINVAL, "expected a name without a digest");
	if (cfs_grow(&image->names, &image->cap, image->n_names + 1,
		     sizeof(*image->names)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	image->names[image->n_names] = strdup(cfs_oci_reference_format(&ref, text));
	if (!image->names[image->n_names])
		return cfs_fail(err, ENOMEM, "out of memory");
	image->n_names++;
	return 0;
}

/* --- file names --------------------------------------------------------------------- */

static void document_name(const char *kind, const char *digest, char *out, size_t cap)
{
	snprintf(out, cap, "%s%ssha256:%s", kind ? kind : "", kind ? "-" : "", digest);
}

/* "=" and the name in base64: 80 bytes of text at most become 109. Text never has the digit
 * "/". */
void cfs_store_format_key(const char *kind, const char *digest,
			  char out[CFS_STORE_KEY_MAX])
{
	char name[81];

	document_name(kind, digest, name, sizeof(name));
	*out = '=';
	cfs_base64_encode(name, strlen(name), out + 1);
}

/* --- indexes ------------------------------------------------------------------------ */

/* Adds the three documents of an image. jansson fails on NULL values, and packs none. */
static json_t *pack_documents(const struct cfs_store_image *m)
{
	char config[81], manifest[81], digest[81];

	document_name(NULL, m->id, config, sizeof(config));
	document_name("manifest", m->manifest, manifest, sizeof(manifest));
	document_name(NULL, m->manifest, digest, sizeof(digest));
	return json_pack("{s:[s,s,s],s:{s:I,s:I,s:I},s:{s:s,s:s,s:s}}", "big-data-names",
			 config, manifest, "manifest", "big-data-sizes", config,
			 (json_int_t)m->config_len, manifest, (json_int_t)m->manifest_len,
			 "manifest", (json_int_t)m->manifest_len, "big-data-digests",
			 config, config, manifest, digest, "manifest", digest);
}

/* Returns a new reference to the image for images.json; NULL: out of memory. */
static json_t *pack_image(const struct cfs_store_image *m)
{
	char digest[81];
	json_t *names = json_array(), *image, *documents = pack_documents(m);
	int rc = names && documents ? 0 : -1;

	document_name(NULL, m->manifest, digest, sizeof(digest));
	for (size_t i = 0; rc == 0 && i < m->n_names; i++)
		rc = json_array_append_new(names, json_string(m->names[i]));
	image = json_pack("{s:s,s:s,s:O*,s:s,s:s,s:s}", "id", m->id, "digest", digest,
			  "names", names, "layer", m->layer, "metadata", "{}", "created",
			  m->created);
	if (rc == 0)
		rc = image ? json_object_update(image, documents) : -1;
	json_decref(names);
	json_decref(documents);
	if (rc == 0)
		return image;
	json_decref(image);
	return NULL;
}

/* podman requires a digest and a size. The digest is that of no archive, so podman does not
 * take the layer for one of another image. */
static json_t *pack_layer(const struct cfs_store_image *m)
{
	char digest[81];

	document_name(NULL, m->layer, digest, sizeof(digest));
	return json_pack("{s:s,s:s,s:s,s:I}", "id", m->layer, "created", m->created,
			 "diff-digest", digest, "diff-size", (json_int_t)m->size);
}

static bool is_view_layer_repeated(const struct cfs_store_image *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(v[k].layer, v[i].layer) == 0)
			return true;
	return false;
}

static int dump_list(json_t *list, int rc, char **out, struct cfs_err *err)
{
	*out = rc == 0 ? json_dumps(list, JSON_INDENT(1)) : NULL;
	json_decref(list);
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

int cfs_store_format_images_json(const struct cfs_store_image *v, size_t n, char **out,
				 struct cfs_err *err)
{
	json_t *list = json_array();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = json_array_append_new(list, pack_image(&v[i]));
	return dump_list(list, rc, out, err);
}

int cfs_store_format_layers_json(const struct cfs_store_image *v, size_t n, char **out,
				 struct cfs_err *err)
{
	json_t *list = json_array();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (!is_view_layer_repeated(v, i))
			rc = json_array_append_new(list, pack_layer(&v[i]));
	return dump_list(list, rc, out, err);
}
