/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The worker pool: independent pieces of work on several threads. */
#ifndef CFS_BASE_POOL_H
#define CFS_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"
#include "base/watch.h"

/* One piece: i in [0, n). Fills its own slot and touches nothing that another piece
 * writes. worker in [0, n_threads) names the thread, for buffers that are kept per
 * thread. */
typedef int (*cfs_pool_fn)(void *ctx, unsigned worker, size_t i, struct cfs_err *err);

/* Calls fn once for each i, on up to n_threads threads (the caller's is one of them).
 * After a failure no further piece is begun; the failure with the smallest i is returned,
 * so the outcome does not depend on timing: pieces are begun in ascending order.
 * watch (may be NULL) is polled before each piece: -ECANCELED once it is cancelled and a piece was
 * not begun. */
int cfs_pool_run(unsigned n_threads, size_t n, cfs_pool_fn fn, void *ctx,
		 const struct cfs_watch *watch, struct cfs_err *err) CFS_MUST_CHECK;

/* CPUs that this process may use, at least 1. */
unsigned cfs_pool_cpus(void);

/* Threads for reading many files: as many as CPUs, and at least 8, since they wait for the
 * disk (see bench/README.md). */
unsigned cfs_pool_readers(void);

#endif
