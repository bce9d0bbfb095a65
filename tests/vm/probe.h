/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* probe: what the cases in the machine ask of the kernel.
 * Owns:  the questions, and the words of the answers.
 * Uses:  base, verity.
 * Never: judges an answer: the cases do.
 */
#ifndef CFS_TESTS_PROBE_H
#define CFS_TESTS_PROBE_H

#include "verity/verity.h"

/* DIRECTORY ALGORITHM LOG2: for files of sizes around 0, blocks, the first size with one more level
 * of hashes, and each power of two up to 2^LOG2: the digest that we compute, and the one that the
 * kernel measures. "N sizes" (14 + 3 LOG2), or which differ. */
const char *probe_ladder(char **arg);

/* DEVICE FILE: inverts one byte in each block of the device that equals the first of FILE: the
 * one that is in use, and those that were. "yes" when there was any. */
const char *probe_flip(char **arg);

/* FILE: a certificate in DER, for the keyring of fs-verity. */
const char *probe_key(char **arg);
const char *probe_close_keys(char **arg);

#endif
