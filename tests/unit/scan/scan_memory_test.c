/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: a file with a known digest is not read again, and everything is reported for the next
 * time. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/xattr.h>

#include "t.h"
#include "tmpdir.h"

enum { MAX_KEPT = 16 };

static struct cfs_err err;

/* Knows the digest of one size of file, and records what is reported. */
struct memory {
	off_t known_size;
	void (*act)(void); /* when it is asked about that */
	atomic_int n_asked;
	int n_kept;
	struct stat kept[MAX_KEPT];
	struct cfs_digest digest[MAX_KEPT];
	int keep_rc;
};

static bool find_digest(void *ctx, unsigned worker, const struct stat *st,
			struct cfs_digest *out)
{
	struct memory *m = ctx;

	(void)worker;
	atomic_fetch_add(&m->n_asked, 1);
	if (st->st_size != m->known_size)
		return false;
	if (m->act)
		m->act();
	*out = (struct cfs_digest){.alg = CFS_SHA256};
	memset(out->bytes, 0x77, CFS_SHA256_LEN);
	return true;
}

static int keep_digest(void *ctx, const struct stat *st, const struct cfs_digest *digest,
		       struct cfs_err *e)
{
	struct memory *m = ctx;

	if (m->keep_rc < 0)
		return cfs_fail(e, -m->keep_rc, "no room");
	t_ok(m->n_kept < MAX_KEPT);
	m->kept[m->n_kept] = *st;
	m->digest[m->n_kept++] = *digest;
	return 0;
}

static int scan(struct memory *m, struct cfs_scan_opts opts, struct cfs_tree **out)
{
	struct cfs_scan_memory memory = {find_digest, keep_digest, m};

	opts.memory = &memory;
	err.msg[0] = '\0';
	return cfs_scan(AT_FDCWD, tmp_dir(), &opts, out, &err);
}

static struct cfs_tree *scan_ok(struct memory *m, struct cfs_scan_opts opts)
{
	struct cfs_tree *t = NULL;

	if (scan(m, opts, &t) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return t;
}

static void put_bytes(const char *name, size_t len)
{
	static const uint8_t zero[100000];

	tmp_put(name, zero, len);
}

static struct cfs_digest digest_of(size_t len)
{
	static const uint8_t zero[100000];
	struct cfs_digest d;

	t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){zero, len}, &d, NULL),
	     0);
	return d;
}

static const uint8_t *digest_in(const struct cfs_tree *t, const char *name)
{
	return t->nodes[cfs_tree_find(t, CFS_ROOT, cfs_text(name))].digest;
}

/* Of the file of this size. */
static int kept_at(const struct memory *m, off_t size)
{
	for (int i = 0; i < m->n_kept; i++)
		if (m->kept[i].st_size == size)
			return i;
	t_fail(__FILE__, __LINE__, "a file of %lld bytes was not told", (long long)size);
}

T(scan_takes_a_known_digest_and_reads_the_others)
{
	struct memory m = {.known_size = 1000};
	struct cfs_digest known, read = digest_of(2000), large = digest_of(100000);
	struct stat st;
	struct cfs_tree *t;

	tmp_fresh();
	put_bytes("known", 1000);
	put_bytes("read", 2000);
	put_bytes("large", 100000);
	put_bytes("inline", 64);
	put_bytes("empty", 0);
	t_eq(stat(tmp_in("known"), &st), 0);
	t = scan_ok(&m, (struct cfs_scan_opts){0});
	memset(known.bytes, 0x77, CFS_SHA256_LEN);
	t_mem(digest_in(t, "known"), known.bytes, CFS_SHA256_LEN);
	t_mem(digest_in(t, "read"), read.bytes, CFS_SHA256_LEN);
	t_mem(digest_in(t, "large"), large.bytes, CFS_SHA256_LEN);
	t_eq(m.n_asked, 3);
	t_eq(m.n_kept, 3);
	t_mem(m.digest[kept_at(&m, 1000)].bytes, known.bytes, CFS_SHA256_LEN);
	t_mem(m.digest[kept_at(&m, 2000)].bytes, read.bytes, CFS_SHA256_LEN);
	t_mem(m.digest[kept_at(&m, 100000)].bytes, large.bytes, CFS_SHA256_LEN);
	t_eq(m.digest[0].alg, CFS_SHA256);
	t_eq(m.kept[kept_at(&m, 1000)].st_ino, st.st_ino);
	t_eq(m.kept[kept_at(&m, 1000)].st_dev, st.st_dev);
	t_eq(m.kept[kept_at(&m, 1000)].st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	t_eq(m.kept[kept_at(&m, 1000)].st_ctim.tv_sec, st.st_ctim.tv_sec);
	t_eq(m.kept[kept_at(&m, 1000)].st_ctim.tv_nsec, st.st_ctim.tv_nsec);
	cfs_tree_free(t);
}

static int refuse(void *ctx, unsigned worker, int fd, const struct stat *st,
		  const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	(void)ctx;
	(void)worker;
	(void)fd;
	(void)path;
	(void)out;
	return cfs_fail(e, EIO, "asked for %lld bytes", (long long)st->st_size);
}

T(scan_hands_over_no_file_whose_digest_is_known)
{
	struct memory m = {.known_size = 1000};
	struct cfs_tree *t;

	tmp_fresh();
	put_bytes("known", 1000);
	t = scan_ok(&m, (struct cfs_scan_opts){.file = refuse});
	cfs_tree_free(t);
	put_bytes("new", 2000);
	t_eq(scan(&m, (struct cfs_scan_opts){.file = refuse}, &t), -EIO);
	t_has(err.msg, "asked for 2000 bytes");
	t_eq(m.n_kept, 1);
}

T(scan_asks_once_for_an_inode_with_several_names)
{
	struct memory m = {.known_size = 1000};
	struct cfs_tree *t;

	tmp_fresh();
	put_bytes("a", 1000);
	t_eq(link(tmp_in("a"), tmp_in("b")), 0);
	t = scan_ok(&m, (struct cfs_scan_opts){0});
	t_eq(m.n_asked, 1);
	t_eq(m.n_kept, 1);
	t_mem(digest_in(t, "a"), digest_in(t, "b"), CFS_SHA256_LEN);
	cfs_tree_free(t);
}

static void change_xattr(void)
{
	t_eq(setxattr(tmp_in("file"), "user.one", "2", 1, 0), 0);
}

T(scan_notices_xattrs_that_change_after_the_look_at_a_known_file)
{
	struct memory m = {.known_size = 1000, .act = change_xattr};
	struct cfs_tree *t = NULL;

	tmp_fresh();
	put_bytes("file", 1000);
	if (setxattr(tmp_in("file"), "user.one", "1", 1, 0) < 0)
		t_skip("user.one: %s", strerror(errno));
	t_eq(scan(&m, (struct cfs_scan_opts){.threads = 1}, &t), -ESTALE);
	t_has(err.msg, tmp_in("file"));
	t_eq(m.n_kept, 0);
}

T(scan_fails_with_the_error_of_the_lookup_of_known_digests)
{
	struct memory m = {.keep_rc = -ENOMEM};
	struct cfs_tree *t = NULL;

	tmp_fresh();
	put_bytes("file", 1000);
	t_eq(scan(&m, (struct cfs_scan_opts){0}, &t), -ENOMEM);
	t_str(err.msg, "no room");
}

T(scan_without_digests_has_nothing_to_remember)
{
	struct memory m = {0};
	struct cfs_tree *t = NULL;

	tmp_fresh();
	t_eq(scan(&m, (struct cfs_scan_opts){.no_digests = true}, &t), -EINVAL);
}
