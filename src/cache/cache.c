/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The cache as a whole: opening, finding, adding, saving. */
#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

#include "cache/cache_priv.h"

struct cfs_cache {
	enum cfs_hash_alg alg;
	bool off;     /* nothing is known of this source, and nothing remembered */
	uint64_t dev; /* of the source */
	struct timespec racy; /* times from here on are not remembered */
	struct cfs_map old;   /* the file as it was */
	struct cache_table known;
	uint8_t *bytes; /* the new file: a header's room, then entries as they came */
	size_t cap, n_added;
	struct cfs_replace file;
};

/* A user who can write the cache controls the digests in images. */
static int check_cache_owner(const struct stat *st, struct cfs_err *err)
{
	if (st->st_uid != geteuid())
		return cfs_fail(err, EPERM, "owned by user %u, expected user %u",
				st->st_uid, geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return cfs_fail(
			err, EPERM,
			"writable by group or others: expected mode 0600, got 0%o",
			st->st_mode & 07777);
	return 0;
}

/* Another file, given by mistake, is not overwritten. */
static bool is_foreign(struct cfs_span bytes)
{
	size_t n = bytes.len < CACHE_MAGIC_LEN ? bytes.len : CACHE_MAGIC_LEN;

	return n && memcmp(bytes.p, cfs_cache_magic, n) != 0;
}

/* Copies the previous cache into memory, if there is one. The copy does not change
 * when another process replaces the file. */
static int map_old(struct cfs_cache *c, const char *path, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, 0, err);
	struct stat st;
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	rc = check_cache_owner(&st, err);
	if (rc < 0)
		return rc;
	if ((uint64_t)st.st_size > cfs_cache_max_len(c->alg))
		return cfs_fail(err, EFBIG, "expected at most %llu bytes, got %llu",
				(unsigned long long)cfs_cache_max_len(c->alg),
				(unsigned long long)st.st_size);
	return cfs_map_copy(fd, &c->old, err);
}

/* Loads the previous cache. A damaged one is dropped with a warning, but a file that
 * is no cache is an error: it would be overwritten. */
static int read_old(struct cfs_cache *c, const char *path,
		    const struct cfs_cache_opts *opts, struct cfs_err *err)
{
	struct cfs_err why;
	int rc = map_old(c, path, err);

	if (rc < 0)
		return rc;
	if (is_foreign(c->old.span))
		return cfs_fail(err, EINVAL,
				"expected a digest cache, got another kind of file");
	if (c->old.span.len && cfs_cache_parse(c->old.span, c->alg, &c->known, &why) < 0)
		cfs_watch_warn(opts->watch, "%s is not used: %s", path, why.msg);
	return 0;
}

/* Mode 0600 for a new file, whatever the umask. */
static int open_new(struct cfs_cache *c, const char *path, struct cfs_err *err)
{
	int rc = cfs_replace_open(path, &c->file, err);

	if (rc == 0 && !c->file.keeps_mode && fchmod(c->file.fd, 0600) < 0)
		rc = cfs_fail_errno(err, "chmod");
	return rc;
}

/* Sets the device, whether the cache is off, and the time since when a ctime is too new
 * to be trusted: a file may change twice within one tick of the clock. */
static int check_source(struct cfs_cache *c, const char *source, const char *path,
			const struct cfs_cache_opts *opts, struct cfs_err *err)
{
	struct statvfs fs;
	struct stat st;

	if (stat(source, &st) < 0 || statvfs(source, &fs) < 0)
		return cfs_fail_errno(err, "error accessing %s", source);
	c->dev = st.st_dev;
	c->off = fs.f_flag & ST_RDONLY;
	if (c->off)
		cfs_watch_warn(
			opts->watch,
			"%s is not used: %s is mounted read-only, so its ctimes may not "
			"tell "
			"what changed",
			path, source);
	clock_gettime(CLOCK_REALTIME, &c->racy);
	c->racy.tv_sec -= CFS_CACHE_RACY_SEC;
	return 0;
}

/* A cache of a read-only mount is "off": it finds and saves nothing, and is no error. An
 * old file that is damaged is replaced, one of another owner is refused. */
int cfs_cache_open(const char *path, const char *source,
		   const struct cfs_cache_opts *opts, struct cfs_cache **out,
		   struct cfs_err *err)
{
	struct cfs_cache *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return cfs_fail(err, ENOMEM, "out of memory");
	c->alg = opts->alg ? opts->alg : CFS_SHA256;
	c->file = (struct cfs_replace){.fd = -1, .dirfd = -1};
	rc = check_source(c, source, path, opts, err);
	if (rc == 0 && !c->off) {
		rc = read_old(c, path, opts, err);
		if (rc == 0)
			rc = open_new(c, path, err);
		rc = cfs_context(err, rc, "digest cache %s", path);
	}
	if (rc < 0) {
		cfs_cache_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

const struct cfs_replace *cfs_cache_get_file(const struct cfs_cache *c)
{
	return &c->file;
}

void cfs_cache_close(struct cfs_cache *c)
{
	if (!c)
		return;
	cfs_replace_abort(&c->file);
	cfs_map_close(&c->old);
	free(c->bytes);
	free(c);
}

bool cfs_cache_find(const struct cfs_cache *c, const struct stat *st,
		    struct cfs_digest *out)
{
	uint8_t key[CACHE_DIGEST_OFF];
	const uint8_t *entry;

	if (!c->known.n_entries || c->known.dev != c->dev || st->st_dev != c->dev)
		return false;
	entry = cfs_cache_lookup(&c->known, st->st_ino);
	if (!entry)
		return false;
	cfs_cache_encode_key(st, key);
	if (memcmp(entry, key, sizeof(key)) != 0)
		return false;
	*out = (struct cfs_digest){.alg = c->alg};
	memcpy(out->bytes, entry + CACHE_DIGEST_OFF, cfs_hash_len(c->alg));
	return true;
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static bool may_remember(const struct cfs_cache *c, const struct stat *st)
{
	return !c->off && st->st_dev == c->dev && is_before(st->st_mtim, c->racy) &&
	       is_before(st->st_ctim, c->racy) && c->n_added < CACHE_MAX_ENTRIES;
}

int cfs_cache_add(struct cfs_cache *c, const struct stat *st,
		  const struct cfs_digest *digest, struct cfs_err *err)
{
	size_t entry_len = cfs_cache_entry_len(c->alg);
	size_t len = CACHE_HEADER_LEN + c->n_added * entry_len;

	if (!may_remember(c, st))
		return 0;
	if (cfs_grow(&c->bytes, &c->cap, len + entry_len, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_cache_encode_key(st, c->bytes + len);
	memcpy(c->bytes + len + CACHE_DIGEST_OFF, digest->bytes, cfs_hash_len(c->alg));
	c->n_added++;
	return 0;
}

/* Returns true if the file already has these bytes, apart from the checksum, which
 * depends on them. An open descriptor (/dev/fd/N) was truncated when it was opened, so it
 * is always written. */
static bool is_cache_unchanged(const struct cfs_cache *c, struct cfs_span bytes)
{
	struct cfs_span old;

	return c->known.entries.p && c->file.dirfd >= 0 &&
	       cfs_span_sub(c->old.span, 0, c->old.span.len - CACHE_SUM_LEN, &old) &&
	       cfs_span_eq(old, bytes);
}

static int write_new(struct cfs_cache *c, struct cfs_span bytes, struct cfs_err *err)
{
	struct cfs_digest sum;
	int rc = cfs_verity_digest_mem(CFS_SHA256, bytes, &sum, err);

	if (rc == 0)
		rc = cfs_io_write(c->file.fd, bytes.p, bytes.len, err);
	if (rc == 0)
		rc = cfs_io_write(c->file.fd, sum.bytes, CACHE_SUM_LEN, err);
	return rc < 0 ? rc : cfs_replace_commit(&c->file, err);
}

int cfs_cache_save(struct cfs_cache *c, struct cfs_err *err)
{
	struct cfs_span bytes;

	if (c->off)
		return 0;
	if (cfs_grow(&c->bytes, &c->cap, CACHE_HEADER_LEN, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	bytes.p = c->bytes;
	bytes.len = cfs_cache_finish_file(c->bytes, c->n_added, c->alg, c->dev);
	return is_cache_unchanged(c, bytes)
		       ? 0
		       : cfs_context(err, write_new(c, bytes, err), "digest cache");
}
