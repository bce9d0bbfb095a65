/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The process of a container: program and arguments, environment, user, directory. */
#include <errno.h>
#include <sys/stat.h>

#include "bundle/bundle_priv.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What processes of containers have with podman; root only. */
static const char *const capabilities[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",	 "CAP_FSETID",
	"CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",	 "CAP_SETGID",
	"CAP_SETPCAP", "CAP_SETUID",	       "CAP_SYS_CHROOT", NULL,
};

static int add_words(json_t *to, const struct cfs_oci_words *words, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < words->n; i++)
		rc = bundle_append(to, json_string(cfs_oci_get_word(words, i)), err);
	return rc;
}

/* Arguments of the caller replace Cmd and are added to Entrypoint, as podman run and
 * docker run do. */
static int add_args(const struct bundle *b, json_t *process, struct cfs_err *err)
{
	json_t *args = json_array();
	int rc = bundle_set(process, "args", args, err);

	if (rc == 0)
		rc = add_words(args, &b->config->entrypoint, err);
	if (rc == 0 && b->opts->n_args == 0)
		rc = add_words(args, &b->config->cmd, err);
	for (size_t i = 0; rc == 0 && i < b->opts->n_args; i++)
		rc = bundle_append(args, json_string(b->opts->args[i]), err);
	if (rc < 0)
		return rc;
	if (json_array_size(args) == 0 || !*json_string_value(json_array_get(args, 0)))
		return cfs_fail(err, EINVAL,
				"the image has neither Entrypoint nor Cmd; give a "
				"program and its arguments after --");
	return 0;
}

static bool has_variable(const struct cfs_oci_words *env, const char *prefix)
{
	for (size_t i = 0; i < env->n; i++)
		if (cfs_text_has_prefix(cfs_text(cfs_oci_get_word(env, i)),
					cfs_text(prefix)))
			return true;
	return false;
}

static int add_env(const struct bundle *b, json_t *process, struct cfs_err *err)
{
	const struct cfs_oci_words *from = &b->config->env;
	json_t *env = json_array();
	int rc = bundle_set(process, "env", env, err);

	if (rc == 0 && !has_variable(from, "PATH="))
		rc = bundle_append(env, json_string(DEFAULT_PATH), err);
	if (rc == 0 && b->opts->terminal && !has_variable(from, "TERM="))
		rc = bundle_append(env, json_string("TERM=xterm"), err);
	return rc < 0 ? rc : add_words(env, from, err);
}

/* Runtimes disagree about a directory that is missing in a read-only root; none starts. */
static int add_cwd(const struct bundle *b, json_t *process, struct cfs_err *err)
{
	const char *cwd = b->config->working_dir;
	struct cfs_inode inode;
	char at[PATH_MAX];
	int rc;

	if (!cwd || !*cwd)
		cwd = "/";
	rc = bundle_locate(b, "working directory", cwd, at, &inode, err);
	if (rc < 0)
		return rc;
	if (!bundle_is_mounted_over(b, at)) {
		if (rc && !S_ISDIR(inode.mode))
			return cfs_fail(err, ENOTDIR,
					"working directory %s: expected a directory in "
					"the image",
					cwd);
		if (!rc && !b->opts->writable)
			return cfs_fail(err, ENOENT,
					"working directory %s: missing in the image, "
					"whose root is read-only; use --read-write",
					cwd);
	}
	return bundle_set(process, "cwd", json_string(cwd), err);
}

/* Runtimes ignore user names on Linux and run such a process as root. */
static int add_user(const struct cfs_bundle_user *user, json_t *process,
		    struct cfs_err *err)
{
	json_t *to = json_object(), *groups;
	int rc = bundle_set(process, "user", to, err);

	if (rc == 0)
		rc = bundle_set(to, "uid", json_integer(user->uid), err);
	if (rc == 0)
		rc = bundle_set(to, "gid", json_integer(user->gid), err);
	if (rc < 0 || user->n_groups == 0)
		return rc;
	groups = json_array();
	rc = bundle_set(to, "additionalGids", groups, err);
	for (size_t i = 0; rc == 0 && i < user->n_groups; i++)
		rc = bundle_append(groups, json_integer(user->groups[i]), err);
	return rc;
}

/* Other users than root only get capabilities by set-id programs. */
static int add_capabilities(bool is_root, json_t *process, struct cfs_err *err)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	json_t *to = json_object();
	int rc = bundle_set(process, "capabilities", to, err);

	for (size_t i = 0; rc == 0 && i < (is_root ? 3 : 1); i++)
		rc = bundle_set(to, sets[i], bundle_make_words(capabilities), err);
	return rc;
}

/* json_decref of the process is the business of "to" as soon as it is set there. The
 * user is found first, since the rights depend on it. */
int bundle_add_process(struct bundle *b, json_t *to, struct cfs_err *err)
{
	struct cfs_bundle_user user;
	json_t *process = json_object();
	int rc = cfs_bundle_find_user(b->config->user, b->opts->passwd, b->opts->group,
				      &user, err);

	if (rc < 0)
		json_decref(process);
	else
		rc = bundle_set(to, "process", process, err);
	if (rc == 0)
		rc = bundle_set(process, "terminal", json_boolean(b->opts->terminal),
				err);
	if (rc == 0)
		rc = add_user(&user, process, err);
	if (rc == 0)
		rc = add_capabilities(user.uid == 0, process, err);
	free(user.groups);
	if (rc == 0)
		rc = add_args(b, process, err);
	if (rc == 0)
		rc = add_env(b, process, err);
	if (rc == 0)
		rc = add_cwd(b, process, err);
	/* No rlimits: the process has those of the caller, who may not be able to raise
	 * them. */
	return rc < 0 ? rc
		      : bundle_set(process, "noNewPrivileges",
				   json_boolean(b->opts->no_new_privs), err);
}
