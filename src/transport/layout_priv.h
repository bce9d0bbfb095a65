/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What reading and writing of OCI image layouts share. */
#ifndef CFS_TRANSPORT_LAYOUT_PRIV_H
#define CFS_TRANSPORT_LAYOUT_PRIV_H

#include "oci/oci.h"

/* "blobs/ALGORITHM/HEX" and a NUL; returns out. */
enum { LAYOUT_PATH_MAX = CFS_OCI_DIGEST_TEXT_MAX + 8 };
char *layout_format_path(const struct cfs_oci_digest *d, char out[LAYOUT_PATH_MAX]);

#define LAYOUT_MARKER "{\"imageLayoutVersion\": \"1.0.0\"}"

/* Checks the text of the file oci-layout: {"imageLayoutVersion": "1.0.0"}. */
enum { LAYOUT_MARKER_MAX = 4096 };
int layout_check_marker(struct cfs_text marker, struct cfs_err *err) CFS_MUST_CHECK;

#endif
