/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints the findings of a check. */
#include "composefs/repo/report.h"

#include <inttypes.h>
#include <string.h>

#include "cli/verbosity.h"
#include "composefs/cfsctl_text.h"

static const char *remark_prefix(const struct cfs_check_finding *f)
{
	return cfs_check_fault_is_remark(f->fault) ? "remark: " : "";
}

void report_print(const char *name, const struct cfs_check_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_print_message(name, "%s%s: %s: %s", remark_prefix(&r->v[i]),
				  r->v[i].place, cfs_check_get_fault_name(r->v[i].fault),
				  r->v[i].what);
	if (cli_is_quiet())
		return;
	printf("objects: %" PRIu64 ", %" PRIu64 " damaged\n", r->n_objects,
	       r->n_bad_objects);
	printf("streams: %" PRIu64 ", %" PRIu64 " damaged\n", r->n_streams,
	       r->n_bad_streams);
	printf("images: %" PRIu64 ", %" PRIu64 " damaged\n", r->n_images,
	       r->n_bad_images);
	printf("broken links: %" PRIu64 ", missing objects: %" PRIu64 "\n", r->n_broken,
	       r->n_missing);
	printf("status: %s\n", cfs_check_report_is_bad(r) ? "damaged" : "ok");
}

static void put_finding(struct json *j, const struct cfs_check_finding *f)
{
	if (cli_is_cfsctl()) {
		cfsctl_put_finding(j, f);
		return;
	}
	json_begin_object(j, NULL);
	json_put_string(j, "type", cfs_check_get_fault_name(f->fault));
	json_put_string(j, "path", f->place);
	json_put_string(j, "detail", f->what);
	json_end(j);
}

static void put_findings(struct json *j, const char *key,
			 const struct cfs_check_report *r, bool remarks)
{
	json_begin_array(j, key);
	for (size_t i = 0; i < r->n; i++)
		if (cfs_check_fault_is_remark(r->v[i].fault) == remarks)
			put_finding(j, &r->v[i]);
	json_end(j);
}

static void put_checked(struct json *j, const struct cfs_check_report *r)
{
	json_put_uint(j, "objects_checked", r->n_objects);
	json_put_uint(j, "objects_damaged", r->n_bad_objects);
	json_put_uint(j, "streams_checked", r->n_streams);
	json_put_uint(j, "streams_damaged", r->n_bad_streams);
	json_put_uint(j, "images_checked", r->n_images);
	json_put_uint(j, "images_damaged", r->n_bad_images);
	json_put_uint(j, "links_broken", r->n_broken);
	json_put_uint(j, "objects_missing", r->n_missing);
}

void report_put_json(struct json *j, const char *key, const struct cfs_check_report *r)
{
	json_begin_object(j, key);
	json_put_bool(j, "ok", !cfs_check_report_is_bad(r));
	if (cli_is_cfsctl())
		cfsctl_put_checked(j, r);
	else
		put_checked(j, r);
	put_findings(j, "errors", r, false);
	put_findings(j, "remarks", r, true);
	json_end(j);
}
