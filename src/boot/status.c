/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Error codes -> exit statuses. */
#include "boot/status.h"

#include <errno.h>
#include <stddef.h>

enum cfs_boot_status cfs_boot_translate_mount_error(int rc)
{
	static const struct {
		int errnum;
		enum cfs_boot_status status;
	} codes[] = {
		{ENOTTY, CFS_BOOT_UNVERIFIED},	     /* no fs-verity */
		{EILSEQ, CFS_BOOT_UNVERIFIED},	     /* another digest */
		{ENODATA, CFS_BOOT_UNVERIFIED},	     /* no signature */
		{EBADMSG, CFS_BOOT_UNVERIFIED},	     /* a wrong signature */
		{ENOKEY, CFS_BOOT_UNVERIFIED},	     /* no trusted key */
		{EKEYREVOKED, CFS_BOOT_UNVERIFIED},  /* a revoked key */
		{EKEYREJECTED, CFS_BOOT_UNVERIFIED}, /* an untrusted key */
		{ENODEV, CFS_BOOT_NO_KERNEL},	     /* no erofs, no overlay */
		{ENOSYS, CFS_BOOT_NO_KERNEL},	     /* no mount API of Linux 5.2 */
		{ENOMEM, CFS_BOOT_FAILED},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (rc == -codes[i].errnum)
			return codes[i].status;
	}
	return CFS_BOOT_NO_MOUNT;
}
