/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: lcfs_write_to: options, the callback, what is refused and with which errno. */
#include <unistd.h>

#include "nodes.h"

/* fs-verity digests of images that the existing tools make of the same trees. */
static const char EMPTY[] =
	"8f589e8f57ecb88823736b0d857ddca1e1068a23e264fad164b28f7038eb3682";

static const char *hex(const uint8_t *digest)
{
	static char text[2 * LCFS_DIGEST_SIZE + 1];

	for (size_t i = 0; i < LCFS_DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}

static const char *digest_of(struct lcfs_node_s *root)
{
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct lcfs_write_options_s options = {.max_version = 1, .digest_out = digest};

	t_eq(lcfs_write_to(root, &options), 0);
	return hex(digest);
}

/* --- options ------------------------------------------------------------------------ */

T(compat_write_checks_the_options)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_write_options_s bad[] = {
		{.flags = 1}, {.version = 2}, {.max_version = 2}, {.format = 1}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_errno(lcfs_write_to(root, &bad[i]), -1, EINVAL);
	lcfs_node_unref(root);
}

T(compat_write_tells_the_version)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_write_options_s options = {.max_version = 1};

	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(options.version, 0);
	options.version = 1;
	options.max_version = 0;
	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(options.version, 1);
	t_eq(options.max_version, 1);
	node_add(root, "whiteout", S_IFCHR);
	options.version = 0;
	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(options.version, 1);
	options.version = options.max_version = 0;
	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(options.version, 0);
	lcfs_node_unref(root);
}

T(compat_write_leaves_errno_alone)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct image image = {0};
	struct lcfs_write_options_s options = {.file = &image,
					       .file_write_cb = image_append};

	errno = EDOM;
	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(errno, EDOM);
	free(image.p);
	lcfs_node_unref(root);
}

/* --- the callback ------------------------------------------------------------------- */

T(compat_write_without_callback_computes_the_digest)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct image image = node_image(root);

	t_str(digest_of(root), EMPTY);
	t_str(hex(image.digest), EMPTY);
	free(image.p);
	lcfs_node_unref(root);
}

static ssize_t write_fd(void *file, void *buf, size_t count)
{
	return write((int)(intptr_t)file, buf, count);
}

T(compat_write_hands_any_bits_to_the_callback_as_file)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_write_options_s options = {.file_write_cb = write_fd};
	int fds[2];

	t_eq(pipe(fds), 0);
	options.file = (void *)(intptr_t)fds[1];
	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(read(fds[0], &(char){0}, 1), 1);
	close(fds[0]);
	close(fds[1]);
	lcfs_node_unref(root);
}

/* Takes as much as its turn says. */
struct taker {
	struct image image;
	size_t most;
	size_t calls;
};

static ssize_t take_some(void *file, void *buf, size_t count)
{
	struct taker *t = file;

	t->calls++;
	t_eq(errno, EIO);
	return image_append(&t->image, buf, count < t->most ? count : t->most);
}

T(compat_short_writes_are_offered_the_rest)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct image image = node_image(root);
	struct taker t = {.most = 1000};
	struct lcfs_write_options_s options = {.file = &t, .file_write_cb = take_some};

	t_eq(lcfs_write_to(root, &options), 0);
	t_eq(t.image.len, image.len);
	t_mem(t.image.p, image.p, image.len);
	t_ok(t.calls > image.len / 1000);
	free(image.p);
	free(t.image.p);
	lcfs_node_unref(root);
}

T(compat_write_offers_large_pieces)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct taker t = {.most = SIZE_MAX};
	struct lcfs_write_options_s options = {.file = &t, .file_write_cb = take_some};
	char name[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%06d", i);
		node_add(root, name, S_IFREG | 0644);
	}
	t_eq(lcfs_write_to(root, &options), 0);
	t_ok(t.image.len > 1000000);
	t_ok(t.calls <= t.image.len / 65536 + 1);
	free(t.image.p);
	lcfs_node_unref(root);
}

static ssize_t take_nothing(void *file, void *buf, size_t count)
{
	(void)file, (void)buf, (void)count;
	return 0;
}

static ssize_t fail_silently(void *file, void *buf, size_t count)
{
	(void)file, (void)buf, (void)count;
	return -1;
}

static ssize_t fail_loudly(void *file, void *buf, size_t count)
{
	(void)buf, (void)count;
	errno = *(int *)file;
	return -5;
}

static ssize_t take_too_much(void *file, void *buf, size_t count)
{
	(void)file, (void)buf;
	return (ssize_t)count + 1;
}

T(compat_write_fails_as_the_callback_does)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	uint8_t digest[LCFS_DIGEST_SIZE] = {42};
	int errnum = EUCLEAN;
	struct lcfs_write_options_s options = {
		.file = &errnum, .file_write_cb = take_nothing, .digest_out = digest};

	t_errno(lcfs_write_to(root, &options), -1, EIO);
	options.file_write_cb = fail_silently;
	t_errno(lcfs_write_to(root, &options), -1, EIO);
	options.file_write_cb = fail_loudly;
	t_errno(lcfs_write_to(root, &options), -1, EUCLEAN);
	errnum = ENOSPC;
	t_errno(lcfs_write_to(root, &options), -1, ENOSPC);
	errnum = -ENOSPC; /* no error's number */
	t_errno(lcfs_write_to(root, &options), -1, EIO);
	options.file_write_cb = take_too_much;
	t_errno(lcfs_write_to(root, &options), -1, EIO);
	t_eq(digest[0], 42);
	lcfs_node_unref(root);
}

/* --- what is written ---------------------------------------------------------------- */

T(compat_any_directory_can_be_the_root)
{
	struct lcfs_node_s *top = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *root = node_add(top, "root", S_IFDIR | 0755);

	node_add(top, "..", 0); /* not looked at */
	t_str(digest_of(root), EMPTY);
	lcfs_node_unref(top);
}

T(compat_write_does_not_change_the_tree)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *b = node_add(root, "b", S_IFREG | 0644);
	struct lcfs_node_s *a = node_add(root, "a", S_IFCHR);

	node_link(root, "c", b);
	lcfs_node_set_nlink(root, 77);
	t_eq(lcfs_node_set_xattr(b, "user.z", "1", 1), 0);
	t_eq(lcfs_node_set_xattr(b, "user.a", "1", 1), 0);
	t_eq(node_write_errno(root), 0);
	t_eq(lcfs_node_get_nlink(root), 77);
	t_eq(lcfs_node_get_nlink(b), 2);
	t_eq(lcfs_node_get_n_children(root), 3);
	t_eq(lcfs_node_get_mode(a), S_IFCHR);
	t_eq(lcfs_node_get_n_xattr(a), 0);
	t_eq(lcfs_node_get_n_xattr(b), 2);
	t_str(lcfs_node_get_xattr_name(b, 0), "user.z");
	t_eq(lcfs_node_get_n_xattr(root), 0);
	lcfs_node_unref(root);
}

T(compat_a_file_is_known_by_its_backing_path)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "f", S_IFREG | 0644);

	lcfs_node_set_size(file, 10);
	t_str(digest_of(root),
	      "0d43c2fee8ef04946ecda3bf4dcfbe715cee19cbfc1cdcb5ffe23566228bbb7c");
	t_eq(lcfs_node_set_payload(file, "abc"), 0);
	t_str(digest_of(root),
	      "452c8d1c345eca31d283cd0d96fa91cab57bde3d9ef669103fc2ad341504ad02");
	t_eq(lcfs_node_set_payload(file, "/abc"), 0);
	t_str(digest_of(root),
	      "ef161b94e90c1573a9352af0fcafb25961a9e9463ba62119a6d8836a5dcd507b");
	lcfs_node_unref(root);
}

T(compat_what_a_type_has_no_use_for_is_not_written)
{
	static const struct {
		uint32_t mode;
		const char *digest;
	} rows[] = {
		{S_IFREG | 0644,
		 "ddddb606ea0d87e7108fa43a542caa176ecafb64aa50ebaea95490e3dd01375c"},
		{S_IFDIR | 0644,
		 "e8abed95dd7e4aaf35aca9a65069a5bcdadaa2c84af190f25f6897eb6cf4caa7"},
		{S_IFLNK | 0644,
		 "495115df38c586a119f9b0e85bdfc9e5d9d5509f1fadf40dd452692b066e476a"},
		{S_IFIFO | 0644,
		 "1fdb1ad2c3eb664a3825d35e7059def3cfff32e847710c2bf237060155cf6f0f"},
	};
	uint8_t digest[LCFS_DIGEST_SIZE] = {1};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
		struct lcfs_node_s *n = node_add(root, "f", rows[i].mode);

		t_eq(lcfs_node_set_content(n, (const uint8_t *)"1234567", 7), 0);
		t_eq(lcfs_node_set_payload(n, "abc"), 0);
		lcfs_node_set_fsverity_digest(n, digest);
		lcfs_node_set_rdev64(n, 77);
		t_str(digest_of(root), rows[i].digest);
		lcfs_node_unref(root);
	}
}

/* Of other implementations' images, that of a target with its right size. */
T(compat_a_symlink_is_as_long_as_its_target)
{
	static const uint64_t sizes[] = {4095, 0, 9999};
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *link = node_add(root, "f", S_IFLNK | 0777);
	char target[4096];

	memset(target, 'x', sizeof(target));
	target[4095] = '\0';
	t_eq(lcfs_node_set_payload(link, target), 0);
	for (size_t i = 0; i < 3; i++) {
		lcfs_node_set_size(link, sizes[i]);
		t_str(digest_of(root), "bbf281c6a821e6bfd5e239638fbb30bc"
				       "dff2ca7c1729cd76dab320bc998ebde1");
	}
	lcfs_node_unref(root);
}

T(compat_of_a_hard_link_the_name_alone_is_written)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "m", S_IFREG | 0644);
	struct lcfs_node_s *link = node_link(root, "a", file);
	char before[2 * LCFS_DIGEST_SIZE + 1];

	snprintf(before, sizeof(before), "%s", digest_of(root));
	lcfs_node_set_mode(link, S_IFDIR | 0700);
	lcfs_node_set_uid(link, 1000);
	lcfs_node_set_nlink(link, 7);
	t_eq(lcfs_node_set_xattr(link, "user.x", "1", 1), 0);
	t_eq(lcfs_node_set_content(link, (const uint8_t *)"1", 1), 0);
	t_eq(lcfs_node_set_payload(link, "abc"), 0);
	t_str(digest_of(root), before);
	lcfs_node_unref(root);
}

/* --- what is refused ---------------------------------------------------------------- */

T(compat_the_root_is_a_directory)
{
	static const struct {
		uint32_t mode;
		int errnum;
	} rows[] = {{0, EINVAL}, {S_IFREG | 0644, ENOTDIR}, {S_IFLNK | 0777, ENOTDIR}};

	for (size_t i = 0; i < 3; i++) {
		struct lcfs_node_s *root = node_new(rows[i].mode);

		t_eq(node_write_errno(root), rows[i].errnum);
		t_eq(lcfs_node_set_payload(root, "x"), 0);
		t_eq(node_write_errno(root), rows[i].errnum);
		lcfs_node_unref(root);
	}
}

T(compat_a_root_that_is_a_link_is_refused)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *n = node_new(S_IFDIR);

	lcfs_node_make_hardlink(n, root);
	t_eq(node_write_errno(n), EINVAL);
	lcfs_node_unref(n);
	lcfs_node_unref(root);
}

T(compat_wrong_types_are_refused)
{
	static const uint32_t modes[] = {0, 0644, S_IFMT, 0x3000};

	for (size_t i = 0; i < 4; i++) {
		struct lcfs_node_s *root = node_new(S_IFDIR | 0755);

		node_add(root, "a", modes[i]);
		t_eq(node_write_errno(root), EINVAL);
		lcfs_node_unref(root);
	}
}

T(compat_names_that_break_an_image_are_refused)
{
	static const char *const names[] = {".", "..", "a/b", "/"};

	for (size_t i = 0; i < 4; i++) {
		struct lcfs_node_s *root = node_new(S_IFDIR | 0755);

		node_add(root, names[i], S_IFREG | 0644);
		t_eq(node_write_errno(root), EINVAL);
		lcfs_node_unref(root);
	}
}

T(compat_children_of_what_is_no_directory_any_more_are_refused)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *dir = node_add(root, "d", S_IFDIR | 0755);

	node_add(dir, "f", S_IFREG | 0644);
	lcfs_node_set_mode(dir, S_IFREG | 0644);
	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_set_mode(dir, S_IFDIR | 0755);
	t_eq(node_write_errno(root), 0);
	lcfs_node_make_hardlink(dir, node_add(root, "g", S_IFREG | 0644));
	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_unref(root);
}

T(compat_a_symlink_without_a_target_is_refused)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *link = node_add(root, "l", S_IFLNK | 0777);

	t_eq(node_write_errno(root), EINVAL);
	t_eq(lcfs_node_set_payload(link, ""), 0);
	t_eq(node_write_errno(root), EINVAL);
	t_eq(lcfs_node_set_payload(link, "x"), 0);
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);
}

T(compat_links_to_directories_or_out_of_the_tree_are_refused)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *dir = node_add(root, "d", S_IFDIR | 0755);
	struct lcfs_node_s *outside = node_new(S_IFREG | 0644);
	struct lcfs_node_s *link = node_link(root, "l", dir);

	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_make_hardlink(link, outside);
	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_unref(root);
	lcfs_node_unref(outside);
}

T(compat_a_file_that_the_chunk_table_cannot_hold_is_refused)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "f", S_IFREG | 0644);

	lcfs_node_set_size(file, UINT64_C(1) << 53);
	t_eq(node_write_errno(root), 0);
	lcfs_node_set_size(file, (UINT64_C(1) << 53) + 1);
	t_eq(node_write_errno(root), EFBIG);
	lcfs_node_unref(root);
}

T(compat_xattrs_up_to_the_limit_leave_room_for_our_own)
{
	static char value[32767];
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "f", S_IFREG | 0644);
	char path[4096];

	memset(path, 'p', 4095);
	path[4095] = '\0';
	lcfs_node_set_size(file, 1);
	t_eq(lcfs_node_set_payload(file, path), 0);
	t_eq(lcfs_node_set_xattr(file, "user.a", value, 32742), 0);
	t_eq(lcfs_node_set_xattr(root, "user.a", value, 32742), 0);
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);
}
