/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files of an SELinux policy: refused with a line, or a policy in which the filters by prefix
 * and directory change no label. The input is a file of contexts, a NUL, a file of aliases, a
 * NUL, and a path. */
#include "fuzz.h"

#include <string.h>

#include "selinux/selinux_priv.h"

enum { PATH_LEN = 512 };

/* Cuts the text before the next NUL from the input. */
static struct cfs_text take_input_line(struct cfs_text *in)
{
	const char *end = in->len ? memchr(in->s, 0, in->len) : NULL;
	struct cfs_text part = {in->s, end ? (size_t)(end - in->s) : in->len};
	size_t n = part.len + (end != NULL);

	in->s += n;
	in->len -= n;
	return part;
}

static struct cfs_selinux_policy *parse_policy_input(struct cfs_text contexts,
						     struct cfs_text aliases)
{
	struct cfs_selinux_policy *p = NULL;
	struct cfs_err err = {""};
	int rc = cfs_selinux_policy_new(&p, &err);

	fuzz_hold(rc == 0);
	rc = cfs_selinux_policy_add_contexts(p, "contexts", contexts, &err);
	if (rc == 0)
		rc = cfs_selinux_policy_add_aliases(p, "aliases", aliases, &err);
	if (rc == 0)
		return p;
	fuzz_hold(strstr(err.msg, ": line ") != NULL);
	cfs_selinux_policy_free(p);
	return NULL;
}

/* The directory of the subject with its slash. */
static struct cfs_text dir_of(struct cfs_text subject)
{
	const char *slash = memrchr(subject.s, '/', subject.len);

	return (struct cfs_text){subject.s, slash ? (size_t)(slash + 1 - subject.s) : 0};
}

static void check_policy_path(struct cfs_selinux_policy *p, struct cfs_text subject)
{
	struct cfs_selinux_candidates near = {0};
	struct cfs_text filtered, narrowed, plain;
	struct cfs_err err = {""};
	int rc = cfs_selinux_narrow(p, NULL, dir_of(subject), &near, &err);

	fuzz_hold(rc == 0);
	rc = cfs_selinux_find(p, NULL, subject, &filtered, &err);
	fuzz_hold(rc == 0 || strstr(err.msg, ": line "));
	fuzz_hold(cfs_selinux_find(p, &near, subject, &narrowed, &err) == rc);
	for (size_t i = 0; i < p->n_specs; i++)
		p->specs[i].prefix.len = 0;
	if (rc == 0 && cfs_selinux_find(p, NULL, subject, &plain, &err) == 0) {
		fuzz_hold(cfs_text_eq(filtered, plain));
		fuzz_hold(cfs_text_eq(narrowed, plain));
	}
	free(near.v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text in = {(const char *)data, len};
	struct cfs_text contexts = take_input_line(&in), aliases = take_input_line(&in),
			path;
	struct cfs_selinux_policy *p = parse_policy_input(contexts, aliases);
	char subject[PATH_LEN + 1];

	if (!p)
		return 0;
	path = cfs_selinux_policy_find_original(p, take_input_line(&in));
	if (path.len > PATH_LEN)
		path.len = PATH_LEN;
	memcpy(subject, path.len ? path.s : "", path.len);
	subject[path.len] = "-dlbcps"[len % 7];
	check_policy_path(p, (struct cfs_text){subject, path.len + 1});
	cfs_selinux_policy_free(p);
	return 0;
}
