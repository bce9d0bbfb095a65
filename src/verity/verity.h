/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: fs-verity digests, computed here or asked of the kernel.
 * Owns:  the Merkle tree and the descriptor (4096-byte blocks, no salt), the ioctls, the
 *        text forms of a digest: hex, the path of an object, what signatures are over.
 * Uses:  base (errors, fds, worker pool), hash.
 * Never: knows trees, images, or where objects are kept.
 *
 * Source: Documentation/filesystems/fsverity.rst of the kernel. An empty file has an
 * all-zero root hash there.
 */
#ifndef CFS_VERITY_H
#define CFS_VERITY_H

#include "base/base.h"
#include "hash/hash.h"

enum { CFS_VERITY_BLOCK = 4096 };

struct cfs_digest {
	enum cfs_hash_alg alg;
	uint8_t bytes[CFS_HASH_MAX_LEN]; /* cfs_hash_len(alg) count, the rest is zero */
};

/* --- text forms -------------------------------------------------------------------- */

enum {
	CFS_DIGEST_HEX_MAX = 2 * CFS_HASH_MAX_LEN + 1,
	CFS_OBJECT_PATH_MAX = 2 * CFS_HASH_MAX_LEN + 2,
};

/* Lowercase hex and a NUL; returns out. */
const char *cfs_digest_hex(const struct cfs_digest *d, char out[CFS_DIGEST_HEX_MAX]);

/* "sha256:HEX" and a NUL: the form that people and programs get; returns out. */
enum { CFS_DIGEST_TEXT_MAX = sizeof("sha512:") + CFS_DIGEST_HEX_MAX };
const char *cfs_digest_text(const struct cfs_digest *d, char out[CFS_DIGEST_TEXT_MAX]);

/* "xx/rest" and a NUL: the place of the object below an object directory; returns out. */
const char *cfs_digest_path(const struct cfs_digest *d, char out[CFS_OBJECT_PATH_MAX]);

/* Exactly 64 (SHA-256) or 128 (SHA-512) hex digits, with or without "sha256:"/"sha512:"
 * in front. -EINVAL otherwise: an empty or short digest is never "no check". */
int cfs_digest_parse(struct cfs_text in, struct cfs_digest *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

bool cfs_digest_eq(const struct cfs_digest *a, const struct cfs_digest *b);

/* What a signature is over, for the kernel (struct fsverity_formatted_digest) and for us: the magic,
 * algorithm and length, the digest. Returns its length. */
enum { CFS_DIGEST_FORMATTED_MAX = 12 + CFS_HASH_MAX_LEN };
size_t cfs_digest_format(const struct cfs_digest *d,
			 uint8_t out[CFS_DIGEST_FORMATTED_MAX]);

/* --- computed here ------------------------------------------------------------------ */

/* The digest of a stream of any length, in constant memory: under 1 MiB, taken by _new and given
 * back by _free. After _final, _reset comes before the next byte. */
struct cfs_verity;
int cfs_verity_new(enum cfs_hash_alg alg, struct cfs_verity **out) CFS_MUST_CHECK;
void cfs_verity_free(struct cfs_verity *v);
/* Starts over, keeping the buffers: for many small files. */
void cfs_verity_reset(struct cfs_verity *v);
void cfs_verity_update(struct cfs_verity *v, const void *p, size_t len);
void cfs_verity_final(struct cfs_verity *v, struct cfs_digest *out);

/* Bytes that were fed since the start. */
uint64_t cfs_verity_size(const struct cfs_verity *v);

/* Feeds the whole file behind fd, read straight into the buffer: from offset 0 by pread (its own
 * offset is left alone), or from where it stands when it has no positions (a pipe). watch may be NULL. */
int cfs_verity_update_fd(struct cfs_verity *v, int fd, const struct cfs_watch *watch,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* A sink that feeds the stream digest. */
struct cfs_sink cfs_verity_sink(struct cfs_verity *v);

int cfs_verity_digest_mem(enum cfs_hash_alg alg, struct cfs_span data,
			  struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The digest of the whole file behind fd, read as by cfs_verity_update_fd. n_threads > 1 splits
 * one large regular file, and then a size that changes meanwhile is -EBUSY; the digest does not
 * depend on it. *size_out (may be NULL): bytes read. */
int cfs_verity_digest_fd(enum cfs_hash_alg alg, int fd, unsigned n_threads,
			 const struct cfs_watch *watch, struct cfs_digest *out,
			 uint64_t *size_out, struct cfs_err *err) CFS_MUST_CHECK;

/* Digests of many files, of which the small ones are hashed together: a CPU hashes several blocks
 * at once in little more time than one. One thread at a time. watch (may be NULL) is lent until _free. */
struct cfs_verity_batch;
int cfs_verity_batch_new(enum cfs_hash_alg alg, const struct cfs_watch *watch,
			 struct cfs_verity_batch **out) CFS_MUST_CHECK;
/* Drops what was not flushed. NULL is fine. */
void cfs_verity_batch_free(struct cfs_verity_batch *b);

/* Reads the whole file behind fd, as cfs_verity_update_fd does; fd is not needed any longer then.
 * expected: its size as far as it is known, else 0; a wrong one costs time, nothing else. *size_out:
 * bytes read. *out is lent until the next flush and has its digest then, or earlier. After a failure
 * *out stays as it is; other files are not concerned. */
int cfs_verity_batch_add(struct cfs_verity_batch *b, int fd, uint64_t expected,
			 struct cfs_digest *out, uint64_t *size_out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Fills the digests of all files that were added. */
void cfs_verity_batch_flush(struct cfs_verity_batch *b);

/* --- asked of the kernel ------------------------------------------------------------ */

/* Whether the kernel itself verifies what is read from files with fs-verity on this kind of
 * filesystem: 1 for ext4, btrfs and f2fs, by fstatfs(2); 0 elsewhere, where whoever serves the files
 * (FUSE) would answer the ioctls; -errno. */
int cfs_verity_kernel_verifies(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* FS_IOC_MEASURE_VERITY, where the kernel verifies. -ENOTTY: no fs-verity on this file or file
 * system (ENODATA, EOPNOTSUPP and ENOTTY alike), or the kernel does not verify it. -EILSEQ: fs-verity
 * with an algorithm other than the two. */
int cfs_verity_measure(int fd, struct cfs_digest *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Does the filesystem of a file or directory have fs-verity that the kernel verifies? 1: it does
 * (FS_IOC_MEASURE_VERITY fails with ENODATA where there could be a digest); 0: it does not; -errno: unknown. fd is
 * open for reading. */
int cfs_verity_supported(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* FS_IOC_ENABLE_VERITY on a descriptor that is open for reading, with no writer left.
 * -EEXIST: already on. -ENOTTY: this kind of file system does not know it, or would pass it on. -EOPNOTSUPP: it
 * does, and was made without. Other errors: -errno. */
int cfs_verity_enable(int fd, enum cfs_hash_alg alg, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a file that was just written: the kernel wants no writer, so *fd is exchanged for a
 * descriptor that reads. -ENOTTY: this place has no fs-verity, for whichever reason; -ENOENT: without
 * /proc it cannot be. */
int cfs_verity_seal(int *fd, enum cfs_hash_alg alg, struct cfs_err *err) CFS_MUST_CHECK;

/* cfs_verity_enable with a builtin signature, PKCS#7 over the formatted digest, which the kernel checks
 * with the keys of its .fs-verity keyring and keeps with the file: it can be given now or never.
 * -ENOKEY: the signer's certificate is not there; -EKEYREJECTED: the signature is not over this file;
 * -EBADMSG: it is none. */
int cfs_verity_enable_signed(int fd, enum cfs_hash_alg alg, struct cfs_span signature,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Digests of many files, as text. */
#include "verity/measure.h"

#endif
