/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: a directory on disk becomes the tree that it is, or an error that says where. */
#include "scan/scan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

static int scan(const struct cfs_scan_opts *opts, struct cfs_tree **out)
{
	static const struct cfs_scan_opts none;

	err.msg[0] = '\0';
	*out = NULL;
	return cfs_scan(AT_FDCWD, tmp_dir(), opts ? opts : &none, out, &err);
}

static struct cfs_tree *scan_ok(const struct cfs_scan_opts *opts)
{
	struct cfs_tree *tree;
	int rc = scan(opts, &tree);

	if (rc < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return tree;
}

static const struct cfs_node *find(const struct cfs_tree *t, const char *name)
{
	cfs_id id = CFS_ROOT;

	while (*name) {
		size_t len = strcspn(name, "/");

		id = cfs_tree_find(t, id, (struct cfs_text){name, len});
		if (id == CFS_NO_NODE)
			return NULL;
		name += len + (name[len] == '/');
	}
	return &t->nodes[id];
}

static const struct cfs_xattr_pair *find_xattr(const struct cfs_tree *t,
					       const struct cfs_node *n, const char *key)
{
	for (uint32_t i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &t->pairs[n->xattrs[i]];

		if (cfs_text_eq(t->keys[p->key], cfs_text(key)))
			return p;
	}
	return NULL;
}

T(scan_stores_what_lstat_says)
{
	struct timespec times[2] = {{.tv_sec = 7}, {.tv_sec = -5, .tv_nsec = 123456789}};
	struct cfs_tree *t;
	const struct cfs_node *n;
	struct stat st;

	tmp_fresh();
	tmp_text("file", "hello");
	t_eq(chmod(tmp_in("file"), 04751), 0);
	t_eq(utimensat(AT_FDCWD, tmp_in("file"), times, 0), 0);
	t_eq(mkdir(tmp_in("dir"), 0700), 0);
	t_eq(stat(tmp_in("file"), &st), 0);
	t = scan_ok(NULL);
	n = find(t, "file");
	t_ok(n);
	t_eq(n->mode, S_IFREG | 04751);
	t_eq(n->mtime_sec, st.st_mtim.tv_sec);
	t_eq(n->mtime_nsec, st.st_mtim.tv_nsec);
	t_eq(n->uid, geteuid());
	t_eq(n->gid, st.st_gid);
	t_eq(n->nlink, 1);
	t_eq(n->size, 5);
	t_eq(find(t, "dir")->mode, S_IFDIR | 0700);
	t_eq(t->nodes[0].mode, S_IFDIR | 0700);
	t_eq(t->n_nodes, 3);
	cfs_tree_free(t);
}

T(scan_use_epoch_gives_every_name_the_time_zero)
{
	struct cfs_scan_opts opts = {.use_epoch = true};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("file", "hello");
	t = scan_ok(&opts);
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		t_eq(t->nodes[i].mtime_sec, 0);
		t_eq(t->nodes[i].mtime_nsec, 0);
	}
	cfs_tree_free(t);
}

T(scan_inlines_1_to_64_bytes_and_digests_more)
{
	char text[65];
	char buf[CFS_PAYLOAD_BUF];
	struct cfs_digest expected;
	struct cfs_tree *t;
	const struct cfs_node *n;

	tmp_fresh();
	memset(text, 'x', sizeof(text));
	tmp_put("empty", "", 0);
	tmp_put("one", text, 1);
	tmp_put("most", text, 64);
	tmp_put("more", text, 65);
	t = scan_ok(NULL);
	n = find(t, "empty");
	t_ok(!n->content && !n->digest && n->payload_kind == CFS_PAYLOAD_NONE);
	t_ok(find(t, "one")->content);
	n = find(t, "most");
	t_ok(n->content && !n->digest && n->payload_kind == CFS_PAYLOAD_NONE);
	t_mem(n->content, text, 64);
	n = find(t, "more");
	t_ok(!n->content && n->digest);
	t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){(uint8_t *)text, 65},
				   &expected, NULL),
	     0);
	t_mem(n->digest, expected.bytes, 32);
	t_eq(n->payload_kind, CFS_PAYLOAD_OBJECT);
	t_eq(cfs_node_get_payload(t, n, buf).len, 65);
	cfs_tree_free(t);
}

T(scan_inline_limit_can_be_none_and_another)
{
	struct cfs_scan_opts opts = {.inline_max = -1};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("a", "content_a\n");
	tmp_text("b", "content_b!\n");
	t = scan_ok(&opts);
	t_ok(find(t, "a")->digest && !find(t, "a")->content);
	cfs_tree_free(t);
	opts.inline_max = 10;
	t = scan_ok(&opts);
	t_ok(find(t, "a")->content && !find(t, "b")->content);
	cfs_tree_free(t);
	opts.inline_max = CFS_CONTENT_MAX + 1;
	t_eq(scan(&opts, &t), -EINVAL);
	t_has(err.msg, "5001");
}

T(scan_announcement_example_has_its_two_objects)
{
	struct cfs_scan_opts opts = {.inline_max = -1};
	char buf[CFS_PAYLOAD_BUF];
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("file-a", "content_a\n");
	tmp_text("file-b", "content_b\n");
	t = scan_ok(&opts);
	t_ok(cfs_text_has_prefix(cfs_node_get_payload(t, find(t, "file-a"), buf),
				 CFS_TEXT("cc/3da5b1")));
	t_ok(cfs_text_has_prefix(cfs_node_get_payload(t, find(t, "file-b"), buf),
				 CFS_TEXT("02/927862b")));
	cfs_tree_free(t);
}

T(scan_takes_sha512)
{
	struct cfs_scan_opts opts = {.alg = CFS_SHA512, .inline_max = -1};
	struct cfs_digest expected;
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("a", "content_a\n");
	t = scan_ok(&opts);
	t_eq(cfs_verity_digest_mem(CFS_SHA512, cfs_text_span(cfs_text("content_a\n")),
				   &expected, NULL),
	     0);
	t_mem(find(t, "a")->digest, expected.bytes, 64);
	cfs_tree_free(t);
}

T(scan_never_follows_symlinks)
{
	struct cfs_tree *t;
	const struct cfs_node *n;

	tmp_fresh();
	t_eq(symlink("/etc", tmp_in("dirlink")), 0);
	t_eq(symlink("nowhere", tmp_in("broken")), 0);
	t = scan_ok(NULL);
	t_eq(t->n_nodes, 3);
	n = find(t, "dirlink");
	t_ok(S_ISLNK(n->mode));
	t_eq(n->size, 4);
	t_mem(n->payload, "/etc", 4);
	cfs_tree_free(t);
}

T(scan_source_must_be_a_directory)
{
	char path[2 * PATH_MAX];
	struct cfs_scan_opts opts = {0};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("file", "x");
	t_eq(symlink(".", tmp_in("link")), 0);
	snprintf(path, sizeof(path), "%s", tmp_in("file"));
	t_eq(cfs_scan(AT_FDCWD, path, &opts, &t, &err), -ENOTDIR);
	t_has(err.msg, "error accessing ");
	t_has(err.msg, "/file: Not a directory");
	snprintf(path, sizeof(path), "%s", tmp_in("link"));
	t_eq(cfs_scan(AT_FDCWD, path, &opts, &t, &err), -ENOTDIR);
	snprintf(path, sizeof(path), "%s", tmp_in("missing"));
	t_eq(cfs_scan(AT_FDCWD, path, &opts, &t, &err), -ENOENT);
}

T(scan_names_are_bytes)
{
	char longest[CFS_NAME_MAX + 1];
	static const char *const odd[] = {"new\nline", "\xff\xfe not utf-8",
					  " space ",   "back\\slash",
					  "\x01",      "-",
					  "...",       "tab\t"};
	struct cfs_tree *t;

	tmp_fresh();
	memset(longest, 'n', CFS_NAME_MAX);
	longest[CFS_NAME_MAX] = '\0';
	tmp_text(longest, "x");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		tmp_text(odd[i], "x");
	t = scan_ok(NULL);
	t_ok(find(t, longest));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		t_ok(find(t, odd[i]));
	cfs_tree_free(t);
}

T(scan_keeps_fifos_and_sockets)
{
	struct cfs_scan_opts opts = {.skip_devices = true};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct cfs_tree *t;

	tmp_fresh();
	t_eq(mkfifo(tmp_in("fifo"), 0600), 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/sock", tmp_dir());
	t_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	close(s);
	t = scan_ok(&opts);
	t_ok(S_ISFIFO(find(t, "fifo")->mode));
	t_ok(S_ISSOCK(find(t, "sock")->mode));
	cfs_tree_free(t);
}

T(scan_stores_devices_by_default)
{
	struct cfs_scan_opts opts = {0};
	struct cfs_tree *t;

	tmp_fresh();
	if (mknod(tmp_in("chr"), S_IFCHR | 0600, makedev(4, 300)) < 0)
		t_skip("mknod: %s", strerror(errno));
	t_eq(mknod(tmp_in("blk"), S_IFBLK | 0600, makedev(8, 1)), 0);
	t_eq(mknod(tmp_in("whiteout"), S_IFCHR, 0), 0);
	t = scan_ok(&opts);
	t_eq(find(t, "chr")->rdev, makedev(4, 300));
	t_eq(find(t, "blk")->rdev, makedev(8, 1));
	t_ok(cfs_node_is_whiteout(find(t, "whiteout")));
	cfs_tree_free(t);
	opts.skip_devices = true;
	t = scan_ok(&opts);
	t_eq(t->n_nodes, 1);
	cfs_tree_free(t);
}

static void set_xattr(const char *name, const char *key, const char *value)
{
	if (lsetxattr(tmp_in(name), key, value, strlen(value), 0) == 0)
		return;
	if (errno == EOPNOTSUPP || errno == EPERM)
		t_skip("xattr %s: %s", key, strerror(errno));
	t_fail(__FILE__, __LINE__, "xattr %s: %s", key, strerror(errno));
}

T(scan_stores_xattrs_of_files_directories_and_the_root)
{
	const struct cfs_xattr_pair *p;
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("file", "hello");
	tmp_text("twin", "hello");
	tmp_text("empty", "");
	set_xattr("file", "user.one", "1");
	set_xattr("file", "user.two", "");
	set_xattr("twin", "user.one", "1");
	set_xattr("twin", "user.two", "");
	set_xattr("empty", "user.one", "2");
	set_xattr("empty", "user.two", "");
	set_xattr("", "user.root", "r");
	t = scan_ok(NULL);
	p = find_xattr(t, find(t, "file"), "user.one");
	t_ok(p && p->value_len == 1 && p->value[0] == '1');
	p = find_xattr(t, find(t, "twin"), "user.two");
	t_ok(p && p->value_len == 0);
	p = find_xattr(t, find(t, "empty"), "user.one");
	t_ok(p && p->value_len == 1 && p->value[0] == '2');
	t_ok(find_xattr(t, &t->nodes[0], "user.root"));
	cfs_tree_free(t);
}

T(scan_stores_xattrs_of_symlinks)
{
	struct cfs_tree *t;

	tmp_fresh();
	t_eq(symlink("nowhere", tmp_in("link")), 0);
	set_xattr("link", "trusted.of-link", "v");
	t = scan_ok(NULL);
	t_ok(find_xattr(t, find(t, "link"), "trusted.of-link"));
	cfs_tree_free(t);
}

T(scan_xattrs_can_be_skipped_or_only_the_users_kept)
{
	struct cfs_scan_opts opts = {.skip_xattrs = true};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("file", "hello");
	set_xattr("file", "user.one", "1");
	set_xattr("file", "trusted.two", "2");
	t = scan_ok(&opts);
	t_eq(find(t, "file")->n_xattrs, 0);
	cfs_tree_free(t);
	opts.user_xattrs = true;
	t_eq(scan(&opts, &t), -EINVAL);
	opts.skip_xattrs = false;
	t = scan_ok(&opts);
	t_eq(find(t, "file")->n_xattrs, 1);
	t_ok(find_xattr(t, find(t, "file"), "user.one"));
	cfs_tree_free(t);
}

T(scan_names_the_file_whose_xattrs_are_too_large)
{
	static char value[CFS_XATTR_BUDGET];
	struct cfs_tree *t;

	/* ext4 has no xattrs of this size, tmpfs has. */
	tmp_fresh_in("/dev/shm");
	tmp_text("file", "x");
	memset(value, 'v', sizeof(value));
	if (setxattr(tmp_in("file"), "user.large", value, sizeof(value), 0) < 0)
		t_skip("this filesystem has no xattr of %zu bytes: %s", sizeof(value),
		       strerror(errno));
	t_eq(scan(NULL, &t), -ERANGE);
	t_has(err.msg, tmp_in("file"));
}

T(scan_flattens_hard_links_by_default)
{
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("a", "hello");
	t_eq(link(tmp_in("a"), tmp_in("b")), 0);
	t = scan_ok(NULL);
	t_ok(!cfs_node_is_link(find(t, "a")) && !cfs_node_is_link(find(t, "b")));
	t_eq(find(t, "b")->nlink, 1);
	t_mem(find(t, "b")->content, "hello", 5);
	cfs_tree_free(t);
}

/* b/name comes before c in reading order, though the walk meets c first. */
T(scan_keeps_hard_links_when_asked_and_the_first_in_reading_order_is_the_inode)
{
	struct cfs_scan_opts opts = {.hardlinks = true};
	struct cfs_tree *t;
	const struct cfs_node *n;

	tmp_fresh();
	t_eq(mkdir(tmp_in("b"), 0755), 0);
	tmp_text("c", "hello");
	t_eq(link(tmp_in("c"), tmp_in("b/name")), 0);
	t_eq(link(tmp_in("c"), tmp_in("d")), 0);
	tmp_text("outside-has-a-name-too", "x");
	t_eq(symlink("t", tmp_in("sym1")), 0);
	t_eq(link(tmp_in("sym1"), tmp_in("sym2")), 0);
	t = scan_ok(&opts);
	n = find(t, "b/name");
	t_ok(!cfs_node_is_link(n));
	t_eq(n->nlink, 3);
	t_ok(cfs_node_is_link(find(t, "c")) && &t->nodes[find(t, "c")->target] == n);
	t_ok(cfs_node_is_link(find(t, "d")) && &t->nodes[find(t, "d")->target] == n);
	t_eq(find(t, "outside-has-a-name-too")->nlink, 1);
	t_ok(cfs_node_is_link(find(t, "sym2")));
	cfs_tree_free(t);
}

static int count_file(void *ctx, unsigned worker, int fd, const struct stat *st,
		      const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	(void)worker;
	(void)st;
	(void)path;
	atomic_fetch_add((atomic_int *)ctx, 1);
	return cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, out, NULL, e);
}

T(scan_reads_an_inode_with_several_names_once)
{
	atomic_int n = 0;
	struct cfs_scan_opts opts = {
		.inline_max = -1, .file = count_file, .file_ctx = &n};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("a", "hello");
	t_eq(link(tmp_in("a"), tmp_in("b")), 0);
	tmp_text("c", "other");
	t = scan_ok(&opts);
	t_eq(atomic_load(&n), 2);
	t_mem(find(t, "a")->digest, find(t, "b")->digest, 32);
	cfs_tree_free(t);
}

/* --- errors, shapes, threads --------------------------------------------------------------- */

/* Twice as deep as a path may be long, and more directories than descriptors. */
T(scan_goes_deeper_than_a_path_can_be_long)
{
	enum { DEPTH = 300, N_DESCRIPTORS = 64 };
	static const char name[] = "a directory with a long name, so that few are enough";
	struct cfs_scan_opts opts = {.threads = 2};
	struct rlimit before, few;
	struct cfs_tree *t;
	const struct cfs_node *n;
	int fd;

	static_assert(DEPTH * sizeof(name) > 2 * PATH_MAX, "not deep enough");
	tmp_fresh();
	fd = open(tmp_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		int below;

		t_eq(mkdirat(fd, name, 0755), 0);
		t_eq(mkdirat(fd, "side", 0755), 0);
		below = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = below;
	}
	t_eq(symlinkat("end", fd, "end"), 0);
	close(fd);
	t_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){N_DESCRIPTORS, before.rlim_max};
	t_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	t = scan_ok(&opts);
	t_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	t_eq(t->n_nodes, 2 * DEPTH + 2);
	n = &t->nodes[0];
	for (int i = 0; i < DEPTH; i++) {
		cfs_id id = cfs_tree_find(t, (cfs_id)(n - t->nodes), CFS_TEXT(name));

		t_ok(id != CFS_NO_NODE);
		n = &t->nodes[id];
	}
	t_ok(cfs_tree_find(t, (cfs_id)(n - t->nodes), CFS_TEXT("end")) != CFS_NO_NODE);
	cfs_tree_free(t);
}

/* The last of each stage. */
static void keep_progress(void *ctx, const struct cfs_progress *now)
{
	struct cfs_progress *last = ctx;

	last[strcmp(now->stage, "files") == 0] = *now;
}

T(scan_reports_progress)
{
	struct cfs_progress last[2] = {0};
	struct cfs_watch watch = {.progress = keep_progress, .ctx = last};
	struct cfs_scan_opts opts = {.threads = 1, .watch = &watch};
	struct cfs_tree *t;

	tmp_fresh();
	tmp_text("1", "hello");
	tmp_text("2", "hello");
	t_eq(symlink("x", tmp_in("link")), 0);
	t = scan_ok(&opts);
	t_str(last[0].stage, "entries");
	t_eq(last[0].done, 3);
	t_eq(last[0].all, 0);
	t_eq(last[1].all, 2);
	t_eq(last[1].done, 2);
	t_eq(last[1].bytes, 10);
	t_eq(last[1].bytes_done, 10);
	cfs_tree_free(t);
}

static volatile sig_atomic_t cancelled;

static void cancel_at_files(void *ctx, const struct cfs_progress *now)
{
	cancelled |= strcmp(now->stage, ctx) == 0;
}

T(scan_that_is_cancelled_ends_in_any_stage)
{
	static char stages[][8] = {"entries", "files"};

	tmp_fresh();
	tmp_text("1", "hello");
	tmp_text("2", "hello");
	for (size_t i = 0; i < 2; i++) {
		struct cfs_watch watch = {.progress = cancel_at_files,
					  .ctx = stages[i],
					  .cancelled = &cancelled};
		struct cfs_scan_opts opts = {.threads = 1, .watch = &watch};
		struct cfs_tree *t = NULL;

		cancelled = 0;
		t_eq(cfs_scan(AT_FDCWD, tmp_in("."), &opts, &t, &err), -ECANCELED);
		t_ok(!t);
		t_ok(strstr(err.msg, "interrupted"));
	}
}
