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
#include <linux/loop.h>
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
static void skip_ways(struct cfs_ways *ways, size_t n)
{
	t_ok(n <= ways->n);
	ways->n -= n;
	memmove(ways->way, ways->way + n, ways->n * sizeof(ways->way[0]));
}

/* The steps of a scene from way i for the image and way k for the overlay on. */
static void steps_from(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps)
{
	steps_of(s, steps);
	skip_ways(&steps->image, i);
	skip_ways(&steps->overlay, k > 0);
	skip_ways(&steps->apart, k > 0 ? k - 1 : 0);
}

/* The same, and no other way. */
static void only_ways(const struct scene *s, size_t i, size_t k, struct cfs_steps *steps)
{
	steps_from(s, i, k, steps);
	steps->image.n = 1;
	steps->apart.n = k > 0;
}

static struct cfs_way *overlay_way(struct cfs_steps *steps, size_t k)
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

static const char *const image_names[] = {"file", "loop"};
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
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 4; k++) {
			struct cfs_steps steps;

			steps_from(&s, i, k, &steps);
			check_steps(&s, &steps, i, k);
			cfs_steps_fini(&steps);
		}
	}
	end(&s);
}

/* In a chroot, / need not be a mount; and what is attached apart must not come out
 * through a shared mount. */
static int mount_in_chroot(const struct scene *s, size_t k)
{
	int cwd = open(".", O_PATH | O_CLOEXEC);
	struct cfs_steps steps;
	struct cfs_err err;
	pid_t child;
	int status;

	/* The object directory is given as seen from the mount point. */
	t_eq(chdir(s->mnt), 0);
	steps_from(s, 0, k, &steps);
	t_eq(fchdir(cwd), 0);
	close(cwd);
	child = fork();
	t_ok(child >= 0);
	if (child == 0) {
		if (chroot(s->dir) < 0 || chdir("/mnt") < 0)
			_exit(98);
		if (cfs_mount_apply(&steps, s->fd, ".", NULL, &err) < 0)
			_exit(fprintf(stderr, "# %s\n", err.msg) < 0 ? 2 : 1);
		_exit(0);
	}
	t_eq(waitpid(child, &status, 0), child);
	cfs_steps_fini(&steps);
	return status;
}

/* Gives the chroot /proc, and /dev for the loop devices. */
static void fill_chroot(const struct scene *s, bool fill)
{
	char proc[128], dev[128];

	snprintf(proc, sizeof(proc), "%s/proc", s->dir);
	snprintf(dev, sizeof(dev), "%s/dev", s->dir);
	if (!fill) {
		t_eq(umount2(proc, 0), 0);
		t_eq(umount2(dev, 0), 0);
		return;
	}
	t_eq(mkdir(proc, 0755), 0);
	t_eq(mkdir(dev, 0755), 0);
	t_eq(mount("proc", proc, "proc", 0, NULL), 0);
	t_eq(mount("/dev", dev, NULL, MS_BIND, NULL), 0);
}

T(mount_works_in_a_chroot_below_shared_mounts)
{
	struct scene s;

	begin(&s);
	t_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	fill_chroot(&s, true);
	s.objdirs[0] = "../ob:jects,1";
	for (size_t k = 0; k < 4; k++) {
		t_eq(mount_in_chroot(&s, k), 0);
		check_tree(&s);
		t_eq(umount2(s.mnt, 0), 0);
		t_ok(!file_has("/proc/self/mountinfo", "erofs"));
	}
	fill_chroot(&s, false);
	t_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	check_nothing_left(&s);
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
static const struct cfs_step broken = {CFS_STEP_DIR, "no-such-option", "/nonexistent"};

/* Runs one pair of ways; in one of them a step that fails stands instead of step number
 * at. False when there are not so many steps. */
static bool check_broken(const struct scene *s, size_t i, size_t k, bool overlay,
			 size_t at)
{
	size_t n_fds = count_entries("/proc/self/fd");
	struct cfs_steps steps;
	struct cfs_way *way;
	bool more;

	only_ways(s, i, k, &steps);
	way = overlay ? overlay_way(&steps, k) : &steps.image.way[0];
	more = at < way->n_steps;
	if (more) {
		way->steps[at] = broken;
		way->n_steps = at + 1;
		t_ok(cfs_mount_apply(&steps, s->fd, s->mnt, NULL, NULL) < 0);
		t_eq(count_entries("/proc/self/fd"), n_fds);
	}
	cfs_steps_fini(&steps);
	return more;
}

static void check_broken_ways(const struct scene *s, size_t i, size_t k)
{
	for (size_t at = 0; check_broken(s, i, k, false, at); at++)
		;
	for (size_t at = 0; check_broken(s, i, k, true, at); at++)
		;
	check_nothing_left(s);
}

T(mount_that_fails_at_any_step_leaves_nothing)
{
	struct scene s;

	begin(&s);
	for (size_t i = 0; i < 2; i++) {
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
	steps.overlay.way[0].steps[3] = nonsense;
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

/* Applies the steps behind a filter, in a child, since a filter cannot be taken off
 * again. Its status: 0, or what went wrong. */
static int apply_filtered(const struct scene *s, const struct cfs_steps *steps,
			  const struct refusal *refusal)
{
	pid_t child = fork();
	int status;

	t_ok(child >= 0);
	if (child == 0) {
		struct cfs_mount_taken taken;
		struct cfs_err err;
		const char *want =
			way_from(overlay_names, refusal->overlay, usual.overlay);

		filter(refusal->number, refusal->arg, refusal->value, refusal->errnum);
		if (cfs_mount_apply(steps, s->fd, s->mnt, &taken, &err) < 0)
			_exit(fprintf(stderr, "# %s\n", err.msg) < 0 ? 2 : 1);
		_exit(strcmp(taken.overlay, want) == 0 ? 0 : 3);
	}
	t_eq(waitpid(child, &status, 0), child);
	return status;
}

T(mount_finds_the_way_that_the_kernel_knows)
{
	static const struct refusal rows[] = {
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EBADF, 1},	   /* as 6.12 */
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EOPNOTSUPP, 1}, /* as 6.1 */
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EINVAL, 1},
	};
	struct cfs_steps steps;
	struct scene s;

	begin(&s);
	steps_of(&s, &steps);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_eq(apply_filtered(&s, &steps, &rows[i]), 0);
		check_tree(&s);
		t_eq(umount2(s.mnt, 0), 0);
		check_nothing_left(&s);
	}
	cfs_steps_fini(&steps);
	end(&s);
}

/* Killed at each system call, in each way: the kernel takes back what was not attached.
 */
T(mount_that_is_killed_leaves_nothing)
{
	static const struct refusal rows[] = {
		{SYS_fsopen, -1, 0, 0, 0},
		{SYS_ioctl, 1, LOOP_CTL_GET_FREE, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_STRING, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_CMD_CREATE, 0, 0},
		{SYS_fsmount, -1, 0, 0, 0},
		{SYS_readahead, -1, 0, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, 0, 0},
		{SYS_setns, -1, 0, 0, 0},
		{SYS_chroot, -1, 0, 0, 0},
		{SYS_open_tree, -1, 0, 0, 0},
		{SYS_move_mount, 4, MOVE_MOUNT_F_EMPTY_PATH, 0, 0}, /* apart */
		{SYS_move_mount, 4, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS, 0,
		 0},
	};
	size_t n_killed = 0;
	struct scene s;

	begin(&s);
	for (size_t at = 0; at < 8 * sizeof(rows) / sizeof(rows[0]); at++) {
		struct cfs_steps steps;

		steps_from(&s, at / 4 % 2, at % 4, &steps);
		n_killed += WIFSIGNALED(apply_filtered(&s, &steps, &rows[at / 8]));
		cfs_steps_fini(&steps);
		umount2(s.mnt, 0);
		check_nothing_left(&s);
	}
	end(&s);
	t_ok(n_killed >= 48);
}
