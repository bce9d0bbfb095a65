/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: Ed25519 signatures over the formatted digest of an image, or over a statement.
 * Owns:  keys and their files, trusted and revoked ones, signature files, the statement
 *        (names, order and version of images), rollback floors, making a signature with a
 *        key or by the command of a user.
 * Uses:  base (files, child), hash (names and lengths of digests), libsodium (the curve).
 * Never: opens images, asks the kernel, decides where keys lie, prints.
 *
 * A signature is over bytes, with nothing added (RFC 8032, pure Ed25519), so that
 * "openssl pkeyutl -sign -rawin" makes the same. Two kinds of bytes are signed, and
 * neither can be taken for the other: a formatted digest begins with "FSVerity"
 * (cfs_digest_format of verity makes it), a statement with "composefs-statement".
 */
#ifndef CFS_SIG_H
#define CFS_SIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "hash/hash.h"

enum {
	CFS_SIG_LEN = 64,
	CFS_SIG_KEY_LEN = 32,
	CFS_SIG_KEY_ID_MAX = 2 * CFS_SIG_KEY_LEN + 1,
	CFS_SIG_FILE_MAX = 64 * CFS_SIG_LEN, /* bytes of a signature file */
	CFS_SIG_KEY_FILE_MAX = 4096,
	CFS_SIG_CERTIFICATE_MAX = 65536, /* bytes of a file */
	CFS_SIG_IMAGES_MAX = 256,	 /* in a statement */
	CFS_SIG_NAME_MAX = 255,
};

/* --- keys ----------------------------------------------------------------------------- */

/* A public key, as RFC 8032 encodes it. */
struct cfs_sig_key {
	uint8_t bytes[CFS_SIG_KEY_LEN];
};

/* Formats the ID of a key: lowercase hex and a NUL; returns out. */
const char *cfs_sig_key_format_id(const struct cfs_sig_key *key,
				  char out[CFS_SIG_KEY_ID_MAX]);

/* Parses a key file: PEM "PUBLIC KEY" as openssl writes it, or one line of base64 as
 * ostree has it; nothing else. -ENOTSUP: a certificate; -EINVAL: anything else. */
int cfs_sig_key_parse(struct cfs_text file, struct cfs_sig_key *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* A private key. Its owner wipes it with cfs_sig_secret_wipe. */
struct cfs_sig_secret {
	uint8_t seed[CFS_SIG_KEY_LEN];
};

/* PEM "PRIVATE KEY", as "openssl genpkey -algorithm ed25519" writes it. Errors as
 * above. */
int cfs_sig_secret_parse(struct cfs_text file, struct cfs_sig_secret *out,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_sig_secret_wipe(struct cfs_sig_secret *secret);

/* --- trusted and revoked keys --------------------------------------------------------- */

enum cfs_sig_role {
	CFS_SIG_TRUSTED,
	CFS_SIG_REVOKED, /* takes precedence over trusted */
};

struct cfs_sig_known {
	struct cfs_sig_key key;
	enum cfs_sig_role role;
	char *name; /* of its file */
};

/* The file of a certificate, for signatures that are not Ed25519. */
struct cfs_sig_certificate {
	struct cfs_mem file;
	enum cfs_sig_role role;
	char *name;
};

/* A set of keys. Starts zeroed. */
struct cfs_sig_keys {
	struct cfs_sig_known *v;
	size_t n, cap;
	bool keeps_certificates; /* set by the caller; otherwise they are ignored */
	struct cfs_sig_certificate *certificates;
	size_t n_certificates, certificates_cap;
};

/* Adds copies of key and name. -ENOMEM. */
int cfs_sig_keys_add(struct cfs_sig_keys *keys, const struct cfs_sig_key *key,
		     enum cfs_sig_role role, const char *name,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Adds every file of the directory, one key each; names that begin with a dot are
 * ignored, and certificates are not parsed. A file that is neither is an error: a revocation must not be
 * lost by a typing mistake. -ENOENT: no such directory, or a link in it is dangling. */
int cfs_sig_keys_add_dir(struct cfs_sig_keys *keys, int at, const char *path,
			 enum cfs_sig_role role, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_sig_keys_fini(struct cfs_sig_keys *keys);

/* --- signatures ------------------------------------------------------------------------- */

/* Verifies one signature (CFS_SIG_LEN bytes). Also false for an S that is not below the
 * order of the group, and for a key or R that is not canonical or of small order. */
bool cfs_sig_verify_one(const struct cfs_sig_key *key, struct cfs_span message,
			const uint8_t *signature);

/* Verifies a signature file: one or more signatures, concatenated ("cat a.sig b.sig"
 * joins two). Success if at least one is by a trusted, unrevoked key: *by, borrowed from
 * keys. -EINVAL: not such a file; -ENOPKG: a signature of another kind; -ENOKEY: no key
 * is trusted at all; -EKEYREVOKED: good, but by a revoked key; -EBADMSG: none is by a
 * trusted key over this message. */
int cfs_sig_verify(const struct cfs_sig_keys *keys, struct cfs_span message,
		   struct cfs_span file, const struct cfs_sig_known **by,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Computes the public key of a private one, and a signature by it (CFS_SIG_LEN bytes). */
void cfs_sig_get_public(const struct cfs_sig_secret *secret, struct cfs_sig_key *out);
void cfs_sig_sign(const struct cfs_sig_secret *secret, struct cfs_span message,
		  uint8_t *out);

/* --- statements -------------------------------------------------------------------------- */

/* A statement binds a name and a version to one or more images in an order, which a
 * signature over a digest alone cannot. Its text is signed unchanged:
 *
 *     composefs-statement 1
 *     name NAME          1 to 255 characters of ASCII, none of them blank
 *     version NUMBER     decimal, 64 bits
 *     image DIGEST       sha256:HEX or sha512:HEX, lowercase; a line for each image: one for a merged
 *                        image, or the layers, lowest first
 *
 * Each line ends with a newline; nothing else is allowed, so a statement has one text
 * only. */
struct cfs_sig_statement {
	struct cfs_text name;
	uint64_t version;
	struct cfs_text images[CFS_SIG_IMAGES_MAX];
	size_t n_images;
};

/* The texts in out are borrowed from text. -EINVAL: any other text. */
int cfs_sig_statement_parse(struct cfs_text text, struct cfs_sig_statement *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Formats the text. The caller frees out->p, also after a failure. -EINVAL: the text
 * could not be parsed again. */
int cfs_sig_statement_format(const struct cfs_sig_statement *s, struct cfs_mem *out,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Checks that the statement is about these n images in this order. -EILSEQ: other images,
 * or another number; -EPROTO: another order. */
int cfs_sig_statement_check_images(const struct cfs_sig_statement *s,
				   const struct cfs_text *images, size_t n,
				   struct cfs_err *err) CFS_MUST_CHECK;

/* Checks that the statement is about this name. -ENXIO: another name. */
int cfs_sig_statement_check_name(const struct cfs_sig_statement *s, struct cfs_text name,
				 struct cfs_err *err) CFS_MUST_CHECK;

/* --- rollback floors --------------------------------------------------------- */

/* A file of floors has a line "VERSION NAME" for each name: the lowest version that is
 * accepted. */

/* Checks the version of a statement. A name without a line has no floor. -ESTALE: below
 * the floor of its name; -ENOENT: no such file; -EINVAL: not a file of floors. Takes no
 * lock: the file is always replaced as a whole. */
int cfs_sig_floor_check(const char *path, const struct cfs_sig_statement *s,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Makes the version the floor of its name; creates the file if there is none. The file is
 * replaced as a whole, under a lock on its inode, so that two processes do not undo each
 * other, whatever paths they use. -ESTALE: the floor is higher already; -ENOLINK: the
 * path is a dangling symbolic link; -EMLINK: the file has another name; -EBUSY:
 * another process kept it locked for as long as wait allows (cfs_lock_take). */
int cfs_sig_floor_raise(const char *path, const struct cfs_sig_statement *s,
			const struct cfs_lock_wait *wait,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same on text: appends the new text of the file to out, which the caller frees. */
int cfs_sig_floor_replace(struct cfs_text file, const struct cfs_sig_statement *s,
			  struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Starts zeroed; the strings are borrowed. Set one of key, attach and command, the latter two with public_key. */
struct cfs_sig_signer {
	const char *key;    /* file of a private key */
	const char *attach; /* file of a signature, "-" is stdin */
	/* For sh: reads the message from standard input, writes the signature to standard output. */
	const char *command;
	const char *public_key;	       /* file */
	const struct cfs_watch *watch; /* on the command; may be NULL */
};

/* Returns the signature over message and its key. -EBADMSG: the signature does not match; -ECANCELED: the command was
 * killed. */
int cfs_sig_obtain(const struct cfs_sig_signer *s, struct cfs_span message,
		   struct cfs_sig_key *key, uint8_t signature[CFS_SIG_LEN],
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
