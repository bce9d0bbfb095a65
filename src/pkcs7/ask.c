/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pkcs7: asks composefs-pkcs7. */
#include "pkcs7/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/child.h"

enum {
	ANSWER_MAX = 16128, /* bytes; that of a signature, which is the longest */
	OUT_LEN = 64 * 1024,
};

static const char helper[] = "composefs-pkcs7";

/* Runs the helper and appends what it writes. */
static int run_helper(const char *const *args, struct cfs_span input,
		      const struct cfs_watch *watch, struct cfs_mem *out,
		      struct cfs_err *err)
{
	char path[4096];
	const char *argv[5] = {cfs_child_find(helper, path)};
	cfs_autofd int in = cfs_child_make_input(input, err);
	cfs_autofd int answer = -1;
	pid_t pid;
	int rc;

	if (in < 0)
		return in;
	for (size_t i = 0; i < 3 && args[i]; i++)
		argv[1 + i] = args[i];
	answer = memfd_create("answer", MFD_CLOEXEC);
	if (answer < 0)
		return cfs_fail_errno(err, "memory file");
	rc = cfs_child_start(argv, in, answer, &pid, err);
	if (rc == -ENOENT)
		return cfs_fail(
			err, ENOPKG,
			"PKCS#7: %s is not installed; it is built if libcrypto is "
			"available",
			helper);
	if (rc == 0)
		rc = cfs_child_wait(pid, helper, watch, err);
	if (rc == 0 && lseek(answer, 0, SEEK_SET) < 0)
		rc = cfs_fail_errno(err, "memory file");
	return rc < 0 ? rc : cfs_input_read_fd(answer, ANSWER_MAX, out, err);
}

static void put_field(struct cfs_out *out, const char *name, struct cfs_span bytes)
{
	cfs_out_printf(out, "%s %zu\n", name, bytes.len);
	cfs_out_put(out, bytes.p, bytes.len);
}

/* Writes the request to the helper: fields with lengths, so that nothing needs to be
 * escaped. */
static int format_request(const struct cfs_pkcs7_request *r, struct cfs_mem *text,
			  struct cfs_err *err)
{
	struct cfs_out out;
	int rc;

	if (cfs_out_init(&out, cfs_sink_mem(text), OUT_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	put_field(&out, "message", r->message);
	put_field(&out, "signature", r->signature);
	for (size_t i = 0; i < r->n; i++)
		put_field(&out, r->certificates[i].is_revoked ? "revoked" : "trusted",
			  r->certificates[i].file);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

static int fail_answer(struct cfs_err *err)
{
	return cfs_fail(err, EIO, "%s: expected an answer, got something else", helper);
}

/* "refused ERRNO CERTIFICATE REASON": passes on the errors that a request may have. */
static int take_refusal(const char *text, const struct cfs_pkcs7_request *r,
			struct cfs_err *err)
{
	static const int allowed[] = {EINVAL, ENOKEY, EKEYREVOKED, EBADMSG, ENOMEM};
	uint64_t code, i;

	if (!cfs_take_number(&text, 10, ' ', &code) ||
	    !cfs_take_number(&text, 10, ' ', &i))
		return fail_answer(err);
	for (size_t k = 0; k < sizeof(allowed) / sizeof(allowed[0]); k++) {
		int rc;

		if (code != (uint64_t)allowed[k])
			continue;
		rc = cfs_fail(err, allowed[k], "%.*s", (int)strcspn(text, "\n"), text);
		return i < r->n ? cfs_context(err, rc, "%s", r->certificates[i].name)
				: rc;
	}
	return fail_answer(err);
}

/* "found CERTIFICATE KEY": the certificate must be a trusted one of the request. */
static int take_found(const char *text, const struct cfs_pkcs7_request *r,
		      struct cfs_pkcs7_found *out, struct cfs_err *err)
{
	uint64_t i;

	if (!cfs_take_number(&text, 10, ' ', &i) || i >= r->n ||
	    r->certificates[i].is_revoked ||
	    strspn(text, "0123456789abcdef") != CFS_PKCS7_KEY_ID_MAX - 1 ||
	    strcmp(text + CFS_PKCS7_KEY_ID_MAX - 1, "\n") != 0)
		return fail_answer(err);
	out->certificate = (size_t)i;
	snprintf(out->key, sizeof(out->key), "%.*s", CFS_PKCS7_KEY_ID_MAX - 1, text);
	return 0;
}

static int take_answer(struct cfs_mem *answer, const struct cfs_pkcs7_request *r,
		       struct cfs_pkcs7_found *out, struct cfs_err *err)
{
	int rc = cfs_sink_mem(answer).write(answer, "", 1, err);
	const char *text = (const char *)answer->p;

	if (rc < 0)
		return rc;
	if (strncmp(text, "refused ", 8) == 0)
		return take_refusal(text + 8, r, err);
	if (strncmp(text, "found ", 6) == 0)
		return take_found(text + 6, r, out, err);
	return fail_answer(err);
}

int cfs_pkcs7_ask_verify(const struct cfs_pkcs7_request *r, const struct cfs_watch *watch,
			 struct cfs_pkcs7_found *out, struct cfs_err *err)
{
	static const char *const args[] = {"--verify", NULL};
	struct cfs_mem request = {0}, answer = {0};
	int rc = format_request(r, &request, err);

	if (rc == 0)
		rc = run_helper(args, cfs_mem_span(&request), watch, &answer, err);
	if (rc == 0)
		rc = take_answer(&answer, r, out, err);
	free(request.p);
	free(answer.p);
	return rc;
}

int cfs_pkcs7_ask_sign(const char *key, const char *cert, const char *digest,
		       const struct cfs_watch *watch, struct cfs_mem *out,
		       struct cfs_err *err)
{
	const char *const args[] = {key, cert, "-", NULL};

	return run_helper(args, cfs_text_span(cfs_text(digest)), watch, out, err);
}
