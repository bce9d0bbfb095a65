/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lock of a repository: flock(2) on its directory, as in composefs-rs. Users hold it
 * shared, garbage collection holds it exclusively. The kernel lets new shared locks
 * overtake a process that waits for the exclusive lock. Therefore each user first passes
 * a gate, a second lock that is held exclusively during that wait.
 *
 * Any process that can open the directory for reading can lock it, for any time. So
 * CFS_REPO_LOOK does not wait for the lock, everything else reports the process that it
 * waits for, and the gate is skipped after some time: it only serves fairness. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#include "repo/repo_priv.h"

static const char gate_name[] = ".lock-gc";

enum {
	GATE_MS =
		2000, /* the gate is held no longer, so that one long user does not block all others */
	OPEN_MS = 100,
	GATE_WAIT_MS =
		GATE_MS + 5 * OPEN_MS, /* longer than this program ever holds the gate */
};

static int lock_now(int fd, int how)
{
	while (flock(fd, how | LOCK_NB) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A gate that cannot be opened (read-only filesystem, not created yet) is skipped. */
static int open_gate(int dirfd, bool writer)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

	return openat(dirfd, gate_name, writer ? flags | O_CREAT : flags, 0644);
}

/* --- shared lock -------------------------------------------------------------------- */

/* Takes the shared lock if it is free and no process waits for the exclusive lock. */
static void lock_if_free(int dirfd)
{
	cfs_autofd int gate = open_gate(dirfd, false);

	if (gate < 0 || lock_now(gate, LOCK_SH) != -EAGAIN)
		(void)lock_now(dirfd, LOCK_SH);
}

/* Waits at the gate for a part of the timeout; returns the rest. */
static struct cfs_lock_wait pass_gate(int dirfd, bool writer, struct cfs_lock_wait wait)
{
	cfs_autofd int gate = open_gate(dirfd, writer);
	struct cfs_lock_wait at_gate = wait;
	long long before = cfs_lock_get_now_ms(), spent;

	if (gate < 0)
		return wait;
	if (wait.timeout_ms == 0 || wait.timeout_ms > GATE_WAIT_MS)
		at_gate.timeout_ms = GATE_WAIT_MS;
	(void)!cfs_lock_take(gate, LOCK_SH, &at_gate, NULL);
	spent = cfs_lock_get_now_ms() - before;
	if (wait.timeout_ms > 0)
		wait.timeout_ms =
			spent < wait.timeout_ms ? wait.timeout_ms - (int)spent : -1;
	return wait;
}

int repo_lock_shared(int dirfd, enum cfs_repo_access access,
		     const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	static const struct cfs_lock_wait no_limit;
	struct cfs_lock_wait left;
	int rc;

	if (access == CFS_REPO_LOOK) {
		lock_if_free(dirfd);
		return 0;
	}
	left = pass_gate(dirfd, access == CFS_REPO_WRITE, wait ? *wait : no_limit);
	rc = cfs_lock_take(dirfd, LOCK_SH, &left, err);
	if (rc == 0 || rc == -EBUSY || access == CFS_REPO_WRITE)
		return rc;
	return 0; /* the filesystem has no locks */
}

/* --- exclusive lock ----------------------------------------------------------------- */

struct exclusive_wait {
	long long end, note_at;
	const struct cfs_lock_wait *wait;
};

static struct exclusive_wait start_wait(const struct cfs_lock_wait *wait)
{
	long long now = cfs_lock_get_now_ms();
	struct exclusive_wait p = {
		.end = LLONG_MAX, .note_at = now + CFS_LOCK_NOTE_MS, .wait = wait};

	if (wait->timeout_ms > 0)
		p.end = now + wait->timeout_ms;
	if (wait->timeout_ms >= 0 && wait->note)
		wait->note(wait->ctx, "other processes that use the repository");
	return p;
}

/* Tries for ms milliseconds and reports the holder meanwhile. 0, -EAGAIN, or -errno of
 * flock. */
static int lock_for_ms(int fd, int ms, struct exclusive_wait *p)
{
	long long until = cfs_lock_get_now_ms() + ms;
	char holder[CFS_LOCK_HOLDER_MAX];
	int rc;

	while ((rc = lock_now(fd, LOCK_EX)) == -EAGAIN) {
		long long now = cfs_lock_get_now_ms();

		if (cfs_watch_is_cancelled(p->wait->watch))
			return -ECANCELED;
		if (now >= until || now >= p->end)
			break;
		if (now >= p->note_at && p->wait->note) {
			p->wait->note(p->wait->ctx, cfs_lock_describe_holder(fd, holder));
			p->note_at = LLONG_MAX;
		}
		cfs_lock_sleep_ms(CFS_LOCK_POLL_MS);
	}
	return rc;
}

int repo_lock_exclusive(int dirfd, const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	cfs_autofd int gate = open_gate(dirfd, true);
	char holder[CFS_LOCK_HOLDER_MAX];
	int rc = lock_now(dirfd, LOCK_EX);
	struct exclusive_wait p;

	if (rc == -EAGAIN)
		p = start_wait(wait);
	while (rc == -EAGAIN && wait->timeout_ms >= 0 && cfs_lock_get_now_ms() < p.end) {
		bool shut = gate >= 0 && lock_for_ms(gate, GATE_WAIT_MS, &p) == 0;

		rc = lock_for_ms(dirfd, GATE_MS, &p);
		if (shut)
			(void)flock(gate, LOCK_UN);
		if (rc == -EAGAIN)
			cfs_lock_sleep_ms(OPEN_MS);
	}
	if (rc == -EAGAIN)
		return cfs_fail(err, EBUSY, "others use the repository: %s",
				cfs_lock_describe_holder(dirfd, holder));
	if (rc == -ECANCELED)
		return cfs_watch_poll(wait->watch, err);
	errno = -rc;
	return rc < 0 ? cfs_fail_errno(err, "lock") : 0;
}

/* --- of an open repository ---------------------------------------------------------- */

static int reread_meta(struct cfs_repo *r, struct cfs_err *err)
{
	enum cfs_hash_alg alg = r->meta.alg;
	int rc = repo_read_meta(r->dirfd, &r->meta, &r->secure, err);

	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT, "no longer a repository");
	if (rc == 0 && r->meta.alg != alg)
		return cfs_fail(
			err, EAGAIN,
			"the repository was created anew during the run; try again");
	return rc < 0 ? rc : repo_check_meta_writable(&r->meta, err);
}

int cfs_repo_lock_alone(struct cfs_repo *repo, struct cfs_err *err)
{
	int rc = 0;

	if (flock(repo->dirfd, LOCK_UN) < 0)
		rc = cfs_fail_errno(err, "unlock");
	if (rc == 0)
		rc = repo_lock_exclusive(repo->dirfd, &repo->wait, err);
	if (rc == 0)
		rc = reread_meta(repo, err);
	return rc;
}

void cfs_repo_unlock(const struct cfs_repo *repo)
{
	(void)flock(repo->dirfd, LOCK_UN);
}

int cfs_repo_relock(const struct cfs_repo *repo, struct cfs_err *err)
{
	struct cfs_repo_meta meta;
	bool secure = false;
	int rc = repo_lock_shared(repo->dirfd, CFS_REPO_WRITE, &repo->wait, err);

	if (rc == 0)
		rc = repo_read_meta(repo->dirfd, &meta, &secure, err);
	if (rc == 0)
		rc = repo_check_meta_writable(&meta, err);
	if (rc == -ENOENT ||
	    (rc == 0 && (meta.alg != repo->meta.alg || secure != repo->secure)))
		rc = cfs_fail(
			err, ESTALE,
			"the repository was created anew during the run; try again");
	return cfs_context(err, rc, "repository %s", repo->path);
}
