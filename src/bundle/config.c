/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* config.json as a whole. */
#include <errno.h>

#include "bundle/bundle_priv.h"

/* Parts of /proc and /sys that tell about the host, or change it. */
static const char *const masked[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/dev/block",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/fs/selinux",
	NULL,
};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};
static const char *const namespaces[] = {"pid", "ipc", "uts", "mount", "cgroup"};

int bundle_set(json_t *object, const char *key, json_t *value, struct cfs_err *err)
{
	if (json_object_set_new(object, key, value) == 0)
		return 0;
	return cfs_fail(err, ENOMEM, "out of memory");
}

int bundle_append(json_t *list, json_t *value, struct cfs_err *err)
{
	if (json_array_append_new(list, value) == 0)
		return 0;
	return cfs_fail(err, ENOMEM, "out of memory");
}

json_t *bundle_make_words(const char *const *words)
{
	json_t *list = json_array();

	for (; *words; words++)
		if (json_array_append_new(list, json_string(*words)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int add_config_root(const struct bundle *b, json_t *to, struct cfs_err *err)
{
	json_t *root = json_object();
	int rc = bundle_set(to, "root", root, err);

	if (rc == 0)
		rc = bundle_set(root, "path", json_string("rootfs"), err);
	return rc < 0 ? rc
		      : bundle_set(root, "readonly", json_boolean(!b->opts->writable),
				   err);
}

static int add_namespace(json_t *list, const char *type, struct cfs_err *err)
{
	json_t *entry = json_object();
	int rc = bundle_append(list, entry, err);

	return rc < 0 ? rc : bundle_set(entry, "type", json_string(type), err);
}

/* The namespaces and hidden paths that podman gives a container by default. */
static int add_linux(const struct bundle *b, json_t *to, struct cfs_err *err)
{
	json_t *members = json_object(), *list = json_array();
	int rc = bundle_set(to, "linux", members, err);

	if (rc == 0)
		rc = bundle_set(members, "namespaces", list, err);
	else
		json_decref(list);
	for (size_t i = 0; rc == 0 && i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		rc = add_namespace(list, namespaces[i], err);
	if (rc == 0 && !b->opts->host_network)
		rc = add_namespace(list, "network", err);
	if (rc == 0)
		rc = bundle_set(members, "maskedPaths", bundle_make_words(masked), err);
	return rc < 0 ? rc
		      : bundle_set(members, "readonlyPaths", bundle_make_words(read_only),
				   err);
}

/* The process comes after the mounts: they decide whether its directory exists. */
static int add_config_parts(struct bundle *b, json_t *to, struct cfs_err *err)
{
	int rc = bundle_set(to, "ociVersion", json_string("1.0.2"), err);

	if (rc == 0)
		rc = add_config_root(b, to, err);
	if (rc == 0)
		rc = bundle_add_mounts(b, to, err);
	if (rc == 0)
		rc = bundle_add_process(b, to, err);
	if (rc == 0)
		rc = bundle_add_annotations(b, to, err);
	return rc < 0 ? rc : add_linux(b, to, err);
}

int cfs_bundle_make_config(const struct cfs_oci_config *config,
			   const struct cfs_image *im, const struct cfs_bundle_opts *opts,
			   char **json, struct cfs_err *err)
{
	struct bundle b = {.config = config, .im = im, .opts = opts};
	json_t *root = json_object();
	int rc = add_config_parts(&b, root, err);

	*json = rc == 0 ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	if (rc == 0 && !*json)
		return cfs_fail(err, ENOMEM, "out of memory");
	return rc;
}
