/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Credentials of the user: files of docker and podman, and programs docker-credential-NAME. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/registry/registry_helper.h"

/* The i-th place; false: there are no more. path may stay empty. */
static bool file_of(unsigned i, char *path, size_t len)
{
	const char *named = getenv("REGISTRY_AUTH_FILE"), *home = getenv("HOME");
	const char *runtime = getenv("XDG_RUNTIME_DIR"),
		   *config = getenv("XDG_CONFIG_HOME");
	const char *docker = getenv("DOCKER_CONFIG");

	*path = '\0';
	if (i == 0 && named && *named)
		snprintf(path, len, "%s", named);
	else if (i == 1 && runtime)
		snprintf(path, len, "%s/containers/auth.json", runtime);
	else if (i == 2 && config)
		snprintf(path, len, "%s/containers/auth.json", config);
	else if (i == 2 && home)
		snprintf(path, len, "%s/.config/containers/auth.json", home);
	else if (i == 3 && docker)
		snprintf(path, len, "%s/config.json", docker);
	else if (i == 3 && home)
		snprintf(path, len, "%s/.docker/config.json", home);
	return i <= 3;
}

/* Asks "docker-credential-NAME get" for what it knows about the registry. */
static int ask_helper(struct transfer *t, struct cfs_err *err)
{
	char program[sizeof("docker-credential-") + sizeof(t->auth.helper)];
	const char *const argv[] = {program, "get", NULL};
	struct cfs_mem answer = {0};
	struct cfs_span key = cfs_text_span(cfs_text(t->auth.helper_key));
	cfs_autofd int in = cfs_child_make_input(key, err);
	int pipe_fds[2], rc;
	pid_t pid;

	snprintf(program, sizeof(program), "docker-credential-%s", t->auth.helper);
	if (in < 0)
		return in;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	rc = cfs_child_start(argv, in, pipe_fds[1], &pid, err);
	close(pipe_fds[1]);
	if (rc == 0) {
		rc = cfs_input_read_fd(pipe_fds[0], CFS_REGISTRY_AUTH_FILE_MAX, &answer,
				       err);
		if (rc == 0)
			rc = cfs_child_wait(pid, program, NULL, err);
		else
			cfs_child_kill(pid);
	}
	close(pipe_fds[0]);
	if (rc == 0)
		rc = cfs_registry_parse_helper(cfs_mem_text(&answer), &t->auth, err);
	if (answer.p)
		explicit_bzero(answer.p, answer.len);
	free(answer.p);
	return cfs_context(err, rc, "%s", program);
}

/* Looks for the credentials of this registry alone; what else the file has does not
 * stay in memory. */
static int look_in_file(struct transfer *t, const char *path, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc =
		cfs_input_read(AT_FDCWD, path, 0, CFS_REGISTRY_AUTH_FILE_MAX, &text, err);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc == 0)
		rc = cfs_registry_find_auth(cfs_mem_text(&text), t->request.host,
					    t->request.name, &t->auth, err);
	if (text.p)
		explicit_bzero(text.p, text.len);
	free(text.p);
	return cfs_context(err, rc, "%s", path);
}

int find_credentials(struct transfer *t, struct cfs_err *err)
{
	char path[4096];
	int rc = 0;

	if (t->looked_for_auth)
		return 0;
	t->looked_for_auth = true;
	for (unsigned i = 0; rc == 0 && file_of(i, path, sizeof(path)); i++)
		if (*path)
			rc = look_in_file(t, path, err);
	if (rc > 0 && *t->auth.helper)
		rc = ask_helper(t, err);
	if (rc < 0)
		return rc;
	t->has_auth = *t->auth.user || *t->auth.password || *t->auth.identity_token;
	return 0;
}
