/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Errors: a code for the program, a sentence for the person.
 *
 * A function that can fail returns 0 (or a count) or a negative errno and takes a
 * struct cfs_err last. The caller owns it; it has meaning only after a negative return,
 * and NULL says that only the code is of interest.
 */
#ifndef CFS_BASE_ERR_H
#define CFS_BASE_ERR_H

#define CFS_MUST_CHECK	    __attribute__((warn_unused_result))
#define CFS_PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))

#define CFS_ERR_MAX 1024

struct cfs_err {
	char msg[CFS_ERR_MAX]; /* NUL-terminated, no newline */
};

/* Makes an error: stores the sentence, returns -errnum. errnum > 0. */
int cfs_fail(struct cfs_err *err, int errnum, const char *fmt, ...) CFS_PRINTF(3, 4);

/* The same with errno as the code and its text behind ": ". */
int cfs_fail_errno(struct cfs_err *err, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Puts a place and ": " in front of the sentence when rc is negative. Returns rc.
 * A place that no longer fits is left out; the reason never is. */
int cfs_context(struct cfs_err *err, int rc, const char *fmt, ...) CFS_PRINTF(3, 4);

/* For the compiler, which does not see into these calls: an error is negative, and a place
 * does not change the code. Otherwise it takes what is set on success alone for
 * uninitialised. */
static inline int cfs_negative(int rc)
{
	if (rc >= 0)
		__builtin_unreachable();
	return rc;
}

#define cfs_fail(...)	    cfs_negative(cfs_fail(__VA_ARGS__))
#define cfs_fail_errno(...) cfs_negative(cfs_fail_errno(__VA_ARGS__))
#define cfs_context(err, rc, ...)                                                        \
	({                                                                               \
		int context_rc_ = (rc);                                                  \
		(void)cfs_context(err, context_rc_, __VA_ARGS__);                        \
		context_rc_;                                                             \
	})

#endif
