/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is asked of composefs-pkcs7, and which answers are accepted. */
#include "pkcs7/ask.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "t.h"
#include "tmpdir.h"

#define KEY_TAIL "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define KEY	 "0" KEY_TAIL

static const struct cfs_pkcs7_certificate certificates[] = {
	{"old.crt", {(const uint8_t *)"old", 3}, true},
	{"new.crt", {(const uint8_t *)"new!", 4}, false},
	{"other.crt", {(const uint8_t *)"other", 5}, false}, /* not in the request */
};

static const struct cfs_pkcs7_request request = {
	{(const uint8_t *)"digest\n", 7}, {(const uint8_t *)"sig", 3}, certificates, 2};

/* Installs a helper that stores its input and gives this answer. */
static void install_helper(const char *answer)
{
	char script[512], path[4096];

	tmp_fresh();
	snprintf(script, sizeof(script), "#!/bin/sh\ncat >%s/input\ncat %s/answer\n",
		 tmp_dir(), tmp_dir());
	tmp_text("composefs-pkcs7", script);
	t_eq(chmod(tmp_in("composefs-pkcs7"), 0755), 0);
	tmp_text("answer", answer);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", tmp_dir());
	t_eq(setenv("PATH", path, 1), 0);
}

static int ask(const char *answer, struct cfs_pkcs7_found *out, struct cfs_err *err)
{
	install_helper(answer);
	return cfs_pkcs7_ask_verify(&request, NULL, out, err);
}

T(a_request_is_read_as_it_was_written)
{
	struct cfs_pkcs7_request read = {0};
	struct cfs_pkcs7_certificate *v;
	struct cfs_pkcs7_found found;
	struct cfs_mem text = {0};

	t_eq(ask("found 1 " KEY "\n", &found, NULL), 0);
	t_eq(cfs_input_read(AT_FDCWD, tmp_in("input"), 0, 4096, &text, NULL), 0);
	t_eq(cfs_pkcs7_request_parse(cfs_mem_span(&text), &read, &v, NULL), 0);
	t_ok(cfs_span_eq(read.message, request.message));
	t_ok(cfs_span_eq(read.signature, request.signature));
	t_eq(read.n, 2);
	for (size_t i = 0; i < 2; i++) {
		t_ok(cfs_span_eq(v[i].file, certificates[i].file));
		t_eq(v[i].is_revoked, certificates[i].is_revoked);
	}
	free(v);
	free(text.p);
}

T(a_request_that_is_cut_or_changed_is_refused)
{
	static const char *const bad[] = {
		"",
		"message",
		"message 1",
		"message 2\na",
		"message 1\na",
		"message 1\nasignature 1\n",
		"signature 1\namessage 1\nb",
		"message 1\nasignature 1\nbsomething 1\nc",
		"message 1\nasignature 1\nbtrusted 2\nc",
		"message 1\nasignature 1\nbtrusted -1\nc",
		"message 1\nasignature 1\nbtrusted 18446744073709551615\nc",
		"message 1\nasignature 1\nbtrusted00000000000000000000000000 1\nc",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cfs_pkcs7_certificate *v = NULL;
		struct cfs_pkcs7_request r = {0};

		if (cfs_pkcs7_request_parse(cfs_text_span(cfs_text(bad[i])), &r, &v,
					    NULL) != -EINVAL)
			t_fail(__FILE__, __LINE__, "accepted: %s", bad[i]);
		free(v);
	}
}

T(the_answer_names_a_trusted_certificate_and_its_key)
{
	struct cfs_pkcs7_found found;

	t_eq(ask("found 1 " KEY "\n", &found, NULL), 0);
	t_eq(found.certificate, 1);
	t_str(found.key, KEY);
}

T(an_answer_that_is_none_verifies_nothing)
{
	static const char *const bad[] = {
		"",
		"\n",
		"found 0 " KEY "\n", /* a revoked one */
		"found 2 " KEY "\n",
		"found " KEY "\n",
		"found 1 " KEY,
		"found 1 " KEY "0\n",
		"found 1 0123\n",
		"found 1 g" KEY_TAIL "\n",
		"found 1 " KEY "\nmore\n",
		"refused 0 2 reason\n",
		"refused 5 2 reason\n",
		"refused 22 reason\n",
		"refused reason\n",
	};
	struct cfs_pkcs7_found found;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ask(bad[i], &found, NULL) != -EIO)
			t_fail(__FILE__, __LINE__, "accepted: %s", bad[i]);
}

T(the_reason_of_a_refusal_names_the_file)
{
	struct cfs_pkcs7_found found = {.certificate = 2}, none;
	struct cfs_err why = {"reason"}, err;
	struct cfs_mem answer = {0};

	t_eq(cfs_pkcs7_answer_format(-EKEYREVOKED, &found, &why, &answer, NULL), 0);
	t_eq(cfs_sink_mem(&answer).write(&answer, "", 1, NULL), 0);
	t_eq(ask((const char *)answer.p, &none, &err), -EKEYREVOKED);
	t_str(err.msg, "reason");
	t_eq(ask("refused 22 1 not one certificate\n", &none, &err), -EINVAL);
	t_str(err.msg, "new.crt: not one certificate");
	free(answer.p);
}

T(a_helper_that_fails_or_is_missing_verifies_nothing)
{
	struct cfs_pkcs7_found found;
	struct cfs_err err;

	install_helper("");
	tmp_text("composefs-pkcs7", "#!/bin/sh\necho found 1 " KEY "\nexit 1\n");
	t_eq(cfs_pkcs7_ask_verify(&request, NULL, &found, &err), -EIO);
	tmp_fresh();
	t_eq(setenv("PATH", tmp_dir(), 1), 0);
	t_eq(cfs_pkcs7_ask_verify(&request, NULL, &found, &err), -ENOPKG);
	t_has(err.msg, "composefs-pkcs7 is not installed");
}
