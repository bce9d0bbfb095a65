/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo_report: the findings of a check, as text and JSON.
 * Owns:  the format of both.
 * Uses:  composefs, repo.
 * Never: checks.
 */
#ifndef CFS_REPO_REPORT_H
#define CFS_REPO_REPORT_H

#include "composefs/composefs.h"
#include "repo/repo.h"
#include "check/check.h"

/* Prints a line to stderr for each finding, and the counts to stdout. */
void report_print(const char *name, const struct cfs_check_report *report);

/* Writes one JSON object. As cfsctl, with the keys of composefs-rs. */
void report_put_json(struct json *j, const char *key,
		     const struct cfs_check_report *report);

#endif
