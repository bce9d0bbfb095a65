/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: verifies signatures. The initrd needs this file and no other of libsodium's
 * users. */
#include "sig/sig.h"

#include <errno.h>
#include <sodium/core.h>
#include <sodium/crypto_sign_ed25519.h>
#include <sodium/randombytes.h>

#include "sig/sig_priv.h"

/* Two functions of libsodium that only its allocator calls, which is not used here. The
 * object files that define them in libsodium link its start-up code and random numbers,
 * and so most of the library: more than 100 KB that the initrd does not need. They are
 * defined in this file so that the linker finds them first. */
void sodium_misuse(void)
{
	__builtin_trap();
}

void randombytes_buf(void *const buf, const size_t size)
{
	(void)buf;
	(void)size;
	__builtin_trap();
}

/* libsodium makes the checks that sig.h promises: S and the key by their range, key and R
 * by the list of points of small order; an R that is not canonical differs from the
 * computed one. */
bool cfs_sig_verify_one(const struct cfs_sig_key *key, struct cfs_span message,
			const uint8_t *signature)
{
	return crypto_sign_ed25519_verify_detached(signature, message.p, message.len,
						   key->bytes) == 0;
}

static const struct cfs_sig_known *find_signing_key(const struct cfs_sig_keys *keys,
						    const struct cfs_sig_key *key,
						    enum cfs_sig_role role)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].role == role &&
		    memcmp(keys->v[i].key.bytes, key->bytes, CFS_SIG_KEY_LEN) == 0)
			return &keys->v[i];
	return NULL;
}

/* Finds a key of that role that made one of the signatures. NULL: none. */
static const struct cfs_sig_known *find_signer(const struct cfs_sig_keys *keys,
					       enum cfs_sig_role role,
					       struct cfs_span message,
					       struct cfs_span file)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct cfs_sig_known *k = &keys->v[i];
		bool revoked = find_signing_key(keys, &k->key, CFS_SIG_REVOKED) != NULL;

		if (revoked != (role == CFS_SIG_REVOKED))
			continue;
		for (size_t off = 0; off < file.len; off += CFS_SIG_LEN)
			if (cfs_sig_verify_one(&k->key, message, file.p + off))
				return k;
	}
	return NULL;
}

/* The number of trusted, unrevoked keys. */
static size_t count_usable(const struct cfs_sig_keys *keys)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++)
		n += !find_signing_key(keys, &keys->v[i].key, CFS_SIG_REVOKED);
	return n;
}

/* Returns true if the file is one ASN.1 value (ECDSA, PKCS#7), or text in the format of
 * PEM, OpenSSH or PGP. Source: X.690, 8.1.3: the 0x30 of a sequence is followed by its
 * length, or by the number of bytes of its length. */
static bool has_other_format(struct cfs_span file)
{
	const uint8_t *p = file.p;

	if (cfs_text_has_prefix(cfs_span_text(file), CFS_TEXT("-----BEGIN ")))
		return true;
	if (file.len < 4 || p[0] != 0x30)
		return false;
	switch (p[1]) {
	case 0x81:
		return file.len == 3u + p[2];
	case 0x82:
		return file.len == 4u + 256u * p[2] + p[3];
	default:
		return file.len == 2u + p[1];
	}
}

static int fail_other_format(struct cfs_err *err)
{
	return cfs_fail(err, ENOPKG,
			"signature file: expected Ed25519 signatures, got one of another "
			"kind");
}

/* Refuses a file that cannot be raw signatures, and names OpenSSL and PEM files as
 * such, because they are the usual mistake. */
static int check_signature_file(struct cfs_span file, struct cfs_err *err)
{
	if (file.len == 0)
		return cfs_fail(err, EINVAL,
				"signature file: expected signatures of %d bytes, "
				"got an empty file",
				CFS_SIG_LEN);
	if (file.len % CFS_SIG_LEN && has_other_format(file))
		return fail_other_format(err);
	if (file.len % CFS_SIG_LEN)
		return cfs_fail(err, EINVAL,
				"signature file: expected Ed25519 signatures of %d bytes "
				"each, got %zu bytes",
				CFS_SIG_LEN, file.len);
	if (file.len > CFS_SIG_FILE_MAX)
		return cfs_fail(err, EINVAL,
				"signature file: expected at most %d signatures",
				CFS_SIG_FILE_MAX / CFS_SIG_LEN);
	return 0;
}

int cfs_sig_verify(const struct cfs_sig_keys *keys, struct cfs_span message,
		   struct cfs_span file, const struct cfs_sig_known **by,
		   struct cfs_err *err)
{
	const struct cfs_sig_known *found;
	int rc = check_signature_file(file, err);

	if (rc < 0)
		return rc;
	found = find_signer(keys, CFS_SIG_TRUSTED, message, file);
	if (found) {
		*by = found;
		return 0;
	}
	found = find_signer(keys, CFS_SIG_REVOKED, message, file);
	if (found)
		return cfs_fail(err, EKEYREVOKED, "signed by key %s, which is revoked",
				found->name);
	if (count_usable(keys) == 0)
		return cfs_fail(err, ENOKEY,
				"expected a trusted key that is not revoked, got none");
	/* Only now: a valid signature can begin with any bytes. */
	if (has_other_format(file))
		return fail_other_format(err);
	return cfs_fail(err, EBADMSG,
			"no signature by a trusted key (keys: %zu, "
			"signatures: %zu)",
			count_usable(keys), file.len / CFS_SIG_LEN);
}
