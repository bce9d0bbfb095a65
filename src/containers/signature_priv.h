/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The annotations of seals. */
#ifndef CFS_CONTAINERS_SIGNATURE_PRIV_H
#define CFS_CONTAINERS_SIGNATURE_PRIV_H

#include "containers/signature.h"

enum { SEAL_KEY_MAX = 96 };

enum { SEAL_SIGNATURE_KEY_MAX = SEAL_KEY_MAX + 16 };

/* The media type of a signature. */
const char *seal_get_media_type(enum cfs_seal_kind kind);

/* The key of the annotation with the inline signature to the digest whose key is given, and a NUL;
 * returns out. */
const char *seal_format_signature_key(const char *key, enum cfs_seal_kind kind,
				      char out[SEAL_SIGNATURE_KEY_MAX]);

/* The key of the annotation with the digest of this role, and a NUL; returns out. */
const char *seal_format_key(enum cfs_seal_role role, enum cfs_hash_alg alg,
			    char out[SEAL_KEY_MAX]);

#endif
