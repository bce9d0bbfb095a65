/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The worker pool: independent pieces of work on several threads. */
#ifndef CFS_BASE_POOL_H
#define CFS_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"
#include "base/watch.h"

/* One piece of work: i in [0, n). It writes only to its own slot. worker in [0,
 * n_threads) is the number of the thread, for buffers per thread. */
typedef int (*cfs_pool_fn)(void *ctx, unsigned worker, size_t i, struct cfs_err *err);

/* Calls fn once for each i, in ascending order, on up to n_threads threads including the
 * caller's. After a failure no further piece is started. The failure with the smallest i
 * is returned, so that the result does not depend on timing. watch (may be NULL) is
 * polled before each piece: -ECANCELED if it is cancelled before the last piece was
 * started. */
int cfs_pool_run(unsigned n_threads, size_t n, cfs_pool_fn fn, void *ctx,
		 const struct cfs_watch *watch, struct cfs_err *err) CFS_MUST_CHECK;

/* The number of CPUs that this process may use, at least 1. */
unsigned cfs_pool_count_cpus(void);

/* The number of threads for reading many files: the number of CPUs, but at least 8,
 * because the threads wait for the disk (see bench/README.md). */
unsigned cfs_pool_count_readers(void);

#endif
