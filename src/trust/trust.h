/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trust: verifies that an image is signed by a trusted, unrevoked key.
 * Owns:  the places of keys, signatures and statements, the order of the checks.
 * Uses:  base, verity (digests), mount, sig.
 * Never: prints, mounts.
 */
#ifndef CFS_TRUST_H
#define CFS_TRUST_H

#include "base/base.h"
#include "sig/sig.h"
#include "trust/mount.h"
#include "verity/verity.h"

enum {
	CFS_TRUST_DIRS_MAX = 16,
	CFS_TRUST_STATEMENT_FILE_MAX = 64 * 1024, /* bytes */
};

/* A request to verify. Starts zeroed. Everything in it is borrowed. */
struct cfs_trust {
	/* Directories of trusted keys; none: keys.d in /usr/lib/composefs, /etc/composefs
	 * and /run/composefs. The revoked.d beside each, and those of these three, are
	 * always read. */
	const char *trusted[CFS_TRUST_DIRS_MAX];
	size_t n_trusted;
	const char *revoked[CFS_TRUST_DIRS_MAX]; /* further ones */
	size_t n_revoked;
	const char
		*signature; /* file; NULL: that of the image or statement with ".sig" */
	const char *signatures; /* or a directory, DIGEST/KEY.ed25519 below it */
	/* signatures is that directory of this repository, and only a name for messages;
	 * NULL: a path */
	const int *repo_fd;
	const char *statement; /* file; NULL: the digest itself is signed */
	const char *name;      /* that the statement must be about; NULL: any */
	const char *floor;     /* file of floors; NULL: any version */
	bool raise_floor;      /* the version becomes the floor, last of all, by raise */
	/* cfs_sig_floor_raise, or NULL: programs that only check do without its code. */
	int (*raise)(const char *path, const struct cfs_sig_statement *s,
		     const struct cfs_lock_wait *wait, struct cfs_err *err);
	const struct cfs_lock_wait
		*wait; /* for the lock of the floors; NULL: without end */
};

/* The result. */
struct cfs_trust_found {
	char key[CFS_SIG_KEY_ID_MAX];
	char key_file[256];   /* its name in its directory */
	char signature[4096]; /* file or directory */
	bool stated;
	char name[CFS_SIG_NAME_MAX + 1];
	uint64_t version;
};

/* Adds a directory to one of the lists above; false when it is full. */
bool cfs_trust_add_dir(const char **list, size_t *n, const char *dir);

/* Checks the request for n images. -EINVAL: contradictory, whatever the signatures
 * are. */
int cfs_trust_check_request(const struct cfs_trust *t, size_t n,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Verifies the signature of the image at path with that digest; with a statement, that it
 * is about these n images in this order. -ENODATA: no signature; otherwise the codes of
 * cfs_sig_verify, cfs_sig_statement_check_* and cfs_sig_floor_check. */
int cfs_trust_check(const struct cfs_trust *t, const char *path,
		    const struct cfs_digest *digests, size_t n,
		    struct cfs_trust_found *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Verifies signatures that the caller has, over these bytes, by the keys of the request. name: of
 * them, for messages. Errors as cfs_sig_verify and those of reading keys. */
int cfs_trust_check_bytes(const struct cfs_trust *t, struct cfs_span message,
			  struct cfs_span signatures, const char *name,
			  struct cfs_trust_found *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Reads the keys of the request with the files of certificates, for signatures of other kinds. The
 * caller frees out with cfs_sig_keys_fini, also after a failure. */
int cfs_trust_read_certificates(const struct cfs_trust *t, struct cfs_sig_keys *out,
				struct cfs_err *err) CFS_MUST_CHECK;

/* Formats the place of a signature by key in a directory of signatures,
 * "DIGEST/KEY.ed25519" in hex; returns out. */
enum { CFS_TRUST_SIGNATURE_PATH_MAX = CFS_DIGEST_HEX_MAX + CFS_SIG_KEY_ID_MAX + 16 };
const char *cfs_trust_format_signature_path(const struct cfs_digest *d,
					    const struct cfs_sig_key *key,
					    char out[CFS_TRUST_SIGNATURE_PATH_MAX]);

#endif
