/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sealed container images: the fs-verity digests of manifest, configuration and image, with
 * signatures over them, in an artifact or inline in the manifest.
 * Source: the sealing specification of composefs-rs. Its signatures are PKCS#7 (key ".sig"); Ed25519
 * signatures (media type CFS_SEAL_TYPE_ED25519, key ".sig.ed25519") are ours. */
#ifndef CFS_CONTAINERS_SIGNATURE_H
#define CFS_CONTAINERS_SIGNATURE_H

#include "compress/compress.h"
#include "containers/container.h"

#define CFS_SEAL_TYPE_ED25519 "application/vnd.composefs.signature.v1+ed25519"
#define CFS_SEAL_TYPE_PKCS7   "application/vnd.composefs.signature.v1+pkcs7"

enum { CFS_SEAL_SIGNATURES_MAX = 16128 }; /* bytes of the signatures of one digest */

/* In the order of an artifact. Inline there is no manifest. */
enum cfs_seal_role {
	CFS_SEAL_MANIFEST,
	CFS_SEAL_CONFIG,
	CFS_SEAL_MERGED,
	CFS_SEAL_BOOT,
	CFS_SEAL_N_ROLES
};

/* "manifest", "configuration", "image" or "bootable image". Static. */
const char *cfs_seal_get_role_name(enum cfs_seal_role role);

enum cfs_seal_kind {
	CFS_SEAL_ED25519,
	CFS_SEAL_PKCS7, /* as fs-verity's builtin signatures */
	CFS_SEAL_N_KINDS
};

struct cfs_seal_entry {
	bool is_present;
	enum cfs_seal_kind kind; /* of its signatures */
	struct cfs_digest digest;
	struct cfs_mem signatures; /* none: only the digest is announced */
};

struct cfs_seal {
	bool is_inline;
	struct cfs_oci_digest artifact; /* unless it is inline */
	struct cfs_seal_entry entries[CFS_SEAL_N_ROLES];
};

/* Frees the signatures, and zeroes it. A zeroed one is valid. */
void cfs_seal_fini(struct cfs_seal *s);

/* Computes what a seal of the container image has to have: entries without signatures. */
int cfs_seal_compute(const struct cfs_repo *repo, const struct cfs_container *c,
		     bool is_inline, struct cfs_seal *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Calls fn for each seal that the repository has of the container image: first those inline, one
 * for each kind of signature, then the artifacts. Nothing is compared or verified. rc: 0, or -EINVAL for a seal that is malformed,
 * which *err describes. */
int cfs_seal_list(const struct cfs_repo *repo, const struct cfs_container *c,
		  int (*fn)(void *ctx, const struct cfs_seal *s, int rc,
			    struct cfs_err *err),
		  void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* Gives the container image the manifest that "oci push" sends with this compression, so that an
 * artifact about it fits there, too. name: its tag, which gets the new manifest, or "@DIGEST". */
int cfs_seal_settle(struct cfs_repo *repo, const char *name,
		    enum cfs_compression compression, const struct cfs_watch *watch,
		    struct cfs_oci_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Stores a seal of the container image: an artifact, or a new manifest, which gets the tag name
 * unless that is "@DIGEST". manifest: its digest then. */
int cfs_seal_store(struct cfs_repo *repo, const struct cfs_container *c, const char *name,
		   struct cfs_seal *seal, struct cfs_oci_digest *manifest,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
