/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* oci: the documents of the OCI image and distribution specifications.
 * Owns:  content digests, descriptors, manifests, indexes, image configurations, the choice
 *        of a platform, references such as "registry.example/debian:bookworm".
 * Uses:  base, hash; jansson.
 * Never: opens files, talks to registries, writes JSON again: the bytes of a document decide
 *        its digest, so they are kept as they came. Only write.h and annotate.h make new ones.
 *
 * All documents are untrusted. Sizes are bounded by the caller before it reads them and
 * here once more; duplicate keys, wrong types and documents that are both a manifest and an
 * index are refused with -EINVAL and the place in the document.
 * Source: OCI image specification 1.1, distribution specification 1.1.
 */
#ifndef CFS_OCI_H
#define CFS_OCI_H

#include "oci/annotate.h"
#include "oci/config.h"
#include "oci/digest.h"
#include "oci/index.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/write.h"

#endif
