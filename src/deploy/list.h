/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The deployments of a machine, in the order of the boot loader. */
#ifndef CFS_DEPLOY_LIST_H
#define CFS_DEPLOY_LIST_H

#include "bootentries/bootentries.h"
#include "deploy/place.h"

enum { CFS_DEPLOY_NAME_MAX = 128 }; /* bytes of the name of an entry, with the NUL */

enum cfs_deploy_owner {
	CFS_DEPLOY_OURS,
	CFS_DEPLOY_BOOTC,
	CFS_DEPLOY_OTHER, /* an entry of another program, or written by hand */
};

/* Text is borrowed from the list; NULL: not known, or none. */
struct cfs_deployment {
	struct cfs_digest image;
	enum cfs_deploy_owner owner;
	const struct cfs_bootentry *entry; /* NULL: only a state directory is left */
	const char *version;		   /* of the operating system */
	unsigned generation, revision;	   /* of OURS */
	char *reference;		   /* the name that the image was installed by */
	char *key;	/* OURS: of the kernel files on the boot partition */
	bool has_state; /* a directory for /etc and /var */
	bool pinned;
	bool is_booted;	  /* the running system */
	bool is_next;	  /* what the boot loader starts by itself */
	bool is_rollback; /* what it would start after a rollback */
};

/* Starts zeroed. */
struct cfs_deployments {
	struct cfs_bootentries entries;
	struct cfs_deployment *v; /* first the next one; those without entry are last */
	size_t n, cap;
	bool booted_known;	  /* the running system was booted from an image */
	struct cfs_digest booted; /* its image */
	bool booted_verified;
};

enum cfs_deploy_use {
	CFS_DEPLOY_LOOK,
	CFS_DEPLOY_CHANGE, /* an entry of ours that cannot be read is an error: without it,
			    * what it needs would look unused */
};

/* Reads all deployments: entries that boot an image, and state directories without an
 * entry. Entries with a problem are none. Call cfs_deployments_fini in any case. */
int cfs_deployments_read(const struct cfs_deploy_place *place, enum cfs_deploy_use use,
			 struct cfs_deployments *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_deployments_fini(struct cfs_deployments *list);

/* Finds a deployment by "booted", "next", "rollback", the name of its entry, the ID of its
 * image, or at least 8 first digits of it. -ENOENT; -ENOTUNIQ. */
int cfs_deployments_find(struct cfs_deployments *list, const char *name,
			 struct cfs_deployment **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Whether an entry is ours by its name, and has a problem. */
bool cfs_deploy_is_unreadable(const struct cfs_bootentry *e);

/* The deployment of an image; NULL: none. */
struct cfs_deployment *cfs_deployments_of(struct cfs_deployments *list,
					  const struct cfs_digest *image);

/* The place of a deployment in the state disk: "state/deploy/HEX". Returns out. */
enum { CFS_DEPLOY_PATH_MAX = 64 + CFS_DIGEST_HEX_MAX };
const char *cfs_deploy_state_path(const struct cfs_digest *image,
				  char out[CFS_DEPLOY_PATH_MAX]);

#endif
