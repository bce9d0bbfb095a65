/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The files registries.conf, and names without a host.
 * Source: containers-registries.conf(5), containers-registries.conf.d(5). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "transport/registry_priv.h"

enum { PATH_LEN = 4096 };

#define SYSTEM_DIR "/etc/containers"

/* 1: added; 0: there is no such file. */
static int add_config_file(struct cfs_registries *r, const char *path,
			   struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = cfs_input_read(AT_FDCWD, path, 0, CFS_REGISTRIES_FILE_MAX, &text, err);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc == 0)
		rc = cfs_registries_add(r, cfs_mem_text(&text), err);
	free(text.p);
	return rc < 0 ? cfs_context(err, rc, "%s", path) : 1;
}

/* --- drop-in files ------------------------------------------------------------------ */

static int is_conf(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && strcmp(e->d_name + len - 5, ".conf") == 0;
}

/* Byte order: that of the locale would make the result depend on it. */
static int compare_file_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Reads the files of registries.conf.d in the order of their names, as podman does. A
 * directory that does not exist has none. */
static int add_config_dir(struct cfs_registries *r, const char *dir, struct cfs_err *err)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_conf, compare_file_names), rc = 0;
	char path[PATH_LEN];

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : cfs_fail_errno(err, "%s", dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (rc >= 0)
			rc = add_config_file(r, path, err);
		free(list[i]);
	}
	free(list);
	return rc < 0 ? rc : 0;
}

/* --- the files ---------------------------------------------------------------------- */

/* "" without a home directory. */
static void set_user_path(const char *name, char out[PATH_LEN])
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	*out = '\0';
	if (config && *config)
		snprintf(out, PATH_LEN, "%s/containers/%s", config, name);
	else if (home && *home)
		snprintf(out, PATH_LEN, "%s/.config/containers/%s", home, name);
}

/* The file of the user takes the place of that of the system; drop-in files add to both. */
static int add_config_files(struct cfs_registries *r, struct cfs_err *err)
{
	char user[PATH_LEN];
	int rc;

	set_user_path("registries.conf", user);
	rc = *user ? add_config_file(r, user, err) : 0;
	if (rc == 0)
		rc = add_config_file(r, SYSTEM_DIR "/registries.conf", err);
	if (rc >= 0)
		rc = add_config_dir(r, SYSTEM_DIR "/registries.conf.d", err);
	set_user_path("registries.conf.d", user);
	return rc < 0 || !*user ? rc : add_config_dir(r, user, err);
}

int registry_read_config(struct cfs_registries *out, struct cfs_err *err)
{
	const char *named = getenv("CONTAINERS_REGISTRIES_CONF");
	int rc;

	if (!named || !*named)
		return add_config_files(out, err);
	rc = add_config_file(out, named, err);
	return rc == 0 ? cfs_fail(err, ENOENT, "%s: no such file", named)
		       : (rc < 0 ? rc : 0);
}

/* --- short names -------------------------------------------------------------------- */

int registry_parse_name(const struct cfs_registries *config, const char *text,
			bool is_push, struct cfs_oci_reference *out, struct cfs_err *err)
{
	size_t name_len = strcspn(text, ":@");
	char full[CFS_OCI_REFERENCE_MAX];
	struct cfs_text reference;
	int rc = cfs_oci_reference_parse(text, out, err), n;

	if (rc < 0 || out->has_host || strncmp(text, "docker://", 9) == 0)
		return rc;
	if (is_push || !cfs_registries_find_alias(
			       config, (struct cfs_text){text, name_len}, &reference))
		return cfs_fail(err, EINVAL,
				"a short name: expected HOST/NAME%s; on docker.io it is "
				"%s/%s",
				is_push ? "" : ", or an alias of registries.conf",
				out->host, out->name);
	n = snprintf(full, sizeof(full), "%.*s%s", (int)reference.len, reference.s,
		     text + name_len);
	if (n < 0 || (size_t)n >= sizeof(full))
		return cfs_fail(err, ENAMETOOLONG,
				"alias: expected at most %zu bytes, got %d",
				sizeof(full) - 1, n);
	rc = cfs_oci_reference_parse(full, out, err);
	if (rc == 0 && !out->has_host)
		rc = cfs_fail(err, EINVAL, "expected HOST/NAME");
	return cfs_context(err, rc, "alias \"%s\"", full);
}
