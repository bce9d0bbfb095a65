/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch: the protocol between composefs and its helper composefs-fetch.
 * Owns:  the client (client.h), the format of an answer, its validation, URLs without
 *        secrets for messages.
 * Uses:  base, verity (digests and object paths).
 * Never: speaks HTTP, verifies contents, prints.
 *
 * The helper talks to servers, so its answers are as untrusted as they are. It reads a
 * request from standard input: a line with the URL, which may contain a password and is
 * therefore not an argument, then a line "xx/rest SIZE" for each object. It sends one
 * answer for each object, in any order, to standard output, a socket (SOCK_SEQPACKET).
 */
#ifndef CFS_FETCH_H
#define CFS_FETCH_H

#include "base/base.h"
#include "fetch/client.h"

/* One packet for each object. With code 0 it carries the descriptor of an unnamed regular
 * file, to be read from offset 0, whose content is not verified. */
struct cfs_fetch_answer {
	uint32_t index; /* number of the object line, from 0 */
	int32_t code;	/* 0; -ENOENT: no such object; -EIO: any other failure */
	char why[256];	/* the reason, if code is not 0 */
};

/* What the kernel reports about the descriptors of a packet. */
struct cfs_fetch_file {
	size_t n; /* number of descriptors */
	bool is_regular, is_readable, is_truncated;
	uint64_t n_links, size;
};

/* One request, and which of its objects were answered. */
struct cfs_fetch_round {
	const uint64_t *max; /* size limit of each object; borrowed */
	bool *answered;
	size_t n, n_answered;
	bool is_over; /* no further answer is accepted */
};

/* max is borrowed until cfs_fetch_round_fini. */
int cfs_fetch_round_init(struct cfs_fetch_round *r, const uint64_t *max, size_t n,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_fetch_round_fini(struct cfs_fetch_round *r);

/* Validates and decodes a packet. Depends on its arguments only, and reads no descriptor.
 * -EPROTO: the packet is not an answer to this request (wrong length; an object that was
 * not requested or has been answered; a file that has a name, is too large or not
 * regular; not exactly one descriptor). No further answer is then accepted. why ends with
 * a NUL. */
int cfs_fetch_decode(struct cfs_fetch_round *r, struct cfs_span packet,
		     const struct cfs_fetch_file *file, struct cfs_fetch_answer *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Receives and decodes one packet before the time `until` (cfs_lock_get_now_ms). 1: *out is
 * set, and if its code is 0, *fd is the file, which the caller closes; otherwise *fd is
 * -1. 0: no more packets. -ETIMEDOUT; -EPROTO; -ECANCELED if watch (may be NULL) is
 * cancelled. */
int cfs_fetch_receive(struct cfs_fetch_round *r, int sock, long long until,
		      const struct cfs_watch *watch, struct cfs_fetch_answer *out,
		      int *fd, struct cfs_err *err) CFS_MUST_CHECK;

/* Returns the URL without user, password and query, for messages, in buf. It is truncated
 * to len. */
const char *cfs_fetch_public_url(const char *url, char *buf, size_t len);

/* Parses a number of at least 1. Returns otherwise if text is NULL or not such a
 * number. */
long long cfs_fetch_parse_number(const char *text, long long otherwise);

#endif
