/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base/path and base/replace where others have a say: the owner of a directory on the way chooses
 * neither where a file is written nor what mode it gets. As root, another user is a uid. */
#include "t.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/base.h"
#include "tmpdir.h"

enum { OTHER = 12345 };

static void need_root(void)
{
	if (geteuid() != 0)
		t_skip("needs root, to make files of another user");
}

static void fresh(void)
{
	umask(022);
	tmp_fresh();
	t_eq(mkdir(tmp_in("dir"), 0755), 0);
	t_eq(mkdir(tmp_in("out"), 0755), 0);
	tmp_text("out/file", "outside");
}

/* Replaces the file, and tells the error. */
static int put(const char *path, struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open(path, &r, err);

	if (rc == 0)
		rc = cfs_io_write(r.fd, "new", 3, err);
	if (rc == 0)
		return cfs_replace_commit(&r, err);
	cfs_replace_abort(&r);
	return rc;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	t_eq(lstat(tmp_in(name), &st), 0);
	t_eq(st.st_uid, geteuid());
	return st.st_mode & 07777;
}

static bool has_text(const char *name, const char *expected)
{
	cfs_autofd int fd = open(tmp_in(name), O_RDONLY | O_CLOEXEC);
	char buf[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(expected) && memcmp(buf, expected, (size_t)n) == 0;
}

T(replaced_file_of_another_user_does_not_pass_on_its_mode)
{
	struct cfs_err err = {0};

	need_root();
	fresh();
	t_eq(chmod(tmp_in("dir"), 01777), 0);
	tmp_text("dir/out.cfs", "prepared");
	t_eq(chown(tmp_in("dir/out.cfs"), OTHER, OTHER), 0);
	t_eq(chmod(tmp_in("dir/out.cfs"), 06777), 0);
	t_eq(put(tmp_in("dir/out.cfs"), &err), 0);
	t_eq(mode_of("dir/out.cfs"), 0644);
	t_ok(has_text("dir/out.cfs", "new"));
}

T(replaced_file_of_the_caller_passes_on_its_mode_without_set_id_bits)
{
	struct cfs_err err = {0};

	fresh();
	tmp_text("dir/out.cfs", "old");
	t_eq(chmod(tmp_in("dir/out.cfs"), 07606), 0);
	t_eq(put(tmp_in("dir/out.cfs"), &err), 0);
	t_eq(mode_of("dir/out.cfs"), 0606);
	/* With another name it may be in this place by the will of somebody else. */
	t_eq(link(tmp_in("dir/out.cfs"), tmp_in("dir/more")), 0);
	t_eq(put(tmp_in("dir/out.cfs"), &err), 0);
	t_eq(mode_of("dir/out.cfs"), 0644);
	t_eq(mode_of("dir/more"), 0606);
}

T(link_of_our_own_is_followed_and_stays)
{
	struct cfs_err err = {0};

	fresh();
	t_eq(symlink("../out/file", tmp_in("dir/link")), 0);
	t_eq(symlink("dir", tmp_in("to-dir")), 0);
	t_eq(put(tmp_in("to-dir/link"), &err), 0);
	t_ok(has_text("out/file", "new"));
	t_eq(symlink("new", tmp_in("dir/dangling")), 0);
	t_eq(put(tmp_in("dir/dangling"), &err), 0);
	t_ok(has_text("dir/new", "new"));
	t_eq(symlink("loop", tmp_in("dir/loop")), 0);
	t_eq(put(tmp_in("dir/loop"), &err), -ELOOP);
}

T(link_where_everybody_may_write_is_not_followed)
{
	struct cfs_err err = {0};

	fresh();
	t_eq(symlink("../out/file", tmp_in("dir/link")), 0);
	t_eq(chmod(tmp_in("dir"), 0777), 0);
	t_eq(put(tmp_in("dir/link"), &err), -ELOOP);
	t_has(err.msg, "symbolic link \"link\": not followed");
	t_ok(has_text("out/file", "outside"));
	t_eq(chmod(tmp_in("dir"), 01777), 0);
	t_eq(put(tmp_in("dir/link"), &err), 0);
}

T(link_of_another_user_is_not_followed_in_any_component)
{
	struct cfs_err err = {0};

	need_root();
	fresh();
	t_eq(symlink("../out/file", tmp_in("dir/link")), 0);
	t_eq(symlink("../out", tmp_in("dir/sub")), 0);
	t_eq(lchown(tmp_in("dir/link"), OTHER, OTHER), 0);
	t_eq(lchown(tmp_in("dir/sub"), OTHER, OTHER), 0);
	t_eq(put(tmp_in("dir/link"), &err), -ELOOP);
	t_eq(put(tmp_in("dir/sub/new"), &err), -ELOOP);
	t_has(err.msg, "\"sub\"");
	/* Nor one of root's in the directory of another user, who could have moved it there. */
	t_eq(lchown(tmp_in("dir/link"), 0, 0), 0);
	t_eq(chown(tmp_in("dir"), OTHER, OTHER), 0);
	t_eq(put(tmp_in("dir/link"), &err), -ELOOP);
	t_ok(has_text("out/file", "outside"));
	t_ok(access(tmp_in("out/new"), F_OK) < 0);
	t_eq(put(tmp_in("dir/fine"), &err), 0);
	t_eq(cfs_path_open_dir(tmp_in("dir/sub"), &err), -ELOOP);
	t_eq(cfs_path_make_dir(tmp_in("dir/sub/new"), 0700, NULL, &err), -ELOOP);
	t_ok(access(tmp_in("out/new"), F_OK) < 0);
}

T(fifo_or_device_of_another_user_is_refused_at_once)
{
	struct cfs_err err = {0};

	need_root();
	fresh();
	t_eq(chmod(tmp_in("dir"), 01777), 0);
	t_eq(mkfifo(tmp_in("dir/fifo"), 0666), 0);
	t_eq(chown(tmp_in("dir/fifo"), OTHER, OTHER), 0);
	t_eq(put(tmp_in("dir/fifo"), &err), -EPERM);
	t_has(err.msg, "not a regular file");
	t_eq(mkfifo(tmp_in("dir/own"), 0666), 0);
	t_eq(chown(tmp_in("dir"), OTHER, OTHER), 0);
	t_eq(put(tmp_in("dir/own"), &err), -EPERM);
	if (mknod(tmp_in("dir/null"), S_IFCHR | 0666, makedev(1, 3)) == 0)
		t_eq(put(tmp_in("dir/null"), &err), -EPERM);
}

T(fifo_of_our_own_is_written)
{
	struct cfs_err err = {0};
	cfs_autofd int reader = -1;
	char buf[8];

	fresh();
	t_eq(mkfifo(tmp_in("dir/fifo"), 0600), 0);
	reader = open(tmp_in("dir/fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	t_ok(reader >= 0);
	t_eq(put(tmp_in("dir/fifo"), &err), 0);
	t_eq(read(reader, buf, sizeof(buf)), 3);
}

T(temporary_name_that_another_user_took_is_left_alone)
{
	struct cfs_err err = {0};

	need_root();
	fresh();
	tmp_text("dir/out", "old");
	tmp_text("dir/.out.cfs-tmp", "taken");
	t_eq(chown(tmp_in("dir/.out.cfs-tmp"), OTHER, OTHER), 0);
	t_eq(put(tmp_in("dir/out"), &err), 0);
	t_ok(has_text("dir/.out.cfs-tmp", "taken"));
	t_ok(has_text("dir/out", "new"));
	/* A link under that name is no way to another file. */
	t_eq(unlink(tmp_in("dir/.out.cfs-tmp")), 0);
	t_eq(symlink("../out/file", tmp_in("dir/.out.cfs-tmp")), 0);
	t_eq(put(tmp_in("dir/out"), &err), 0);
	t_ok(has_text("out/file", "outside"));
}

T(name_in_a_held_directory_follows_no_link_at_all)
{
	struct cfs_err err = {0};
	struct cfs_replace r;
	cfs_autofd int dir = -1;

	fresh();
	t_eq(symlink("../out/file", tmp_in("dir/link")), 0);
	dir = cfs_path_open_dir(tmp_in("dir"), &err);
	t_ok(dir >= 0);
	t_eq(cfs_replace_open_at(dir, "link", &r, &err), -ELOOP);
	t_eq(cfs_replace_open_at(dir, "name", &r, &err), 0);
	t_eq(cfs_replace_commit(&r, &err), 0);
	t_eq(mode_of("dir/name"), 0644);
}

T(make_dir_makes_parents_and_tells_whether_the_last_is_new)
{
	struct cfs_err err = {0};
	bool made = false;
	int fd;

	fresh();
	fd = cfs_path_make_dir(tmp_in("dir/a//b/c/"), 0700, &made, &err);
	t_ok(fd >= 0 && made && close(fd) == 0);
	t_eq(mode_of("dir/a"), 0755);
	t_eq(mode_of("dir/a/b/c"), 0700);
	fd = cfs_path_make_dir(tmp_in("dir/a/b/c"), 0700, &made, &err);
	t_ok(fd >= 0 && !made && close(fd) == 0);
	t_eq(cfs_path_make_dir(tmp_in("out/file/x"), 0700, &made, &err), -ENOTDIR);
	t_eq(cfs_path_make_dir("", 0700, &made, &err), -ENOENT);
}

T(parent_of_what_is_no_name_is_refused)
{
	struct cfs_err err = {0};
	char *name = NULL;
	int fd;

	fresh();
	t_eq(cfs_path_open_parent(tmp_in("dir/"), &name, &err), -EISDIR);
	t_eq(cfs_path_open_parent(tmp_in("dir/.."), &name, &err), -EISDIR);
	t_eq(cfs_path_open_parent("/", &name, &err), -EISDIR);
	t_eq(cfs_path_open_parent(tmp_in("none/file"), &name, &err), -ENOENT);
	t_has(err.msg, "none");
	fd = cfs_path_open_parent(tmp_in("dir/../out//file"), &name, &err);
	t_ok(fd >= 0);
	t_str(name, "file");
	t_eq(faccessat(fd, name, F_OK, 0), 0);
	free(name);
	close(fd);
}
