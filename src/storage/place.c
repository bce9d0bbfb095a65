/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where stores are: as the user says, or as storage.conf does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/storage_priv.h"

#define ROOT_DEFAULT "/var/lib/containers/storage"

void cfs_storage_env_read(struct cfs_storage_env *out)
{
	*out = (struct cfs_storage_env){
		.conf = getenv("CONTAINERS_STORAGE_CONF"),
		.home = getenv("HOME"),
		.config_home = getenv("XDG_CONFIG_HOME"),
		.data_home = getenv("XDG_DATA_HOME"),
		.system_confs = {"/etc/containers/storage.conf",
				 "/usr/share/containers/storage.conf"},
		.is_root = geteuid() == 0,
	};
}

void storage_places_fini(struct storage_places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->places[i].root);
		free(p->places[i].driver);
	}
	free(p->places);
	*p = (struct storage_places){0};
}

/* Takes root, which may be NULL after a failed allocation. driver: NULL or copied. */
static int add_store_place(struct storage_places *p, char *root, const char *driver,
			   struct cfs_err *err)
{
	struct storage_place place = {.root = root};

	if (root && driver)
		place.driver = strdup(driver);
	if (!root || (driver && !place.driver) ||
	    cfs_grow(&p->places, &p->cap, p->n + 1, sizeof(place)) < 0) {
		free(root);
		free(place.driver);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	p->places[p->n++] = place;
	return 0;
}

/* --- as the user says --------------------------------------------------------------- */

/* in: "[DRIVER@]ROOT[+RUNROOT][:OPTIONS]". The run root has nothing that is needed. */
static int add_named_store(struct storage_places *p, struct cfs_text in,
			   struct cfs_err *err)
{
	const char *at = memchr(in.s, '@', in.len);
	cfs_autofree char *driver = NULL;
	size_t len = 0;

	if (at) {
		driver = strndup(in.s, (size_t)(at - in.s));
		if (!driver)
			return cfs_fail(err, ENOMEM, "out of memory");
		in.len -= (size_t)(at + 1 - in.s);
		in.s = at + 1;
	}
	while (len < in.len && in.s[len] != '+' && in.s[len] != ':')
		len++;
	if (len == 0 || *in.s != '/')
		return cfs_fail(err, EINVAL,
				"expected [[DRIVER@]/ROOT[+/RUNROOT]]NAME, got the root "
				"directory \"%.*s\"",
				(int)(len < 200 ? len : 200), in.s);
	return add_store_place(p, strndup(in.s, len), driver && *driver ? driver : NULL,
			       err);
}

/* --- as storage.conf says ----------------------------------------------------------- */

/* Joins a directory, which may be NULL, and a path. NULL: no directory, or no memory. */
static char *join_store_path(const char *dir, const char *rest)
{
	char *out = NULL;

	if (!dir || !*dir || asprintf(&out, "%s/%s", dir, rest) < 0)
		return NULL;
	return out;
}

/* Returns xdg/rest, or HOME/below_home/rest if the variable xdg is not set; the caller
 * frees it. NULL: neither is set, or out of memory. */
static char *make_home_path(const char *xdg, const struct cfs_storage_env *env,
			    const char *below_home, const char *rest)
{
	cfs_autofree char *dir = NULL;

	if (xdg && *xdg)
		return join_store_path(xdg, rest);
	dir = join_store_path(env->home, below_home);
	return join_store_path(dir, rest);
}

/* 1: read; 0: there is no such file. */
static int read_conf(const char *path, struct storage_conf *conf, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = path ? cfs_input_read(AT_FDCWD, path, 0, STORAGE_CONF_MAX, &text, err)
		      : -ENOENT;

	if (rc == 0)
		rc = storage_conf_parse(cfs_mem_text(&text), conf, err);
	free(text.p);
	if (rc == -ENOENT)
		return 0;
	return rc < 0 ? cfs_context(err, rc, "%s", path) : 1;
}

/* The file of the user counts more than that of the system. Its graph root is that of root. */
static int read_confs(const struct cfs_storage_env *env, struct storage_conf *conf,
		      struct cfs_err *err)
{
	cfs_autofree char *own = make_home_path(env->config_home, env, ".config",
						"containers/storage.conf");
	int rc = 0;

	if (env->conf && *env->conf) {
		rc = read_conf(env->conf, conf, err);
		return rc == 0 ? cfs_fail(err, ENOENT, "%s: no such file", env->conf)
			       : rc;
	}
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = read_conf(env->system_confs[i], conf, err);
	if (rc >= 0 && !env->is_root) {
		free(cfs_steal(&conf->graphroot));
		rc = read_conf(own, conf, err);
	}
	return rc;
}

/* Replaces "$HOME" at the start, which storage.conf may have for all users. */
static char *expand_home(const char *path, const struct cfs_storage_env *env)
{
	struct cfs_text rest = cfs_text(path);

	if (cfs_text_skip_prefix(&rest, CFS_TEXT("$HOME/")))
		return join_store_path(env->home, rest.s);
	return strdup(path);
}

/* Returns the root of the store that is written to; the caller frees it. NULL: HOME is
 * needed and not set, or out of memory. */
static char *get_main_root(const struct storage_conf *conf,
			   const struct cfs_storage_env *env)
{
	if (conf->graphroot)
		return expand_home(conf->graphroot, env);
	if (env->is_root)
		return strdup(ROOT_DEFAULT);
	if (conf->rootless_path)
		return expand_home(conf->rootless_path, env);
	return make_home_path(env->data_home, env, ".local/share", "containers/storage");
}

/* Adds the stores of storage.conf, the main one first. Allocated paths are handed to
 * add_store_place, which frees them on failure. */
static int add_configured(struct storage_places *p, const struct cfs_storage_env *env,
			  struct cfs_err *err)
{
	struct storage_conf conf = {0};
	int rc = read_confs(env, &conf, err);
	char *root = rc < 0 ? NULL : get_main_root(&conf, env);

	if (rc >= 0 && !root && !env->is_root && !env->home)
		rc = cfs_fail(err, ENOENT,
			      "no store: HOME and XDG_DATA_HOME are not set");
	if (rc >= 0)
		rc = add_store_place(p, root, conf.driver, err);
	else
		free(root);
	if (rc >= 0 && conf.image_store)
		rc = add_store_place(p, strdup(conf.image_store), conf.driver, err);
	for (size_t i = 0; rc >= 0 && i < conf.n_additional; i++)
		rc = add_store_place(p, strdup(conf.additional[i]), conf.driver, err);
	storage_conf_fini(&conf);
	return rc;
}

int storage_places_find(const char *spec, const struct cfs_storage_env *env,
			struct storage_places *out, struct cfs_err *err)
{
	const char *end = *spec == '[' ? strchr(spec, ']') : NULL;
	int rc;

	*out = (struct storage_places){0};
	if (*spec == '[' && !end)
		return cfs_fail(err, EINVAL, "expected [[DRIVER@]/ROOT]NAME, got no ]");
	out->name = end ? end + 1 : spec;
	if (!*out->name)
		return cfs_fail(err, EINVAL, "expected the name of an image");
	rc = end ? add_named_store(out,
				   (struct cfs_text){spec + 1, (size_t)(end - spec) - 1},
				   err)
		 : add_configured(out, env, err);
	if (rc < 0)
		storage_places_fini(out);
	return rc < 0 ? rc : 0;
}
