/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Annotations: the labels of an image, and what its configuration says beside. */
#include <errno.h>

#include "bundle/bundle_priv.h"

#define PREFIX "org.opencontainers.image."

/* Annotations that change what a runtime does on the host: crun(1) opens the files of
 * run.oci.hooks.stdout and takes system call filters from annotations, runc and crun set
 * properties of systemd units, Kata changes the hypervisor. An image must not choose them. */
static const char *const host_keys[] = {"run.oci.", "org.systemd.property.",
					"io.katacontainers."};

static bool is_allowed(const char *label)
{
	for (size_t i = 0; i < sizeof(host_keys) / sizeof(host_keys[0]); i++)
		if (cfs_text_has_prefix(cfs_text(label), cfs_text(host_keys[i])))
			return false;
	return *label; /* the runtime specification forbids an empty key */
}

/* Copies the labels of the image to annotations, because runtimes read those. Labels
 * that a runtime takes as commands are left out and reported. */
static int add_labels(const struct bundle *b, json_t *to, struct cfs_err *err)
{
	json_t *labels = b->config->labels, *value;
	const char *label;

	json_object_foreach(labels, label, value)
	{
		int rc = 0;

		if (is_allowed(label))
			rc = bundle_set(to, label, json_incref(value), err);
		else if (b->opts->left_out)
			b->opts->left_out(b->opts->ctx, label);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* A label of the same name has precedence. */
static int add_text(json_t *to, const char *key, const char *value, struct cfs_err *err)
{
	if (!value || !*value || json_object_get(to, key))
		return 0;
	return bundle_set(to, key, json_string(value), err);
}

/* "80/tcp,443/tcp" */
static int add_ports(const struct bundle *b, json_t *to, struct cfs_err *err)
{
	json_t *ports = b->config->exposed_ports, *unused;
	cfs_autofree char *text = NULL;
	size_t len = 0, cap = 0;
	const char *port;

	json_object_foreach(ports, port, unused)
	{
		size_t n = strlen(port);

		(void)unused;
		if (cfs_grow(&text, &cap, len + n + 2, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		if (len)
			text[len++] = ',';
		memcpy(text + len, port, n + 1);
		len += n;
	}
	return add_text(to, PREFIX "exposedPorts", text, err);
}

int bundle_add_annotations(struct bundle *b, json_t *to, struct cfs_err *err)
{
	const struct cfs_oci_config *c = b->config;
	const char *const members[][2] = {
		{PREFIX "os", c->os},		{PREFIX "architecture", c->architecture},
		{PREFIX "variant", c->variant}, {PREFIX "author", c->author},
		{PREFIX "created", c->created}, {PREFIX "stopSignal", c->stop_signal},
	};
	json_t *annotations = json_object();
	int rc = bundle_set(to, "annotations", annotations, err);

	if (rc == 0)
		rc = add_labels(b, annotations, err);
	for (size_t i = 0; rc == 0 && i < sizeof(members) / sizeof(members[0]); i++)
		rc = add_text(annotations, members[i][0], members[i][1], err);
	return rc < 0 ? rc : add_ports(b, annotations, err);
}
