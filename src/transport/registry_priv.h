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
	char *credentials; /* USER:PASSWORD, or NULL */
	pthread_mutex_t lock;
	char token[CFS_REGISTRY_TOKEN_MAX]; /* of the last answer; guarded by lock */
};

/* Parses the reference; nothing is asked of the registry yet. */
int registry_new(const char *reference, const struct cfs_registry_access *access,
		 const struct cfs_watch *watch, struct registry **out,
		 struct cfs_err *err) CFS_MUST_CHECK;
void registry_free(struct registry *r); /* NULL is fine */

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
	const char *media_type; /* of a manifest that is sent; else NULL */
	uint64_t size;		/* as in cfs_registry_request */
	int fd;			/* a regular file that is sent; else -1 */
};

/* Starts a transfer and reads the head of the answer. head: wiped by the caller with
 * free(). End it with registry_transfer_end. */
int registry_transfer_start(struct registry *r, const struct registry_what *what,
			    struct registry_transfer *t, struct cfs_registry_head *head,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Reads data of the answer, as the function of a feed does. */
ssize_t registry_transfer_read(void *transfer, void *p, size_t len, struct cfs_err *err);
void registry_transfer_end(struct registry_transfer *t);

#endif
