/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without repositories. */
#include "composefs/composefs.h"

const struct command boot_commands[] = {{0}};
