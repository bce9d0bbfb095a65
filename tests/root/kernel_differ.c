/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Does the kernel show what the reader says? Images are changed at random; those that fsck calls sound are mounted, and
 * names, types, modes, owners, times, sizes, xattrs and contents are compared.
 * COMPOSEFS_TEST_MUTANTS: how many are mounted (300). COMPOSEFS_TEST_SEED: another series. COMPOSEFS_TEST_KEEP=DIR: what
 * differs is kept there, as image and sentence. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erofs/erofs.h"
#include "mount/mount.h"
#include "root/kernel_view.h"
#include "root/mutant.h"
#include "unit/golden.h"
#include "unit/t.h"

enum { MUTANTS = 300, DIFFERENCES_MAX = 20 };

static const char *const good_names[] = {
	"acl-file.v1.cfs",	 "composefs-rs.v2.cfs",
	"escape-overlay.v0.cfs", "escape-overlay.v1.cfs",
	"example.v1.cfs",	 "external-sizes.v1.cfs",
	"hardlinks.v1.cfs",	 "inline-sizes.v1.cfs",
	"root-attrs.v1.cfs",	 "types.v1.cfs",
	"whiteout.v0.cfs",	 "whiteout.v1.cfs",
	"xattr-prefixes.v1.cfs", "xattr-shared-order.v1.cfs",
};

enum { N_GOOD = sizeof(good_names) / sizeof(good_names[0]) };

static struct cfs_mem good[N_GOOD];

static void read_good(void)
{
	for (size_t i = 0; i < N_GOOD; i++)
		good[i].p = t_golden(good_names[i], &good[i].len);
}

/* --- The scene ----------------------------------------------------------------------- */

/* Below a directory of the working directory: EROFS cannot mount a file of a tmpfs. */
static struct {
	char dir[64];
	int dirfd, objects, image, keep;
} scene = {.keep = -1};

static void scene_begin(void)
{
	const char *keep = getenv("COMPOSEFS_TEST_KEEP");

	if (geteuid() != 0)
		t_skip("needs root");
	if (keep)
		t_ok((scene.keep = open(keep, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0);
	if (unshare(CLONE_NEWNS) < 0)
		t_skip("no mount namespace: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		t_skip("/ is no mount point here: %s", strerror(errno));
	strcpy(scene.dir, "kernel-differ.XXXXXX");
	t_ok(mkdtemp(scene.dir) != NULL);
	t_eq(chmod(scene.dir, 0755), 0);
	t_ok((scene.dirfd = open(scene.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	t_eq(fchdir(scene.dirfd), 0);
	t_eq(mkdir("objects", 0755), 0);
	t_eq(mkdir("mnt", 0755), 0);
	t_eq(mount("objects", "objects", "tmpfs", 0, NULL), 0);
	t_ok((scene.objects = open("objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	umask(022);
}

static void scene_end(void)
{
	char command[128];

	close(scene.objects);
	t_eq(fchdir(scene.dirfd), 0);
	umount2("objects", MNT_DETACH);
	close(scene.dirfd);
	t_eq(chdir(".."), 0);
	snprintf(command, sizeof(command), "rm -rf %s", scene.dir);
	t_eq(system(command), 0);
}

/* --- One mutant ---------------------------------------------------------------------- */

/* Is it what fsck calls sound, for the kernels that there are? */
static bool is_sound(struct cfs_span bytes, struct cfs_image *im, struct cfs_err *err)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];

	if (cfs_image_open(bytes, im, err) < 0 ||
	    cfs_image_check_kernels(im, found, NULL, err) < 0)
		return false;
	return cfs_kernel_fits_all(found, err) == 0;
}

static int mount_image(struct cfs_span bytes, struct cfs_err *err)
{
	static const char *const objdirs[] = {"objects"};
	struct cfs_mount_opts o = {.objdirs = objdirs,
				   .n_objdirs = 1,
				   .readonly = true,
				   .prefetch = CFS_MOUNT_PREFETCH_OFF};
	cfs_autofd int fd = open("image", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cfs_autofd int reading = open("image", O_RDONLY | O_CLOEXEC);

	t_ok(fd >= 0 && reading >= 0);
	t_eq(write(fd, bytes.p, bytes.len), bytes.len);
	return cfs_mount_fd(reading, "mnt", &o, NULL, err);
}

/* Mounts and compares; true: kernel and reader agree. */
static bool agrees(const struct cfs_image *im, char difference[VIEW_DIFFERENCE_MAX])
{
	struct cfs_err err;
	bool same = false;

	view_make_objects(im, scene.objects);
	if (mount_image(im->bytes, &err) < 0) {
		snprintf(difference, VIEW_DIFFERENCE_MAX, "mount: %s", err.msg);
		return false;
	}
	if (chdir("mnt") < 0)
		snprintf(difference, VIEW_DIFFERENCE_MAX, "chdir: %s", strerror(errno));
	else
		same = view_agrees(im, difference);
	t_eq(fchdir(scene.dirfd), 0);
	t_eq(umount2("mnt", 0), 0);
	t_eq(unlink("image"), 0);
	return same;
}

static void keep(uint64_t number, struct cfs_span bytes)
{
	char name[32];
	cfs_autofd int fd = -1;

	if (scene.keep < 0)
		return;
	snprintf(name, sizeof(name), "mutant-%" PRIu64 ".cfs", number);
	fd = openat(scene.keep, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)!write(fd, bytes.p, bytes.len);
}

/* An image of a tree or a good one; changed, but for every fifth. */
static struct cfs_mem make_mutant(uint64_t number)
{
	uint64_t random = number << 20;
	struct cfs_mem image = {0};
	bool edit = mutant_below(&random, 5) > 0;

	if (mutant_below(&random, 3)) {
		mutant_tree(&random, mutant_below(&random, 2), &image);
	} else {
		struct cfs_mem from = good[mutant_below(&random, N_GOOD)];

		t_ok((image.p = malloc(from.len)) != NULL);
		memcpy(image.p, from.p, from.len);
		image.len = from.len;
	}
	if (edit)
		mutant_edit(&random, image.p, image.len);
	return image;
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

T(kernel_shows_of_sound_images_what_the_reader_says)
{
	uint64_t expected = number_of("COMPOSEFS_TEST_MUTANTS", MUTANTS), mounted = 0,
		 differ = 0, number;
	static char difference[VIEW_DIFFERENCE_MAX];

	read_good();
	scene_begin();
	for (number = number_of("COMPOSEFS_TEST_SEED", 1);
	     mounted < expected && differ < DIFFERENCES_MAX; number++) {
		struct cfs_mem image = make_mutant(number);
		struct cfs_image im;

		if (is_sound((struct cfs_span){image.p, image.len}, &im, NULL)) {
			mounted++;
			if (!agrees(&im, difference)) {
				differ++;
				printf("# mutant %" PRIu64 ": %s\n", number, difference);
				keep(number, im.bytes);
			}
		}
		free(image.p);
	}
	printf("# %" PRIu64 " of %" PRIu64 " mutants were sound and mounted, %" PRIu64
	       " differed\n",
	       mounted, number, differ);
	scene_end();
	for (size_t i = 0; i < N_GOOD; i++)
		free(good[i].p);
	t_eq(differ, 0);
}
