/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs ipe-policy: print an IPE policy that allows the files of an image to be executed, and nothing else. For a file
 * of a mounted image IPE checks the object, not the image (tested up to Linux 7.2): so the rules name objects, and a file
 * whose content is in the image cannot be allowed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "executables/executables.h"
#include "composefs/kernel/commands.h"

enum {
	/* The limit of the kernel's ASN.1 decoder; the signature takes part of it. */
	MESSAGE_MAX = 65535,
	SIGNATURE_ROOM = 2048,
	OUT_LEN = 64 * 1024,
};

enum mode { MODE_SIGNATURE, MODE_DIGEST, MODE_DM_VERITY };

struct options {
	enum mode mode;
	const char *name, *version, *objects;
	bool check;
};

static const struct cli_choice modes[] = {
	{"signature", MODE_SIGNATURE},
	{"digest", MODE_DIGEST},
	{"dm-verity", MODE_DM_VERITY},
	{0},
};

static const struct cli_option option_table[] = {
	{"mode", "MODE", CLI_AT(struct options, mode),
	 "Allow by signature (default), digest or dm-verity", CLI_CHOICE,
	 .choices = modes, .group = "Options"},
	{"name", "NAME", CLI_AT(struct options, name),
	 "Name the policy (default: composefs)", CLI_TEXT},
	{"policy-version", "X.Y.Z", CLI_AT(struct options, version),
	 "Set its version, which each update must raise (default: 0.0.1)", CLI_TEXT},
	{"objects", "DIR", CLI_AT(struct options, objects),
	 "With --mode=digest: include ELF files without an x bit", CLI_TEXT},
	{"check", NULL, CLI_AT(struct options, check),
	 "Print only what the policy does not allow; status 1 if any"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Print an IPE policy that allows the files of an image to be executed: "
		 "signed "
		 "ones\n(composefs sign-objects), those with the digests of this image, "
		 "or all "
		 "on a signed\ndm-verity device. Files that it does not allow are "
		 "reported on "
		 "standard error.",
	.example = (const char *const[]){"composefs ipe-policy --mode=digest image.cfs "
					 ">policy.txt",
					 NULL},
	.options = option_table,
};

/* --- The policy --------------------------------------------------------------------- */

static void format_policy_digests(struct cfs_out *out, const struct cfs_executables *x)
{
	char hex[CFS_DIGEST_HEX_MAX];

	for (size_t i = 0; i < x->n_objects; i++)
		cfs_out_printf(out, "op=EXECUTE fsverity_digest=%s:%s action=ALLOW\n",
			       cfs_hash_name(x->v[i].digest.alg),
			       cfs_digest_hex(&x->v[i].digest, hex));
}

/* Writes the policy of the chosen mode. What the initrd started stays allowed
 * (boot_verified), because the machine could not boot otherwise. */
static void format_policy(struct cfs_out *out, const struct options *o,
			  const struct cfs_executables *x)
{
	cfs_out_printf(out,
		       "policy_name=%s policy_version=%s\n"
		       "DEFAULT action=ALLOW\n"
		       "DEFAULT op=EXECUTE action=DENY\n"
		       "op=EXECUTE boot_verified=TRUE action=ALLOW\n",
		       o->name, o->version);
	switch (o->mode) {
	case MODE_SIGNATURE:
		cfs_out_printf(out, "op=EXECUTE fsverity_signature=TRUE action=ALLOW\n");
		break;
	case MODE_DIGEST:
		format_policy_digests(out, x);
		break;
	case MODE_DM_VERITY:
		cfs_out_printf(out, "op=EXECUTE dmverity_signature=TRUE action=ALLOW\n");
		break;
	}
}

static int build_policy(const struct options *o, const struct cfs_executables *x,
			struct cfs_mem *text, struct cfs_err *err)
{
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(text), OUT_LEN);

	if (rc < 0)
		return cfs_fail(err, -rc, "out of memory");
	format_policy(&out, o, x);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

/* Reports the files that the image has and the policy does not allow. Returns their number. */
static size_t print_policy_warnings(const char *name, const struct options *o,
				    const struct cfs_executables *x, size_t policy_len)
{
	const char *why = o->mode == MODE_DM_VERITY
				  ? "allowed only if the image itself is the device"
				  : "no rule allows it";
	size_t n = x->n - x->n_objects;

	for (size_t i = x->n_objects; i < x->n; i++)
		cli_print_message(name,
				  "%s: the content is in the image, not in an object: %s",
				  x->v[i].path, why);
	if (policy_len + SIGNATURE_ROOM > MESSAGE_MAX) {
		cli_print_message(
			name,
			"the policy has %zu bytes; with its signature, no kernel loads "
			"more than %d",
			policy_len, MESSAGE_MAX);
		n++;
	}
	return n;
}

/* --- The command -------------------------------------------------------------------- */

/* Returns 1 when there were warnings, 0 or a negative error. */
static int print_policy(const char *name, const struct options *o, const char *image,
			struct cfs_err *err)
{
	struct cfs_executables x = {0};
	struct cfs_mem text = {0};
	size_t n_warnings = 0;
	int rc = cfs_executables_collect(&x, image, o->objects, false, err);

	if (rc == 0)
		rc = build_policy(o, &x, &text, err);
	if (rc == 0)
		n_warnings = print_policy_warnings(name, o, &x, text.len);
	if (rc == 0 && !o->check)
		rc = cfs_io_write(STDOUT_FILENO, text.p, text.len, err);
	free(text.p);
	cfs_executables_fini(&x);
	return rc < 0 ? rc : n_warnings > 0;
}

/* One word for the kernel's parser. */
static bool is_policy_word(const char *text, const char *of)
{
	return *text && text[strspn(text, of)] == '\0';
}

/* Three numbers of 16 bits, the limit of the kernel. */
static bool is_version(const char *text)
{
	unsigned n[3];
	char end;

	return is_policy_word(text, "0123456789.") &&
	       sscanf(text, "%5u.%5u.%5u%c", &n[0], &n[1], &n[2], &end) == 3 &&
	       n[0] <= UINT16_MAX && n[1] <= UINT16_MAX && n[2] <= UINT16_MAX;
}

int cmd_ipe_policy(int argc, char **argv)
{
	struct options o = {.name = "composefs", .version = "0.0.1"};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE"), rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (!is_policy_word(o.name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.-") ||
	    !is_version(o.version)) {
		cli_fail_usage(
			argv[0],
			"expected a name of letters, digits, \"_\", \".\" and \"-\", "
			"and a "
			"version of three numbers up to 65535");
		return CLI_USAGE;
	}
	rc = print_policy(argv[0], &o, argv[optind], &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	return rc > 0 && o.check ? CLI_FAILED : CLI_OK;
}
