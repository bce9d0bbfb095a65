/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Members of untrusted JSON, with the type that they must have. */
#include <errno.h>

#include "oci/oci_priv.h"

/* The name of a JSON type, with its article, for messages. */
static const char *get_type_name(json_type type)
{
	switch (type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	default:
		return "true or false";
	}
}

int oci_load_object(struct cfs_text json, size_t max, json_t **out, struct cfs_err *err)
{
	json_error_t why;
	int rc;

	*out = NULL;
	if (json.len > max)
		return cfs_fail(err, EFBIG, "expected at most %zu bytes, got %zu", max,
				json.len);
	rc = cfs_json_check_count(json, CFS_OCI_VALUES_MAX, err);
	if (rc < 0)
		return rc;
	*out = json_loadb(json.s, json.len, JSON_REJECT_DUPLICATES, &why);
	if (!*out)
		return cfs_fail(err, EINVAL, "line %d, column %d: %s", why.line,
				why.column, why.text);
	if (json_is_object(*out))
		return 0;
	json_decref(cfs_steal(out));
	return cfs_fail(err, EINVAL, "expected a JSON object");
}

int oci_get(const json_t *of, const char *key, json_type type, json_t **out,
	    struct cfs_err *err)
{
	json_t *member = json_object_get(of, key);

	*out = NULL;
	if (!member || json_is_null(member))
		return 0;
	if (json_typeof(member) != type)
		return cfs_fail(err, EINVAL, "%s: expected %s", key, get_type_name(type));
	*out = member;
	return 0;
}

int oci_get_text(const json_t *of, const char *key, const char **out, struct cfs_err *err)
{
	json_t *member;
	int rc = oci_get(of, key, JSON_STRING, &member, err);

	*out = rc == 0 && member ? json_string_value(member) : NULL;
	return rc;
}

int oci_get_list(const json_t *of, const char *key, json_type type, json_t **out,
		 struct cfs_err *err)
{
	int rc = oci_get(of, key, JSON_ARRAY, out, err);
	size_t n = rc == 0 ? json_array_size(*out) : 0;

	if (n > CFS_OCI_LAYERS_MAX)
		return cfs_fail(err, EINVAL, "%s: expected at most %d entries, got %zu",
				key, CFS_OCI_LAYERS_MAX, n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (json_typeof(json_array_get(*out, i)) != type)
			rc = cfs_fail(err, EINVAL, "%s: entry %zu: expected %s", key, i,
				      get_type_name(type));
	return rc;
}

int oci_get_map(const json_t *of, const char *key, const json_t **out,
		struct cfs_err *err)
{
	json_t *map, *value;
	const char *name;
	int rc = oci_get(of, key, JSON_OBJECT, &map, err);

	*out = map;
	if (rc < 0)
		return rc;
	json_object_foreach(map, name, value)
	{
		if (!json_is_string(value))
			return cfs_fail(err, EINVAL, "%s: \"%.100s\": expected a string",
					key, name);
	}
	return 0;
}
