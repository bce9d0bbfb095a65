/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/steps: the steps of a mount, as data.
 * Owns:  the facts that decide the steps, the ways in which kernels mount an image, the
 *        order of the steps.
 * Uses:  mount/options.
 * Never: has an effect outside the process, except reading ahead and the steps that
 *        cfs_mount_apply executes.
 *
 * Two superblocks are made: EROFS from the image, and an overlay over it whose data
 * layers are the object directories. Kernels support different ways to do that. They are
 * tried in order; a step names the errors that mean "this kernel does not support this
 * way".
 */
#ifndef CFS_MOUNT_STEPS_H
#define CFS_MOUNT_STEPS_H

#include "mount/options.h"

/* --- facts -------------------------------------------------------------------------- */

/* Open object directories. */
struct cfs_mount_dirs {
	int *fds;
	size_t n;
};

/* Opens the object directories of o as paths, and puts the descriptors into o, unless it
 * has some. The caller closes them with cfs_mount_dirs_close, and does not use o
 * afterwards. -errno of open(2), -ENOMEM. */
int cfs_mount_dirs_open(struct cfs_mount_dirs *out, struct cfs_mount_opts *o,
			struct cfs_err *err) CFS_MUST_CHECK;
void cfs_mount_dirs_close(struct cfs_mount_dirs *dirs);

struct cfs_mount_facts {
	bool has_acl;	       /* the header of the image says that it has POSIX ACLs */
	bool objects_verity;   /* the filesystem of an object directory has fs-verity */
	uint64_t prefetch_len; /* bytes to read ahead; 0: not wanted, or too large */
};

/* Inspects the image behind fd, which must be readable, in this order: compares the
 * expected digest with what the kernel measures on this descriptor, has the signature
 * verified, reads the header, opens the object directories (into dirs, closed by the
 * caller, also after a failure), and asks whether their filesystems have fs-verity, where
 * it is wanted. Needs no privilege. -ENOTTY: no fs-verity on the image, or on no object
 * directory although it is required; -EILSEQ: another digest; -EINVAL: not a composefs
 * image; -errno of open(2); the code of the signature check. */
int cfs_mount_inspect(int fd, struct cfs_mount_opts *o, struct cfs_mount_dirs *dirs,
		      struct cfs_mount_facts *out, struct cfs_err *err) CFS_MUST_CHECK;

/* --- steps -------------------------------------------------------------------------- */

/* "The source" is the descriptor of the image, or the loop device if there is one; "the
 * image mount" is the EROFS mount. */
enum cfs_step_op {
	CFS_STEP_OPEN,	  /* fsopen(key) */
	CFS_STEP_REFUSED, /* fsconfig: a flag that must be refused; if not: the next way */
	CFS_STEP_FLAG,	  /* fsconfig: the flag key */
	CFS_STEP_STRING,  /* fsconfig: key=value */
	CFS_STEP_SOURCE, /* fsconfig: key=path of the source: /proc/self/fd/N or /dev/loopN */
	CFS_STEP_DIR, /* fsconfig: key=descriptor of the directory value */
	CFS_STEP_DATA, /* fsconfig: key=descriptor of object directory number, called value */
	CFS_STEP_DATA_AT, /* fsconfig: key=path of object directory number, where it is attached */
	CFS_STEP_LOWER,	   /* fsconfig: key=descriptor of the image mount */
	CFS_STEP_LOWER_AT, /* fsconfig: key=path of the image mount, where it is attached */
	CFS_STEP_CREATE,   /* fsconfig: create the superblock */
	CFS_STEP_MOUNT,	   /* fsmount with the attributes number: a detached mount */
	CFS_STEP_IDMAP,	   /* map the owners of that mount by the user namespace fd */
	CFS_STEP_LOOP,	   /* put the source on a free loop device, shown as value */
	CFS_STEP_OLD, /* mount(2) of source: data key, path of the image mount, paths of the object
			      directories with separator before each, value; flags number. The result is a
			      detached copy */
	CFS_STEP_NAMES, /* check that object directory number, called value, has only names of objects */
	CFS_STEP_PREFETCH, /* read number bytes of the source ahead; with a value: and wait */
};

struct cfs_step {
	enum cfs_step_op op;
	const char *key;
	const char *value;
	const char *source, *separator; /* CFS_STEP_OLD */
	uint64_t number;
	int fd;
	const char *hint; /* for people: what EINVAL may mean */
	bool optional;	  /* a failure is ignored */
	int move_on[3];	  /* errnos of kernels that do not support this way */
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
 * ways in apart need every layer attached to a path: they run in a private mount
 * namespace, so that nothing is ever visible or left behind. */
struct cfs_steps {
	struct cfs_ways image, overlay, apart;
	/* Get the attributes of the image's root directory, or NULL. */
	const char *new_upper, *new_work;
	const char
		*writable_by; /* the workdir of a mount that must be writable, or NULL */
	const char *const *objdirs; /* of the options, as objdir_fds */
	const int *objdir_fds;
	size_t n_objdirs;
	int layer_fd;	/* the image mount; -1: the ways in image make it */
	bool userxattr; /* the overlay has this option */
	struct cfs_arena arena;
};

/* Computes the steps, without side effects. out borrows the strings and descriptors of o;
 * the caller finishes it after success. -ENOMEM. */
int cfs_mount_steps(const struct cfs_mount_opts *o, const struct cfs_mount_facts *facts,
		    struct cfs_steps *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_steps_fini(struct cfs_steps *steps);

/* --- carrying them out -------------------------------------------------------------- */

/* The names of the ways that the kernel supports; static. image is "layer" for a layer of the options. */
struct cfs_mount_taken {
	const char *image, *overlay;
};

/* Mounts the image behind fd at mountpoint. After a failure nothing has changed but the
 * attributes of a new upperdir. taken may be NULL. Needs CAP_SYS_ADMIN. -errno of the
 * system call; the message has what the kernel reported. */
int cfs_mount_apply(const struct cfs_steps *steps, int fd, const char *mountpoint,
		    struct cfs_mount_taken *taken, struct cfs_err *err) CFS_MUST_CHECK;

#endif
