/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sources of container images by their names, and how layers are merged. */
#include <errno.h>
#include <string.h>

#include "composefs/oci/oci.h"

const struct cli_choice oci_whiteouts_choices[] = {
	{"spec", OCI_WHITEOUTS_SPEC}, {"in-order", OCI_WHITEOUTS_IN_ORDER}, {0}};

const struct cli_choice oci_root_choices[] = {
	{"usr", OCI_ROOT_USR}, {"own", OCI_ROOT_OWN}, {0}};

struct cfs_containers_merge oci_get_merge_opts(const struct oci_merge *m,
					       const struct cfs_watch *watch)
{
	return (struct cfs_containers_merge){
		.keep_user_xattrs = m->keep_user,
		.bootable = m->bootable,
		.in_order = m->whiteouts == OCI_WHITEOUTS_IN_ORDER,
		.strict_parents = m->strict_parents,
		.own_root = m->root == OCI_ROOT_OWN,
		.watch = watch,
	};
}

typedef int (*open_fn)(const char *spec, const struct cfs_watch *watch,
		       struct cfs_transport *out, struct cfs_err *err);
typedef int (*put_fn)(const char *spec, const struct cfs_watch *watch,
		      struct cfs_destination *out, struct cfs_err *err);

/* Other names of this form, which skopeo has, are no references: "dir:x" would be one. */
static const struct place_kind {
	const char *prefix;
	open_fn open; /* NULL: not supported */
	put_fn put;
} places[] = {
	{"oci:", cfs_transport_open_layout, cfs_destination_open_layout},
	{"oci-archive:", cfs_transport_open_oci_archive,
	 cfs_destination_open_oci_archive},
	{"docker-archive:", cfs_transport_open_docker_archive,
	 cfs_destination_open_docker_archive},
	{"containers-storage:", cfs_transport_open_containers_storage, NULL},
	{"docker-daemon:", NULL, NULL},
	{"dir:", NULL, NULL},
	{"ostree:", NULL, NULL},
	{"sif:", NULL, NULL},
};

/* NULL: a reference. *spec: what follows the prefix. */
static const struct place_kind *find_kind(const char *name, const char **spec)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len = strlen(places[i].prefix);

		*spec = name + len;
		if (strncmp(name, places[i].prefix, len) == 0)
			return &places[i];
	}
	return NULL;
}

bool oci_is_local(const char *name)
{
	const char *spec;

	return find_kind(name, &spec) != NULL;
}

int oci_open_source(const char *source, const struct cfs_registry_access *access,
		    const struct cfs_watch *watch, struct cfs_transport *out,
		    struct cfs_err *err)
{
	const char *spec;
	const struct place_kind *kind = find_kind(source, &spec);
	int rc;

	if (kind && !kind->open)
		return cfs_fail(err, ENOTSUP,
				"%s: sources %s are not supported; copy the image with "
				"skopeo to oci:DIR:TAG first",
				source, kind->prefix);
	if (!kind && strstr(source, "://") && strncmp(source, "docker://", 9) != 0)
		return cfs_fail(err, EINVAL,
				"%s: expected HOST/NAME[:TAG], oci:DIR[:TAG] or an "
				"archive, got a URL",
				source);
	rc = kind ? kind->open(spec, watch, out, err)
		  : cfs_transport_open_registry(source, access, watch, out, err);
	if (rc < 0 && !kind && (*source == '.' || *source == '/'))
		cli_add_advice(rc, err,
			       "oci:DIR[:TAG] and oci-archive:FILE[:TAG] name local "
			       "images");
	return cfs_context(err, rc, "%s", source);
}

int oci_open_destination(const char *destination,
			 const struct cfs_registry_access *access,
			 const struct cfs_watch *watch, struct cfs_destination *out,
			 struct cfs_err *err)
{
	const char *spec;
	const struct place_kind *kind = find_kind(destination, &spec);
	int rc;

	if (kind && !kind->put)
		return cfs_fail(err, ENOTSUP,
				"%s: destinations %s are not supported; push to "
				"oci:DIR:TAG and copy the image with skopeo",
				destination, kind->prefix);
	rc = kind ? kind->put(spec, watch, out, err)
		  : cfs_destination_open_registry(destination, access, watch, out, err);
	return cfs_context(err, rc, "%s", destination);
}
