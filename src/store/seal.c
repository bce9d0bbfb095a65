/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verifying existing objects, and sealing new ones with fs-verity. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/input.h"
#include "store/store_priv.h"

/* Compares the digest that the kernel measures with the name. */
static int check_measure(int fd, const struct cfs_digest *want, struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest got;
	int rc = cfs_verity_measure(fd, &got, err);

	if (rc < 0)
		return rc;
	if (!cfs_digest_eq(&got, want))
		return cfs_fail(err, EILSEQ,
				"expected the digest in its name, got %s from the kernel",
				cfs_digest_text(&got, text));
	return 0;
}

static int check_sealed(int dir, const char *name, const struct cfs_digest *d,
			struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dir, name, CFS_INPUT_NOFOLLOW, err);

	return fd < 0 ? fd : check_measure(fd, d, err);
}

/* An object that was changed in place keeps its size. */
static int check_content(const struct cfs_store *s, int dir, const char *name,
			 const struct cfs_digest *d, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dir, name, CFS_INPUT_NOFOLLOW, err);
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest got;
	int rc = fd < 0 ? fd
			: cfs_verity_digest_fd(s->opts.alg, fd, 1, s->opts.watch, &got,
					       NULL, err);

	if (rc == 0 && !cfs_digest_eq(&got, d))
		return cfs_fail(
			err, EILSEQ,
			"expected the digest in its name, got %s from its content",
			cfs_digest_text(&got, text));
	return rc;
}

/* Errors that mean a damaged object, as opposed to an object that could not be
 * checked. */
static bool is_damage_error(int rc)
{
	return rc == -EUCLEAN || rc == -EILSEQ || rc == -ENOTTY;
}

/* Without fs-verity, only size and type can be checked without reading the file, which
 * the options decide. */
enum store_found store_find_in(struct cfs_store *s, int dir, const struct cfs_digest *d,
			       uint64_t size, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	const char *name = cfs_digest_path(d, path) + STORE_PREFIX_LEN;
	struct statx st;
	int rc = 0;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &st) < 0) {
		if (errno == ENOENT)
			return STORE_MISSING;
		rc = cfs_fail_errno(err, "stat");
	} else if (!S_ISREG(st.stx_mode)) {
		rc = cfs_fail(err, EUCLEAN, "expected a regular file, got %s",
			      cfs_input_get_type_name(st.stx_mode));
	} else if (st.stx_size != size) {
		rc = cfs_fail(err, EUCLEAN, "expected %" PRIu64 " bytes, got %" PRIu64,
			      size, (uint64_t)st.stx_size);
	} else if (st.stx_attributes & STATX_ATTR_VERITY) {
		rc = check_sealed(dir, name, d, err);
	} else if (s->opts.require_verity ||
		   atomic_load(&s->verity) == STORE_VERITY_YES) {
		rc = cfs_fail(err, ENOTTY, "no fs-verity");
	} else if (s->opts.reads_existing) {
		rc = check_content(s, dir, name, d, err);
	}
	if (rc == 0)
		return STORE_GOOD;
	return is_damage_error(rc) ? STORE_BAD : STORE_UNKNOWN;
}

enum store_found store_find(struct cfs_store *s, const struct cfs_digest *d,
			    uint64_t size, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	cfs_autofd int dir = -1;

	cfs_digest_path(d, path);
	path[STORE_PREFIX_LEN - 1] = '\0';
	dir = cfs_beneath_open_dir(s->dirfd, path);
	if (dir == -ENOENT)
		return STORE_MISSING;
	if (dir < 0) {
		cfs_beneath_fail(dir, path, err);
		return STORE_BAD;
	}
	return store_find_in(s, dir, d, size, err);
}

/* Errors that mean no support for fs-verity (it cannot be enabled without /proc), as
 * opposed to a full or broken disk. */
static bool is_unable(int rc)
{
	return rc == -ENOTTY || rc == -EINVAL || rc == -EPERM || rc == -ENOENT;
}

/* Any failure to enable leaves the file as it was. */
static int seal_object(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	int rc = cfs_verity_seal(&o->fd, s->opts.alg, err);

	if (rc == 0) {
		atomic_store(&s->verity, STORE_VERITY_YES);
		return check_measure(o->fd, &o->digest, err);
	}
	if (s->opts.require_verity || !is_unable(rc) ||
	    atomic_load(&s->verity) == STORE_VERITY_YES)
		return rc;
	if (atomic_exchange(&s->verity, STORE_VERITY_NO) == STORE_VERITY_UNKNOWN &&
	    !s->opts.accept_unsealed)
		store_warn(s, "objects are not sealed: %s", err ? err->msg : "");
	return 0;
}

int store_seal(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	if (atomic_load(&s->verity) == STORE_VERITY_NO)
		return 0;
	return cfs_context(err, seal_object(s, o, err), "object store");
}
