/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Expressions, by PCRE2 with limits. A path and the character of its type are matched as
 * one text. "." matches a newline, which names can have, and texts are bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "selinux/selinux_priv.h"

enum {
	JIT_STACK_FIRST = 32 << 10,
	JIT_STACK_MAX = 1 << 20,
	HEAP_KIB_MAX = 16 << 10,
	DEPTH_MAX = 20000,
	NESTED_MAX = 100, /* parentheses */
	MESSAGE_MAX = 256,
};

int selinux_match_init(struct cfs_selinux_policy *p, struct cfs_err *err)
{
	p->compile = pcre2_compile_context_create(NULL);
	p->match = pcre2_match_context_create(NULL);
	p->data = pcre2_match_data_create(1, NULL);
	p->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
	if (!p->compile || !p->match || !p->data)
		return cfs_fail(err, ENOMEM, "out of memory");
	pcre2_set_parens_nest_limit(p->compile, NESTED_MAX);
	pcre2_set_match_limit(p->match, CFS_SELINUX_STEPS_MAX);
	pcre2_set_depth_limit(p->match, DEPTH_MAX);
	pcre2_set_heap_limit(p->match, HEAP_KIB_MAX);
	if (p->stack) /* NULL: a PCRE2 without JIT */
		pcre2_jit_stack_assign(p->match, NULL, p->stack);
	return 0;
}

void selinux_match_fini(struct cfs_selinux_policy *p)
{
	for (size_t i = 0; i < p->n_specs; i++)
		pcre2_code_free(p->specs[i].code);
	pcre2_jit_stack_free(p->stack);
	pcre2_match_data_free(p->data);
	pcre2_match_context_free(p->match);
	pcre2_compile_context_free(p->compile);
}

/* --- Compiling ----------------------------------------------------------------------- */

/* Counts what an expression takes: "(abcdefgh){6000}" is short, and becomes 60 KB. */
static int count_compiled(struct cfs_selinux_policy *p, const pcre2_code *code,
			  struct cfs_err *err)
{
	size_t len = 0, jit_len = 0;

	if (pcre2_pattern_info(code, PCRE2_INFO_SIZE, &len) < 0)
		len = 0;
	if (pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_len) < 0)
		jit_len = 0;
	p->compiled_len += len + jit_len;
	if (p->compiled_len > CFS_SELINUX_COMPILED_MAX)
		return cfs_fail(
			err, EFBIG,
			"expected compiled regular expressions of at most %d bytes "
			"in total",
			CFS_SELINUX_COMPILED_MAX);
	return 0;
}

/* Compiles an expression of the policy. Their number is limited, since the policy
 * comes from the image. */
static int compile_text(struct cfs_selinux_policy *p, const char *text, size_t len,
			pcre2_code **out, struct cfs_err *err)
{
	unsigned char message[MESSAGE_MAX];
	size_t at;
	int rc;

	*out = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_DOTALL | PCRE2_NEVER_UTF, &rc,
			     &at, p->compile);
	if (!*out) {
		pcre2_get_error_message(rc, message, sizeof(message));
		return cfs_fail(err, EINVAL, "regular expression: %s", (char *)message);
	}
	/* Without JIT it is slower, and no different. */
	(void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
	return count_compiled(p, *out, err);
}

int selinux_compile(struct cfs_selinux_policy *p, struct selinux_spec *spec,
		    struct cfs_text regex, struct cfs_err *err)
{
	char text[CFS_SELINUX_LINE_MAX + sizeof("^().$")];
	size_t len = 0;

	memcpy(text, "^(", 2);
	memcpy(text + 2, regex.s, regex.len);
	len = 2 + regex.len;
	text[len++] = ')';
	text[len++] = spec->type ? spec->type : '.';
	text[len++] = '$';
	return compile_text(p, text, len, &spec->code, err);
}

/* --- Matching ------------------------------------------------------------------------ */

static bool may_match_below(struct cfs_text prefix, struct cfs_text dir)
{
	size_t n = prefix.len < dir.len ? prefix.len : dir.len;

	return n == 0 || memcmp(prefix.s, dir.s, n) == 0;
}

int cfs_selinux_narrow(const struct cfs_selinux_policy *p,
		       const struct cfs_selinux_candidates *parent, struct cfs_text dir,
		       struct cfs_selinux_candidates *out, struct cfs_err *err)
{
	size_t n = parent ? parent->n : p->n_specs;

	out->n = 0;
	if (cfs_grow(&out->v, &out->cap, n ? n : 1, sizeof(*out->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		uint32_t spec = parent ? parent->v[i] : (uint32_t)i;

		if (may_match_below(p->specs[spec].prefix, dir))
			out->v[out->n++] = spec;
	}
	return 0;
}

static int fail_match(const struct selinux_spec *s, int rc, struct cfs_text subject,
		      struct cfs_err *err)
{
	unsigned char message[MESSAGE_MAX];

	pcre2_get_error_message(rc, message, sizeof(message));
	return cfs_fail(err, rc == PCRE2_ERROR_NOMEMORY ? ENOMEM : E2BIG,
			"%s: line %zu: the regular expression takes too long for "
			"%.*s: %s",
			s->file, s->line,
			(int)(subject.len < 256 ? subject.len - 1 : 255), subject.s,
			(char *)message);
}

/* Returns 1, 0 or -errno. */
static int match_spec(const struct cfs_selinux_policy *p, const struct selinux_spec *s,
		      struct cfs_text subject, struct cfs_err *err)
{
	int rc;

	/* An expression with a prefix is one alternative, which ends with the type. */
	if (s->prefix.len && s->type && s->type != subject.s[subject.len - 1])
		return 0;
	if (!cfs_text_has_prefix(subject, s->prefix))
		return 0;
	rc = pcre2_match(s->code, (PCRE2_SPTR)subject.s, subject.len, 0, 0, p->data,
			 p->match);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(s->code, (PCRE2_SPTR)subject.s, subject.len, 0,
				 PCRE2_NO_JIT, p->data, p->match);
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	return rc < 0 ? fail_match(s, rc, subject, err) : 1;
}

int cfs_selinux_find(const struct cfs_selinux_policy *p,
		     const struct cfs_selinux_candidates *candidates,
		     struct cfs_text subject, struct cfs_text *out, struct cfs_err *err)
{
	size_t n = candidates ? candidates->n : p->n_specs;

	*out = (struct cfs_text){0};
	while (n--) {
		const struct selinux_spec *s =
			&p->specs[candidates ? candidates->v[n] : n];
		int rc = match_spec(p, s, subject, err);

		if (rc < 0)
			return rc;
		if (rc) {
			*out = s->label;
			break;
		}
	}
	return 0;
}
