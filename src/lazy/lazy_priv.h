/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_LAZY_PRIV_H
#define CFS_LAZY_PRIV_H

#include "lazy/lazy.h"

/* The object with that ID; NULL: the image has none. */
const struct cfs_lazy_object *lazy_find_object(const struct cfs_lazy_objects *objects,
					       const struct cfs_digest *id);

#endif
