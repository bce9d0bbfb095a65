/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: every way that kernels take an image, forced here by leaving the earlier ways
 * out, by a filter that refuses system calls as an old kernel does, or by breaking each
 * step in turn.
 *
 * Needs root, EROFS and overlayfs. COMPOSEFS_TEST_IMAGE is golden/example.v1.cfs. Works
 * in a mount namespace of its own, with a /tmp of its own.
 */
#include "mount/mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "unit/t.h"

/* Below a directory that is made in the working directory: EROFS cannot mount a file of a
 * tmpfs, and /tmp often is one. */
struct scene {
	char dir[64], image[128], objects[128], mnt[128];
	const char *objdirs[1];
	struct cfs_mount_opts o;
	int fd; /* of the image */
};

static const char object[] =
	"35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408";
enum { OBJECT_LEN = 70000 };

/* --- the scene ---------------------------------------------------------------------- */

static void write_file(const char *path, const void *p, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	t_ok(fd >= 0);
	t_eq(write(fd, p, len), len);
	close(fd);
}

static uint8_t image_bytes[1 << 16];
static ssize_t image_len;

/* Once. The image may lie below the /tmp that is hidden here. */
static void own_namespace(void)
{
	int fd;

	if (image_len > 0)
		return;
	if (!getenv("COMPOSEFS_TEST_IMAGE"))
		t_skip("COMPOSEFS_TEST_IMAGE is not set");
	if (geteuid() != 0)
		t_skip("needs root");
	fd = open(getenv("COMPOSEFS_TEST_IMAGE"), O_RDONLY | O_CLOEXEC);
	t_ok(fd >= 0);
	if (unshare(CLONE_NEWNS) < 0)
		t_skip("no mount namespace: %s", strerror(errno));
	t_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	t_eq(mount("tmp", "/tmp", "tmpfs", 0, NULL), 0);
	image_len = read(fd, image_bytes, sizeof(image_bytes));
	close(fd);
	t_ok(image_len > 0);
}

/* What this kernel takes by itself. Once, with the first scene. */
static struct cfs_mount_taken usual;

static void find_usual_ways(const struct scene *s)
{
	struct cfs_err err;

	if (usual.image)
		return;
	if (cfs_mount_fd(s->fd, s->mnt, &s->o, &usual, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(umount2(s->mnt, 0), 0);
}

/* A directory with the image, its one object, and a mount point. */
static void begin(struct scene *s)
{
	char path[256];
	static char data[OBJECT_LEN];

	own_namespace();
	*s = (struct scene){.dir = "mount-ways.XXXXXX"};
	t_ok(mkdtemp(s->dir) != NULL);
	snprintf(s->image, sizeof(s->image), "%s/image.cfs", s->dir);
	snprintf(s->objects, sizeof(s->objects), "%s/ob:jects,1", s->dir);
	snprintf(s->mnt, sizeof(s->mnt), "%s/mnt", s->dir);
	write_file(s->image, image_bytes, (size_t)image_len);
	t_eq(mkdir(s->mnt, 0755), 0);
	t_eq(mkdir(s->objects, 0755), 0);
	snprintf(path, sizeof(path), "%s/35", s->objects);
	t_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s", s->objects, object);
	memset(data, 'g', sizeof(data));
	write_file(path, data, sizeof(data));
	s->fd = open(s->image, O_RDONLY | O_CLOEXEC);
	t_ok(s->fd >= 0);
	s->objdirs[0] = s->objects;
	s->o = (struct cfs_mount_opts){s->objdirs, 1, .image_name = s->image};
	find_usual_ways(s);
}

static void end(struct scene *s)
{
	char command[128];

	close(s->fd);
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	t_eq(system(command), 0);
}

static void steps_of(const struct scene *s, struct cfs_steps *steps)
{
	struct cfs_mount_facts facts;

	t_eq(cfs_mount_inspect(s->fd, &s->o, &facts, NULL), 0);
	t_eq(cfs_mount_steps(&s->o, &facts, steps, NULL), 0);
}

/* Leaves the first n ways out. */
static void skip_ways(struct cfs_way *ways, size_t *n_ways, size_t n)
{
	t_ok(n < *n_ways);
	*n_ways -= n;
	memmove(ways, ways + n, *n_ways * sizeof(*ways));
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

static size_t count_entries(const char *dir)
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
static void check_tree(const struct scene *s)
{
	check_file(s, "f", 10, 'h');
	check_file(s, "g", OBJECT_LEN, 'g');
	t_eq(count_entries(s->mnt), 4);
}

static bool file_has(const char *path, const char *text)
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

static bool has_loop(const struct scene *s)
{
	bool found = false;
	char path[64];

	for (int i = 0; i < 1000 && !found; i++) {
		snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", i);
		found = file_has(path, s->dir);
	}
	return found;
}

/* What a mount leaves behind, as a sentence; NULL when it is nothing. The kernel may take
 * a moment to let go of a loop device. */
static const char *left_behind(const struct scene *s)
{
	static const struct timespec moment = {.tv_nsec = 20000000};

	if (file_has("/proc/self/mountinfo", s->dir))
		return "a mount";
	if (count_entries("/tmp") != 2)
		return "an entry in /tmp";
	for (int i = 0; i < 100 && has_loop(s); i++)
		nanosleep(&moment, NULL);
	return has_loop(s) ? "a loop device" : NULL;
}

static void check_nothing_left(const struct scene *s)
{
	const char *what = left_behind(s);

	if (what)
		t_fail(__FILE__, __LINE__, "left behind: %s", what);
}

static const char *const image_names[] = {"file", "loop", "loop, mount(2)"};
static const char *const overlay_names[] = {"descriptors", "paths", "mount(2)",
					    "mount(2), plain layers"};

/* The way that this kernel takes when it may begin with number from: that one, unless the
 * kernel is too old for it. */
static const char *way_from(const char *const *names, size_t from, const char *unforced)
{
	size_t i = 0;

	while (strcmp(names[i], unforced) != 0)
		i++;
	return names[i > from ? i : from];
}

/* Mounts by these steps, which begin with way i for the image and way k for the overlay;
 * looks, unmounts, looks for rests. */
static void check_steps(const struct scene *s, const struct cfs_steps *steps, size_t i,
			size_t k)
{
	size_t n_fds = count_entries("/proc/self/fd");
	struct cfs_mount_taken taken;
	struct cfs_err err;

	if (cfs_mount_apply(steps, s->fd, s->mnt, &taken, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(count_entries("/proc/self/fd"), n_fds);
	t_str(taken.image, way_from(image_names, i, usual.image));
	t_str(taken.overlay, way_from(overlay_names, k, usual.overlay));
	check_tree(s);
	t_eq(count_entries("/tmp"), 2);
	t_eq(umount2(s->mnt, 0), 0);
	check_nothing_left(s);
}

/* --- ways --------------------------------------------------------------------------- */

T(mount_each_way_shows_the_tree_and_leaves_nothing)
{
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 4; k++) {
			struct cfs_steps steps;

			steps_of(&s, &steps);
			skip_ways(steps.image, &steps.n_image, i);
			skip_ways(steps.overlay, &steps.n_overlay, k);
			check_steps(&s, &steps, i, k);
			cfs_steps_fini(&steps);
		}
	}
	end(&s);
}

/* A directory that the caller names is used, and stays. */
T(mount_keeps_the_image_directory_of_the_caller)
{
	struct scene s;
	struct stat st;
	char place[128];

	begin(&s);
	snprintf(place, sizeof(place), "%s/place", s.dir);
	t_eq(mkdir(place, 0755), 0);
	s.o.image_mountdir = place;
	for (size_t k = 0; k < 4; k++) {
		struct cfs_steps steps;

		steps_of(&s, &steps);
		skip_ways(steps.overlay, &steps.n_overlay, k);
		check_steps(&s, &steps, 0, k);
		t_eq(cfs_mount_apply(&steps, s.fd, "/nonexistent", NULL, NULL), -ENOENT);
		check_nothing_left(&s);
		t_eq(stat(place, &st), 0);
		cfs_steps_fini(&steps);
	}
	end(&s);
}

T(mount_of_an_image_on_tmpfs_goes_through_a_loop_device)
{
	struct scene s;
	struct cfs_mount_taken taken;
	struct cfs_err err;
	char shm[128], image[160];
	int fd;

	begin(&s);
	snprintf(shm, sizeof(shm), "%s/shm", s.dir);
	snprintf(image, sizeof(image), "%s/image.cfs", shm);
	t_eq(mkdir(shm, 0755), 0);
	t_eq(mount("shm", shm, "tmpfs", 0, NULL), 0);
	write_file(image, image_bytes, (size_t)image_len);
	fd = open(image, O_RDONLY | O_CLOEXEC);
	if (cfs_mount_fd(fd, s.mnt, &s.o, &taken, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	close(fd);
	t_str(taken.image, "loop");
	t_ok(has_loop(&s));
	check_tree(&s);
	t_eq(umount2(s.mnt, 0), 0);
	t_eq(umount2(shm, 0), 0);
	check_nothing_left(&s);
	end(&s);
}

/* --- failures ----------------------------------------------------------------------- */

/* A step that fails wherever it stands. */
static const struct cfs_step broken = {CFS_STEP_OLD_IMAGE, .value = "no-such-option"};

/* Runs one pair of ways; in one of them a step that fails stands instead of step number
 * at. */
static void check_broken(const struct scene *s, size_t i, size_t k, bool overlay,
			 size_t at)
{
	size_t n_fds = count_entries("/proc/self/fd");
	struct cfs_steps steps;
	struct cfs_way *way;

	steps_of(s, &steps);
	skip_ways(steps.image, &steps.n_image, i);
	skip_ways(steps.overlay, &steps.n_overlay, k);
	way = overlay ? &steps.overlay[0] : &steps.image[0];
	t_ok(at < way->n_steps);
	way->steps[at] = broken;
	way->n_steps = at + 1;
	steps.n_image = steps.n_overlay = 1;
	t_ok(cfs_mount_apply(&steps, s->fd, s->mnt, NULL, NULL) < 0);
	cfs_steps_fini(&steps);
	t_eq(count_entries("/proc/self/fd"), n_fds);
}

static void check_broken_ways(const struct scene *s, size_t i, size_t k)
{
	struct cfs_steps steps;
	size_t n_image, n_overlay;

	steps_of(s, &steps);
	n_image = steps.image[i].n_steps;
	n_overlay = steps.overlay[k].n_steps;
	cfs_steps_fini(&steps);
	for (size_t at = 0; at < n_image; at++)
		check_broken(s, i, k, false, at);
	for (size_t at = 0; at < n_overlay; at++)
		check_broken(s, i, k, true, at);
	check_nothing_left(s);
}

T(mount_that_fails_at_any_step_leaves_nothing)
{
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 4; k++)
			check_broken_ways(&s, i, k);
	}
	end(&s);
}

T(mount_error_holds_what_the_kernel_said)
{
	static struct cfs_step nonsense = {CFS_STEP_STRING, "nonsense", "1"};
	struct cfs_steps steps;
	struct cfs_err err;
	struct scene s;

	begin(&s);
	if (strncmp(usual.overlay, "mount", 5) == 0) {
		end(&s);
		t_skip("this kernel says nothing to the caller");
	}
	steps_of(&s, &steps);
	steps.overlay[0].steps[3] = nonsense;
	t_eq(cfs_mount_apply(&steps, s.fd, s.mnt, NULL, &err), -EINVAL);
	t_str(err.msg,
	      "overlay: nonsense=1: Invalid argument: overlay: Unknown parameter "
	      "'nonsense'");
	cfs_steps_fini(&steps);
	check_nothing_left(&s);
	end(&s);
}

/* --- system calls that an old kernel does not have ---------------------------------- */

/* Makes a system call fail with errnum (0: kills the process there), if its argument
 * number arg is value. arg < 0: always. */
static void filter(unsigned number, int arg, unsigned value, unsigned errnum)
{
	unsigned action = errnum ? SECCOMP_RET_ERRNO | errnum : SECCOMP_RET_KILL_PROCESS;
	unsigned at =
		offsetof(struct seccomp_data, args) + 8 * (arg < 0 ? 0 : (unsigned)arg);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | (arg < 0 ? BPF_JA : BPF_JEQ) | BPF_K,
			 arg < 0 ? 0 : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(99);
}

struct refusal {
	unsigned number;
	int arg;
	unsigned value, errnum;
	size_t overlay; /* the first way that is left for the overlay */
};

/* In a child, since a filter cannot be taken off again. Its status: 0, or what went
 * wrong. */
static int mount_filtered(const struct scene *s, const struct refusal *refusal)
{
	pid_t child = fork();
	int status;

	t_ok(child >= 0);
	if (child == 0) {
		struct cfs_mount_taken taken;
		struct cfs_err err;

		filter(refusal->number, refusal->arg, refusal->value, refusal->errnum);
		if (cfs_mount_fd(s->fd, s->mnt, &s->o, &taken, &err) < 0)
			_exit(fprintf(stderr, "# %s\n", err.msg) < 0 ? 2 : 1);
		_exit(strcmp(taken.overlay, way_from(overlay_names, refusal->overlay,
						     usual.overlay)) == 0
			      ? 0
			      : 3);
	}
	t_eq(waitpid(child, &status, 0), child);
	return status;
}

T(mount_finds_the_way_that_the_kernel_knows)
{
	static const struct refusal rows[] = {
		/* Before 6.13 overlayfs refuses descriptors that were opened with O_PATH.
		 */
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EBADF, 1},
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EINVAL, 1},
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EOPNOTSUPP, 1},
		/* Before 5.2 there is nothing of the mount API. */
		{SYS_fsopen, -1, 0, ENOSYS, 2},
	};
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_eq(mount_filtered(&s, &rows[i]), 0);
		check_tree(&s);
		t_eq(umount2(s.mnt, 0), 0);
		check_nothing_left(&s);
	}
	end(&s);
}

/* Killed at any system call of the usual way: the kernel takes back what was not
 * attached. */
T(mount_that_is_killed_leaves_nothing)
{
	static const struct refusal rows[] = {
		{SYS_fsopen, -1, 0, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_STRING, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_CMD_CREATE, 0, 0},
		{SYS_fsmount, -1, 0, 0, 0},
		{SYS_readahead, -1, 0, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, 0, 0},
		{SYS_move_mount, -1, 0, 0, 0},
	};
	struct scene s;

	begin(&s);
	if (strcmp(usual.overlay, "descriptors") != 0) {
		end(&s);
		t_skip("this kernel needs a temporary directory");
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_ok(WIFSIGNALED(mount_filtered(&s, &rows[i])));
		check_nothing_left(&s);
	}
	end(&s);
}
