/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Link headers (RFC 8288): where a list of a registry goes on. */
#ifndef CFS_REGISTRY_LINK_H
#define CFS_REGISTRY_LINK_H

#include "base/base.h"

enum { CFS_REGISTRY_LINK_MAX = 2048 }; /* bytes of a target, and a NUL */

/* Finds the target of the first link with the relation "next", as it is written: a URL, or one
 * relative to that of the request. 1: found; 0: there is none; -EINVAL: malformed, or longer than
 * CFS_REGISTRY_LINK_MAX allows. */
int cfs_registry_parse_next(struct cfs_text header, char out[CFS_REGISTRY_LINK_MAX],
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
