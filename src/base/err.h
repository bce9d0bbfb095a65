/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Errors: a code for programs and a sentence for people.
 *
 * A function that can fail returns 0 (or a count) or a negative errno, and takes a struct
 * cfs_err as the last parameter. The caller owns it. It is set only after a negative
 * result. Pass NULL if only the code is needed.
 */
#ifndef CFS_BASE_ERR_H
#define CFS_BASE_ERR_H

#define CFS_MUST_CHECK	    __attribute__((warn_unused_result))
#define CFS_PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))

#define CFS_ERR_MAX 1024

struct cfs_err {
	char msg[CFS_ERR_MAX]; /* NUL-terminated, no newline */
};

/* Stores the sentence and returns -errnum. errnum > 0. */
int cfs_fail(struct cfs_err *err, int errnum, const char *fmt, ...) CFS_PRINTF(3, 4);

/* The same with errno as the code, and with ": " and the text of errno after the
 * sentence. */
int cfs_fail_errno(struct cfs_err *err, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Puts a place and ": " in front of the sentence if rc is negative. Returns rc. A place
 * that does not fit is left out; the sentence is always kept. */
int cfs_context(struct cfs_err *err, int rc, const char *fmt, ...) CFS_PRINTF(3, 4);

/* Tells the compiler that an error is negative, and that adding a place does not change
 * the code. Otherwise it warns about variables that are set on success only. */
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
