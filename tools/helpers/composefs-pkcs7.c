/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-pkcs7: sign digests for the kernel; called by "composefs sign-objects". A separate program, so that the others
 * do not link libcrypto.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "pkcs7/pkcs7.h"
#include "verity/verity.h"
#include "cli/verbosity.h"

#define NAME "composefs-pkcs7"

static const char usage[] =
	"Usage: " NAME " KEY CERT DIR\n"
	"\n"
	"Read one digest a line from standard input, sign each with the private key KEY\n"
	"and its certificate CERT (both PEM), and write DIR/DIGEST.p7s.\n"
	"\n"
	"  --help     Print this text\n"
	"  --version  Print the version\n";

/* Writes DIR/DIGEST.p7s, replaced at once, so that a reader never sees a part of a
 * signature. */
static int write_signature_file(const char *dir, const struct cfs_digest *digest,
				const struct cfs_mem *p7, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX], path[4096];
	struct cfs_replace r;
	int n = snprintf(path, sizeof(path), "%s/%s.p7s", dir,
			 cfs_digest_hex(digest, hex));
	int rc;

	if (n >= (int)sizeof(path))
		return cfs_fail(err, ENAMETOOLONG, "%s: path is too long", dir);
	rc = cfs_replace_open(path, &r, err);
	if (rc == 0)
		rc = cfs_io_write(r.fd, p7->p, p7->len, err);
	if (rc == 0)
		rc = cfs_replace_commit(&r, err);
	else
		cfs_replace_abort(&r);
	return cfs_context(err, rc, "%s", path);
}

static int sign_line(const struct cfs_pkcs7_signer *signer, struct cfs_text line,
		     const char *dir, struct cfs_err *err)
{
	uint8_t formatted[CFS_DIGEST_FORMATTED_MAX];
	struct cfs_digest digest;
	struct cfs_mem p7 = {0};
	struct cfs_span message;
	int rc = cfs_digest_parse(line, &digest, err);

	if (rc < 0)
		return rc;
	message = (struct cfs_span){formatted, cfs_digest_format(&digest, formatted)};
	rc = cfs_pkcs7_sign(signer, digest.alg, message, &p7, err);
	if (rc == 0)
		rc = write_signature_file(dir, &digest, &p7, err);
	free(p7.p);
	return rc;
}

static int sign_lines(char **argv, struct cfs_err *err)
{
	struct cfs_pkcs7_signer *signer;
	char line[CFS_DIGEST_HEX_MAX + 16];
	int rc = cfs_pkcs7_signer_open(argv[1], argv[2], &signer, err);

	if (rc < 0)
		return rc;
	while (rc == 0 && fgets(line, sizeof(line), stdin))
		rc = sign_line(signer, (struct cfs_text){line, strcspn(line, "\n")},
			       argv[3], err);
	if (rc == 0 && ferror(stdin))
		rc = cfs_fail(err, EIO, "standard input: cannot be read");
	cfs_pkcs7_signer_close(signer);
	return rc;
}

int main(int argc, char **argv)
{
	struct cfs_err err;

	if (!cli_begin(NAME))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	if (argc != 4) {
		cli_fail_usage(NAME, "expected KEY CERT DIR");
		return CLI_USAGE;
	}
	if (sign_lines(argv, &err) == 0)
		return CLI_OK;
	cli_print_message(NAME, "%s", err.msg);
	return CLI_FAILED;
}
