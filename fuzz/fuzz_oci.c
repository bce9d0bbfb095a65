/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents and references of container images: a result or a sentence. A document is not both a
 * manifest and an index; what is written of one is read again. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "oci/oci.h"

static bool is_refusal(int rc, const struct cfs_err *err)
{
	return (rc == -EINVAL || rc == -ENOTSUP || rc == -EFBIG) && *err->msg;
}

static struct cfs_text get_mem_text(const struct cfs_mem *m)
{
	return (struct cfs_text){(char *)m->p, m->len};
}

/* The layers again, under other types. */
static void check_repack(const struct cfs_oci_manifest *m)
{
	struct cfs_oci_descriptor *layers = calloc(m->n_layers + 1, sizeof(*layers));
	struct cfs_oci_manifest again;
	struct cfs_mem out = {0};
	struct cfs_err err;

	fuzz_hold(layers);
	for (size_t i = 0; i < m->n_layers; i++) {
		layers[i] = m->layers[i];
		layers[i].media_type = CFS_OCI_TYPE_TAR "+zstd";
	}
	if (cfs_oci_manifest_repack(m, layers, &out, &err) == 0) {
		fuzz_hold(cfs_oci_manifest_parse(get_mem_text(&out), &again, &err) == 0);
		fuzz_hold(again.n_layers == m->n_layers && again.is_image == m->is_image);
		fuzz_hold(cfs_oci_digest_eq(&again.config.digest, &m->config.digest));
		cfs_oci_manifest_fini(&again);
	}
	free(out.p);
	free(layers);
}

static int check_manifest_text(struct cfs_text in)
{
	struct cfs_oci_manifest m;
	struct cfs_err err = {""};
	int rc = cfs_oci_manifest_parse(in, &m, &err);

	fuzz_hold(rc == 0 || is_refusal(rc, &err));
	if (rc == 0)
		check_repack(&m);
	cfs_oci_manifest_fini(&m);
	return rc;
}

static void check_put(struct cfs_text in, const struct cfs_oci_index *index,
		      const char *tag)
{
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST, .size = 1};
	struct cfs_oci_index again;
	struct cfs_mem out;
	struct cfs_err err;
	size_t i;

	cfs_oci_digest_of(CFS_SHA256, (struct cfs_span){0}, &d.digest);
	if (cfs_oci_index_put(in, &d, tag, &out, &err) < 0)
		return;
	fuzz_hold(cfs_oci_index_parse(get_mem_text(&out), &again, &err) == 0);
	fuzz_hold(again.n_entries <= index->n_entries + 1);
	fuzz_hold(cfs_oci_index_find(&again, &d.digest, &i, &err) == 0);
	cfs_oci_index_fini(&again);
	free(out.p);
}

/* Parses in as an index. One that was accepted must allow selecting a platform and
 * adding an entry. Returns the result of the parser. */
static int check_index(struct cfs_text in)
{
	struct cfs_oci_platform wanted = {"linux", "amd64", "v2"};
	struct cfs_oci_index index;
	struct cfs_err err = {""};
	size_t i = 0;
	int rc = cfs_oci_index_parse(in, &index, &err);

	fuzz_hold(rc == 0 || is_refusal(rc, &err));
	if (rc == 0) {
		int found = cfs_oci_index_select(&index, &wanted, &i, &err);

		fuzz_hold(found == 0 ? i < index.n_entries : found == -ENOENT);
		if (in.len > 0)
			check_put(in, &index, "latest");
		check_put(in, &index, NULL);
	}
	cfs_oci_index_fini(&index);
	return rc;
}

static void check_config(struct cfs_text in)
{
	struct cfs_oci_config c;
	struct cfs_err err = {""};
	int rc = cfs_oci_config_parse(in, &c, &err);

	fuzz_hold(rc == 0 || is_refusal(rc, &err));
	for (size_t i = 0; rc == 0 && i < c.env.n; i++)
		fuzz_hold(cfs_oci_get_word(&c.env, i));
	cfs_oci_config_fini(&c);
}

static void check_reference_text(struct cfs_text in)
{
	char *text = strndup(in.s ? in.s : "", in.len);
	char full[CFS_OCI_REFERENCE_MAX], twice[CFS_OCI_REFERENCE_MAX];
	static struct cfs_oci_reference r, again;
	struct cfs_err err = {""};
	int rc;

	fuzz_hold(text);
	rc = cfs_oci_reference_parse(text, &r, &err);
	free(text);
	fuzz_hold(rc == 0 || is_refusal(rc, &err));
	if (rc < 0)
		return;
	cfs_oci_reference_format(&r, full);
	fuzz_hold(cfs_oci_reference_parse(full, &again, &err) == 0);
	fuzz_hold(strcmp(full, cfs_oci_reference_format(&again, twice)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text in = {(const char *)data, len};
	int manifest = check_manifest_text(in), index = check_index(in);

	fuzz_hold(manifest < 0 || index < 0);
	check_config(in);
	check_reference_text(in);
	return 0;
}
