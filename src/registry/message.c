/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Requests and answers as lines "KEY VALUE". */
#include "registry/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lines -------------------------------------------------------------------------- */

/* Appends a line of the request. A value with a line break would add a line of its
 * own. */
static int put_message_line(struct cfs_mem *out, const char *key, const char *value,
			    struct cfs_err *err)
{
	struct cfs_sink to = cfs_sink_mem(out);
	int rc;

	if (!*value)
		return 0;
	if (!cfs_registry_is_header_text(cfs_text(value)))
		return cfs_fail(err, EINVAL, "%s: has control characters", key);
	rc = to.write(to.ctx, key, strlen(key), err);
	if (rc == 0)
		rc = to.write(to.ctx, " ", 1, err);
	if (rc == 0)
		rc = to.write(to.ctx, value, strlen(value), err);
	return rc < 0 ? rc : to.write(to.ctx, "\n", 1, err);
}

/* Where the value of a key goes. */
struct field {
	const char *key;
	char *out;
	size_t cap;
};

/* Stores the value of a key. Each may occur once: of two the sender and we might mean
 * different ones. */
static int set_field(const struct field *fields, size_t n, struct cfs_text key,
		     struct cfs_text value, struct cfs_err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!cfs_text_eq(key, cfs_text(fields[i].key)))
			continue;
		if (value.len >= fields[i].cap || memchr(value.s, '\0', value.len))
			return cfs_fail(
				err, EPROTO,
				"%s: expected at most %zu bytes without NUL, got %zu",
				fields[i].key, fields[i].cap - 1, value.len);
		if (*fields[i].out)
			return cfs_fail(err, EPROTO, "%s: expected once", fields[i].key);
		memcpy(fields[i].out, value.s, value.len);
		fields[i].out[value.len] = '\0';
		return 0;
	}
	return cfs_fail(err, EPROTO, "unknown key \"%.*s\"",
			(int)(key.len < 40 ? key.len : 40), key.s);
}

/* Reads "KEY VALUE" lines from the helper, whose fields have fixed sizes. -EPROTO for
 * a line without a key or an end, since the helper talks to an untrusted server. */
static int parse_lines(struct cfs_text text, const struct field *fields, size_t n,
		       struct cfs_err *err)
{
	while (text.len) {
		const char *end = memchr(text.s, '\n', text.len);
		size_t len = end ? (size_t)(end - text.s) : text.len;
		const char *space = memchr(text.s, ' ', len);
		size_t key_len = space ? (size_t)(space - text.s) : 0;
		int rc;

		if (!end || !space)
			return cfs_fail(err, EPROTO, "expected lines \"KEY VALUE\"");
		rc = set_field(fields, n, (struct cfs_text){text.s, key_len},
			       (struct cfs_text){space + 1, len - key_len - 1}, err);
		if (rc < 0)
			return rc;
		text = (struct cfs_text){end + 1, text.len - len - 1};
	}
	return 0;
}

/* --- requests ----------------------------------------------------------------------- */

static const char *const action_names[] = {
	[CFS_REGISTRY_GET_MANIFEST] = "get-manifest",
	[CFS_REGISTRY_GET_BLOB] = "get-blob",
	[CFS_REGISTRY_GET_RANGES] = "get-ranges",
	[CFS_REGISTRY_PUT_MANIFEST] = "put-manifest",
	[CFS_REGISTRY_PUT_BLOB] = "put-blob",
	[CFS_REGISTRY_GET_REFERRERS] = "get-referrers",
	[CFS_REGISTRY_MOUNT_BLOB] = "mount-blob",
};

static bool parse_action_word(const char *name, enum cfs_registry_action *out)
{
	for (unsigned i = 0; i < sizeof(action_names) / sizeof(action_names[0]); i++)
		if (strcmp(name, action_names[i]) == 0) {
			*out = (enum cfs_registry_action)i;
			return true;
		}
	return false;
}

int cfs_registry_format_request(const struct cfs_registry_request *r, struct cfs_mem *out,
				struct cfs_err *err)
{
	char size[24];
	int rc;

	snprintf(size, sizeof(size), "%" PRIu64, r->size);
	rc = put_message_line(out, "action", action_names[r->action], err);
	if (rc == 0)
		rc = put_message_line(out, "host", r->host, err);
	if (rc == 0)
		rc = put_message_line(out, "name", r->name, err);
	if (rc == 0)
		rc = put_message_line(out, "reference", r->reference, err);
	if (rc == 0)
		rc = put_message_line(out, "size", size, err);
	if (rc == 0)
		rc = put_message_line(out, "ranges", r->ranges, err);
	if (rc == 0)
		rc = put_message_line(out, "media-type", r->media_type, err);
	if (rc == 0)
		rc = put_message_line(out, "from", r->from, err);
	if (rc == 0)
		rc = put_message_line(out, "page", r->page, err);
	if (rc == 0)
		rc = put_message_line(out, "insecure", r->insecure ? "yes" : "no", err);
	if (rc == 0)
		rc = put_message_line(out, "token", r->token, err);
	if (rc == 0)
		rc = put_message_line(out, "credentials", r->credentials, err);
	return rc < 0 ? rc : cfs_sink_mem(out).write(out, "\n", 1, err);
}

static bool parse_size_word(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* The reference becomes a part of a URL. */
static bool is_reference(const char *text)
{
	struct cfs_oci_digest digest;

	return cfs_oci_is_tag(cfs_text(text)) ||
	       cfs_oci_digest_parse(cfs_text(text), &digest, NULL) == 0;
}

int cfs_registry_parse_request(struct cfs_text text, struct cfs_registry_request *out,
			       struct cfs_err *err)
{
	char action[16] = "", size[24] = "", insecure[8] = "";
	const struct field fields[] = {
		{"action", action, sizeof(action)},
		{"host", out->host, sizeof(out->host)},
		{"name", out->name, sizeof(out->name)},
		{"reference", out->reference, sizeof(out->reference)},
		{"size", size, sizeof(size)},
		{"ranges", out->ranges, sizeof(out->ranges)},
		{"media-type", out->media_type, sizeof(out->media_type)},
		{"from", out->from, sizeof(out->from)},
		{"page", out->page, sizeof(out->page)},
		{"insecure", insecure, sizeof(insecure)},
		{"token", out->token, sizeof(out->token)},
		{"credentials", out->credentials, sizeof(out->credentials)},
	};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = parse_lines(text, fields, sizeof(fields) / sizeof(fields[0]), err);
	if (rc < 0)
		return rc;
	out->insecure = strcmp(insecure, "yes") == 0;
	if (!parse_action_word(action, &out->action) ||
	    !parse_size_word(size, &out->size) || !*out->host ||
	    !cfs_oci_is_name(cfs_text(out->name)) || !is_reference(out->reference) ||
	    (*out->page && *out->page != '/') ||
	    (*out->from && !cfs_oci_is_name(cfs_text(out->from))))
		return cfs_fail(
			err, EPROTO,
			"expected the lines action, host, name, reference and size");
	return 0;
}

/* --- ranges ------------------------------------------------------------------------- */

int cfs_registry_format_ranges(const struct cfs_oci_range *ranges, size_t n,
			       char out[CFS_REGISTRY_RANGES_TEXT_MAX],
			       struct cfs_err *err)
{
	char *end = out;

	if (n > CFS_REGISTRY_RANGES_MAX)
		return cfs_fail(err, E2BIG, "expected at most %d ranges, got %zu",
				CFS_REGISTRY_RANGES_MAX, n);
	*out = '\0';
	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "%s%" PRIu64 "-%" PRIu64, i ? "," : "", ranges[i].off,
			       ranges[i].off + ranges[i].len - 1);
	return 0;
}

int cfs_registry_next_range(const char **rest, uint64_t size, struct cfs_oci_range *out,
			    struct cfs_err *err)
{
	uint64_t first, last;
	int len = 0;

	if (!**rest)
		return 0;
	if (sscanf(*rest, "%20" SCNu64 "-%20" SCNu64 "%n", &first, &last, &len) != 2 ||
	    first > last || last >= size)
		return cfs_fail(err, EPROTO, "ranges: malformed, or not within the blob");
	*out = (struct cfs_oci_range){first, last - first + 1};
	*rest += len;
	if (**rest == ',' && (*rest)[1])
		(*rest)++;
	else if (**rest)
		return cfs_fail(err, EPROTO, "ranges: malformed");
	return 1;
}

/* --- heads -------------------------------------------------------------------------- */

int cfs_registry_format_head(const struct cfs_registry_head *h, struct cfs_mem *out,
			     struct cfs_err *err)
{
	int rc = put_message_line(out, "media-type", h->media_type, err);

	if (rc == 0)
		rc = put_message_line(out, "digest", h->digest, err);
	if (rc == 0)
		rc = put_message_line(out, "present", h->is_present ? "yes" : "no", err);
	if (rc == 0)
		rc = put_message_line(out, "subject", h->has_subject ? "yes" : "no", err);
	if (rc == 0)
		rc = put_message_line(out, "next", h->next, err);
	return rc < 0 ? rc : put_message_line(out, "token", h->token, err);
}

int cfs_registry_parse_head(struct cfs_text text, struct cfs_registry_head *out,
			    struct cfs_err *err)
{
	char present[8] = "", subject[8] = "";
	const struct field fields[] = {
		{"media-type", out->media_type, sizeof(out->media_type)},
		{"digest", out->digest, sizeof(out->digest)},
		{"present", present, sizeof(present)},
		{"subject", subject, sizeof(subject)},
		{"next", out->next, sizeof(out->next)},
		{"token", out->token, sizeof(out->token)},
	};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = parse_lines(text, fields, sizeof(fields) / sizeof(fields[0]), err);
	out->is_present = strcmp(present, "yes") == 0;
	out->has_subject = strcmp(subject, "yes") == 0;
	return rc;
}
