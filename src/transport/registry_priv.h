/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Transfers from and to a registry by the helper composefs-registry. */
#ifndef CFS_TRANSPORT_REGISTRY_PRIV_H
#define CFS_TRANSPORT_REGISTRY_PRIV_H

#include <pthread.h>

#include "registry/registry.h"
#include "transport/transport.h"

/* A registry, as a source or a destination. */
struct registry {
	struct cfs_oci_reference reference;
	const struct cfs_watch *watch;
	bool insecure;
	char *credentials; /* USER:PASSWORD for the host of the reference, or NULL */
	/* The hosts that are asked, by registries.conf: the first that has the document serves all. */
	struct cfs_registries_endpoint endpoints[CFS_REGISTRIES_ENDPOINTS_MAX];
	size_t n_endpoints, endpoint;
	bool is_chosen;
	char origin[CFS_OCI_HOST_MAX + CFS_OCI_NAME_MAX]; /* of the endpoint */
	pthread_mutex_t lock;
	char token[CFS_REGISTRY_TOKEN_MAX]; /* of the last answer; guarded by lock */
};

/* Parses the reference and reads registries.conf; nothing is asked of the registry yet. */
int registry_new(const char *reference, bool is_push,
		 const struct cfs_registry_access *access, const struct cfs_watch *watch,
		 struct registry **out, struct cfs_err *err) CFS_MUST_CHECK;
/* Chooses the endpoint that is asked from now on. */
void registry_set_endpoint(struct registry *r, size_t i);
/* Whether registries.conf sends nothing elsewhere: the endpoint is that of the reference. */
bool registry_is_as_named(const struct registry *r);
void registry_free(struct registry *r); /* NULL is fine */

/* Reads the files registries.conf of the system and of the user. */
int registry_read_config(struct cfs_registries *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Parses a reference; a short name becomes what it is an alias for. -EINVAL: a name without a host
 * that is not one. */
int registry_parse_name(const struct cfs_registries *config, const char *text,
			bool is_push, struct cfs_oci_reference *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* A running helper, and the frame that is being read. */
struct registry_transfer {
	struct registry *r;
	pid_t pid;
	int fd;
	uint32_t left; /* bytes of the data frame */
	bool at_end;
};

/* What is transferred. */
struct registry_what {
	enum cfs_registry_action action;
	const char *reference;	/* of the manifest or blob */
	const char *media_type; /* as in cfs_registry_request; or NULL */
	const char *from;	/* as in cfs_registry_request; or NULL */
	const char *page;	/* of referrers, after the first one; else NULL */
	uint64_t size;		/* as in cfs_registry_request */
	const struct cfs_oci_range *ranges; /* of a blob; else NULL */
	size_t n_ranges;
	int fd; /* a regular file that is sent; else -1 */
};

/* Starts a transfer and reads the head of the answer. head: wiped by the caller with
 * free(). End it with registry_transfer_end. */
int registry_transfer_start(struct registry *r, const struct registry_what *what,
			    struct registry_transfer *t, struct cfs_registry_head *head,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Reads a manifest or an index by a tag or a digest, which is not compared. -ENOENT: the registry
 * does not have it. */
int registry_get_document(struct registry *r, const char *reference,
			  struct cfs_transport_document *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Reads all data of the answer, at most CFS_OCI_MANIFEST_MAX bytes. free(out->p) is the caller's. */
int registry_read_document(struct registry_transfer *t, struct cfs_mem *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* As put_referrer and referrers of a destination and a transport. */
int registry_put_referrer(void *ctx, struct cfs_span json,
			  const struct cfs_oci_descriptor *d,
			  const struct cfs_oci_digest *subject,
			  struct cfs_err *err) CFS_MUST_CHECK;
int registry_visit_referrers(void *ctx, const struct cfs_oci_digest *subject,
			     const char *type, cfs_referrer_fn fn, void *fn_ctx,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Sends a manifest under a tag or a digest. *has_subject, which may be NULL: the registry lists it
 * with its subject. */
int registry_put_manifest(struct registry *r, const char *reference, struct cfs_span json,
			  const struct cfs_oci_descriptor *d, bool *has_subject,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Reads data of the answer, as the function of a feed does. */
ssize_t registry_transfer_read(void *transfer, void *p, size_t len,
			       struct cfs_err *err) CFS_MUST_CHECK;
void registry_transfer_end(struct registry_transfer *t);

#endif
