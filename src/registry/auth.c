/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Credentials in the files of docker and podman. Messages never quote what the files hold. */
#include "registry/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "registry/registry_priv.h"

enum { KEY_MAX = 1024 };

void cfs_registry_wipe(struct cfs_registry_auth *auth)
{
	explicit_bzero(auth, sizeof(*auth));
}

static bool copy_secret(char *out, size_t out_len, const char *s, size_t len)
{
	if (len >= out_len || memchr(s, '\0', len) || memchr(s, '\n', len) ||
	    memchr(s, '\r', len))
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

int cfs_registry_split_auth(struct cfs_text text, struct cfs_registry_auth *out,
			    struct cfs_err *err)
{
	const char *colon = text.len ? memchr(text.s, ':', text.len) : NULL;
	size_t user_len = colon ? (size_t)(colon - text.s) : 0;

	if (!colon || !copy_secret(out->user, sizeof(out->user), text.s, user_len) ||
	    !copy_secret(out->password, sizeof(out->password), colon + 1,
			 text.len - user_len - 1))
		return cfs_fail(err, EINVAL, "credentials: expected USER:PASSWORD");
	return 0;
}

/* Decodes "auth" of an auth file. The secret does not stay in memory longer than
 * needed. */
static int decode_auth(const char *base64, struct cfs_registry_auth *out,
		       struct cfs_err *err)
{
	char plain[2 * CFS_REGISTRY_SECRET_MAX];
	size_t len;
	int rc;

	if (!cfs_base64_decode(cfs_text(base64), (uint8_t *)plain, sizeof(plain), &len))
		return cfs_fail(
			err, EINVAL,
			"credentials: \"auth\": expected base64, got other characters");
	rc = cfs_registry_split_auth((struct cfs_text){plain, len}, out, err);
	explicit_bzero(plain, sizeof(plain));
	return rc;
}

/* An entry of "auths". 0: it holds nothing, as docker writes beside credsStore. */
static int parse_auth_entry(const json_t *entry, struct cfs_registry_auth *out,
			    struct cfs_err *err)
{
	const char *auth = json_string_value(json_object_get(entry, "auth"));
	const char *token = json_string_value(json_object_get(entry, "identitytoken"));
	int rc = 0;

	if (auth && *auth) {
		rc = decode_auth(auth, out, err);
		rc = rc < 0 ? rc : 1;
	}
	if (rc >= 0 && token && *token) {
		if (!copy_secret(out->identity_token, sizeof(out->identity_token), token,
				 strlen(token)))
			return cfs_fail(err, EINVAL,
					"credentials: malformed identity token");
		rc = 1;
	}
	return rc;
}

/* The key of docker for its own registry. */
static bool is_legacy_key(const char *key, const char *host)
{
	char legacy[KEY_MAX];

	if (strcmp(host, "docker.io") == 0 &&
	    strcmp(key, "https://index.docker.io/v1/") == 0)
		return true;
	for (int slash = 0; slash < 2; slash++) {
		snprintf(legacy, sizeof(legacy), "https://%s/v1%s", host,
			 slash ? "/" : "");
		if (strcmp(key, legacy) == 0)
			return true;
	}
	snprintf(legacy, sizeof(legacy), "https://%s", host);
	return strcmp(key, legacy) == 0;
}

/* Finds the entry for the longest key: HOST/NAME, then without its last component, and so on until HOST alone. */
static const json_t *find_auth_entry(const json_t *map, const char *host,
				     const char *name)
{
	char key[KEY_MAX];
	const char *other;
	json_t *value;

	snprintf(key, sizeof(key), "%s/%s", host, name);
	for (;;) {
		char *slash;

		value = json_object_get(map, key);
		if (value)
			return value;
		slash = strrchr(key, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	json_object_foreach((json_t *)(uintptr_t)map, other, value)
	{
		if (is_legacy_key(other, host))
			return value;
	}
	return NULL;
}

static bool is_helper_name(const char *name)
{
	return *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(name);
}

/* Finds the credential helper for a host. Its name becomes part of a program's name,
 * so only plain names are taken. 1: found, 0: none. */
static int find_helper(const json_t *root, const char *host, const char *name,
		       struct cfs_registry_auth *out, struct cfs_err *err)
{
	const char *helper = json_string_value(
		find_auth_entry(json_object_get(root, "credHelpers"), host, name));

	if (!helper)
		helper = json_string_value(json_object_get(root, "credsStore"));
	if (!helper)
		return 0;
	if (!is_helper_name(helper) || strlen(helper) >= sizeof(out->helper))
		return cfs_fail(err, EINVAL, "credentials: malformed name of a helper");
	snprintf(out->helper, sizeof(out->helper), "%s", helper);
	snprintf(out->helper_key, sizeof(out->helper_key), "%s",
		 strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host);
	return 1;
}

int cfs_registry_find_auth(struct cfs_text json, const char *host, const char *name,
			   struct cfs_registry_auth *out, struct cfs_err *err)
{
	const json_t *entry;
	json_t *root;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	root = registry_load_json(json, CFS_REGISTRY_AUTH_FILE_MAX);
	if (!json_is_object(root)) {
		json_decref(root);
		return cfs_fail(
			err, EINVAL,
			"credentials: expected a JSON object, got something else");
	}
	rc = find_helper(root, host, name, out, err);
	entry = find_auth_entry(json_object_get(root, "auths"), host, name);
	if (rc == 0 && entry)
		rc = parse_auth_entry(entry, out, err);
	json_decref(root);
	return rc;
}

int cfs_registry_parse_helper(struct cfs_text json, struct cfs_registry_auth *out,
			      struct cfs_err *err)
{
	json_t *root = registry_load_json(json, CFS_REGISTRY_AUTH_FILE_MAX);
	const char *user = json_string_value(json_object_get(root, "Username"));
	const char *secret = json_string_value(json_object_get(root, "Secret"));
	int rc = 0;

	if (!user || !secret)
		rc = cfs_fail(err, EINVAL, "the credential helper gave no credentials");
	else if (strcmp(user, "<token>") == 0
			 ? !copy_secret(out->identity_token, sizeof(out->identity_token),
					secret, strlen(secret))
			 : (!copy_secret(out->user, sizeof(out->user), user,
					 strlen(user)) ||
			    !copy_secret(out->password, sizeof(out->password), secret,
					 strlen(secret))))
		rc = cfs_fail(err, EINVAL,
			      "the credential helper gave malformed credentials");
	json_decref(root);
	return rc;
}
