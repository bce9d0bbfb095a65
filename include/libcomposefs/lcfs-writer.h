/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libcomposefs: trees of nodes, which are written to images and loaded from them.
 *
 * Return values: functions that return int return 0, or -1 with errno (the three that
 * return -errno say so). Functions that return a pointer return NULL with errno. errno is
 * unspecified after success. Every function that allocates memory can fail with ENOMEM.
 *
 * Ownership: a new node has one reference, which belongs to the caller. Strings and
 * buffers that are passed in are copied, also if they belong to the node itself. Pointers
 * that a getter returns are borrowed: they are valid until that property is changed or
 * the node is freed.
 *
 * Threads: different threads may use different trees at the same time. Several threads
 * may read one tree (getters, lcfs_write_to with separate options) as long as none
 * changes it. */
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
	LCFS_BUILD_SKIP_DEVICES = (1 << 2),   /* no device nodes below the root */
	LCFS_BUILD_COMPUTE_DIGEST = (1 << 3), /* set the digest of regular files */
	LCFS_BUILD_NO_INLINE = (1 << 4),      /* no inline content */
	LCFS_BUILD_USER_XATTRS = (1 << 5),    /* only xattrs in the namespace "user." */
	LCFS_BUILD_BY_DIGEST = (1 << 6)	      /* payload is the object path, xx/rest */
};

enum lcfs_format_t { LCFS_FORMAT_EROFS };

enum lcfs_flags_t { LCFS_FLAGS_NONE = 0, LCFS_FLAGS_MASK = 0 };

#define LCFS_VERSION_MAX	 1
#define LCFS_DEFAULT_VERSION_MIN 0
#define LCFS_DEFAULT_VERSION_MAX 1

/* Limits in bytes: the header of an xattr in an image; all xattrs of a node (each counts
 * as 7 + key + value, and 12 for all); the inline content of a node; the size of a file
 * up to which lcfs_build stores its content inline. */
#define LCFS_INODE_XATTRMETA_SIZE	    4
#define LCFS_INODE_EXTERNAL_XATTR_MAX	    32767
#define LCFS_INLINE_CONTENT_MAX		    5000
#define LCFS_RECOMMENDED_INLINE_CONTENT_MAX 64

/* Reads up to count bytes into buf. Returns the number of bytes, 0 at the end, or a
 * negative number with errno. */
typedef ssize_t (*lcfs_read_cb)(void *file, void *buf, size_t count);

/* Writes up to count bytes. Returns the number of bytes written; the rest is passed
 * again. 0 fails with EIO, a negative number with the errno that the callback sets (EIO
 * if it sets none). */
typedef ssize_t (*lcfs_write_cb)(void *file, void *buf, size_t count);

struct lcfs_node_s;
struct timespec; /* not defined in strict C99 */

/* Starts zeroed. */
struct lcfs_write_options_s {
	uint32_t format;  /* LCFS_FORMAT_EROFS */
	uint32_t version; /* in: lowest format version; out: the written one */
	uint32_t flags;	  /* LCFS_FLAGS_NONE */
	/* LCFS_DIGEST_SIZE bytes for the fs-verity digest of the image, or NULL. */
	uint8_t *digest_out;
	void *file;		     /* passed to the callback */
	lcfs_write_cb file_write_cb; /* NULL: nothing is written */
	uint32_t max_version;	     /* highest format version; at least version */
	uint32_t reserved[3];
	void *reserved2[4];
};

/* Starts zeroed. */
struct lcfs_read_options_s {
	/* NULL-terminated names: only these entries of the root are loaded; NULL: all. */
	const char *const *toplevel_entries;
	uint32_t reserved[3];
	void *reserved2[4];
};

/* --- references --------------------------------------------------------------------- */

/* Creates a node with mode 0, nlink 1 and everything else 0, without name and parent. The
 * caller owns the reference. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_new(void);

/* Adds a reference. Returns node. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_ref(struct lcfs_node_s *node);

/* Drops a reference of the caller; NULL is allowed. With the last reference to a
 * directory its whole subtree is dissolved: all descendants lose name, parent and the
 * reference that their parent held. References held by a parent and by hard links do not
 * belong to the caller: dropping them has no effect. */
LCFS_EXTERN void lcfs_node_unref(struct lcfs_node_s *node);

/* Copies a node: the same data and hard link target, without name, parent and children.
 * The caller owns the reference. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_clone(struct lcfs_node_s *node);

/* Copies a whole subtree. Hard links to nodes inside it refer to the copies. The caller
 * owns the reference. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_clone_deep(struct lcfs_node_s *node);

/* --- the tree ----------------------------------------------------------------------- */

/* Adds child to the directory parent as name. Takes over the caller's reference to child
 * on success only. Children are enumerated in byte order of their names. The mode of the
 * child may be set later. ENOTDIR: parent is not a directory; EINVAL: empty name;
 * ENAMETOOLONG: name of more than 255 bytes; EMLINK: child has a parent; ELOOP: child is
 * parent or one of its ancestors; EEXIST: the name exists. */
LCFS_EXTERN int lcfs_node_add_child(struct lcfs_node_s *parent, struct lcfs_node_s *child,
				    const char *name);

/* These return borrowed pointers; NULL, with errno unchanged, if there is none. get_child
 * takes an index in the order of the names. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_lookup_child(struct lcfs_node_s *node,
						       const char *name);
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_parent(struct lcfs_node_s *node);
LCFS_EXTERN const char *lcfs_node_get_name(struct lcfs_node_s *node);
LCFS_EXTERN size_t lcfs_node_get_n_children(struct lcfs_node_s *node);
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_child(struct lcfs_node_s *node, size_t i);

/* Is the node a directory, by its mode? */
LCFS_EXTERN bool lcfs_node_dirp(struct lcfs_node_s *node);

/* Makes node a hard link to target: increments its nlink and adds a reference. The own
 * metadata of node is ignored from then on. An invalid link (to itself, or in a circle)
 * is accepted here: lcfs_write_to fails with EINVAL. */
LCFS_EXTERN void lcfs_node_make_hardlink(struct lcfs_node_s *node,
					 struct lcfs_node_s *target);

/* Returns the direct target, borrowed; NULL: node is not a hard link. */
LCFS_EXTERN struct lcfs_node_s *lcfs_node_get_hardlink_target(struct lcfs_node_s *node);

/* --- metadata ----------------------------------------------------------------------- */

/* st_mode: type and permission bits. */
LCFS_EXTERN uint32_t lcfs_node_get_mode(struct lcfs_node_s *node);
/* Not checked: lcfs_write_to fails with EINVAL if the file type is invalid. */
LCFS_EXTERN void lcfs_node_set_mode(struct lcfs_node_s *node, uint32_t mode);
/* EINVAL: not one of the seven file types. */
LCFS_EXTERN int lcfs_node_try_set_mode(struct lcfs_node_s *node, uint32_t mode);

/* Owner and group, 32 bits each. */
LCFS_EXTERN uint32_t lcfs_node_get_uid(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_uid(struct lcfs_node_s *node, uint32_t uid);
LCFS_EXTERN uint32_t lcfs_node_get_gid(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_gid(struct lcfs_node_s *node, uint32_t gid);

/* Device number of a device node. Images have 32 bits, as Linux. */
LCFS_EXTERN uint64_t lcfs_node_get_rdev64(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_rdev64(struct lcfs_node_s *node, uint64_t rdev);
LCFS_EXTERN __attribute__((deprecated)) uint32_t
lcfs_node_get_rdev(struct lcfs_node_s *node);
LCFS_EXTERN __attribute__((deprecated)) void lcfs_node_set_rdev(struct lcfs_node_s *node,
								uint32_t rdev);

/* Number of hard links. For directories it is computed by lcfs_write_to. */
LCFS_EXTERN uint32_t lcfs_node_get_nlink(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_nlink(struct lcfs_node_s *node, uint32_t nlink);

/* Size in bytes. Setting another value drops the inline content. */
LCFS_EXTERN uint64_t lcfs_node_get_size(struct lcfs_node_s *node);
LCFS_EXTERN void lcfs_node_set_size(struct lcfs_node_s *node, uint64_t size);

/* Modification time; may be before 1970. tv_nsec is stored without a check. */
LCFS_EXTERN void lcfs_node_get_mtime(struct lcfs_node_s *node, struct timespec *time);
LCFS_EXTERN void lcfs_node_set_mtime(struct lcfs_node_s *node, struct timespec *time);

/* --- payload, content, digest ------------------------------------------------------- */

/* Sets the target of a symlink, or the path of the backing file below the object
 * directory; NULL removes it. Does not change the size. ENAMETOOLONG: more than 4095
 * bytes. */
LCFS_EXTERN int lcfs_node_set_payload(struct lcfs_node_s *node, const char *payload);
/* Sets the target and the size of a symlink. EINVAL: not a symlink, or an empty or no
 * target; ENAMETOOLONG: more than 4095 bytes. */
LCFS_EXTERN int lcfs_node_set_symlink_payload(struct lcfs_node_s *node,
					      const char *payload);
/* Returns the payload, borrowed; NULL: none. */
LCFS_EXTERN const char *lcfs_node_get_payload(struct lcfs_node_s *node);

/* Sets the inline content and the size. data NULL or size 0 removes the content. EINVAL:
 * more than LCFS_INLINE_CONTENT_MAX bytes. */
LCFS_EXTERN int lcfs_node_set_content(struct lcfs_node_s *node, const uint8_t *data,
				      size_t size);
/* Returns the inline content, borrowed: lcfs_node_get_size() bytes, or NULL. */
LCFS_EXTERN const uint8_t *lcfs_node_get_content(struct lcfs_node_s *node);

/* Sets the fs-verity digest of the backing file. It can be replaced, but not removed. */
LCFS_EXTERN void lcfs_node_set_fsverity_digest(struct lcfs_node_s *node,
					       uint8_t digest[LCFS_DIGEST_SIZE]);
/* Returns the digest, borrowed: LCFS_DIGEST_SIZE bytes; NULL: none. */
LCFS_EXTERN const uint8_t *lcfs_node_get_fsverity_digest(struct lcfs_node_s *node);
/* Set the digest of the node as the lcfs_compute_fsverity functions compute it. After a
 * failure the node is unchanged. */
LCFS_EXTERN int lcfs_node_set_fsverity_from_content(struct lcfs_node_s *node, void *file,
						    lcfs_read_cb read_cb);
LCFS_EXTERN int lcfs_node_set_fsverity_from_fd(struct lcfs_node_s *node, int fd);

/* Sets digest, payload and inline content of a regular file of the node's size from the
 * file fname (relative to dirfd), as buildflags say (LCFS_BUILD_COMPUTE_DIGEST,
 * _BY_DIGEST, _NO_INLINE). With size 0 the file is not opened. ENODATA: the file is
 * shorter than the size, or could not be read. */
LCFS_EXTERN int lcfs_node_set_from_content(struct lcfs_node_s *node, int dirfd,
					   const char *fname, int buildflags);

/* --- extended attributes ------------------------------------------------------------ */

/* Returns the value, borrowed (not NUL-terminated, not NULL if it is empty), and its
 * length in bytes in *length unless that is NULL. NULL, with errno unchanged: no such
 * xattr. */
LCFS_EXTERN const char *lcfs_node_get_xattr(struct lcfs_node_s *node, const char *name,
					    size_t *length);
/* Sets or replaces an xattr. ERANGE: empty name, name of more than 255 bytes, or all
 * xattrs of more than LCFS_INODE_EXTERNAL_XATTR_MAX bytes; EINVAL: value of more than
 * 65535 bytes. A failure keeps the old value. */
LCFS_EXTERN int lcfs_node_set_xattr(struct lcfs_node_s *node, const char *name,
				    const char *value, size_t value_len);
/* Removes an xattr. ENODATA: no such xattr. */
LCFS_EXTERN int lcfs_node_unset_xattr(struct lcfs_node_s *node, const char *name);
LCFS_EXTERN size_t lcfs_node_get_n_xattr(struct lcfs_node_s *node);
/* Returns the name of an xattr, borrowed, in the order in which they were set or are
 * stored in the image. NULL: index out of range. */
LCFS_EXTERN const char *lcfs_node_get_xattr_name(struct lcfs_node_s *node, size_t index);

/* --- from a filesystem -------------------------------------------------------------- */

/* Creates a node from the file fname (relative to dirfd; a final symlink is not
 * followed). The caller owns the reference. EINVAL: unknown flags, or SKIP_XATTRS with
 * USER_XATTRS; ERANGE: too many xattrs; others: of the system calls. */
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_file(int dirfd, const char *fname,
							 int buildflags);

/* Creates a tree from fname and everything below it. Hard links become separate files.
 * The caller owns the reference. After a failure *failed_path_out, unless failed_path_out
 * is NULL, is the path that failed, which the caller frees, or NULL. */
LCFS_EXTERN struct lcfs_node_s *lcfs_build(int dirfd, const char *fname, int buildflags,
					   char **failed_path_out);

/* --- fs-verity (SHA-256, blocks of 4096 bytes, no salt) ----------------------------- */

/* Compute the fs-verity digest (as defined in Documentation/filesystems/fsverity.rst of
 * Linux) into digest, LCFS_DIGEST_SIZE bytes: of everything that the callback returns, of
 * a file from its offset to the end, of data_len bytes (data may be NULL if that is 0).
 * ENODATA: the callback failed, or reading. */
LCFS_EXTERN int lcfs_compute_fsverity_from_content(uint8_t *digest, void *file,
						   lcfs_read_cb read_cb);
LCFS_EXTERN int lcfs_compute_fsverity_from_fd(uint8_t *digest, int fd);
LCFS_EXTERN int lcfs_compute_fsverity_from_data(uint8_t *digest, uint8_t *data,
						size_t data_len);

/* Reads the digest from the kernel (FS_IOC_MEASURE_VERITY). Returns 0 or -errno, and sets
 * errno. -ENOTTY: no fs-verity on this file or filesystem; -EILSEQ: another algorithm. */
LCFS_EXTERN int lcfs_fd_measure_fsverity(uint8_t *digest, int fd);
/* Reads the digest from the kernel, or computes it without fs-verity: of the whole file,
 * whatever its offset. Returns 0 or a negative number, and sets errno. -EBADF; -EILSEQ:
 * as above; -ESPIPE: a pipe; -1 with ENODATA: could not be read. */
LCFS_EXTERN int lcfs_fd_get_fsverity(uint8_t *digest, int fd);
/* Enables fs-verity (FS_IOC_ENABLE_VERITY): the content of the file becomes immutable.
 * Returns 0 or -errno, and sets errno. -EOPNOTSUPP, -ENOTTY: not supported by the
 * filesystem; -EEXIST: already enabled; -ETXTBSY: the file is open for writing. */
LCFS_EXTERN int lcfs_fd_enable_fsverity(int fd);

/* --- images ------------------------------------------------------------------------- */

/* Writes an image of the tree below root; root becomes the root directory, whatever its
 * name and parent. Does not change the tree. The callback gets the bytes in order, in
 * large pieces. EINVAL: invalid options, file types, names or hard links; ENOTDIR: root
 * is not a directory; EFBIG: a file of more than 2^53 bytes; ERANGE: too many xattrs;
 * others: of the callback. */
LCFS_EXTERN int lcfs_write_to(struct lcfs_node_s *root,
			      struct lcfs_write_options_s *options);

/* Load a tree from an image in memory, or from a file that is an image. Return the root;
 * the caller owns the reference. Any bytes are safe to load. options may be NULL. EINVAL:
 * not an image, or malformed; ENOTSUP: unknown version of the header; others: of
 * reading. */
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_image(const uint8_t *image_data,
							  size_t image_data_size);
LCFS_EXTERN struct lcfs_node_s *
lcfs_load_node_from_image_ext(const uint8_t *image_data, size_t image_data_size,
			      const struct lcfs_read_options_s *options);
LCFS_EXTERN struct lcfs_node_s *lcfs_load_node_from_fd(int fd);
LCFS_EXTERN struct lcfs_node_s *
lcfs_load_node_from_fd_ext(int fd, const struct lcfs_read_options_s *options);

/* Returns the format version in the header of an image: 0 or 1 if lcfs_write_to wrote it.
 * Does not use the offset of fd. EINVAL: not an image; others: of reading. */
LCFS_EXTERN int lcfs_version_from_fd(int fd);

#ifdef __cplusplus
}
#endif

#endif
