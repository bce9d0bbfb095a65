/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Symbolic links: formatting, parsing, reading, replacing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "repo/repo_priv.h"

enum {
	TMP_RANDOM_LEN = 12,
	TMP_TRIES = 100,
};

static const char objects_prefix[] = "../objects/";

const char *cfs_repo_get_kind_dir(enum cfs_repo_kind kind)
{
	return kind == CFS_REPO_IMAGES ? "images" : "streams";
}

int cfs_repo_read_link(int dirfd, const char *name, char buf[CFS_REPO_LINK_MAX])
{
	ssize_t n = readlinkat(dirfd, name, buf, CFS_REPO_LINK_MAX);

	if (n < 0)
		return -errno;
	if (n == CFS_REPO_LINK_MAX)
		return -EUCLEAN;
	buf[n] = '\0';
	return (int)n;
}

void cfs_repo_format_object_target(const struct cfs_digest *id,
				   char out[CFS_REPO_LINK_MAX])
{
	char path[CFS_OBJECT_PATH_MAX];

	snprintf(out, CFS_REPO_LINK_MAX, "%s%s", objects_prefix,
		 cfs_digest_path(id, path));
}

bool repo_parse_object_target(struct cfs_text target, enum cfs_hash_alg alg,
			      struct cfs_digest *out)
{
	size_t at = sizeof(objects_prefix) - 1, hex_len = 2 * cfs_hash_len(alg);
	char again[CFS_REPO_LINK_MAX], hex[CFS_DIGEST_HEX_MAX];

	if (target.len != at + hex_len + 1)
		return false;
	memcpy(hex, target.s + at, 2);
	memcpy(hex + 2, target.s + at + 3, hex_len - 2);
	*out = (struct cfs_digest){.alg = alg};
	if (!cfs_hex_decode((struct cfs_text){hex, hex_len}, out->bytes, hex_len / 2))
		return false;
	cfs_repo_format_object_target(out, again);
	return cfs_text_eq(target, cfs_text(again));
}

static size_t count_components(struct cfs_text ref)
{
	size_t n = 1;

	for (size_t i = 0; i < ref.len; i++)
		n += ref.s[i] == '/';
	return n;
}

void repo_format_ref_target(struct cfs_text ref, struct cfs_text entry,
			    char out[CFS_REPO_LINK_MAX])
{
	size_t at = 0;

	for (size_t i = count_components(ref); i; i--)
		at += (size_t)sprintf(out + at, "../");
	snprintf(out + at, CFS_REPO_LINK_MAX - at, "%.*s", (int)entry.len, entry.s);
}

bool repo_parse_ref_target(struct cfs_text ref, struct cfs_text target,
			   struct cfs_text *out)
{
	for (size_t i = count_components(ref); i; i--) {
		if (!cfs_text_has_prefix(target, CFS_TEXT("../")))
			return false;
		target = (struct cfs_text){target.s + 3, target.len - 3};
	}
	*out = target;
	return repo_is_component(target);
}

/* A random name for a link that is renamed to its place: two processes do not meet,
 * and leftovers are recognised by it. */
static int make_temp_name(char out[REPO_NAME_MAX], struct cfs_err *err)
{
	static const char alnum[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t random[TMP_RANDOM_LEN];
	size_t at;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return cfs_fail_errno(err, "getrandom");
	at = (size_t)sprintf(out, ".symlink-");
	for (size_t i = 0; i < TMP_RANDOM_LEN; i++)
		out[at++] = alnum[random[i] % (sizeof(alnum) - 1)];
	out[at] = '\0';
	return 0;
}

int cfs_repo_put_link(const struct cfs_repo *repo, int dirfd, const char *name,
		      const char *target, struct cfs_err *err)
{
	char tmp[REPO_NAME_MAX];
	int rc = 0, made = -1;

	for (int i = 0; rc == 0 && made < 0 && i < TMP_TRIES; i++) {
		rc = make_temp_name(tmp, err);
		made = rc == 0 ? symlinkat(target, repo->dirfd, tmp) : -1;
		if (rc == 0 && made < 0 && errno != EEXIST)
			rc = cfs_fail_errno(err, "temporary link");
	}
	if (rc < 0)
		return rc;
	if (made < 0)
		return cfs_fail(err, EEXIST, "temporary link: no free name");
	if (renameat(repo->dirfd, tmp, dirfd, name) == 0)
		return 0;
	rc = errno == EISDIR ? cfs_fail(err, EEXIST,
					"it is a directory of references, and cannot be "
					"a reference itself")
			     : cfs_fail_errno(err, "rename");
	unlinkat(repo->dirfd, tmp, 0);
	return rc;
}
