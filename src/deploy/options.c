/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kernel arguments of entries. */
#include <errno.h>
#include <stdio.h>

#include "boot/args.h"
#include "deploy/deploy_priv.h"

const char *deploy_format_arg(const struct cfs_digest *image, bool insecure,
			      char out[DEPLOY_ARG_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX];

	/* The initrd does not care which layout is named. */
	snprintf(out, DEPLOY_ARG_MAX, "composefs.digest=%sv1-%s-12:%s",
		 insecure ? "?" : "", cfs_hash_name(image->alg),
		 cfs_digest_hex(image, hex));
	return out;
}

static bool names_image(const struct cfs_boot_arg *arg)
{
	return cfs_text_eq(arg->key, CFS_TEXT("composefs.digest")) ||
	       cfs_text_eq(arg->key, CFS_TEXT("composefs"));
}

static int append_word(struct cfs_mem *out, struct cfs_text word, struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(out);
	int rc = out->len ? sink.write(out, " ", 1, err) : 0;

	return rc < 0 ? rc : sink.write(out, word.s, word.len, err);
}

/* Appends the words that name no image. */
static int append_others(struct cfs_text options, struct cfs_mem *out,
			 struct cfs_err *err)
{
	struct cfs_boot_arg arg;
	int rc = 0;

	while (rc == 0 && cfs_boot_next_arg(&options, &arg))
		if (!names_image(&arg))
			rc = append_word(out, arg.word, err);
	return rc;
}

int deploy_remove_image(struct cfs_text options, struct cfs_mem *out, struct cfs_err *err)
{
	int rc = append_others(options, out, err);

	return rc < 0 ? rc : cfs_sink_mem(out).write(out, "", 1, err);
}

int deploy_replace_image(const char *options, const struct cfs_digest *image,
			 bool insecure, struct cfs_mem *out, struct cfs_err *err)
{
	char text[DEPLOY_ARG_MAX];
	int rc = append_others(cfs_text(options), out, err);

	if (rc == 0)
		rc = append_word(out, cfs_text(deploy_format_arg(image, insecure, text)),
				 err);
	return rc < 0 ? rc : cfs_sink_mem(out).write(out, "", 1, err);
}

/* --- changes by the user -------------------------------------------------------------- */

static bool is_removed(const struct cfs_boot_arg *arg, const char *rm)
{
	struct cfs_text text = cfs_text(rm);

	return cfs_text_eq(arg->word, text) || cfs_text_eq(arg->key, text);
}

static int check_present(const char *options, const char *rm, struct cfs_err *err)
{
	struct cfs_text rest = cfs_text(options);
	struct cfs_boot_arg arg;

	while (cfs_boot_next_arg(&rest, &arg))
		if (is_removed(&arg, rm))
			return 0;
	return cfs_fail(err, ENOENT, "there is no kernel argument %s", rm);
}

/* Copies the arguments that are not removed, in their order. */
static int copy_others(const char *options, const struct cfs_karg_change *c,
		       struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_text rest = cfs_text(options);
	struct cfs_boot_arg arg;
	int rc = 0;

	while (rc == 0 && cfs_boot_next_arg(&rest, &arg)) {
		bool removed = false;

		for (size_t i = 0; i < c->n_rm; i++)
			removed = removed || is_removed(&arg, c->rm[i]);
		if (!removed)
			rc = append_word(out, arg.word, err);
	}
	return rc;
}

int deploy_change_options(const char *options, const struct cfs_karg_change *c,
			  struct cfs_mem *out, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->n_add; i++)
		rc = deploy_check_karg(c->add[i], err);
	for (size_t i = 0; rc == 0 && i < c->n_rm; i++) {
		rc = deploy_check_karg(c->rm[i], err);
		if (rc == 0)
			rc = check_present(options, c->rm[i], err);
	}
	if (rc == 0)
		rc = copy_others(options, c, out, err);
	for (size_t i = 0; rc == 0 && i < c->n_add; i++)
		rc = append_word(out, cfs_text(c->add[i]), err);
	return rc < 0 ? rc : cfs_sink_mem(out).write(out, "", 1, err);
}

int deploy_check_karg(const char *karg, struct cfs_err *err)
{
	struct cfs_text rest = cfs_text(karg);
	struct cfs_boot_arg arg, more;

	for (const char *c = karg; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return cfs_fail(err, EINVAL,
					"expected no control characters, got one");
	if (!cfs_boot_next_arg(&rest, &arg) || cfs_boot_next_arg(&rest, &more))
		return cfs_fail(err, EINVAL,
				"expected one kernel argument, with blanks in double "
				"quotes, got \"%s\"",
				karg);
	if (names_image(&arg))
		return cfs_fail(err, EINVAL,
				"the argument that names the image belongs to the "
				"deployment");
	return 0;
}
