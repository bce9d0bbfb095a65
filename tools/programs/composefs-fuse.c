/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-fuse: mount an image through FUSE, for users who may not mount EROFS. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/verbosity.h"
#include "erofs/erofs.h"
#include "fuse/fuse.h"
#include "programs/fuse_options.h"
#include "verity/verity.h"

#define NAME "composefs-fuse"

static const char usage[] =
	"usage: composefs-fuse [-dfs] -o source=IMAGE[,opt..] MOUNTPOINT\n"
	"   or: composefs-fuse [-dfs] [-o opt..] IMAGE MOUNTPOINT\n"
	"Mount the composefs image IMAGE, read-only, through FUSE.\n"
	"\n"
	"  -f                   Stay in the foreground\n"
	"  -d                   The same\n"
	"  -s                   Use one thread\n"
	"  -h, --help           Print this text\n"
	"  --version            Print the version\n"
	"\n"
	"Supported options:\n"
	"  source=IMAGE         Image file\n"
	"  basedir=DIR[:DIR..]  Directories of the objects\n"
	"  digest=DIGEST        Require this fs-verity digest of the image; implies "
	"verity\n"
	"  verity               Open only objects whose fs-verity digest is in the "
	"image\n"
	"  noacl                Ignore POSIX ACLs\n"
	"  allow_other          Let all users in, not only the one who mounts\n"
	"  layer                Show what overlayfs needs, without contents of objects\n"
	"  userxattr            The same, for an overlay with the option userxattr\n"
	"and nosuid, nodev, noexec, noatime of mount(8)\n";

/* Everything that is open while the filesystem is mounted. */
struct served {
	struct fuse_options o;
	struct cfs_map map;
	struct cfs_image im;
	int image_fd;
	int objdir_fds[FUSE_OBJDIRS_MAX];
	size_t n_objdirs;
	char source[PATH_MAX];
	char mountpoint[PATH_MAX];
	struct cfs_fuse_fs fs;
};

/* The digest of the copy that is served, so that the file may change afterwards. */
static int check_served_digest(const struct served *s, struct cfs_err *err)
{
	char expected_hex[CFS_DIGEST_HEX_MAX], got_hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest expected, got;
	int rc = cfs_digest_parse(cfs_text(s->o.digest), &expected, err);

	if (rc == 0)
		rc = cfs_verity_digest_mem(expected.alg, s->map.span, &got, err);
	if (rc < 0 || cfs_digest_eq(&expected, &got))
		return rc;
	return cfs_fail(err, EILSEQ, "wrong digest: expected %s, got %s",
			cfs_digest_hex(&expected, expected_hex),
			cfs_digest_hex(&got, got_hex));
}

static int open_image_file(struct served *s, struct cfs_err *err)
{
	int rc;

	s->image_fd = cfs_input_open(AT_FDCWD, s->o.image, 0, err);
	if (s->image_fd < 0)
		return cfs_context(err, s->image_fd, "%s", s->o.image);
	rc = cfs_image_map(s->image_fd, cfs_map_copy, &s->map, err);
	if (rc == 0)
		rc = cfs_image_open(s->map.span, &s->im, err);
	if (rc == 0 && s->o.digest)
		rc = check_served_digest(s, err);
	return cfs_context(err, rc, "%s", s->o.image);
}

static int open_objdirs(struct served *s, struct cfs_err *err)
{
	for (; s->n_objdirs < s->o.n_objdirs; s->n_objdirs++) {
		const char *dir = s->o.objdirs[s->n_objdirs];
		int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return cfs_fail_errno(err, "object directory %s", dir);
		s->objdir_fds[s->n_objdirs] = fd;
	}
	return 0;
}

/* The server works in "/", so paths become absolute. */
static int resolve_paths(struct served *s, struct cfs_err *err)
{
	struct stat st;

	if (!realpath(s->o.image, s->source))
		return cfs_fail_errno(err, "%s", s->o.image);
	if (!realpath(s->o.mountpoint, s->mountpoint) || stat(s->mountpoint, &st) < 0)
		return cfs_fail_errno(err, "mount point %s", s->o.mountpoint);
	if (!S_ISDIR(st.st_mode))
		return cfs_fail(err, ENOTDIR, "mount point %s: not a directory",
				s->o.mountpoint);
	return 0;
}

static int open_served_parts(struct served *s, struct cfs_err *err)
{
	int rc = open_image_file(s, err);

	if (rc == 0)
		rc = open_objdirs(s, err);
	if (rc == 0)
		rc = resolve_paths(s, err);
	s->fs = (struct cfs_fuse_fs){
		.im = &s->im,
		.view = s->o.view,
		.no_acl = s->o.no_acl,
		.require_verity = s->o.verity || s->o.digest,
		.objdir_fds = s->objdir_fds,
		.n_objdirs = s->n_objdirs,
	};
	return rc;
}

static void close_served(struct served *s)
{
	while (s->n_objdirs > 0)
		close(s->objdir_fds[--s->n_objdirs]);
	cfs_map_close(&s->map);
	if (s->image_fd >= 0)
		close(s->image_fd);
	fuse_options_fini(&s->o);
}

/* Returns the descriptor to serve. */
static int mount_served(const struct served *s, struct cfs_err *err)
{
	struct cfs_fuse_mount_opts o = {
		.source = s->source, .allow_other = s->o.allow_other, .attr = s->o.attr};
	cfs_autofd int mount = -1;
	int dev = -1, rc;

	mount = cfs_fuse_mount_detached(&o, &dev, err);
	if (mount == -EPERM || mount == -EACCES)
		return cfs_fuse_mount_by_helper(&o, s->mountpoint, err);
	if (mount < 0)
		return mount;
	rc = cfs_fuse_attach(mount, s->mountpoint, err);
	if (rc == 0)
		return dev;
	close(dev);
	return rc;
}

static int serve_mount(const struct served *s, struct cfs_err *err)
{
	struct cfs_fuse_daemon_opts how = {
		.mountpoint = s->mountpoint,
		.image_fd = s->image_fd,
		.n_threads = s->o.one_thread ? 1 : 0,
	};
	cfs_autofd int dev = mount_served(s, err);
	int rc;

	if (dev < 0)
		return dev;
	rc = s->o.foreground ? cfs_fuse_run(&s->fs, dev, &how, err)
			     : cfs_fuse_start(&s->fs, dev, &how, err);
	if (rc < 0)
		(void)!cfs_fuse_unmount(s->mountpoint, MNT_DETACH, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	struct served s = {.image_fd = -1};
	struct cfs_err err = {""};
	int rc;
	char name[] = NAME;

	if (!cli_begin(NAME))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (argc > 0)
		argv[0] = name; /* getopt() begins its messages with it */
	if (cli_print_version(NAME, argc, argv))
		return cli_end(NAME, CLI_OK);
	rc = fuse_options_parse(&s.o, argc, argv, &err);
	if (rc == 0 && s.o.help) {
		fputs(usage, stdout);
		fuse_options_fini(&s.o);
		return cli_end(NAME, CLI_OK);
	}
	if (rc < 0 && *err.msg)
		cli_fail_usage(NAME, "%s", err.msg);
	if (rc < 0) {
		fuse_options_fini(&s.o);
		return CLI_FAILED;
	}
	rc = open_served_parts(&s, &err);
	if (rc == 0)
		rc = serve_mount(&s, &err);
	if (rc < 0)
		cli_print_message(NAME, "%s", err.msg);
	close_served(&s);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
