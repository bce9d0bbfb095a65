/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Spans: the only code that cuts ranges out of untrusted bytes and reads integers from
 * them. */
#ifndef CFS_BASE_SPAN_H
#define CFS_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <endian.h>

/* A range of borrowed bytes. If len is 0, p may be NULL. */
struct cfs_span {
	const uint8_t *p;
	size_t len;
};

/* A range of borrowed characters, not NUL-terminated. */
struct cfs_text {
	const char *s;
	size_t len;
};

#define CFS_TEXT(literal) ((struct cfs_text){(literal), sizeof(literal) - 1})

/* Stores the bytes [off, off + len) of in. Returns false, and leaves out unchanged, if
 * they are not all inside.
 */
static inline bool cfs_span_sub(struct cfs_span in, uint64_t off, uint64_t len,
				struct cfs_span *out)
{
	if (off > in.len || len > in.len - off)
		return false;
	out->p = off ? in.p + off : in.p; /* in.p may be NULL */
	out->len = (size_t)len;
	return true;
}

/* Returns true if in is a part of the memory of all. */
static inline bool cfs_span_holds(struct cfs_span all, struct cfs_span in)
{
	uintptr_t off = (uintptr_t)in.p - (uintptr_t)all.p;

	return off <= all.len && in.len <= all.len - off;
}

static inline struct cfs_text cfs_text(const char *s)
{
	return (struct cfs_text){s, s ? strlen(s) : 0};
}

static inline struct cfs_text cfs_span_text(struct cfs_span in)
{
	return (struct cfs_text){(const char *)in.p, in.len};
}

static inline struct cfs_span cfs_text_span(struct cfs_text in)
{
	return (struct cfs_span){(const uint8_t *)in.s, in.len};
}

static inline bool cfs_span_eq(struct cfs_span a, struct cfs_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool cfs_text_eq(struct cfs_text a, struct cfs_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* Returns true if all bytes are 0. */
static inline bool cfs_span_is_zero(struct cfs_span in)
{
	return in.len == 0 || (in.p[0] == 0 && memcmp(in.p, in.p + 1, in.len - 1) == 0);
}

/* Compares bytes as unsigned. A prefix sorts before the longer text. */
static inline int cfs_text_cmp(struct cfs_text a, struct cfs_text b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.s, b.s, n) : 0;

	if (c)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool cfs_text_has_prefix(struct cfs_text t, struct cfs_text prefix)
{
	return t.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(t.s, prefix.s, prefix.len) == 0);
}

/* If t begins with prefix, removes it from t and returns true. */
static inline bool cfs_text_skip_prefix(struct cfs_text *t, struct cfs_text prefix)
{
	if (!cfs_text_has_prefix(*t, prefix))
		return false;
	t->s += prefix.len;
	t->len -= prefix.len;
	return true;
}

static inline uint16_t cfs_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t cfs_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t cfs_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void cfs_put_le16(void *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void cfs_put_le32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void cfs_put_le64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

/* Checked arithmetic on untrusted numbers. Returns false on overflow, and leaves out
 * unchanged. */
static inline bool cfs_add(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*out = sum;
	return true;
}

static inline bool cfs_mul(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*out = product;
	return true;
}

/* Rounds x to a multiple of a, a power of two. The caller makes sure that it does not
 * overflow.
 */
static inline uint64_t cfs_align_up(uint64_t x, uint64_t a)
{
	return (x + a - 1) & ~(a - 1);
}

static inline uint64_t cfs_align_down(uint64_t x, uint64_t a)
{
	return x & ~(a - 1);
}

#endif
