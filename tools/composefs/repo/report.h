/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo_report: what a check of a repository found, for people and for programs.
 * Owns:  the form of both.
 * Uses:  composefs, repo.
 * Never: checks.
 */
#ifndef CFS_REPO_REPORT_H
#define CFS_REPO_REPORT_H

#include "composefs/composefs.h"
#include "repo/repo.h"
#include "check/check.h"

/* A line on stderr for each finding, and the counts on stdout. */
void report_say(const char *name, const struct cfs_check_report *report);

/* One JSON object, under the name cfsctl with the keys that composefs-rs gives it. */
void report_json(struct json *j, const char *key, const struct cfs_check_report *report);

#endif
