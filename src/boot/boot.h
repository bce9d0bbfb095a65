/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot: makes the root filesystem of a system from an image, in the initrd.
 * Owns:  kernel arguments (args.h), the configuration (config.h, config_files.h), the
 *        choice of the image (choice.h), the steps (plan.h), their execution (prepare.h),
 *        the exit statuses (status.h).
 * Uses:  base, hash, verity (digests), mount, trust.
 * Never: prints, reads configuration from the state disk.
 *
 * The state disk is not trusted. The expected digest comes from the kernel arguments, or
 * the image is signed by a key that is in the initrd.
 */
#ifndef CFS_BOOT_H
#define CFS_BOOT_H

#include "boot/args.h"
#include "boot/choice.h"
#include "boot/config.h"
#include "boot/config_files.h"
#include "boot/plan.h"
#include "boot/prepare.h"
#include "boot/status.h"

#endif
