/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Publishing links to images and streams: what appears, in which order it is written, and what is refused. The linker
 * replaces the system calls that matter by the functions below, which record them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repo/repo.h"
#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* --- recorded system calls --------------------------------------------------------------- */

static char calls[4096];    /* "CALL PATH\n" for each, PATH below the repository */
static const char *failing; /* the call with this line fails with EIO; NULL: none */

int __real_symlinkat(const char *target, int dirfd, const char *name);
int __wrap_symlinkat(const char *target, int dirfd, const char *name);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);

/* The directory of fd, below the repository. */
static const char *path_of(int fd, char buf[4096])
{
	char proc[64];
	ssize_t n;
	const char *below;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, buf, 4095);
	buf[n < 0 ? 0 : n] = '\0';
	below = strstr(buf, "/r/");
	return below ? below + 3 : ".";
}

/* Returns false if the call must fail. */
static bool record_call(const char *call, int dirfd, const char *name)
{
	size_t len = strlen(calls);
	char buf[4096];

	snprintf(calls + len, sizeof(calls) - len, "%s %s%s%s\n", call,
		 path_of(dirfd, buf), name ? "/" : "", name ? name : "");
	if (!failing || strncmp(calls + len, failing, strlen(failing)) != 0)
		return true;
	errno = EIO;
	return false;
}

/* Temporary links have random names and are not recorded. */
int __wrap_symlinkat(const char *target, int dirfd, const char *name)
{
	if (name[0] != '.' && !record_call("symlink", dirfd, name))
		return -1;
	return __real_symlinkat(target, dirfd, name);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return record_call("rename", to_dir, to)
		       ? __real_renameat(from_dir, from, to_dir, to)
		       : -1;
}

int __wrap_fsync(int fd)
{
	return record_call("fsync", fd, NULL) ? __real_fsync(fd) : -1;
}

int __wrap_syncfs(int fd)
{
	return record_call("syncfs", fd, NULL) ? __real_syncfs(fd) : -1;
}

/* --- a repository ------------------------------------------------------------------------ */

static struct cfs_repo *make(void)
{
	static const struct cfs_repo_init init = {
		.meta = {.alg = CFS_SHA256, .format = 1}, .insecure = true};
	struct cfs_repo *repo = NULL;

	tmp_fresh();
	t_eq(cfs_repo_make(tmp_in("r"), &init, &err), 0);
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_WRITE, &repo, &err), 0);
	calls[0] = '\0';
	failing = NULL;
	return repo;
}

/* Adds an object with this content and makes it durable. */
static struct cfs_digest add_object(const struct cfs_repo *repo, const char *text)
{
	static const struct cfs_store_opts opts;
	struct cfs_digest id = {0};
	struct cfs_store *store = NULL;

	t_eq(cfs_repo_open_store(repo, &opts, &store, &err), 0);
	t_eq(cfs_store_add_mem(store, 0,
			       (struct cfs_span){(const uint8_t *)text, strlen(text)},
			       &id, &err),
	     0);
	t_eq(cfs_store_commit(store, &err), 0);
	cfs_store_close(store);
	return id;
}

/* The target of a link below the repository, or "". */
static const char *target_of(const char *path)
{
	static char buf[CFS_REPO_LINK_MAX];
	char below[1024];
	ssize_t n;

	snprintf(below, sizeof(below), "r/%s", path);
	n = readlink(tmp_in(below), buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static const char *object_target(const struct cfs_digest *id)
{
	static char buf[CFS_REPO_LINK_MAX];

	cfs_repo_format_object_target(id, buf);
	return buf;
}

static int publish_stream(struct cfs_repo *repo, const struct cfs_digest *id,
			  const char *name, const char *ref)
{
	struct cfs_repo_link link = {
		.kind = CFS_REPO_STREAMS, .id = *id, .name = name, .ref = ref};

	err.msg[0] = '\0';
	return cfs_repo_publish(repo, &link, &err);
}

static int publish_image(struct cfs_repo *repo, const struct cfs_digest *id,
			 const char *ref)
{
	struct cfs_repo_link link = {.kind = CFS_REPO_IMAGES, .id = *id, .ref = ref};

	err.msg[0] = '\0';
	return cfs_repo_publish(repo, &link, &err);
}

/* --- what appears ------------------------------------------------------------------------ */

T(publish_links_images_streams_and_references_to_both)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");
	char hex[CFS_DIGEST_HEX_MAX], path[256], expected[256];

	cfs_digest_hex(&id, hex);
	t_eq(publish_image(repo, &id, NULL), 0);
	snprintf(path, sizeof(path), "images/%s", hex);
	t_str(target_of(path), object_target(&id));
	t_str(target_of("images/refs/os/1"), "");
	t_eq(publish_image(repo, &id, "refs/os/1"), 0);
	snprintf(expected, sizeof(expected), "../../%s", hex);
	t_str(target_of("images/refs/os/1"), expected);

	t_eq(publish_stream(repo, &id, "oci-layer-sha256:1", NULL), 0);
	t_str(target_of("streams/oci-layer-sha256:1"), object_target(&id));
	t_str(target_of("streams/refs/oci/x:1"), "");
	t_eq(publish_stream(repo, &id, "oci-layer-sha256:1", "oci/x:1"), 0);
	t_str(target_of("streams/refs/oci/x:1"), "../../oci-layer-sha256:1");

	t_eq(cfs_repo_untag(repo, CFS_REPO_STREAMS, "refs/oci/x:1", &err), 0);
	t_eq(cfs_repo_untag(repo, CFS_REPO_STREAMS, "oci/x:1", &err), -ENOENT);
	t_ok(access(tmp_in("r/streams/refs/oci"), F_OK) < 0);
	t_str(target_of("streams/oci-layer-sha256:1"), object_target(&id));
	cfs_repo_close(repo);
}

T(publish_moves_a_reference_and_keeps_the_stream_that_had_it)
{
	struct cfs_repo *repo = make();
	struct cfs_digest a = add_object(repo, "a"), b = add_object(repo, "b");

	t_eq(publish_stream(repo, &a, "first", "x"), 0);
	t_eq(publish_stream(repo, &b, "second", "x"), 0);
	t_str(target_of("streams/refs/x"), "../second");
	t_str(target_of("streams/first"), object_target(&a));
	cfs_repo_close(repo);
}

/* --- the order of writes ----------------------------------------------------------------- */

/* The objects with one syncfs, the first-level link, its directory, the reference, its directory. */
static void check_order(const char *dir, const char *name)
{
	char expected[1024];
	const char *from = strstr(calls, "syncfs");

	t_ok(from != NULL);
	snprintf(expected, sizeof(expected),
		 "symlink %s/%s\nfsync %s\nfsync %s\nfsync %s/refs\n"
		 "rename %s/refs/os/1\nfsync %s/refs/os\n",
		 dir, name, dir, dir, dir, dir, dir);
	t_has(from ? from : "", expected);
}

T(publish_writes_each_link_of_an_image_after_what_it_refers_to)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");
	char hex[CFS_DIGEST_HEX_MAX];

	t_eq(publish_image(repo, &id, "os/1"), 0);
	check_order("images", cfs_digest_hex(&id, hex));
	cfs_repo_close(repo);
}

T(publish_writes_each_link_of_a_stream_after_what_it_refers_to)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	t_eq(publish_stream(repo, &id, "layer", "os/1"), 0);
	check_order("streams", "layer");
	cfs_repo_close(repo);
}

T(publish_creates_no_reference_to_a_link_that_is_not_on_disk)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	t_eq(mkdir(tmp_in("r/streams"), 0755), 0);
	t_eq(mkdir(tmp_in("r/streams/refs"), 0755), 0); /* nothing else is synced */
	t_eq(mkdir(tmp_in("r/images"), 0755), 0);
	failing = "fsync streams\n";
	t_eq(publish_stream(repo, &id, "layer", "x"), -EIO);
	t_str(target_of("streams/refs/x"), "");
	/* The link exists now, but it may not be on disk yet. */
	t_eq(publish_stream(repo, &id, "layer", "x"), -EIO);
	t_str(target_of("streams/refs/x"), "");
	failing = "fsync images\n";
	t_eq(publish_image(repo, &id, "x"), -EIO);
	t_str(target_of("images/refs/x"), "");
	failing = NULL;
	t_eq(publish_stream(repo, &id, "layer", "x"), 0);
	t_eq(publish_image(repo, &id, "x"), 0);
	cfs_repo_close(repo);
}

T(publish_fails_if_the_reference_is_not_on_disk)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	t_eq(publish_stream(repo, &id, "layer", "x"), 0);
	failing = "fsync streams/refs\n";
	t_eq(publish_stream(repo, &id, "layer", "y"), -EIO);
	cfs_repo_close(repo);
}

/* --- what is refused --------------------------------------------------------------------- */

T(publish_refuses_names_that_are_no_single_component)
{
	static const char *const names[] = {"",	    ".",   "..",    "a/b",
					    "refs", "a\n", ".tmp-a"};
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		t_eq(publish_stream(repo, &id, names[i], NULL), -EINVAL);
	t_has(err.msg, "expected one component");
	t_ok(access(tmp_in("r/streams"), F_OK) < 0);
	t_eq(publish_stream(repo, &id, "layer", "../x"), -EINVAL);
	id.alg = CFS_SHA512;
	t_eq(publish_stream(repo, &id, "layer", NULL), -EINVAL);
	t_has(err.msg, "expected sha256, got sha512");
	cfs_repo_close(repo);
}

/* Other streams refer to a stream by the ID of its object. */
T(publish_gives_a_stream_no_other_object_while_it_has_one)
{
	struct cfs_repo *repo = make();
	struct cfs_digest a = add_object(repo, "a"), b = add_object(repo, "b");
	char path[CFS_OBJECT_PATH_MAX], object[CFS_OBJECT_PATH_MAX + 16];

	t_eq(publish_stream(repo, &a, "layer", NULL), 0);
	t_eq(publish_stream(repo, &b, "layer", "x"), -EEXIST);
	t_has(err.msg, "stream layer exists with another object");
	t_str(target_of("streams/layer"), object_target(&a));
	t_str(target_of("streams/refs/x"), "");
	snprintf(object, sizeof(object), "r/objects/%s", cfs_digest_path(&a, path));
	t_eq(unlink(tmp_in(object)), 0);
	t_eq(publish_stream(repo, &b, "layer", "x"), 0);
	t_str(target_of("streams/layer"), object_target(&b));
	cfs_repo_close(repo);
}

T(publish_replaces_a_damaged_link_of_a_stream)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	t_eq(mkdir(tmp_in("r/streams"), 0755), 0);
	t_eq(symlink("/etc/passwd", tmp_in("r/streams/layer")), 0);
	t_eq(publish_stream(repo, &id, "layer", NULL), 0);
	t_str(target_of("streams/layer"), object_target(&id));
	cfs_repo_close(repo);
}

T(publish_refuses_a_stream_reference_above_or_below_another)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");

	t_eq(publish_stream(repo, &id, "layer", "a/b"), 0);
	t_eq(publish_stream(repo, &id, "layer", "a"), -EEXIST);
	t_eq(publish_stream(repo, &id, "layer", "a/b/c"), -EEXIST);
	cfs_repo_close(repo);
}

/* --- what is found ----------------------------------------------------------------------- */

T(names_that_do_not_exist_are_reported_with_their_kind)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id = add_object(repo, "content");
	struct cfs_stream stream;
	struct cfs_map map;

	t_eq(publish_stream(repo, &id, "layer", "a/b"), 0);
	t_eq(cfs_repo_open_stream(repo, "refs/a", &map, &stream, &err), -ENOENT);
	t_has(err.msg, "no such stream: \"a\" is not a reference, but a directory");
	t_eq(cfs_repo_open_stream(repo, "refs/c", &map, &stream, &err), -ENOENT);
	t_has(err.msg, "no such stream: \"c\"");
	t_eq(publish_image(repo, &id, "a/b"), 0);
	t_eq(cfs_repo_find_image(repo, "a", &id, &err), -ENOENT);
	t_has(err.msg, "no such image: \"a\" is not a reference, but a directory");
	cfs_repo_close(repo);
}
