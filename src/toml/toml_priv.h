/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the room share. */
#ifndef CFS_TOML_PRIV_H
#define CFS_TOML_PRIV_H

#include "toml/toml.h"

/* Replaces the escapes in the bytes between the quotes. *out is reused; free(out->p) is the
 * caller's. */
int toml_decode_string(struct cfs_text in, struct cfs_mem *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
