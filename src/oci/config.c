/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Image configurations. */
#include "oci/config.h"

#include <errno.h>
#include <string.h>

#include "oci/oci_priv.h"

const char *cfs_oci_get_word(const struct cfs_oci_words *words, size_t i)
{
	return json_string_value(json_array_get(words->list, i));
}

static int parse_words(const json_t *from, const char *key, struct cfs_oci_words *out,
		       struct cfs_err *err)
{
	json_t *list;
	int rc = oci_get_list(from, key, JSON_STRING, &list, err);

	*out = (struct cfs_oci_words){list, rc == 0 ? json_array_size(list) : 0};
	return rc;
}

/* Allocates c->diff_ids, which the owner of c frees also after an error. Each entry is
 * checked, because layers are matched to these digests. */
static int parse_diff_ids(struct cfs_oci_config *c, struct cfs_err *err)
{
	const char *type;
	json_t *rootfs, *list = NULL;
	int rc = oci_get(c->root, "rootfs", JSON_OBJECT, &rootfs, err);

	if (rc == 0)
		rc = oci_get_text(rootfs, "type", &type, err);
	if (rc == 0 && (!type || strcmp(type, "layers") != 0))
		return cfs_fail(err, EINVAL, "rootfs: type: expected \"layers\"");
	if (rc == 0)
		rc = oci_get_list(rootfs, "diff_ids", JSON_STRING, &list, err);
	if (rc < 0)
		return rc;
	c->diff_ids = calloc(json_array_size(list) + 1, sizeof(*c->diff_ids));
	if (!c->diff_ids)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (; rc == 0 && c->n_diff_ids < json_array_size(list); c->n_diff_ids++) {
		json_t *text = json_array_get(list, c->n_diff_ids);

		rc = cfs_context(err,
				 cfs_oci_digest_parse(cfs_text(json_string_value(text)),
						      &c->diff_ids[c->n_diff_ids], err),
				 "rootfs: diff_ids: entry %zu", c->n_diff_ids);
	}
	return rc;
}

static int parse_config_platform(struct cfs_oci_config *c, struct cfs_err *err)
{
	int rc = oci_get_text(c->root, "os", &c->os, err);

	if (rc == 0)
		rc = oci_get_text(c->root, "architecture", &c->architecture, err);
	if (rc == 0)
		rc = oci_get_text(c->root, "variant", &c->variant, err);
	if (rc == 0)
		rc = oci_get_text(c->root, "created", &c->created, err);
	return rc < 0 ? rc : oci_get_text(c->root, "author", &c->author, err);
}

/* How a container runs: the member "config". */
static int parse_process(const json_t *from, struct cfs_oci_config *c,
			 struct cfs_err *err)
{
	const json_t *checked;
	int rc = oci_get_text(from, "User", &c->user, err);

	if (rc == 0)
		rc = oci_get_text(from, "WorkingDir", &c->working_dir, err);
	if (rc == 0)
		rc = oci_get_text(from, "StopSignal", &c->stop_signal, err);
	if (rc == 0)
		rc = parse_words(from, "Entrypoint", &c->entrypoint, err);
	if (rc == 0)
		rc = parse_words(from, "Cmd", &c->cmd, err);
	if (rc == 0)
		rc = parse_words(from, "Env", &c->env, err);
	if (rc == 0)
		rc = oci_get_map(from, "Labels", &checked, err);
	if (rc == 0)
		rc = oci_get(from, "Labels", JSON_OBJECT, &c->labels, err);
	if (rc == 0)
		rc = oci_get(from, "Volumes", JSON_OBJECT, &c->volumes, err);
	return rc < 0 ? rc
		      : oci_get(from, "ExposedPorts", JSON_OBJECT, &c->exposed_ports,
				err);
}

int cfs_oci_config_parse(struct cfs_text json, struct cfs_oci_config *out,
			 struct cfs_err *err)
{
	json_t *process = NULL;
	int rc;

	*out = (struct cfs_oci_config){0};
	rc = oci_load_object(json, CFS_OCI_CONFIG_MAX, &out->root, err);
	if (rc == 0)
		rc = parse_config_platform(out, err);
	if (rc == 0)
		rc = parse_diff_ids(out, err);
	if (rc == 0)
		rc = oci_get(out->root, "config", JSON_OBJECT, &process, err);
	if (rc == 0 && process)
		rc = cfs_context(err, parse_process(process, out, err), "config");
	return rc;
}

void cfs_oci_config_fini(struct cfs_oci_config *config)
{
	free(config->diff_ids);
	json_decref(config->root);
	*config = (struct cfs_oci_config){0};
}
