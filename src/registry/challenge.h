/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Challenges (WWW-Authenticate), tokens, errors, and addresses. */
#ifndef CFS_REGISTRY_CHALLENGE_H
#define CFS_REGISTRY_CHALLENGE_H

#include "base/base.h"

enum {
	CFS_REGISTRY_TEXT_MAX = 1024,	    /* bytes of a realm, service or scope */
	CFS_REGISTRY_TOKEN_MAX = 64 * 1024, /* bytes of a token */
	CFS_REGISTRY_ANSWER_MAX = 1 << 20,  /* bytes of the answer of a token server */
};

enum cfs_registry_scheme {
	CFS_REGISTRY_NO_SCHEME,
	CFS_REGISTRY_BASIC,
	CFS_REGISTRY_BEARER
};

struct cfs_registry_challenge {
	enum cfs_registry_scheme scheme;
	char realm[CFS_REGISTRY_TEXT_MAX]; /* Bearer: the URL of the token server */
	char service[CFS_REGISTRY_TEXT_MAX], scope[CFS_REGISTRY_TEXT_MAX];
};

/* Parses the value of a WWW-Authenticate header. Of several challenges Bearer is preferred.
 * -EINVAL: malformed; -ENOTSUP: another scheme alone. */
int cfs_registry_parse_challenge(struct cfs_text header,
				 struct cfs_registry_challenge *out,
				 struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the token from the answer of a token server ("token" or "access_token"). out:
 * CFS_REGISTRY_TOKEN_MAX bytes. -EINVAL: none, too long, or with bytes that no header may
 * have. */
int cfs_registry_parse_token(struct cfs_text json, char *out,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* What a registry says about an error, for a message: "CODE: MESSAGE", or "" if the answer has
 * another form. Returns out. */
const char *cfs_registry_find_error(struct cfs_text json,
				    char out[CFS_REGISTRY_TEXT_MAX]);

/* Whether a host, with or without a port, is this machine: plain HTTP is permitted then. */
bool cfs_registry_is_loopback(const char *host);

/* Whether a text can be a line of a header: without control characters. */
bool cfs_registry_is_header_text(struct cfs_text text);

/* The host that serves the images of a registry: docker.io has another one. */
const char *cfs_registry_get_api_host(const char *host);

#endif
