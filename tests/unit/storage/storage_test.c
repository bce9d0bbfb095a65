/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A store of podman with an image of one layer: when its locks are held, and what is read. */
#include "storage/storage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

#define ID    "1111111111111111111111111111111111111111111111111111111111111111"
#define LAYER "2222222222222222222222222222222222222222222222222222222222222222"

/* "head", the content of a/b, "tail". The payload of the file is its CRC-64. */
#define LINES(name)                                                                      \
	"{\"type\":2,\"payload\":\"aGVhZA==\"}\n"                                        \
	"{\"type\":1,\"name\":\"" name "\",\"size\":9}\n"                                \
	"{\"type\":2,\"payload\":\"dGFpbA==\"}\n"

static struct cfs_err err;

static void make_dir(const char *name)
{
	t_eq(mkdir(tmp_in(name), 0755), 0);
}

static void make_store(const char *lines)
{
	tmp_fresh();
	make_dir("overlay");
	make_dir("overlay/" LAYER);
	make_dir("overlay/" LAYER "/diff");
	make_dir("overlay/" LAYER "/diff/a");
	make_dir("overlay-images");
	make_dir("overlay-layers");
	tmp_text("overlay/" LAYER "/diff/a/b", "a content");
	tmp_text("secret", "a content");
	tmp_text("overlay-images/images.lock", "");
	tmp_text("overlay-layers/layers.lock", "");
	tmp_text("overlay-images/images.json",
		 "[{\"id\":\"" ID "\",\"names\":[\"localhost/t:latest\"],"
		 "\"layer\":\"" LAYER "\"}]");
	tmp_text("overlay-layers/layers.json", "[{\"id\":\"" LAYER "\"}]");
	tmp_text("overlay-layers/" LAYER ".tar-split.gz", lines);
}

static struct cfs_storage *open_store(void)
{
	struct cfs_storage_env env = {.is_root = true};
	struct cfs_storage *s = NULL;
	char spec[4096];

	snprintf(spec, sizeof(spec), "[overlay@%s]t", tmp_dir());
	if (cfs_storage_open(spec, &env, NULL, &s, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return s;
}

/* Whether another process can take the lock for writing, as podman does. */
static bool is_free(const char *name)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(tmp_in(name), O_RDWR | O_CLOEXEC);

		_exit(fd < 0 || fcntl(fd, F_SETLK, &lock) < 0);
	}
	t_ok(pid > 0);
	t_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void check_locks(void)
{
	t_ok(is_free("overlay-images/images.lock"));
	t_ok(is_free("overlay-layers/layers.lock"));
}

T(storage_holds_no_lock_while_contents_are_read)
{
	struct cfs_storage_layer *l;
	struct cfs_storage *s;
	struct cfs_feed feed;
	char got[32] = "";
	size_t n = 0;

	make_store(LINES("a/b"));
	s = open_store();
	check_locks();
	t_eq(cfs_storage_count_layers(s), 1);
	t_eq(cfs_storage_open_layer(s, 0, &l, &err), 0);
	check_locks();
	feed = cfs_storage_layer_feed(l);
	for (ssize_t part = 1; part > 0; n += (size_t)part) {
		part = feed.read(feed.ctx, got + n, 4, &err);
		t_ok(part >= 0 && n + (size_t)part < sizeof(got));
		check_locks();
	}
	t_str(got, "heada contenttail");
	cfs_storage_layer_close(l);
	cfs_storage_close(s);
}

T(storage_waits_for_a_lock_and_can_be_cancelled)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct cfs_storage_env env = {.is_root = true};
	struct cfs_storage *s = NULL;
	volatile sig_atomic_t cancelled = 1;
	struct cfs_watch watch = {.cancelled = &cancelled};
	char spec[4096];
	int fd;

	make_store(LINES("a/b"));
	fd = open(tmp_in("overlay-layers/layers.lock"), O_RDWR | O_CLOEXEC);
	t_ok(fd >= 0);
	t_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	snprintf(spec, sizeof(spec), "[overlay@%s]t", tmp_dir());
	t_eq(cfs_storage_open(spec, &env, &watch, &s, &err), -ECANCELED);
	close(fd);
}

/* Reads the layer to its end. */
static int read_layer(void)
{
	struct cfs_storage *s = open_store();
	struct cfs_storage_layer *l;
	struct cfs_feed feed;
	char buf[64];
	ssize_t n;

	t_eq(cfs_storage_open_layer(s, 0, &l, &err), 0);
	feed = cfs_storage_layer_feed(l);
	do
		n = feed.read(feed.ctx, buf, sizeof(buf), &err);
	while (n > 0);
	cfs_storage_layer_close(l);
	cfs_storage_close(s);
	return (int)n;
}

T(storage_refuses_a_content_of_another_size_or_checksum)
{
	make_store(LINES("a/b"));
	tmp_text("overlay/" LAYER "/diff/a/b", "a content!");
	t_eq(read_layer(), -EILSEQ);
	t_has(err.msg, "a/b: expected 9 bytes, got 10");
	make_store("{\"type\":1,\"name\":\"a/b\",\"size\":9,"
		   "\"payload\":\"AAAAAAAAAAE=\"}\n");
	t_eq(read_layer(), -EILSEQ);
	t_has(err.msg, "a/b: expected checksum ");
}

T(storage_opens_no_file_outside_of_its_layer)
{
	make_store(LINES("../../../secret"));
	t_eq(read_layer(), -EINVAL);
	make_store(LINES("link/secret"));
	t_eq(symlink(tmp_dir(), tmp_in("overlay/" LAYER "/diff/link")), 0);
	t_eq(read_layer(), -ENOENT);
	make_store(LINES("link"));
	t_eq(symlink("a/b", tmp_in("overlay/" LAYER "/diff/link")), 0);
	t_eq(read_layer(), -ELOOP);
	make_store(LINES("link/b"));
	t_eq(symlink("/a", tmp_in("overlay/" LAYER "/diff/link")), 0);
	t_eq(read_layer(), 0);
}

T(storage_layer_opens_files_that_may_have_a_content)
{
	struct cfs_storage_layer *l;
	struct cfs_storage *s;
	int fd;

	make_store(LINES("a/b"));
	s = open_store();
	t_eq(cfs_storage_open_layer(s, 0, &l, &err), 0);
	fd = cfs_storage_layer_open_file(l, CFS_TEXT("a/b"));
	t_ok(fd >= 0);
	close(fd);
	t_eq(cfs_storage_layer_open_file(l, CFS_TEXT("a/c")), -ENOENT);
	t_eq(cfs_storage_layer_open_file(l, CFS_TEXT("../../../secret")), -EINVAL);
	t_eq(cfs_storage_layer_open_file(l, CFS_TEXT("a")), -EISDIR);
	cfs_storage_layer_close(l);
	cfs_storage_close(s);
}
