/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The empty table of a build without signatures. */
#include "composefs/composefs.h"

const struct command sig_commands[] = {{0}};
