/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a check of a repository found. */
#include "composefs/repo/report.h"

#include <inttypes.h>
#include <string.h>

#include "composefs/cfsctl_text.h"

static const char *remark(const struct cfs_check_finding *f)
{
	return cfs_check_fault_is_remark(f->fault) ? "remark: " : "";
}

void report_say(const char *name, const struct cfs_check_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_say(name, "%s%s: %s: %s", remark(&r->v[i]), r->v[i].place,
			cfs_check_fault_name(r->v[i].fault), r->v[i].what);
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

static void put_finding(const struct cfs_check_finding *f, bool first)
{
	if (cli_stands_in()) {
		fputs(first ? "" : ",", stdout);
		cfsctl_put_finding(f);
		return;
	}
	printf("%s{\"type\":\"%s\",\"path\":", first ? "" : ",",
	       cfs_check_fault_name(f->fault));
	json_text(stdout, f->place, strlen(f->place));
	fputs(",\"detail\":", stdout);
	json_text(stdout, f->what, strlen(f->what));
	putchar('}');
}

static void put_findings(const struct cfs_check_report *r, const char *key, bool remarks)
{
	bool first = true;

	printf(",\"%s\":[", key);
	for (size_t i = 0; i < r->n; i++) {
		if (cfs_check_fault_is_remark(r->v[i].fault) != remarks)
			continue;
		put_finding(&r->v[i], first);
		first = false;
	}
	putchar(']');
}

void report_json(const struct cfs_check_report *r)
{
	printf("{\"ok\":%s,\"has_metadata\":true,\"objects_checked\":%" PRIu64
	       ",\"objects_corrupted\":%" PRIu64 ",\"streams_checked\":%" PRIu64
	       ",\"streams_corrupted\":%" PRIu64 ",\"images_checked\":%" PRIu64
	       ",\"images_corrupted\":%" PRIu64 ",\"broken_links\":%" PRIu64
	       ",\"missing_objects\":%" PRIu64,
	       cfs_check_report_is_bad(r) ? "false" : "true", r->n_objects,
	       r->n_bad_objects, r->n_streams, r->n_bad_streams, r->n_images,
	       r->n_bad_images, r->n_broken, r->n_missing);
	put_findings(r, "errors", false);
	put_findings(r, "remarks", true);
	putchar('}');
}
