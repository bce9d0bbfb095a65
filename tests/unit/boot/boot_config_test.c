/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot: the configuration, and what it allows. */
#include "boot/boot.h"

#include "t.h"

#define A64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static struct cfs_boot_config config;
static struct cfs_boot_choice choice;
static struct cfs_err err;
static char warned[512];

static void warn(void *ctx, const char *msg)
{
	(void)ctx;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static const struct cfs_watch watch = {.warning = warn};

static int parse(const char *text)
{
	err.msg[0] = warned[0] = 0;
	cfs_boot_config_init(&config);
	return cfs_boot_config_parse(cfs_text(text), &config, &watch, &err);
}

static int choose(const char *text, const char *cmdline)
{
	struct cfs_boot_args args;

	t_eq(parse(text), 0);
	t_eq(cfs_boot_args_parse(cfs_text(cmdline), &args, &err), 0);
	return cfs_boot_choose(&args, &config, &watch, &choice, &err);
}

T(boot_has_strict_defaults)
{
	t_eq(parse(""), 0);
	t_eq(config.mode, CFS_BOOT_MODE_DIGEST);
	t_ok(!config.allow_insecure && !config.allow_transient && !config.sealed);
	t_ok(!config.root_transient && !config.root_transient_ro);
	t_eq(config.etc, CFS_BOOT_OVERLAY);
	t_eq(config.var, CFS_BOOT_BIND);
	t_ok(config.sysroot_readonly);
	t_str(config.repo, "composefs");
	t_str(config.state, "state/deploy");
	t_str(config.keys, "");
	t_eq(cfs_boot_config_get_action(&config), CFS_BOOT_EXIT);
}

T(boot_reads_every_key)
{
	t_eq(parse("# comment\n; comment\n\n[composefs]\nmode = signed\r\nrepo=/a/b\n"
		   "  state = s \nkeys = /k/eys\nallow-insecure=true\n"
		   "allow-transient=yes\nsealed=1\non-failure=poweroff\n"
		   "failure-delay=17\n[root]\ntransient=true\ntransient-ro=yes\n"
		   "[etc]\nmount=none\n[var]\nmount=overlay\n[sysroot]\nreadonly=no"),
	     0);
	t_str(warned, "");
	t_eq(config.mode, CFS_BOOT_MODE_SIGNED);
	t_str(config.repo, "a/b");
	t_str(config.state, "s");
	t_str(config.keys, "/k/eys");
	t_ok(config.allow_insecure && config.allow_transient && config.sealed);
	t_eq(cfs_boot_config_get_action(&config), CFS_BOOT_POWEROFF);
	t_eq(config.delay_s, 17);
	t_ok(config.root_transient && config.root_transient_ro);
	t_eq(config.etc, CFS_BOOT_NONE);
	t_eq(config.var, CFS_BOOT_OVERLAY);
	t_ok(!config.sysroot_readonly);
}

T(boot_reads_the_file_of_composefs_rs_and_the_words_of_bootc)
{
	t_eq(parse("[etc]\nmount=\"bind\"\n[var]\nmount = \"volatile\"\n[root]\n"
		   "transient=false\n"),
	     0);
	t_eq(config.etc, CFS_BOOT_BIND);
	t_eq(config.var, CFS_BOOT_TRANSIENT);
	t_eq(parse("[etc]\ntransient=true\n[var]\nmount=root\n"), 0);
	t_eq(config.etc, CFS_BOOT_TRANSIENT);
	t_eq(config.var, CFS_BOOT_NONE);
}

T(boot_lets_the_last_value_count)
{
	t_eq(parse("[etc]\nmount=none\nmount=bind\n"), 0);
	t_eq(config.etc, CFS_BOOT_BIND);
	t_eq(cfs_boot_config_parse(cfs_text("[etc]\nmount=overlay\n"), &config, NULL,
				   &err),
	     0);
	t_eq(config.etc, CFS_BOOT_OVERLAY);
}

T(boot_warns_of_unknown_keys)
{
	t_eq(parse("[composefs]\nmod=signed\n"), 0);
	t_str(warned, "unknown configuration key composefs.mod");
	t_eq(parse("mode=signed\n"), 0);
	t_str(warned, "unknown configuration key .mode");
	t_eq(parse("[etc]\nmode=signed\n"), 0);
	t_str(warned, "unknown configuration key etc.mode");
	t_eq(config.mode, CFS_BOOT_MODE_DIGEST);
}

T(boot_refuses_wrong_values_and_names_the_line)
{
	static const char *const bad[] = {
		"mode=",
		"mode=Digest",
		"mode=signed x",
		"repo=",
		"repo=../x",
		"keys=k",
		"keys=/",
		"keys=/../k",
		"allow-insecure=maybe",
		"sealed=TRUE",
		"on-failure=halt",
		"failure-delay=",
		"failure-delay=-1",
		"failure-delay=3601",
		"failure-delay=99999999999",
		"failure-delay=5s",
		"mode",
		"=signed",
		"[",
		"[]",
		"[composefs",
		"mode=\"signed",
		"repo=\"composefs",
		"mode=\"",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "[composefs]\n\n%s\n", bad[i]);
		t_eq(parse(text), -EINVAL);
		t_has(err.msg, "line 3: ");
	}
	t_eq(parse("[etc]\nmount=tmpfs\n"), -EINVAL);
	t_has(err.msg, "etc.mount: expected none, bind, overlay, transient, root, "
		       "volatile, got \"tmpfs\"");
}

T(boot_refuses_values_that_contradict_each_other)
{
	t_eq(parse("[root]\ntransient=1\ntransient-ro=1\n"), 0);
	t_eq(cfs_boot_config_check(&config, &err), -EINVAL);
	t_eq(parse("[composefs]\nsealed=1\nallow-insecure=1\n"), 0);
	t_eq(cfs_boot_config_check(&config, &err), -EINVAL);
	t_eq(parse("[composefs]\nsealed=1\n[root]\ntransient=1"), 0);
	t_eq(cfs_boot_config_check(&config, &err), 0);
}

T(boot_reboots_a_sealed_system_unless_told_otherwise)
{
	t_eq(parse("[composefs]\nsealed=1\n"), 0);
	t_eq(cfs_boot_config_get_action(&config), CFS_BOOT_REBOOT);
	t_eq(parse("[composefs]\nsealed=1\non-failure=exit"), 0);
	t_eq(cfs_boot_config_get_action(&config), CFS_BOOT_EXIT);
}

T(boot_needs_a_digest_in_the_mode_of_that_name)
{
	t_eq(choose("", "quiet"), -ENODATA);
	t_eq(choose("", "composefs=" A64), 0);
	t_eq(choice.n_images, 1);
	t_ok(!choice.require_signature);
	t_eq(choose("", "ostree=/ostree/x"), -ENODATA);
}

T(boot_refuses_insecure_images_unless_allowed)
{
	t_eq(choose("", "composefs=?" A64), -EPERM);
	t_eq(choose("", "composefs=" A64 " composefs=?" A64), -EPERM);
	t_eq(choose("[composefs]\nallow-insecure=1\n", "composefs=?" A64), 0);
	t_ok(choice.images[0].insecure);
	t_eq(choose("[composefs]\nallow-insecure=1\nmode=signed\n", "composefs=?" A64),
	     -EPERM);
}

T(boot_refuses_the_unverified_mode_unless_allowed)
{
	t_eq(choose("[composefs]\nmode=unverified\n", ""), -EPERM);
	t_eq(choose("[composefs]\nmode=unverified\nallow-insecure=1\n", ""), 0);
	t_eq(choice.n_images, 0);
	t_ok(!choice.require_signature);
}

T(boot_requires_a_signature_beside_a_digest_in_the_signed_mode)
{
	t_eq(choose("[composefs]\nmode=signed\nkeys=/k\n", ""), 0);
	t_ok(choice.require_signature);
	t_eq(choice.n_images, 0);
	t_str(choice.keys, "/k");
	t_eq(choose("[composefs]\nmode=signed\n", "composefs=" A64), 0);
	t_ok(choice.require_signature);
	t_eq(choice.n_images, 1);
	t_ok(!choice.images[0].insecure);
}

T(boot_takes_the_first_image_alone_without_fallback)
{
	t_eq(choose("", "composefs=" A64 " composefs=" A64 " composefs.fallback=0"), 0);
	t_eq(choice.n_images, 1);
	t_eq(choose("", "composefs=" A64 " composefs=" A64), 0);
	t_eq(choice.n_images, 2);
}

T(boot_makes_parts_transient_by_argument_only_where_allowed)
{
	t_eq(choose("", "composefs=" A64 " composefs.transient=root,etc,var"), 0);
	t_has(warned, "composefs.transient= has no effect");
	t_eq(choice.root, CFS_BOOT_ROOT_READONLY);
	t_eq(choice.etc, CFS_BOOT_OVERLAY);
	t_eq(choice.var, CFS_BOOT_BIND);
	t_eq(choose("[composefs]\nallow-transient=1\n",
		    "composefs=" A64 " composefs.transient=root,etc,var"),
	     0);
	t_str(warned, "");
	t_eq(choice.root, CFS_BOOT_ROOT_TRANSIENT);
	t_eq(choice.etc, CFS_BOOT_TRANSIENT);
	t_eq(choice.var, CFS_BOOT_TRANSIENT);
	t_eq(choose("[composefs]\nallow-transient=1\n[root]\ntransient-ro=1\n",
		    "composefs=" A64 " composefs.transient=root"),
	     0);
	t_eq(choice.root, CFS_BOOT_ROOT_TRANSIENT_RO);
}

T(boot_leaves_var_to_the_volatile_mode_of_systemd)
{
	t_eq(choose("", "composefs=" A64 " systemd.volatile=state"), 0);
	t_eq(choice.var, CFS_BOOT_NONE);
}

T(boot_takes_the_state_directory_of_the_argument)
{
	t_eq(choose("", "composefs=" A64 " composefs.state=other"), 0);
	t_str(choice.state, "other");
	t_eq(choose("[composefs]\nstate=mine\nrepo=r\n", "composefs=" A64), 0);
	t_str(choice.state, "mine");
	t_str(choice.repo, "r");
}
