/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs mount: mounts an image of the repository. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "mount/mount.h"
#include "composefs/composefs.h"
#include "composefs/mount/mount.h"
#include "composefs/mount/mountpoint.h"
#include "composefs/mount/trigger.h"
#include "trust/mount.h"
#include "cli/repo_option.h"
#include "cli/verbosity.h"

#define NAME "composefs mount"

#define AT(member) CLI_AT(struct mount_options, member)

static const struct cli_choice verify_levels[] = {
	{"auto", MOUNT_VERIFY_AUTO},
	{"kernel", MOUNT_VERIFY_KERNEL},
	{"first-open", MOUNT_VERIFY_FIRST_OPEN},
	{"every-read", MOUNT_VERIFY_EVERY_READ},
	{"off", MOUNT_VERIFY_OFF},
	{0},
};

static const struct cli_option mount_table[] = {
	{"changes", "DIR", AT(changes), "Mount read-write, and keep changes in DIR/upper",
	 CLI_TEXT, .group = "Options"},
	{"upperdir", "DIR", AT(upperdir),
	 "Use DIR as the writable layer; needs --workdir", CLI_TEXT},
	{"workdir", "DIR", AT(workdir),
	 "Use DIR, on the same filesystem, as the work directory", CLI_TEXT},
	{"read-write", NULL, AT(read_write),
	 "Mount read-write; needs --upperdir or --changes"},
	{"idmap", "MAPPING", AT(idmap),
	 "Map owners by ID:HOST:COUNT, or by the user namespace of a file", CLI_TEXT},
	{"method", "METHOD", AT(method),
	 "Mount by auto (default), kernel, overlay-fuse or fuse", CLI_CHOICE,
	 .choices = mount_methods},
	{"require-signature", NULL, AT(require_signature),
	 "Require a signature of the image by a trusted key"},
	{"trusted", "DIR", AT(trusted),
	 "Imply --require-signature and trust the keys in DIR", CLI_TEXT},
	{"statement", "FILE", AT(statement),
	 "Require that FILE, signed in FILE.sig, names the image", CLI_TEXT},
	{"name", "NAME", AT(name), "Require that the statement is about NAME", CLI_TEXT},
	{"floor", "FILE", AT(floor),
	 "Require at least the version (rollback floor) of the name in FILE", CLI_TEXT},
	{"verify", "LEVEL", AT(verify),
	 "Verify objects by: auto (default), kernel, first-open, every-read, off",
	 CLI_CHOICE, .choices = verify_levels},
	{"kill-readers", NULL, AT(kill_readers),
	 "With --verify=first-open: kill processes that open a damaged file"},
	{"lazy", "SOURCE", AT(lazy),
	 "Fetch missing objects when they are opened; repeatable", CLI_LIST},
	{"prefetch", NULL, AT(prefetch),
	 "With --lazy: fetch all missing objects in the background"},
	{"order", "FILE", AT(order),
	 "With --prefetch: begin with the objects that FILE lists", CLI_TEXT},
	{"record", "FILE", AT(record),
	 "Write the IDs of objects to FILE in the order in which they are opened",
	 CLI_TEXT},
	{"verify-image", NULL, AT(verify_image),
	 "Read the whole image, even if it has not changed since it was verified"},
	{"allow-suid", NULL, AT(allow_suid),
	 "Honour setuid programs and file capabilities of an unverified image"},
	{"allow-dev", NULL, AT(allow_dev), "Honour device nodes of an unverified image"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct mount_options, where),
	{0},
};

static const struct cli_syntax mount_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE MOUNTPOINT", NULL},
	.about = "Mount an image of the repository, given by its ID or a reference. In a "
		 "repository\nwith fs-verity the kernel verifies the image and every "
		 "object; without it, only the image\nis verified, when it is mounted.",
	.example = (const char *const[]){"composefs mount --repo=repo docs /mnt", NULL},
	.options = mount_table,
};

/* dirs is the one object directory. The result borrows all arguments. */
static struct cfs_mount_args make_args(const struct mount_options *o, const char *name,
				       const char *source, const char *const *dirs)
{
	return (struct cfs_mount_args){
		.opts = {.objdirs = dirs,
			 .n_objdirs = 1,
			 .upperdir = o->upperdir,
			 .workdir = o->workdir,
			 .give_root = true,
			 .readonly = o->upperdir && !o->read_write,
			 .require_signature =
				 o->require_signature || o->trusted || o->statement,
			 .image_name = name,
			 .source = source},
		.trusted = o->trusted,
		.statement = o->statement,
		.name = o->name,
		.floor = o->floor,
	};
}

static int make_repo_path(const struct cfs_repo *repo, const char *below,
			  char out[PATH_MAX], struct cfs_err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", cfs_repo_get_path(repo), below) < PATH_MAX)
		return 0;
	return cfs_fail(err, ENAMETOOLONG, "the path of the repository is too long");
}

bool mount_has_kernel_verity(const struct mount_options *o, const struct cfs_repo *repo)
{
	return cfs_repo_is_secure(repo) && o->verify <= MOUNT_VERIFY_KERNEL;
}

bool mount_is_verified(const struct mount_options *o, const struct cfs_repo *repo,
		       const char *name)
{
	struct cfs_digest id;

	return o->require_signature || o->trusted || o->statement ||
	       (mount_has_kernel_verity(o, repo) &&
		cfs_digest_parse(cfs_text(name), &id, NULL) == 0);
}

/* Forbids set-user-ID programs and devices on a mount whose content was not verified, and
 * says so: as a warning where the image ID would have verified it. */
static void restrict_mount(const struct mount_options *o, struct cfs_mount_opts *opts,
			   bool secure, const char *name)
{
	uint64_t allowed = (o->allow_suid ? MOUNT_ATTR_NOSUID : 0) |
			   (o->allow_dev ? MOUNT_ATTR_NODEV : 0);
	const char *restraint =
		cfs_mount_restraint_text(cfs_mount_restrain(opts, allowed));

	if (restraint && secure)
		cli_print_warning(NAME,
				  "a name does not identify an image, so %s is mounted "
				  "%s; give the image ID or --require-signature, or "
				  "--allow-suid, --allow-dev",
				  name, restraint);
	else if (restraint) /* init --insecure said so */
		cli_print_detail(NAME,
				 "the repository has no fs-verity, so %s is mounted %s; "
				 "--allow-suid, --allow-dev change that",
				 name, restraint);
}

/* The object directory of the repository, which may belong to another user. */
static int open_repo_objects(const struct cfs_repo *repo, const char *name,
			     struct cfs_err *err)
{
	int fd = cfs_beneath_open_dir(cfs_repo_get_dirfd(repo), "objects");

	return fd < 0 ? cfs_beneath_fail(fd, name, err) : fd;
}

/* Refuses to mount an image where it is mounted already: this is a mistake, and hides the
 * first mount. Another image may be mounted over one. */
static int check_not_mounted(const struct cfs_digest *id, const char *at,
			     struct cfs_err *err)
{
	struct mountpoint m = {0};
	int rc;

	if (!*at)
		return cfs_fail(err, EINVAL,
				"mount point: expected a directory, got \"\"");
	rc = mountpoint_find(at, &m, err);
	if (rc < 0) {
		errno = -rc;
		rc = cfs_fail_errno(err, "mount point %s", at);
	} else if (m.is_image && m.is_root && m.image.has_id &&
		   cfs_digest_eq(&m.image.id, id)) {
		rc = cfs_fail(err, EBUSY,
			      "mount point %s: this image is mounted there already", at);
	}
	mountpoint_fini(&m);
	return rc;
}

/* Starts the server of the layers that verify objects, if that is wanted. */
static int mount_with_server(const struct mount_options *o, const struct cfs_repo *repo,
			     const char *name, int fd, const struct cfs_digest *id,
			     const char *at, struct cfs_mount_opts *opts,
			     struct cfs_err *err)
{
	struct mount_trigger trigger;
	int rc;

	if (!mount_needs_trigger(o))
		return mount_by_method(o, fd, id, at, opts, err);
	rc = mount_trigger_start(o, repo, name, fd, opts, &trigger, err);
	if (rc == 0) {
		rc = mount_by_method(o, fd, id, at, opts, err);
		if (rc ==
		    -EINVAL) /* older kernels take no layer that is attached nowhere */
			rc = cli_add_advice(
				rc, err,
				"--verify=first-open, --lazy and --record need Linux "
				"6.15");
	}
	mount_trigger_fini(&trigger);
	return rc;
}

/* Mounts the image that find looks up and returns its ID in *id. The digest is given
 * to the kernel only if it can verify it; the object is opened last, after all checks
 * that need no data. */
static int mount_found(const struct mount_options *o, const struct cfs_repo *repo,
		       mount_find_fn find, const char *name, const char *at,
		       struct cfs_digest *id, struct cfs_err *err)
{
	char objects[PATH_MAX], signatures[PATH_MAX], hex[CFS_DIGEST_HEX_MAX];
	const char *const dirs[] = {objects};
	const int repo_fd = cfs_repo_get_dirfd(repo);
	const enum cfs_repo_trust how =
		o->verify_image ? CFS_REPO_PROVEN : CFS_REPO_PROVEN_BEFORE;
	cfs_autofd int objects_fd = -1, fd = -1;
	char source[CFS_DIGEST_HEX_MAX + sizeof("composefs:")];
	struct cfs_mount_args args = make_args(o, name, source, dirs);
	struct cfs_trust_mount trust;
	int rc = find(repo, name, id, err);

	if (rc == 0)
		rc = mount_check_level(o, repo, err);
	if (rc == 0 && !o->upperdir)
		rc = check_not_mounted(id, at, err);
	if (rc == 0)
		rc = make_repo_path(repo, "objects", objects, err);
	if (rc == 0)
		rc = make_repo_path(repo, "signatures", signatures, err);
	if (rc < 0)
		return rc;
	objects_fd = open_repo_objects(repo, objects, err);
	if (objects_fd < 0)
		return objects_fd;
	args.opts.objdir_fds = &objects_fd;
	snprintf(source, sizeof(source), "composefs:%s", cfs_digest_hex(id, hex));
	args.opts.digest = mount_has_kernel_verity(o, repo) ? hex : NULL;
	if (!mount_is_verified(o, repo, name))
		restrict_mount(o, &args.opts, cfs_repo_is_secure(repo), name);
	cfs_trust_check_mount(&trust, &args, name);
	trust.signatures = o->statement ? NULL : signatures;
	trust.repo_fd = &repo_fd;
	fd = cfs_repo_open_object(repo, id, how, err);
	return fd < 0 ? fd
		      : mount_with_server(o, repo, name, fd, id, at, &args.opts, err);
}

int mount_image(const struct mount_options *o, const struct cfs_repo *repo,
		mount_find_fn find, const char *name, const char *at,
		struct cfs_digest *id, struct cfs_err *err)
{
	char upper[PATH_MAX], work[PATH_MAX];
	struct mount_options writable = *o;
	int rc = 0;

	if (o->changes) {
		rc = mount_make_changes(o->changes, upper, work, err);
		writable.upperdir = upper;
		writable.workdir = work;
		writable.read_write = true;
	}
	return rc < 0 ? rc : mount_found(&writable, repo, find, name, at, id, err);
}

/* Refuses options that exclude or need each other. */
static int check_mount_options(const struct mount_options *o, struct cfs_err *err)
{
	if (!o->upperdir != !o->workdir)
		return cfs_fail(err, EINVAL, "--upperdir and --workdir need each other");
	if (o->changes && o->upperdir)
		return cfs_fail(err, EINVAL,
				"expected --changes or --upperdir, got both");
	if (o->read_write && !o->upperdir && !o->changes)
		return cfs_fail(err, EINVAL,
				"--read-write needs --changes or --upperdir");
	if (o->verify == MOUNT_VERIFY_EVERY_READ && (o->lazy.n || o->record || o->idmap))
		return cfs_fail(
			err, EINVAL,
			"--verify=every-read excludes --lazy, --record and --idmap");
	if (o->kill_readers && o->verify != MOUNT_VERIFY_FIRST_OPEN)
		return cfs_fail(err, EINVAL, "--kill-readers needs --verify=first-open");
	if (o->prefetch && !o->lazy.n)
		return cfs_fail(err, EINVAL, "--prefetch needs --lazy");
	if (o->order && !o->prefetch)
		return cfs_fail(err, EINVAL, "--order needs --prefetch");
	if ((o->name || o->floor) && !o->statement)
		return cfs_fail(err, EINVAL, "--name and --floor need --statement");
	return 0;
}

/* The operand may be an image file, which mount(8) mounts. */
static int add_file_advice(int rc, const char *image, struct cfs_err *err)
{
	struct stat st;

	if (rc != -ENOENT || stat(image, &st) < 0 || !S_ISREG(st.st_mode))
		return rc;
	return cli_add_advice(rc, err,
			      "to mount an image file: mount -t composefs -o "
			      "basedir=OBJECTS FILE MOUNTPOINT");
}

int mount_named(const struct cli_syntax *about, mount_find_fn find, int argc, char **argv)
{
	struct mount_options o = {0};
	struct cli_syntax syntax = *about;

	syntax.options = mount_table;
	int status = command_begin(&syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE MOUNTPOINT"),
	    rc;
	char text[WHERE_ID_MAX];
	struct json j = {.to = stdout};
	struct cfs_repo *repo;
	struct cfs_digest id;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (check_mount_options(&o, &err) < 0) {
		cli_list_fini(&o.lazy);
		cli_fail_usage(argv[0], "%s", err.msg);
		return CLI_USAGE;
	}
	rc = where_open(&o.where, CFS_REPO_READ, &repo, &err);
	if (rc == 0) {
		rc = mount_image(&o, repo, find, argv[optind], argv[optind + 1], &id,
				 &err);
		cfs_repo_close(repo);
	}
	cli_list_fini(&o.lazy);
	rc = add_file_advice(rc, argv[optind], &err);
	if (rc == 0 && o.json) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "id", where_format_id(&id, text));
		json_finish(&j);
	}
	return command_end(argv[0], rc, &err);
}

int cmd_mount(int argc, char **argv)
{
	return mount_named(&mount_syntax, cfs_repo_find_image, argc, argv);
}
