/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* damage, private: from objects to the files of an image. */
#ifndef CFS_DAMAGE_PRIV_H
#define CFS_DAMAGE_PRIV_H

#include "damage/damage.h"

/* Sets used_by of the objects that the image uses, and removes the others from the
 * list. */
int damage_find_users(const struct cfs_image_mount *m, struct cfs_arena *arena,
		      struct cfs_damaged_list *list, struct cfs_err *err) CFS_MUST_CHECK;

#endif
