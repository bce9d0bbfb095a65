/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* meta.json: text to struct and back. */
#include "repo/meta.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { META_VERSION = 1 };

static const char v1_feature[] = "v1_erofs"; /* new images have format 1 */

const char *cfs_repo_alg_name(enum cfs_hash_alg alg)
{
	return alg == CFS_SHA512 ? "fsverity-sha512-12" : "fsverity-sha256-12";
}

int cfs_repo_alg_parse(const char *text, enum cfs_hash_alg *out, struct cfs_err *err)
{
	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		if (strcmp(text, cfs_repo_alg_name(alg)) == 0 ||
		    strcmp(text, cfs_hash_name(alg)) == 0) {
			*out = alg;
			return 0;
		}
	return cfs_fail(
		err, ENOTSUP,
		"algorithm: expected fsverity-sha256-12 or fsverity-sha512-12, got "
		"%.100s",
		text);
}

/* --- features ----------------------------------------------------------------------- */

/* A list of names below key, which may be absent. */
static int get_list(const json_t *of, const char *key, json_t **out, struct cfs_err *err)
{
	size_t i;
	json_t *name;

	*out = json_object_get(of, key);
	if (*out && !json_is_array(*out))
		return cfs_fail(err, EINVAL, "%s: expected a list", key);
	json_array_foreach(*out, i, name) if (!json_is_string(name)) return cfs_fail(
		err, EINVAL, "%s: expected strings", key);
	return 0;
}

/* An unknown feature forbids reading, writing or nothing, depending on its list.
 * out->feature keeps the name of one that forbids writing, for the message of a later
 * write. */
static int parse_features(const json_t *root, struct cfs_repo_meta *out, bool *is_v1,
			  struct cfs_err *err)
{
	json_t *features = json_object_get(root, "features"), *list, *name;
	size_t i;
	int rc;

	if (!features)
		return 0;
	if (!json_is_object(features))
		return cfs_fail(err, EINVAL, "features: expected an object");
	rc = get_list(features, "compatible", &list, err);
	if (rc == 0)
		rc = get_list(features, "incompatible", &list, err);
	if (rc < 0)
		return rc;
	if (json_array_size(list))
		return cfs_fail(err, ENOTSUP, "unsupported feature %.60s",
				json_string_value(json_array_get(list, 0)));
	rc = get_list(features, "read-only-compatible", &list, err);
	json_array_foreach(list, i, name)
	{
		const char *text = json_string_value(name);

		if (rc == 0 && strcmp(text, v1_feature) == 0) {
			*is_v1 = true;
		} else if (rc == 0) {
			out->read_only = true;
			snprintf(out->feature, sizeof(out->feature), "%s", text);
		}
	}
	return rc;
}

/* --- format of images --------------------------------------------------------------- */

static int get_format(const json_t *number, unsigned *out, struct cfs_err *err)
{
	if (!json_is_integer(number) || json_integer_value(number) < 0 ||
	    json_integer_value(number) > CFS_REPO_FORMAT_MAX)
		return cfs_fail(err, ENOTSUP, "erofs_formats: expected formats 0 to %d",
				CFS_REPO_FORMAT_MAX);
	*out = (unsigned)json_integer_value(number);
	return 0;
}

/* Reads the format of new images, which can be in two places. The newer place has
 * precedence; {"default": 2} is written by programs that do not know the newer one. */
static int parse_format(const json_t *root, bool is_v1, struct cfs_repo_meta *out,
			struct cfs_err *err)
{
	const json_t *formats = json_object_get(root, "erofs_formats");
	unsigned extra = 0;
	json_t *list, *number;
	size_t i;
	int rc;

	out->format = is_v1 ? 1 : 2;
	if (!formats)
		return 0;
	if (!json_is_object(formats))
		return cfs_fail(err, EINVAL, "erofs_formats: expected an object");
	rc = get_format(json_object_get(formats, "default"), &out->format, err);
	list = json_object_get(formats, "extra");
	if (rc == 0 && list && !json_is_array(list))
		return cfs_fail(err, EINVAL, "erofs_formats: extra: expected a list");
	json_array_foreach(list, i, number) if (rc == 0) rc =
		get_format(number, &extra, err);
	if (rc == 0 && is_v1 && out->format == 2 && json_array_size(list) == 0)
		out->format = 1;
	return rc;
}

/* --- the whole ---------------------------------------------------------------------- */

/* -EINVAL for bad JSON, -ENOTSUP for a newer version or feature. The order matters:
 * the version decides whether the other fields can be understood. */
static int parse_root(const json_t *root, struct cfs_repo_meta *out, struct cfs_err *err)
{
	const json_t *version = json_object_get(root, "version");
	const char *alg = json_string_value(json_object_get(root, "algorithm"));
	bool is_v1 = false;
	int rc;

	if (!json_is_object(root))
		return cfs_fail(err, EINVAL, "expected a JSON object");
	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return cfs_fail(err, EINVAL, "version: expected a number from 1 on");
	if (json_integer_value(version) > META_VERSION)
		return cfs_fail(err, ENOTSUP, "version: expected %d, got %lld",
				META_VERSION, (long long)json_integer_value(version));
	if (!alg)
		return cfs_fail(err, EINVAL, "algorithm: expected a name");
	rc = cfs_repo_alg_parse(alg, &out->alg, err);
	if (rc == 0)
		rc = parse_features(root, out, &is_v1, err);
	return rc < 0 ? rc : parse_format(root, is_v1, out, err);
}

int cfs_repo_meta_parse(struct cfs_text json, struct cfs_repo_meta *out,
			struct cfs_err *err)
{
	json_error_t why;
	json_t *root;
	int rc;

	*out = (struct cfs_repo_meta){0};
	if (json.len > CFS_REPO_META_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d bytes, got %zu",
				CFS_REPO_META_MAX, json.len);
	root = json_loadb(json.s, json.len, JSON_REJECT_DUPLICATES, &why);
	if (!root)
		return cfs_fail(err, EINVAL, "line %d: %s", why.line, why.text);
	rc = parse_root(root, out, err);
	json_decref(root);
	return rc;
}

const char *cfs_repo_meta_format(const struct cfs_repo_meta *meta,
				 char buf[CFS_REPO_META_TEXT_MAX])
{
	snprintf(buf, CFS_REPO_META_TEXT_MAX,
		 "{\n"
		 "  \"version\": %d,\n"
		 "  \"algorithm\": \"%s\",\n"
		 "  \"features\": {\n"
		 "    \"compatible\": [],\n"
		 "    \"read-only-compatible\": [%s%s%s],\n"
		 "    \"incompatible\": []\n"
		 "  },\n"
		 "  \"erofs_formats\": {\n"
		 "    \"default\": %u\n"
		 "  }\n"
		 "}\n",
		 META_VERSION, cfs_repo_alg_name(meta->alg),
		 meta->format == 1 ? "\n      \"" : "",
		 meta->format == 1 ? v1_feature : "", meta->format == 1 ? "\"\n    " : "",
		 meta->format);
	return buf;
}
