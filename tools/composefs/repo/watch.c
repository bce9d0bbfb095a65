/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs watch: follow the kernel log, and act on damaged objects of mounted images. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "cli/json.h"
#include "cli/repo_option.h"
#include "cli/signals.h"
#include "cli/values.h"
#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/damage_actions.h"
#include "damage/damage.h"

struct rate {
	unsigned n;
	int64_t sec;
};

struct options {
	const char *log, *command, *state;
	struct cli_list actions, from;
	struct rate limit;
	bool dry_run, json;
};

/* Parses "N/TIME". */
static int parse_rate(const char *value, void *out, struct cfs_err *err)
{
	const char *slash = strchr(value, '/');
	struct rate *rate = out;
	char number[16] = "";
	long long n, sec;

	if (slash && (size_t)(slash - value) < sizeof(number))
		memcpy(number, value, (size_t)(slash - value));
	if (!cli_parse_number(number, &n) || n < 0 || n > CFS_DAMAGE_LIMIT_MAX ||
	    !cli_parse_time(slash + 1, &sec) || sec < 1)
		return cfs_fail(err, EINVAL,
				"expected a number of at most %d and a time, such as "
				"10/1h, got \"%s\"",
				CFS_DAMAGE_LIMIT_MAX, value);
	*rate = (struct rate){(unsigned)n, sec};
	return 0;
}

static const struct cli_option option_table[] = {
	{"action", "ACTION", CLI_AT(struct options, actions),
	 "On damage: log (default), repair, command or reboot; repeatable", CLI_LIST,
	 .group = "Options"},
	{"from", "PLACE", CLI_AT(struct options, from),
	 "Repair: fetch objects from this place; repeatable", CLI_LIST},
	{"command", "COMMAND", CLI_AT(struct options, command),
	 "Run this with /bin/sh; $COMPOSEFS_OBJECT and others say what is damaged",
	 CLI_TEXT},
	{"limit", "N/TIME", CLI_AT(struct options, limit),
	 "Act at most N times in TIME, on an object once (default: 10/1h)", CLI_PARSED,
	 .parse = parse_rate},
	{"state", "DIR", CLI_AT(struct options, state),
	 "Record reboots in DIR (default: /var/lib/composefs)", CLI_TEXT},
	{"log", "FILE", CLI_AT(struct options, log),
	 "Read this file to its end instead of following /dev/kmsg", CLI_TEXT},
	{"dry-run", NULL, CLI_AT(struct options, dry_run),
	 "Print the actions, but do not take them"},
	{"json", NULL, CLI_AT(struct options, json),
	 "Print a JSON object for each damaged object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "Follow the kernel log, and report each damaged object of a mounted "
		 "image: where it is\nmounted, which file of the image, which object. "
		 "Then take the actions.",
	.example = (const char *const[]){"composefs watch",
					 "composefs watch --action=repair "
					 "--from=https://example.org/repo",
					 NULL},
	.options = option_table,
};

struct watcher {
	struct damage_actions actions;
	struct cfs_damage_limit limit;
	struct cfs_damage_seen seen;
	bool is_limited; /* and this was reported */
	bool json;
};

/* --- one message --------------------------------------------------------------------- */

static void describe_event(struct damage_event *e, char image[WHERE_ID_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX];
	const char *path = e->damaged->path;

	snprintf(hex, sizeof(hex), "%.2s%s", path, strlen(path) > 3 ? path + 3 : "");
	if (cfs_digest_parse(cfs_text(hex), &e->id, NULL) < 0)
		e->id = (struct cfs_digest){0};
	e->image = e->mount->image ? e->mount->image : "-";
	if (e->mount->has_id)
		e->image = where_format_id(&e->mount->id, image);
}

/* One line, at once: a program that reads it must not wait for the next. */
static int print_json_event(const struct damage_event *e, const char *object,
			    struct cfs_err *err)
{
	struct json j = {.to = stdout};
	char id[CFS_DIGEST_TEXT_MAX];

	json_begin_object(&j, NULL);
	json_put_string(&j, "mountpoint", e->mount->place);
	json_put_string(&j, "id",
			e->mount->has_id ? cfs_digest_text(&e->mount->id, id) : NULL);
	json_put_string(&j, "path", *e->damaged->used_by ? e->damaged->used_by : NULL);
	json_put_string(&j, "object", object);
	json_put_string(&j, "objects_dir", e->damaged->dir);
	json_finish(&j);
	return cli_flush(err);
}

static int print_event(const struct watcher *w, const struct damage_event *e,
		       struct cfs_err *err)
{
	char id[CFS_DIGEST_TEXT_MAX];
	const char *object = e->id.alg ? cfs_digest_text(&e->id, id) : e->damaged->path;

	if (w->json)
		return print_json_event(e, object, err);
	cli_print_message(w->actions.name,
			  "%s: %s: damaged: expected the object %s, in %s (image %s)",
			  e->mount->place,
			  *e->damaged->used_by ? e->damaged->used_by : "the image itself",
			  object, e->damaged->dir, e->image);
	return 0;
}

/* A single line says that the limit is reached. */
static bool take_limit(struct watcher *w, int64_t now)
{
	bool allowed = cfs_damage_limit_take(&w->limit, now);

	if (!allowed && !w->is_limited && w->limit.max)
		cli_print_message(w->actions.name,
				  "no more actions for now: %u in %lld seconds",
				  w->limit.max, (long long)w->limit.window_sec);
	w->is_limited = !allowed;
	return allowed;
}

/* Acts on damage that the kernel reported. The object is read again first: an error of
 * memory or a cable is no reason to change a repository. */
static void act_on(struct watcher *w, const struct damage_event *e, int64_t now)
{
	const struct damage_actions *a = &w->actions;
	struct cfs_err err;
	int rc;

	if ((!a->repair && !a->command && !a->reboot) || !take_limit(w, now))
		return;
	rc = damage_confirm(a, e, &err);
	if (rc < 0)
		cli_print_message(a->name, "no action: %s", err.msg);
	else if (rc == 0)
		cli_print_note(a->name,
			       "%s: no action: its content is right when read "
			       "again",
			       e->damaged->path);
	else
		damage_act(a, e);
}

/* Reports the object for this mount, and acts if it is new in any. */
static int handle_object(struct watcher *w, struct damage_event *e, int64_t now,
			 bool *acted, struct cfs_err *err)
{
	cfs_autofree char *key = NULL;
	char image[WHERE_ID_MAX];
	int is_new, rc;

	describe_event(e, image);
	if (asprintf(&key, "%s/%s at %s", e->damaged->dir, e->damaged->path,
		     e->mount->place) < 0) {
		key = NULL;
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	is_new = cfs_damage_seen_add(&w->seen, key, now, w->limit.window_sec);
	if (is_new < 0)
		return cfs_fail(err, -is_new, "out of memory");
	if (is_new == 0)
		return 0;
	rc = print_event(w, e, err);
	if (!*acted)
		act_on(w, e, now);
	*acted = true;
	return rc;
}

/* What of one mount cannot be read does not end the watch. */
static int handle_mount(struct watcher *w, const struct cfs_mount_entry *entry,
			struct cfs_mount_table *table, struct cfs_damage *message,
			bool *acted, struct cfs_err *err)
{
	const struct cfs_damage_list list = {.v = message, .n = 1};
	struct cfs_damaged_list found = {0};
	struct cfs_image_mount m;
	struct cfs_err why;
	int64_t now = cfs_lock_get_now_ms() / 1000;
	int rc = cfs_image_mount_find(entry, &table->arena, &m, err);

	if (rc <= 0)
		return rc;
	if (cfs_damage_find(&m, table, &list, &table->arena, &found, &why) < 0)
		cli_print_message(w->actions.name, "%s: %s", m.place, why.msg);
	for (size_t i = 0; rc > 0 && i < found.n; i++) {
		struct damage_event e = {.mount = &m, .damaged = &found.v[i]};
		int failed = handle_object(w, &e, now, acted, err);

		rc = failed < 0 ? failed : rc;
	}
	free(found.v);
	return rc < 0 ? rc : 0;
}

static int handle_message(struct watcher *w, struct cfs_damage *message,
			  struct cfs_err *err)
{
	struct cfs_mount_table table = {0};
	bool acted = false;
	int rc = cfs_mount_table_read(&table, err);

	for (size_t i = 0; rc == 0 && i < table.n; i++)
		rc = handle_mount(w, &table.v[i], &table, message, &acted, err);
	cfs_mount_table_fini(&table);
	return rc;
}

/* Handles each message of the kernel log until the log ends, an action fails or a
 * signal arrives. Waiting costs no CPU. */
static int follow_log(struct watcher *w, const struct options *o, struct cfs_err *err)
{
	const struct cfs_watch *watch = w->actions.watch;
	struct cfs_damage_log log;
	struct cfs_damage message;
	int rc = cfs_damage_log_open(o->log, true, &log, err);

	while (rc == 0) {
		while ((rc = cfs_damage_log_next(&log, &message, err)) > 0) {
			rc = handle_message(w, &message, err);
			if (rc == 0)
				rc = cfs_watch_poll(watch, err);
			if (rc < 0)
				break;
		}
		if (rc == 0 && log.ended)
			break;
		if (rc == 0)
			rc = cli_wait_input(log.fd, watch->cancelled, err);
	}
	cfs_damage_log_close(&log);
	return rc;
}

/* --- the command line ---------------------------------------------------------------- */

static int parse_damage_action(struct damage_actions *a, const char *word, bool *command,
			       struct cfs_err *err)
{
	if (strcmp(word, "repair") == 0)
		a->repair = true;
	else if (strcmp(word, "command") == 0)
		*command = true;
	else if (strcmp(word, "reboot") == 0)
		a->reboot = true;
	else if (strcmp(word, "log") != 0)
		return cfs_fail(err, EINVAL,
				"--action: expected log, repair, command or reboot, got "
				"\"%s\"",
				word);
	return 0;
}

/* Turns the options into actions. Actions and their parameters need each other: an
 * action that could do nothing is an error, not a surprise later. */
static int read_options(const struct options *o, const char *name,
			struct damage_actions *a, struct cfs_err *err)
{
	bool command = false;
	int rc = 0;

	*a = (struct damage_actions){.name = name,
				     .command = o->command,
				     .dry_run = o->dry_run,
				     .state = o->state,
				     .window_sec = o->limit.sec};
	for (size_t i = 0; rc == 0 && i < o->actions.n; i++)
		rc = parse_damage_action(a, o->actions.v[i], &command, err);
	if (rc == 0 && command != (o->command != NULL))
		rc = cfs_fail(err, EINVAL,
			      "--action=command and --command=COMMAND need each other");
	if (rc == 0 && a->repair != (o->from.n > 0))
		rc = cfs_fail(err, EINVAL,
			      "--action=repair and --from=PLACE need each other");
	if (rc == 0)
		rc = repair_sources_sort(&a->sources, name, &o->from, err);
	return rc;
}

static int watch_damage(struct watcher *w, const struct options *o, struct cfs_err *err)
{
	struct cli_watch watch;
	int rc = repair_sources_check(&w->actions.sources, err);

	w->limit.max = o->limit.n;
	w->limit.window_sec = o->limit.sec;
	w->json = o->json;
	cli_watch_start(&watch, w->actions.name);
	w->actions.watch = &watch.watch;
	if (rc == 0)
		rc = follow_log(w, o, err);
	cli_watch_end(&watch);
	return rc;
}

int cmd_watch(int argc, char **argv)
{
	struct options o = {.limit = {10, 3600}, .state = "/var/lib/composefs"};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand"),
	    rc;
	struct watcher *w;
	struct cfs_err err;

	if (status >= 0)
		return status;
	w = calloc(1, sizeof(*w));
	if (!w)
		return command_end(argv[0], cfs_fail(&err, ENOMEM, "out of memory"),
				   &err);
	rc = read_options(&o, argv[0], &w->actions, &err);
	if (rc < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		status = CLI_USAGE;
	} else {
		rc = watch_damage(w, &o, &err);
		/* A signal is the expected end: systemd counts status 0 alone as success. */
		status = rc == -ECANCELED ? CLI_OK : command_end(argv[0], rc, &err);
	}
	cfs_damage_seen_fini(&w->seen);
	free(w);
	cli_list_fini(&o.actions);
	cli_list_fini(&o.from);
	return status;
}
