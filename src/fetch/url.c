/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* URLs without secrets, for messages, because messages end up in logs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

/* Detects URLs like "http://user:pa/ss@host". By the grammar it has no user, but it
 * contains a password. */
static bool may_hold_password(const char *authority, size_t len)
{
	const char *colon = memrchr(authority, ':', len);
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

	if (*authority == '[' || !colon)
		return false;
	return colon + 1 + digits != authority + len;
}

/* For messages and logs: without user, password, query and fragment, where secrets are.
 * What cannot be parsed is shown without its authority. Returns buf. */
const char *cfs_fetch_public_url(const char *url, char *buf, size_t len)
{
	const char *authority = strstr(url, "://"), *at;
	size_t scheme, n;

	if (!authority) {
		snprintf(buf, len, "%s", url);
		return buf;
	}
	authority += 3;
	scheme = (size_t)(authority - url);
	n = strcspn(authority, "/?#\\");
	at = memrchr(authority, '@', n);
	if (!at && may_hold_password(authority, n)) {
		snprintf(buf, len, "%.*s...", (int)scheme, url);
		return buf;
	}
	if (at)
		authority = at + 1;
	n = strcspn(authority, "?#");
	snprintf(buf, len, "%.*s%.*s%s", (int)scheme, url, (int)n, authority,
		 authority[n] ? "?..." : "");
	return buf;
}

long long cfs_fetch_parse_number(const char *text, long long otherwise)
{
	long long n;
	char *end;

	if (!text)
		return otherwise;
	errno = 0;
	n = strtoll(text, &end, 10);
	return errno || end == text || *end || n < 1 ? otherwise : n;
}
