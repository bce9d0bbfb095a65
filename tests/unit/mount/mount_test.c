/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: option strings, what is refused before the mount, and the steps as data. */
#include "mount/mount_priv.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "t.h"

/* --- option strings ----------------------------------------------------------------- */

static int parse(struct cfs_mount_args *args, const char *text, struct cfs_err *err)
{
	*args = (struct cfs_mount_args){0};
	return cfs_mount_parse(args, text, err);
}

/* The parsed options as one line of text, for tables. */
static const char *describe(const struct cfs_mount_args *args)
{
	static const char *const verity[] = {"", " tryverity", " verity"};
	static const char *const prefetch[] = {"", " wait", " off"};
	static char text[512];
	const struct cfs_mount_opts *o = &args->opts;
	int n = 0;

	text[0] = 0;
	for (size_t i = 0; i < o->n_objdirs; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " [%s]", o->objdirs[i]);
	if (o->upperdir)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " upper=%s",
			      o->upperdir);
	if (o->workdir)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " work=%s", o->workdir);
	if (o->digest)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " digest=%s",
			      o->digest);
	if (args->idmap)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " idmap=%s",
			      args->idmap);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s%s%s", verity[o->verity],
		      prefetch[o->prefetch], o->readonly ? " ro" : "",
		      o->require_signature ? " signed" : "");
	if (args->allowed)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " allowed=%llx",
			      (unsigned long long)args->allowed);
	if (o->attr)
		snprintf(text + n, sizeof(text) - (size_t)n, " attr=%llx",
			 (unsigned long long)o->attr);
	return text;
}

static const struct {
	const char *text, *expected;
} valid_options[] = {
	{"basedir=/a", " [/a]"},
	{"basedir=/a:/b:c", " [/a] [/b] [c]"},
	{"basedir=/a\\:b:/c\\,d", " [/a:b] [/c,d]"},
	{"basedir=/a\\\\:/b", " [/a\\] [/b]"},
	{"basedir=/a=b", " [/a=b]"},
	{"basedir=/x\\", " [/x\\]"},
	{"upperdir=/u\\,v,workdir=w\\=x", " upper=/u,v work=w=x"},
	{"digest=abcd", " digest=abcd"},
	{"digest=", " digest="},
	{"idmap=/proc/1/ns/user", " idmap=/proc/1/ns/user"},
	{"verity", " verity"},
	{"tryverity", " tryverity"},
	{"allow-suid", " allowed=2"},
	{"allow-dev", " allowed=4"},
	{"nosuid,allow-suid,allow-dev", " allowed=6 attr=2"},
	{"verity,tryverity", " verity"},
	{"tryverity,verity", " verity"},
	{"signed", " signed"},
	{"signature=/s", " signed"},
	{"trusted=/keys.d", " signed"},
	{"statement=/s,name=os,floor=/f", " signed"},
	{"ro", " ro"},
	{"ro,rw", ""},
	{"rw,ro", " ro"},
	{"prefetch=off", " off"},
	{"prefetch=wait", " wait"},
	{"prefetch=wait,prefetch=async", ""},
	{"basedir=/a,basedir=/b:/c", " [/b] [/c]"},
	{"digest=aa,digest=bb", " digest=bb"},
	{"nosuid,nodev,noexec", " attr=e"},
	{"nosuid,nodev,noexec,suid,dev,exec", ""},
	{"noatime", " attr=10"},
	{"strictatime,noatime", " attr=10"},
	{"noatime,strictatime", " attr=20"},
	{"noatime,relatime", ""},
	{"nosymfollow,nodiratime", " attr=200080"},
	{"user=me", " attr=e"},
	{"users,exec", " attr=6"},
	{"owner", " attr=6"},
	{"defaults,auto,noauto,nouser,nofail,_netdev,async", ""},
	{"x-systemd.automount,x-initrd.mount,X-mount.mkdir=0755,comment=hello", ""},
};

T(mount_parse_understands_each_option)
{
	for (size_t i = 0; i < sizeof(valid_options) / sizeof(valid_options[0]); i++) {
		struct cfs_mount_args args;
		struct cfs_err err = {""};
		int rc = parse(&args, valid_options[i].text, &err);
		char got[512];

		snprintf(got, sizeof(got), "%s%s", err.msg, describe(&args));
		cfs_mount_args_fini(&args);
		t_eq(rc, 0);
		t_str(got, valid_options[i].expected);
	}
}

T(mount_parse_refuses_with_documented_messages)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"nonsense", "Unsupported option nonsense"},
		{"nonsense=3,ro", "Unsupported option nonsense"},
		{"", "Unsupported option "},
		{"ro,", "Unsupported option "},
		{"ro,,rw", "Unsupported option "},
		{"basedi", "Unsupported option basedi"},
		{"Basedir=/a", "Unsupported option Basedir"},
		{"based\\ir=/a", "Unsupported option based\\ir"},
		{"basedir", "No value specified for basedir option"},
		{"digest", "No value specified for digest option"},
		{"upperdir", "No value specified for upperdir option"},
		{"workdir", "No value specified for workdir option"},
		{"idmap", "No value specified for idmap option"},
		{"trusted", "No value specified for trusted option"},
		{"signed=0", "The signed option takes no value"},
		{"basedir=", "Value for basedir option has incorrect format"},
		{"basedir=:", "Value for basedir option has incorrect format"},
		{"basedir=/a:", "Value for basedir option has incorrect format"},
		{"basedir=/a::/b", "Value for basedir option has incorrect format"},
		{"verity=off", "The verity option takes no value"},
		{"ro=0", "The ro option takes no value"},
		{"nosuid=0", "The nosuid option takes no value"},
		{"prefetch=now", "prefetch: expected async, wait or off, got \"now\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfs_mount_args args;
		struct cfs_err err = {""};
		int rc = parse(&args, rows[i].text, &err);

		cfs_mount_args_fini(&args);
		t_eq(rc, -EINVAL);
		t_str(err.msg, rows[i].expected);
	}
}

T(mount_parse_keeps_the_options_of_signatures)
{
	struct cfs_mount_args args;

	t_eq(parse(&args, "signature=a\\,b,statement=c,name=d,floor=e,trusted=f", NULL),
	     0);
	t_str(args.signature, "a,b");
	t_str(args.statement, "c");
	t_str(args.name, "d");
	t_str(args.floor, "e");
	t_str(args.trusted, "f");
	cfs_mount_args_fini(&args);
}

T(mount_parse_adds_up_several_strings)
{
	struct cfs_mount_args args = {0};

	t_eq(cfs_mount_parse(&args, "basedir=/a,ro", NULL), 0);
	t_eq(cfs_mount_parse(&args, "nosuid", NULL), 0);
	t_str(describe(&args), " [/a] ro attr=2");
	cfs_mount_args_fini(&args);
}

T(mount_parse_sloppy_ignores_unknown_options_only)
{
	struct cfs_mount_args args = {.sloppy = true};

	t_eq(cfs_mount_parse(&args, "fancy=3,basedir=/a,new", NULL), 0);
	t_str(describe(&args), " [/a]");
	t_eq(cfs_mount_parse(&args, "verity=off", NULL), -EINVAL);
	cfs_mount_args_fini(&args);
}

/* --- checks ------------------------------------------------------------------------- */

static const char *const one_dir[] = {"/objects"};
static const char *const root_dir[] = {"/"};
static const char *const two_dirs[] = {"/o,1", "/o:2"};

#define DIGEST_00 "0000000000000000000000000000000000000000000000000000000000000000"

T(mount_check_refuses_contradictory_options)
{
	const struct {
		struct cfs_mount_opts o;
		const char *expected;
	} rows[] = {
		{{.n_objdirs = 0}, "No object dirs specified"},
		{{one_dir, 1, .upperdir = "/u"},
		 "Both workdir and upperdir must be specified if used"},
		{{one_dir, 1, .workdir = "/w"},
		 "Both workdir and upperdir must be specified if used"},
		{{one_dir, 1, .digest = ""}, "digest: expected 64 (sha256)"},
		{{one_dir, 1, .digest = "abcd"}, "digest: expected 64 (sha256)"},
		{{one_dir, 1, .digest = DIGEST_00 "0"}, "digest: expected 64 (sha256)"},
		{{one_dir, 1, .digest = "x" DIGEST_00}, "digest: expected 64 (sha256)"},
		{{one_dir, 1, .idmap = true, .idmap_fd = -1}, "idmap: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfs_err err = {""};

		t_eq(cfs_mount_check(&rows[i].o, &err), -EINVAL);
		t_has(err.msg, rows[i].expected);
	}
}

T(mount_check_takes_complete_options)
{
	struct cfs_mount_opts o = {one_dir, 1, "/u", "/w", .digest = DIGEST_00};

	t_eq(cfs_mount_check(&o, NULL), 0);
}

/* An unlinked file with these bytes; the caller closes it. */
static int file_with(const void *p, size_t len)
{
	char path[] = "/tmp/mount_test.XXXXXX";
	int fd = mkstemp(path);

	t_ok(fd >= 0);
	unlink(path);
	t_eq(write(fd, p, len), len);
	return fd;
}

static int inspect(const void *p, size_t len, const struct cfs_mount_opts *o,
		   struct cfs_mount_facts *facts, struct cfs_err *err)
{
	struct cfs_mount_opts opened = *o;
	struct cfs_mount_dirs dirs;
	int fd = file_with(p, len);
	int rc = cfs_mount_inspect(fd, &opened, &dirs, facts, err);

	cfs_mount_dirs_close(&dirs);
	close(fd);
	return rc;
}

static const uint8_t header[32] = {0x9a, 0x62, 0x78, 0xd0, 9, 0, 0, 0, 0};
static const uint8_t acl_header[32] = {0x9a, 0x62, 0x78, 0xd0, 1, 0, 0, 0, 1};
static const uint8_t bad_header[32] = {0x9b, 0x62, 0x78, 0xd0, 1, 0, 0, 0, 1};

T(mount_inspect_reads_acl_flag_and_size_from_the_image)
{
	struct cfs_mount_opts o = {root_dir, 1};
	struct cfs_mount_facts facts;

	t_eq(inspect(header, sizeof(header), &o, &facts, NULL), 0);
	t_ok(!facts.has_acl && !facts.objects_verity);
	t_eq(facts.prefetch_len, 32);
	t_eq(inspect(acl_header, sizeof(acl_header), &o, &facts, NULL), 0);
	t_ok(facts.has_acl);
}

T(mount_reads_ahead_an_eighth_of_what_memory_is_available_at_most)
{
	static const struct {
		const char *meminfo;
		uint64_t max;
	} cases[] = {
		{"MemTotal: 9 kB\nMemFree: 8 kB\nMemAvailable:   24000 kB\n", 3072000},
		{"MemTotal: 9000000 kB\nMemAvailable: 524288 kB\n", 64 << 20},
		{"MemTotal: 9 kB\nMemAvailable: 99999999999999999999 kB\n", 64 << 20},
		{"MemAvailable: 0 kB\n", 0},
		{"MemTotal: 9000000 kB\nMemFree: 8000000 kB\n", 0},
		{"MemAvailable:", 0},
		{"", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		t_eq(cfs_prefetch_compute_max(cfs_text(cases[i].meminfo)), cases[i].max);
}

T(mount_inspect_refuses_a_file_that_is_no_image)
{
	struct cfs_mount_opts o = {root_dir, 1};
	struct cfs_mount_facts facts;
	struct cfs_mount_dirs dirs;
	struct cfs_err err;
	int dir = open("/", O_RDONLY | O_DIRECTORY);

	t_eq(inspect(bad_header, sizeof(bad_header), &o, &facts, &err), -EINVAL);
	t_str(err.msg, "not a composefs image");
	t_eq(inspect(header, 31, &o, &facts, &err), -EINVAL);
	t_eq(inspect(header, 0, &o, &facts, &err), -EINVAL);
	t_eq(cfs_mount_inspect(dir, &o, &dirs, &facts, &err), -EISDIR);
	close(dir);
	t_eq(cfs_mount_inspect(-1, &o, &dirs, &facts, &err), -EBADF);
}

/* The content of an image with another digest is not read. */
T(mount_inspect_measures_before_it_reads)
{
	struct cfs_mount_opts o = {root_dir, 1, .digest = DIGEST_00};
	struct cfs_mount_facts facts;
	struct cfs_err err;
	int rc = inspect(bad_header, sizeof(bad_header), &o, &facts, &err);

	t_eq(rc, -ENOTTY);
	t_has(err.msg, "Image has no fs-verity");
}

T(mount_inspect_names_the_directory_that_is_missing)
{
	static const char *const dirs[] = {"/", "/proc/self/status"};
	struct cfs_mount_opts o = {dirs, 2};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	t_eq(inspect(header, sizeof(header), &o, &facts, &err), -ENOTDIR);
	t_str(err.msg, "object directory /proc/self/status: Not a directory");
	o = (struct cfs_mount_opts){dirs, 1, "/nonexistent", "/"};
	t_eq(inspect(header, sizeof(header), &o, &facts, &err), -ENOENT);
	t_str(err.msg, "upperdir /nonexistent: No such file or directory");
	o = (struct cfs_mount_opts){dirs, 1, "/", "/nonexistent"};
	t_eq(inspect(header, sizeof(header), &o, &facts, &err), -ENOENT);
	t_str(err.msg, "workdir /nonexistent: No such file or directory");
}

T(mount_adds_nosuid_and_nodev_once_and_only_if_they_are_not_allowed)
{
	struct cfs_mount_opts o = {.attr = MOUNT_ATTR_NOEXEC};
	struct cfs_mount_opts quiet = {.attr = MOUNT_ATTR_NODEV};

	t_eq(cfs_mount_restrain(&o, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), 0);
	t_eq(o.attr, MOUNT_ATTR_NOEXEC);
	t_eq(cfs_mount_restrain(&o, MOUNT_ATTR_NODEV), MOUNT_ATTR_NOSUID);
	t_eq(cfs_mount_restrain(&o, 0), MOUNT_ATTR_NODEV);
	t_eq(cfs_mount_restrain(&o, 0), 0);
	t_eq(o.attr, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	t_eq(cfs_mount_restrain(&quiet, 0), MOUNT_ATTR_NOSUID);
	t_str(cfs_mount_restraint_text(MOUNT_ATTR_NOSUID),
	      "nosuid: setuid programs and file capabilities have no effect");
	t_ok(!cfs_mount_restraint_text(MOUNT_ATTR_NODEV));
	t_ok(!cfs_mount_restraint_text(0));
}

/* Everybody can make an image, and objects with fs-verity. */
T(mount_with_verity_alone_is_not_verified)
{
	static const struct cfs_mount_opts unverified[] = {
		{0},
		{.verity = CFS_MOUNT_VERITY_TRY},
		{.verity = CFS_MOUNT_VERITY_REQUIRE},
	};

	for (size_t i = 0; i < sizeof(unverified) / sizeof(unverified[0]); i++)
		t_ok(!cfs_mount_is_verified(&unverified[i]));
	t_ok(cfs_mount_requires_verity(&unverified[2]));
	t_ok(cfs_mount_is_verified(&(struct cfs_mount_opts){.digest = "0"}));
	t_ok(cfs_mount_is_verified(&(struct cfs_mount_opts){.require_signature = true}));
}

T(mount_inspect_requires_verity_of_the_filesystem)
{
	static const char *const no_verity[] = {"/dev"};
	struct cfs_mount_opts o = {no_verity, 1, .verity = CFS_MOUNT_VERITY_REQUIRE};
	struct cfs_mount_facts facts;
	struct cfs_err err;

	t_eq(inspect(header, sizeof(header), &o, &facts, &err), -ENOTTY);
	t_has(err.msg, "object directory /dev: its filesystem has no fs-verity");
	o.verity = CFS_MOUNT_VERITY_TRY;
	t_eq(inspect(header, sizeof(header), &o, &facts, &err), 0);
	t_ok(!facts.objects_verity);
}

/* --- steps -------------------------------------------------------------------------- */

/* Appends what a step holds beside its operation, a word for each field that is set. */
static void describe_step(const struct cfs_step *s, FILE *text)
{
	if (s->key)
		fprintf(text, " %s", s->key);
	if (s->separator)
		fprintf(text, " %s", s->separator);
	if (s->value)
		fprintf(text, " %s", s->value);
	if (s->number)
		fprintf(text, " %llu", (unsigned long long)s->number);
	if (s->fd)
		fprintf(text, " fd %d", s->fd);
	for (int k = 0; k < 3 && s->move_on[k]; k++)
		fprintf(text, " %s", strerrorname_np(s->move_on[k]));
	if (s->optional)
		fprintf(text, " (optional)");
}

/* A way as text: a line a step, the errnos that lead to the next way at its end. */
static const char *way_text(const struct cfs_way *way)
{
	static const char *const names[] = {
		[CFS_STEP_OPEN] = "open",	[CFS_STEP_REFUSED] = "refused",
		[CFS_STEP_FLAG] = "flag",	[CFS_STEP_STRING] = "string",
		[CFS_STEP_SOURCE] = "source",	[CFS_STEP_DIR] = "dir",
		[CFS_STEP_LOWER] = "lower",	[CFS_STEP_LOWER_AT] = "lower-at",
		[CFS_STEP_CREATE] = "create",	[CFS_STEP_MOUNT] = "mount",
		[CFS_STEP_IDMAP] = "idmap",	[CFS_STEP_LOOP] = "loop",
		[CFS_STEP_OLD] = "old",		[CFS_STEP_PREFETCH] = "prefetch",
		[CFS_STEP_NAMES] = "names",	[CFS_STEP_DATA] = "data",
		[CFS_STEP_DATA_AT] = "data-at",
	};
	static char text[2048];
	FILE *out = fmemopen(text, sizeof(text), "w");

	t_ok(out);
	fprintf(out, "%s:", way->name);
	for (size_t i = 0; i < way->n_steps; i++) {
		fprintf(out, "\n%s", names[way->steps[i].op]);
		describe_step(&way->steps[i], out);
	}
	fclose(out);
	return text;
}

enum part { IMAGE, OVERLAY, APART };

/* Way number i of one part, as text; "" when there is none. */
static void check_way(const struct cfs_mount_opts *o, const struct cfs_mount_facts *facts,
		      enum part part, size_t i, const char *expected)
{
	struct cfs_steps steps;
	const struct cfs_ways *ways[] = {&steps.image, &steps.overlay, &steps.apart};
	char got[2048] = "";

	t_eq(cfs_mount_steps(o, facts, &steps, NULL), 0);
	if (i < ways[part]->n)
		strcpy(got, way_text(&ways[part]->way[i]));
	cfs_steps_fini(&steps);
	t_str(got, expected);
}

T(mount_steps_for_an_image_try_the_file_then_a_loop_device)
{
	struct cfs_mount_opts o = {one_dir, 1, .image_name = "a.cfs"};
	struct cfs_mount_facts facts = {.prefetch_len = 16384};

	check_way(&o, &facts, IMAGE, 0,
		  "file:\nopen erofs\nsource source\nflag ro\nflag noacl\n"
		  "create ENOTBLK ENOENT\nmount 1\nprefetch 16384");
	check_way(&o, &facts, IMAGE, 1,
		  "loop:\nopen erofs\nloop a.cfs\nsource source\nflag ro\n"
		  "flag noacl\ncreate ENOTBLK ENOENT\nmount 1\nprefetch 16384");
	check_way(&o, &facts, IMAGE, 2, "");
}

T(mount_steps_follow_header_prefetch_and_idmap)
{
	struct cfs_mount_opts o = {
		one_dir,
		1,
		.idmap = true,
		.idmap_fd = 7,
		.prefetch = CFS_MOUNT_PREFETCH_WAIT,
	};
	struct cfs_mount_facts facts = {.has_acl = true, .prefetch_len = 4096};

	check_way(&o, &facts, IMAGE, 0,
		  "file:\nopen erofs\nsource source\nflag ro\ncreate ENOTBLK ENOENT\n"
		  "mount 1\nidmap fd 7\nprefetch wait 4096");
	o.prefetch = CFS_MOUNT_PREFETCH_OFF;
	check_way(&o, &facts, IMAGE, 0,
		  "file:\nopen erofs\nsource source\nflag ro\ncreate ENOTBLK ENOENT\n"
		  "mount 1\nidmap fd 7");
}

T(mount_steps_for_the_overlay_try_descriptors_paths_and_mount2)
{
	struct cfs_mount_opts o = {one_dir, 1};
	struct cfs_mount_facts facts = {0};

	check_way(&o, &facts, OVERLAY, 0,
		  "descriptors:\nopen overlay\nstring source composefs\n"
		  "string metacopy on\nstring redirect_dir on\n"
		  "lower lowerdir+ EBADF EINVAL EOPNOTSUPP\ndata datadir+ /objects EBADF "
		  "EINVAL\n"
		  "create EBADF EINVAL\nmount");
	check_way(&o, &facts, APART, 0,
		  "paths:\nopen overlay\n"
		  "refused composefs-asks-for-the-new-mount-api EINVAL\n"
		  "string source composefs\nstring metacopy on\nstring redirect_dir on\n"
		  "lower-at lowerdir+ EINVAL\ndata-at datadir+ /objects EINVAL\n"
		  "create\nmount");
	check_way(&o, &facts, APART, 1,
		  "mount(2):\nold metacopy=on,redirect_dir=on,lowerdir= "
		  "::  32768 EINVAL");
	check_way(&o, &facts, APART, 2,
		  "mount(2), plain layers:\nnames /objects\n"
		  "old metacopy=on,redirect_dir=on,lowerdir= : ");
	check_way(&o, &facts, OVERLAY, 1, "");
	check_way(&o, &facts, APART, 3, "");
}

T(mount_steps_escape_paths_that_the_kernel_splits)
{
	struct cfs_mount_opts o = {
		two_dirs,	  2,
		"/u\\1,",	  "/w",
		.readonly = true, .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME,
	};
	struct cfs_mount_facts facts = {0};

	check_way(&o, &facts, OVERLAY, 0,
		  "descriptors:\nopen overlay\nstring source composefs\n"
		  "string metacopy on\nstring redirect_dir on\n"
		  "lower lowerdir+ EBADF EINVAL EOPNOTSUPP\ndata datadir+ /o,1 EBADF "
		  "EINVAL\n"
		  "data datadir+ /o:2 1 EBADF EINVAL\ndir upperdir /u\\1, EBADF EINVAL\n"
		  "dir workdir /w EBADF EINVAL\ncreate EBADF EINVAL\nmount 19");
	check_way(&o, &facts, APART, 0,
		  "paths:\nopen overlay\n"
		  "refused composefs-asks-for-the-new-mount-api EINVAL\n"
		  "string source composefs\nstring metacopy on\nstring redirect_dir on\n"
		  "lower-at lowerdir+ EINVAL\n"
		  "data-at datadir+ /o,1 EINVAL\ndata-at datadir+ /o:2 1 EINVAL\n"
		  "string upperdir /u\\\\1, EINVAL\nstring workdir /w EINVAL\n"
		  "create\nmount 19");
	check_way(&o, &facts, APART, 1,
		  "mount(2):\n"
		  "old metacopy=on,redirect_dir=on,lowerdir= "
		  ":: ,upperdir=/u\\\\1\\,,workdir=/w 33795 EINVAL");
}

/* The verity option of the way that is tried first, and of mount(2). */
static void check_verity(const struct cfs_mount_opts *o, bool objects_verity,
			 const char *expected, bool old_want)
{
	struct cfs_mount_facts facts = {.objects_verity = objects_verity};
	const char *got = "none";
	struct cfs_steps steps;
	bool old;

	t_eq(cfs_mount_steps(o, &facts, &steps, NULL), 0);
	for (size_t i = 0; i < steps.overlay.way[0].n_steps; i++) {
		const struct cfs_step *s = &steps.overlay.way[0].steps[i];

		if (s->key && strcmp(s->key, "verity") == 0)
			got = s->optional ? "optional" : s->value;
		if (s->key && strcmp(s->key, "verity") == 0 && !s->optional)
			t_str(s->hint, "verity needs overlayfs of kernel 6.6");
	}
	old = strstr(steps.apart.way[1].steps[0].value, "verity=require") != NULL;
	cfs_steps_fini(&steps);
	t_str(got, expected);
	t_eq(old, old_want);
}

/* No combination checks the image and leaves the objects unchecked. */
T(mount_steps_with_a_digest_or_a_signature_require_verity)
{
	struct cfs_mount_opts o = {one_dir, 1};

	check_verity(&o, true, "none", false);
	o.verity = CFS_MOUNT_VERITY_REQUIRE;
	check_verity(&o, true, "require", true);
	o.verity = CFS_MOUNT_VERITY_TRY;
	check_verity(&o, true, "optional", false);
	check_verity(&o, false, "none", false);
	o.digest = DIGEST_00;
	check_verity(&o, true, "require", true);
	check_verity(&o, false, "require", true);
	o.verity = CFS_MOUNT_VERITY_NONE;
	check_verity(&o, true, "require", true);
	o.digest = NULL;
	o.require_signature = true;
	check_verity(&o, false, "require", true);
}

T(mount_steps_take_many_object_directories)
{
	const char *dirs[300];
	struct cfs_mount_opts o = {dirs, 300, "/u", "/w", .digest = DIGEST_00};
	struct cfs_mount_facts facts = {.prefetch_len = 1};
	struct cfs_steps steps;

	for (size_t i = 0; i < 300; i++)
		dirs[i] = "/objects";
	t_eq(cfs_mount_steps(&o, &facts, &steps, NULL), 0);
	t_ok(steps.overlay.way[0].n_steps > 300);
	cfs_steps_fini(&steps);
}
