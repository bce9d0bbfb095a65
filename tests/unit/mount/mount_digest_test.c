/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: the verification of an image, with a kernel that measures what the test sets: not every machine has
 * fs-verity. The functions ioctl and fstatfs here replace those of libc. */
#include "mount/mount.h"

#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "t.h"

static const uint8_t header[32] = {0x9a, 0x62, 0x78, 0xd0, 1};
static const char *const objdirs[] = {"/"};

/* How the kernel answers for the image, and for a directory. */
static struct {
	int image_errno;
	struct cfs_digest image;
	int dir_errno;
	int n_measured;
	long type; /* of the filesystem */
} kernel;

int fstatfs(int fd, struct statfs *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->f_type = kernel.type;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct fsverity_digest *d;
	struct stat st;
	va_list ap;

	va_start(ap, request);
	d = va_arg(ap, struct fsverity_digest *);
	va_end(ap);
	if (request != FS_IOC_MEASURE_VERITY || fstat(fd, &st) < 0)
		abort();
	kernel.n_measured++;
	errno = S_ISDIR(st.st_mode) ? kernel.dir_errno : kernel.image_errno;
	if (errno)
		return -1;
	d->digest_algorithm = (uint16_t)kernel.image.alg;
	d->digest_size = (uint16_t)cfs_hash_len(kernel.image.alg);
	memcpy(d->digest, kernel.image.bytes, d->digest_size);
	return 0;
}

/* An image with a digest of alg that begins with first, on a filesystem with fs-verity.
 */
static void kernel_says(enum cfs_hash_alg alg, uint8_t first)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.image.alg = alg;
	kernel.image.bytes[0] = first;
	kernel.dir_errno = ENODATA;
	kernel.type = EXT4_SUPER_MAGIC;
}

static int inspect_opts(const struct cfs_mount_opts *o, struct cfs_mount_facts *facts,
			struct cfs_err *err)
{
	char path[] = "/tmp/mount_digest_test.XXXXXX";
	struct cfs_mount_opts opened = *o;
	struct cfs_mount_dirs dirs;
	int fd = mkstemp(path), rc;

	t_ok(fd >= 0);
	unlink(path);
	t_eq(write(fd, header, sizeof(header)), sizeof(header));
	rc = cfs_mount_inspect(fd, &opened, &dirs, facts, err);
	cfs_mount_dirs_close(&dirs);
	close(fd);
	return rc;
}

static int inspect(const char *digest, struct cfs_mount_facts *facts, struct cfs_err *err)
{
	const struct cfs_mount_opts o = {objdirs, 1, .digest = digest};

	return inspect_opts(&o, facts, err);
}

#define ZEROS_31 "00000000000000000000000000000000000000000000000000000000000000"

T(mount_accepts_an_image_with_the_expected_digest)
{
	struct cfs_mount_facts facts;

	kernel_says(CFS_SHA256, 0x5a);
	t_eq(inspect("5a" ZEROS_31, &facts, NULL), 0);
	t_ok(facts.objects_verity);
	t_eq(inspect("5A" ZEROS_31, &facts, NULL), 0);
	kernel_says(CFS_SHA512, 0x5a);
	t_eq(inspect("5a" ZEROS_31 "00" ZEROS_31, &facts, NULL), 0);
}

T(mount_refuses_the_image_with_another_digest_and_names_both)
{
	struct cfs_mount_facts facts;
	struct cfs_err err;

	kernel_says(CFS_SHA256, 0x5a);
	t_eq(inspect("5b" ZEROS_31, &facts, &err), -EILSEQ);
	t_str(err.msg,
	      "Image has wrong fs-verity: expected 5b" ZEROS_31 ", got 5a" ZEROS_31);
	/* The same first half, by another algorithm. */
	kernel_says(CFS_SHA512, 0x5a);
	t_eq(inspect("5a" ZEROS_31, &facts, &err), -EILSEQ);
	kernel_says(3, 0x5a);
	t_eq(inspect("5a" ZEROS_31, &facts, &err), -EILSEQ);
	t_has(err.msg, "Image has wrong fs-verity: ");
}

/* A FUSE server, or another filesystem that forwards the ioctl, can answer anything. */
T(mount_measures_nothing_on_a_filesystem_whose_digests_the_kernel_does_not_verify)
{
	static const long others[] = {FUSE_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
				      NFS_SUPER_MAGIC, TMPFS_MAGIC, 0};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		kernel_says(CFS_SHA256, 0x5a);
		kernel.type = others[i];
		t_eq(inspect("5a" ZEROS_31, &facts, &err), -ENOTTY);
		t_has(err.msg, "Image has no fs-verity");
		t_eq(kernel.n_measured, 0);
	}
}

T(mount_trusts_the_kernel_on_each_filesystem_that_verifies)
{
	static const long verifying[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
					 F2FS_SUPER_MAGIC};
	struct cfs_mount_facts facts;

	for (size_t i = 0; i < sizeof(verifying) / sizeof(verifying[0]); i++) {
		kernel_says(CFS_SHA256, 0x5a);
		kernel.type = verifying[i];
		t_eq(inspect("5a" ZEROS_31, &facts, NULL), 0);
	}
}

T(mount_refuses_a_digest_that_differs_in_its_last_digit)
{
	struct cfs_mount_facts facts;

	kernel_says(CFS_SHA256, 0x5a);
	kernel.image.bytes[31] = 1;
	t_eq(inspect("5a" ZEROS_31, &facts, NULL), -EILSEQ);
	kernel_says(CFS_SHA512, 0x5a);
	kernel.image.bytes[63] = 1;
	t_eq(inspect("5a" ZEROS_31 "00" ZEROS_31, &facts, NULL), -EILSEQ);
}

T(mount_refuses_the_image_that_cannot_be_measured)
{
	static const int errnos[] = {ENODATA, EOPNOTSUPP, ENOTTY};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	for (size_t i = 0; i < 3; i++) {
		kernel_says(CFS_SHA256, 0);
		kernel.image_errno = errnos[i];
		t_eq(inspect("00" ZEROS_31, &facts, &err), -ENOTTY);
		t_has(err.msg, "Image has no fs-verity");
	}
	kernel.image_errno = EIO;
	t_eq(inspect("00" ZEROS_31, &facts, &err), -EIO);
}

T(mount_with_a_digest_requires_verifiable_objects)
{
	const struct cfs_mount_opts try = {objdirs, 1, .digest = "00" ZEROS_31,
					   .verity = CFS_MOUNT_VERITY_TRY};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	kernel_says(CFS_SHA256, 0);
	kernel.dir_errno = EOPNOTSUPP;
	t_eq(inspect("00" ZEROS_31, &facts, &err), -ENOTTY);
	t_has(err.msg, "object directory /: its filesystem has no fs-verity");
	t_eq(inspect_opts(&try, &facts, &err), -ENOTTY);
}

/* "The kernel could not tell" is not "there is no fs-verity": tryverity would mount without verification. */
T(mount_fails_if_it_cannot_find_out_whether_objects_can_be_verified)
{
	const struct cfs_mount_opts try = {objdirs, 1, .verity = CFS_MOUNT_VERITY_TRY};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	kernel_says(CFS_SHA256, 0);
	kernel.dir_errno = EIO;
	t_eq(inspect_opts(&try, &facts, &err), -EIO);
	t_has(err.msg, "object directory /: fs-verity measure: ");
	kernel.dir_errno = ENOTTY;
	t_eq(inspect_opts(&try, &facts, &err), 0);
	t_ok(!facts.objects_verity);
}

T(mount_without_verity_measures_nothing)
{
	struct cfs_mount_facts facts;

	kernel_says(CFS_SHA256, 0);
	t_eq(inspect(NULL, &facts, NULL), 0);
	t_eq(kernel.n_measured, 0);
	t_ok(!facts.objects_verity);
}

/* Accepts images whose digest begins with 5a, and stores the digest. */
static int check_signature(void *ctx, const struct cfs_digest *measured,
			   struct cfs_err *err)
{
	*(struct cfs_digest *)ctx = *measured;
	return measured->bytes[0] == 0x5a
		       ? 0
		       : cfs_fail(err, EBADMSG, "signed by an unknown key");
}

T(mount_verifies_the_signature_over_the_digest_that_the_kernel_measured)
{
	struct cfs_digest asked = {0};
	const struct cfs_mount_opts o = {objdirs, 1, .require_signature = true,
					 .check_signature = check_signature,
					 .check_signature_ctx = &asked};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	kernel_says(CFS_SHA512, 0x5a);
	t_eq(inspect_opts(&o, &facts, NULL), 0);
	t_ok(cfs_digest_eq(&asked, &kernel.image));
	t_ok(facts.objects_verity);
	kernel_says(CFS_SHA256, 0x5b);
	t_eq(inspect_opts(&o, &facts, &err), -EBADMSG);
	t_str(err.msg, "signed by an unknown key");
	kernel.image_errno = ENODATA;
	t_eq(inspect_opts(&o, &facts, &err), -ENOTTY);
	t_has(err.msg, "Image has no fs-verity");
}

T(mount_with_a_required_signature_that_is_not_checked_is_refused)
{
	const struct cfs_mount_opts o = {objdirs, 1, .require_signature = true};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	kernel_says(CFS_SHA256, 0x5a);
	t_eq(inspect_opts(&o, &facts, &err), -EINVAL);
	t_has(err.msg, "cannot verify signatures");
}

T(mount_with_a_signature_requires_the_digest_and_verifiable_objects)
{
	struct cfs_digest asked = {0};
	const struct cfs_mount_opts o = {objdirs,
					 1,
					 .digest = "5b" ZEROS_31,
					 .require_signature = true,
					 .check_signature = check_signature,
					 .check_signature_ctx = &asked};
	struct cfs_mount_opts signed_only = o;
	struct cfs_mount_facts facts;

	kernel_says(CFS_SHA256, 0x5a);
	t_eq(inspect_opts(&o, &facts, NULL), -EILSEQ);
	t_eq(asked.alg, 0);
	signed_only.digest = NULL;
	kernel.dir_errno = EOPNOTSUPP;
	t_eq(inspect_opts(&signed_only, &facts, NULL), -ENOTTY);
}
