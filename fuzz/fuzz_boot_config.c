/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Configuration and kernel arguments (before and after the first NUL): nothing insecure is
 * chosen unless the configuration allows it, and every choice has a plan. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "boot/boot.h"

static void hold_steps(const struct cfs_boot_choice *choice, unsigned state)
{
	struct cfs_boot_facts facts = {
		.has_digest = state & 1,
		.etc = (enum cfs_boot_state)(state / 2 % 4),
		.var = (enum cfs_boot_state)(state / 8 % 4),
	};
	struct cfs_boot_plan plan;
	char record[CFS_BOOT_RECORD_MAX];
	struct cfs_err err = {""};
	int rc = cfs_boot_plan(choice, &facts, &plan, &err);

	fuzz_hold(rc == 0 || (rc == -ENOENT && err.msg[0]));
	fuzz_hold(plan.n_steps <= CFS_BOOT_STEPS_MAX);
	fuzz_hold(rc < 0 || plan.steps[plan.n_steps - 1].op == CFS_BOOT_OP_SYSROOT);
	fuzz_hold(cfs_boot_format_record(choice, &facts, &plan, "", "", record) <
		  sizeof(record));
}

/* Whatever the kernel arguments, a configuration that forbids insecure images and
 * transient state gets neither. */
static void choose_boot_image(const struct cfs_boot_config *config,
			      struct cfs_text cmdline)
{
	struct cfs_boot_choice choice;
	struct cfs_boot_args args;
	struct cfs_err err = {""};

	if (cfs_boot_args_parse(cmdline, &args, &err) < 0)
		return;
	if (cfs_boot_choose(&args, config, NULL, &choice, &err) < 0) {
		fuzz_hold(err.msg[0]);
		return;
	}
	fuzz_hold(config->allow_insecure || choice.n_images || choice.require_signature);
	for (size_t i = 0; i < choice.n_images; i++)
		fuzz_hold(config->allow_insecure || !choice.images[i].insecure);
	fuzz_hold(choice.etc == config->etc || config->allow_transient);
	for (unsigned state = 0; state < 32; state++)
		hold_steps(&choice, state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *nul = len ? memchr(data, 0, len) : NULL;
	size_t file_len = nul ? (size_t)(nul - data) : len;
	struct cfs_boot_config config;
	struct cfs_err err = {""};
	int rc;

	cfs_boot_config_init(&config);
	rc = cfs_boot_config_parse((struct cfs_text){(const char *)data, file_len},
				   &config, NULL, &err);
	fuzz_hold(rc == 0 || (rc == -EINVAL && strncmp(err.msg, "line ", 5) == 0));
	if (rc == 0)
		rc = cfs_boot_config_check(&config, &err);
	if (rc < 0)
		return 0;
	fuzz_hold(!config.sealed || !config.allow_insecure);
	if (nul)
		choose_boot_image(&config, (struct cfs_text){(const char *)nul + 1,
							     len - file_len - 1});
	return 0;
}
