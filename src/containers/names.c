/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names of container images in a repository. */
#include "containers/names.h"

#include <errno.h>
#include <stdio.h>

#include "repo/repo.h"

const char *cfs_containers_format_stream_name(const char *kind,
					      const struct cfs_oci_digest *digest,
					      char out[CFS_CONTAINERS_STREAM_MAX])
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	snprintf(out, CFS_CONTAINERS_STREAM_MAX, "oci-%s-%s", kind,
		 cfs_oci_digest_text(digest, text));
	return out;
}

bool cfs_containers_parse_stream(const char *kind, const char *name,
				 struct cfs_oci_digest *out)
{
	struct cfs_text rest = cfs_text(name);

	return cfs_text_skip_prefix(&rest, CFS_TEXT("oci-")) &&
	       cfs_text_skip_prefix(&rest, cfs_text(kind)) &&
	       cfs_text_skip_prefix(&rest, CFS_TEXT("-")) &&
	       cfs_oci_digest_parse(rest, out, NULL) == 0;
}

static const char *find_fault(const char *tag)
{
	if (!*tag || strcmp(tag, ".") == 0 || strcmp(tag, "..") == 0)
		return "not a name";
	if (*tag == '@')
		return "\"@\" at its beginning stands for a digest";
	for (const char *c = tag; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return "control characters";
	return NULL;
}

/* A reference is a path of one level below "oci/", so / and % are written as in URLs.
 * composefs-rs does the same: both find the references of the other. */
int cfs_containers_format_ref(const char *tag, char out[CFS_CONTAINERS_REF_MAX],
			      struct cfs_err *err)
{
	const char *fault = find_fault(tag);
	size_t len = 4;

	if (fault)
		return cfs_fail(err, EINVAL, "tag \"%.200s\": %s", tag, fault);
	memcpy(out, "oci/", len);
	for (const char *c = tag; *c; c++) {
		const char *code = *c == '%' ? "%25" : *c == '/' ? "%2F" : NULL;
		size_t n = code ? 3 : 1;

		if (len + n >= CFS_CONTAINERS_REF_MAX)
			return cfs_fail(
				err, EINVAL,
				"tag \"%.200s\": expected at most 255 bytes, where / "
				"and %% count as three",
				tag);
		memcpy(out + len, code ? code : c, n);
		len += n;
	}
	out[len] = '\0';
	return 0;
}

bool cfs_containers_parse_tag(const char *ref, char out[CFS_CONTAINERS_TAG_MAX])
{
	size_t len = 0;

	if (strncmp(ref, "oci/", 4) != 0 || strchr(ref + 4, '/'))
		return false;
	for (ref += 4; *ref; len++) {
		bool is_percent = strncmp(ref, "%25", 3) == 0;
		bool is_slash = strncmp(ref, "%2F", 3) == 0;

		if (len + 1 >= CFS_CONTAINERS_TAG_MAX)
			return false;
		out[len] = is_slash ? '/' : *ref;
		ref += is_percent || is_slash ? 3 : 1;
	}
	out[len] = '\0';
	return len > 0;
}

int cfs_containers_visit_tags(const struct cfs_repo_list *refs,
			      int (*fn)(void *ctx, const char *tag, struct cfs_err *err),
			      void *ctx, struct cfs_err *err)
{
	char tag[CFS_CONTAINERS_TAG_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (cfs_containers_parse_tag(refs->v[i].name, tag))
			rc = fn(ctx, tag, err);
	return rc;
}
