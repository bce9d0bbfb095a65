/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The architecture that the filter expects: none; its system calls were not reviewed. */
#include "sandbox/sandbox_priv.h"

const uint32_t sandbox_audit_arch = 0;
