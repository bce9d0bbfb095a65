/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Challenges, tokens, errors, addresses. */
#include "registry/challenge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#include "registry/registry_priv.h"

/* --- the grammar of RFC 9110, section 11: SCHEME [NAME=VALUE [, NAME=VALUE]...] ------- */

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_spaces(struct cfs_text *t, const char *spaces)
{
	while (t->len && strchr(spaces, *t->s)) {
		t->s++;
		t->len--;
	}
}

static struct cfs_text take_challenge_token(struct cfs_text *t)
{
	struct cfs_text token = {t->s, 0};

	while (token.len < t->len && is_token_char(t->s[token.len]))
		token.len++;
	t->s += token.len;
	t->len -= token.len;
	return token;
}

/* A quoted string, with backslashes, or a token. Cuts into out; false: malformed or too long. */
static bool take_challenge_value(struct cfs_text *t, char out[CFS_REGISTRY_TEXT_MAX])
{
	size_t len = 0;

	if (!t->len || *t->s != '"') {
		struct cfs_text token = take_challenge_token(t);

		return snprintf(out, CFS_REGISTRY_TEXT_MAX, "%.*s", (int)token.len,
				token.s) < CFS_REGISTRY_TEXT_MAX;
	}
	for (t->s++, t->len--; t->len && *t->s != '"'; t->s++, t->len--) {
		if (*t->s == '\\' && t->len > 1) {
			t->s++;
			t->len--;
		}
		if (len + 1 >= CFS_REGISTRY_TEXT_MAX)
			return false;
		out[len++] = *t->s;
	}
	out[len] = '\0';
	if (!t->len)
		return false;
	t->s++;
	t->len--;
	return true;
}

static bool is_challenge_word(struct cfs_text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.s, word, t.len) == 0;
}

/* Reads one parameter behind its name and "=". */
static bool take_parameter(struct cfs_text *t, struct cfs_text name,
			   struct cfs_registry_challenge *c)
{
	char unused[CFS_REGISTRY_TEXT_MAX], *to = unused;

	t->s++; /* = */
	t->len--;
	if (is_challenge_word(name, "realm"))
		to = c->realm;
	else if (is_challenge_word(name, "service"))
		to = c->service;
	else if (is_challenge_word(name, "scope"))
		to = c->scope;
	return take_challenge_value(t, to) &&
	       cfs_registry_is_header_text((struct cfs_text){to, strlen(to)});
}

static void set_scheme(struct cfs_text name, struct cfs_registry_challenge *c)
{
	*c = (struct cfs_registry_challenge){0};
	if (is_challenge_word(name, "basic"))
		c->scheme = CFS_REGISTRY_BASIC;
	else if (is_challenge_word(name, "bearer"))
		c->scheme = CFS_REGISTRY_BEARER;
}

static void keep_better(const struct cfs_registry_challenge *c,
			struct cfs_registry_challenge *best)
{
	if (c->scheme > best->scheme)
		*best = *c;
}

int cfs_registry_parse_challenge(struct cfs_text header,
				 struct cfs_registry_challenge *out, struct cfs_err *err)
{
	struct cfs_registry_challenge c = {0};

	*out = (struct cfs_registry_challenge){0};
	for (skip_spaces(&header, " \t,"); header.len; skip_spaces(&header, " \t,")) {
		struct cfs_text name = take_challenge_token(&header);

		if (name.len == 0)
			return cfs_fail(err, EINVAL, "WWW-Authenticate: malformed");
		if (header.len && *header.s == '=') {
			if (!take_parameter(&header, name, &c))
				return cfs_fail(err, EINVAL,
						"WWW-Authenticate: malformed parameter");
			continue;
		}
		keep_better(&c, out);
		set_scheme(name, &c);
	}
	keep_better(&c, out);
	if (out->scheme == CFS_REGISTRY_NO_SCHEME)
		return cfs_fail(err, ENOTSUP,
				"WWW-Authenticate: expected Basic or Bearer, got another "
				"scheme");
	if (out->scheme == CFS_REGISTRY_BEARER && !*out->realm)
		return cfs_fail(err, EINVAL, "WWW-Authenticate: Bearer without a realm");
	return 0;
}

/* --- answers ------------------------------------------------------------------------ */

bool cfs_registry_is_header_text(struct cfs_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.s[i] < 0x20 || text.s[i] == 0x7f)
			return false;
	return true;
}

int cfs_registry_parse_token(struct cfs_text json, char *out, struct cfs_err *err)
{
	json_t *root = registry_load_json(json, CFS_REGISTRY_ANSWER_MAX);
	const char *token = json_string_value(json_object_get(root, "token"));
	int rc = 0;

	if (!token || !*token)
		token = json_string_value(json_object_get(root, "access_token"));
	if (!token || !*token)
		rc = cfs_fail(err, EINVAL, "the answer of the token server has no token");
	else if (strlen(token) >= CFS_REGISTRY_TOKEN_MAX ||
		 !cfs_registry_is_header_text(cfs_text(token)))
		rc = cfs_fail(err, EINVAL, "the token server gave a malformed token");
	else
		memcpy(out, token, strlen(token) + 1);
	json_decref(root);
	return rc;
}

const char *cfs_registry_find_error(struct cfs_text json, char out[CFS_REGISTRY_TEXT_MAX])
{
	json_t *root = registry_load_json(json, CFS_REGISTRY_ANSWER_MAX);
	const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
	const char *code = json_string_value(json_object_get(first, "code"));
	const char *message = json_string_value(json_object_get(first, "message"));
	char text[CFS_REGISTRY_TEXT_MAX] = "";

	if (code)
		snprintf(text, sizeof(text), "%.100s%s%.300s", code, message ? ": " : "",
			 message ? message : "");
	cfs_show_text(cfs_text(text), out, CFS_REGISTRY_TEXT_MAX);
	json_decref(root);
	return out;
}

/* --- addresses ---------------------------------------------------------------------- */

/* Copies the host without its port, brackets and the dot at its end; false: too long. */
static bool cut_host(const char *host, char out[CFS_REGISTRY_TEXT_MAX],
		     bool *is_bracketed)
{
	size_t len;

	*is_bracketed = *host == '[';
	len = *is_bracketed ? strcspn(++host, "]%") : strcspn(host, ":");
	if (len > 0 && !*is_bracketed && host[len - 1] == '.')
		len--;
	if (len >= CFS_REGISTRY_TEXT_MAX)
		return false;
	memcpy(out, host, len);
	out[len] = '\0';
	return true;
}

/* 127.0.0.0/8, and 0.0.0.0, which Linux connects to this machine. */
static bool is_loopback_v4(struct in_addr a)
{
	uint32_t address = ntohl(a.s_addr);

	return address >> 24 == 127 || address == 0;
}

/* ::1, "::", which Linux connects to this machine, and addresses of IPv4 within. */
static bool is_loopback_v6(const struct in6_addr *a)
{
	struct in_addr v4;

	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a))
		return true;
	memcpy(&v4, a->s6_addr + 12, sizeof(v4));
	return IN6_IS_ADDR_V4MAPPED(a) && is_loopback_v4(v4);
}

/* libcurl connects localhost and the names below it to this machine. */
static bool is_loopback_name(const char *name)
{
	static const char local[] = "localhost";
	size_t len = strlen(name), n = strlen(local);

	return len >= n && strcasecmp(name + len - n, local) == 0 &&
	       (len == n || name[len - n - 1] == '.');
}

/* inet_aton() reads every form that the resolver does: 127.1, 0x7f000001, 2130706433. */
bool cfs_registry_is_loopback(const char *host)
{
	char name[CFS_REGISTRY_TEXT_MAX];
	struct in6_addr v6;
	struct in_addr v4;
	bool is_v6;

	if (!cut_host(host, name, &is_v6))
		return false;
	if (is_v6)
		return inet_pton(AF_INET6, name, &v6) == 1 && is_loopback_v6(&v6);
	return inet_aton(name, &v4) ? is_loopback_v4(v4) : is_loopback_name(name);
}

const char *cfs_registry_get_api_host(const char *host)
{
	return strcmp(host, "docker.io") == 0 ? "registry-1.docker.io" : host;
}
