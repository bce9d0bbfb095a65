/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: metadata, payload, content, digests and xattrs of nodes. */
#include "nodes.h"

T(compat_setters_keep_the_full_range)
{
	struct lcfs_node_s *n = lcfs_node_new();
	struct timespec time = {-62135596800, 2000000000}, back;

	lcfs_node_set_mode(n, 0xffffffff);
	t_eq(lcfs_node_get_mode(n), 0xffffffff);
	lcfs_node_set_uid(n, 0xffffffff);
	t_eq(lcfs_node_get_uid(n), 0xffffffff);
	lcfs_node_set_gid(n, 0xfffffffe);
	t_eq(lcfs_node_get_gid(n), 0xfffffffe);
	lcfs_node_set_nlink(n, 0xffffffff);
	t_eq(lcfs_node_get_nlink(n), 0xffffffff);
	lcfs_node_set_size(n, UINT64_MAX);
	t_ok(lcfs_node_get_size(n) == UINT64_MAX);
	lcfs_node_set_mtime(n, &time);
	lcfs_node_get_mtime(n, &back);
	t_ok(back.tv_sec == time.tv_sec && back.tv_nsec == time.tv_nsec);
	lcfs_node_unref(n);
}

T(compat_device_numbers_keep_32_bits)
{
	struct lcfs_node_s *n = lcfs_node_new();

	lcfs_node_set_rdev64(n, 0x123456789abc);
	t_eq(lcfs_node_get_rdev64(n), 0x56789abc);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	t_eq(lcfs_node_get_rdev(n), 0x56789abc);
	lcfs_node_set_rdev(n, 0x89);
#pragma GCC diagnostic pop
	t_eq(lcfs_node_get_rdev64(n), 0x89);
	lcfs_node_unref(n);
}

T(compat_try_set_mode_takes_the_seven_file_types)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFBLK,
					 S_IFCHR, S_IFIFO, S_IFSOCK};
	struct lcfs_node_s *n = lcfs_node_new();

	for (size_t i = 0; i < 7; i++) {
		t_eq(lcfs_node_try_set_mode(n, types[i] | 07777), 0);
		t_eq(lcfs_node_get_mode(n), types[i] | 07777);
		t_eq(lcfs_node_dirp(n), types[i] == S_IFDIR);
	}
	t_errno(lcfs_node_try_set_mode(n, 0644), -1, EINVAL);
	t_errno(lcfs_node_try_set_mode(n, S_IFMT), -1, EINVAL);
	t_eq(lcfs_node_get_mode(n), S_IFSOCK | 07777);
	t_eq(lcfs_node_try_set_mode(n, 0x10000 | S_IFREG), 0);
	lcfs_node_unref(n);
}

/* --- payload, content, digest ------------------------------------------------------- */

T(compat_payload_is_copied_bounded_and_leaves_the_size)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);
	char text[4097];

	memset(text, 'p', sizeof(text));
	text[4096] = '\0';
	lcfs_node_set_size(n, 99);
	t_eq(lcfs_node_set_payload(n, "old"), 0);
	t_errno(lcfs_node_set_payload(n, text), -1, ENAMETOOLONG);
	t_str(lcfs_node_get_payload(n), "old");
	text[4095] = '\0';
	t_eq(lcfs_node_set_payload(n, text), 0);
	text[0] = 'q';
	t_eq(lcfs_node_get_payload(n)[0], 'p');
	t_eq(lcfs_node_set_payload(n, lcfs_node_get_payload(n) + 4000), 0);
	t_eq(strlen(lcfs_node_get_payload(n)), 95);
	t_eq(lcfs_node_get_size(n), 99);
	t_eq(lcfs_node_set_payload(n, NULL), 0);
	t_ok(!lcfs_node_get_payload(n));
	lcfs_node_unref(n);
}

T(compat_symlink_payload_sets_the_size)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);
	char text[4097];

	memset(text, 'p', sizeof(text));
	text[4096] = '\0';
	t_errno(lcfs_node_set_symlink_payload(n, "x"), -1, EINVAL); /* no symlink */
	lcfs_node_set_mode(n, S_IFLNK | 0777);
	t_errno(lcfs_node_set_symlink_payload(n, NULL), -1, EINVAL);
	t_errno(lcfs_node_set_symlink_payload(n, ""), -1, EINVAL);
	t_errno(lcfs_node_set_symlink_payload(n, text), -1, ENAMETOOLONG);
	t_eq(lcfs_node_get_size(n), 0);
	t_eq(lcfs_node_set_symlink_payload(n, "target"), 0);
	t_eq(lcfs_node_get_size(n), 6);
	t_str(lcfs_node_get_payload(n), "target");
	lcfs_node_unref(n);
}

T(compat_setters_take_what_the_getters_of_the_same_node_lend)
{
	struct lcfs_node_s *n = node_new(S_IFLNK | 0777);
	size_t len;

	t_eq(lcfs_node_set_symlink_payload(n, "target"), 0);
	t_eq(lcfs_node_set_symlink_payload(n, lcfs_node_get_payload(n) + 1), 0);
	t_str(lcfs_node_get_payload(n), "arget");
	t_eq(lcfs_node_get_size(n), 5);
	t_eq(lcfs_node_set_payload(n, lcfs_node_get_payload(n) + 1), 0);
	t_str(lcfs_node_get_payload(n), "rget");

	t_eq(lcfs_node_set_content(n, (const uint8_t *)"content", 7), 0);
	t_eq(lcfs_node_set_content(n, lcfs_node_get_content(n) + 3, 4), 0);
	t_mem(lcfs_node_get_content(n), "tent", 4);

	t_eq(lcfs_node_set_xattr(n, "user.a", "value", 5), 0);
	t_eq(lcfs_node_set_xattr(n, lcfs_node_get_xattr_name(n, 0),
				 lcfs_node_get_xattr(n, "user.a", NULL) + 2, 3),
	     0);
	t_mem(lcfs_node_get_xattr(n, "user.a", &len), "lue", 3);
	t_eq(lcfs_node_unset_xattr(n, lcfs_node_get_xattr_name(n, 0)), 0);
	t_eq(lcfs_node_get_n_xattr(n), 0);
	lcfs_node_unref(n);
}

T(compat_content_is_copied_and_sets_the_size)
{
	static uint8_t data[5001];
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);

	t_eq(lcfs_node_set_content(n, (const uint8_t *)"abc", 3), 0);
	t_eq(lcfs_node_get_size(n), 3);
	t_errno(lcfs_node_set_content(n, data, 5001), -1, EINVAL);
	t_mem(lcfs_node_get_content(n), "abc", 3);
	t_eq(lcfs_node_set_content(n, data, 5000), 0);
	t_eq(lcfs_node_get_size(n), 5000);
	t_eq(lcfs_node_set_content(n, NULL, 6000), 0); /* cleared, yet sized */
	t_ok(!lcfs_node_get_content(n));
	t_eq(lcfs_node_get_size(n), 6000);
	t_eq(lcfs_node_set_content(n, data, 0), 0);
	t_ok(!lcfs_node_get_content(n));
	t_eq(lcfs_node_get_size(n), 0);
	lcfs_node_unref(n);
}

T(compat_another_size_drops_the_content)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);

	t_eq(lcfs_node_set_content(n, (const uint8_t *)"abc", 3), 0);
	lcfs_node_set_size(n, 3);
	t_ok(lcfs_node_get_content(n));
	lcfs_node_set_size(n, 4);
	t_ok(!lcfs_node_get_content(n));
	lcfs_node_unref(n);
}

T(compat_digest_is_there_once_set)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);
	uint8_t digest[LCFS_DIGEST_SIZE] = {0};

	lcfs_node_set_fsverity_digest(n, digest);
	digest[0] = 1;
	t_ok(lcfs_node_get_fsverity_digest(n));
	t_eq(lcfs_node_get_fsverity_digest(n)[0], 0);
	lcfs_node_unref(n);
}

/* --- xattrs ------------------------------------------------------------------------- */

T(compat_xattrs_are_set_replaced_listed_and_removed)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);
	size_t len = 99;

	t_errno(lcfs_node_get_xattr(n, "user.a", &len), NULL, 0);
	t_eq(lcfs_node_set_xattr(n, "user.a", "1", 1), 0);
	t_eq(lcfs_node_set_xattr(n, "user.b", "\0\1", 2), 0);
	t_eq(lcfs_node_set_xattr(n, "user.c", NULL, 0), 0);
	t_eq(lcfs_node_get_n_xattr(n), 3);
	t_mem(lcfs_node_get_xattr(n, "user.b", &len), "\0\1", 2);
	t_eq(len, 2);
	t_ok(lcfs_node_get_xattr(n, "user.c", NULL)); /* empty, and there */
	t_eq(lcfs_node_set_xattr(n, "user.a", "longer", 6), 0);
	t_eq(lcfs_node_get_n_xattr(n), 3);
	t_mem(lcfs_node_get_xattr(n, "user.a", &len), "longer", 6);
	t_eq(len, 6);
	t_str(lcfs_node_get_xattr_name(n, 1), "user.b");
	t_ok(!lcfs_node_get_xattr_name(n, 3));
	t_eq(lcfs_node_unset_xattr(n, "user.a"), 0);
	t_errno(lcfs_node_unset_xattr(n, "user.a"), -1, ENODATA);
	t_str(lcfs_node_get_xattr_name(n, 0), "user.c"); /* the last took its place */
	t_str(lcfs_node_get_xattr_name(n, 1), "user.b");
	lcfs_node_unref(n);
}

T(compat_xattr_limits_are_those_that_dump_files_rely_on)
{
	static char value[65537], name[257];
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);

	memset(name, 'n', 256);
	t_errno(lcfs_node_set_xattr(n, "", "", 0), -1, ERANGE);
	t_errno(lcfs_node_set_xattr(n, name, "", 65536), -1, ERANGE);
	name[255] = '\0';
	t_errno(lcfs_node_set_xattr(n, name, value, 65536), -1, EINVAL);
	t_errno(lcfs_node_set_xattr(n, "user.a", value, 65535), -1, ERANGE);
	/* 12 once, and 7 + 6 + 32742 make 32767. */
	t_errno(lcfs_node_set_xattr(n, "user.a", value, 32743), -1, ERANGE);
	t_eq(lcfs_node_set_xattr(n, "user.a", value, 32742), 0);
	t_errno(lcfs_node_set_xattr(n, "b", "", 0), -1, ERANGE);
	t_eq(lcfs_node_set_xattr(n, "user.a", value, 32734), 0);
	t_eq(lcfs_node_set_xattr(n, "b", "", 0), 0);
	t_eq(lcfs_node_unset_xattr(n, "user.a"), 0);
	t_eq(lcfs_node_set_xattr(n, name, value, 32767 - 12 - 8 - 7 - 255), 0);
	lcfs_node_unref(n);
}

T(compat_a_failing_replacement_keeps_the_old_value)
{
	static char value[40000];
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);

	t_eq(lcfs_node_set_xattr(n, "user.a", "old", 3), 0);
	t_errno(lcfs_node_set_xattr(n, "user.a", value, sizeof(value)), -1, ERANGE);
	t_eq(lcfs_node_get_n_xattr(n), 1);
	t_mem(lcfs_node_get_xattr(n, "user.a", NULL), "old", 3);
	lcfs_node_unref(n);
}

T(compat_a_copy_knows_what_its_xattrs_come_to)
{
	static char value[32767];
	struct lcfs_node_s *n = node_new(S_IFREG | 0644), *copy;

	t_eq(lcfs_node_set_xattr(n, "user.a", value, 20000), 0);
	t_eq(lcfs_node_set_xattr(n, "user.b", value, 12000), 0);
	copy = lcfs_node_clone(n);
	t_errno(lcfs_node_set_xattr(copy, "user.c", value, 5000), -1, ERANGE);
	t_eq(lcfs_node_set_xattr(copy, "user.a", value, 10), 0);
	t_eq(lcfs_node_set_xattr(copy, "user.c", value, 5000), 0);
	lcfs_node_unref(copy);
	lcfs_node_unref(n);
}
