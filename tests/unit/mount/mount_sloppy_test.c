/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: the unknown options that -s ignores. */
#include "mount/mount.h"

#include "t.h"

#define ZEROS_32 "00000000000000000000000000000000"

static const char *const stricter_options[] = {
	"digset=00",
	"Digest=00",
	"digests=00",
	"disgest",
	"dgst=00",
	"vertiy",
	"veritty",
	"fsverity",
	"fs-verity=on",
	"VERITY",
	"require_verity",
	"verity-digest=x",
	"singed",
	"sigend",
	"signd",
	"signature-file=x",
	"trustd=/k",
	"trust=/k",
	"statment=/s",
	"flor=/f",
	"floors=/f",
	"nam=os",
	"nmae=os",
	"sha256=x",
	"nosudi",
	"no-suid",
	"nodve",
	"noexce",
	"no_sym_follow",
	"di\\gest=00",
	"image=" ZEROS_32,
	"x=sha256:" ZEROS_32,
	"a-name-that-is-longer-than-any-option-of-a-file-system-should-ever-be",
};

static const char *const harmless_options[] = {
	"fancy=3", "new",      "zap",	    "usrquota", "data=ordered", "vers=4",
	"intr",	   "compress", "subvol=/a", "inode64",	"size=1g",	"uid=0",
	"",	   "nolock",   "discard",   "volatile",
};

T(mount_parse_sloppy_ignores_no_option_that_could_make_the_mount_stricter)
{
	for (size_t i = 0; i < sizeof(stricter_options) / sizeof(stricter_options[0]);
	     i++) {
		struct cfs_mount_args args = {.sloppy = true};
		struct cfs_err err = {""};

		t_eq(cfs_mount_parse(&args, stricter_options[i], &err), -EINVAL);
		t_has(err.msg, "it looks like one that makes the mount stricter");
		cfs_mount_args_fini(&args);
	}
	for (size_t i = 0; i < sizeof(harmless_options) / sizeof(harmless_options[0]);
	     i++) {
		struct cfs_mount_args args = {.sloppy = true};

		t_eq(cfs_mount_parse(&args, harmless_options[i], NULL), 0);
		cfs_mount_args_fini(&args);
	}
}
