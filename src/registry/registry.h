/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registry: parsing of what registries send, and of files with credentials.
 * Owns:  challenges, tokens, errors, credentials, links; addresses of registries; registries.conf; the protocol with the helper.
 * Uses:  base, oci, toml; jansson.
 * Never: speaks HTTP, opens files. The helper composefs-registry does, which has libcurl.
 *
 * All texts are untrusted. Lengths are bounded before they are parsed.
 * Source: OCI distribution specification 1.1; docker's token authentication specification.
 */
#ifndef CFS_REGISTRY_H
#define CFS_REGISTRY_H

#include "registry/auth.h"
#include "registry/challenge.h"
#include "registry/link.h"
#include "registry/message.h"
#include "registry/registries.h"

#endif
