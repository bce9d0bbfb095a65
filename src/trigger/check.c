/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verifies one object. In any doubt it counts as damaged. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "trigger/trigger_priv.h"

enum {
	LARGE = 8 << 20, /* bytes */
	RACY_SEC = 2,	 /* the coarsest clock of a filesystem in use */
};

int trigger_open(const struct cfs_trigger *t, const struct cfs_digest *id,
		 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	cfs_autofd int fd =
		cfs_beneath_open(t->objects_fd, cfs_digest_path(id, path),
				 O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0)
		return cfs_fail(err, -fd, "%s", strerror(-fd));
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "fstat");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN, "expected a regular file");
	return cfs_steal_fd(&fd);
}

/* A change within the same tick of the filesystem's clock does not change the times, so a file that changed a
 * moment ago gets no mark. */
static void make_mark(const struct stat *st, struct trigger_mark *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(out, 0, sizeof(*out)); /* the padding too, for memcmp() */
	out->is_set = st->st_mtim.tv_sec < now.tv_sec - RACY_SEC &&
		      st->st_ctim.tv_sec < now.tv_sec - RACY_SEC;
	out->dev = st->st_dev;
	out->ino = st->st_ino;
	out->size = st->st_size;
	out->mtime = st->st_mtim;
	out->ctime = st->st_ctim;
}

static bool is_unchanged_file(const struct trigger_mark *before,
			      const struct trigger_mark *now)
{
	return before->is_set && now->is_set && memcmp(before, now, sizeof(*now)) == 0;
}

/* Compares the digest of the file. It counts as damaged if that cannot be done. */
static void compare_object_digest(const struct cfs_digest *id, int fd,
				  const struct cfs_watch *watch,
				  struct trigger_finding *out, struct cfs_err *err)
{
	char expected[CFS_DIGEST_TEXT_MAX], got[CFS_DIGEST_TEXT_MAX];
	struct trigger_mark after;
	struct cfs_digest found;
	struct stat st = {0};

	out->is_new = true;
	if (cfs_verity_digest_fd(id->alg, fd, 1, watch, &found, &out->size, err) < 0)
		return;
	(void)!fstat(fd, &st);
	make_mark(&st, &after);
	if (!is_unchanged_file(&out->mark, &after))
		out->mark.is_set = false;
	if (cfs_digest_eq(id, &found))
		out->verdict = TRIGGER_GOOD;
	else
		(void)!cfs_fail(err, EILSEQ, "expected %s, got %s",
				cfs_digest_text(id, expected),
				cfs_digest_text(&found, got));
}

/* Judges an object that was found. A file with the same mark keeps its last verdict,
 * since its bytes were verified before; a large one is left to a slow thread unless
 * may_take_long. */
static void check_object_file(const struct cfs_trigger *t, const struct cfs_digest *id,
			      int fd, bool may_take_long,
			      const struct trigger_finding *before,
			      const struct cfs_watch *watch, struct trigger_finding *out,
			      struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		(void)!cfs_fail_errno(err, "fstat");
		return;
	}
	out->size = (uint64_t)st.st_size;
	make_mark(&st, &out->mark);
	if (!t->verify) {
		out->verdict = TRIGGER_GOOD;
	} else if (is_unchanged_file(&before->mark, &out->mark)) {
		*out = *before;
		out->is_new = false;
	} else if (out->size >= LARGE && !may_take_long) {
		out->verdict = TRIGGER_LARGE;
	} else {
		compare_object_digest(id, fd, watch, out, err);
	}
}

void trigger_check(const struct cfs_trigger *t, const struct cfs_digest *id,
		   bool may_take_long, const struct trigger_finding *before,
		   const struct cfs_watch *watch, struct trigger_finding *out,
		   struct cfs_err *err)
{
	cfs_autofd int fd = trigger_open(t, id, err);

	*out = (struct trigger_finding){.verdict = TRIGGER_DAMAGED, .is_new = true};
	if (fd >= 0)
		check_object_file(t, id, fd, may_take_long, before, watch, out, err);
	else if (fd == -ENOENT)
		out->verdict = TRIGGER_ABSENT;
}
