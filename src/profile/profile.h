/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: named rules that decide how a tree becomes a digest. The meaning of a name
 * never changes.
 * Owns:  the rules, the table of names, applying rules to a tree, the search for the
 *        rules of a digest.
 * Uses:  base, hash, verity (digests), tree (builder), selinux (labels), erofs (writer).
 * Never: reads a directory, writes a file, prints.
 *
 * The input is a tree with everything: hard links, all xattrs, full times, small
 * contents. It is turned into the tree that the rules allow. If the rules need data that
 * the tree does not have, that is an error, never a guess.
 */
#ifndef CFS_PROFILE_H
#define CFS_PROFILE_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "hash/hash.h"
#include "selinux/selinux.h"
#include "tree/tree.h"
#include "verity/verity.h"

/* --- The rules ----------------------------------------------------------------------- */

enum cfs_format_rule {
	CFS_FORMAT_0_OR_1, /* 1 if the tree has whiteouts */
	CFS_FORMAT_0,
	CFS_FORMAT_1,
};

enum cfs_links_rule {
	CFS_LINKS_FLATTENED, /* each name is a separate file with a link count of 1 */
	CFS_LINKS_KEPT,
};

enum cfs_xattr_rule {
	CFS_XATTRS_ALL,
	CFS_XATTRS_USER, /* "user." */
	CFS_XATTRS_NONE,
	CFS_XATTRS_OCI, /* only "security.capability" */
	CFS_XATTRS_OCI_USER,
	CFS_XATTRS_SHOWN, /* those that are visible in a mount, see cfs_image_shows_xattr */
};

enum cfs_mtime_rule {
	CFS_MTIME_NSEC,
	CFS_MTIME_SEC, /* truncated to seconds */
	CFS_MTIME_EPOCH,
};

enum cfs_time_rule {
	CFS_TIME_UNSIGNED, /* see cfs_image_opts.unsigned_times */
	CFS_TIME_SIGNED,   /* the smallest signed mtime is the earliest */
};

/* How to store whiteouts of the tree. They are not for the mount of the image itself, but
 * for an overlay mount whose lower layers are in that mount. */
enum cfs_deletion_rule {
	/* An opaque directory stays opaque, and its whiteouts are left out, because they
	 * hide nothing. Each name of a whiteout becomes a separate whiteout. The xattr of
	 * opaque directories is kept, whatever the rule for xattrs says. */
	CFS_DELETIONS_KEPT,
	/* As mkcomposefs 1.0.8: a directory with a whiteout is marked as containing
	 * whiteouts and is no longer opaque; a directory that contains only further names
	 * of a whiteout is not marked. Deleted files become visible. */
	CFS_DELETIONS_LOST,
	/* As cfsctl 0.9, in no profile: the directory gets both marks, and Linux uses the
	 * first. Deleted files become visible. */
	CFS_DELETIONS_TWICE,
};

enum cfs_root_rule {
	CFS_ROOT_FOUND,
	/* The root gets mode, owner, time and xattrs of /usr, which must be a directory.
	 * /run, if it is a directory, is emptied and gets the time of /usr. Source:
	 * section 3 of oci.md. */
	CFS_ROOT_USR,
};

/* The largest file that is stored in the image. */
enum {
	CFS_INLINE_NONE = 0,
	CFS_INLINE_64 = 64,
	CFS_INLINE_FOUND = -1, /* files whose content the source stores */
};

struct cfs_profile_rules {
	enum cfs_hash_alg alg; /* algorithm of the image and of the objects */
	enum cfs_format_rule format;
	enum cfs_links_rule links;
	enum cfs_xattr_rule xattrs;
	enum cfs_mtime_rule mtime;
	enum cfs_root_rule root;
	enum cfs_deletion_rule deletions;
	enum cfs_time_rule first_time;
	int inline_max;		  /* bytes, or CFS_INLINE_FOUND */
	bool executables_outside; /* files with an x bit are never stored in the image */
	bool no_blocks;		  /* see cfs_image_opts */
	/* /boot and /sysroot, which must be directories, are emptied and get the time of
	 * /usr, and security.selinux is that of the labels, see cfs_profile_apply_labels.
	 * In no profile. Source: section 3 of oci.md; cfsctl 0.9.4 for the time, which is
	 * not truncated. */
	bool bootable;
};

/* --- Names --------------------------------------------------------------------------- */

struct cfs_profile {
	const char *name;
	struct cfs_profile_rules rules;
};

/* All profiles. The last row has no name. */
extern const struct cfs_profile cfs_profiles[];

/* Finds a profile by name. -EINVAL: unknown name; the message lists all names. */
int cfs_profile_find(const char *name, const struct cfs_profile **out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the profile with exactly these rules. Returns NULL if there is none. */
const struct cfs_profile *
cfs_profile_find_by_rules(const struct cfs_profile_rules *rules);

/* Finds the profile with the same algorithm that differs in the fewest rules; the first
 * of several. Returns NULL if no profile has the algorithm. For messages that explain a
 * digest of no known profile. */
const struct cfs_profile *cfs_profile_find_nearest(const struct cfs_profile_rules *rules);

/* Returns rule i as text, for example "hard links", "hard_links" (the key in JSON) and
 * "kept". Returns false after the last rule. */
struct cfs_profile_rule {
	const char *name, *key, *value;
	char buf[24]; /* storage for value */
};
bool cfs_profile_format_rule(const struct cfs_profile_rules *rules, unsigned i,
			     struct cfs_profile_rule *out);

/* --- Use ----------------------------------------------------------------------------- */

/* Applies the rules to a tree. The caller frees *out. The message names the path.
 * -ENODATA: the tree does not have data that the rules need (the content of a file, or a
 * digest of another algorithm). -ENOENT, -ENOTDIR: /usr, /run, /boot or /sysroot is
 * missing or not a directory. -ENOTSUP: bootable, and the tree has SELinux, which needs
 * labels. watch may be NULL; -ECANCELED. */
int cfs_profile_apply(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		      const struct cfs_watch *watch, struct cfs_tree **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* The same, with the SELinux labels of the tree, which only bootable rules use. A hard link
 * gets its own inode if its label differs from that of the first name. labels->of may be
 * NULL: no label at all. */
int cfs_profile_apply_labels(const struct cfs_tree *tree,
			     const struct cfs_profile_rules *rules,
			     const struct cfs_selinux_labels *labels,
			     const struct cfs_watch *watch, struct cfs_tree **out,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Returns the options of the image writer for these rules. */
struct cfs_image_opts cfs_profile_get_image_opts(const struct cfs_profile_rules *rules);

/* Computes the digest of the image of a tree that cfs_profile_apply returned. */
int cfs_profile_measure(const struct cfs_tree *ruled,
			const struct cfs_profile_rules *rules,
			const struct cfs_watch *watch, struct cfs_digest *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Computes the digest of the image of a tree under rules, with the three functions
 * above. */
int cfs_profile_digest(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		       const struct cfs_watch *watch, struct cfs_digest *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- Deletions ------------------------------------------------------------------------- */

/* Counts the directories that lose deletions under CFS_DELETIONS_LOST and calls fn (may
 * be NULL) for each in the order of the tree. After CFS_DELETIONS_KEPT there are none.
 * -ENOMEM. */
typedef void (*cfs_deletions_fn)(void *ctx, cfs_id dir);
int cfs_profile_find_lost(const struct cfs_tree *tree, cfs_deletions_fn fn, void *ctx,
			  size_t *n, struct cfs_err *err) CFS_MUST_CHECK;

/* Sets *out to true if CFS_DELETIONS_KEPT changes this tree. */
int cfs_profile_keeps_more(const struct cfs_tree *tree, bool *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* --- The search ---------------------------------------------------------------------- */

/* Options of the search. Starts zeroed. */
struct cfs_profile_search {
	unsigned threads;	       /* 0: one per CPU. Each has a copy of the tree */
	const struct cfs_watch *watch; /* may be NULL. Progress counts "sets of rules" */
};

enum { CFS_PROFILES_MAX = 16 };

struct cfs_profile_match {
	bool found;
	/* Profiles with the expected digest, in the order of the table. */
	const struct cfs_profile *profiles[CFS_PROFILES_MAX];
	size_t n_profiles;
	struct cfs_profile_rules
		rules; /* of the first match, with or without a profile */
	bool deletions_matter,
		times_matter; /* the rules without a name depend on these for this tree */
	size_t n_named;	      /* number of profiles with that algorithm */
	size_t n_candidates;  /* number of images to digest if none matches early */
	size_t n_impossible;  /* sets of rules that cannot be applied to the tree */
	struct cfs_err why;   /* reason why the first of these cannot be applied */
};

/* Searches for the rules under which a tree has the expected digest: first the profiles,
 * then all combinations of rules that make a difference for this tree. Inline limits
 * other than 0, 64 and that of the tree are not tried. The result does not depend on the
 * number of threads. -ENOMEM and -ECANCELED are the only errors. */
int cfs_profile_find_rules(const struct cfs_tree *tree, const struct cfs_digest *expected,
			   const struct cfs_profile_search *opts,
			   struct cfs_profile_match *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
