/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verifies signatures of images. A signature is verified before the signed text is
 * interpreted. */
#include "trust/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"

static const char *const default_places[] = {"/usr/lib/composefs", "/etc/composefs",
					     "/run/composefs"};

enum { N_DEFAULT = sizeof(default_places) / sizeof(default_places[0]) };

bool cfs_trust_add_dir(const char **list, size_t *n, const char *dir)
{
	if (*n == CFS_TRUST_DIRS_MAX)
		return false;
	list[(*n)++] = dir;
	return true;
}

const char *cfs_trust_format_signature_path(const struct cfs_digest *d,
					    const struct cfs_sig_key *key,
					    char out[CFS_TRUST_SIGNATURE_PATH_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX], id[CFS_SIG_KEY_ID_MAX];

	snprintf(out, CFS_TRUST_SIGNATURE_PATH_MAX, "%s/%s.ed25519",
		 cfs_digest_hex(d, hex), cfs_sig_key_format_id(key, id));
	return out;
}

/* --- keys ---------------------------------------------------------------------------------- */

/* Returns 1 if path exists, also as a dangling link, 0 if not, or -errno. */
static int has_signature_file(int at, const char *path, struct cfs_err *err)
{
	struct stat st;

	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : cfs_fail_errno(err, "keys: %s", path);
}

/* Does path exist? 1, 0 or -errno. fstatat() also fails with ENOENT for a dangling link
 * in the middle of a path, such as a link into a filesystem that is not mounted: that is
 * an error. */
static int path_exists(int at, const char *path, struct cfs_err *err)
{
	char part[PATH_MAX];
	int there = has_signature_file(at, path, err);

	for (const char *p = path; there == 0 && (p = strchr(p + 1, '/'));) {
		struct stat st;

		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		there = has_signature_file(at, part, err);
		if (there == 0) /* nor below it */
			return 0;
		if (there > 0 && fstatat(at, part, &st, 0) < 0)
			return cfs_fail_errno(err, "keys: %s", part);
		there = there < 0 ? there : 0;
	}
	return there;
}

/* Adds a directory that may be missing. A dangling link to it, in it or on the way to it
 * is an error: the keys behind it may be revoked ones. */
static int add_dir_if_present(struct cfs_sig_keys *keys, int at, const char *dir,
			      enum cfs_sig_role role, struct cfs_err *err)
{
	int there = path_exists(at, dir, err);

	return there <= 0 ? there : cfs_sig_keys_add_dir(keys, at, dir, role, err);
}

static int add_default(struct cfs_sig_keys *keys, enum cfs_sig_role role,
		       struct cfs_err *err)
{
	char path[64];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < N_DEFAULT; i++) {
		snprintf(path, sizeof(path), "%s/%s.d", default_places[i],
			 role == CFS_SIG_REVOKED ? "revoked" : "keys");
		rc = add_dir_if_present(keys, AT_FDCWD, path, role, err);
	}
	return rc;
}

/* Adds the revoked.d beside a directory of trusted keys. If its path is a link, both the
 * directory of the link and that of its target are searched. */
static int add_revoked_beside(struct cfs_sig_keys *keys, int fd, const char *dir,
			      struct cfs_err *err)
{
	cfs_autofree char *copy = strdup(dir);
	cfs_autofd int parent = -1;
	int rc;

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	parent = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return cfs_fail_errno(err, "the directory above it");
	rc = add_dir_if_present(keys, fd, "../revoked.d", CFS_SIG_REVOKED, err);
	if (rc == 0)
		rc = add_dir_if_present(keys, parent, "revoked.d", CFS_SIG_REVOKED, err);
	return rc;
}

/* Adds a directory that the user named, and the revoked.d beside it. */
static int add_trusted(struct cfs_sig_keys *keys, const char *dir, struct cfs_err *err)
{
	cfs_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "keys: %s", dir);
	rc = cfs_sig_keys_add_dir(keys, fd, ".", CFS_SIG_TRUSTED, err);
	if (rc == 0)
		rc = add_revoked_beside(keys, fd, dir, err);
	return cfs_context(err, rc, "%s", dir);
}

static int read_keys(const struct cfs_trust *t, struct cfs_sig_keys *keys,
		     struct cfs_err *err)
{
	int rc = add_default(keys, CFS_SIG_REVOKED, err);

	for (size_t i = 0; rc == 0 && i < t->n_revoked; i++)
		rc = cfs_sig_keys_add_dir(keys, AT_FDCWD, t->revoked[i], CFS_SIG_REVOKED,
					  err);
	for (size_t i = 0; rc == 0 && i < t->n_trusted; i++)
		rc = add_trusted(keys, t->trusted[i], err);
	if (rc == 0 && t->n_trusted == 0)
		rc = add_default(keys, CFS_SIG_TRUSTED, err);
	return rc;
}

/* --- signatures ---------------------------------------------------------------------------- */

/* A request, and the files that were read for it. */
struct work {
	const struct cfs_trust *t;
	const char *path;
	const struct cfs_digest *digests;
	size_t n;
	struct cfs_sig_keys keys;
	struct cfs_mem signatures, statement;
	struct cfs_trust_found *found;
};

/* Appends a file of at most max bytes. */
static int append_file(int at, const char *path, unsigned flags, size_t max,
		       struct cfs_mem *out, struct cfs_err *err)
{
	int rc = cfs_input_read(at, path, flags, max, out, err);

	return cfs_context(err, rc == -EFBIG ? -EINVAL : rc, "%s", path);
}

/* Appends DIR/DIGEST/KEY.ed25519, whole or not at all. The directory may be writable by
 * others, so it is opened beneath DIR. */
static int append_signature(struct work *w, int dir, const struct cfs_sig_key *key,
			    struct cfs_err *err)
{
	char path[CFS_TRUST_SIGNATURE_PATH_MAX];
	size_t before = w->signatures.len, len;
	int rc = append_file(dir,
			     cfs_trust_format_signature_path(&w->digests[0], key, path),
			     CFS_INPUT_BENEATH, CFS_SIG_LEN, &w->signatures, err);

	len = w->signatures.len - before;
	if (rc < 0 || len == CFS_SIG_LEN)
		return rc;
	w->signatures.len = before;
	return cfs_fail(err, EINVAL, "%s: expected a signature of %d bytes, got %zu",
			path, CFS_SIG_LEN, len);
}

/* Returns true if the key is the same as one before it. */
static bool is_repeated_key(const struct cfs_sig_keys *keys, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (memcmp(&keys->v[k].key, &keys->v[i].key, sizeof(keys->v[i].key)) == 0)
			return true;
	return false;
}

/* A directory that the user named may be behind a symbolic link; that of a repository may
 * not. */
static int open_signatures(const struct cfs_trust *t, struct cfs_err *err)
{
	int fd;

	if (t->repo_fd) {
		fd = cfs_beneath_open_dir(*t->repo_fd, "signatures");
		return fd < 0 ? cfs_beneath_fail(fd, t->signatures, err) : fd;
	}
	fd = open(t->signatures, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "signatures: %s", t->signatures) : fd;
}

/* Reads the signatures by known keys. One that cannot be read does not matter if another
 * can: it is an error only if there is none. */
static int find_signatures(struct work *w, struct cfs_err *err)
{
	cfs_autofd int dir = -1;
	int failed = -ENOENT;

	if (w->keys.n == 0)
		return cfs_fail(err, ENOKEY, "expected a trusted key, got none");
	dir = open_signatures(w->t, err);
	if (dir < 0)
		return dir;
	for (size_t i = 0; i < w->keys.n; i++) {
		struct cfs_err why;
		int rc = is_repeated_key(&w->keys, i)
				 ? 0
				 : append_signature(w, dir, &w->keys.v[i].key, &why);

		if (rc < 0 && rc != -ENOENT)
			failed = cfs_fail(err, -rc, "%s", why.msg);
	}
	return w->signatures.len ? 0 : failed;
}

/* Reads the signatures from where the options say, by default from the path with
 * ".sig". -ENODATA when there are none, in contrast to a file that cannot be read. */
static int read_image_signatures(struct work *w, struct cfs_err *err)
{
	const struct cfs_trust *t = w->t;
	const char *of = t->statement ? t->statement : w->path;
	const char *from = t->signatures ? t->signatures : t->signature;
	char *place = w->found->signature;
	int rc, n;

	n = snprintf(place, sizeof(w->found->signature), "%s%s", from ? from : of,
		     from ? "" : ".sig");
	if (n >= (int)sizeof(w->found->signature))
		return cfs_fail(err, ENAMETOOLONG, "%s: path is too long", of);
	rc = t->signatures ? find_signatures(w, err)
			   : append_file(AT_FDCWD, place, CFS_INPUT_PIPE,
					 CFS_SIG_FILE_MAX, &w->signatures, err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENODATA, "%s: expected a signature in %s, got none",
				of, place);
	return rc;
}

/* --- the checks ---------------------------------------------------------------------------- */

static int check_signatures(struct work *w, struct cfs_span message, struct cfs_err *err)
{
	const struct cfs_sig_known *by;
	int rc =
		cfs_sig_verify(&w->keys, message, cfs_mem_span(&w->signatures), &by, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", w->found->signature);
	cfs_sig_key_format_id(&by->key, w->found->key);
	snprintf(w->found->key_file, sizeof(w->found->key_file), "%s", by->name);
	return 0;
}

static int check_statement_images(const struct cfs_sig_statement *s, const struct work *w,
				  struct cfs_err *err)
{
	cfs_autofree char(*space)[CFS_DIGEST_TEXT_MAX] = calloc(w->n + 1, sizeof(*space));
	struct cfs_text images[CFS_SIG_IMAGES_MAX];

	if (!space)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < w->n && i < CFS_SIG_IMAGES_MAX; i++)
		images[i] = cfs_text(cfs_digest_text(&w->digests[i], space[i]));
	return cfs_sig_statement_check_images(s, images, w->n, err);
}

/* Checks name, images and version of a statement whose signature was verified. The
 * floor comes last, so that a refused statement never raises it. */
static int check_statement(struct work *w, struct cfs_text text, struct cfs_err *err)
{
	const struct cfs_trust *t = w->t;
	struct cfs_sig_statement s;
	int rc = cfs_sig_statement_parse(text, &s, err);

	if (rc == 0 && t->name)
		rc = cfs_sig_statement_check_name(&s, cfs_text(t->name), err);
	if (rc == 0)
		rc = check_statement_images(&s, w, err);
	if (rc == 0 && t->floor)
		rc = t->raise_floor ? t->raise(t->floor, &s, t->wait, err)
				    : cfs_sig_floor_check(t->floor, &s, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", t->statement);
	w->found->stated = true;
	w->found->version = s.version;
	snprintf(w->found->name, sizeof(w->found->name), "%.*s", (int)s.name.len,
		 s.name.s);
	return 0;
}

/* Verifies the signatures of the image, or of the statement that names it. The
 * statement is parsed only after its signature is known to be good. */
static int check_trusted_keys(struct work *w, struct cfs_err *err)
{
	uint8_t formatted[CFS_DIGEST_FORMATTED_MAX];
	struct cfs_span message = {formatted,
				   cfs_digest_format(&w->digests[0], formatted)};
	int rc = read_keys(w->t, &w->keys, err);

	if (rc == 0)
		rc = read_image_signatures(w, err);
	if (rc == 0 && w->t->statement) {
		rc = append_file(AT_FDCWD, w->t->statement, CFS_INPUT_PIPE,
				 CFS_TRUST_STATEMENT_FILE_MAX, &w->statement, err);
		message = cfs_mem_span(&w->statement);
	}
	if (rc == 0)
		rc = check_signatures(w, message, err);
	if (rc == 0 && w->t->statement)
		rc = check_statement(w, cfs_span_text(message), err);
	return rc;
}

/* Options that need a statement are refused without one, not ignored. */
int cfs_trust_check_request(const struct cfs_trust *t, size_t n, struct cfs_err *err)
{
	if (t->signatures && (t->statement || t->signature))
		return cfs_fail(err, EINVAL,
				"a directory of signatures is for digests, and excludes "
				"a signature file");
	if (t->raise_floor && !t->floor)
		return cfs_fail(err, EINVAL, "expected a file of floors to raise one");
	if (!t->statement && (t->name || t->floor))
		return cfs_fail(err, EINVAL, "name and floor need a statement");
	if (!t->statement && n != 1)
		return cfs_fail(err, EINVAL, "several images need a statement");
	return 0;
}

int cfs_trust_check(const struct cfs_trust *t, const char *path,
		    const struct cfs_digest *digests, size_t n,
		    struct cfs_trust_found *out, struct cfs_err *err)
{
	struct work w = {t, path, digests, n, .found = out};
	int rc = cfs_trust_check_request(t, n, err);

	*out = (struct cfs_trust_found){0};
	if (rc == 0)
		rc = check_trusted_keys(&w, err);
	cfs_sig_keys_fini(&w.keys);
	free(w.signatures.p);
	free(w.statement.p);
	return rc;
}

int cfs_trust_check_bytes(const struct cfs_trust *t, struct cfs_span message,
			  struct cfs_span signatures, const char *name,
			  struct cfs_trust_found *out, struct cfs_err *err)
{
	struct work w = {.t = t, .found = out};
	int rc;

	*out = (struct cfs_trust_found){0};
	snprintf(out->signature, sizeof(out->signature), "%s", name);
	rc = read_keys(t, &w.keys, err);
	if (rc == 0)
		rc = cfs_sink_mem(&w.signatures)
			     .write(&w.signatures, signatures.p, signatures.len, err);
	if (rc == 0)
		rc = check_signatures(&w, message, err);
	cfs_sig_keys_fini(&w.keys);
	free(w.signatures.p);
	return rc;
}

int cfs_trust_read_certificates(const struct cfs_trust *t, struct cfs_sig_keys *out,
				struct cfs_err *err)
{
	*out = (struct cfs_sig_keys){.keeps_certificates = true};
	return read_keys(t, out, err);
}
