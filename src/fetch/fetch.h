/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch: what composefs and its helper composefs-fetch say to each other.
 * Owns:  the client (client.h), the form of an answer, what of it is believed, URLs as they may be shown.
 * Uses:  base, hash, verity (digests and object paths).
 * Never: speaks HTTP, verifies contents, prints.
 *
 * The helper is the process that talks to servers: what it says is as hostile as they are. It reads a question from
 * standard input: the URL on a line of its own, which may have a password and so is in no argument, then
 * "xx/rest SIZE", a line for each object. It sends one answer for each of them, in any order, to
 * standard output, a socket (SOCK_SEQPACKET).
 */
#ifndef CFS_FETCH_H
#define CFS_FETCH_H

#include "base/base.h"
#include "fetch/client.h"

/* One packet for each object that was asked for; with code 0 it brings the descriptor of a regular file without
 * a name, read from the start, which nobody has looked into yet. */
struct cfs_fetch_answer {
	uint32_t index; /* of the line, from 0 */
	int32_t code;	/* 0; -ENOENT: it is not there; -EIO: it cannot be had */
	char why[256];	/* a sentence, when code is not 0 */
};

/* What the kernel says of the descriptors that came with a packet. */
struct cfs_fetch_file {
	size_t n; /* how many there are */
	bool is_regular, is_readable, is_truncated;
	uint64_t n_links, size;
};

/* One question, and which of its objects were answered. */
struct cfs_fetch_round {
	const uint64_t *max; /* borrowed: how large each may be */
	bool *answered;
	size_t n, n_answered;
	bool is_over; /* nothing more is believed */
};

/* max is borrowed until cfs_fetch_round_fini. */
int cfs_fetch_round_init(struct cfs_fetch_round *r, const uint64_t *max, size_t n,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_fetch_round_fini(struct cfs_fetch_round *r);

/* Takes a packet apart. A pure function of its arguments: no byte and no descriptor is read. -EPROTO: it is not an
 * answer to this question (another length, an object that was not asked for or was answered already, a file that
 * has a name, is too large or is no file, more or fewer descriptors than one), and the round is over. why ends
 * with a NUL. */
int cfs_fetch_decode(struct cfs_fetch_round *r, struct cfs_span packet,
		     const struct cfs_fetch_file *file, struct cfs_fetch_answer *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Receives one packet until then (cfs_lock_now_ms) and takes it apart. 1: *out, and in *fd the file of the caller when
 * code is 0, else -1; 0: there are no more; -ETIMEDOUT; -EPROTO; -ECANCELED by watch (may be NULL). Nothing is left open otherwise. */
int cfs_fetch_receive(struct cfs_fetch_round *r, int sock, long long until,
		      const struct cfs_watch *watch, struct cfs_fetch_answer *out,
		      int *fd, struct cfs_err *err) CFS_MUST_CHECK;

/* The URL without user, password and query, for messages; cut off where buf ends. Returns buf. */
const char *cfs_fetch_public_url(const char *url, char *buf, size_t len);

/* A number from 1 on, or what is taken when text is NULL or no such number. */
long long cfs_fetch_number(const char *text, long long otherwise);

#endif
