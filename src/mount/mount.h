/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: an image and its objects as a file system: options -> steps -> system calls.
 * Owns:  the text of mount options, what must hold before an image is mounted, the ways
 *        that kernels take an image, the loop device.
 * Uses:  base, verity (digests, measuring), erofs (the header's constants).
 * Never: opens the image or parses its tree, prints, reads the environment.
 *
 * Two superblocks are made: EROFS from the image, and an overlay over it whose data
 * layers are the object directories. A kernel takes them in one of several ways; they are
 * data (struct cfs_way), tried in order, and each step names the errors that lead to the
 * next way.
 */
#ifndef CFS_MOUNT_H
#define CFS_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "verity/verity.h"

/* --- options ------------------------------------------------------------------------ */

enum cfs_mount_verity {
	CFS_MOUNT_VERITY_NONE,
	/* Required where the kernel and the objects' file system have it, else not. */
	CFS_MOUNT_VERITY_TRY,
	CFS_MOUNT_VERITY_REQUIRE,
};

/* Reading the image ahead: EROFS reads metadata page by page. */
enum cfs_mount_prefetch {
	CFS_MOUNT_PREFETCH_ASYNC, /* the reads are queued */
	CFS_MOUNT_PREFETCH_WAIT,  /* and waited for */
	CFS_MOUNT_PREFETCH_OFF,
};

enum { CFS_MOUNT_CONTEXTS = 4, CFS_MOUNT_SOURCE_MAX = 255 };

/* Zero is the default. Strings are lent and used as they are: nothing is escaped in them.
 */
struct cfs_mount_opts {
	/* Object directories, searched in order; at least one. They are the directories objdir_fds (O_PATH is enough),
	 * and objdirs are their names in messages. With objdir_fds NULL cfs_mount_fd opens objdirs as paths. */
	const char *const *objdirs;
	size_t n_objdirs;
	const char *upperdir; /* both or none: a writable mount */
	const char *workdir;
	bool give_root;	    /* a new upperdir gets the attributes of the image's root */
	const char *digest; /* hex text, NULL: none expected. Implies VERITY_REQUIRE */
	/* Somebody must vouch for the image. Implies VERITY_REQUIRE. vouch is asked for the
	 * digest that the kernel measures on the very descriptor that is mounted, and
	 * says 0, or why not; without it nothing is mounted. */
	bool require_signature;
	int (*vouch)(void *ctx, const struct cfs_digest *measured, struct cfs_err *err);
	void *vouch_ctx;
	enum cfs_mount_verity verity;
	enum cfs_mount_prefetch prefetch;
	bool readonly;
	bool idmap; /* owners are mapped by the user namespace behind idmap_fd */
	int idmap_fd;
	uint64_t attr;		/* MOUNT_ATTR_NOSUID and so on */
	const char *image_name; /* what losetup(8) shows; NULL: nothing */
	/* What the mount table shows as the source. NULL, or longer than the kernel takes (255 bytes):
	 * "composefs". */
	const char *source;
	/* SELinux, of the overlay: context=, fscontext=, defcontext=, rootcontext=. NULL: not given. */
	const char *context[CFS_MOUNT_CONTEXTS];
	bool sync, dirsync, lazytime; /* of the overlay: for what goes to upperdir */
	const int *objdir_fds;
};

/* Whether no byte of an object is believed that the image's digest of it does not cover:
 * with a digest, or with VERITY_REQUIRE. The image itself is checked with a digest alone. */
bool cfs_mount_requires_verity(const struct cfs_mount_opts *o);

/* Whether the image is compared with a digest or a signature. VERITY_REQUIRE alone does not count:
 * everybody can make an image, and objects with fs-verity for it. */
bool cfs_mount_is_vouched_for(const struct cfs_mount_opts *o);

/* For images that nobody vouches for: adds nosuid and nodev, but those that are allowed (MOUNT_ATTR_NOSUID,
 * MOUNT_ATTR_NODEV). Whoever made the image chooses what its setuid programs do, and which disks its device
 * nodes open to everybody. Returns what was added. */
uint64_t cfs_mount_restrain(struct cfs_mount_opts *o, uint64_t allowed);

/* What was added and what comes of it, for a warning; static. NULL where nosuid was not added: it was
 * thought of, and few images have device nodes. */
const char *cfs_mount_restraint_text(uint64_t added);

/* What can be said about options without looking at anything else: -EINVAL. */
int cfs_mount_check(const struct cfs_mount_opts *o, struct cfs_err *err) CFS_MUST_CHECK;

/* --- options as text ---------------------------------------------------------------- */

/* The option string of mount(8). Starts zeroed; the strings in opts live until _fini. */
struct cfs_mount_args {
	struct cfs_mount_opts opts;
	/* What the caller's vouch goes by; each sets opts.require_signature. */
	const char *signature, *statement, *name, *floor; /* NULL: not given */
	const char *trusted; /* directory of keys; NULL: the default ones */
	const char *idmap;   /* path of a user namespace, to be opened by the caller */
	/* in: unknown options are passed over, as mount -s wants it, but none that looks like one that makes
	 * the mount stricter */
	bool sloppy;
	bool remount;	  /* an image that is mounted: cfs_mount_remount */
	uint64_t allowed; /* restraints that cfs_mount_restrain does not add */
	struct cfs_arena arena;
};

/* Adds the options of one string to args: names and values separated by commas; in a
 * value a backslash makes the next character literal. The last of a repeated option
 * counts. -EINVAL: unknown, without its value, or malformed; -ENOMEM. Opens and checks
 * nothing. */
int cfs_mount_parse(struct cfs_mount_args *args, const char *text,
		    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_mount_args_fini(struct cfs_mount_args *args);

/* --- what has to be known before the steps can be said ------------------------------ */

/* Opens the object directories of o as paths, once, and puts the descriptors into o, unless it has some. They are
 * closed by cfs_mount_dirs_close, after which o is not used any more. -errno of open(2), -ENOMEM. */
struct cfs_mount_dirs {
	int *fds;
	size_t n;
};
int cfs_mount_dirs_open(struct cfs_mount_dirs *out, struct cfs_mount_opts *o,
			struct cfs_err *err) CFS_MUST_CHECK;
void cfs_mount_dirs_close(struct cfs_mount_dirs *dirs);

struct cfs_mount_facts {
	bool has_acl;	       /* the image's header says that it has POSIX ACLs */
	bool objects_verity;   /* an object directory's file system has fs-verity */
	uint64_t prefetch_len; /* bytes to read ahead; 0: none, not wanted or too large */
};

/* Inspects the image behind fd, which must be readable, in this order: compares the expected digest with what the
 * kernel measures on this descriptor, has the signature verified, reads the header, opens the object directories (into
 * dirs, closed by the caller, also after a failure), and asks whether their filesystems have fs-verity, where it is
 * wanted. Needs no privilege. -ENOTTY: no fs-verity on the image, or on no object directory although it is required;
 * -EILSEQ: another digest; -EINVAL: not a composefs image; -errno of open(2); the code of the signature check. */
int cfs_mount_inspect(int fd, struct cfs_mount_opts *o, struct cfs_mount_dirs *dirs,
		      struct cfs_mount_facts *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- steps -------------------------------------------------------------------------- */

/* "The source" is the image's descriptor, or the loop device once there is one; "the
 * image mount" is the EROFS mount. */
enum cfs_step_op {
	CFS_STEP_OPEN,	  /* fsopen(key) */
	CFS_STEP_REFUSED, /* fsconfig: a flag that must be refused; taken: the next way */
	CFS_STEP_FLAG,	  /* fsconfig: the flag key */
	CFS_STEP_STRING,  /* fsconfig: key=value */
	CFS_STEP_SOURCE, /* fsconfig: key=path of the source: /proc/self/fd/N, or /dev/loopN */
	CFS_STEP_DIR, /* fsconfig: key=descriptor of the directory value */
	CFS_STEP_DATA, /* fsconfig: key=descriptor of object directory number, called value */
	CFS_STEP_DATA_AT, /* fsconfig: key=path of object directory number, where it is attached */
	CFS_STEP_LOWER,	   /* fsconfig: key=descriptor of the image mount */
	CFS_STEP_LOWER_AT, /* fsconfig: key=path of the image mount, where it is attached
			    */
	CFS_STEP_CREATE,   /* fsconfig: make the superblock */
	CFS_STEP_MOUNT,	   /* fsmount with the attributes number: a detached mount */
	CFS_STEP_IDMAP,	   /* map that mount's owners by the user namespace fd */
	CFS_STEP_LOOP,	   /* put the source on a free loop device, shown as value */
	CFS_STEP_OLD, /* mount(2) of source: data key, path of the image mount, paths of the object
			      directories with separator before each, value; flags number. The result is a
			      detached copy */
	CFS_STEP_NAMES, /* object directory number, called value, has no names but those of objects */
	CFS_STEP_PREFETCH, /* read number bytes of the source ahead; value: and wait */
};

struct cfs_step {
	enum cfs_step_op op;
	const char *key;
	const char *value;
	const char *source, *separator; /* CFS_STEP_OLD */
	uint64_t number;
	int fd;
	const char *hint; /* for people: what EINVAL may mean */
	bool optional;	  /* a failure is passed over */
	int move_on[3];	  /* errnos that say: this kernel does not know this way */
};

/* One way to do a part of the work. */
struct cfs_way {
	const char *name; /* for people: "file", "loop", ... */
	struct cfs_step *steps;
	size_t n_steps;
};

enum { CFS_MOUNT_WAYS = 3 };

struct cfs_ways {
	struct cfs_way way[CFS_MOUNT_WAYS];
	size_t n;
};

/* The ways to mount the image, then the overlay over the image mount, both detached. The
 * ways called apart need the image mount attached to a path: they are taken in a mount
 * namespace of their own, so that nothing of it is ever seen, or left. */
struct cfs_steps {
	struct cfs_ways image, overlay, apart;
	/* Get the attributes of the image's root directory, or NULL. */
	const char *new_upper, *new_work;
	const char *const *objdirs; /* of the options, as objdir_fds */
	const int *objdir_fds;
	size_t n_objdirs;
	struct cfs_arena arena;
};

/* Says what to do, and does nothing. out is finished by the caller after success; it
 * borrows the strings of o. -ENOMEM. */
int cfs_mount_steps(const struct cfs_mount_opts *o, const struct cfs_mount_facts *facts,
		    struct cfs_steps *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_steps_fini(struct cfs_steps *steps);

/* --- carrying them out -------------------------------------------------------------- */

/* Which ways the kernel took: names, static. */
struct cfs_mount_taken {
	const char *image, *overlay;
};

/* The privileged part. Mounts the image behind fd at mountpoint, or leaves everything as
 * it was (but the attributes of a new upperdir). taken may be NULL. The message holds what the kernel said. -errno of the system
 * call. */
int cfs_mount_apply(const struct cfs_steps *steps, int fd, const char *mountpoint,
		    struct cfs_mount_taken *taken, struct cfs_err *err) CFS_MUST_CHECK;

/* All of it: check, inspect, steps, apply. fd stays the caller's. */
int cfs_mount_fd(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
		 struct cfs_mount_taken *taken, struct cfs_err *err) CFS_MUST_CHECK;

/* Changes the mount at mountpoint, and nothing of its superblock: read-only or not, and the attributes, of
 * o. Nothing is verified anew, so nosuid and nodev stay where they are, unless they are allowed.
 * -EINVAL: no image is mounted there. */
int cfs_mount_remount(const char *mountpoint, const struct cfs_mount_opts *o,
		      uint64_t allowed, struct cfs_err *err) CFS_MUST_CHECK;

/* Puts the calling thread in a mount namespace of its own, from which no mount gets out. Its root and
 * working directory stay the same, and are its own. */
int cfs_namespace_enter(struct cfs_err *err) CFS_MUST_CHECK;

#endif
