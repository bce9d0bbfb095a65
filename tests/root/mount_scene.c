/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An image, its object and a mount point; what is there, and what is left. */
#include "root/mount_scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

static const char object[] =
	"35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408";

/* --- the scene ---------------------------------------------------------------------- */

void scene_write(const char *path, const void *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	t_ok(fd >= 0);
	t_eq(write(fd, p, len), len);
	close(fd);
}

uint8_t scene_image_bytes[1 << 16];
ssize_t scene_image_len;

/* Once. The image may lie below the /tmp that is hidden here. */
static void own_namespace(void)
{
	int fd;

	if (scene_image_len > 0)
		return;
	if (!getenv("COMPOSEFS_TEST_IMAGE"))
		t_skip("COMPOSEFS_TEST_IMAGE is not set");
	if (geteuid() != 0)
		t_skip("needs root");
	fd = open(getenv("COMPOSEFS_TEST_IMAGE"), O_RDONLY | O_CLOEXEC);
	t_ok(fd >= 0);
	if (unshare(CLONE_NEWNS) < 0)
		t_skip("no mount namespace: %s", strerror(errno));
	/* In a chroot, say. The product copes with it; the scene needs mounts of its own. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		t_skip("/ is no mount point here: %s", strerror(errno));
	t_eq(mount("tmp", "/tmp", "tmpfs", 0, NULL), 0);
	scene_image_len = read(fd, scene_image_bytes, sizeof(scene_image_bytes));
	close(fd);
	t_ok(scene_image_len > 0);
}

/* What this kernel takes by itself. Once, with the first scene. */
struct cfs_mount_taken scene_usual;

static void find_usual_ways(const struct scene *s)
{
	struct cfs_err err;

	if (scene_usual.image)
		return;
	if (cfs_mount_fd(s->fd, s->mnt, &s->o, &scene_usual, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(umount2(s->mnt, 0), 0);
}

/* A directory with the image, its one object, and a mount point. */
void scene_begin(struct scene *s)
{
	char path[256];
	static char data[OBJECT_LEN];

	own_namespace();
	*s = (struct scene){.dir = "mount-ways.XXXXXX"};
	t_ok(mkdtemp(s->dir) != NULL);
	snprintf(s->image, sizeof(s->image), "%s/image.cfs", s->dir);
	snprintf(s->objects, sizeof(s->objects), "%s/ob:jects,1", s->dir);
	snprintf(s->mnt, sizeof(s->mnt), "%s/mnt", s->dir);
	scene_write(s->image, scene_image_bytes, (size_t)scene_image_len);
	t_eq(mkdir(s->mnt, 0755), 0);
	t_eq(mkdir(s->objects, 0755), 0);
	snprintf(path, sizeof(path), "%s/35", s->objects);
	t_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s", s->objects, object);
	memset(data, 'g', sizeof(data));
	scene_write(path, data, sizeof(data));
	s->fd = open(s->image, O_RDONLY | O_CLOEXEC);
	t_ok(s->fd >= 0);
	s->objdirs[0] = s->objects;
	s->o = (struct cfs_mount_opts){s->objdirs, 1, .image_name = s->image};
	t_eq(cfs_mount_inspect(s->fd, &s->o, &s->dirs, &s->facts, NULL), 0);
	find_usual_ways(s);
}

void scene_end(struct scene *s)
{
	char command[128];

	close(s->fd);
	cfs_mount_dirs_close(&s->dirs);
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	t_eq(system(command), 0);
}

void scene_steps(const struct scene *s, struct cfs_steps *steps)
{
	t_eq(cfs_mount_steps(&s->o, &s->facts, steps, NULL), 0);
}

/* Leaves the first n ways out. */
static void skip_ways(struct cfs_ways *ways, size_t n)
{
	t_ok(n <= ways->n);
	ways->n -= n;
	memmove(ways->way, ways->way + n, ways->n * sizeof(ways->way[0]));
}

/* The steps of a scene from way i for the image and way k for the overlay on. */
void scene_steps_from(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps)
{
	scene_steps(s, steps);
	skip_ways(&steps->image, i);
	skip_ways(&steps->overlay, k > 0);
	skip_ways(&steps->apart, k > 0 ? k - 1 : 0);
}

/* The same, and no other way. */
void scene_only_ways(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps)
{
	scene_steps_from(s, i, k, steps);
	steps->image.n = 1;
	steps->apart.n = k > 0;
}

struct cfs_way *scene_overlay_way(struct cfs_steps *steps, size_t k)
{
	return k ? &steps->apart.way[0] : &steps->overlay.way[0];
}

/* --- what is there, and what is left ------------------------------------------------ */

static void check_file(const struct scene *s, const char *name, size_t len, char first)
{
	char path[256], buf[OBJECT_LEN + 1];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", s->mnt, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	t_ok(fd >= 0);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	t_eq(n, len);
	t_eq(buf[0], first);
	t_eq(buf[len - 1], name[0] == 'f' ? '\n' : first);
}

size_t scene_count(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	t_ok(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Files f (in the image) and g (in an object), the directory itself, and nothing else. */
void scene_check_tree(const struct scene *s)
{
	check_file(s, "f", 10, 'h');
	check_file(s, "g", OBJECT_LEN, 'g');
	t_eq(scene_count(s->mnt), 4);
}

bool scene_file_has(const char *path, const char *text)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = 0;
	return strstr(buf, text) != NULL;
}

bool scene_has_loop(const struct scene *s)
{
	bool found = false;
	char path[64];

	for (int i = 0; i < 1000 && !found; i++) {
		snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", i);
		found = scene_file_has(path, s->dir);
	}
	return found;
}

/* What a mount leaves behind, as a sentence; NULL when it is nothing. The kernel may take
 * a moment to let go of a loop device. */
static const char *left_behind(const struct scene *s)
{
	static const struct timespec moment = {.tv_nsec = 20000000};

	if (scene_file_has("/proc/self/mountinfo", s->dir))
		return "a mount";
	if (scene_count("/tmp") != 2)
		return "an entry in /tmp";
	for (int i = 0; i < 100 && scene_has_loop(s); i++)
		nanosleep(&moment, NULL);
	return scene_has_loop(s) ? "a loop device" : NULL;
}

void scene_check_nothing_left(const struct scene *s)
{
	const char *what = left_behind(s);

	if (what)
		t_fail(__FILE__, __LINE__, "left behind: %s", what);
}

const char *const scene_image_names[] = {"file", "loop"};
const char *const scene_overlay_names[] = {"descriptors", "paths", "mount(2)",
					   "mount(2), plain layers"};

/* The way that this kernel takes when it may begin with number from: that one, unless the
 * kernel is too old for it. */
const char *scene_way_from(const char *const *names, size_t from, const char *unforced)
{
	size_t i = 0;

	while (strcmp(names[i], unforced) != 0)
		i++;
	return names[i > from ? i : from];
}
