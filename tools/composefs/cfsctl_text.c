/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The output of commands when started as cfsctl. */
#include "composefs/cfsctl_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "composefs/composefs.h"
#include "cli/verbosity.h"

void cfsctl_print_init(const struct cfs_repo_init *init, const char *path, bool made)
{
	fputs(made ? "Initialized composefs repository at "
		   : "Repository already initialized at ",
	      stdout);
	cli_print(stdout, path);
	if (!made) {
		puts(init->ensure ? " (existing configuration preserved)" : "");
		return;
	}
	printf("\n  algorithm: %s\n  verity:    %s\n", cfs_repo_alg_name(init->meta.alg),
	       init->insecure ? "not required (insecure)" : "required");
}

void cfsctl_print_gc(const struct cfs_gc_result *c, bool dry_run)
{
	if (dry_run)
		puts("Dry run (no files deleted):");
	printf("Objects: %" PRIu64 " removed (%" PRIu64 " bytes)\n", c->n_objects,
	       c->bytes);
	if (!dry_run && (c->n_images || c->n_streams))
		printf("Pruned symlinks: %" PRIu64 " images, %" PRIu64 " streams\n",
		       c->n_images, c->n_streams);
}

/* --- images ------------------------------------------------------------------------------ */

static void print_ref(struct json *j, const struct cfs_repo_entry *ref)
{
	if (!j) {
		printf("%s\t", ref->target);
		cli_print(stdout, ref->name);
		putchar('\n');
		return;
	}
	json_begin_object(j, NULL);
	json_put_string(j, "name", ref->name);
	json_put_string(j, "digest", ref->target);
	json_end(j);
}

static void print_refs(const struct cfs_repo_list *refs, bool as_json)
{
	struct json j = {.to = stdout};

	if (as_json) {
		json_begin_object(&j, NULL);
		json_begin_array(&j, "images");
	} else if (refs->n == 0) {
		puts("No images found");
	}
	for (size_t i = 0; i < refs->n; i++)
		if (refs->v[i].code == 0)
			print_ref(as_json ? &j : NULL, &refs->v[i]);
	if (as_json)
		json_finish(&j);
}

int cfsctl_print_images(const char *name, const struct cfs_repo *repo, bool as_json,
			struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc = cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &refs, err);

	for (size_t i = 0; rc >= 0 && i < refs.n; i++) {
		bool read = refs.v[i].code == -EMLINK || refs.v[i].code == -EUCLEAN;

		if (refs.v[i].code == 0)
			continue;
		if (read)
			cli_print_warning(name, "images/refs/%s: %s", refs.v[i].name,
					  refs.v[i].wrong);
		else
			cli_print_message(name, "images/refs/%s: %s", refs.v[i].name,
					  refs.v[i].wrong);
		rc |= !read;
	}
	if (rc >= 0)
		print_refs(&refs, as_json);
	cfs_repo_list_fini(&refs);
	return rc;
}

/* --- fsck -------------------------------------------------------------------------------- */

static void format_finding(const struct cfs_check_finding *f, char *buf, size_t len)
{
	snprintf(buf, len, "fsck: %s: %s: %s", cfs_check_get_fault_name(f->fault),
		 f->place, f->what);
}

void cfsctl_put_checked(struct json *j, const struct cfs_check_report *report)
{
	json_put_bool(j, "has_metadata", true);
	json_put_uint(j, "objects_checked", report->n_objects);
	json_put_uint(j, "objects_corrupted", report->n_bad_objects);
	json_put_uint(j, "streams_checked", report->n_streams);
	json_put_uint(j, "streams_corrupted", report->n_bad_streams);
	json_put_uint(j, "images_checked", report->n_images);
	json_put_uint(j, "images_corrupted", report->n_bad_images);
	json_put_uint(j, "broken_links", report->n_broken);
	json_put_uint(j, "missing_objects", report->n_missing);
}

void cfsctl_put_finding(struct json *j, const struct cfs_check_finding *f)
{
	char text[2 * CFS_ERR_MAX];

	format_finding(f, text, sizeof(text));
	json_put_string(j, NULL, text);
}

static void print_count(const char *what, uint64_t all, uint64_t bad)
{
	printf("%s: %" PRIu64 "/%" PRIu64 " ok\n", what, bad < all ? all - bad : 0, all);
}

static size_t count_errors(const struct cfs_check_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += !cfs_check_fault_is_remark(r->v[i].fault);
	return n;
}

static void print_findings(const char *name, const struct cfs_check_report *r)
{
	char text[2 * CFS_ERR_MAX];

	for (size_t i = 0; i < r->n; i++) {
		format_finding(&r->v[i], text, sizeof(text));
		if (cfs_check_fault_is_remark(r->v[i].fault)) {
			cli_print_note(name, "remark: %s", text);
			continue;
		}
		fputs("  - ", stdout);
		cli_print(stdout, text);
		putchar('\n');
	}
}

void cfsctl_print_fsck(const char *name, const struct cfs_check_report *report,
		       bool metadata_only)
{
	puts("meta.json: ok");
	print_count("objects", metadata_only ? 0 : report->n_objects,
		    report->n_bad_objects);
	print_count("streams", report->n_streams, report->n_bad_streams);
	print_count("images", report->n_images, report->n_bad_images);
	if (report->n_broken)
		printf("broken links: %" PRIu64 "\n", report->n_broken);
	if (report->n_missing)
		printf("missing objects: %" PRIu64 "\n", report->n_missing);
	if (!cfs_check_report_is_bad(report)) {
		puts("status: ok");
		print_findings(name, report);
		return;
	}
	printf("status: %zu error(s)\n", count_errors(report));
	print_findings(name, report);
	cli_print_message(name, "repository integrity check failed");
}
