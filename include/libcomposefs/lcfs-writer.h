/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libcomposefs: trees of nodes, written to images and loaded from them.
 *
 * Return values: functions that return int give 0, or -1 with errno (the three that give
 * -errno say so); functions that return a pointer give NULL with errno. errno is
 * unspecified after success. ENOMEM is possible wherever memory is allocated.
 *
 * Ownership: a new node has one reference, the caller's. Strings and buffers passed in
 * are copied, also when they are the node's own. Pointers that come out of a node are
 * lent: they live until that property is changed or the node dies.
 *
 * Threads: different trees may be used by different threads at once. One tree may be
 * read (getters, lcfs_write_to with separate options) by several threads, as long as
 * none changes it. */
#ifndef _LCFS_WRITER_H
#define _LCFS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef LCFS_EXTERN
#define LCFS_EXTERN extern
#endif

#define LCFS_DIGEST_SIZE 32 /* bytes of an fs-verity SHA-256 digest */

enum {
	LCFS_BUILD_SKIP_XATTRS = (1 << 0),    /* no extended attributes */
	LCFS_BUILD_USE_EPOCH = (1 << 1),      /* all mtimes 0 */
	LCFS_BUILD_SKIP_DEVICES = (1 << 2),   /* no devices below the root */
	LCFS_BUILD_COMPUTE_DIGEST = (1 << 3), /* set the digest of regular files */
	LCFS_BUILD_NO_INLINE = (1 << 4),      /* keep no content, however small */
	LCFS_BUILD_USER_XATTRS = (1 << 5),    /* only xattrs that begin with "user." */
	LCFS_BUILD_BY_DIGEST = (1 << 6)	      /* payload is the object path, xx/rest */
};

enum lcfs_format_t { LCFS_FORMAT_EROFS };

enum lcfs_flags_t { LCFS_FLAGS_NONE = 0, LCFS_FLAGS_MASK = 0 };

#define LCFS_VERSION_MAX	 1
#define LCFS_DEFAULT_VERSION_MIN 0
#define LCFS_DEFAULT_VERSION_MAX 1

/* Bytes: the header of an xattr in an image; the xattrs of a node, of which each counts as
 * 7 + key + value, and all together as 12 more; the content that a node can hold; the
 * content of a file up to which lcfs_build keeps it in the node. */
#define LCFS_INODE_XATTRMETA_SIZE	    4
#define LCFS_INODE_EXTERNAL_XATTR_MAX	    32767
#define LCFS_INLINE_CONTENT_MAX		    5000
#define LCFS_RECOMMENDED_INLINE_CONTENT_MAX 64

/* Read up to count bytes into buf: the count, 0 at the end, negative on failure with
 * errno. */
typedef ssize_t (*lcfs_read_cb)(void *file, void *buf, size_t count);

/* Take up to count bytes: how many were taken; the rest is offered again. 0 fails with
 * EIO, negative with the errno that the callback sets (EIO when it sets none). */
typedef ssize_t (*lcfs_write_cb)(void *file, void *buf, size_t count);

struct lcfs_node_s;
struct timespec; /* strict C99 has none */

/* Start zeroed. */
struct lcfs_write_options_s {
	uint32_t format;  /* LCFS_FORMAT_EROFS */
	uint32_t version; /* in: lowest format version; out: the one that was written */
	uint32_t flags;	  /* LCFS_FLAGS_NONE */
	/* LCFS_DIGEST_SIZE bytes for the fs-verity digest of the image, or NULL. */
	uint8_t *digest_out;
	void *file;		     /* handed to the callback, not looked at */
	lcfs_write_cb file_write_cb; /* NULL: nothing is written */
	uint32_t max_version;	     /* highest version; raised to version when below */
	uint32_t reserved[3];
	void *reserved2[4];
};

/* Start zeroed. */
struct lcfs_read_options_s {
	/* NULL-terminated names: only these entries of the root are loaded; NULL: all. */
	const char *const *toplevel_entries;
	uint32_t reserved[3];
	void *reserved2[4];
};

/* --- life of a node ----------------------------------------------------------------- */

/* mode 0, nlink 1, all else 0; no name, no parent. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_new(void);

/* One more reference; returns node. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_ref(struct lcfs_node_s *node);

/* One reference less; NULL is fine. With the last one of a directory its whole subtree
 * is taken apart: all descendants lose name, parent and the reference that their
 * parent held. What a parent and hard links hold is not the caller's: to drop it does
 * nothing. */
LCFS_EXTERN void lcfs_node_unref(struct lcfs_node_s *node);

/* A new node with the same data and the same hard link target, without name, parent,
 * children. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_clone(struct lcfs_node_s *node);

/* The whole subtree. Hard links to nodes inside it point to the copies. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_clone_deep(struct lcfs_node_s *node);

/* --- the tree ----------------------------------------------------------------------- */

/* Takes over the caller's reference to child on success, and only then. Children
 * enumerate in byte order of their names. The child may still be without a mode.
 * ENOTDIR: parent is no directory; EINVAL: empty name; ENAMETOOLONG: above 255 bytes;
 * EMLINK: child has a parent; ELOOP: child is parent or above it; EEXIST: the name is
 * taken. */
LCFS_EXTERN int lcfs_node_add_child(struct lcfs_node_s *parent, struct lcfs_node_s *child,
				    const char *name);

/* Lent; NULL, and errno untouched, when there is none. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_lookup_child(struct lcfs_node_s *node,
						       const char *name);
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_parent(struct lcfs_node_s *node);
LCFS_EXTERN const char *lcfs_node_get_name(struct lcfs_node_s *node);
LCFS_EXTERN size_t lcfs_node_get_n_children(struct lcfs_node_s *node);
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_child(struct lcfs_node_s *node, size_t i);

/* Is the mode that of a directory? */
LCFS_EXTERN bool lcfs_node_dirp(struct lcfs_node_s *node);

/* Makes node one more name of target, whose nlink goes up by one and which node keeps
 * a reference to. node's own metadata no longer counts. A link that cannot be (to
 * itself, in a circle) is remembered: lcfs_write_to fails with EINVAL. */
LCFS_EXTERN void lcfs_node_make_hardlink(struct lcfs_node_s *node,
					 struct lcfs_node_s *target);

/* The direct target, lent; NULL: node is no hard link. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_hardlink_target(struct lcfs_node_s *node);

/* --- metadata ----------------------------------------------------------------------- */

/* st_mode: type and permission bits. */
LCFS_EXTERN uint32_t lcfs_node_get_mode(struct lcfs_node_s *node);
/* Unchecked: a wrong type makes lcfs_write_to fail with EINVAL. */
LCFS_EXTERN void lcfs_node_set_mode(struct lcfs_node_s *node, uint32_t mode);
/* EINVAL: the type is none of the seven. */
LCFS_EXTERN int lcfs_node_try_set_mode(struct lcfs_node_s *node, uint32_t mode);

/* Owner and group: all 32 bits count. */
LCFS_EXTERN uint32_t lcfs_node_get_uid(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_uid(struct lcfs_node_s *node, uint32_t uid);
LCFS_EXTERN uint32_t lcfs_node_get_gid(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_gid(struct lcfs_node_s *node, uint32_t gid);

/* Device number; 32 bits of it are kept, as many as Linux has. */
LCFS_EXTERN uint64_t lcfs_node_get_rdev64(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_rdev64(struct lcfs_node_s *node, uint64_t rdev);
LCFS_EXTERN __attribute__((deprecated)) uint32_t
lcfs_node_get_rdev(struct lcfs_node_s *node);
LCFS_EXTERN __attribute__((deprecated)) void lcfs_node_set_rdev(struct lcfs_node_s *node,
								uint32_t rdev);

/* Names of the inode. Of directories it is computed while writing. */
LCFS_EXTERN uint32_t lcfs_node_get_nlink(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_nlink(struct lcfs_node_s *node, uint32_t nlink);

/* Bytes. Another value than the current one drops the content. */
LCFS_EXTERN uint64_t lcfs_node_get_size(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_size(struct lcfs_node_s *node, uint64_t size);

/* Time of last change; also before 1970. tv_nsec is not checked and stored as it is. */
LCFS_EXTERN void lcfs_node_get_mtime(struct lcfs_node_s *node, struct timespec *time);
LCFS_EXTERN void lcfs_node_set_mtime(struct lcfs_node_s *node, struct timespec *time);

/* --- payload, content, digest ------------------------------------------------------- */

/* Symlink target, or path of the backing file below the object directory; NULL: none.
 * The size is left alone. ENAMETOOLONG: above 4095 bytes. */
LCFS_EXTERN int lcfs_node_set_payload(struct lcfs_node_s *node, const char *payload);
/* For symlinks: sets the size, too. EINVAL: no symlink, or no or an empty target;
 * ENAMETOOLONG: as above. */
LCFS_EXTERN int lcfs_node_set_symlink_payload(struct lcfs_node_s *node,
					      const char *payload);
/* Lent; NULL: none was set. */
LCFS_EXTERN const char *lcfs_node_get_payload(struct lcfs_node_s *node);

/* Inline content; sets the size. data NULL or size 0: drops the content. EINVAL: above
 * LCFS_INLINE_CONTENT_MAX. */
LCFS_EXTERN int lcfs_node_set_content(struct lcfs_node_s *node, const uint8_t *data,
				      size_t size);
/* Lent: lcfs_node_get_size() bytes, or NULL. */
LCFS_EXTERN const uint8_t *lcfs_node_get_content(struct lcfs_node_s *node);

/* LCFS_DIGEST_SIZE bytes; there is no way to take it away again. */
LCFS_EXTERN void lcfs_node_set_fsverity_digest(struct lcfs_node_s *node,
					       uint8_t digest[LCFS_DIGEST_SIZE]);
/* Lent: LCFS_DIGEST_SIZE bytes; NULL: none was set. */
LCFS_EXTERN const uint8_t *lcfs_node_get_fsverity_digest(struct lcfs_node_s *node);
/* As the lcfs_compute_fsverity functions, into the node, which a failure leaves
 * unchanged. */
LCFS_EXTERN int lcfs_node_set_fsverity_from_content(struct lcfs_node_s *node, void *file,
						    lcfs_read_cb read_cb);
LCFS_EXTERN int lcfs_node_set_fsverity_from_fd(struct lcfs_node_s *node, int fd);

/* What a regular file of the node's size needs from fname (relative to dirfd): digest,
 * payload, content, as buildflags say (LCFS_BUILD_COMPUTE_DIGEST, _BY_DIGEST,
 * _NO_INLINE). Size 0: nothing is opened. ENODATA: shorter than the size, or not
 * readable. */
LCFS_EXTERN int lcfs_node_set_from_content(struct lcfs_node_s *node, int dirfd,
					   const char *fname, int buildflags);

/* --- extended attributes ------------------------------------------------------------ */

/* Lent: the value (not terminated, never NULL for an empty one) and its length where length
 * is not NULL; NULL, and errno untouched, when there is none. */
LCFS_EXTERN const char *lcfs_node_get_xattr(struct lcfs_node_s *node, const char *name,
					    size_t *length);
/* Replaces. ERANGE: name empty or above 255 bytes, or all together above
 * LCFS_INODE_EXTERNAL_XATTR_MAX; EINVAL: value above 65535 bytes. A failure keeps the
 * old value. */
LCFS_EXTERN int lcfs_node_set_xattr(struct lcfs_node_s *node, const char *name,
				    const char *value, size_t value_len);
/* ENODATA: there is none. */
LCFS_EXTERN int lcfs_node_unset_xattr(struct lcfs_node_s *node, const char *name);
LCFS_EXTERN size_t lcfs_node_get_n_xattr(struct lcfs_node_s *node);
/* In the order in which they were set, or stood in the image. Lent; NULL: index is out
 * of range. */
LCFS_EXTERN const char *lcfs_node_get_xattr_name(struct lcfs_node_s *node, size_t index);

/* --- from the file system ----------------------------------------------------------- */

/* One node from fname (relative to dirfd, a final symlink is not followed). EINVAL:
 * unknown flags, or SKIP_XATTRS with USER_XATTRS; ERANGE: too many xattrs; else from
 * the system calls. */
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_file(int dirfd, const char *fname,
							 int buildflags);

/* The same with all below it. Hard links become files of their own. On failure
 * *failed_path_out, unless NULL, is the path at fault, for the caller to free; may be
 * NULL. */
LCFS_EXTERN struct lcfs_node_s *lcfs_build(int dirfd, const char *fname, int buildflags,
					   char **failed_path_out);

/* --- fs-verity (SHA-256, blocks of 4096 bytes, no salt) ----------------------------- */

/* digest: LCFS_DIGEST_SIZE bytes to be filled in. Of all that the callback gives, of the
 * file from its offset to the end, of data_len bytes (data may be NULL when that is 0).
 * ENODATA: the callback, or reading, failed. */
LCFS_EXTERN int lcfs_compute_fsverity_from_content(uint8_t *digest, void *file,
						   lcfs_read_cb read_cb);
LCFS_EXTERN int lcfs_compute_fsverity_from_fd(uint8_t *digest, int fd);
LCFS_EXTERN int lcfs_compute_fsverity_from_data(uint8_t *digest, uint8_t *data,
						size_t data_len);

/* digest: as above. Asks the kernel. 0 or -errno, and errno: -ENOTTY no fs-verity here,
 * -EILSEQ another algorithm. */
LCFS_EXTERN int lcfs_fd_measure_fsverity(uint8_t *digest, int fd);
/* Asks the kernel, and computes where it does not know: of the whole file, wherever its
 * offset is. 0 or negative, and errno: -EBADF, -EILSEQ as above, -ESPIPE a pipe, -1 with
 * ENODATA not readable. */
LCFS_EXTERN int lcfs_fd_get_fsverity(uint8_t *digest, int fd);
/* Switches fs-verity on; the file can never be changed again. 0 or -errno, and errno:
 * -EOPNOTSUPP, -ENOTTY no fs-verity here, -EEXIST it is on, -ETXTBSY somebody has the
 * file open for writing. */
LCFS_EXTERN int lcfs_fd_enable_fsverity(int fd);

/* --- images ------------------------------------------------------------------------- */

/* Writes the tree below root, which is the root directory whatever its own name and
 * parent; the tree is not changed. The bytes come in order, in large pieces. EINVAL:
 * options, file types, names, hard links; ENOTDIR: root is no directory; EFBIG: a file
 * above 2^53 bytes; ERANGE: xattrs; else what the callback says. */
LCFS_EXTERN int lcfs_write_to(struct lcfs_node_s *root,
			      struct lcfs_write_options_s *options);

/* The root of a new tree, the caller's: from an image in memory, or that is all of a
 * file. Any bytes are safe to load. EINVAL: not an image, or malformed; ENOTSUP: another
 * version of the header; else as reading fails. options may be NULL. */
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_image(const uint8_t *image_data,
							  size_t image_data_size);
LCFS_EXTERN struct lcfs_node_s *
lcfs_load_node_from_image_ext(const uint8_t *image_data, size_t image_data_size,
			      const struct lcfs_read_options_s *options);
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_fd(int fd);
LCFS_EXTERN struct lcfs_node_s *
lcfs_load_node_from_fd_ext(int fd, const struct lcfs_read_options_s *options);

/* The format version that an image says it has: 0 or 1 when it is one of lcfs_write_to;
 * the offset of fd is not used. EINVAL: not an image; else as reading fails. */
LCFS_EXTERN int lcfs_version_from_fd(int fd);

#ifdef __cplusplus
}
#endif

#endif
