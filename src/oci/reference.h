/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* References to images in registries: [HOST[:PORT]/]NAME[:TAG][@DIGEST]. */
#ifndef CFS_OCI_REFERENCE_H
#define CFS_OCI_REFERENCE_H

#include "oci/digest.h"

enum {
	CFS_OCI_HOST_MAX = 256 + 6,
	CFS_OCI_NAME_MAX = 256,
	CFS_OCI_TAG_MAX = 129,
	CFS_OCI_REFERENCE_MAX = CFS_OCI_HOST_MAX + CFS_OCI_NAME_MAX + CFS_OCI_TAG_MAX +
				CFS_OCI_DIGEST_TEXT_MAX,
};

struct cfs_oci_reference {
	char host[CFS_OCI_HOST_MAX]; /* "docker.io" when none was given */
	char name[CFS_OCI_NAME_MAX]; /* "library/debian" for "debian" of docker.io */
	char tag[CFS_OCI_TAG_MAX]; /* "latest" when neither tag nor digest was given; "" */
	bool has_host;		   /* it was given */
	bool has_digest;	   /* then it decides, whatever the tag */
	struct cfs_oci_digest digest;
};

/* Parses a reference, with "docker://" in front or without. The first component is a host
 * when it has a dot or a colon or is "localhost". -EINVAL: not a valid reference: registries
 * answer those with various errors, so none is sent. */
int cfs_oci_reference_parse(const char *text, struct cfs_oci_reference *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* The reference in full, and a NUL; returns out. */
const char *cfs_oci_reference_format(const struct cfs_oci_reference *r,
				     char out[CFS_OCI_REFERENCE_MAX]);

/* The tag of the index that lists the manifests with this subject in a registry that does not list
 * them itself: "sha256-HEX". Returns out. */
const char *cfs_oci_referrers_format_tag(const struct cfs_oci_digest *subject,
					 char out[CFS_OCI_TAG_MAX]);

/* Whether text is a tag: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. */
bool cfs_oci_is_tag(struct cfs_text text);

/* Whether text is the name of a repository of a registry. */
bool cfs_oci_is_name(struct cfs_text text);

#endif
