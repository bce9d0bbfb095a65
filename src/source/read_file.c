/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reads files of a tree from where the tree is from. */
#include "source/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opens one component at a time without following symlinks: a directory may have been
 * replaced by a symlink since the scan. */
int cfs_source_open_below(int top, const struct cfs_tree *t, cfs_id file,
			  struct cfs_err *err)
{
	cfs_autofree cfs_id *chain = NULL;
	cfs_autofd int at = -1;
	size_t n = 0, cap = 0;

	for (cfs_id id = file; id != CFS_ROOT; id = t->nodes[id].parent) {
		if (cfs_grow(&chain, &cap, n + 1, sizeof(*chain)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		chain[n++] = id;
	}
	while (n--) {
		int how = n ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
		int fd = openat(at < 0 ? top : at, t->nodes[chain[n]].name,
				how | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return cfs_fail_errno(err, "open");
		if (at >= 0)
			close(at);
		at = fd;
	}
	return cfs_steal_fd(&at);
}

/* --- Kept contents ------------------------------------------------------------------- */

enum { KEPT_MAX = 4 * CFS_SELINUX_FILE_MAX };

bool cfs_keep_wants(const struct cfs_keep *k, struct cfs_text path, uint64_t size)
{
	static const char *const names[] = {
		"selinux/config",
		"files/file_contexts",
		"files/file_contexts.local",
		"files/file_contexts.homedirs",
		"files/file_contexts.subs",
		"files/file_contexts.subs_dist",
	};

	for (size_t i = 0; k && i < sizeof(names) / sizeof(names[0]); i++) {
		struct cfs_text name = cfs_text(names[i]);

		if (path.len < name.len ||
		    memcmp(path.s + path.len - name.len, name.s, name.len) != 0)
			continue;
		return size <= CFS_SELINUX_FILE_MAX && size <= KEPT_MAX - k->len;
	}
	return false;
}

int cfs_keep_add(struct cfs_keep *k, const struct cfs_digest *digest,
		 struct cfs_span content, struct cfs_err *err)
{
	uint8_t *copy;

	if (cfs_grow(&k->v, &k->cap, k->n + 1, sizeof(*k->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	copy = malloc(content.len ? content.len : 1);
	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(copy, content.p, content.len);
	k->v[k->n++] = (struct cfs_kept){*digest, copy, content.len};
	k->len += content.len;
	return 0;
}

void cfs_keep_fini(struct cfs_keep *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].bytes);
	free(k->v);
	*k = (struct cfs_keep){0};
}

/* Returns 1 if the content was kept. */
static int copy_kept(const struct cfs_keep *k, const struct cfs_digest *digest,
		     struct cfs_mem *out, struct cfs_err *err)
{
	for (size_t i = 0; k && i < k->n; i++) {
		const struct cfs_kept *f = &k->v[i];

		if (!cfs_digest_eq(&f->digest, digest))
			continue;
		if (cfs_grow(&out->p, &out->cap, out->len + f->len, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		memcpy(out->p + out->len, f->bytes, f->len);
		out->len += f->len;
		return 1;
	}
	return 0;
}

/* --- Directories --------------------------------------------------------------------- */

static int read_below(const char *source, const struct cfs_tree *t, cfs_id file,
		      size_t max, struct cfs_mem *out, struct cfs_err *err)
{
	cfs_autofd int top = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (top < 0)
		return cfs_fail_errno(err, "open");
	fd = cfs_source_open_below(top, t, file, err);
	return fd < 0 ? fd : cfs_input_read_fd(fd, max, out, err);
}

/* The file may have been replaced since the scan. */
static int check_content_digest(const struct cfs_digest *expected,
				struct cfs_span content, struct cfs_err *err)
{
	struct cfs_digest found;
	int rc = cfs_verity_digest_mem(expected->alg, content, &found, err);

	if (rc < 0 || cfs_digest_eq(&found, expected))
		return rc;
	return cfs_fail(err, ESTALE, "changed while it was read");
}

int cfs_ingest_read(const void *ctx, const struct cfs_tree *tree, cfs_id file, size_t max,
		    struct cfs_mem *out, struct cfs_err *err)
{
	const struct cfs_ingest *in = ctx;
	const struct cfs_node *n = &tree->nodes[file];
	struct cfs_digest digest = {.alg = tree->alg};
	size_t before = out->len;
	int rc;

	if (!n->digest)
		return cfs_fail(err, ENODATA, "expected a digest");
	memcpy(digest.bytes, n->digest, cfs_hash_len(tree->alg));
	rc = copy_kept(in->keep, &digest, out, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (in->read && in->read != cfs_ingest_directory)
		return cfs_fail(err, ENODATA,
				"the content is no longer at hand: expected a file of "
				"at most %d bytes that has this name in the archive",
				CFS_SELINUX_FILE_MAX);
	rc = read_below(in->source, tree, file, max, out, err);
	if (rc < 0)
		return rc;
	return check_content_digest(
		&digest, (struct cfs_span){out->p + before, out->len - before}, err);
}
