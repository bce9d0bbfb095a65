/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: makes signatures. */
#include "sig/sig.h"

#include <sodium/crypto_sign_ed25519.h>

/* libsodium's private key is the seed followed by the public key. */
static void expand_secret(const struct cfs_sig_secret *secret, struct cfs_sig_key *key,
			  uint8_t out[crypto_sign_ed25519_SECRETKEYBYTES])
{
	crypto_sign_ed25519_seed_keypair(key->bytes, out, secret->seed);
}

void cfs_sig_get_public(const struct cfs_sig_secret *secret, struct cfs_sig_key *out)
{
	uint8_t expanded[crypto_sign_ed25519_SECRETKEYBYTES];

	expand_secret(secret, out, expanded);
	explicit_bzero(expanded, sizeof(expanded));
}

void cfs_sig_sign(const struct cfs_sig_secret *secret, struct cfs_span message,
		  uint8_t *out)
{
	uint8_t expanded[crypto_sign_ed25519_SECRETKEYBYTES];
	struct cfs_sig_key key;

	expand_secret(secret, &key, expanded);
	crypto_sign_ed25519_detached(out, NULL, message.p, message.len, expanded);
	explicit_bzero(expanded, sizeof(expanded));
}

void cfs_sig_secret_wipe(struct cfs_sig_secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}
