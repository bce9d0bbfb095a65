/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: fs-verity digests, computed in user space or by the kernel.
 * Owns:  the Merkle tree and the descriptor (4096-byte blocks, no salt), the ioctls, the
 *        text forms of a digest: hex, the path of an object, the bytes that are signed.
 * Uses:  base (errors, fds, worker pool), hash.
 * Never: knows trees, images, or where objects are stored.
 *
 * Source: Documentation/filesystems/fsverity.rst of the kernel. The root hash of an empty
 * file is all zeros.
 */
#ifndef CFS_VERITY_H
#define CFS_VERITY_H

#include "base/base.h"
#include "hash/hash.h"

enum { CFS_VERITY_BLOCK = 4096 };

struct cfs_digest {
	enum cfs_hash_alg alg;
	uint8_t bytes[CFS_HASH_MAX_LEN]; /* cfs_hash_len(alg) bytes; the rest is zero */
};

/* --- text forms -------------------------------------------------------------------- */

enum {
	CFS_DIGEST_HEX_MAX = 2 * CFS_HASH_MAX_LEN + 1,
	CFS_OBJECT_PATH_MAX = 2 * CFS_HASH_MAX_LEN + 2,
};

/* Writes lowercase hex digits and a NUL. Returns out. */
const char *cfs_digest_hex(const struct cfs_digest *d, char out[CFS_DIGEST_HEX_MAX]);

/* Writes "sha256:HEX", the form for output, and a NUL. Returns out. */
enum { CFS_DIGEST_TEXT_MAX = sizeof("sha512:") + CFS_DIGEST_HEX_MAX };
const char *cfs_digest_text(const struct cfs_digest *d, char out[CFS_DIGEST_TEXT_MAX]);

/* Writes "xx/rest", the path of the object below an object directory, and a NUL. Returns
 * out. */
const char *cfs_digest_path(const struct cfs_digest *d, char out[CFS_OBJECT_PATH_MAX]);

/* Parses exactly 64 (SHA-256) or 128 (SHA-512) hex digits, with or without the prefix
 * "sha256:" or "sha512:". -EINVAL otherwise: an empty or short digest must never mean "do
 * not verify". */
int cfs_digest_parse(struct cfs_text in, struct cfs_digest *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Are both of the same algorithm, and equal? */
bool cfs_digest_eq(const struct cfs_digest *a, const struct cfs_digest *b);

/* Writes the bytes that a signature covers, for the kernel (struct
 * fsverity_formatted_digest) and for us: magic, algorithm, length, digest. Returns their
 * length. */
enum { CFS_DIGEST_FORMATTED_MAX = 12 + CFS_HASH_MAX_LEN };
size_t cfs_digest_format(const struct cfs_digest *d,
			 uint8_t out[CFS_DIGEST_FORMATTED_MAX]);

/* --- computed in user space -------------------------------------------------------- */

/* The digest of a stream of any length, in less than 1 MiB of memory. After _final, call
 * _reset before adding more bytes. */
struct cfs_verity;
int cfs_verity_new(enum cfs_hash_alg alg, struct cfs_verity **out) CFS_MUST_CHECK;
void cfs_verity_free(struct cfs_verity *v);
/* Starts a new stream with the same buffers. */
void cfs_verity_reset(struct cfs_verity *v);
void cfs_verity_update(struct cfs_verity *v, const void *p, size_t len);
void cfs_verity_final(struct cfs_verity *v, struct cfs_digest *out);

/* The number of bytes added since the start. */
uint64_t cfs_verity_get_size(const struct cfs_verity *v);

/* Adds the whole file of fd, read directly into the buffer: from offset 0 with pread(),
 * or from the current position if fd cannot seek (a pipe). watch may be NULL. */
int cfs_verity_update_fd(struct cfs_verity *v, int fd, const struct cfs_watch *watch,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* A sink that adds its bytes to the stream. */
struct cfs_sink cfs_verity_get_sink(struct cfs_verity *v);

/* Computes the digest of data. -ENOMEM. */
int cfs_verity_digest_mem(enum cfs_hash_alg alg, struct cfs_span data,
			  struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Computes the digest of a file of size bytes whose blocks have these hashes: those of its CFS_VERITY_BLOCK bytes each, the
 * last one padded with zeros. -ENOMEM. */
int cfs_verity_digest_hashes(enum cfs_hash_alg alg, uint64_t size, struct cfs_span hashes,
			     struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Computes the digest of the whole file of fd, read as by cfs_verity_update_fd. n_threads
 * > 1 splits a large regular file, without an effect on the digest; -EBUSY if its size
 * changes meanwhile. *size_out (may be NULL): bytes read. */
int cfs_verity_digest_fd(enum cfs_hash_alg alg, int fd, unsigned n_threads,
			 const struct cfs_watch *watch, struct cfs_digest *out,
			 uint64_t *size_out, struct cfs_err *err) CFS_MUST_CHECK;

/* Digests of many files. Small ones are hashed together, because a CPU hashes several
 * blocks in parallel in little more time than one. For one thread only. watch (may be
 * NULL) must stay valid until _free. */
struct cfs_verity_batch;
int cfs_verity_batch_new(enum cfs_hash_alg alg, const struct cfs_watch *watch,
			 struct cfs_verity_batch **out) CFS_MUST_CHECK;
/* Frees the batch without a flush. b may be NULL. */
void cfs_verity_batch_free(struct cfs_verity_batch *b);

/* Reads the whole file of fd, as cfs_verity_update_fd does. The caller may close fd
 * afterwards. expected: the size of the file if known, otherwise 0; a wrong size only
 * costs time. *size_out: bytes read. *out must stay valid until the next flush, which
 * sets it at the latest. On failure *out is unchanged, and other files are not
 * affected. */
int cfs_verity_batch_add(struct cfs_verity_batch *b, int fd, uint64_t expected,
			 struct cfs_digest *out, uint64_t *size_out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Sets the digests of all files that were added. */
void cfs_verity_batch_flush(struct cfs_verity_batch *b);

/* --- by the kernel ------------------------------------------------------------------ */

/* Returns 1 if the kernel verifies the data that is read from fs-verity files on this
 * filesystem (ext4, btrfs and f2fs, according to fstatfs(2)), 0 if it does not, or
 * -errno. On other filesystems the server (FUSE) would answer the ioctls. */
int cfs_verity_kernel_verifies(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* FS_IOC_MEASURE_VERITY. -ENOTTY: the file or filesystem has no fs-verity (ENODATA,
 * EOPNOTSUPP and ENOTTY alike), or the kernel does not verify it. -EILSEQ: an algorithm
 * other than SHA-256 and SHA-512. */
int cfs_verity_measure(int fd, struct cfs_digest *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Returns 1 if the filesystem of a file or directory supports fs-verity that the kernel
 * verifies (FS_IOC_MEASURE_VERITY fails with ENODATA there), 0 if it does not, -errno if
 * it is unknown. fd must be open for reading. */
int cfs_verity_is_supported(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* FS_IOC_ENABLE_VERITY. fd must be open for reading, and no descriptor may be open for
 * writing. -EEXIST: already enabled. -ENOTTY: the filesystem type does not support it, or
 * would forward the ioctl. -EOPNOTSUPP: the filesystem was created without it. Other
 * errors: -errno. */
int cfs_verity_enable(int fd, enum cfs_hash_alg alg, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a file that was just written. The kernel allows no writer, so *fd is
 * replaced by a descriptor for reading. -ENOTTY: no fs-verity here, for any reason.
 * -ENOENT: /proc is not mounted. */
int cfs_verity_seal(int *fd, enum cfs_hash_alg alg, struct cfs_err *err) CFS_MUST_CHECK;

/* cfs_verity_enable with a built-in signature (PKCS#7 over the formatted digest). The
 * kernel verifies it with the keys of its .fs-verity keyring and stores it with the
 * file; it cannot be added later. -ENOKEY: the signer's certificate is not in the
 * keyring. -EKEYREJECTED: the signature does not match this file. -EBADMSG: it is not
 * a signature. */
int cfs_verity_enable_signed(int fd, enum cfs_hash_alg alg, struct cfs_span signature,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Digests of many files, as text. */
#include "verity/measure.h"

#endif
