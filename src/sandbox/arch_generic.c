/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The architecture that the filter expects: one whose system calls nobody has looked at. */
#include "sandbox/sandbox_priv.h"

const uint32_t sandbox_audit_arch = 0;
