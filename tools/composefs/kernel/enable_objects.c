/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs enable-objects: enable fs-verity on objects with their kernel signatures. The kernel accepts a signature only
 * when fs-verity is enabled. So an object whose signer the kernel does not know yet is left alone, and one that has
 * fs-verity without a signature is replaced by a copy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "composefs/kernel/commands.h"
#include "erofs/erofs.h"
#include "verity/verity.h"
#include "cli/repo_option.h"
#include "cli/verbosity.h"

enum { SIGNATURE_MAX = 16128 }; /* FS_VERITY_MAX_SIGNATURE_SIZE of the kernel */

struct options {
	const char *objects, *signatures;
	bool json;
};

static const struct cli_option option_table[] = {
	{"objects", "DIR", CLI_AT(struct options, objects), "Use the objects in DIR",
	 CLI_TEXT, .group = "Options"},
	{"signatures", "DIR", CLI_AT(struct options, signatures),
	 "Use the signatures DIR/DIGEST.p7s of \"composefs sign-objects\"", CLI_TEXT},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about =
		"Enable fs-verity with a signature on each object that has one. When the "
		"kernel does not\nknow the signer (its keyring .fs-verity), the object "
		"stays "
		"pending: run this again\nwhen the kernel has the key.",
	.status = "0 all are signed, 1 failed, 2 usage error, 3 wrong signatures or "
		  "objects,"
		  "\n4 some are pending or missing",
	.example = (const char *const[]){"composefs enable-objects --objects=objects "
					 "--signatures=signatures/objects",
					 NULL},
	.options = option_table,
};

struct enable {
	const char *name; /* of the program */
	int objects, signatures;
	size_t n_signed, n_pending, n_missing, n_wrong;
};

/* Whether a file with fs-verity has a signature. */
static bool is_signed(int fd)
{
	uint8_t byte;
	struct fsverity_read_metadata_arg arg = {
		.metadata_type = FS_VERITY_METADATA_TYPE_SIGNATURE,
		.length = 1,
		.buf_ptr = (uintptr_t)&byte,
	};

	return ioctl(fd, FS_IOC_READ_VERITY_METADATA, &arg) == 1;
}

/* Enables fs-verity, and checks that the kernel measures the digest of the name. */
static int enable_object_verity(int fd, const struct cfs_digest *digest,
				struct cfs_span signature, struct cfs_err *err)
{
	char expected_text[CFS_DIGEST_TEXT_MAX], got_text[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest measured;
	int rc = cfs_verity_enable_signed(fd, digest->alg, signature, err);

	if (rc == 0)
		rc = cfs_verity_measure(fd, &measured, err);
	if (rc == 0 && !cfs_digest_eq(&measured, digest))
		rc = cfs_fail(err, EILSEQ, "digest: expected %s, got %s",
			      cfs_digest_text(digest, expected_text),
			      cfs_digest_text(&measured, got_text));
	return rc;
}

/* Returns an unnamed copy of the file, open only for reading: fs-verity needs that. */
static int copy_object_contents(int from, int dirfd, struct cfs_err *err)
{
	cfs_autofd int to = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	char path[64];
	struct cfs_map map;
	int rc, fd;

	if (to < 0)
		return cfs_fail_errno(err, "temporary file");
	rc = cfs_map_fd(from, &map, err);
	if (rc < 0)
		return rc;
	rc = cfs_io_write(to, map.span.p, map.span.len, err);
	cfs_map_close(&map);
	if (rc == 0 &&
	    (fchmod(to, 0644) < 0 || fsync(to) < 0)) /* the mode of every object */
		rc = cfs_fail_errno(err, "temporary file");
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open again") : fd;
}

/* Garbage collection finds a mounted image by its file. If another file took its name, the objects of the image could be
 * removed while it is mounted. */
static int check_unused_image(int fd, struct cfs_err *err)
{
	uint8_t magic[4] = {0};
	ssize_t n = cfs_io_pread(fd, magic, sizeof(magic), EROFS_SB_OFF, err);
	int use;

	if (n < 0)
		return (int)n;
	if (cfs_le32(magic) != EROFS_MAGIC)
		return 0;
	use = cfs_file_probe_use(fd, err);
	if (use <= CFS_FILE_UNUSED)
		return use;
	return cfs_fail(err, EBUSY, "image not replaced: %s",
			cfs_file_get_use_reason(use));
}

/* Replaces an object whose fs-verity has no signature by a signed copy. Processes and mounts that use the old file keep
 * it. */
static int replace_object(int dir, const char *name, int old,
			  const struct cfs_digest *digest, struct cfs_span signature,
			  struct cfs_err *err)
{
	char tmp[CFS_OBJECT_PATH_MAX + 16];
	cfs_autofd int fd = -1;
	int rc = check_unused_image(old, err);

	if (rc < 0)
		return rc;
	fd = copy_object_contents(old, dir, err);
	rc = fd < 0 ? fd : enable_object_verity(fd, digest, signature, err);
	if (rc < 0)
		return rc;
	snprintf(tmp, sizeof(tmp), "%s.signed", name);
	if (unlinkat(dir, tmp, 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, "%s", tmp);
	rc = cfs_io_publish(fd, dir, tmp, err);
	if (rc == 0 && renameat(dir, tmp, dir, name) < 0)
		rc = cfs_fail_errno(err, "rename");
	return rc;
}

/* fs-verity makes a file read-only forever. A file with other names may be more than an object, so it is left alone and
 * a copy takes its place. */
static int enable_at(int dir, const char *name, const struct cfs_digest *digest,
		     struct cfs_span signature, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dir, name, CFS_INPUT_NOFOLLOW, err);
	struct cfs_digest measured;
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	rc = cfs_verity_measure(fd, &measured, NULL);
	if (rc == 0 && !cfs_digest_eq(&measured, digest))
		return cfs_fail(err, EILSEQ, "content does not match the digest");
	if (rc == 0 && is_signed(fd))
		return 0;
	if (rc == 0 || st.st_nlink > 1)
		return replace_object(dir, name, fd, digest, signature, err);
	return enable_object_verity(fd, digest, signature, err);
}

static int enable_object(const struct enable *e, const struct cfs_digest *digest,
			 struct cfs_span signature, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	const char *name = "";
	cfs_autofd int dir =
		cfs_beneath_open_parent(e->objects, cfs_digest_path(digest, path), &name);
	int rc = dir < 0 ? cfs_beneath_fail(dir, path, err)
			 : enable_at(dir, name, digest, signature, err);

	return cfs_context(err, rc, "object %s", path);
}

/* Counts the result of one object. A negative return is an error that would recur for all others. */
static int count_result(struct enable *e, int rc, const struct cfs_err *err)
{
	switch (rc) {
	case 0:
		e->n_signed++;
		return 0;
	case -ENOKEY:
		e->n_pending++;
		return 0;
	case -ENOENT:
		e->n_missing++;
		return 0;
	case -EKEYREJECTED:
	case -EILSEQ:
	case -EBADMSG:
	case -EMSGSIZE:
		e->n_wrong++;
		cli_print_message(e->name, "%s", err->msg);
		return 0;
	default:
		return rc;
	}
}

/* Parses "HEX.p7s"; other files are ignored. */
static bool parse_object_name(const char *name, struct cfs_digest *out)
{
	static const char suffix[] = ".p7s";
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0 &&
	       cfs_digest_parse((struct cfs_text){name, len - n}, out, NULL) == 0;
}

/* Enables fs-verity on the object that the name of the signature file states. Other
 * files in the directory are skipped. The result is counted; only errors that concern
 * every object end the run. */
static int enable_from_file(struct enable *e, const char *name, struct cfs_err *err)
{
	uint8_t signature[SIGNATURE_MAX + 1];
	struct cfs_digest digest;
	cfs_autofd int fd = -1;
	ssize_t n;

	if (!parse_object_name(name, &digest))
		return 0;
	fd = cfs_input_open(e->signatures, name, 0, err);
	if (fd < 0)
		return cfs_context(err, fd, "%s", name);
	n = cfs_io_read(fd, signature, sizeof(signature), err);
	if (n < 0)
		return cfs_context(err, (int)n, "%s", name);
	return count_result(
		e,
		enable_object(e, &digest, (struct cfs_span){signature, (size_t)n}, err),
		err);
}

/* Enables fs-verity on each object that has a signature. One sync at the end makes all
 * durable. */
static int enable_all(struct enable *e, struct cfs_err *err)
{
	int fd = openat(e->signatures, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return cfs_fail_errno(err, "signatures");
	for (errno = 0; rc == 0 && (entry = readdir(dir)); errno = 0)
		rc = enable_from_file(e, entry->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read signatures");
	closedir(dir);
	if (rc == 0 && syncfs(e->objects) < 0)
		rc = cfs_fail_errno(err, "syncfs");
	return rc;
}

/* Opens both directories: nothing is looked up by a path later. */
static int enable_directory(struct enable *e, const struct options *o,
			    struct cfs_err *err)
{
	cfs_autofd int place = cfs_path_open_dir(o->objects, err);
	cfs_autofd int objects =
		place < 0 ? -1 : openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cfs_autofd int signatures = open(o->signatures, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (place < 0)
		return cfs_context(err, place, "%s", o->objects);
	if (objects < 0)
		return cfs_fail_errno(err, "%s", o->objects);
	if (signatures < 0)
		return cfs_fail_errno(err, "%s", o->signatures);
	e->objects = objects;
	e->signatures = signatures;
	return enable_all(e, err);
}

static void print_counts(const struct enable *e, bool json)
{
	struct json j = {.to = stdout};

	if (!json && cli_is_quiet())
		return;
	if (!json) {
		printf("%zu signed, %zu pending, %zu missing, %zu wrong\n", e->n_signed,
		       e->n_pending, e->n_missing, e->n_wrong);
		return;
	}
	json_begin_object(&j, NULL);
	json_put_uint(&j, "objects_signed", e->n_signed);
	json_put_uint(&j, "objects_pending", e->n_pending);
	json_put_uint(&j, "objects_missing", e->n_missing);
	json_put_uint(&j, "objects_wrong", e->n_wrong);
	json_finish(&j);
}

int cmd_enable_objects(int argc, char **argv)
{
	struct options o = {0};
	struct enable e = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand"),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (!o.objects || !o.signatures) {
		cli_fail_usage(argv[0], "expected --objects and --signatures");
		return CLI_USAGE;
	}
	rc = where_check_writable(o.objects, &err);
	if (rc == 0)
		rc = enable_directory(&e, &o, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	print_counts(&e, o.json);
	if (e.n_wrong)
		return STATUS_DAMAGED;
	return e.n_pending || e.n_missing ? STATUS_MISSING : CLI_OK;
}
