/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-pkcs7: sign digests for the kernel, and verify such signatures; called by "composefs sign-objects", "oci seal"
 * and "oci verify". A separate program, so that the others do not link libcrypto.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pkcs7/pkcs7.h"
#include "sandbox/sandbox.h"
#include "verity/verity.h"
#include "cli/verbosity.h"

#define NAME "composefs-pkcs7"

static const char usage[] =
	"Usage: " NAME " KEY CERT DIR\n"
	"       " NAME " --verify\n"
	"\n"
	"Read one digest a line from standard input, sign each with the private key KEY\n"
	"and its certificate CERT (both PEM), and write DIR/DIGEST.p7s, or with - as "
	"DIR\n"
	"the signature to standard output. With --verify: read a signature and\n"
	"certificates in the form of src/pkcs7/request.c, and print who signed.\n"
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
	if (rc == 0 && strcmp(dir, "-") == 0)
		rc = cfs_io_write(STDOUT_FILENO, p7.p, p7.len, err);
	else if (rc == 0)
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

/* --- verifying ---------------------------------------------------------------------- */

struct verification {
	struct cfs_pkcs7_request request;
	struct cfs_pkcs7_certificates *certificates;
	struct cfs_pkcs7_found found;
};

/* Parses untrusted bytes. */
static int verify_signature(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	struct verification *v = ctx;
	int rc = cfs_pkcs7_verify(v->certificates, v->request.message,
				  v->request.signature, &v->found, err);

	return rc < 0 ? rc : answer.write(answer.ctx, &v->found, sizeof(v->found), err);
}

/* Where the sandbox is not supported, libcrypto runs without: this process has nothing but the request.
 * A signature that crashes it is malformed. */
static int verify_isolated(struct verification *v, struct cfs_err *err)
{
	static const struct cfs_sandbox_opts limits = {.memory_len = 64 << 20,
						       .answer_max = sizeof(v->found),
						       .cpu_s = 10,
						       .wall_s = 60};
	struct cfs_sandbox_result out = {0};
	int rc = cfs_sandbox_run(&limits, verify_signature, v, &out, err);

	if (rc == -ENOTSUP)
		rc = cfs_pkcs7_verify(v->certificates, v->request.message,
				      v->request.signature, &v->found, err);
	else if (rc == 0 && out.answer.len == sizeof(v->found))
		memcpy(&v->found, out.answer.p, sizeof(v->found));
	else if (rc == 0 || rc == -EUCLEAN)
		rc = cfs_context(err, -EINVAL, "PKCS#7");
	free(out.answer.p);
	return rc;
}

static int read_request(struct cfs_mem *text, struct verification *v,
			struct cfs_pkcs7_certificate **certificates, struct cfs_err *err)
{
	int rc = cfs_input_read_fd(STDIN_FILENO, CFS_PKCS7_REQUEST_MAX, text, err);

	if (rc == 0)
		rc = cfs_pkcs7_request_parse(cfs_mem_span(text), &v->request,
					     certificates, err);
	return cfs_context(err, rc, "standard input");
}

/* A signature that is refused is an answer, not an error. */
static int answer_request(struct verification *v, struct cfs_err *err)
{
	struct cfs_mem answer = {0};
	struct cfs_err why = {0};
	int rc;

	v->found.certificate = v->request.n;
	rc = cfs_pkcs7_certificates_open(v->request.certificates, v->request.n,
					 &v->certificates, &v->found.certificate, &why);
	if (rc == 0)
		rc = verify_isolated(v, &why);
	v->found.key[CFS_PKCS7_KEY_ID_MAX - 1] = '\0';
	rc = cfs_pkcs7_answer_format(rc, &v->found, &why, &answer, err);
	if (rc == 0)
		rc = cfs_io_write(STDOUT_FILENO, answer.p, answer.len, err);
	cfs_pkcs7_certificates_close(v->certificates);
	free(answer.p);
	return rc;
}

static int verify_request(struct cfs_err *err)
{
	struct cfs_pkcs7_certificate *certificates = NULL;
	struct verification v = {0};
	struct cfs_mem text = {0};
	int rc = read_request(&text, &v, &certificates, err);

	if (rc == 0)
		rc = answer_request(&v, err);
	free(certificates);
	free(text.p);
	return rc;
}

int main(int argc, char **argv)
{
	struct cfs_err err;
	int rc;

	if (!cli_begin(NAME))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	if (argc != 4 && (argc != 2 || strcmp(argv[1], "--verify") != 0)) {
		cli_fail_usage(NAME, "expected KEY CERT DIR, or --verify");
		return CLI_USAGE;
	}
	rc = argc == 2 ? verify_request(&err) : sign_lines(argv, &err);
	if (rc == 0)
		return CLI_OK;
	cli_print_message(NAME, "%s", err.msg);
	return CLI_FAILED;
}
