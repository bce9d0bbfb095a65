/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Calls every function of libcomposefs (but the two that mount need a privilege, and fail here) and
 * prints what it says: the same, whichever headers it is compiled with and whichever library it
 * runs on. The argument is an empty directory. */
#include <libcomposefs/lcfs-erofs.h>
#include <libcomposefs/lcfs-mount.h>
#include <libcomposefs/lcfs-writer.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The result of a call, and errno when it says that it failed. */
#define SAY(call)                                                                        \
	do {                                                                             \
		errno = 0;                                                               \
		long rc_ = (long)(call);                                                 \
		printf("%s: %ld %s\n", #call, rc_, rc_ < 0 ? strerror(errno) : "");      \
	} while (0)
#define SAY_TEXT(call)                                                                   \
	do {                                                                             \
		const char *text_ = (call);                                              \
		printf("%s: %s\n", #call, text_ ? text_ : "none");                       \
	} while (0)
#define SAY_NONE(call)                                                                   \
	do {                                                                             \
		errno = 0;                                                               \
		printf("%s: %s ", #call, (call) ? "something" : "nothing");              \
		printf("%s\n", strerror(errno));                                         \
	} while (0)

static void say_digest(const char *what, const uint8_t *digest)
{
	printf("%s: ", what);
	for (int i = 0; digest && i < LCFS_DIGEST_SIZE; i++)
		printf("%02x", digest[i]);
	printf("%s\n", digest ? "" : "none");
}

static struct lcfs_node_s *add(struct lcfs_node_s *dir, const char *name, uint32_t mode)
{
	struct lcfs_node_s *node = lcfs_node_new();

	SAY(lcfs_node_add_child(dir, node, name));
	lcfs_node_set_mode(node, mode); /* after it was added, as ostree does */
	return node;
}

static void say_node(struct lcfs_node_s *n)
{
	struct timespec t;
	size_t len = 0;

	lcfs_node_get_mtime(n, &t);
	printf("%s: %o %u %u:%u %llu %lld.%ld %llx %s",
	       lcfs_node_get_name(n) ? lcfs_node_get_name(n) : "/", lcfs_node_get_mode(n),
	       lcfs_node_get_nlink(n), lcfs_node_get_uid(n), lcfs_node_get_gid(n),
	       (unsigned long long)lcfs_node_get_size(n), (long long)t.tv_sec, t.tv_nsec,
	       (unsigned long long)lcfs_node_get_rdev64(n),
	       lcfs_node_get_payload(n) ? lcfs_node_get_payload(n) : "none");
	if (lcfs_node_get_content(n))
		printf(" [%.*s]", (int)lcfs_node_get_size(n), lcfs_node_get_content(n));
	for (size_t i = 0; i < lcfs_node_get_n_xattr(n); i++) {
		const char *name = lcfs_node_get_xattr_name(n, i);
		const char *value = lcfs_node_get_xattr(n, name, &len);

		printf(" %s=%.*s", name, (int)len, value);
	}
	if (lcfs_node_get_hardlink_target(n))
		printf(" @%s", lcfs_node_get_name(lcfs_node_get_hardlink_target(n)));
	say_digest("", lcfs_node_get_fsverity_digest(n));
	for (size_t i = 0; i < lcfs_node_get_n_children(n); i++)
		say_node(lcfs_node_get_child(n, i));
}

static struct lcfs_node_s *add_full_file(struct lcfs_node_s *dir)
{
	struct lcfs_node_s *file = add(dir, "file", S_IFREG | 04711);
	struct timespec time = {-1000000, 123};
	uint8_t digest[LCFS_DIGEST_SIZE] = {1, 2, 3};

	lcfs_node_set_uid(file, 70000);
	lcfs_node_set_gid(file, 3);
	lcfs_node_set_size(file, 1234567);
	lcfs_node_set_mtime(file, &time);
	lcfs_node_set_fsverity_digest(file, digest);
	/* Of a path whose length is another multiple of 4, 1.0.8 reads more than there is. */
	SAY(lcfs_node_set_payload(file, "ab/cdefg"));
	SAY(lcfs_node_set_xattr(file, "user.b", "two", 3));
	SAY(lcfs_node_set_xattr(file, "trusted.overlay.a", "", 0));
	SAY(lcfs_node_set_xattr(file, "user.c", "gone", 4));
	SAY(lcfs_node_unset_xattr(file, "user.c"));
	SAY(lcfs_node_unset_xattr(file, "user.c"));
	SAY(lcfs_node_set_xattr(file, "", "", 0));
	return file;
}

static struct lcfs_node_s *make_tree(void)
{
	struct lcfs_node_s *root = lcfs_node_new(), *dir, *file, *n;

	lcfs_node_set_mode(root, S_IFDIR | 0755);
	dir = add(root, "dir", S_IFDIR | 01777);
	file = add_full_file(dir);
	SAY(lcfs_node_set_content(add(dir, "inline", S_IFREG | 0600),
				  (const uint8_t *)"hello", 5));
	SAY(lcfs_node_set_symlink_payload(add(root, "symlink", S_IFLNK | 0777),
					  "dir/file"));
	SAY(lcfs_node_set_payload(add(root, "as-ostree-does", S_IFLNK | 0777), "dir"));
	lcfs_node_set_rdev64(add(root, "dev", S_IFBLK | 0600), 0x12300000801);
	SAY(lcfs_node_try_set_mode(add(root, "whiteout", 0), S_IFCHR));
	SAY(lcfs_node_try_set_mode(root, 0644));
	n = add(root, "link", 0);
	lcfs_node_make_hardlink(n, file);
	n = lcfs_node_new();
	SAY(lcfs_node_add_child(root, n, ""));
	SAY(lcfs_node_add_child(root, n, "dir"));
	SAY(lcfs_node_add_child(root, dir, "again"));
	SAY(lcfs_node_add_child(file, n, "x"));
	lcfs_node_set_nlink(n, 5);
	lcfs_node_unref(lcfs_node_ref(n));
	lcfs_node_unref(n);
	return root;
}

static ssize_t write_fd(void *file, void *buf, size_t count)
{
	return write((int)(intptr_t)file, buf, count);
}

static ssize_t read_fd(void *file, void *buf, size_t count)
{
	return read((int)(intptr_t)file, buf, count);
}

static void say_image(struct lcfs_node_s *root, const char *path, uint32_t version)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct lcfs_write_options_s options = {
		.format = LCFS_FORMAT_EROFS,
		.version = version,
		.digest_out = digest,
		.file = (void *)(intptr_t)fd,
		.file_write_cb = write_fd,
		.max_version = LCFS_VERSION_MAX,
	};

	SAY(lcfs_write_to(root, &options));
	printf("version %u\n", options.version);
	say_digest("image", digest);
	SAY(lcfs_version_from_fd(fd));
	SAY(lcfs_fd_get_fsverity(digest, fd));
	say_digest("file", digest);
	close(fd);
}

static void say_loaded(const char *path)
{
	static const char *const some[] = {"symlink", NULL};
	struct lcfs_read_options_s options = {.toplevel_entries = some};
	int fd = open(path, O_RDONLY);
	static uint8_t bytes[1 << 20];
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);
	struct lcfs_node_s *root = lcfs_load_node_from_fd(fd), *copy;

	say_node(root);
	lcfs_node_unref(root);
	root = lcfs_load_node_from_fd_ext(fd, &options);
	say_node(root);
	lcfs_node_unref(root);
	root = lcfs_load_node_from_image_ext(bytes, (size_t)len, &options);
	say_node(root);
	lcfs_node_unref(root);
	root = lcfs_load_node_from_image(bytes, (size_t)len);
	copy = lcfs_node_clone_deep(root);
	lcfs_node_unref(root);
	say_node(copy);
	lcfs_node_unref(copy);
	SAY_NONE(lcfs_load_node_from_image(bytes, 4095));
	bytes[0]++;
	SAY_NONE(lcfs_load_node_from_image(bytes, (size_t)len));
	SAY_NONE(lcfs_load_node_from_fd(-1));
	close(fd);
}

static void say_digests_of(int fd)
{
	uint8_t digest[LCFS_DIGEST_SIZE];

	lseek(fd, 0, SEEK_SET);
	SAY(lcfs_compute_fsverity_from_fd(digest, fd));
	say_digest("fd", digest);
	lseek(fd, 3, SEEK_SET);
	SAY(lcfs_compute_fsverity_from_content(digest, (void *)(intptr_t)fd, read_fd));
	say_digest("rest", digest);
	SAY(lcfs_compute_fsverity_from_data(digest, (uint8_t *)"content", 7));
	say_digest("data", digest);
	SAY(lcfs_fd_measure_fsverity(digest, fd));
	SAY(lcfs_fd_measure_fsverity(digest, -1));
	SAY(lcfs_fd_enable_fsverity(-1));
}

static void say_built_tree(void)
{
	struct lcfs_node_s *node;
	char *path = NULL;

	node = lcfs_build(AT_FDCWD, "src",
			  LCFS_BUILD_USE_EPOCH | LCFS_BUILD_COMPUTE_DIGEST |
				  LCFS_BUILD_BY_DIGEST | LCFS_BUILD_SKIP_XATTRS |
				  LCFS_BUILD_NO_INLINE,
			  &path);
	say_node(lcfs_node_lookup_child(node, "file"));
	say_node(lcfs_node_lookup_child(node, "symlink"));
	lcfs_node_unref(node);
	SAY_NONE(lcfs_build(AT_FDCWD, "none", 0, &path));
	SAY_TEXT(path);
	free(path);
}

static void say_loaded_file(int fd)
{
	struct lcfs_node_s *node;

	SAY_NONE(lcfs_load_node_from_file(AT_FDCWD, "none", 0));
	node = lcfs_load_node_from_file(AT_FDCWD, "src/file",
					LCFS_BUILD_USE_EPOCH | LCFS_BUILD_SKIP_XATTRS);
	say_node(node);
	lseek(fd, 0, SEEK_SET);
	SAY(lcfs_node_set_fsverity_from_fd(node, fd));
	lseek(fd, 0, SEEK_SET);
	SAY(lcfs_node_set_fsverity_from_content(node, (void *)(intptr_t)fd, read_fd));
	SAY(lcfs_node_set_from_content(node, AT_FDCWD, "none", 0));
	SAY(lcfs_node_set_from_content(node, AT_FDCWD, "src/file", LCFS_BUILD_BY_DIGEST));
	say_node(node);
	lcfs_node_unref(node);
}

static void say_files(const char *dir)
{
	int fd;

	if (chdir(dir) < 0 || mkdir("src", 0755) < 0)
		return;
	fd = open("src/file", O_RDWR | O_CREAT, 0640);
	if (write(fd, "content", 7) != 7 || symlink("file", "src/symlink") < 0)
		return;
	say_digests_of(fd);
	say_built_tree();
	say_loaded_file(fd);
	close(fd);
}

static void say_mounts(const char *image)
{
	const char *objects[] = {"."};
	struct lcfs_mount_options_s options = {.objdirs = objects, .n_objdirs = 1};

	SAY(lcfs_mount_image("none", "none", &options));
	options.flags = 1 << 5;
	SAY(lcfs_mount_image(image, "none", &options));
	options.flags = 0;
	SAY(lcfs_mount_fd(-1, "none", &options));
	options.expected_fsverity_digest =
		"0000000000000000000000000000000000000000000000000000000000000000";
	SAY(lcfs_mount_image("src/file", "none", &options));
}

int main(int argc, char **argv)
{
	struct lcfs_node_s *root = make_tree(), *copy;

	if (argc != 2)
		return 2;
	say_files(argv[1]);
	say_node(root);
	printf("%d %d\n", lcfs_node_dirp(root),
	       lcfs_node_get_parent(lcfs_node_lookup_child(root, "dir")) == root);
	SAY_NONE(lcfs_node_lookup_child(root, "none"));
	SAY_NONE(lcfs_node_get_child(root, 100));
	say_image(root, "image1", 0);
	say_image(root, "image2", 1);
	copy = lcfs_node_clone(root);
	say_node(copy);
	say_image(copy, "image3", 0);
	lcfs_node_unref(copy);
	lcfs_node_unref(root);
	say_loaded("image1");
	say_mounts("image1");
	return 0;
}
