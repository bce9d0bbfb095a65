/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: how a tree becomes a digest, under names whose meaning never changes.
 * Owns:  the rules, the table of their names, what they make of a tree, the search for the rules behind a
 *        digest.
 * Uses:  base, hash, verity (digests), tree (builder), erofs (writer).
 * Never: reads a directory, writes a file, prints.
 *
 * A tree that holds everything (hard links, all xattrs, full times, small contents) is turned into the tree
 * that the rules allow. What the rules keep and the tree does not tell is an error, never a guess.
 */
#ifndef CFS_PROFILE_H
#define CFS_PROFILE_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "hash/hash.h"
#include "tree/tree.h"
#include "verity/verity.h"

/* --- The rules ----------------------------------------------------------------------- */

enum cfs_format_rule {
	CFS_FORMAT_0_OR_1, /* 1 where the tree has whiteouts */
	CFS_FORMAT_0,
	CFS_FORMAT_1,
};

enum cfs_links_rule {
	CFS_LINKS_FLATTENED, /* each name is a file of its own, with a link count of 1 */
	CFS_LINKS_KEPT,
};

enum cfs_xattr_rule {
	CFS_XATTRS_ALL,
	CFS_XATTRS_USER, /* "user." */
	CFS_XATTRS_NONE,
	CFS_XATTRS_OCI, /* "security.capability" alone */
	CFS_XATTRS_OCI_USER,
	CFS_XATTRS_SHOWN, /* those that a mount shows, see cfs_image_shows_xattr */
};

enum cfs_mtime_rule {
	CFS_MTIME_NSEC,
	CFS_MTIME_SEC, /* cut off to seconds */
	CFS_MTIME_EPOCH,
};

enum cfs_time_rule {
	CFS_TIME_UNSIGNED, /* as cfs_image_opts.unsigned_times */
	CFS_TIME_SIGNED,   /* the smallest mtime is the earliest */
};

/* Whiteouts in a tree are not for the mount of its image, but for an overlay mount whose lower layers lie in that
 * mount. */
enum cfs_deletion_rule {
	/* In an opaque directory nothing is left to be hidden: it stays opaque, and its whiteouts go. Each name of a
	 * whiteout is a whiteout of its own. The mark of opaque directories stays, whatever the rule of xattrs says. */
	CFS_DELETIONS_KEPT,
	/* As mkcomposefs 1.0.8: a directory with a whiteout is marked as holding whiteouts, which takes away that it was
	 * opaque; and one that holds no more than another name of a whiteout is not marked. What was deleted shows. */
	CFS_DELETIONS_LOST,
	/* As cfsctl 0.9, of no profile: the directory has both marks, and Linux takes the first. What was deleted shows. */
	CFS_DELETIONS_TWICE,
};

enum cfs_root_rule {
	CFS_ROOT_FOUND,
	/* The root has mode, owner, time and xattrs of /usr, which must be a directory; of /run, if it is one, only
	 * itself stays, with the time of /usr. Source: oci.md 3. */
	CFS_ROOT_USR,
};

/* Which files are kept in the image, by size. */
enum {
	CFS_INLINE_NONE = 0,
	CFS_INLINE_64 = 64,
	CFS_INLINE_FOUND = -1, /* those whose content the source has */
};

struct cfs_profile_rules {
	enum cfs_hash_alg alg; /* of the image and of the objects */
	enum cfs_format_rule format;
	enum cfs_links_rule links;
	enum cfs_xattr_rule xattrs;
	enum cfs_mtime_rule mtime;
	enum cfs_root_rule root;
	enum cfs_deletion_rule deletions;
	enum cfs_time_rule first_time;
	int inline_max;		  /* bytes, or CFS_INLINE_FOUND */
	bool executables_outside; /* files with an x bit are never kept in the image */
	bool no_blocks;		  /* as cfs_image_opts */
	/* Of /boot and /sysroot, which must be directories, only themselves stay, with the time of /usr; there is
	 * no security.selinux. Of no profile; trees with SELinux, whose labels it would want, are refused.
	 * Source: oci.md 3, and for the time, which is whole, cfsctl 0.9.4. */
	bool bootable;
};

/* --- Names --------------------------------------------------------------------------- */

struct cfs_profile {
	const char *name;
	struct cfs_profile_rules rules;
};

/* All that there are, ended by a row without name. */
extern const struct cfs_profile cfs_profiles[];

/* -EINVAL: no such name; the message lists all. */
int cfs_profile_find(const char *name, const struct cfs_profile **out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The profile with exactly these rules, or NULL. */
const struct cfs_profile *cfs_profile_of(const struct cfs_profile_rules *rules);

/* The profile by that algorithm that differs from these rules in the fewest, the first of several. */
const struct cfs_profile *cfs_profile_nearest(const struct cfs_profile_rules *rules);

/* The rules one by one, as "hard links", for programs "hard_links", and "kept": i from 0 on, false behind
 * the last. */
struct cfs_profile_rule {
	const char *name, *key, *value;
	char buf[24]; /* may hold value */
};
bool cfs_profile_rule(const struct cfs_profile_rules *rules, unsigned i,
		      struct cfs_profile_rule *out);

/* --- Use ----------------------------------------------------------------------------- */

/* The tree that the rules make of another one. *out is the caller's. -ENODATA: they want to know what the tree
 * does not tell (the content of a file, a digest by another algorithm); -ENOENT, -ENOTDIR: /usr, /run, /boot or
 * /sysroot are not what they have to be; -ENOTSUP: bootable, and it has SELinux; the message names the path. */
int cfs_profile_apply(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		      struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

/* What the rules tell the writer. */
struct cfs_image_opts cfs_profile_image(const struct cfs_profile_rules *rules);

/* The digest of the image of a tree that has been through cfs_profile_apply. */
int cfs_profile_measure(const struct cfs_tree *ruled,
			const struct cfs_profile_rules *rules, struct cfs_digest *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The digest of the image of a tree: all three of the above, and nothing is kept. */
int cfs_profile_digest(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		       struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- Deletions ------------------------------------------------------------------------- */

/* How many directories of a tree would lose deletions under CFS_DELETIONS_LOST (of a tree that went through
 * CFS_DELETIONS_KEPT: none), each told to fn in the order of the tree; fn may be NULL. -ENOMEM. */
typedef void (*cfs_deletions_fn)(void *ctx, cfs_id dir);
int cfs_profile_find_lost(const struct cfs_tree *tree, cfs_deletions_fn fn, void *ctx,
			  size_t *n, struct cfs_err *err) CFS_MUST_CHECK;

/* Does CFS_DELETIONS_KEPT make another tree of this one? */
int cfs_profile_keeps_more(const struct cfs_tree *tree, bool *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* --- The search ---------------------------------------------------------------------- */

/* Zero is the default. */
struct cfs_profile_search {
	unsigned threads;	       /* 0: one a CPU. Each has a copy of the tree */
	const struct cfs_watch *watch; /* may be NULL. Progress counts "sets of rules" */
};

enum { CFS_PROFILES_MAX = 16 };

struct cfs_profile_match {
	bool found;
	/* The names that fit, in the order of the table; 0: none. */
	const struct cfs_profile *profiles[CFS_PROFILES_MAX];
	size_t n_profiles;
	struct cfs_profile_rules
		rules; /* of the first that fits, with a name or without */
	bool deletions_matter, times_matter; /* for this tree, of rules without a name */
	size_t n_named;			     /* profiles by that algorithm */
	size_t n_candidates; /* images that there were to digest, if none had fitted before */
	size_t n_impossible; /* sets of rules that the tree cannot be brought under */
	struct cfs_err why;  /* the first of these: the reason */
};

/* Looks for the rules under which a tree has that digest: first those with a name, then all combinations
 * of single rules, as far as they make a difference for this tree; inline limits other than 0 and 64 are not
 * tried, but what the tree has. The result does not depend on the number of threads. -ENOMEM and -ECANCELED are the only errors. */
int cfs_profile_find_rules(const struct cfs_tree *tree, const struct cfs_digest *expected,
			   const struct cfs_profile_search *opts,
			   struct cfs_profile_match *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
