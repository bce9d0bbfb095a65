/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger/answer: request -> answer, without side effects and without state but the INIT. */
#ifndef CFS_TRIGGER_ANSWER_H
#define CFS_TRIGGER_ANSWER_H

#include "base/base.h"
#include "verity/verity.h"

/* A mounted filesystem. Only the answer to INIT, the first request, changes it. */
struct cfs_trigger_session {
	enum cfs_hash_alg alg; /* of the names of objects */
	bool is_live;	       /* INIT was answered */
};

enum cfs_trigger_effect {
	CFS_TRIGGER_REPLY,  /* send error and body */
	CFS_TRIGGER_SILENT, /* the request has no reply */
	CFS_TRIGGER_FIND,   /* a lookup of an object in the first layer */
	CFS_TRIGGER_LAST,   /* and in the last one */
	CFS_TRIGGER_ATTR,   /* the attributes of a file */
	CFS_TRIGGER_OPEN,   /* open a file */
	CFS_TRIGGER_READ,   /* size bytes at off of the file behind handle */
	CFS_TRIGGER_CLOSE,  /* close handle, then reply */
	CFS_TRIGGER_FORGET, /* the kernel drops files; no reply */
	CFS_TRIGGER_INTERRUPT, /* the process that waits for the request `interrupted` got a signal; no reply */
};

enum {
	CFS_TRIGGER_REQUEST_MAX = 256 << 10,
	CFS_TRIGGER_BODY_MAX = 256,
	CFS_TRIGGER_READ_MAX = 1 << 20,
	/* Files have these numbers and larger ones; smaller ones are directories. */
	CFS_TRIGGER_FILES = 4096,
};

struct cfs_trigger_answer {
	enum cfs_trigger_effect effect;
	uint64_t unique; /* identifies the request */
	int error;	 /* 0 or -errno */
	uint8_t body[CFS_TRIGGER_BODY_MAX];
	size_t body_len;
	struct cfs_digest id; /* FIND, LAST */
	uint64_t file;	      /* ATTR, OPEN: its number, from 0 */
	uint32_t
		pid; /* OPEN: of the thread that opens, in the PID namespace of the mount; 0: it is in another one */
	uint64_t handle, off; /* READ, CLOSE */
	uint32_t size;	      /* READ: at most CFS_TRIGGER_READ_MAX */
	uint64_t interrupted;
	struct cfs_span forgotten; /* FORGET: borrowed from the request */
};

/* Takes the next file off the front of forgotten, and the number of lookups that are dropped. Returns false at the end. */
bool cfs_trigger_next_forgotten(struct cfs_span *forgotten, uint64_t *file,
				uint64_t *n_lookups);

/* Answers a request. Bytes that are no request get no reply. */
void cfs_trigger_answer(struct cfs_trigger_session *s, struct cfs_span request,
			struct cfs_trigger_answer *out);

/* Makes the body of the reply to a lookup: the name does not exist, and the kernel may remember that, or may
 * not. */
void cfs_trigger_put_absent(struct cfs_trigger_answer *out, bool may_remember);

/* The same for a regular file of that number and size, which the kernel may not remember. */
void cfs_trigger_put_file(struct cfs_trigger_answer *out, uint64_t file, uint64_t size);

/* The body of the reply to GETATTR of that file. */
void cfs_trigger_put_attr(struct cfs_trigger_answer *out, uint64_t file, uint64_t size);

/* The body of the reply to OPEN. */
void cfs_trigger_put_handle(struct cfs_trigger_answer *out, uint64_t handle);

#endif
