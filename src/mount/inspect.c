/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checks an image and its options before anything is mounted, and finds the facts that
 * the steps depend on. */
#include "mount/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "erofs/erofs.h"

enum { PREFETCH_MAX = 64 << 20 };

int cfs_mount_check(const struct cfs_mount_opts *o, struct cfs_err *err)
{
	struct cfs_digest digest;

	if (o->n_objdirs == 0)
		return cfs_fail(err, EINVAL, "No object dirs specified");
	if (!o->upperdir != !o->workdir)
		return cfs_fail(err, EINVAL,
				"Both workdir and upperdir must be specified if used");
	if (o->idmap && o->idmap_fd < 0)
		return cfs_fail(err, EINVAL,
				"idmap: expected a descriptor of a user namespace");
	if (o->idmap && o->layer)
		return cfs_fail(err, EINVAL,
				"idmap: possible only if the kernel mounts the image");
	if (!o->digest)
		return 0;
	return cfs_digest_parse(cfs_text(o->digest), &digest, err);
}

/* Compares with the digest that the caller demands. The first words are those of the
 * existing tools, which scripts look for. */
static int check_stated_digest(const struct cfs_digest *found, const char *text,
			       struct cfs_err *err)
{
	char expected_hex[CFS_DIGEST_HEX_MAX], got_hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest expected;
	int rc = cfs_digest_parse(cfs_text(text), &expected, err);

	if (rc < 0)
		return rc;
	if (!cfs_digest_eq(&expected, found))
		return cfs_fail(err, EILSEQ,
				"Image has wrong fs-verity: expected %s, got %s",
				cfs_digest_hex(&expected, expected_hex),
				cfs_digest_hex(found, got_hex));
	return 0;
}

/* The chain of trust begins here. The kernel measures the descriptor that is mounted
 * later: a file that replaces the image in between does not count. */
static int check_image_trust(int fd, const struct cfs_mount_opts *o, struct cfs_err *err)
{
	struct cfs_digest found;
	int rc = cfs_verity_measure(fd, &found, err);

	if (rc == -ENOTTY)
		return cfs_fail(
			err, ENOTTY,
			"Image has no fs-verity: enable it (on ext4 with the verity "
			"feature, or on btrfs), or mount without a digest and a "
			"signature");
	if (rc == -EILSEQ)
		return cfs_context(err, rc, "Image has wrong fs-verity");
	if (rc == 0 && o->digest)
		rc = check_stated_digest(&found, o->digest, err);
	if (rc == 0 && o->require_signature && !o->check_signature)
		return cfs_fail(err, EINVAL,
				"a signature is required, but this program cannot verify "
				"signatures");
	if (rc == 0 && o->require_signature)
		rc = o->check_signature(o->check_signature_ctx, &found, err);
	return rc;
}

/* Reads from the header of the image what the mount options depend on, before the
 * kernel sees it. */
static int read_image_facts(int fd, struct cfs_mount_facts *out, struct cfs_err *err)
{
	uint8_t raw[sizeof(struct cfs_header)];
	ssize_t n = cfs_io_pread(fd, raw, sizeof(raw), 0, err);
	uint32_t flags;

	if (n < 0)
		return cfs_context(err, (int)n, "image header");
	if (n < (ssize_t)sizeof(raw) ||
	    cfs_le32(raw + offsetof(struct cfs_header, magic)) != CFS_HEADER_MAGIC)
		return cfs_fail(err, EINVAL, "not a composefs image");
	flags = cfs_le32(raw + offsetof(struct cfs_header, flags));
	out->has_acl = flags & CFS_HEADER_HAS_ACL;
	return 0;
}

uint64_t cfs_prefetch_compute_max(struct cfs_text meminfo)
{
	static const struct cfs_text name = CFS_TEXT("MemAvailable:");
	const char *line = memmem(meminfo.s, meminfo.len, name.s, name.len);
	const char *end = meminfo.s + meminfo.len, *c = line ? line + name.len : end;
	uint64_t kib = 0;

	while (c < end && *c == ' ')
		c++;
	for (; c < end && *c >= '0' && *c <= '9' && kib < PREFETCH_MAX; c++)
		kib = kib * 10 + (uint64_t)(*c - '0');
	return kib / 8 < PREFETCH_MAX / 1024 ? kib / 8 * 1024 : PREFETCH_MAX;
}

/* Bytes to read ahead. A large image, or any image when memory is short, would evict
 * other data from the page cache. */
static uint64_t prefetch_len(int fd)
{
	cfs_autofd int meminfo = -1;
	char text[256]; /* MemAvailable is the third line */
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || st.st_size < 0 || st.st_size > PREFETCH_MAX)
		return 0;
	meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	n = meminfo < 0 ? 0 : read(meminfo, text, sizeof(text));
	if (n <= 0 || (uint64_t)st.st_size > cfs_prefetch_compute_max(
						     (struct cfs_text){text, (size_t)n}))
		return 0;
	return (uint64_t)st.st_size;
}

/* Checks that an optional directory can be opened. Otherwise some kernels report only
 * "Invalid argument". */
static int check_mount_dir(const char *what, const char *path, struct cfs_err *err)
{
	cfs_autofd int dir = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (path && dir < 0)
		return cfs_fail_errno(err, "%s %s", what, path);
	return 0;
}

static int check_dirs(const struct cfs_mount_opts *o, struct cfs_err *err)
{
	int rc = check_mount_dir("upperdir", o->upperdir, err);

	if (rc == 0)
		rc = check_mount_dir("workdir", o->workdir, err);
	return rc;
}

/* With verity=require and objects without fs-verity the mount succeeds, but no file can
 * be opened. Fail here instead, with the reason. */
static int check_verity(const struct cfs_mount_opts *o, struct cfs_mount_facts *out,
			struct cfs_err *err)
{
	int rc;

	for (size_t i = 0; i < o->n_objdirs && !out->objects_verity; i++) {
		cfs_autofd int dir =
			openat(o->objdir_fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0)
			return cfs_fail_errno(err, "object directory %s", o->objdirs[i]);
		rc = cfs_verity_is_supported(dir, err);
		if (rc < 0)
			return cfs_context(err, rc, "object directory %s", o->objdirs[i]);
		out->objects_verity = rc == 1;
	}
	if (out->objects_verity || !cfs_mount_requires_verity(o))
		return 0;
	return cfs_fail(
		err, ENOTTY,
		"object directory %s: its filesystem has no fs-verity, so no file could "
		"be opened: move the objects to ext4 with the verity feature or to "
		"btrfs, or mount without digest and verity",
		o->objdirs[0]);
}

int cfs_mount_inspect(int fd, struct cfs_mount_opts *o, struct cfs_mount_dirs *dirs,
		      struct cfs_mount_facts *out, struct cfs_err *err)
{
	int rc = 0;

	*out = (struct cfs_mount_facts){0};
	*dirs = (struct cfs_mount_dirs){0};
	if (cfs_mount_is_verified(o))
		rc = check_image_trust(fd, o, err);
	if (rc == 0)
		rc = read_image_facts(fd, out, err);
	if (rc == 0)
		rc = cfs_mount_dirs_open(dirs, o, err);
	if (rc == 0)
		rc = check_dirs(o, err);
	if (rc == 0 &&
	    (cfs_mount_requires_verity(o) || o->verity != CFS_MOUNT_VERITY_NONE))
		rc = check_verity(o, out, err);
	if (rc == 0)
		out->prefetch_len =
			o->prefetch == CFS_MOUNT_PREFETCH_OFF ? 0 : prefetch_len(fd);
	return rc;
}
