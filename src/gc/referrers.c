/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Artifacts that refer to container images: the reference oci-referrers/SUBJECT/ARTIFACT of
 * streams, two digests of manifests, keeps the artifact only while its subject is kept. Else
 * the signatures of each image that was ever removed would stay forever. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gc/mark.h"

enum { SUBJECT_MAX = 7 + 2 * CFS_SHA512_LEN }; /* "sha512:" and hex digits */

/* The digest of the subject. False: another reference. */
static bool parse_subject_digest(const char *ref, struct cfs_text *out)
{
	struct cfs_text rest = cfs_text(ref);
	const char *slash;

	if (!cfs_text_skip_prefix(&rest, CFS_TEXT("oci-referrers/")))
		return false;
	slash = memchr(rest.s, '/', rest.len);
	if (!slash || slash - rest.s > SUBJECT_MAX ||
	    (!cfs_text_has_prefix(rest, CFS_TEXT("sha256:")) &&
	     !cfs_text_has_prefix(rest, CFS_TEXT("sha512:"))))
		return false;
	*out = (struct cfs_text){rest.s, (size_t)(slash - rest.s)};
	return true;
}

bool gc_is_referrer(const struct cfs_repo_entry *ref)
{
	struct cfs_text subject;

	return parse_subject_digest(ref->name, &subject);
}

static bool is_referrer_kept(const struct gc_marks *m, const char *kind,
			     struct cfs_text subject)
{
	const struct gc_side *s = &m->side[CFS_REPO_STREAMS];
	char name[sizeof("oci-manifest-") + SUBJECT_MAX];
	const struct cfs_repo_entry *e;

	snprintf(name, sizeof(name), "oci-%s-%.*s", kind, (int)subject.len, subject.s);
	e = gc_find_entry(s, name);
	/* A grace period keeps young objects without a reference. Which of them are young is
	 * decided later. */
	return e && (s->reached[e - s->entries.v] || m->opts->grace);
}

bool gc_has_lost_subject(const struct gc_marks *m, const struct cfs_repo_entry *ref)
{
	struct cfs_text subject;

	return ref->code == 0 && parse_subject_digest(ref->name, &subject) &&
	       !is_referrer_kept(m, "manifest", subject) &&
	       !is_referrer_kept(m, "index", subject);
}

/* Marks the referrers whose subject is marked. Returns 1 if there was a new one, else 0. */
static int mark_round(struct gc_marks *m, bool *done, struct cfs_err *err)
{
	const struct cfs_repo_list *refs = &m->side[CFS_REPO_STREAMS].refs;
	int found = 0, rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++) {
		const struct cfs_repo_entry *ref = &refs->v[i];

		if (done[i] || !gc_is_referrer(ref) || gc_has_lost_subject(m, ref))
			continue;
		done[i] = true;
		found = 1;
		rc = gc_mark_ref(m, CFS_REPO_STREAMS, ref, err);
	}
	if (rc == 0)
		rc = gc_follow_streams(m, err);
	return rc < 0 ? rc : found;
}

/* An artifact may be the subject of another one, and these may be listed in any order. */
int gc_mark_referrers(struct gc_marks *m, struct cfs_err *err)
{
	cfs_autofree bool *done =
		calloc(m->side[CFS_REPO_STREAMS].refs.n + 1, sizeof(*done));
	int rc = 1;

	if (!done)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (rc > 0)
		rc = mark_round(m, done, err);
	return rc;
}
