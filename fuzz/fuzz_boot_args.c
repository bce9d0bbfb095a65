/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kernel command lines: what is parsed is within its bounds, and parsed again it is the same. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "boot/args.h"

static void hold_path(const char *path)
{
	fuzz_hold(strlen(path) < CFS_BOOT_PATH_MAX && *path != '/');
	fuzz_hold(!cfs_path_leaves(cfs_text(path)));
}

/* The images as text again. */
static void write_images(const struct cfs_boot_args *args, char *to)
{
	char hex[CFS_DIGEST_HEX_MAX];

	*to = 0;
	for (size_t i = 0; i < args->n_images; i++)
		to += sprintf(to, "composefs=%s%s ", args->images[i].insecure ? "?" : "",
			      cfs_digest_hex(&args->images[i].digest, hex));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_boot_args args, again;
	char text[CFS_BOOT_IMAGES_MAX * (CFS_DIGEST_HEX_MAX + 16)];
	struct cfs_err err = {""};
	int rc = cfs_boot_args_parse((struct cfs_text){(const char *)data, len}, &args,
				     &err);

	if (rc < 0) {
		fuzz_hold((rc == -EINVAL || rc == -E2BIG) && err.msg[0]);
		return 0;
	}
	fuzz_hold(args.n_images <= CFS_BOOT_IMAGES_MAX);
	hold_path(args.state);
	hold_path(args.ostree);
	write_images(&args, text);
	fuzz_hold(cfs_boot_args_parse(cfs_text(text), &again, &err) == 0);
	fuzz_hold(again.n_images == args.n_images);
	for (size_t i = 0; i < args.n_images; i++) {
		fuzz_hold(cfs_digest_eq(&args.images[i].digest, &again.images[i].digest));
		fuzz_hold(args.images[i].insecure == again.images[i].insecure);
	}
	return 0;
}
