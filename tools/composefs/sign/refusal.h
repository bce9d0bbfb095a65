/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sign/refusal: what the commands that verify signatures share.
 * Owns:  the options for keys, the exit status and the name of each refusal.
 * Uses:  trust, cli.
 * Never: verifies.
 */
#ifndef CFS_SIG_REFUSAL_H
#define CFS_SIG_REFUSAL_H

#include "cli/cli.h"
#include "trust/trust.h"

/* For CLI_PARSED; out: a struct cfs_trust. */
int sig_parse_trusted(const char *value, void *out, struct cfs_err *err) CFS_MUST_CHECK;
int sig_parse_revoked(const char *value, void *out, struct cfs_err *err) CFS_MUST_CHECK;

#define SIG_KEY_OPTIONS(type, member)                                                    \
	{"trusted",                                                                      \
	 "DIR",                                                                          \
	 CLI_AT(type, member),                                                           \
	 "Trust the keys in DIR, except those in the revoked.d beside it",               \
	 CLI_PARSED,                                                                     \
	 .parse = sig_parse_trusted,                                                     \
	 .group = "Keys"},                                                               \
	{                                                                                \
		"revoked", "DIR", CLI_AT(type, member), "Revoke the keys in DIR",        \
			CLI_PARSED, .parse = sig_parse_revoked                           \
	}

#define SIG_REFUSAL_STATUS                                                               \
	"0 verified, 1 read error, 2 usage error; refused: 10 unsigned, 11 malformed,"   \
	"\n12 no key, 13 bad signature, 14 revoked key, 15 other image, 16 other "       \
	"order,\n17 other name, 18 rolled back, 19 no fs-verity, 20 other algorithm"

struct sig_refusal {
	int code; /* negative errno */
	int status;
	const char *name;
};

/* That of a result; one for read errors if it is no refusal. */
const struct sig_refusal *sig_find_refusal(int rc);

#endif
