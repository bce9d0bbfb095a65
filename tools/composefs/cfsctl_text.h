/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfsctl_text: what commands print under the name of composefs-rs's program (cfsctl 0.9).
 * Owns:  the form of its output.
 * Uses:  cli, repo.
 * Never: does the work of a command.
 */
#ifndef CFS_CFSCTL_TEXT_H
#define CFS_CFSCTL_TEXT_H

#include "cli/json.h"
#include "repo/repo.h"
#include "gc/gc.h"
#include "check/check.h"

/* made: else it was there. */
void cfsctl_say_init(const struct cfs_repo_init *init, const char *path, bool made);

void cfsctl_say_gc(const struct cfs_gc_result *c, bool dry_run);

/* Findings that are remarks go to standard error. */
void cfsctl_say_fsck(const char *name, const struct cfs_check_report *report,
		     bool metadata_only);

/* Lists the references to images, each with its ID. 1: some could not be read. */
int cfsctl_say_images(const char *name, const struct cfs_repo *repo, bool as_json,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* The counts of a report as members of a JSON object. */
void cfsctl_put_checked(struct json *j, const struct cfs_check_report *report);

/* A finding as a JSON string. */
void cfsctl_put_finding(struct json *j, const struct cfs_check_finding *f);

#endif
