/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: what mounting refuses before it needs a privilege, and in which order.
 * (Mounts that succeed: tests/root.) */
#include <fcntl.h>
#include <unistd.h>

#include "nodes.h"
#include "tmpdir.h"

static const char digest[] =
	"8f589e8f57ecb88823736b0d857ddca1e1068a23e264fad164b28f7038eb3682";

static const char *objdirs[] = {"/none"};

T(compat_mount_checks_the_options_first)
{
	struct lcfs_mount_options_s good = {.objdirs = objdirs, .n_objdirs = 1};
	struct lcfs_mount_options_s bad[7];

	for (size_t i = 0; i < 7; i++)
		bad[i] = good;
	bad[0].flags = 32;
	bad[1].n_objdirs = 0;
	bad[2].upperdir = "/none";
	bad[3].workdir = "/none";
	bad[4].expected_fsverity_digest = "";
	bad[5].expected_fsverity_digest = digest + 2;
	bad[6].flags = LCFS_MOUNT_FLAGS_IDMAP;
	bad[6].idmap_fd = -1;
	for (size_t i = 0; i < 7; i++) {
		t_errno(lcfs_mount_image("/none", "/none", &bad[i]), -1, EINVAL);
		t_errno(lcfs_mount_fd(-1, "/none", &bad[i]), -1, EINVAL);
	}
	/* Then the image: "no image here" is ENOENT. Bit 4 has no name and no meaning. */
	good.flags = 4;
	t_errno(lcfs_mount_image("/none", "/none", &good), -1, ENOENT);
	t_errno(lcfs_mount_fd(-1, "/none", &good), -1, EBADF);
}

T(compat_mount_compares_the_digest_before_it_looks_at_the_image)
{
	struct lcfs_mount_options_s options = {.objdirs = objdirs, .n_objdirs = 1};

	tmp_fresh();
	tmp_text("image", "is none");
	t_errno(lcfs_mount_image(tmp_in("image"), "/none", &options), -1, EINVAL);
	t_eq(mkfifo(tmp_in("fifo"), 0600), 0);
	t_errno(lcfs_mount_image(tmp_in("fifo"), "/none", &options), -1, ESPIPE);
	options.expected_fsverity_digest = digest;
	t_errno(lcfs_mount_image(tmp_in("image"), "/none", &options), -1, ENOVERITY);
}
