/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: the digest of an open file. */
#include "verity/verity.h"

#include <errno.h>
#include <sys/stat.h>

#include "verity/verity_priv.h"

enum {
	/* Below this size, starting threads costs more than it saves. */
	SPLIT_MIN_LEN = 4 << 20,
};

int cfs_verity_update_fd(struct cfs_verity *v, int fd, const struct cfs_watch *watch,
			 struct cfs_err *err)
{
	struct level *data = &v->level[0];
	bool stream = false;
	uint64_t off = 0;

	for (;;) {
		size_t room = data->cap - data->len;
		uint8_t *to = data->buf + data->len;
		ssize_t n = cfs_watch_poll(watch, err);

		if (n == 0)
			n = stream ? cfs_io_read_watched(fd, to, room, watch, err)
				   : cfs_io_pread(fd, to, room, off, err);
		if (n == -ESPIPE && !stream) {
			stream = true;
			continue;
		}
		if (n < 0)
			return (int)n;
		off += (size_t)n;
		v->size += (size_t)n;
		cfs_verity_add_filled(v, 0, (size_t)n);
		if ((size_t)n < room)
			return 0;
	}
}

/* Returns the size of a file that is worth splitting, otherwise 0. */
static uint64_t split_size(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < SPLIT_MIN_LEN)
		return 0;
	return (uint64_t)st.st_size;
}

int cfs_verity_digest_fd(enum cfs_hash_alg alg, int fd, unsigned n_threads,
			 const struct cfs_watch *watch, struct cfs_digest *out,
			 uint64_t *size_out, struct cfs_err *err)
{
	uint64_t size = n_threads > 1 ? split_size(fd) : 0;
	struct cfs_verity *v;
	int rc;

	if (cfs_verity_new(alg, &v) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = size ? cfs_verity_update_split(v, fd, size, n_threads, watch, err)
		  : cfs_verity_update_fd(v, fd, watch, err);
	if (rc == 0 && size_out)
		*size_out = v->size;
	if (rc == 0)
		cfs_verity_final(v, out);
	cfs_verity_free(v);
	return rc;
}
