/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/options: the options of a mount, and their text.
 * Owns:  struct cfs_mount_opts, the option string of mount(8), the rules for unverified
 *        images.
 * Uses:  base, verity (digest type).
 * Never: opens a file, makes a system call.
 */
#ifndef CFS_MOUNT_OPTIONS_H
#define CFS_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "verity/verity.h"

enum cfs_mount_verity {
	CFS_MOUNT_VERITY_NONE,
	/* Required if the kernel and the filesystem of the objects support it, otherwise
	 * not. */
	CFS_MOUNT_VERITY_TRY,
	CFS_MOUNT_VERITY_REQUIRE,
};

/* How the image is read ahead. EROFS reads metadata page by page. */
enum cfs_mount_prefetch {
	CFS_MOUNT_PREFETCH_ASYNC, /* queue the reads */
	CFS_MOUNT_PREFETCH_WAIT,  /* wait for them as well */
	CFS_MOUNT_PREFETCH_OFF,
};

enum {
	CFS_MOUNT_CONTEXTS = 4,
	CFS_MOUNT_SOURCE_MAX = 255, /* bytes; the limit of fsconfig(2) */
};

/* A mount that shows what EROFS would show of the image: the lower layer of the overlay. */
struct cfs_mount_layer {
	int fd; /* detached, and served already */
	/* The xattrs for overlayfs are user.overlay.*, so the overlay is mounted with
	 * userxattr: for user namespaces. */
	bool userxattr;
};

/* Zero is the default. Strings and descriptors are borrowed. Nothing is escaped in the
 * strings. */
struct cfs_mount_opts {
	/* The data layers: object directories, searched in order; at least one. They are the directories
	 * objdir_fds (O_PATH is enough), and objdirs has their names for messages. If
	 * objdir_fds is NULL, cfs_mount_fd opens objdirs as paths. */
	const char *const *objdirs;
	size_t n_objdirs;
	const char *upperdir; /* both or none: a writable mount */
	const char *workdir;
	bool give_root;	    /* a new upperdir gets the attributes of the image's root */
	const char *digest; /* expected, in hex; NULL: any. Implies VERITY_REQUIRE */
	/* The image must be signed. Implies VERITY_REQUIRE. check_signature gets the
	 * digest that the kernel measures on the descriptor that is mounted, and returns
	 * 0 or -errno. Without it such a mount is refused. */
	bool require_signature;
	int (*check_signature)(void *ctx, const struct cfs_digest *measured,
			       struct cfs_err *err);
	void *check_signature_ctx;
	enum cfs_mount_verity verity;
	enum cfs_mount_prefetch prefetch;
	bool readonly;
	bool idmap; /* map owners by the user namespace idmap_fd */
	int idmap_fd;
	uint64_t attr;		/* MOUNT_ATTR_* */
	const char *image_name; /* shown by losetup(8); NULL: none */
	/* The source in the mount table. NULL or longer than CFS_MOUNT_SOURCE_MAX:
	 * "composefs". */
	const char *source;
	/* SELinux contexts of the overlay: context=, fscontext=, defcontext=,
	 * rootcontext=. NULL: not given. */
	const char *context[CFS_MOUNT_CONTEXTS];
	bool sync, dirsync, lazytime; /* of the overlay; they affect the upperdir */
	/* For the record of the mount (record.h): a server verifies objects at their first open; the name of its
	 * counters. */
	bool first_open;
	bool every_read; /* a server verifies every read */
	const char *server;
	const int *objdir_fds;
	const struct cfs_mount_layer *layer; /* NULL: the kernel mounts the image */
};

/* Returns true if the kernel verifies every byte of an object against the digest in the
 * image: with VERITY_REQUIRE, and if the image is verified. */
bool cfs_mount_requires_verity(const struct cfs_mount_opts *o);

/* Returns true if the image is verified by a digest or a signature. VERITY_REQUIRE alone
 * does not verify it: anyone can make an image, and objects with fs-verity for it. */
bool cfs_mount_is_verified(const struct cfs_mount_opts *o);

/* Adds nosuid and nodev, for images that are not verified, except those in allowed
 * (MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV). The author of such an image chooses what its
 * setuid programs do, and which disks its device nodes make accessible. Returns the
 * attributes that were added. */
uint64_t cfs_mount_restrain(struct cfs_mount_opts *o, uint64_t allowed);

/* The added attributes and their effect, for a warning; static. NULL if nosuid was not
 * added: the user asked for it, and few images have device nodes. */
const char *cfs_mount_restraint_text(uint64_t added);

/* Checks options as far as possible without any other information: -EINVAL. */
int cfs_mount_check(const struct cfs_mount_opts *o, struct cfs_err *err) CFS_MUST_CHECK;

/* --- the option string of mount(8) -------------------------------------------------- */

/* Starts zeroed. The strings in opts live until _fini. */
struct cfs_mount_args {
	struct cfs_mount_opts opts;
	/* For check_signature. Each sets opts.require_signature. NULL: not given. */
	const char *signature, *statement, *name, *floor;
	const char *trusted; /* directory of keys; NULL: the default ones */
	const char *idmap;   /* path of a user namespace, which the caller opens */
	/* An image of a repository, which "composefs mount" mounts: the options of that name,
	 * see cfs_mount_check_repo. NULL: not given. */
	const char *repo, *verify, *lazy, *method;
	/* Set by the caller: ignore unknown options, as mount -s does, unless they look
	 * like options that make the mount stricter. */
	bool sloppy;
	bool remount;	  /* change an existing mount: cfs_mount_remount */
	uint64_t allowed; /* for cfs_mount_restrain */
	struct cfs_arena arena;
};

/* Adds the options of one string to args: names and values, separated by commas; in a
 * value a backslash makes the next character literal. The last of repeated options
 * counts. -EINVAL: unknown (the message does not have its value) or malformed; -ENOMEM.
 * Opens and checks nothing. */
int cfs_mount_parse(struct cfs_mount_args *args, const char *text,
		    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_mount_args_fini(struct cfs_mount_args *args);

/* Checks that the options go together with repo, or, without it, that none needs it.
 * -EINVAL: the message names the option. */
int cfs_mount_check_repo(const struct cfs_mount_args *args,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
