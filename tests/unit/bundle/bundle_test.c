/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The configuration of a runtime: one test for each rule of the translation. */
#include "bundle/bundle.h"
#include "dump/dump.h"
#include "t.h"

#include <jansson.h>

static struct cfs_err err;

#define DIR(path)		path " 0 40755 1 0 0 0 0.0 - - -\n"
#define LINK(path, len, target) path " " len " 120777 1 0 0 0 0.0 " target " - -\n"
#define FILE_AT(path)		path " 0 100644 1 0 0 0 0.0 - - -\n"
#define ROOT			DIR("/")
#define BASE			ROOT DIR("/dev") DIR("/proc") DIR("/sys")

/* An image and what is computed for it. */
struct scene {
	struct cfs_mem mem;
	struct cfs_image im;
	struct cfs_oci_config config;
	struct cfs_bundle_opts opts;
	json_t *out;
	char left_out[256];
};

static void note_label(void *ctx, const char *label)
{
	struct scene *s = ctx;

	strncat(s->left_out, label, sizeof(s->left_out) - strlen(s->left_out) - 2);
	strcat(s->left_out, ";");
}

/* process: the member "config" of the image configuration. */
static void open_scene(struct scene *s, const char *dump, const char *process)
{
	struct cfs_dump_opts dump_opts = {0};
	struct cfs_tree *tree;
	char json[2048];

	*s = (struct scene){0};
	t_eq(cfs_dump_read_mem(cfs_text(dump), CFS_SHA256, &dump_opts, &tree, &err), 0);
	t_eq(cfs_image_write(tree, &(struct cfs_image_write){0}, cfs_sink_mem(&s->mem),
			     &err),
	     0);
	t_eq(cfs_image_open((struct cfs_span){s->mem.p, s->mem.len}, &s->im, &err), 0);
	cfs_tree_free(tree);
	snprintf(json, sizeof(json),
		 "{\"os\":\"linux\",\"architecture\":\"amd64\",\"author\":\"A\","
		 "\"created\":\"2024-01-01T00:00:00Z\",\"variant\":\"v2\","
		 "\"rootfs\":{\"type\":\"layers\"},\"config\":{%s}}",
		 process);
	t_eq(cfs_oci_config_parse(cfs_text(json), &s->config, &err), 0);
	s->opts.left_out = note_label;
	s->opts.ctx = s;
}

static void close_scene(struct scene *s)
{
	json_decref(s->out);
	cfs_oci_config_fini(&s->config);
	free(s->mem.p);
}

static int compute(struct scene *s)
{
	char *text;
	int rc = cfs_bundle_make_config(&s->config, &s->im, &s->opts, &text, &err);

	if (rc == 0) {
		json_decref(s->out);
		s->out = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		t_ok(s->out);
	}
	free(text);
	return rc;
}

/* A member of the process as compact JSON; the caller frees it. */
static void want_process(struct scene *s, const char *key, const char *expected)
{
	json_t *member = json_object_get(json_object_get(s->out, "process"), key);
	char *text = json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY);

	t_str(text, expected);
	free(text);
}

static const json_t *mount_at(const struct scene *s, const char *path)
{
	json_t *mount;
	size_t i;

	json_array_foreach(json_object_get(s->out, "mounts"), i, mount)
	{
		if (strcmp(json_string_value(json_object_get(mount, "destination")),
			   path) == 0)
			return mount;
	}
	return NULL;
}

static const char *annotation(const struct scene *s, const char *key)
{
	return json_string_value(
		json_object_get(json_object_get(s->out, "annotations"), key));
}

/* The error of one configuration and image. */
static void want_refused(const char *dump, const char *process, int code,
			 const char *message)
{
	struct scene s;

	open_scene(&s, dump, process);
	t_eq(compute(&s), code);
	t_has(err.msg, message);
	close_scene(&s);
}

#define RUN "\"Cmd\":[\"/bin/x\"]"

/* --- process ------------------------------------------------------------------------ */

T(arguments_are_entrypoint_and_cmd_and_those_of_the_user_replace_cmd)
{
	static const char *const own[] = {"a b", "c"};
	struct scene s;

	open_scene(&s, BASE, "\"Entrypoint\":[\"/e\",\"-x\"],\"Cmd\":[\"d\"]");
	t_eq(compute(&s), 0);
	want_process(&s, "args", "[\"/e\",\"-x\",\"d\"]");
	s.opts.args = own;
	s.opts.n_args = 2;
	t_eq(compute(&s), 0);
	want_process(&s, "args", "[\"/e\",\"-x\",\"a b\",\"c\"]");
	close_scene(&s);
}

T(an_image_without_a_program_is_refused)
{
	want_refused(BASE, "", -EINVAL, "neither Entrypoint nor Cmd");
	want_refused(BASE, "\"Cmd\":[\"\"]", -EINVAL, "neither Entrypoint nor Cmd");
}

T(the_default_path_is_added_when_there_is_none)
{
	struct scene s;

	open_scene(&s, BASE, RUN ",\"Env\":[\"XPATH=1\",\"A=b\"]");
	t_eq(compute(&s), 0);
	want_process(&s, "env",
		     "[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
		     "/bin\",\"XPATH=1\",\"A=b\"]");
	close_scene(&s);
	open_scene(&s, BASE, RUN ",\"Env\":[\"PATH=/x\"]");
	t_eq(compute(&s), 0);
	want_process(&s, "env", "[\"PATH=/x\"]");
	close_scene(&s);
}

T(users_are_numbers_and_only_root_has_capabilities)
{
	struct scene s;

	open_scene(&s, BASE, RUN ",\"User\":\"app\"");
	s.opts.passwd = CFS_TEXT("app:x:5:6::/:/bin/sh\n");
	s.opts.group = CFS_TEXT("more:x:9:app\n");
	t_eq(compute(&s), 0);
	want_process(&s, "user", "{\"uid\":5,\"gid\":6,\"additionalGids\":[9]}");
	t_ok(!json_object_get(
		json_object_get(json_object_get(s.out, "process"), "capabilities"),
		"effective"));
	close_scene(&s);
	want_refused(BASE, RUN ",\"User\":\"app\"", -EINVAL, "user \"app\"");
}

T(the_working_directory_is_absolute_and_exists)
{
	struct scene s;

	open_scene(&s, BASE DIR("/w"), RUN ",\"WorkingDir\":\"/w\"");
	t_eq(compute(&s), 0);
	want_process(&s, "cwd", "\"/w\"");
	close_scene(&s);
	open_scene(&s, BASE, RUN ",\"WorkingDir\":\"\"");
	t_eq(compute(&s), 0);
	want_process(&s, "cwd", "\"/\"");
	close_scene(&s);
	want_refused(BASE, RUN ",\"WorkingDir\":\"w\"", -EINVAL, "absolute path");
	want_refused(BASE, RUN ",\"WorkingDir\":\"/../w\"", -EINVAL, "\"..\"");
	want_refused(BASE FILE_AT("/w"), RUN ",\"WorkingDir\":\"/w\"", -ENOTDIR,
		     "expected a directory");
	want_refused(BASE, RUN ",\"WorkingDir\":\"/w\"", -ENOENT,
		     "working directory /w: missing in the image");
}

T(no_new_privileges_and_no_limits_above_those_of_the_caller)
{
	struct scene s;

	open_scene(&s, BASE, RUN);
	s.opts.no_new_privs = true;
	t_eq(compute(&s), 0);
	want_process(&s, "noNewPrivileges", "true");
	t_ok(!json_object_get(json_object_get(s.out, "process"), "rlimits"));
	s.opts.no_new_privs = false;
	t_eq(compute(&s), 0);
	want_process(&s, "noNewPrivileges", "false");
	close_scene(&s);
}

/* --- mounts ------------------------------------------------------------------------- */

T(a_read_only_root_needs_its_mount_points)
{
	struct scene s;

	want_refused(ROOT DIR("/dev") DIR("/sys"), RUN, -ENOENT,
		     "mount point /proc: missing in the image");
	want_refused(ROOT DIR("/dev") FILE_AT("/proc") DIR("/sys"), RUN, -ENOTDIR,
		     "mount point /proc: expected a directory");
	open_scene(&s, ROOT, RUN ",\"WorkingDir\":\"/w\",\"Volumes\":{\"/v\":{}}");
	s.opts.writable = true;
	t_eq(compute(&s), 0);
	t_ok(mount_at(&s, "/proc") && mount_at(&s, "/v"));
	close_scene(&s);
}

T(mount_points_of_the_runtime_are_no_symbolic_links)
{
	want_refused(ROOT DIR("/dev") DIR("/etc") LINK("/proc", "3", "etc") DIR("/sys"),
		     RUN, -EINVAL, "mount point /proc: expected a directory");
	want_refused(ROOT DIR("/dev") LINK("/proc", "4", "gone") DIR("/sys"), RUN,
		     -EINVAL, "symbolic link without a target");
}

T(run_is_a_tmpfs_if_the_root_is_read_only_and_the_image_has_it)
{
	struct scene s;

	open_scene(&s, BASE DIR("/run"), RUN);
	t_eq(compute(&s), 0);
	t_ok(mount_at(&s, "/run"));
	s.opts.writable = true;
	t_eq(compute(&s), 0);
	t_ok(!mount_at(&s, "/run"));
	close_scene(&s);
	open_scene(&s, BASE, RUN);
	t_eq(compute(&s), 0);
	t_ok(!mount_at(&s, "/run"));
	close_scene(&s);
}

T(volumes_are_tmpfs_with_the_files_of_the_image)
{
	struct scene s;
	char *text;

	open_scene(&s, BASE DIR("/d") DIR("/d/in") LINK("/l", "1", "d"),
		   RUN ",\"Volumes\":{\"/d/in\":{},\"/l/\":{},\"/d\":{}}");
	t_eq(compute(&s), 0);
	text = json_dumps(mount_at(&s, "/d"), JSON_COMPACT);
	t_str(text, "{\"destination\":\"/d\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		    "\"options\":[\"nosuid\",\"nodev\",\"tmpcopyup\"]}");
	free(text);
	t_eq(json_array_size(json_object_get(s.out, "mounts")), 7 + 2);
	close_scene(&s);
}

T(volumes_do_not_hide_what_the_runtime_mounts)
{
	static const char *const bad[] = {"/",	  "/proc",   "/proc/x", "/sys/fs",
					  "/dev", "/./proc", "/l/x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char process[128];

		snprintf(process, sizeof(process), RUN ",\"Volumes\":{\"%s\":{}}",
			 bad[i]);
		want_refused(BASE LINK("/l", "5", "/proc"), process, -EINVAL,
			     "expected a path outside of /proc, /sys and /dev");
	}
	want_refused(BASE, RUN ",\"Volumes\":{\"/v\":{}}", -ENOENT,
		     "mount point /v: missing");
	want_refused(BASE LINK("/l", "10", "/proc/self"), RUN ",\"Volumes\":{\"/l\":{}}",
		     -EINVAL, "symbolic link without a target");
}

T(files_of_the_host_are_mounted_with_its_network_where_the_image_has_them)
{
	struct scene s;

	open_scene(&s,
		   BASE DIR("/etc") FILE_AT("/etc/hosts")
			   LINK("/etc/resolv.conf", "13", "../run/resolv"),
		   RUN);
	t_eq(compute(&s), 0);
	t_ok(!mount_at(&s, "/etc/hosts"));
	s.opts.host_network = true;
	t_eq(compute(&s), 0);
	t_ok(mount_at(&s, "/etc/hosts"));
	t_ok(!mount_at(&s, "/etc/resolv.conf"));
	close_scene(&s);
}

/* --- annotations -------------------------------------------------------------------- */

T(labels_are_annotations_and_have_precedence)
{
	struct scene s;

	open_scene(&s, BASE,
		   RUN ",\"Labels\":{\"a\":\"b\",\"org.opencontainers.image.os\":\"x\"},"
		       "\"StopSignal\":\"SIGINT\",\"ExposedPorts\":{\"80/tcp\":{},"
		       "\"53/udp\":{}}");
	t_eq(compute(&s), 0);
	t_str(annotation(&s, "a"), "b");
	t_str(annotation(&s, "org.opencontainers.image.os"), "x");
	t_str(annotation(&s, "org.opencontainers.image.architecture"), "amd64");
	t_str(annotation(&s, "org.opencontainers.image.variant"), "v2");
	t_str(annotation(&s, "org.opencontainers.image.author"), "A");
	t_str(annotation(&s, "org.opencontainers.image.created"), "2024-01-01T00:00:00Z");
	t_str(annotation(&s, "org.opencontainers.image.stopSignal"), "SIGINT");
	t_str(annotation(&s, "org.opencontainers.image.exposedPorts"), "80/tcp,53/udp");
	t_str(s.left_out, "");
	close_scene(&s);
}

T(labels_that_act_on_the_host_are_left_out_and_reported)
{
	struct scene s;

	open_scene(&s, BASE,
		   RUN ",\"Labels\":{\"run.oci.hooks.stdout\":\"/x\",\"run.ocix\":\"1\","
		       "\"org.systemd.property.Slice\":\"1\",\"\":\"1\"}");
	t_eq(compute(&s), 0);
	t_ok(!annotation(&s, "run.oci.hooks.stdout"));
	t_ok(!annotation(&s, "org.systemd.property.Slice"));
	t_str(annotation(&s, "run.ocix"), "1");
	t_str(s.left_out, "run.oci.hooks.stdout;org.systemd.property.Slice;;");
	close_scene(&s);
}
