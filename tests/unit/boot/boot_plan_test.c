/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot: the steps, the record, the statuses. */
#include "boot/boot.h"

#include "t.h"

#define A64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static struct cfs_boot_choice choice;
static struct cfs_boot_facts facts;
static struct cfs_boot_plan plan;
static struct cfs_err err;

static void start(void)
{
	choice = (struct cfs_boot_choice){
		.state = "state/deploy",
		.etc = CFS_BOOT_OVERLAY,
		.var = CFS_BOOT_BIND,
		.sysroot_readonly = true,
	};
	facts = (struct cfs_boot_facts){
		.has_digest = true,
		.verified = true,
		.etc = CFS_BOOT_STATE_LAYERS,
		.var = CFS_BOOT_STATE_TREE,
	};
	t_eq(cfs_digest_parse(cfs_text(A64), &facts.digest, &err), 0);
}

/* The steps as text: letters, and the names. */
static const char *steps(void)
{
	static const char *const letters[] = {
		[CFS_BOOT_OP_WRITABLE] = "writable",
		[CFS_BOOT_OP_KEEP] = "keep",
		[CFS_BOOT_OP_MEMORY] = "memory",
		[CFS_BOOT_OP_IMAGE] = "image",
		[CFS_BOOT_OP_BIND] = "bind",
		[CFS_BOOT_OP_OVERLAY] = "overlay",
		[CFS_BOOT_OP_MAKE] = "make",
		[CFS_BOOT_OP_TRANSIENT] = "transient",
		[CFS_BOOT_OP_SYSROOT] = "sysroot",
	};
	static char out[512];

	t_eq(cfs_boot_plan(&choice, &facts, &plan, &err), 0);
	*out = 0;
	for (size_t i = 0; i < plan.n_steps; i++) {
		const struct cfs_boot_step *step = &plan.steps[i];

		if (i)
			strcat(out, " ");
		strcat(out, letters[step->op]);
		if (step->name && step->op != CFS_BOOT_OP_SYSROOT)
			strcat(strcat(out, ":"), step->name);
	}
	return out;
}

T(boot_mounts_the_image_then_etc_and_var_of_the_deployment)
{
	start();
	t_str(steps(), "writable keep image overlay:etc bind:var sysroot");
	t_str(plan.steps[3].from, "state/deploy/" A64 "/etc");
	t_str(plan.steps[4].from, "state/deploy/" A64 "/var");
	t_str(plan.source, "composefs:" A64);
	t_eq(plan.steps[2].root, CFS_BOOT_ROOT_READONLY);
	t_ok(plan.steps[5].readonly);
	choice.sysroot_readonly = false;
	steps();
	t_ok(!plan.steps[5].readonly);
}

T(boot_creates_missing_layers_of_an_overlay)
{
	start();
	facts.etc = CFS_BOOT_STATE_ABSENT;
	t_str(steps(), "writable keep image make overlay:etc bind:var sysroot");
	t_str(plan.steps[3].from, "state/deploy/" A64 "/etc");
	facts.etc = CFS_BOOT_STATE_EMPTY;
	t_str(steps(), "writable keep image make overlay:etc bind:var sysroot");
}

T(boot_lets_the_disk_decide_between_layers_and_a_tree)
{
	start();
	facts.etc = CFS_BOOT_STATE_TREE;
	t_str(steps(), "writable keep image bind:etc bind:var sysroot");
	facts.var = CFS_BOOT_STATE_LAYERS;
	choice.etc = CFS_BOOT_BIND;
	facts.etc = CFS_BOOT_STATE_LAYERS;
	t_str(steps(), "writable keep image overlay:etc overlay:var sysroot");
}

T(boot_refuses_a_missing_directory_that_is_bound)
{
	start();
	facts.var = CFS_BOOT_STATE_ABSENT;
	t_eq(cfs_boot_plan(&choice, &facts, &plan, &err), -ENOENT);
	t_has(err.msg,
	      "state/deploy/" A64 "/var: expected a directory for /var, got none");
	start();
	choice.etc = CFS_BOOT_BIND;
	facts.etc = CFS_BOOT_STATE_EMPTY;
	t_eq(cfs_boot_plan(&choice, &facts, &plan, &err), -ENOENT);
	t_has(err.msg, "/etc, got an empty one");
	start();
	facts.var = CFS_BOOT_STATE_EMPTY;
	t_str(steps(), "writable keep image overlay:etc bind:var sysroot");
}

T(boot_ignores_the_disk_for_what_is_transient_or_of_the_image)
{
	start();
	choice.etc = CFS_BOOT_TRANSIENT;
	choice.var = CFS_BOOT_NONE;
	facts.etc = CFS_BOOT_STATE_TREE;
	t_str(steps(), "keep memory image transient:etc sysroot");
	choice.etc = CFS_BOOT_NONE;
	choice.var = CFS_BOOT_TRANSIENT;
	t_str(steps(), "keep memory image transient:var sysroot");
	choice.var = CFS_BOOT_NONE;
	t_str(steps(), "keep image sysroot");
}

T(boot_puts_a_transient_root_into_the_overlay_of_the_image)
{
	start();
	choice.root = CFS_BOOT_ROOT_TRANSIENT;
	choice.etc = choice.var = CFS_BOOT_TRANSIENT;
	t_str(steps(), "keep memory image sysroot");
	t_str(plan.source, "transient:composefs=" A64);
	t_eq(plan.steps[2].root, CFS_BOOT_ROOT_TRANSIENT);
	choice.root = CFS_BOOT_ROOT_TRANSIENT_RO;
	t_str(steps(), "keep memory image transient:etc transient:var sysroot");
	choice.etc = CFS_BOOT_OVERLAY;
	t_str(steps(), "writable keep memory image overlay:etc transient:var sysroot");
}

T(boot_finds_etc_and_var_of_ostree_beside_the_deployment)
{
	start();
	strcpy(choice.ostree, "ostree/boot.1/os/0/0");
	facts.etc = CFS_BOOT_STATE_TREE;
	t_str(steps(), "writable keep image bind:etc bind:var sysroot");
	t_str(plan.steps[3].from, "ostree/boot.1/os/0/0/etc");
	t_str(plan.steps[4].from, "ostree/boot.1/os/0/0/../../var");
}

T(boot_names_an_image_without_a_digest)
{
	start();
	facts.has_digest = false;
	strcpy(choice.ostree, "ostree/x");
	steps();
	t_str(plan.source, "composefs");
	choice.root = CFS_BOOT_ROOT_TRANSIENT;
	steps();
	t_str(plan.source, "transient:composefs");
}

T(boot_records_what_was_booted)
{
	char text[CFS_BOOT_RECORD_MAX];

	start();
	steps();
	t_eq(cfs_boot_format_record(&choice, &facts, &plan, "file", "descriptors", text),
	     strlen(text));
	t_str(text, "{\"version\":1,\"digest\":\"sha256:" A64
		    "\",\"verified\":true,\"signed\":false,\"source\":\"composefs:" A64
		    "\",\"layout\":\"composefs\",\"state\":\"state/deploy\","
		    "\"root\":\"readonly\",\"etc\":\"overlay\",\"var\":\"bind\","
		    "\"image\":\"file\",\"overlay\":\"descriptors\"}\n");
	strcpy(choice.state, "a\"b\\c\xff");
	cfs_boot_format_record(&choice, &facts, &plan, "file", "descriptors", text);
	t_has(text, "\"state\":\"a?b?c?\"");
}

T(boot_tells_failed_verification_from_other_failures)
{
	t_eq(cfs_boot_translate_mount_error(-EILSEQ), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-ENOTTY), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-ENODATA), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-EBADMSG), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-ENOKEY), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-EKEYREVOKED), CFS_BOOT_UNVERIFIED);
	t_eq(cfs_boot_translate_mount_error(-ENODEV), CFS_BOOT_NO_KERNEL);
	t_eq(cfs_boot_translate_mount_error(-ENOMEM), CFS_BOOT_FAILED);
	t_eq(cfs_boot_translate_mount_error(-EIO), CFS_BOOT_NO_MOUNT);
}
