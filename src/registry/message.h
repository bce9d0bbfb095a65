/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The protocol between composefs and its helper composefs-registry.
 *
 * The helper does one transfer. It reads the request from standard input: lines "KEY VALUE" and
 * an empty line. What is sent to the registry is a regular file, descriptor 3. The helper writes
 * frames to standard output: a head, data, and an end or an error. The
 * caller does not trust the helper: it checks digests and sizes itself.
 */
#ifndef CFS_REGISTRY_MESSAGE_H
#define CFS_REGISTRY_MESSAGE_H

#include "oci/oci.h"
#include "registry/challenge.h"
#include "registry/link.h"

enum {
	CFS_REGISTRY_REQUEST_MAX = CFS_REGISTRY_TOKEN_MAX + 128 * 1024,
	CFS_REGISTRY_FRAME_MAX = CFS_REGISTRY_TOKEN_MAX + 4096,
	CFS_REGISTRY_CREDENTIALS_MAX = 32 * 1024,
	CFS_REGISTRY_RANGES_MAX = 1024,
	CFS_REGISTRY_RANGES_TEXT_MAX = CFS_REGISTRY_RANGES_MAX * 42 + 1,
};

/* A manifest can also be an index. */
enum cfs_registry_action {
	CFS_REGISTRY_GET_MANIFEST,
	CFS_REGISTRY_GET_BLOB,
	CFS_REGISTRY_GET_RANGES, /* of a blob: their bytes, one after the other */
	CFS_REGISTRY_PUT_MANIFEST,
	CFS_REGISTRY_PUT_BLOB,	    /* unless the registry has it */
	CFS_REGISTRY_GET_REFERRERS, /* one page of the manifests with this subject */
	/* Adds a blob that the repository "from" of the same host has, without its bytes */
	CFS_REGISTRY_MOUNT_BLOB,
};

struct cfs_registry_request {
	enum cfs_registry_action action;
	char host[CFS_OCI_HOST_MAX], name[CFS_OCI_NAME_MAX];
	char reference[CFS_OCI_DIGEST_TEXT_MAX + CFS_OCI_TAG_MAX]; /* a tag or a digest */
	uint64_t
		size; /* of what is sent, or of a blob; the most of a manifest or a page */
	/* Of a manifest that is sent; the artifact type of wanted referrers; "" */
	char media_type[128];
	char from[CFS_OCI_NAME_MAX];	  /* of a blob that is mounted; "" */
	char page[CFS_REGISTRY_LINK_MAX]; /* of referrers: next of the page before; "" */
	char ranges[CFS_REGISTRY_RANGES_TEXT_MAX]; /* "FIRST-LAST,FIRST-LAST"; "" */
	bool insecure; /* plain HTTP, and certificates are not checked */
	char token[CFS_REGISTRY_TOKEN_MAX]; /* of an earlier answer; "" */
	char credentials
		[CFS_REGISTRY_CREDENTIALS_MAX]; /* USER:PASSWORD; "": those of files */
};

/* Appends the request to mem. -EINVAL: a value has control characters. */
int cfs_registry_format_request(const struct cfs_registry_request *r, struct cfs_mem *out,
				struct cfs_err *err) CFS_MUST_CHECK;

/* Appends ranges to the text of a request. -E2BIG: there are too many. */
int cfs_registry_format_ranges(const struct cfs_oci_range *ranges, size_t n,
			       char out[CFS_REGISTRY_RANGES_TEXT_MAX],
			       struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the next range from the text of a request, which begins at *rest: 1, or 0 at the end.
 * -EPROTO: malformed, or not within a blob of size bytes. */
int cfs_registry_next_range(const char **rest, uint64_t size, struct cfs_oci_range *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Parses what _format_request made, up to and without the empty line. */
int cfs_registry_parse_request(struct cfs_text text, struct cfs_registry_request *out,
			       struct cfs_err *err) CFS_MUST_CHECK;

enum cfs_registry_frame {
	CFS_REGISTRY_HEAD = 1, /* text as that of cfs_registry_head */
	CFS_REGISTRY_DATA,
	CFS_REGISTRY_END,
	CFS_REGISTRY_ERROR, /* le32 errno, and a sentence */
};

enum { CFS_REGISTRY_FRAME_HEAD = 8 }; /* le32 kind, le32 length */

/* The head of an answer. */
struct cfs_registry_head {
	char media_type[128];		      /* Content-Type; "" */
	char digest[CFS_OCI_DIGEST_TEXT_MAX]; /* Docker-Content-Digest of an upload; "" */
	bool is_present; /* the registry has the blob, which was not sent */
	bool has_subject; /* the registry lists the manifest with its subject: OCI-Subject */
	char next
		[CFS_REGISTRY_LINK_MAX]; /* path of the next page, on the same host; "" */
	char token[CFS_REGISTRY_TOKEN_MAX]; /* that served this request; "" */
};

/* Write a head as lines "KEY VALUE", appended to out (-ENOMEM), and read it again
 * (-EINVAL: malformed). */
int cfs_registry_format_head(const struct cfs_registry_head *h, struct cfs_mem *out,
			     struct cfs_err *err) CFS_MUST_CHECK;
int cfs_registry_parse_head(struct cfs_text text, struct cfs_registry_head *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
