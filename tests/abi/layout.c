/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The public structs and constants, as programs were compiled with them: x86-64, and any other
 * LP64 system. Compiling is the test. */
#include <libcomposefs/lcfs-erofs.h>
#include <libcomposefs/lcfs-mount.h>
#include <libcomposefs/lcfs-writer.h>

#include <assert.h>
#include <stddef.h>

#define SIZE(type, expected) static_assert(sizeof(type) == (expected), "size of " #type)
#define FIELD(type, field, off, len)                                                     \
	static_assert(offsetof(type, field) == (off), "offset of " #type "." #field);    \
	static_assert(sizeof(((type *)NULL)->field) == (len), "size of " #type "." #field)
#define VALUE(name, expected) static_assert((name) == (expected), #name)

SIZE(struct lcfs_write_options_s, 88);
FIELD(struct lcfs_write_options_s, format, 0, 4);
FIELD(struct lcfs_write_options_s, version, 4, 4);
FIELD(struct lcfs_write_options_s, flags, 8, 4);
FIELD(struct lcfs_write_options_s, digest_out, 16, 8);
FIELD(struct lcfs_write_options_s, file, 24, 8);
FIELD(struct lcfs_write_options_s, file_write_cb, 32, 8);
FIELD(struct lcfs_write_options_s, max_version, 40, 4);
FIELD(struct lcfs_write_options_s, reserved, 44, 12);
FIELD(struct lcfs_write_options_s, reserved2, 56, 32);

SIZE(struct lcfs_read_options_s, 56);
FIELD(struct lcfs_read_options_s, toplevel_entries, 0, 8);
FIELD(struct lcfs_read_options_s, reserved, 8, 12);
FIELD(struct lcfs_read_options_s, reserved2, 24, 32);

SIZE(struct lcfs_mount_options_s, 104);
FIELD(struct lcfs_mount_options_s, objdirs, 0, 8);
FIELD(struct lcfs_mount_options_s, n_objdirs, 8, 8);
FIELD(struct lcfs_mount_options_s, workdir, 16, 8);
FIELD(struct lcfs_mount_options_s, upperdir, 24, 8);
FIELD(struct lcfs_mount_options_s, expected_fsverity_digest, 32, 8);
FIELD(struct lcfs_mount_options_s, flags, 40, 4);
FIELD(struct lcfs_mount_options_s, idmap_fd, 44, 4);
FIELD(struct lcfs_mount_options_s, image_mountdir, 48, 8);
FIELD(struct lcfs_mount_options_s, reserved, 56, 16);
FIELD(struct lcfs_mount_options_s, reserved2, 72, 32);

SIZE(struct lcfs_erofs_header_s, 32);
FIELD(struct lcfs_erofs_header_s, magic, 0, 4);
FIELD(struct lcfs_erofs_header_s, version, 4, 4);
FIELD(struct lcfs_erofs_header_s, flags, 8, 4);
FIELD(struct lcfs_erofs_header_s, composefs_version, 12, 4);
FIELD(struct lcfs_erofs_header_s, unused, 16, 16);

SIZE(enum lcfs_format_t, 4);
SIZE(enum lcfs_flags_t, 4);
SIZE(enum lcfs_mount_flags_t, 4);
SIZE(lcfs_erofs_flag_t, 4);

VALUE(LCFS_DIGEST_SIZE, 32);
VALUE(LCFS_BUILD_SKIP_XATTRS, 1);
VALUE(LCFS_BUILD_USE_EPOCH, 2);
VALUE(LCFS_BUILD_SKIP_DEVICES, 4);
VALUE(LCFS_BUILD_COMPUTE_DIGEST, 8);
VALUE(LCFS_BUILD_NO_INLINE, 16);
VALUE(LCFS_BUILD_USER_XATTRS, 32);
VALUE(LCFS_BUILD_BY_DIGEST, 64);
VALUE(LCFS_FORMAT_EROFS, 0);
VALUE(LCFS_FLAGS_NONE, 0);
VALUE(LCFS_FLAGS_MASK, 0);
VALUE(LCFS_VERSION_MAX, 1);
VALUE(LCFS_DEFAULT_VERSION_MIN, 0);
VALUE(LCFS_DEFAULT_VERSION_MAX, 1);
VALUE(LCFS_INODE_XATTRMETA_SIZE, 4);
VALUE(LCFS_INODE_EXTERNAL_XATTR_MAX, 32767);
VALUE(LCFS_INLINE_CONTENT_MAX, 5000);
VALUE(LCFS_RECOMMENDED_INLINE_CONTENT_MAX, 64);
VALUE(LCFS_MOUNT_FLAGS_NONE, 0);
VALUE(LCFS_MOUNT_FLAGS_REQUIRE_VERITY, 1);
VALUE(LCFS_MOUNT_FLAGS_READONLY, 2);
VALUE(LCFS_MOUNT_FLAGS_IDMAP, 8);
VALUE(LCFS_MOUNT_FLAGS_TRY_VERITY, 16);
VALUE(LCFS_MOUNT_FLAGS_MASK, 31);
VALUE(ENOVERITY, ENOTTY);
VALUE(EWRONGVERITY, EILSEQ);
VALUE(ENOSIGNATURE, EBADMSG);
VALUE(LCFS_EROFS_VERSION, 1);
VALUE(LCFS_EROFS_MAGIC, 0xd078629aU);
VALUE(LCFS_EROFS_FLAGS_HAS_ACL, 1);

/* What users of the headers get without asking for more: S_IFDIR, struct timespec, ssize_t. */
VALUE(S_IFDIR, 0040000);
SIZE(struct timespec, 16);
SIZE(ssize_t, 8);

/* Members in this order: ostree fills these structs by position. */
static const char *dirs[] = {"objects"};
const struct lcfs_mount_options_s by_position = {dirs, 1};
const struct lcfs_write_options_s write_by_position = {LCFS_FORMAT_EROFS};
