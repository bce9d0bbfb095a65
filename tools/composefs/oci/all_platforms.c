/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci pull, copy --all-platforms: the images of an index, and what is printed of them. */
#include <errno.h>
#include <stdio.h>

#include "cli/verbosity.h"
#include "composefs/oci/oci.h"

/* Keeps what is printed when all images are there: a pull that fails prints no result. */
static int note_platform(void *ctx, const struct cfs_oci_index_entry *entry,
			 const struct cfs_pull_result *result, struct cfs_err *err)
{
	struct oci_all *all = ctx;
	struct oci_platform_result *p;

	if (cfs_grow(&all->v, &all->cap, all->n + 1, sizeof(*all->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	p = &all->v[all->n++];
	p->result = *result;
	cfs_index_entry_platform(entry, p->platform);
	return 0;
}

int oci_pull_all(struct cfs_repo *repo, const struct cfs_transport *from,
		 const struct cfs_pull_opts *opts, struct oci_all *out,
		 struct cfs_err *err)
{
	*out = (struct oci_all){0};
	return cfs_containers_pull_index(repo, from, opts, note_platform, out,
					 &out->index, err);
}

static void put_platform(struct json *j, const struct oci_platform_result *p)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], id[WHERE_ID_MAX];
	const struct cfs_pull_result *r = &p->result;

	json_begin_object(j, NULL);
	json_put_string(j, "platform", *p->platform ? p->platform : NULL);
	json_put_string(j, "id", where_format_id(&r->image, id));
	json_put_string(j, "manifest_digest", cfs_oci_digest_text(&r->manifest, text));
	json_put_uint(j, "layers", r->n_layers);
	json_put_uint(j, "layers_present", r->n_present);
	json_put_uint(j, "bytes_read", r->bytes_read);
	json_put_uint(j, "bytes_saved", r->bytes_saved);
	json_end(j);
}

static void print_all_json(const struct oci_all *all, const char *tag)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "name", tag);
	json_put_string(&j, "index_digest",
			cfs_oci_digest_text(&all->index.digest, text));
	json_put_uint(&j, "left_out", all->index.n_left_out);
	json_begin_array(&j, "images");
	for (size_t i = 0; i < all->n; i++)
		put_platform(&j, &all->v[i]);
	json_end(&j);
	json_finish(&j);
}

void oci_print_all(const struct oci_all *all, const char *program, const char *tag,
		   bool as_json)
{
	char id[WHERE_ID_MAX];

	if (as_json) {
		print_all_json(all, tag);
		return;
	}
	for (size_t i = 0; i < all->n; i++) {
		printf("%s ", where_format_id(&all->v[i].result.image, id));
		cli_print(stdout, all->v[i].platform);
		putchar('\n');
	}
	if (all->index.n_left_out)
		cli_print_note(program,
			       "left out, because they describe other entries of the "
			       "index (attestations): %zu",
			       all->index.n_left_out);
}

void oci_all_fini(struct oci_all *all)
{
	free(all->v);
	*all = (struct oci_all){0};
}
