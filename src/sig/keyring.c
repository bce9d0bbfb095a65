/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: sets of keys, from directories. */
#include "sig/sig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "sig/sig_priv.h"

int cfs_sig_keys_add(struct cfs_sig_keys *keys, const struct cfs_sig_key *key,
		     enum cfs_sig_role role, const char *name, struct cfs_err *err)
{
	char *copy;

	if (cfs_grow(&keys->v, &keys->cap, keys->n + 1, sizeof(*keys->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	copy = strdup(name);
	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	keys->v[keys->n++] = (struct cfs_sig_known){*key, role, copy};
	return 0;
}

/* Keeps a certificate for the helper that verifies PKCS#7; others have no use for it. */
static int add_certificate(struct cfs_sig_keys *keys, int dirfd, const char *name,
			   enum cfs_sig_role role, struct cfs_err *err)
{
	struct cfs_sig_certificate *c;

	if (!keys->keeps_certificates)
		return 0;
	if (cfs_grow(&keys->certificates, &keys->certificates_cap,
		     keys->n_certificates + 1, sizeof(*c)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	c = &keys->certificates[keys->n_certificates++];
	*c = (struct cfs_sig_certificate){.role = role, .name = strdup(name)};
	if (!c->name)
		return cfs_fail(err, ENOMEM, "out of memory");
	return cfs_input_read(dirfd, name, 0, CFS_SIG_CERTIFICATE_MAX, &c->file, err);
}

/* Reads at most cap bytes of a file. Returns their number. */
static ssize_t read_key_head(int dirfd, const char *name, char *buf, size_t cap,
			     struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dirfd, name, 0, err);

	if (fd < 0)
		return cfs_context(err, fd, "open");
	return cfs_io_read(fd, buf, cap, err);
}

/* Reads a file and adds its key, or the file itself if it is a certificate. */
static int add_key_file(struct cfs_sig_keys *keys, int dirfd, const char *name,
			enum cfs_sig_role role, struct cfs_err *err)
{
	/* A longer file is not a key; a certificate is recognized by its beginning. */
	char buf[CFS_SIG_KEY_FILE_MAX];
	struct cfs_sig_key key;
	ssize_t len = read_key_head(dirfd, name, buf, sizeof(buf), err);
	int rc = len < 0 ? (int)len : 0;

	if (rc == 0)
		rc = cfs_sig_key_parse((struct cfs_text){buf, (size_t)len}, &key, err);
	if (rc == -ENOTSUP)
		return cfs_context(err, add_certificate(keys, dirfd, name, role, err),
				   "%s", name);
	if (rc == 0)
		rc = cfs_sig_keys_add(keys, &key, role, name, err);
	return cfs_context(err, rc, "%s", name);
}

/* Adds the key of each file. The first file that is no key ends it with an error,
 * since it could be a mistyped revocation. dir stays open. */
static int add_key_files(struct cfs_sig_keys *keys, DIR *dir, enum cfs_sig_role role,
			 struct cfs_err *err)
{
	const struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno ? cfs_fail_errno(err, "read directory") : 0;
		if (entry->d_name[0] != '.') {
			int rc = add_key_file(keys, dirfd(dir), entry->d_name, role, err);

			if (rc < 0)
				return rc;
		}
	}
}

int cfs_sig_keys_add_dir(struct cfs_sig_keys *keys, int at, const char *path,
			 enum cfs_sig_role role, struct cfs_err *err)
{
	cfs_autofd int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!dir)
		return cfs_fail_errno(err, "keys: %s", path);
	(void)cfs_steal_fd(&fd);
	rc = add_key_files(keys, dir, role, err);
	closedir(dir);
	return cfs_context(err, rc, "keys: %s", path);
}

void cfs_sig_keys_fini(struct cfs_sig_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		free(keys->v[i].name);
	for (size_t i = 0; i < keys->n_certificates; i++) {
		free(keys->certificates[i].file.p);
		free(keys->certificates[i].name);
	}
	free(keys->certificates);
	free(keys->v);
	*keys = (struct cfs_sig_keys){0};
}
