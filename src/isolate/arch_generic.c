/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The architecture that the filter expects: one whose system calls nobody has looked at. */
#include "isolate/isolate_priv.h"

const uint32_t isolate_audit_arch = 0;
