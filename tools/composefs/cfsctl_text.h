/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfsctl_text: the output of commands when started as cfsctl (0.9).
 * Owns:  its format.
 * Uses:  cli, repo.
 * Never: does the work of a command.
 */
#ifndef CFS_CFSCTL_TEXT_H
#define CFS_CFSCTL_TEXT_H

#include "cli/json.h"
#include "repo/repo.h"
#include "gc/gc.h"
#include "check/check.h"

/* made: false if the repository existed. */
void cfsctl_print_init(const struct cfs_repo_init *init, const char *path, bool made);

/* Prints the result of gc as cfsctl does. */
void cfsctl_print_gc(const struct cfs_gc_result *c, bool dry_run);

/* Prints findings to stdout, and remarks to stderr. */
void cfsctl_print_fsck(const char *name, const struct cfs_check_report *report,
		       bool metadata_only);

/* Prints the references of images, each with its ID. Returns 1 if some could not be
 * read. */
int cfsctl_print_images(const char *name, const struct cfs_repo *repo, bool as_json,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the counts of a report as members of a JSON object. */
void cfsctl_put_checked(struct json *j, const struct cfs_check_report *report);

/* Writes a finding as a JSON string. */
void cfsctl_put_finding(struct json *j, const struct cfs_check_finding *f);

#endif
