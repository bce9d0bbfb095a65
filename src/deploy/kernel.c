/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What an image boots with: kernel and initrd in the image, or a UKI. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bls/bls.h"
#include "boot/args.h"
#include "deploy/deploy_priv.h"
#include "pe/pe.h"

enum { RELEASE_MAX = 1 << 20, PATH_LEN_MAX = 512 };

/* --- files of the image --------------------------------------------------------------- */

static int copy_content(const struct cfs_inode *inode, struct deploy_blob *out,
			struct cfs_err *err)
{
	struct cfs_span span;

	out->copy = malloc(CFS_CONTENT_MAX);
	if (!out->copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	span = cfs_inode_read_content(inode, out->copy);
	out->span = span;
	return 0;
}

static int map_external(const struct cfs_repo *repo, const struct cfs_image *im,
			const struct cfs_inode *inode, struct deploy_blob *out,
			struct cfs_err *err)
{
	struct cfs_digest id;
	int rc = cfs_repo_find_inode_object(repo, im, inode, &id, err);

	if (rc == 0)
		rc = cfs_repo_map_object(repo, &id, &out->map, err);
	if (rc == 0)
		out->span = out->map.span;
	return rc;
}

/* -ENOENT without a message: no such file. */
static int read_file(const struct cfs_repo *repo, const struct cfs_image *im,
		     const char *path, struct deploy_blob *out, struct cfs_err *err)
{
	struct cfs_inode inode;
	int rc = cfs_image_resolve(im, cfs_text(path), CFS_RESOLVE_LAST, &inode, NULL,
				   err);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return -ENOENT;
	if (rc == 0 && !S_ISREG(inode.mode))
		rc = cfs_fail(err, EINVAL, "expected a regular file, got %s",
			      cfs_input_get_type_name(inode.mode));
	if (rc == 0)
		rc = inode.external ? map_external(repo, im, &inode, out, err)
				    : copy_content(&inode, out, err);
	/* An object that is missing is not a file that is missing. */
	return cfs_context(err, rc == -ENOENT ? -ENODATA : rc, "%s", path);
}

static void release_blob(struct deploy_blob *blob)
{
	if (blob->map.span.p)
		cfs_map_close(&blob->map);
	free(blob->copy);
	*blob = (struct deploy_blob){0};
}

void deploy_kernel_fini(struct deploy_kernel *kernel)
{
	release_blob(&kernel->files[0]);
	release_blob(&kernel->files[1]);
	free(kernel->title);
	free(kernel->version);
	*kernel = (struct deploy_kernel){0};
}

/* --- the kernel ----------------------------------------------------------------------- */

/* Where a version of the kernel may be: before and after the version. */
struct place {
	const char *before, *after;
};

static const struct place kernel_places[] = {
	{"usr/lib/modules/", "/vmlinuz"}, /* ostree, bootc, Fedora */
	{"boot/vmlinuz-", ""}, /* Debian; an image for cfsctl has an empty /boot */
	{0},
};

static const struct place initrd_places[] = {
	{"usr/lib/modules/", "/initramfs.img"},
	{"usr/lib/modules/", "/initrd"},
	{"usr/lib/modules/", "/initrd.img"},
	{"boot/initrd.img-", ""},
	{"boot/initramfs-", ".img"},
	{0},
};

/* Whether a version of /usr/lib/modules has a kernel: 1 or 0. */
static int has_kernel(const struct cfs_image *im, struct cfs_text version,
		      struct cfs_err *err)
{
	int rc = -ENOENT;

	for (const struct place *p = kernel_places;
	     p->before && (rc == -ENOENT || rc == -ENOTDIR); p++) {
		char path[PATH_LEN_MAX];
		struct cfs_inode inode;

		snprintf(path, sizeof(path), "%s%.*s%s", p->before, (int)version.len,
			 version.s, p->after);
		rc = cfs_image_resolve(im, cfs_text(path), CFS_RESOLVE_LAST, &inode, NULL,
				       err);
	}
	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc < 0 ? rc : 1;
}

/* The only directory with a kernel. */
static int find_version(const struct cfs_image *im, char out[CFS_BOOT_PATH_MAX],
			struct cfs_err *err)
{
	struct cfs_inode modules;
	struct cfs_dirent e;
	struct cfs_dir dir;
	int rc = cfs_image_resolve(im, CFS_TEXT("usr/lib/modules"), CFS_RESOLVE_LAST,
				   &modules, NULL, err);

	*out = '\0';
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc == 0)
		rc = cfs_dir_open(im, &modules, &dir, err);
	while (rc == 0 && (rc = cfs_dir_next(&dir, &e, err)) > 0) {
		rc = has_kernel(im, e.name, err);
		if (rc <= 0)
			continue;
		if (*out)
			return cfs_fail(
				err, ENOTUNIQ,
				"/usr/lib/modules has several kernels, among them "
				"%s and %.*s: choose one with --kernel",
				out, (int)e.name.len, e.name.s);
		snprintf(out, CFS_BOOT_PATH_MAX, "%.*s", (int)e.name.len, e.name.s);
		rc = 0;
	}
	return rc;
}

/* Reads the first file that exists. -ENOENT without a message: none does. */
static int read_first(const struct cfs_repo *repo, const struct cfs_image *im,
		      const struct place *places, const char *version,
		      struct deploy_blob *out, struct cfs_err *err)
{
	int rc = -ENOENT;

	for (const struct place *p = places; p->before && rc == -ENOENT; p++) {
		char path[PATH_LEN_MAX];

		snprintf(path, sizeof(path), "%s%s%s", p->before, version, p->after);
		rc = read_file(repo, im, path, out, err);
	}
	return rc;
}

/* Reads the kernel and the initrd of one version, which is found in the image if kver is
 * NULL. Both must be of the same version: the initrd holds modules of the kernel.
 * -ENODATA: one of them is missing. */
static int read_pair(const struct cfs_repo *repo, const struct cfs_image *im,
		     const char *kver, struct deploy_kernel *out, struct cfs_err *err)
{
	char found[CFS_BOOT_PATH_MAX];
	int rc = 0;

	if (!kver) {
		rc = find_version(im, found, err);
		kver = found;
	}
	if (rc == 0)
		rc = *kver ? read_first(repo, im, kernel_places, kver, &out->files[0],
					err)
			   : -ENOENT;
	if (rc == -ENOENT)
		return cfs_fail(err, ENODATA,
				"expected a kernel /usr/lib/modules/%s/vmlinuz in the "
				"image, or a UKI that --uki names",
				*kver ? kver : "VERSION");
	if (rc == 0)
		rc = read_first(repo, im, initrd_places, kver, &out->files[1], err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENODATA,
				"/usr/lib/modules/%s: expected initramfs.img, got none",
				kver);
	return rc;
}

/* --- a UKI ---------------------------------------------------------------------------- */

int deploy_find_cmdline(struct cfs_span uki, struct cfs_text *out, struct cfs_err *err)
{
	struct cfs_span section = {0};
	struct cfs_pe pe;
	int rc = cfs_pe_open(uki, &pe, err);

	if (rc == 0)
		rc = cfs_pe_find(&pe, CFS_TEXT(".cmdline"), &section, err);
	if (rc < 0)
		return rc;
	*out = cfs_span_text(section);
	while (out->len && (out->s[out->len - 1] == '\0' || out->s[out->len - 1] == '\n'))
		out->len--;
	return 0;
}

/* The kernel arguments inside a UKI name the image that it boots. One of another image
 * would start that image, and nothing would say so. */
static int check_cmdline(struct cfs_span uki, const struct cfs_digest *image,
			 struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_args *args = calloc(1, sizeof(*args));
	struct cfs_text cmdline;
	int rc = args ? deploy_find_cmdline(uki, &cmdline, err)
		      : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0)
		rc = cfs_boot_args_parse(cmdline, args, err);
	for (size_t i = 0; rc == 0 && i < args->n_images; i++)
		if (cfs_digest_eq(&args->images[i].digest, image))
			return 0;
	if (rc == 0)
		rc = cfs_fail(err, EILSEQ,
			      "expected a UKI that boots this image, got one that boots "
			      "another or none");
	return rc;
}

static int read_uki(const char *path, const struct cfs_digest *image,
		    struct deploy_blob *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, 0, err);
	int rc = fd < 0 ? fd : cfs_map_stable(fd, &out->map, err);

	out->span = out->map.span;
	if (rc == 0)
		rc = check_cmdline(out->span, image, err);
	return cfs_context(err, rc, "%s", path);
}

/* --- all of it ------------------------------------------------------------------------ */

/* The initrd mounts something at both. */
int deploy_check_directories(const struct cfs_image *im, struct cfs_err *err)
{
	static const char *const names[] = {"etc", "var"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cfs_inode inode;
		int rc = cfs_image_lookup(im, cfs_text(names[i]), &inode, err);

		if (rc == -ENOENT || (rc == 0 && !S_ISDIR(inode.mode)))
			return cfs_fail(
				err, ENODATA,
				"expected a directory /%s, got none: it cannot be "
				"the root of a system",
				names[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Names the kernel files by their content, so that deployments with the same files
 * share them. */
static void compute_key(struct deploy_kernel *kernel)
{
	struct cfs_digest key = {.alg = CFS_SHA256};
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_hash hash;

	cfs_hash_init(&hash, CFS_SHA256);
	for (size_t i = 0; i < 2; i++)
		if (kernel->files[i].span.len)
			cfs_hash_update(&hash, kernel->files[i].span.p,
					kernel->files[i].span.len);
	cfs_hash_final(&hash, key.bytes);
	snprintf(kernel->key, sizeof(kernel->key), "%.64s", cfs_digest_hex(&key, hex));
}

static int copy_release(struct cfs_text release, struct cfs_text key, char **out,
			struct cfs_err *err)
{
	struct cfs_text value;

	if (*out || !cfs_bls_find_release(release, key, &value) || !value.len)
		return 0;
	*out = strndup(value.s, value.len);
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Title and version of the entry come from os-release of the image; without it the
 * entry has none. */
static int read_release(const struct cfs_repo *repo, const struct cfs_image *im,
			struct deploy_kernel *out, struct cfs_err *err)
{
	struct deploy_blob blob = {0};
	struct cfs_text text;
	int rc = read_file(repo, im, "usr/lib/os-release", &blob, err);

	if (rc == -ENOENT)
		return 0;
	text = cfs_span_text(blob.span);
	if (rc == 0 && text.len > RELEASE_MAX)
		rc = cfs_fail(err, EFBIG, "usr/lib/os-release: expected at most %d bytes",
			      RELEASE_MAX);
	if (rc == 0)
		rc = copy_release(text, CFS_TEXT("PRETTY_NAME"), &out->title, err);
	if (rc == 0)
		rc = copy_release(text, CFS_TEXT("IMAGE_VERSION"), &out->version, err);
	if (rc == 0)
		rc = copy_release(text, CFS_TEXT("VERSION_ID"), &out->version, err);
	release_blob(&blob);
	return rc;
}

int deploy_read_kernel(const struct cfs_repo *repo, const struct cfs_image *im,
		       const struct cfs_digest *id, const struct cfs_install *opts,
		       struct deploy_kernel *out, struct cfs_err *err)
{
	int rc = opts->uki ? read_uki(opts->uki, id, &out->files[0], err)
			   : read_pair(repo, im, opts->kver, out, err);

	out->is_uki = opts->uki != NULL;
	if (rc == 0)
		rc = read_release(repo, im, out, err);
	if (rc == 0)
		compute_key(out);
	return rc;
}
