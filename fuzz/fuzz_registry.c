/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What registries and credential files say: a result or a sentence. What is taken over could stand
 * in a header, and messages are read again as they were written. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "registry/registry.h"

static bool is_header(const char *text)
{
	return cfs_registry_is_header_text(cfs_text(text));
}

static void check_challenge(struct cfs_text in)
{
	static struct cfs_registry_challenge c;
	struct cfs_err err = {""};
	int rc = cfs_registry_parse_challenge(in, &c, &err);

	fuzz_hold(rc == 0 || ((rc == -EINVAL || rc == -ENOTSUP) && *err.msg));
	fuzz_hold(rc < 0 || c.scheme == CFS_REGISTRY_BASIC || *c.realm);
	fuzz_hold(is_header(c.realm) && is_header(c.service) && is_header(c.scope));
}

static void check_answers(struct cfs_text in)
{
	static char token[CFS_REGISTRY_TOKEN_MAX], text[CFS_REGISTRY_TEXT_MAX];
	struct cfs_err err = {""};
	int rc = cfs_registry_parse_token(in, token, &err);

	fuzz_hold(rc == 0 ? *token && is_header(token) : rc == -EINVAL && *err.msg);
	fuzz_hold(is_header(cfs_registry_find_error(in, text)));
}

static void check_auth(struct cfs_text in)
{
	static struct cfs_registry_auth a;
	struct cfs_err err = {""};
	int rc = cfs_registry_find_auth(in, "h.example", "team/app", &a, &err);

	fuzz_hold(rc == 0 || rc == 1 || (rc == -EINVAL && *err.msg));
	fuzz_hold(!strpbrk(a.user, "\r\n") && !strpbrk(a.password, "\r\n"));
	fuzz_hold(!strchr(a.helper, '/'));
	cfs_registry_wipe(&a);
	rc = cfs_registry_parse_helper(in, &a, &err);
	fuzz_hold(rc == 0 || rc == -EINVAL);
	fuzz_hold(!strpbrk(a.user, "\r\n") && !strpbrk(a.password, "\r\n"));
}

static void check_request(struct cfs_text in)
{
	static struct cfs_registry_request r, again;
	struct cfs_mem text = {0};
	struct cfs_err err = {""};
	int rc = cfs_registry_parse_request(in, &r, &err);

	fuzz_hold(rc == 0 || (rc == -EPROTO && *err.msg));
	if (rc == 0 && cfs_registry_format_request(&r, &text, &err) == 0) {
		fuzz_hold(cfs_registry_parse_request(
				  (struct cfs_text){(char *)text.p, text.len - 1}, &again,
				  &err) == 0);
		fuzz_hold(memcmp(&r, &again, sizeof(r)) == 0);
	}
	free(text.p);
}

/* An accepted head survives formatting and parsing without a change. */
static void check_head(struct cfs_text in)
{
	static struct cfs_registry_head h, again;
	struct cfs_mem text = {0};
	struct cfs_err err = {""};
	int rc = cfs_registry_parse_head(in, &h, &err);

	fuzz_hold(rc == 0 || (rc == -EPROTO && *err.msg));
	if (rc == 0 && cfs_registry_format_head(&h, &text, &err) == 0) {
		fuzz_hold(cfs_registry_parse_head(
				  (struct cfs_text){(char *)text.p, text.len}, &again,
				  &err) == 0);
		fuzz_hold(h.is_present == again.is_present);
		fuzz_hold(h.has_subject == again.has_subject);
		fuzz_hold(strcmp(h.next, again.next) == 0);
		fuzz_hold(strcmp(h.token, again.token) == 0);
		fuzz_hold(strcmp(h.digest, again.digest) == 0);
	}
	free(text.p);
}

static void check_link_header(struct cfs_text in)
{
	static char next[CFS_REGISTRY_LINK_MAX];
	struct cfs_err err = {""};
	int rc = cfs_registry_parse_next(in, next, &err);

	fuzz_hold(rc == 0 || rc == 1 || (rc == -EINVAL && *err.msg));
	fuzz_hold(rc != 1 || (*next && is_header(next) && !strchr(next, '>')));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text in = {(const char *)data, len};

	check_challenge(in);
	check_answers(in);
	check_auth(in);
	check_request(in);
	check_head(in);
	check_link_header(in);
	return 0;
}
