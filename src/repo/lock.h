/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lock of an open repository, for work that needs it exclusively or releases it for a
 * while.
 */
#ifndef CFS_REPO_LOCK_H
#define CFS_REPO_LOCK_H

#include "base/base.h"

struct cfs_repo;

/* Releases the lock, and waits as long as the wait of cfs_repo_open_waiting permits to
 * get it exclusively. Others may have changed the repository in between. -EBUSY: timeout;
 * -EAGAIN: it has another algorithm now. */
int cfs_repo_lock_alone(struct cfs_repo *repo, struct cfs_err *err) CFS_MUST_CHECK;

/* Releases the lock during long work that does not need it, such as a download. What the
 * caller knew about the repository may be wrong afterwards. */
void cfs_repo_unlock(const struct cfs_repo *repo);

/* Takes the lock again, for WRITE. -ESTALE: the repository was created anew; else as
 * cfs_repo_open_waiting. */
int cfs_repo_relock(const struct cfs_repo *repo, struct cfs_err *err) CFS_MUST_CHECK;

#endif
