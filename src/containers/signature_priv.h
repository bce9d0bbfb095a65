/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The annotations of seals. */
#ifndef CFS_CONTAINERS_SIGNATURE_PRIV_H
#define CFS_CONTAINERS_SIGNATURE_PRIV_H

#include "containers/signature.h"

enum { SEAL_KEY_MAX = 96 };

#define SEAL_INLINE_SUFFIX ".sig.ed25519"

/* The key of the annotation with the digest of this role, and a NUL; returns out. */
const char *seal_format_key(enum cfs_seal_role role, enum cfs_hash_alg alg,
			    char out[SEAL_KEY_MAX]);

#endif
