/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The record of the last scrub. */
#include "check/scrub.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/replace.h"
#include "repo/repo.h"

#define FILE_NAME ".scrub"

enum { N_FIELDS = 7, FILE_MAX = 512 };

static const char header[] = "composefs scrub 1\n";
static const char *const words[N_FIELDS] = {"begin",   "end",	  "whole",   "objects",
					    "damaged", "missing", "repaired"};

static void list_scrub_fields(struct cfs_check_scrub *s, uint64_t *out[N_FIELDS])
{
	uint64_t *const fields[N_FIELDS] = {
		&s->begin_sec, &s->end_sec,   &s->whole,      &s->n_objects,
		&s->n_damaged, &s->n_missing, &s->n_repaired,
	};

	memcpy(out, fields, sizeof(fields));
}

int cfs_check_scrub_write(const struct cfs_repo *repo, const struct cfs_check_scrub *s,
			  struct cfs_err *err)
{
	struct cfs_check_scrub copy = *s;
	uint64_t *fields[N_FIELDS];
	char text[FILE_MAX];
	size_t len = (size_t)snprintf(text, sizeof(text), "%s", header);

	list_scrub_fields(&copy, fields);
	for (size_t i = 0; i < N_FIELDS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s %" PRIu64 "\n", words[i], *fields[i]);
	return cfs_context(
		err,
		cfs_replace_write(cfs_repo_get_dirfd(repo), FILE_NAME,
				  (struct cfs_span){(const uint8_t *)text, len}, err),
		FILE_NAME);
}

/* Accepts exactly what cfs_check_scrub_write writes: all fields in order, and nothing
 * behind them. A record that is half understood could say that a scrub was complete. */
static bool parse_scrub_record(const char *at, struct cfs_check_scrub *out)
{
	uint64_t *fields[N_FIELDS];

	list_scrub_fields(out, fields);
	if (strncmp(at, header, strlen(header)) != 0)
		return false;
	at += strlen(header);
	for (size_t i = 0; i < N_FIELDS; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(at, words[i], len) != 0 || at[len] != ' ')
			return false;
		at += len + 1;
		if (!cfs_take_number(&at, 10, '\n', fields[i]))
			return false;
	}
	return !*at && out->whole <= 1 && out->begin_sec <= INT64_MAX &&
	       out->end_sec <= INT64_MAX;
}

int cfs_check_scrub_read(const struct cfs_repo *repo, struct cfs_check_scrub *out,
			 struct cfs_err *err)
{
	cfs_autofd int fd =
		cfs_repo_open_unverified(cfs_repo_get_dirfd(repo), FILE_NAME, err);
	char text[FILE_MAX] = "";
	ssize_t n;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	n = cfs_io_pread(fd, text, sizeof(text) - 1, 0, err);
	if (n < 0)
		return cfs_context(err, (int)n, FILE_NAME);
	if (!parse_scrub_record(text, out))
		return cfs_fail(err, EINVAL, FILE_NAME ": expected a record of a scrub");
	return 1;
}
