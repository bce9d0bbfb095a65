/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot: kernel command lines. */
#include "boot/boot.h"

#include "t.h"

#define A64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
#define B64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct cfs_boot_args args;
static struct cfs_err err;

static int parse(const char *text)
{
	err.msg[0] = 0;
	return cfs_boot_args_parse(cfs_text(text), &args, &err);
}

static const char *hex(size_t i)
{
	static char out[CFS_DIGEST_HEX_MAX];

	return cfs_digest_hex(&args.images[i].digest, out);
}

T(boot_reads_digests_of_both_algorithms_and_layouts)
{
	t_eq(parse("ro composefs.digest=v1-sha256-12:" A64
		   " composefs.digest=v2-sha512-12:" A64 B64 "\n"),
	     0);
	t_eq(args.n_images, 2);
	t_str(hex(0), A64);
	t_eq(args.images[0].digest.alg, CFS_SHA256);
	t_str(hex(1), A64 B64);
	t_eq(args.images[1].digest.alg, CFS_SHA512);
	t_ok(!args.images[0].insecure && !args.images[1].insecure);
}

T(boot_reads_the_short_form_in_the_order_of_the_command_line)
{
	t_eq(parse("composefs=" B64 " composefs.digest=v1-sha256-12:" A64
		   " composefs=" A64 B64),
	     0);
	t_eq(args.n_images, 3);
	t_str(hex(0), B64);
	t_str(hex(1), A64);
	t_str(hex(2), A64 B64);
}

T(boot_takes_a_question_mark_as_insecure_for_that_image_alone)
{
	t_eq(parse("composefs=?" B64 " composefs.digest=?v1-sha256-12:" A64
		   " composefs=" A64),
	     0);
	t_ok(args.images[0].insecure);
	t_ok(args.images[1].insecure);
	t_ok(!args.images[2].insecure);
}

T(boot_writes_digits_in_lower_case)
{
	t_eq(parse("composefs=ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789"
		   "ABCDEF"),
	     0);
	t_str(hex(0), "abcdef6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
}

T(boot_refuses_malformed_images_even_after_a_good_one)
{
	static const char *const bad[] = {
		"composefs=",
		"composefs",
		"composefs=?",
		"composefs=??" A64,
		"composefs=off",
		"composefs=" A64 "0",
		"composefs=sha256:" A64,
		"composefs=x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"
		"ef",
		"composefs.digest=" A64,
		"composefs.digest=v1-sha256-12:",
		"composefs.digest=v1-sha256-12:" A64 B64,
		"composefs.digest=v1-sha512-12:" A64,
		"composefs.digest=v1-sha256-12:?" A64,
		"composefs.digest=v3-sha256-12:" A64,
		"composefs.digest=v1-sha1-12:" A64,
		"composefs.digest=v1-sha256-16:" A64,
		"composefs.digest=v1-sha256-12" A64,
		"composefs.digest=V1-sha256-12:" A64,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text), "composefs=%s %s", A64, bad[i]);
		t_eq(parse(text), -EINVAL);
		t_has(err.msg, "kernel argument composefs");
	}
}

T(boot_refuses_more_images_than_it_keeps)
{
	char text[1024] = "";

	for (int i = 0; i < CFS_BOOT_IMAGES_MAX; i++)
		strcat(text, "composefs=" A64 " ");
	t_eq(parse(text), 0);
	t_eq(args.n_images, CFS_BOOT_IMAGES_MAX);
	strcat(text, "composefs=" A64);
	t_eq(parse(text), -E2BIG);
}

T(boot_splits_words_at_blanks_outside_quotes_only)
{
	t_eq(parse("a=\"b composefs=" A64 " c\" x\tcomposefs=" B64 "\nlast"), 0);
	t_eq(args.n_images, 1);
	t_str(hex(0), B64);
	t_eq(parse("\"composefs=" A64 "\" composefs=\"" B64 "\""), 0);
	t_eq(args.n_images, 2);
	t_eq(parse("a=\"open composefs=" A64), 0);
	t_eq(args.n_images, 0);
}

T(boot_ignores_other_arguments_and_similar_names)
{
	t_eq(parse(""), 0);
	t_eq(parse("  "), 0);
	t_eq(parse("composefsx=1 xcomposefs=2 composefs.digests=3 = == \" \"\" "
		   "=composefs"),
	     0);
	t_eq(args.n_images, 0);
	t_str(args.ostree, "");
	t_str(args.state, "");
}

T(boot_reads_the_deployment_of_ostree_and_of_android_slots)
{
	t_eq(parse("ostree=/ostree/boot.1/os/0123/0"), 0);
	t_str(args.ostree, "ostree/boot.1/os/0123/0");
	t_eq(parse("androidboot.slot_suffix=_a"), 0);
	t_str(args.ostree, "ostree/root.a");
	t_eq(parse("androidboot.slot_suffix=_b"), 0);
	t_str(args.ostree, "ostree/root.b");
	t_eq(parse("androidboot.slot_suffix=_c"), -EINVAL);
}

T(boot_refuses_paths_that_lead_out)
{
	static const char *const bad[] = {
		"ostree=",
		"ostree=/",
		"ostree=../x",
		"ostree=/a/../../b",
		"composefs.state=..",
		"composefs.state=a/..",
		"composefs.state=a\001b",
	};
	char text[400] = "composefs.state=";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(parse(bad[i]), -EINVAL);
	t_eq(parse("composefs.state=/a/..b"), 0);
	t_str(args.state, "a/..b");
	memset(text + strlen(text), 'p', CFS_BOOT_PATH_MAX - 1);
	t_eq(parse(text), 0);
	t_eq(strlen(args.state), CFS_BOOT_PATH_MAX - 1);
	strcat(text, "p");
	t_eq(parse(text), -EINVAL);
}

T(boot_reads_which_parts_are_transient)
{
	t_eq(parse("composefs.transient=root,var"), 0);
	t_eq(args.transient, CFS_BOOT_ROOT | CFS_BOOT_VAR);
	t_eq(parse("composefs.transient=etc"), 0);
	t_eq(args.transient, CFS_BOOT_ETC);
	t_eq(parse("composefs.transient="), -EINVAL);
	t_eq(parse("composefs.transient=etc,"), -EINVAL);
	t_eq(parse("composefs.transient=etc,usr"), -EINVAL);
}

T(boot_reads_fallback_and_the_volatile_mode_of_systemd)
{
	t_eq(parse("composefs.fallback=0"), 0);
	t_ok(args.no_fallback && !args.volatile_var);
	t_eq(parse("composefs.fallback=0 composefs.fallback=1"), 0);
	t_ok(!args.no_fallback);
	t_eq(parse("composefs.fallback=no"), -EINVAL);
	t_eq(parse("systemd.volatile=state"), 0);
	t_ok(args.volatile_var);
	t_eq(parse("systemd.volatile=overlay"), 0);
	t_ok(args.volatile_var);
	t_eq(parse("systemd.volatile=no"), 0);
	t_ok(!args.volatile_var);
}

T(boot_shows_no_control_characters_of_the_command_line)
{
	t_eq(parse("composefs=\033[2J"), -EINVAL);
	t_ok(!strchr(err.msg, '\033'));
}
