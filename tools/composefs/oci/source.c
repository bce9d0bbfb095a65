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

typedef int (*open_fn)(const char *spec, const struct cfs_watch *watch,
		       struct cfs_transport *out, struct cfs_err *err);

/* Other names of this form, which skopeo has, are no references: "dir:x" would be one. */
static const struct {
	const char *prefix;
	open_fn open; /* NULL: not supported */
} transports[] = {
	{"oci:", cfs_transport_open_layout},
	{"oci-archive:", cfs_transport_open_oci_archive},
	{"docker-archive:", cfs_transport_open_docker_archive},
	{"containers-storage:", NULL},
	{"docker-daemon:", NULL},
	{"dir:", NULL},
	{"ostree:", NULL},
	{"sif:", NULL},
};

int oci_open_source(const char *source, const struct cfs_registry_access *access,
		    const struct cfs_watch *watch, struct cfs_transport *out,
		    struct cfs_err *err)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		size_t len = strlen(transports[i].prefix);

		if (strncmp(source, transports[i].prefix, len) != 0)
			continue;
		if (!transports[i].open)
			return cfs_fail(
				err, ENOTSUP,
				"%s: sources %s are not supported; copy the image with "
				"skopeo to oci:DIR:TAG first",
				source, transports[i].prefix);
		return cfs_context(err, transports[i].open(source + len, watch, out, err),
				   "%s", source);
	}
	if (strstr(source, "://") && strncmp(source, "docker://", 9) != 0)
		return cfs_fail(err, EINVAL,
				"%s: expected HOST/NAME[:TAG], oci:DIR[:TAG] or an "
				"archive, got a URL",
				source);
	return cfs_context(err,
			   cfs_transport_open_registry(source, access, watch, out, err),
			   "%s", source);
}

int oci_open_destination(const char *destination,
			 const struct cfs_registry_access *access,
			 const struct cfs_watch *watch, struct cfs_destination *out,
			 struct cfs_err *err)
{
	static const char layout[] = "oci:";
	int rc;

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (strcmp(transports[i].prefix, layout) != 0 &&
		    strncmp(destination, transports[i].prefix,
			    strlen(transports[i].prefix)) == 0)
			return cfs_fail(err, ENOTSUP,
					"%s: destinations %s are not supported; push to "
					"oci:DIR:TAG and copy the image with skopeo",
					destination, transports[i].prefix);
	if (strncmp(destination, layout, strlen(layout)) == 0)
		rc = cfs_destination_open_layout(destination + strlen(layout), watch, out,
						 err);
	else
		rc = cfs_destination_open_registry(destination, access, watch, out, err);
	return cfs_context(err, rc, "%s", destination);
}
