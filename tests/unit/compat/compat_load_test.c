/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: loading images: golden ones, damaged ones, and the errors. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "golden.h"
#include "nodes.h"
#include "tmpdir.h"

/* A file in memory with these bytes. */
static int file_of(const void *p, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	t_ok(fd >= 0);
	t_eq(write(fd, p, len), len);
	return fd;
}

static struct lcfs_node_s *load_golden(const char *name)
{
	size_t len;
	uint8_t *p = t_golden(name, &len);
	struct lcfs_node_s *root = lcfs_load_node_from_image(p, len);

	free(p);
	t_ok(root);
	return root;
}

/* --- what comes back ---------------------------------------------------------------- */

static const struct timespec full_time = {123, 456};
static const uint8_t full_digest[LCFS_DIGEST_SIZE] = {1, 2};

static void add_full_file(struct lcfs_node_s *root)
{
	struct lcfs_node_s *file = node_add(root, "file", S_IFREG | 04751);
	struct timespec time = full_time;
	uint8_t digest[LCFS_DIGEST_SIZE];

	memcpy(digest, full_digest, sizeof(digest));
	lcfs_node_set_uid(file, 70000);
	lcfs_node_set_gid(file, 80000);
	lcfs_node_set_size(file, 12345);
	lcfs_node_set_mtime(file, &time);
	t_eq(lcfs_node_set_payload(file, "abc"), 0);
	lcfs_node_set_fsverity_digest(file, digest);
	t_eq(lcfs_node_set_xattr(file, "trusted.overlay.x", "1", 1), 0);
}

static void check_full_file(struct lcfs_node_s *n)
{
	struct timespec t;

	t_eq(lcfs_node_get_mode(n), S_IFREG | 04751);
	t_eq(lcfs_node_get_uid(n), 70000);
	t_eq(lcfs_node_get_gid(n), 80000);
	t_eq(lcfs_node_get_size(n), 12345);
	t_eq(lcfs_node_get_nlink(n), 1);
	lcfs_node_get_mtime(n, &t);
	t_ok(t.tv_sec == 123 && t.tv_nsec == 456);
	t_str(lcfs_node_get_payload(n), "abc"); /* exactly */
	t_mem(lcfs_node_get_fsverity_digest(n), full_digest, LCFS_DIGEST_SIZE);
	t_eq(lcfs_node_get_n_xattr(n), 1);
	t_str(lcfs_node_get_xattr_name(n, 0), "trusted.overlay.x");
}

T(compat_load_returns_all_fields_of_the_tree)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *back, *n;
	struct image image;

	add_full_file(root);
	n = node_add(root, "small", S_IFREG | 0600);
	t_eq(lcfs_node_set_content(n, (const uint8_t *)"hello", 5), 0);
	n = node_add(root, "dev", S_IFBLK | 0600);
	lcfs_node_set_rdev64(n, 0x801);
	n = node_add(root, "link", S_IFLNK | 0777);
	t_eq(lcfs_node_set_payload(n, "target"), 0);
	image = node_image(root);
	back = lcfs_load_node_from_image(image.p, image.len);
	t_ok(back);
	check_full_file(lcfs_node_lookup_child(back, "file"));
	n = lcfs_node_lookup_child(back, "small");
	t_eq(lcfs_node_get_size(n), 5);
	t_mem(lcfs_node_get_content(n), "hello", 5);
	t_eq(lcfs_node_get_rdev64(lcfs_node_lookup_child(back, "dev")), 0x801);
	t_str(lcfs_node_get_payload(lcfs_node_lookup_child(back, "link")), "target");
	t_eq(lcfs_node_get_n_children(back), 4); /* nothing of the 256 that hide */
	free(image.p);
	lcfs_node_unref(back);
	lcfs_node_unref(root);
}

T(compat_load_makes_the_first_name_the_file)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *back, *first, *n;
	struct lcfs_node_s *dir = node_add(root, "a", S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "z", S_IFREG | 0644);
	struct image image;

	node_link(dir, "x", file);
	node_link(root, "b", file);
	image = node_image(root);
	back = lcfs_load_node_from_image(image.p, image.len);
	first = lcfs_node_lookup_child(lcfs_node_lookup_child(back, "a"), "x");
	t_ok(!lcfs_node_get_hardlink_target(first));
	t_eq(lcfs_node_get_mode(first), S_IFREG | 0644);
	t_eq(lcfs_node_get_nlink(first), 3);
	n = lcfs_node_lookup_child(back, "z");
	t_ok(lcfs_node_get_hardlink_target(n) == first);
	t_eq(lcfs_node_get_mode(n), 0);
	t_eq(lcfs_node_get_nlink(n), 1);
	t_ok(lcfs_node_get_hardlink_target(lcfs_node_lookup_child(back, "b")) == first);
	free(image.p);
	lcfs_node_unref(back);
	lcfs_node_unref(root);
}

T(compat_load_undoes_the_escape_of_whiteouts)
{
	struct lcfs_node_s *root = load_golden("whiteout.v1.cfs");
	struct lcfs_node_s *dir = lcfs_node_lookup_child(root, "d");
	struct lcfs_node_s *n = lcfs_node_lookup_child(dir, "w");

	t_eq(lcfs_node_get_mode(n), S_IFCHR);
	t_eq(lcfs_node_get_rdev64(n), 0);
	t_eq(lcfs_node_get_size(n), 0);
	t_eq(lcfs_node_get_n_xattr(n), 0);
	/* What existing readers leave of the marks of a directory. */
	t_eq(lcfs_node_get_n_xattr(dir), 2);
	t_ok(lcfs_node_get_xattr(dir, "trusted.overlay.opaque", NULL));
	t_ok(lcfs_node_get_xattr(dir, "user.overlay.opaque", NULL));
	lcfs_node_unref(root);
}

T(compat_load_takes_only_the_entries_that_are_asked_for)
{
	static const char *const some[] = {"b", "none", "a", NULL}, *const none[] = {
									    NULL};
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *back;
	struct lcfs_read_options_s options = {.toplevel_entries = some};
	struct image image;

	node_add(node_add(root, "a", S_IFDIR | 0755), "c", S_IFREG | 0644);
	node_add(root, "b", S_IFREG | 0644);
	node_add(root, "c", S_IFREG | 0644);
	image = node_image(root);
	back = lcfs_load_node_from_image_ext(image.p, image.len, &options);
	t_eq(lcfs_node_get_n_children(back), 2);
	t_ok(lcfs_node_lookup_child(lcfs_node_lookup_child(back, "a"), "c"));
	t_ok(lcfs_node_lookup_child(back, "b"));
	lcfs_node_unref(back);
	options.toplevel_entries = none;
	back = lcfs_load_node_from_image_ext(image.p, image.len, &options);
	t_eq(lcfs_node_get_n_children(back), 0);
	lcfs_node_unref(back);
	options.toplevel_entries = NULL;
	back = lcfs_load_node_from_image_ext(image.p, image.len, &options);
	t_eq(lcfs_node_get_n_children(back), 3);
	lcfs_node_unref(back);
	back = lcfs_load_node_from_image_ext(image.p, image.len, NULL);
	t_eq(lcfs_node_get_n_children(back), 3);
	lcfs_node_unref(back);
	free(image.p);
	lcfs_node_unref(root);
}

/* Two references to each of two large xattrs take the memory of one. */
T(compat_load_keeps_what_inodes_share_once)
{
	static char value[30000];
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *back;
	const char *first, *second;
	struct image image;
	size_t len;

	for (int i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i)};
		struct lcfs_node_s *n = node_add(root, name, S_IFREG | 0644);

		value[0] = (char)(i / 2);
		t_eq(lcfs_node_set_xattr(n, "user.big", value, sizeof(value)), 0);
	}
	image = node_image(root);
	back = lcfs_load_node_from_image(image.p, image.len);
	free(image.p);
	first = lcfs_node_get_xattr(lcfs_node_lookup_child(back, "a"), "user.big", &len);
	t_eq(len, sizeof(value));
	second = lcfs_node_get_xattr(lcfs_node_lookup_child(back, "b"), "user.big", &len);
	t_ok(first == second);
	second = lcfs_node_get_xattr(lcfs_node_lookup_child(back, "c"), "user.big", &len);
	t_ok(first != second && second[0] == 1);
	lcfs_node_unref(back);
	lcfs_node_unref(root);
}

/* --- files -------------------------------------------------------------------------- */

T(compat_load_from_a_file_does_not_use_its_offset)
{
	size_t len;
	uint8_t *p = t_golden("example.v1.cfs", &len);
	int fd = file_of(p, len);
	struct lcfs_node_s *root;

	t_eq(lseek(fd, 100, SEEK_SET), 100);
	root = lcfs_load_node_from_fd(fd);
	t_ok(root);
	lcfs_node_unref(root);
	root = lcfs_load_node_from_fd_ext(fd, NULL);
	t_ok(root);
	lcfs_node_unref(root);
	t_eq(lseek(fd, 0, SEEK_CUR), 100);
	close(fd);
	free(p);
}

static int image_fd;

static int load_unreadable(void)
{
	errno = 0;
	CHILD_CHECK(!lcfs_load_node_from_fd(image_fd));
	CHILD_CHECK(errno == EIO);
	return 0;
}

/* A file that shrinks below a mapping is SIGBUS in the caller, so none is mapped: what cannot be
 * read cannot be loaded. */
T(compat_load_reads_files_and_does_not_map_them)
{
	struct fault no_reads = {SYS_pread64, 0, 0, EIO};
	size_t len;
	uint8_t *p = t_golden("example.v1.cfs", &len);

	image_fd = file_of(p, len);
	t_eq(fault_run(&no_reads, load_unreadable), 0);
	close(image_fd);
	free(p);
}

T(compat_load_refuses_other_files)
{
	int empty = file_of("", 0), fds[2];
	uint8_t *p = calloc(1, 8192);
	size_t len;

	t_errno(lcfs_load_node_from_fd(-1), NULL, EBADF);
	t_errno(lcfs_load_node_from_fd(empty), NULL, EINVAL);
	t_eq(pipe(fds), 0);
	t_errno(lcfs_load_node_from_fd(fds[0]), NULL, EINVAL);
	t_errno(lcfs_load_node_from_image(NULL, 0), NULL, EINVAL);
	/* What does not begin like an image is not read, however large it is. */
	t_eq(ftruncate(empty, (off_t)1 << 40), 0);
	t_errno(lcfs_load_node_from_fd(empty), NULL, EINVAL);
	t_errno(lcfs_load_node_from_image(p, 8192), NULL, EINVAL);
	free(p);
	p = t_golden("minimal.v0.cfs", &len);
	t_errno(lcfs_load_node_from_image(p, 4095), NULL, EINVAL);
	p[4] = 2; /* version of the header */
	t_errno(lcfs_load_node_from_image(p, len), NULL, ENOTSUP);
	p[4] = 1;
	p[1024] ^= 1; /* EROFS magic */
	t_errno(lcfs_load_node_from_image(p, len), NULL, EINVAL);
	free(p);
	close(empty);
	close(fds[0]);
	close(fds[1]);
}

static int version_of(const void *p, size_t len)
{
	int fd = file_of(p, len), version;

	errno = 0;
	version = lcfs_version_from_fd(fd);
	close(fd);
	return version;
}

T(compat_version_is_read_from_the_header)
{
	size_t len;
	uint8_t *p = t_golden("minimal.v0.cfs", &len);

	t_eq(version_of(p, len), 0);
	p[12] = 1;
	t_eq(version_of(p, 32), 1);
	t_eq(version_of(p, 31), -1);
	t_eq(errno, EINVAL);
	t_eq(version_of(p, 0), -1);
	t_eq(errno, EINVAL);
	p[15] = 0x80; /* would be negative */
	t_eq(version_of(p, 32), -1);
	t_eq(errno, EINVAL);
	p[4] = 2;
	t_eq(version_of(p, 32), -1);
	t_eq(errno, EINVAL);
	t_errno(lcfs_version_from_fd(-1), -1, EBADF);
	free(p);
}

/* --- damaged images ----------------------------------------------------------------- */

static uint64_t random_state = 1;

static uint32_t next_random(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

/* Loads; what comes out can be written, copied and freed like any tree. */
static void survive(const uint8_t *p, size_t len)
{
	struct lcfs_node_s *root, *copy;

	errno = 0;
	root = lcfs_load_node_from_image(p, len);
	if (!root) {
		t_ok(errno == EINVAL || errno == ENOTSUP);
		return;
	}
	copy = lcfs_node_clone_deep(root);
	t_ok(copy);
	lcfs_node_unref(root);
	(void)node_write_errno(copy);
	lcfs_node_unref(copy);
}

T(compat_load_survives_damaged_images)
{
	static const char *const names[] = {
		"example.v1.cfs", "types.v0.cfs", "hardlinks.v1.cfs",
		"xattr-shared-order.v1.cfs", "whiteout.v1.cfs"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len;
		uint8_t *good = t_golden(names[i], &len), *bad = malloc(len);

		for (int round = 0; round < 300; round++) {
			memcpy(bad, good, len);
			for (uint32_t n = 1 + next_random(8); n; n--)
				bad[next_random((uint32_t)len)] =
					(uint8_t)next_random(256);
			survive(bad, len);
		}
		free(bad);
		for (size_t cut = 0; cut < len; cut += 509) {
			bad = malloc(cut + 1);
			memcpy(bad, good, cut);
			survive(bad, cut);
			free(bad);
		}
		free(good);
	}
}

/* A whiteout device has one name. Found by where its inode would be: each of the 256 that
 * hide the directories of objects is one. */
T(compat_load_refuses_a_hidden_name_with_two_links)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct image image = node_image(root);
	size_t found = 0;

	for (size_t off = 1152; off + 32 <= image.len && !found; off += 32) {
		uint8_t *inode = image.p + off;

		if (inode[4] == (S_IFCHR & 0xff) + 0644 % 256 && inode[5] == 0x21 &&
		    inode[6] == 1) {
			inode[6] = 2;
			found = off;
		}
	}
	t_ok(found);
	t_errno(lcfs_load_node_from_image(image.p, image.len), NULL, EINVAL);
	free(image.p);
	lcfs_node_unref(root);
}
