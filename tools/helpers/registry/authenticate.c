/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Answers to challenges: Basic, and tokens of a token server.
 * Source: docker's token authentication specification. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "helpers/registry/registry_helper.h"

static int answer_basic(struct transfer *t, struct cfs_err *err)
{
	if (t->sends_basic || !*t->auth.user)
		return cfs_fail(err, EACCES,
				t->sends_basic
					? "the registry refuses the credentials"
					: "the registry asks for credentials (log in "
					  "with podman login or docker login)");
	t->sends_basic = true;
	return 0;
}

/* A token server gets credentials: it must be as safe as the registry. */
static int check_realm(const struct transfer *t, const char *realm, struct cfs_err *err)
{
	bool is_https = strncasecmp(realm, "https://", 8) == 0;
	bool is_http = strncasecmp(realm, "http://", 7) == 0;
	const char *host = is_http ? realm + 7 : realm + 8;
	char name
		[CFS_REGISTRY_TEXT_MAX]; /* holds any realm: a name that is cut hides an @ */

	if (!is_https && !is_http)
		return cfs_fail(err, EINVAL,
				"token server: expected a URL, got \"%.200s\"", realm);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "/?#"), host);
	if (strchr(name, '@'))
		return cfs_fail(err, EINVAL, "token server: a URL with credentials");
	/* A public registry has no reason to name a service of this machine. */
	if (cfs_registry_is_loopback(name) && !cfs_registry_is_loopback(t->request.host))
		return cfs_fail(
			err, EACCES,
			"token server: expected another machine, got this one (%.200s)",
			name);
	if (is_http && !t->request.insecure && !cfs_registry_is_loopback(name))
		return cfs_fail(err, EACCES, "token server: expected https, got http");
	return 0;
}

/* Appends NAME=VALUE to the query, with the value escaped, since realm and scope come
 * from the server. An empty value is left out. */
static int append_escaped(struct transfer *t, struct cfs_mem *url, const char *name,
			  const char *value, struct cfs_err *err)
{
	struct cfs_sink to = cfs_sink_mem(url);
	const char *join = memchr(url->p, '?', url->len) ? "&" : "?";
	char *escaped;
	int rc;

	if (!*value)
		return 0;
	escaped = curl_easy_escape(t->easy, value, 0);
	if (!escaped)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = to.write(to.ctx, join, 1, err);
	if (rc == 0)
		rc = to.write(to.ctx, name, strlen(name), err);
	if (rc == 0)
		rc = to.write(to.ctx, "=", 1, err);
	if (rc == 0)
		rc = to.write(to.ctx, escaped, strlen(escaped), err);
	curl_free(escaped);
	return rc;
}

/* Some registries ask for the scope of the target alone when a blob is mounted. */
static int append_pull_scope(struct transfer *t, const struct cfs_registry_challenge *c,
			     struct cfs_mem *url, struct cfs_err *err)
{
	char scope[sizeof("repository::pull") + CFS_OCI_NAME_MAX];

	if (!t->also_pulls)
		return 0;
	snprintf(scope, sizeof(scope), "repository:%s:pull", t->also_pulls);
	return strstr(c->scope, scope) ? 0 : append_escaped(t, url, "scope", scope, err);
}

/* realm?service=S&scope=A&scope=B: scopes of one challenge are separated by spaces. */
static int make_token_url(struct transfer *t, const struct cfs_registry_challenge *c,
			  struct cfs_mem *url, struct cfs_err *err)
{
	char scopes[CFS_REGISTRY_TEXT_MAX], *rest = scopes, *scope;
	int rc = cfs_sink_mem(url).write(url, c->realm, strlen(c->realm), err);

	memcpy(scopes, c->scope, sizeof(scopes));
	if (rc == 0)
		rc = append_escaped(t, url, "service", c->service, err);
	while (rc == 0 && (scope = strsep(&rest, " ")))
		rc = append_escaped(t, url, "scope", scope, err);
	if (rc == 0)
		rc = append_pull_scope(t, c, url, err);
	return rc < 0 ? rc : cfs_sink_mem(url).write(url, "", 1, err);
}

/* Basic credentials go to the token server alone: the registry gets the token. */
static int ask_token_server(struct transfer *t, const char *url, struct cfs_err *err)
{
	struct answer a = {.max = CFS_REGISTRY_ANSWER_MAX};
	struct http_request r = {.method = "GET", .url = url};
	bool basic = t->sends_basic;
	int rc;

	*t->token = '\0';
	t->sends_basic = *t->auth.user != '\0';
	rc = http_send(t, &r, &a, err);
	t->sends_basic = basic;
	if (rc == 0 && a.status != 200)
		rc = http_fail_status(t, a.status, cfs_mem_span(&a.body), err);
	if (rc == 0)
		rc = cfs_registry_parse_token(cfs_mem_text(&a.body), t->token, err);
	if (a.body.p)
		explicit_bzero(a.body.p, a.body.len);
	free(a.body.p);
	return cfs_context(err, rc, "token server");
}

static int answer_bearer(struct transfer *t, const struct cfs_registry_challenge *c,
			 struct cfs_err *err)
{
	struct cfs_mem url = {0};
	int rc = check_realm(t, c->realm, err);

	if (rc == 0)
		rc = make_token_url(t, c, &url, err);
	if (rc == 0)
		rc = ask_token_server(t, (const char *)url.p, err);
	free(url.p);
	return rc;
}

int authenticate_transfer(struct transfer *t, const char *challenge, struct cfs_err *err)
{
	struct cfs_registry_challenge *c = malloc(sizeof(*c));
	int rc;

	if (!c)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_registry_parse_challenge(cfs_text(challenge), c, err);
	if (rc == 0)
		rc = ask_broker(t, err);
	if (rc == 0)
		rc = c->scheme == CFS_REGISTRY_BASIC ? answer_basic(t, err)
						     : answer_bearer(t, c, err);
	free(c);
	return rc;
}
