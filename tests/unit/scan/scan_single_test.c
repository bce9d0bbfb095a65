/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: one name alone, contents without a callback, and the path at fault as data. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "fault.h"
#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* The parts of the spec to compare. The spec is borrowed for the call. */
struct seen {
	struct cfs_inode_spec spec;
	char payload[4096], content[64], key[256];
	bool has_digest;
};

static int see(void *ctx, const struct cfs_inode_spec *spec, struct cfs_err *e)
{
	struct seen *seen = ctx;

	(void)e;
	seen->spec = *spec;
	seen->has_digest = spec->digest;
	if (spec->payload.len)
		memcpy(seen->payload, spec->payload.s, spec->payload.len);
	if (spec->content.len)
		memcpy(seen->content, spec->content.p, spec->content.len);
	if (spec->n_xattrs)
		memcpy(seen->key, spec->xattrs[0].key.s, spec->xattrs[0].key.len);
	return 0;
}

static int one(const char *name, const struct cfs_scan_opts *opts, struct seen *out)
{
	static const struct cfs_scan_opts none;
	int dirfd = open(tmp_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC), rc;

	t_ok(dirfd >= 0);
	memset(out, 0, sizeof(*out));
	err.msg[0] = '\0';
	rc = cfs_scan_one(dirfd, name, opts ? opts : &none, see, out, &err);
	close(dirfd);
	return rc;
}

static char big[1000];

T(scan_one_describes_a_name_of_any_type)
{
	struct seen seen;

	tmp_fresh();
	tmp_text("small", "hello");
	memset(big, 'x', sizeof(big));
	tmp_put("big", big, sizeof(big));
	t_eq(chmod(tmp_in("small"), 04711), 0);
	t_eq(symlink("nowhere/at/all", tmp_in("link")), 0);
	t_eq(mkfifo(tmp_in("fifo"), 0600), 0);
	t_eq(mkdir(tmp_in("dir"), 0750), 0);
	t_eq(one("small", NULL, &seen), 0);
	t_eq(seen.spec.mode, S_IFREG | 04711);
	t_eq(seen.spec.size, 5);
	t_eq(seen.spec.nlink, 1);
	t_str(seen.content, "hello");
	t_eq(one("big", NULL, &seen), 0);
	t_eq(seen.spec.size, sizeof(big));
	t_ok(seen.has_digest);
	t_eq(seen.spec.payload.len, 65);
	t_eq(one("link", NULL, &seen), 0);
	t_ok(S_ISLNK(seen.spec.mode));
	t_str(seen.payload, "nowhere/at/all");
	t_eq(one("fifo", NULL, &seen), 0);
	t_ok(S_ISFIFO(seen.spec.mode));
	t_eq(one("dir", NULL, &seen), 0);
	t_eq(seen.spec.mode, S_IFDIR | 0750);
}

T(scan_one_takes_paths_as_the_kernel_does)
{
	struct seen seen;

	tmp_fresh();
	t_eq(mkdir(tmp_in("a"), 0751), 0);
	tmp_text("a/f", "1");
	t_eq(symlink("a", tmp_in("link")), 0);
	t_eq(one("a/f", NULL, &seen), 0);
	t_ok(S_ISREG(seen.spec.mode));
	t_eq(one("link/f", NULL, &seen), 0); /* followed on the way */
	t_ok(S_ISREG(seen.spec.mode));
	t_eq(one("link", NULL, &seen), 0); /* but not at the end */
	t_ok(S_ISLNK(seen.spec.mode));
	t_eq(one("link/", NULL, &seen), 0);
	t_eq(seen.spec.mode, S_IFDIR | 0751);
	t_eq(one("a/.", NULL, &seen), 0);
	t_eq(seen.spec.mode, S_IFDIR | 0751);
	t_eq(one("a//f", NULL, &seen), 0);
	t_eq(one(tmp_in("a/f"), NULL, &seen), 0); /* absolute */
	t_ok(S_ISREG(seen.spec.mode));
	t_eq(one("/", NULL, &seen), 0);
	t_ok(S_ISDIR(seen.spec.mode));
	t_eq(one("a/f/", NULL, &seen), -ENOTDIR);
	t_eq(one("", NULL, &seen), -ENOENT);
	t_eq(one("b", NULL, &seen), -ENOENT);
	t_str(err.msg, "error accessing b: stat: No such file or directory");
	t_eq(one("b/c", NULL, &seen), -ENOENT);
}

T(scan_one_reads_the_xattrs)
{
	struct cfs_scan_opts skip = {.skip_xattrs = true};
	struct seen seen;

	tmp_fresh();
	tmp_text("f", "1");
	if (setxattr(tmp_in("f"), "user.key", "value", 5, 0) < 0)
		t_skip("no user xattrs in %s", tmp_dir());
	t_eq(one("f", NULL, &seen), 0);
	t_eq(seen.spec.n_xattrs, 1);
	t_str(seen.key, "user.key");
	t_eq(one(tmp_in("f"), NULL, &seen), 0);
	t_eq(seen.spec.n_xattrs, 1);
	t_eq(one("f", &skip, &seen), 0);
	t_eq(seen.spec.n_xattrs, 0);
}

static int fail(void *ctx, const struct cfs_inode_spec *spec, struct cfs_err *e)
{
	(void)ctx, (void)spec;
	return cfs_fail(e, EDOM, "no");
}

static int fail_file(void *ctx, unsigned worker, int fd, const struct stat *st,
		     const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	(void)ctx, (void)worker, (void)fd, (void)st, (void)path, (void)out;
	return cfs_fail(e, EDOM, "no");
}

T(scan_one_fails_as_the_callback_does)
{
	static const struct cfs_scan_opts none;

	tmp_fresh();
	t_eq(cfs_scan_one(AT_FDCWD, tmp_dir(), &none, fail, NULL, &err), -EDOM);
}

static int scan_without_digests(void)
{
	struct cfs_scan_opts opts = {.no_digests = true, .threads = 1, .inline_max = -1};
	struct cfs_tree *tree;
	cfs_id id;

	CHILD_CHECK(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &tree, NULL) == 0);
	id = cfs_tree_find(tree, CFS_ROOT, CFS_TEXT("big"));
	CHILD_CHECK(id != CFS_NO_NODE);
	CHILD_CHECK(tree->nodes[id].size == sizeof(big));
	CHILD_CHECK(!tree->nodes[id].digest);
	CHILD_CHECK(tree->nodes[id].payload_kind == CFS_PAYLOAD_NONE);
	cfs_tree_free(tree);
	return 0;
}

T(scan_without_digests_opens_no_file)
{
	/* Files are opened so, and directories are not. */
	struct fault no_files = {SYS_openat, 2, O_NONBLOCK, EPERM};
	struct cfs_scan_opts opts = {.no_digests = true, .file = fail_file};
	struct cfs_tree *tree;

	tmp_fresh();
	tmp_put("big", big, sizeof(big));
	t_eq(fault_run(&no_files, scan_without_digests), 0);
	t_eq(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &tree, &err), -EINVAL);
}

T(scan_tells_the_path_at_fault)
{
	struct cfs_scan_opts opts = {.threads = 1, .file = fail_file};
	struct cfs_tree *tree;
	char *path = NULL;

	opts.failed_path = &path;
	tmp_fresh();
	t_eq(mkdir(tmp_in("d"), 0755), 0);
	tmp_put("d/f", big, sizeof(big));
	t_eq(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &tree, &err), -EDOM);
	t_str(path, tmp_in("d/f"));
	free(path);
	t_eq(cfs_scan(AT_FDCWD, tmp_in("d/f"), &opts, &tree, &err), -ENOTDIR);
	t_str(path, tmp_in("d/f"));
	free(path);
	opts.threads = 2;
	t_eq(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &tree, &err), -EINVAL);
}
