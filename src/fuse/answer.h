/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/answer: request -> answer, without side effects. */
#ifndef CFS_FUSE_ANSWER_H
#define CFS_FUSE_ANSWER_H

#include "erofs/inode_spec.h"
#include "fuse/fs.h"
#include "verity/verity.h"

/* A mounted filesystem. Only the answer to INIT, the first request, changes it. */
struct cfs_fuse_session {
	const struct cfs_fuse_fs *fs;
	bool is_live;	/* INIT was answered */
	uint64_t flags; /* FUSE_*, negotiated */
};

enum cfs_fuse_effect {
	CFS_FUSE_REPLY,	 /* send error and body */
	CFS_FUSE_SILENT, /* the request has no reply */
	CFS_FUSE_OPEN,	 /* open the object, and reply with its handle */
	CFS_FUSE_READ,	 /* reply with size bytes at off of the object behind handle */
	CFS_FUSE_CLOSE,	 /* close handle, then reply */
};

struct cfs_fuse_answer {
	enum cfs_fuse_effect effect;
	uint64_t unique;      /* identifies the request */
	int error;	      /* 0 or -errno */
	struct cfs_span body; /* borrowed from the image and the room */
	/* CFS_FUSE_OPEN, and CFS_FUSE_READ if every read is verified: */
	struct cfs_text path; /* below an object directory; borrowed from the image */
	uint64_t object_size;
	struct cfs_digest digest;
	bool has_digest;
	/* CFS_FUSE_READ, CFS_FUSE_CLOSE: */
	uint64_t handle, off;
	uint32_t size; /* at most the capacity of the room */
};

enum {
	CFS_FUSE_REQUEST_MAX = 256 << 10,
	CFS_FUSE_BODY_MAX = 1 << 20,
};

/* Memory for one answer at a time. buf has CFS_FUSE_BODY_MAX bytes. */
struct cfs_fuse_room {
	uint8_t *buf;
	struct cfs_spec_room spec;
};

/* Allocates the buffer, which one thread uses for all of its requests. -ENOMEM. */
int cfs_fuse_room_init(struct cfs_fuse_room *room, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_fuse_room_fini(struct cfs_fuse_room *room);

/* Answers a request. out is valid until the next use of room. Bytes that are no request get
 * no reply. */
void cfs_fuse_answer(struct cfs_fuse_session *s, struct cfs_span request,
		     struct cfs_fuse_room *room, struct cfs_fuse_answer *out);

#endif
