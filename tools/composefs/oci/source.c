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

int oci_open_source(const char *source, const struct cfs_watch *watch,
		    struct cfs_transport *out, const char **tag, struct cfs_err *err)
{
	static const struct {
		const char *prefix;
		int (*open)(const char *spec, const struct cfs_watch *watch,
			    struct cfs_transport *out, struct cfs_err *err);
	} known[] = {
		{"oci:", cfs_transport_open_layout},
	};

	*out = (struct cfs_transport){0};
	if (tag)
		*tag = source;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].prefix);

		if (strncmp(source, known[i].prefix, len) == 0)
			return cfs_context(err,
					   known[i].open(source + len, watch, out, err),
					   "%s", source);
	}
	return cfs_fail(err, EINVAL, "%s: expected oci:DIR[:TAG]", source);
}
