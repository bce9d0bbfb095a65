/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: nodes from files and directories, and fs-verity digests of contents. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fault.h"
#include "nodes.h"
#include "tmpdir.h"

/* fs-verity digests: of nothing, of "hello", of 1000 zeros. */
static const char OF_NOTHING[] =
	"3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95";
static const char OF_HELLO[] =
	"555b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de";
static const char PATH_OF_HELLO[] =
	"55/5b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de";
static const char OF_ZEROS[] =
	"f6fa43bbc0a7908e2ef77438244159e9dec289dfc4c49d229237f9797a6a9b79";
static const char PATH_OF_ZEROS[] =
	"f6/fa43bbc0a7908e2ef77438244159e9dec289dfc4c49d229237f9797a6a9b79";

static const char *hex(const uint8_t *digest)
{
	static char text[2 * LCFS_DIGEST_SIZE + 1];

	for (size_t i = 0; digest && i < LCFS_DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return digest ? text : "none";
}

static const uint8_t zeros[1000];

static void make_files(void)
{
	tmp_fresh();
	tmp_text("small", "hello");
	tmp_put("big", zeros, sizeof(zeros));
	tmp_text("empty", "");
	t_eq(symlink("big", tmp_in("link")), 0);
	t_eq(mkfifo(tmp_in("fifo"), 0600), 0);
}

/* --- one file ----------------------------------------------------------------------- */

static struct lcfs_node_s *load(const char *name, int flags)
{
	struct lcfs_node_s *n = lcfs_load_node_from_file(AT_FDCWD, tmp_in(name), flags);

	if (!n)
		t_fail(__FILE__, __LINE__, "%s: %s", name, strerror(errno));
	return n;
}

T(compat_load_file_takes_what_lstat_says)
{
	struct timespec times[2] = {{.tv_sec = 7}, {.tv_sec = -5, .tv_nsec = 123456789}};
	struct lcfs_node_s *n;
	struct timespec t;

	make_files();
	t_eq(chmod(tmp_in("big"), 04751), 0);
	t_eq(link(tmp_in("big"), tmp_in("twin")), 0);
	t_eq(utimensat(AT_FDCWD, tmp_in("big"), times, 0), 0);
	n = load("big", 0);
	t_eq(lcfs_node_get_mode(n), S_IFREG | 04751);
	t_eq(lcfs_node_get_uid(n), getuid());
	t_eq(lcfs_node_get_gid(n), getgid());
	t_eq(lcfs_node_get_size(n), sizeof(zeros));
	t_eq(lcfs_node_get_nlink(n), 1);
	lcfs_node_get_mtime(n, &t);
	t_ok(t.tv_sec == -5 && t.tv_nsec == 123456789);
	t_ok(!lcfs_node_get_payload(n) && !lcfs_node_get_content(n));
	lcfs_node_unref(n);
	n = load("big", LCFS_BUILD_USE_EPOCH);
	lcfs_node_get_mtime(n, &t);
	t_ok(t.tv_sec == 0 && t.tv_nsec == 0);
	lcfs_node_unref(n);
	n = load("link", 0);
	t_ok(S_ISLNK(lcfs_node_get_mode(n)));
	t_str(lcfs_node_get_payload(n), "big");
	t_eq(lcfs_node_get_size(n), 3);
	lcfs_node_unref(n);
	n = load("fifo", LCFS_BUILD_COMPUTE_DIGEST | LCFS_BUILD_BY_DIGEST);
	t_eq(lcfs_node_get_mode(n), S_IFIFO | 0600);
	t_ok(!lcfs_node_get_payload(n) && !lcfs_node_get_fsverity_digest(n));
	lcfs_node_unref(n);
}

enum { COMPUTE = LCFS_BUILD_COMPUTE_DIGEST, BY = LCFS_BUILD_BY_DIGEST };

static const struct {
	const char *name;
	int flags;
	const char *digest, *payload;
	bool content;
} flag_effects[] = {
	{"small", 0, "none", NULL, true},
	{"small", COMPUTE, OF_HELLO, NULL, true},
	{"small", BY, "none", PATH_OF_HELLO, true},
	{"small", COMPUTE | BY, OF_HELLO, PATH_OF_HELLO, true},
	{"small", LCFS_BUILD_NO_INLINE, "none", NULL, false},
	{"small", LCFS_BUILD_NO_INLINE | BY, "none", PATH_OF_HELLO, false},
	{"small", LCFS_BUILD_NO_INLINE | COMPUTE, OF_HELLO, NULL, false},
	{"big", 0, "none", NULL, false},
	{"big", COMPUTE, OF_ZEROS, NULL, false},
	{"big", BY, "none", PATH_OF_ZEROS, false},
	{"big", COMPUTE | BY, OF_ZEROS, PATH_OF_ZEROS, false},
	{"empty", COMPUTE | BY, "none", NULL, false},
};

T(compat_build_flags_select_how_contents_are_stored)
{

	make_files();
	for (size_t i = 0; i < sizeof(flag_effects) / sizeof(flag_effects[0]); i++) {
		struct lcfs_node_s *a = load(flag_effects[i].name, flag_effects[i].flags);
		struct lcfs_node_s *b = node_new(S_IFREG | 0644);
		struct lcfs_node_s *both[] = {a, b};

		lcfs_node_set_size(b, lcfs_node_get_size(a));
		t_eq(lcfs_node_set_from_content(b, AT_FDCWD, tmp_in(flag_effects[i].name),
						flag_effects[i].flags),
		     0);
		for (size_t k = 0; k < 2; k++) {
			const char *payload = lcfs_node_get_payload(both[k]);

			t_str(hex(lcfs_node_get_fsverity_digest(both[k])),
			      flag_effects[i].digest);
			t_str(payload ? payload : "",
			      flag_effects[i].payload ? flag_effects[i].payload : "");
			t_eq(!!lcfs_node_get_content(both[k]), flag_effects[i].content);
			lcfs_node_unref(both[k]);
		}
	}
}

T(compat_load_file_fails_as_the_system_calls_do)
{
	make_files();
	t_errno(lcfs_load_node_from_file(AT_FDCWD, tmp_in("none"), 0), NULL, ENOENT);
	t_errno(lcfs_load_node_from_file(AT_FDCWD, "", 0), NULL, ENOENT);
	t_errno(lcfs_load_node_from_file(AT_FDCWD, tmp_in("big/x"), 0), NULL, ENOTDIR);
	t_errno(lcfs_load_node_from_file(1000, "x", 0), NULL, EBADF);
	t_errno(lcfs_load_node_from_file(AT_FDCWD, tmp_dir(), 128), NULL, EINVAL);
	t_errno(lcfs_load_node_from_file(AT_FDCWD, tmp_dir(),
					 LCFS_BUILD_SKIP_XATTRS | LCFS_BUILD_USER_XATTRS),
		NULL, EINVAL);
}

T(compat_set_from_content_requires_the_size_of_the_node)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);

	make_files();
	t_errno(lcfs_node_set_from_content(NULL, AT_FDCWD, "x", 0), -1, EINVAL);
	/* Size 0: nothing is opened. */
	t_eq(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("none"),
					LCFS_BUILD_BY_DIGEST),
	     0);
	lcfs_node_set_size(n, 6);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("none"), 0), -1, ENOENT);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("small"), 0), -1, ENODATA);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_dir(), 0), -1, ENODATA);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("fifo"), 0), -1, ENODATA);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("link"), 0), -1, ELOOP);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, "/dev/zero", 0), -1, ENODATA);
	lcfs_node_set_size(n, 1000);
	t_eq(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("big"),
					LCFS_BUILD_COMPUTE_DIGEST),
	     0);
	/* A path alone: the digest of before is not this content's. */
	t_eq(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("big"), LCFS_BUILD_BY_DIGEST),
	     0);
	t_ok(!lcfs_node_get_fsverity_digest(n));
	lcfs_node_set_size(n, 1001);
	t_errno(lcfs_node_set_from_content(n, AT_FDCWD, tmp_in("big"),
					   LCFS_BUILD_COMPUTE_DIGEST),
		-1, ENODATA);
	t_ok(!lcfs_node_get_fsverity_digest(n) && !lcfs_node_get_content(n));
	lcfs_node_unref(n);
}

T(compat_xattrs_of_files_are_taken_as_the_flags_say)
{
	struct lcfs_node_s *n;
	size_t len;

	make_files();
	if (setxattr(tmp_in("big"), "user.a", "1", 1, 0) < 0 ||
	    setxattr(tmp_in("big"), "trusted.b", "2", 1, 0) < 0)
		t_skip("no user and trusted xattrs in %s for us", tmp_dir());
	n = load("big", 0);
	t_mem(lcfs_node_get_xattr(n, "trusted.b", &len), "2", 1);
	t_ok(lcfs_node_get_xattr(n, "user.a", NULL));
	lcfs_node_unref(n);
	n = load("big", LCFS_BUILD_USER_XATTRS);
	t_ok(!lcfs_node_get_xattr(n, "trusted.b", NULL));
	t_ok(lcfs_node_get_xattr(n, "user.a", NULL));
	lcfs_node_unref(n);
	n = load("big", LCFS_BUILD_SKIP_XATTRS);
	t_eq(lcfs_node_get_n_xattr(n), 0);
	lcfs_node_unref(n);
}

/* --- directories -------------------------------------------------------------------- */

T(compat_build_takes_all_that_is_below)
{
	struct lcfs_node_s *root, *n;
	char *path = (char *)"untouched";

	make_files();
	t_eq(mkdir(tmp_in("dir"), 0750), 0);
	t_eq(link(tmp_in("big"), tmp_in("dir/twin")), 0);
	root = lcfs_build(AT_FDCWD, tmp_dir(), LCFS_BUILD_BY_DIGEST, &path);
	t_ok(root);
	t_str(path, "untouched");
	t_ok(!lcfs_node_get_name(root));
	t_eq(lcfs_node_get_n_children(root), 6);
	n = lcfs_node_lookup_child(lcfs_node_lookup_child(root, "dir"), "twin");
	/* Hard links on disk are files of their own. */
	t_ok(!lcfs_node_get_hardlink_target(n));
	t_eq(lcfs_node_get_nlink(n), 1);
	t_str(lcfs_node_get_payload(n), PATH_OF_ZEROS);
	n = lcfs_node_lookup_child(root, "link");
	t_str(lcfs_node_get_payload(n), "big");
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);
	/* What is no directory is a node alone. */
	root = lcfs_build(AT_FDCWD, tmp_in("small"), 0, NULL);
	t_mem(lcfs_node_get_content(root), "hello", 5);
	lcfs_node_unref(root);
}

T(compat_build_leaves_out_devices_below_the_root)
{
	struct lcfs_node_s *root;

	make_files();
	if (mknod(tmp_in("dev"), S_IFCHR | 0600, makedev(1, 3)) < 0)
		t_skip("no devices can be made: %s", strerror(errno));
	root = lcfs_build(AT_FDCWD, tmp_dir(), LCFS_BUILD_SKIP_DEVICES, NULL);
	t_ok(!lcfs_node_lookup_child(root, "dev"));
	t_ok(lcfs_node_lookup_child(root, "fifo"));
	lcfs_node_unref(root);
	root = lcfs_build(AT_FDCWD, tmp_in("dev"), LCFS_BUILD_SKIP_DEVICES, NULL);
	t_eq(lcfs_node_get_rdev64(root), makedev(1, 3));
	lcfs_node_unref(root);
}

/* No file can be opened, as if its mode forbade it. */
static int build_unreadable(void)
{
	char *path = NULL;

	errno = 0;
	CHILD_CHECK(!lcfs_build(AT_FDCWD, tmp_dir(), LCFS_BUILD_BY_DIGEST, &path));
	CHILD_CHECK(errno == EACCES);
	CHILD_CHECK(path && strcmp(path, tmp_in("dir/file")) == 0);
	free(path);
	CHILD_CHECK(!lcfs_build(AT_FDCWD, tmp_dir(), LCFS_BUILD_BY_DIGEST, NULL));
	return 0;
}

T(compat_build_tells_the_path_at_fault)
{
	struct fault no_files = {SYS_openat, 2, O_NONBLOCK, EACCES};
	char *path = NULL;

	tmp_fresh();
	t_eq(mkdir(tmp_in("dir"), 0750), 0);
	tmp_text("dir/file", "x");
	t_eq(fault_run(&no_files, build_unreadable), 0);
	t_errno(lcfs_build(AT_FDCWD, tmp_in("none"), 0, &path), NULL, ENOENT);
	t_str(path, tmp_in("none"));
	free(path);
	t_errno(lcfs_build(AT_FDCWD, tmp_dir(), 128, &path), NULL, EINVAL);
	t_str(path, tmp_dir());
	free(path);
}

/* --- fs-verity ---------------------------------------------------------------------- */

struct source {
	const char *text;
	size_t left;
	int fail;
};

/* Gives at most three bytes at a time. */
static ssize_t read_source(void *file, void *buf, size_t count)
{
	struct source *s = file;
	size_t n = s->left < 3 ? s->left : 3;

	t_ok(count >= 3);
	if (s->fail && s->left < 3) {
		errno = EDOM;
		return s->fail;
	}
	memcpy(buf, s->text, n);
	s->text += n;
	s->left -= n;
	return (ssize_t)n;
}

T(compat_digests_of_contents)
{
	struct source s = {"hello", 5, 0};
	uint8_t digest[LCFS_DIGEST_SIZE];

	t_eq(lcfs_compute_fsverity_from_content(digest, &s, read_source), 0);
	t_str(hex(digest), OF_HELLO);
	t_eq(lcfs_compute_fsverity_from_data(digest, (uint8_t *)"hello", 5), 0);
	t_str(hex(digest), OF_HELLO);
	t_eq(lcfs_compute_fsverity_from_data(digest, NULL, 0), 0);
	t_str(hex(digest), OF_NOTHING);
	s = (struct source){"hello", 5, -1};
	t_errno(lcfs_compute_fsverity_from_content(digest, &s, read_source), -1, ENODATA);
	s = (struct source){"hello", 5, 1 << 30}; /* more than was asked for */
	t_errno(lcfs_compute_fsverity_from_content(digest, &s, read_source), -1, ENODATA);
}

T(compat_digests_of_files_start_at_the_offset)
{
	uint8_t digest[LCFS_DIGEST_SIZE];
	int fd;

	make_files();
	fd = open(tmp_in("small"), O_RDONLY | O_CLOEXEC);
	t_eq(lcfs_compute_fsverity_from_fd(digest, fd), 0);
	t_str(hex(digest), OF_HELLO);
	t_eq(lcfs_compute_fsverity_from_fd(digest, fd), 0);
	t_str(hex(digest), OF_NOTHING);
	/* This one is of the whole file, wherever it stands. */
	t_eq(lcfs_fd_get_fsverity(digest, fd), 0);
	t_str(hex(digest), OF_HELLO);
	close(fd);
	t_errno(lcfs_compute_fsverity_from_fd(digest, -1), -1, ENODATA);
}

T(compat_digests_of_nodes)
{
	struct lcfs_node_s *n = node_new(S_IFREG | 0644);
	struct source s = {"hello", 5, -1};
	int fd;

	make_files();
	t_errno(lcfs_node_set_fsverity_from_content(n, &s, read_source), -1, ENODATA);
	t_ok(!lcfs_node_get_fsverity_digest(n));
	s = (struct source){"hello", 5, 0};
	t_eq(lcfs_node_set_fsverity_from_content(n, &s, read_source), 0);
	t_str(hex(lcfs_node_get_fsverity_digest(n)), OF_HELLO);
	fd = open(tmp_in("big"), O_RDONLY | O_CLOEXEC);
	t_eq(lcfs_node_set_fsverity_from_fd(n, fd), 0);
	close(fd);
	t_str(hex(lcfs_node_get_fsverity_digest(n)), OF_ZEROS);
	t_errno(lcfs_node_set_fsverity_from_fd(n, -1), -1, ENODATA);
	t_str(hex(lcfs_node_get_fsverity_digest(n)), OF_ZEROS);
	lcfs_node_unref(n);
}

/* Both: a negative errno, and errno. */
#define t_both(call, expected)                                                           \
	do {                                                                             \
		errno = 0;                                                               \
		t_eq(call, -(expected));                                                 \
		t_eq(errno, expected);                                                   \
	} while (0)

T(compat_measuring_gives_the_code_and_errno)
{
	uint8_t digest[LCFS_DIGEST_SIZE];
	int fds[2], dir, rc;

	make_files();
	dir = open(tmp_dir(), O_RDONLY | O_CLOEXEC);
	t_eq(pipe(fds), 0);
	t_both(lcfs_fd_measure_fsverity(digest, -1), EBADF);
	t_both(lcfs_fd_measure_fsverity(digest, fds[0]), ENOVERITY);
	t_both(lcfs_fd_get_fsverity(digest, -1), EBADF);
	t_both(lcfs_fd_get_fsverity(digest, fds[0]), ESPIPE);
	t_errno(lcfs_fd_get_fsverity(digest, dir), -1, ENODATA);
	errno = 0;
	rc = lcfs_fd_enable_fsverity(fds[0]);
	t_ok(rc < 0 && errno == -rc);
	t_both(lcfs_fd_enable_fsverity(-1), EBADF);
	close(dir);
	close(fds[0]);
	close(fds[1]);
}
