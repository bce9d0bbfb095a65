/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sources of container images by their names, and how layers are merged. */
#include <errno.h>
#include <string.h>

#include "composefs/oci/oci.h"

const struct cli_choice oci_whiteouts_choices[] = {
	{"spec", OCI_WHITEOUTS_SPEC}, {"in-order", OCI_WHITEOUTS_IN_ORDER}, {0}};

struct cfs_containers_merge oci_merge_opts(const struct oci_merge *m,
					   const struct cfs_watch *watch)
{
	return (struct cfs_containers_merge){
		.keep_user_xattrs = m->keep_user,
		.bootable = m->bootable,
		.in_order = m->whiteouts == OCI_WHITEOUTS_IN_ORDER,
		.strict_parents = m->strict_parents,
		.watch = watch,
	};
}

int oci_open_source(const char *source, const struct cfs_registry_access *access,
		    const struct cfs_watch *watch, struct cfs_transport *out,
		    struct cfs_err *err)
{
	static const char layout[] = "oci:";
	int rc;

	if (strncmp(source, layout, strlen(layout)) == 0)
		rc = cfs_transport_open_layout(source + strlen(layout), watch, out, err);
	else
		rc = cfs_transport_open_registry(source, access, watch, out, err);
	return cfs_context(err, rc, "%s", source);
}
