/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where an upload goes on: the Location of an answer, absolute or relative, of this host or
 * another one. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "helpers/registry/registry_helper.h"

/* The parts of a URL that decide who gets credentials. */
struct origin {
	char *scheme, *host, *port;
};

static void free_origin(struct origin *o)
{
	curl_free(o->scheme);
	curl_free(o->host);
	curl_free(o->port);
}

static bool get_origin(CURLU *url, struct origin *out)
{
	*out = (struct origin){0};
	return curl_url_get(url, CURLUPART_SCHEME, &out->scheme, 0) == CURLUE_OK &&
	       curl_url_get(url, CURLUPART_HOST, &out->host, 0) == CURLUE_OK &&
	       curl_url_get(url, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT) ==
		       CURLUE_OK;
}

static bool has_credentials(CURLU *url)
{
	char *user = NULL;
	bool has = curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK;

	curl_free(user);
	return has;
}

/* An upload goes to no weaker scheme, and a public registry has no reason to send it to a
 * service of this machine. */
static int check_origins(const struct origin *from, const struct origin *to,
			 struct cfs_err *err)
{
	bool is_https = strcasecmp(to->scheme, "https") == 0;

	if (!is_https && strcasecmp(to->scheme, "http") != 0)
		return cfs_fail(err, EACCES, "Location: expected a URL, got scheme %.40s",
				to->scheme);
	if (!is_https && strcasecmp(from->scheme, "https") == 0)
		return cfs_fail(err, EACCES, "Location: expected https, got http");
	if (cfs_registry_is_loopback(to->host) && !cfs_registry_is_loopback(from->host))
		return cfs_fail(
			err, EACCES,
			"Location: expected another machine, got this one (%.200s)",
			to->host);
	return 0;
}

/* url is that of the request at first, then that of the location. */
static int follow_location(CURLU *registry, CURLU *url, const char *location,
			   bool *is_foreign, struct cfs_err *err)
{
	struct origin from, to = {0};
	int rc = 0;

	if (!get_origin(registry, &from) || !*location ||
	    curl_url_set(url, CURLUPART_URL, location, 0) != CURLUE_OK ||
	    has_credentials(url) || !get_origin(url, &to))
		rc = cfs_fail(err, EPROTO, "Location: expected a URL, got \"%.200s\"",
			      location);
	if (rc == 0)
		rc = check_origins(&from, &to, err);
	if (rc == 0)
		*is_foreign = strcasecmp(from.scheme, to.scheme) != 0 ||
			      strcasecmp(from.host, to.host) != 0 ||
			      strcmp(from.port, to.port) != 0;
	free_origin(&from);
	free_origin(&to);
	return rc;
}

static int get_text(CURLU *url, char **out, struct cfs_err *err)
{
	char *text = NULL;

	*out = curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK ? strdup(text)
								       : NULL;
	curl_free(text);
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

int resolve_location(const char *registry, const char *current, const char *location,
		     const char *query, char **out, bool *is_foreign, struct cfs_err *err)
{
	CURLU *base = curl_url(), *url = curl_url();
	int rc = 0;

	*out = NULL;
	if (!base || !url ||
	    curl_url_set(base, CURLUPART_URL, registry, 0) != CURLUE_OK ||
	    curl_url_set(url, CURLUPART_URL, current, 0) != CURLUE_OK)
		rc = cfs_fail(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = follow_location(base, url, location, is_foreign, err);
	if (rc == 0 && query &&
	    curl_url_set(url, CURLUPART_QUERY, query,
			 CURLU_APPENDQUERY | CURLU_URLENCODE) != CURLUE_OK)
		rc = cfs_fail(err, ENOMEM, "out of memory");
	if (rc == 0)
		rc = get_text(url, out, err);
	curl_url_cleanup(base);
	curl_url_cleanup(url);
	return rc;
}
