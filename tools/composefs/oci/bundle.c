/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci bundle: a container image as a bundle for an OCI runtime. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bundle/bundle.h"
#include "cli/verbosity.h"
#include "composefs/mount/mount.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

enum { USERS_MAX = 4 << 20 }; /* bytes of /etc/passwd or /etc/group */

struct options {
	struct mount_options mount;
	bool no_mount, terminal, host_network, tmpfs;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"no-mount", NULL, AT(no_mount), "Do not mount the image at DIR/rootfs",
	 .group = "Options"},
	{"read-write", NULL, AT(mount.read_write),
	 "Make the root directory writable; changes go to DIR/upper"},
	{"tmpfs", NULL, AT(tmpfs),
	 "Make the root directory writable; changes are lost when it is unmounted"},
	{"terminal", NULL, AT(terminal), "Give the process a terminal"},
	{"host-network", NULL, AT(host_network),
	 "Use the network of the host (default: a network without interfaces)"},
	{"require-signature", NULL, AT(mount.require_signature),
	 "Require a signature of the image by a trusted key"},
	{"trusted", "DIR", AT(mount.trusted),
	 "Imply --require-signature and trust the keys in DIR", CLI_TEXT},
	{"allow-suid", NULL, AT(mount.allow_suid),
	 "Honour setuid programs and file capabilities of an unverified image"},
	{"json", NULL, AT(mount.json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, mount.where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE DIR [-- ARGUMENT...]", NULL},
	.about = "Write DIR/config.json for an OCI runtime such as crun or runc, and "
		 "mount "
		 "the image\n"
		 "at DIR/rootfs. The arguments replace Cmd of the image. IMAGE is a tag "
		 "or a digest.",
	.example = (const char *const[]){"composefs oci bundle --repo=repo app bundle",
					 "crun run --bundle=bundle app1",
					 "composefs umount bundle/rootfs", NULL},
	.options = option_table,
};

/* What one run of the command works on. */
struct work {
	const struct options *o;
	const char *program; /* for warnings */
	const struct cfs_repo *repo;
	struct cfs_container c;
	struct cfs_map map;
	struct cfs_image im;
	const char **left_out; /* labels */
	size_t n_left_out, cap;
};

/* --- config.json -------------------------------------------------------------------- */

/* The list is for --json; the warning is printed in any case. */
static void note_label(void *ctx, const char *label)
{
	struct work *w = ctx;

	cli_print_warning(w->program,
			  "label \"%s\" acts on the host; it is left out of the "
			  "annotations",
			  label);
	if (cfs_grow(&w->left_out, &w->cap, w->n_left_out + 1, sizeof(*w->left_out)) == 0)
		w->left_out[w->n_left_out++] = label;
}

/* An image without the file has no names. */
static int read_users(const struct work *w, const char *path, struct cfs_mem *out,
		      struct cfs_err *err)
{
	int rc = cfs_containers_read_file(w->repo, &w->im, path, USERS_MAX, out, err);

	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

static bool is_verified(const struct options *o, const struct cfs_repo *repo,
			const char *name)
{
	return !o->no_mount && mount_is_verified(&o->mount, repo, name);
}

/* The nosuid of the mount does not survive: runtimes mount the root directory again. */
static int compute_config(struct work *w, const char *name, char *const *args,
			  size_t n_args, char **json, struct cfs_err *err)
{
	struct cfs_bundle_opts opts = {
		.args = (const char *const *)args,
		.n_args = n_args,
		.writable = w->o->mount.read_write || w->o->tmpfs,
		.no_new_privs =
			!w->o->mount.allow_suid && !is_verified(w->o, w->repo, name),
		.terminal = w->o->terminal,
		.host_network = w->o->host_network,
		.left_out = note_label,
		.ctx = w,
	};
	struct cfs_mem passwd = {0}, group = {0};
	int rc = read_users(w, "/etc/passwd", &passwd, err);

	if (rc == 0)
		rc = read_users(w, "/etc/group", &group, err);
	opts.passwd = (struct cfs_text){(char *)passwd.p, passwd.len};
	opts.group = (struct cfs_text){(char *)group.p, group.len};
	if (rc == 0)
		rc = cfs_bundle_make_config(&w->c.config, &w->im, &opts, json, err);
	free(passwd.p);
	free(group.p);
	return rc;
}

static int open_work(struct work *w, const char *name, struct cfs_err *err)
{
	int rc = cfs_container_open(w->repo, name, &w->c, err);

	if (rc == 0 && !w->c.has_image)
		rc = cfs_fail(err, ENOENT, "%s: no image was made of it; pull it again",
			      name);
	if (rc == 0)
		rc = cfs_repo_map_object(w->repo, &w->c.image, &w->map, err);
	return rc < 0 ? rc : cfs_image_open(w->map.span, &w->im, err);
}

static void close_work(struct work *w)
{
	cfs_map_close(&w->map);
	cfs_container_close(&w->c);
	free(w->left_out);
}

/* --- the directory ------------------------------------------------------------------ */

static int write_bundle_config(int dirfd, const char *json, struct cfs_err *err)
{
	cfs_autofree char *text = NULL;
	int len = asprintf(&text, "%s\n", json), rc;

	if (len < 0) {
		text = NULL;
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	rc = cfs_replace_write(dirfd, "config.json",
			       (struct cfs_span){(const uint8_t *)text, (size_t)len},
			       err);
	return cfs_context(err, rc, "config.json");
}

/* By the digest, so that it is the image that config.json is for. changes: the directory of
 * the writable layer; NULL: none. */
static int mount_rootfs(const struct work *w, const char *dir, const char *changes,
			struct cfs_err *err)
{
	char name[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@", at[PATH_MAX];
	struct mount_options o = w->o->mount;
	struct cfs_digest id;

	cfs_oci_digest_text(&w->c.digest, name + 1);
	if (snprintf(at, sizeof(at), "%s/rootfs", dir) >= (int)sizeof(at))
		return cfs_fail(err, ENAMETOOLONG, "%s: the path is too long", dir);
	o.changes = changes;
	return mount_image(&o, w->repo, oci_find_image, name, at, &id, err);
}

static int mount_in_memory(const struct work *w, int dirfd, const char *dir,
			   struct cfs_err *err)
{
	struct cfs_err unseen;
	char memory[PATH_MAX];
	int rc;

	if (snprintf(memory, sizeof(memory), "%s/memory", dir) >= (int)sizeof(memory))
		return cfs_fail(err, ENAMETOOLONG, "%s: the path is too long", dir);
	rc = mount_attach_memory(dirfd, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", dir);
	rc = mount_rootfs(w, dir, memory, err);
	if (rc == 0)
		return cfs_context(err, mount_detach_memory(dirfd, err), "%s", dir);
	(void)!mount_detach_memory(dirfd, &unseen);
	return rc;
}

static int write_bundle(const struct work *w, const char *dir, const char *json,
			struct cfs_err *err)
{
	/* A user who can write there chooses what the runtime does as root. */
	cfs_autofd int dirfd = mount_open_private(dir, err);
	int rc = dirfd < 0 ? dirfd : mount_make_dir(dirfd, "rootfs", err);

	if (rc == 0)
		rc = write_bundle_config(dirfd, json, err);
	if (rc < 0)
		return dirfd < 0 ? rc : cfs_context(err, rc, "%s", dir);
	if (w->o->no_mount)
		return 0;
	return w->o->tmpfs
		       ? mount_in_memory(w, dirfd, dir, err)
		       : mount_rootfs(w, dir, w->o->mount.read_write ? dir : NULL, err);
}

/* --- the command -------------------------------------------------------------------- */

static void print_bundle_json(const struct work *w, const char *dir)
{
	struct json j = {.to = stdout};
	char id[WHERE_ID_MAX];

	json_begin_object(&j, NULL);
	json_put_string(&j, "id", where_format_id(&w->c.image, id));
	json_put_string(&j, "bundle", dir);
	json_put_strings(&j, "labels_left_out", (const char *const *)w->left_out,
			 w->n_left_out);
	json_finish(&j);
}

/* Writes the runtime bundle of an image. config.json is computed before the directory
 * is made, so that an image that cannot run leaves nothing behind. */
static int bundle_image(const struct repo_work *rw, struct cfs_err *err)
{
	struct options *o = rw->options;
	struct work w = {.o = o, .program = rw->program, .repo = rw->repo};
	char **arguments = rw->operands + 2;
	cfs_autofree char *config = NULL;
	size_t n = 0;
	int rc;

	if (o->tmpfs && o->mount.read_write)
		return cfs_fail(err, EINVAL,
				"expected --read-write or --tmpfs, got both");
	while (arguments[n])
		n++;
	rc = open_work(&w, rw->operands[0], err);
	if (rc == 0)
		rc = compute_config(&w, rw->operands[0], arguments, n, &config, err);
	if (rc == 0)
		rc = write_bundle(&w, rw->operands[1], config, err);
	if (rc == 0 && o->mount.json)
		print_bundle_json(&w, rw->operands[1]);
	close_work(&w);
	return rc;
}

static const struct repo_command command = {
	&syntax,       2,	    INT_MAX, "expected IMAGE DIR [-- ARGUMENT...]",
	CFS_REPO_READ, bundle_image};

int cmd_oci_bundle(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&command, argc, argv, &o, &o.mount.where);
}
