/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs ipe-policy: what the kernel's IPE has to be told so that the files of an image can be executed,
 * and nothing else. For a file in a mount IPE looks at the object, not at the image (seen up to Linux 7.2):
 * so the rules are about objects, and what lies in the image itself has none.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "composefs/kernel/executables.h"
#include "composefs/kernel/commands.h"

enum {
	/* The kernel's ASN.1 decoder takes no more; the signature needs some of it. */
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

static bool take_mode(void *opts, const char *value)
{
	static const char *const modes[] = {
		[MODE_SIGNATURE] = "signature",
		[MODE_DIGEST] = "digest",
		[MODE_DM_VERITY] = "dm-verity",
	};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(value, modes[i]) == 0) {
			((struct options *)opts)->mode = (enum mode)i;
			return true;
		}
	cli_say("composefs", "--mode: want signature, digest or dm-verity, got \"%s\"",
		value);
	return false;
}

static const struct cli_option option_table[] = {
	{.help = "Options:"},
	{"mode", "MODE", 0, take_mode,
	 "signature (default), digest or dm-verity: what a rule asks for"},
	{"name", "NAME", offsetof(struct options, name), NULL,
	 "What the policy is called (default: composefs)"},
	{"policy-version", "X.Y.Z", offsetof(struct options, version), NULL,
	 "Its version, which must rise with each update (default: 0.0.1)"},
	{"objects", "DIR", offsetof(struct options, objects), NULL,
	 "With --mode=digest: look into the objects for ELF files without an x bit"},
	{"check", NULL, offsetof(struct options, check), NULL,
	 "Print what would not work, and no policy; status 1 if there is such"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Prints an IPE policy by which the files of an image can be executed: "
		 "those "
		 "that are\n"
		 "signed (composefs sign-objects), those with the digests of this image, "
		 "or "
		 "all on a\n"
		 "signed dm-verity device. What it does not allow is said on standard "
		 "error.",
	.example = (const char *const[]){"composefs ipe-policy --mode=digest image.cfs "
					 ">policy.txt",
					 NULL},
	.options = option_table,
};

/* --- the policy ---------------------------------------------------------------------------- */

static void put_digests(struct cfs_out *out, const struct executables *x)
{
	char hex[CFS_DIGEST_HEX_MAX];

	for (size_t i = 0; i < x->n_objects; i++)
		cfs_out_printf(out, "op=EXECUTE fsverity_digest=%s:%s action=ALLOW\n",
			       cfs_hash_name(x->v[i].digest.alg),
			       cfs_digest_hex(&x->v[i].digest, hex));
}

static void put_policy(struct cfs_out *out, const struct options *o,
		       const struct executables *x)
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
		put_digests(out, x);
		break;
	case MODE_DM_VERITY:
		cfs_out_printf(out, "op=EXECUTE dmverity_signature=TRUE action=ALLOW\n");
		break;
	}
}

static int make_policy(const struct options *o, const struct executables *x,
		       struct cfs_mem *text, struct cfs_err *err)
{
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(text), OUT_LEN);

	if (rc < 0)
		return cfs_fail(err, -rc, "out of memory");
	put_policy(&out, o, x);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

/* Says what the policy does not allow although the image wants it; how much that is. */
static size_t warn(const char *name, const struct options *o, const struct executables *x,
		   size_t policy_len)
{
	const char *why = o->mode == MODE_DM_VERITY
				  ? "allowed only if the image itself is the device"
				  : "no rule allows it";
	size_t n = x->n - x->n_objects;

	for (size_t i = x->n_objects; i < x->n; i++)
		cli_say(name, "%s: lies in the image, it has no object: %s", x->v[i].path,
			why);
	if (policy_len + SIGNATURE_ROOM > MESSAGE_MAX) {
		cli_say(name,
			"the policy has %zu bytes; signed, it may not have more than %d, "
			"or no kernel loads it",
			policy_len, MESSAGE_MAX);
		n++;
	}
	return n;
}

/* --- all of it ----------------------------------------------------------------------------- */

/* Returns how much there was to warn of. */
static int run(const char *name, const struct options *o, const char *image,
	       struct cfs_err *err)
{
	struct executables x = {0};
	struct cfs_mem text = {0};
	size_t n_warnings = 0;
	int rc = executables_collect(&x, image, o->objects, false, err);

	if (rc == 0)
		rc = make_policy(o, &x, &text, err);
	if (rc == 0)
		n_warnings = warn(name, o, &x, text.len);
	if (rc == 0 && !o->check)
		rc = cfs_io_write(STDOUT_FILENO, text.p, text.len, err);
	free(text.p);
	executables_fini(&x);
	return rc < 0 ? rc : n_warnings > 0;
}

/* Only what the kernel's parser takes as one word. */
static bool is_word(const char *text, const char *of)
{
	return *text && text[strspn(text, of)] == '\0';
}

/* Three numbers of 16 bits, as the kernel has them. */
static bool is_version(const char *text)
{
	unsigned n[3];
	char end;

	return is_word(text, "0123456789.") &&
	       sscanf(text, "%5u.%5u.%5u%c", &n[0], &n[1], &n[2], &end) == 3 &&
	       n[0] <= UINT16_MAX && n[1] <= UINT16_MAX && n[2] <= UINT16_MAX;
}

int cmd_ipe_policy(int argc, char **argv)
{
	struct options o = {.name = "composefs", .version = "0.0.1"};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "want an image"), rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (!is_word(o.name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789_.-") ||
	    !is_version(o.version)) {
		cli_misused(
			&syntax, argv[0],
			"want a name of letters, digits, \"_\", \".\" and \"-\", and a "
			"version of three numbers up to 65535");
		return CLI_USAGE;
	}
	rc = run(argv[0], &o, argv[optind], &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	return rc > 0 && o.check ? CLI_FAILED : CLI_OK;
}
