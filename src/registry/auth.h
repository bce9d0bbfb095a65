/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Credentials in the files of docker and podman (containers-auth.json(5)). */
#ifndef CFS_REGISTRY_AUTH_H
#define CFS_REGISTRY_AUTH_H

#include "base/base.h"

enum {
	CFS_REGISTRY_AUTH_FILE_MAX = 1 << 20,
	CFS_REGISTRY_SECRET_MAX = 16 * 1024, /* bytes of a user name, password or token */
};

/* Wipe it after use: cfs_registry_wipe. */
struct cfs_registry_auth {
	char user[CFS_REGISTRY_SECRET_MAX], password[CFS_REGISTRY_SECRET_MAX];
	char identity_token[CFS_REGISTRY_SECRET_MAX]; /* "": none */
	char helper[256]; /* the credentials are in docker-credential-HELPER; "": none */
	char helper_key[512]; /* the key to request from it */
};

/* Finds the credentials for HOST/NAME in a file: the longest matching key wins, such as
 * HOST/NAMESPACE before HOST. 1: found; 0: none; -EINVAL: not such a file, which the message
 * does not quote. */
int cfs_registry_find_auth(struct cfs_text json, const char *host, const char *name,
			   struct cfs_registry_auth *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Splits USER:PASSWORD. -EINVAL: no colon, or too long. */
int cfs_registry_split_auth(struct cfs_text text, struct cfs_registry_auth *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Takes user and password from what a credential helper prints. */
int cfs_registry_parse_helper(struct cfs_text json, struct cfs_registry_auth *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* Overwrites the secrets. The compiler does not leave this out. */
void cfs_registry_wipe(struct cfs_registry_auth *auth);

#endif
