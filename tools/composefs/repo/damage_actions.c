/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The actions of composefs watch. */
#include "composefs/repo/damage_actions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/child.h"
#include "base/path.h"
#include "base/replace.h"
#include "cli/verbosity.h"
#include "repo/repo.h"

int damage_confirm(const struct damage_actions *a, const struct damage_event *e,
		   struct cfs_err *err)
{
	cfs_autofd int dir = open(e->damaged->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cfs_autofd int fd = -1;
	struct cfs_digest got;
	int rc;

	if (dir < 0)
		return cfs_fail_errno(err, "%s", e->damaged->dir);
	fd = cfs_beneath_open(dir, e->damaged->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return cfs_beneath_fail(fd, e->damaged->path, err);
	if (!e->id.alg)
		return cfs_fail(err, EINVAL, "expected the path of an object, got %s",
				e->damaged->path);
	rc = cfs_verity_digest_fd(e->id.alg, fd, 1, a->watch, &got, NULL, err);
	if (rc == -EIO)
		return 1;
	return rc < 0 ? rc : !cfs_digest_eq(&got, &e->id);
}

/* --- repair -------------------------------------------------------------------------- */

/* The repository is the directory above the objects. */
static int open_damaged_repo(const char *objects, struct cfs_repo **out,
			     struct cfs_err *err)
{
	const char *end = strrchr(objects, '/');
	cfs_autofree char *path = NULL;

	if (!end || end == objects || strcmp(end, "/objects") != 0)
		return cfs_fail(err, EINVAL,
				"expected the objects of a repository, got %s", objects);
	path = strndup(objects, (size_t)(end - objects));
	if (!path)
		return cfs_fail(err, ENOMEM, "out of memory");
	return cfs_repo_open(path, CFS_REPO_WRITE, out, err);
}

/* The object is all that is checked again and repaired. */
static int repair_damaged_object(const struct damage_actions *a,
				 const struct damage_event *e, struct cfs_err *err)
{
	struct cfs_check_finding finding = {CFS_CHECK_OBJECT_VERITY, e->damaged->path,
					    "reported in the kernel log", e->id};
	const struct cfs_check_report report = {.v = &finding, .n = 1};
	struct cfs_check_repaired done;
	struct cfs_repo *repo;
	int rc = open_damaged_repo(e->damaged->dir, &repo, err);

	if (rc < 0)
		return rc;
	rc = repair_report(&a->sources, repo, &report, a->watch, &done, err);
	cfs_repo_close(repo);
	if (rc < 0)
		return rc;
	if (done.n_quarantined && !done.n_fetched)
		return cfs_fail(err, ENOENT,
				"moved to .quarantine, and no source of --from has it");
	cli_print_note(a->name, "%s: repaired", e->damaged->path);
	return 0;
}

/* --- command ------------------------------------------------------------------------- */

static int set_environment(const struct damage_event *e, struct cfs_err *err)
{
	char id[CFS_DIGEST_TEXT_MAX] = "";
	const char *const vars[][2] = {
		{"COMPOSEFS_OBJECT", e->id.alg ? cfs_digest_text(&e->id, id) : ""},
		{"COMPOSEFS_OBJECTS", e->damaged->dir},
		{"COMPOSEFS_OBJECT_PATH", e->damaged->path},
		{"COMPOSEFS_IMAGE", e->image},
		{"COMPOSEFS_MOUNTPOINT", e->mount->place},
		{"COMPOSEFS_PATH", e->damaged->used_by},
	};

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if (setenv(vars[i][0], vars[i][1], 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

/* Its output goes where messages go. */
static int run_program(const struct damage_actions *a, const char *const *argv,
		       struct cfs_err *err)
{
	cfs_autofd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;
	int rc;

	if (null < 0)
		return cfs_fail_errno(err, "/dev/null");
	rc = cfs_child_start(argv, null, STDERR_FILENO, &pid, err);
	return rc < 0 ? rc : cfs_child_wait(pid, "the command", a->watch, err);
}

static int run_damage_command(const struct damage_actions *a,
			      const struct damage_event *e, struct cfs_err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", a->command, NULL};
	int rc = set_environment(e, err);

	return rc < 0 ? rc : run_program(a, argv, err);
}

/* --- reboot -------------------------------------------------------------------------- */

/* The file "last-reboot" survives the reboot: it has the time in seconds since 1970. One
 * that cannot be read, or is of the future, prevents a reboot. */
static int check_last_reboot(int dir, int64_t now, int64_t window_sec,
			     struct cfs_err *err)
{
	cfs_autofd int fd = openat(dir, "last-reboot",
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[32] = "";
	const char *at = text;
	uint64_t last;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "last-reboot");
	n = cfs_io_read(fd, text, sizeof(text) - 1, err);
	if (n < 0)
		return (int)n;
	if (!cfs_take_number(&at, 10, '\n', &last) || last > INT64_MAX)
		return cfs_fail(err, EINVAL, "last-reboot: expected a time");
	if (now - (int64_t)last < window_sec)
		return cfs_fail(err, EBUSY,
				"the last reboot because of damage was less than %" PRId64
				" seconds ago",
				window_sec);
	return 0;
}

static int note_reboot(int dir, int64_t now, struct cfs_err *err)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRId64 "\n", now);
	struct cfs_span content = {(const uint8_t *)text, (size_t)len};

	return cfs_replace_write(dir, "last-reboot", content, err);
}

static int reboot_machine(const struct damage_actions *a, struct cfs_err *err)
{
	static const char *const argv[] = {"systemctl", "reboot", NULL};
	cfs_autofd int dir = cfs_path_make_dir(a->state, 0755, NULL, err);
	int64_t now = time(NULL);
	int rc;

	if (dir < 0)
		return cfs_context(err, dir, "%s", a->state);
	rc = check_last_reboot(dir, now, a->window_sec, err);
	if (rc == 0)
		rc = note_reboot(dir, now, err);
	return rc < 0 ? cfs_context(err, rc, "%s", a->state) : run_program(a, argv, err);
}

/* --- all ----------------------------------------------------------------------------- */

static void report_action(const struct damage_actions *a, const char *what, int rc,
			  const struct cfs_err *err)
{
	if (rc < 0)
		cli_print_message(a->name, "%s: %s", what, err->msg);
}

void damage_act(const struct damage_actions *a, const struct damage_event *e)
{
	struct cfs_err err;

	if (a->dry_run) {
		cli_print_note(a->name, "would act:%s%s%s", a->repair ? " repair" : "",
			       a->command ? " command" : "", a->reboot ? " reboot" : "");
		return;
	}
	if (a->repair)
		report_action(a, "repair", repair_damaged_object(a, e, &err), &err);
	if (a->command)
		report_action(a, "command", run_damage_command(a, e, &err), &err);
	if (a->reboot)
		report_action(a, "reboot", reboot_machine(a, &err), &err);
}
