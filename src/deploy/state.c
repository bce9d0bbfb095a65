/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* State directories: /etc, /var and the record of a deployment. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "deploy/deploy_priv.h"

enum { ORIGIN_MAX = 65536 };

int deploy_sync(int dirfd, struct cfs_err *err)
{
	cfs_autofd int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || syncfs(fd) < 0)
		return cfs_fail_errno(err, "writing to disk");
	return 0;
}

/* --- the record ----------------------------------------------------------------------- */

/* Finds KEY=VALUE in the record of a deployment. */
static bool find_value(struct cfs_text text, struct cfs_text key, struct cfs_text *out)
{
	while (text.len) {
		const char *end = memchr(text.s, '\n', text.len);
		struct cfs_text line = {text.s, end ? (size_t)(end - text.s) : text.len};

		text.s += line.len + (end != NULL);
		text.len -= line.len + (end != NULL);
		if (!cfs_text_skip_prefix(&line, key) ||
		    !cfs_text_skip_prefix(&line, CFS_TEXT("=")))
			continue;
		*out = line;
		return true;
	}
	return false;
}

int deploy_read_origin(int statefd, struct deploy_origin *out, struct cfs_err *err)
{
	struct cfs_mem mem = {0};
	struct cfs_text value;
	int rc = cfs_input_read(statefd, "origin", CFS_INPUT_NOFOLLOW, ORIGIN_MAX, &mem,
				err);

	*out = (struct deploy_origin){0};
	if (rc == 0 && find_value(cfs_mem_text(&mem), CFS_TEXT("reference"), &value)) {
		out->reference = strndup(value.s, value.len);
		if (!out->reference)
			rc = cfs_fail(err, ENOMEM, "out of memory");
	}
	if (rc == 0)
		out->pinned =
			find_value(cfs_mem_text(&mem), CFS_TEXT("pinned"), &value) &&
			cfs_text_eq(value, CFS_TEXT("1"));
	free(mem.p);
	return rc == -ENOENT ? 0 : cfs_context(err, rc, "origin");
}

int deploy_write_origin(int statefd, const struct deploy_origin *origin,
			struct cfs_err *err)
{
	cfs_autofree char *text = NULL;
	int len = asprintf(&text, "[origin]\n%s%s%spinned=%d\n",
			   origin->reference ? "reference=" : "",
			   origin->reference ? origin->reference : "",
			   origin->reference ? "\n" : "", origin->pinned);

	if (len < 0) {
		text = NULL;
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	return cfs_context(
		err,
		cfs_replace_write(statefd, "origin",
				  (struct cfs_span){(const uint8_t *)text, (size_t)len},
				  err),
		"origin");
}

/* --- directories ---------------------------------------------------------------------- */

/* Whether a directory has entries: 1, or 0. */
static int has_entries(int dirfd, const char *path, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_beneath_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	const struct dirent *e;
	int n = 0, rc;
	DIR *dir;

	if (fd < 0)
		return fd == -ENOENT ? -ENOENT : cfs_beneath_fail(fd, path, err);
	dir = fdopendir(fd);
	if (!dir)
		return cfs_fail_errno(err, "%s", path);
	fd = -1;
	while (errno = 0, (e = readdir(dir)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	rc = errno ? cfs_fail_errno(err, "%s", path) : n > 0;
	closedir(dir);
	return rc;
}

/* Has the overlay of /etc been mounted? The kernel then made a directory in work. In doubt
 * it has. */
static int was_booted(int statefd, struct cfs_err *err)
{
	int rc = has_entries(statefd, "etc/work", err);

	return rc == -ENOENT ? 1 : rc;
}

/* Creates a directory with exactly this mode, and opens it. It must not exist yet. */
static int make_dir(int dirfd, const char *name, mode_t mode, struct cfs_err *err)
{
	int fd;

	if (mkdirat(dirfd, name, mode) < 0)
		return cfs_fail_errno(err, "creating %s", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Whatever the umask says. */
	if (fd < 0 || fchmod(fd, mode) < 0) {
		int rc = cfs_fail_errno(err, "%s", name);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

/* Fills a new state directory: layers of /etc, the shared /var and the record of its
 * origin. */
static int fill_state(int statefd, const struct deploy_state *s, struct cfs_err *err)
{
	cfs_autofd int etc = make_dir(statefd, "etc", 0755, err);
	cfs_autofd int upper = etc < 0 ? etc : make_dir(etc, "upper", 0755, err);
	cfs_autofd int work = upper < 0 ? upper : make_dir(etc, "work", 0700, err);
	char target[CFS_DEPLOY_PATH_MAX];
	int rc = work < 0 ? work : 0;

	snprintf(target, sizeof(target), "../../os/%s/var", s->os);
	if (rc == 0 && symlinkat(target, statefd, "var") < 0)
		rc = cfs_fail_errno(err, "creating var");
	if (rc == 0 && s->fill_etc)
		rc = s->fill_etc(s->ctx, upper, err);
	if (rc == 0)
		rc = deploy_write_origin(statefd, &s->origin, err);
	return rc;
}

/* /var belongs to the system, not to a deployment. */
static int make_var(int rootfd, const char *os, struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int var = -1;

	snprintf(path, sizeof(path), "state/os/%s/var", os);
	var = cfs_beneath_make_dir(rootfd, path, 0755);
	return var < 0 ? cfs_beneath_fail(var, path, err) : 0;
}

/* Gives the new directory its name: 0, or 1 if what has the name stays. One that was never
 * booted is exchanged, so that the name always exists. */
static int rename_state(int dirfd, const char *tmp, const char *hex, struct cfs_err *err)
{
	cfs_autofd int old = cfs_beneath_open_dir(dirfd, hex);
	int rc;

	if (old < 0 && old != -ENOENT)
		return cfs_beneath_fail(old, hex, err);
	rc = old < 0 ? 0 : was_booted(old, err);
	if (rc != 0)
		return rc;
	if (syscall(SYS_renameat2, dirfd, tmp, dirfd, hex,
		    old < 0 ? RENAME_NOREPLACE : RENAME_EXCHANGE) < 0)
		return cfs_fail_errno(err, "renaming the new state directory");
	return 0;
}

/* Under a name that is no digest until it is complete, and on disk. */
static int build_state(int dirfd, const char *hex, const struct deploy_state *s,
		       struct cfs_err *err)
{
	static const char tmp[] = ".new";
	cfs_autofd int statefd = -1;
	int rc = cfs_repo_remove_tree(dirfd, tmp);

	if (rc < 0)
		return cfs_beneath_fail(rc, tmp, err);
	statefd = make_dir(dirfd, tmp, 0755, err);
	rc = statefd < 0 ? statefd : fill_state(statefd, s, err);
	if (rc == 0)
		rc = deploy_sync(dirfd, err);
	if (rc == 0)
		rc = rename_state(dirfd, tmp, hex, err);
	if (rc >= 0) {
		int synced = deploy_sync(dirfd, err);

		rc = synced < 0 ? synced : rc;
	}
	(void)!cfs_repo_remove_tree(dirfd, tmp);
	return rc;
}

int deploy_make_state(const struct cfs_deploy_place *place, const struct deploy_state *s,
		      struct cfs_err *err)
{
	cfs_autofd int dirfd =
		cfs_beneath_make_dir(place->rootfd, CFS_DEPLOY_STATE_DIR, 0755);
	char hex[CFS_DIGEST_HEX_MAX];
	int rc;

	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, CFS_DEPLOY_STATE_DIR, err);
	rc = make_var(place->rootfd, s->os, err);
	if (rc == 0)
		rc = build_state(dirfd, cfs_digest_hex(s->image, hex), s, err);
	return cfs_context(err, rc, "%s/%s", place->root, CFS_DEPLOY_STATE_DIR);
}

/* First under a name that is no digest, so that no half of it counts. */
int deploy_remove_state(const struct cfs_deploy_place *place,
			const struct cfs_digest *image, struct cfs_err *err)
{
	static const char tmp[] = ".old";
	cfs_autofd int dirfd = cfs_beneath_open_dir(place->rootfd, CFS_DEPLOY_STATE_DIR);
	char hex[CFS_DIGEST_HEX_MAX];
	int rc;

	if (dirfd < 0)
		return dirfd == -ENOENT
			       ? 0
			       : cfs_beneath_fail(dirfd, CFS_DEPLOY_STATE_DIR, err);
	rc = cfs_repo_remove_tree(dirfd, tmp);
	if (rc == 0 && renameat(dirfd, cfs_digest_hex(image, hex), dirfd, tmp) < 0)
		rc = errno == ENOENT ? 0 : -errno;
	if (rc == 0)
		rc = cfs_repo_remove_tree(dirfd, tmp);
	if (rc < 0)
		return cfs_beneath_fail(rc, CFS_DEPLOY_STATE_DIR, err);
	return deploy_sync(dirfd, err);
}
