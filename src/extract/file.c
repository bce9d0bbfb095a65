/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Contents of regular files. The bytes that are written are those that are digested: an object may change while it
 * is read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extract/extract_priv.h"

enum { BLOCK = 4096 };

static int allocate_buffers(struct extract *e, enum cfs_hash_alg alg, struct cfs_err *err)
{
	if (e->buf)
		return 0;
	e->buf = cfs_page_alloc(EXTRACT_BUF);
	if (!e->buf || cfs_verity_new(alg, &e->verity) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int pwrite_all(int fd, const uint8_t *p, size_t len, uint64_t off,
		      struct cfs_err *err)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno != EINTR)
			return cfs_fail_errno(err, "write");
		p += n > 0 ? n : 0;
		off += n > 0 ? (uint64_t)n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Blocks of zeros become holes: nothing is written there. */
static int write_sparse(int fd, const uint8_t *p, size_t len, uint64_t off,
			struct cfs_err *err)
{
	size_t start = 0, end = 0;
	int rc = 0;

	while (rc == 0 && end < len) {
		size_t n = len - end < BLOCK ? len - end : BLOCK;

		if (cfs_span_is_zero((struct cfs_span){p + end, n})) {
			rc = pwrite_all(fd, p + start, end - start, off + start, err);
			start = end + n;
		}
		end += n;
	}
	return rc < 0 ? rc : pwrite_all(fd, p + start, end - start, off + start, err);
}

/* Digests the content as it is copied. ftruncate() comes first, so that blocks of zeros
 * are skipped and the size is right. EILSEQ: the object is longer than the image says. */
static int copy_content_bytes(struct extract *e, int from, int to, uint64_t size,
			      struct cfs_err *err)
{
	uint64_t off = 0;

	if (ftruncate(to, (off_t)size) < 0)
		return cfs_fail_errno(err, "truncate");
	for (;;) {
		int rc = cfs_watch_poll(e->x->watch, err);
		ssize_t n =
			rc < 0 ? rc : cfs_io_pread(from, e->buf, EXTRACT_BUF, off, err);

		if (n <= 0)
			return (int)n;
		if ((uint64_t)n > size - off)
			return cfs_fail(err, EILSEQ,
					"content: expected %" PRIu64 " bytes, got more",
					size);
		cfs_verity_update(e->verity, e->buf, (size_t)n);
		rc = write_sparse(to, e->buf, (size_t)n, off, err);
		if (rc < 0)
			return rc;
		off += (uint64_t)n;
	}
}

/* Shares the blocks of the object. The digest is that of the clone. */
static int clone_or_copy(struct extract *e, int from, int to, uint64_t size,
			 struct cfs_err *err)
{
	cfs_verity_reset(e->verity);
	if (!e->no_clone && ioctl(to, FICLONE, from) == 0) {
		e->report->shared++;
		return cfs_verity_update_fd(e->verity, to, e->x->watch, err);
	}
	e->no_clone |= errno == EOPNOTSUPP || errno == ENOTTY || errno == EXDEV;
	return copy_content_bytes(e, from, to, size, err);
}

/* What was written must be what the image says; the caller removes it otherwise. */
static int compare_extracted_digest(struct extract *e, const struct cfs_digest *id,
				    uint64_t size, struct cfs_err *err)
{
	char expected[CFS_DIGEST_TEXT_MAX], got_text[CFS_DIGEST_TEXT_MAX];
	uint64_t got_size = cfs_verity_get_size(e->verity);
	struct cfs_digest got;

	cfs_verity_final(e->verity, &got);
	if (got_size != size)
		return cfs_fail(err, EILSEQ,
				"content: expected %" PRIu64 " bytes, got %" PRIu64, size,
				got_size);
	if (!cfs_digest_eq(&got, id))
		return cfs_fail(
			err, EILSEQ, "content: expected the fs-verity digest %s, got %s",
			cfs_digest_text(id, expected), cfs_digest_text(&got, got_text));
	return 0;
}

/* Writes a content that is an object, by reflink where possible, and compares its
 * digest: the store may have changed. */
static int write_object_content(struct extract *e, int to, const struct cfs_inode *inode,
				struct cfs_err *err)
{
	struct cfs_digest id;
	cfs_autofd int from = e->x->open_object(e->x->ctx, inode, &id, err);
	int rc = from < 0 ? from : allocate_buffers(e, id.alg, err);
	struct stat st;

	if (rc == 0 && fstat(from, &st) < 0)
		rc = cfs_fail_errno(err, "object");
	if (rc == 0 && (uint64_t)st.st_size != inode->size)
		rc = cfs_fail(err, EILSEQ,
			      "object: expected %" PRIu64 " bytes, got %" PRIu64,
			      inode->size, (uint64_t)st.st_size);
	if (rc == 0)
		rc = clone_or_copy(e, from, to, inode->size, err);
	return rc < 0 ? rc : compare_extracted_digest(e, &id, inode->size, err);
}

/* Returns the new file, open for its attributes, which the caller closes; -EEXIST
 * without a message. A file that could not be written or verified is removed. */
int extract_file(struct extract *e, int dirfd, const char *name,
		 const struct cfs_inode *inode, const struct cfs_inode_spec *spec,
		 struct cfs_err *err)
{
	cfs_autofd int fd = openat(
		dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return errno == EEXIST ? -EEXIST : cfs_fail_errno(err, "create");
	if (inode->external)
		rc = write_object_content(e, fd, inode, err);
	else
		rc = cfs_io_write(fd, spec->content.p, spec->content.len, err);
	if (rc < 0) {
		(void)unlinkat(dirfd, name, 0);
		return rc;
	}
	e->report->bytes += inode->size;
	return cfs_steal_fd(&fd);
}
