/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Make or read a signature. */
#include "sig/sig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/child.h"

/* Reads a key file; a longer file is cut off. */
static int read_key(const char *path, char buf[CFS_SIG_KEY_FILE_MAX], size_t *len,
		    struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = cfs_io_read(fd, buf, CFS_SIG_KEY_FILE_MAX, err);
	if (n < 0)
		return (int)n;
	*len = (size_t)n;
	return 0;
}

/* Signs with a key from a file. Key and file do not stay in memory. */
static int sign_by_key(const char *path, struct cfs_span message, struct cfs_sig_key *key,
		       uint8_t signature[CFS_SIG_LEN], struct cfs_err *err)
{
	char buf[CFS_SIG_KEY_FILE_MAX];
	struct cfs_sig_secret secret;
	size_t len = 0;
	int rc = read_key(path, buf, &len, err);

	if (rc == 0)
		rc = cfs_sig_secret_parse((struct cfs_text){buf, len}, &secret, err);
	if (rc == 0) {
		cfs_sig_get_public(&secret, key);
		cfs_sig_sign(&secret, message, signature);
		cfs_sig_secret_wipe(&secret);
	}
	explicit_bzero(buf, sizeof(buf));
	return cfs_context(err, rc, "%s", path);
}

/* Reads exactly one signature up to the end of the file. */
static int read_signature(int fd, const struct cfs_watch *watch,
			  uint8_t signature[CFS_SIG_LEN], struct cfs_err *err)
{
	uint8_t buf[CFS_SIG_LEN + 1];
	ssize_t n = cfs_io_read_watched(fd, buf, sizeof(buf), watch, err);

	if (n < 0)
		return (int)n;
	if (n != CFS_SIG_LEN)
		return cfs_fail(err, EINVAL, "signature: expected %d bytes, got %s%zd",
				CFS_SIG_LEN, n > CFS_SIG_LEN ? "more than " : "",
				n > CFS_SIG_LEN ? n - 1 : n);
	memcpy(signature, buf, CFS_SIG_LEN);
	return 0;
}

static int read_signature_file(const char *path, uint8_t signature[CFS_SIG_LEN],
			       struct cfs_err *err)
{
	cfs_autofd int fd = -1;

	if (strcmp(path, "-") == 0)
		return cfs_context(err,
				   read_signature(STDIN_FILENO, NULL, signature, err),
				   "standard input");
	fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, err);
	if (fd < 0)
		return cfs_context(err, fd, "%s", path);
	return cfs_context(err, read_signature(fd, NULL, signature, err), "%s", path);
}

/* Passes the message to the command and reads the signature from its output. Our end
 * of the pipe is closed before the wait, so that a command that writes too much ends.
 * A signature that cannot be read is reported rather than the status of the command. */
static int sign_by_command(const struct cfs_sig_signer *s, struct cfs_span message,
			   uint8_t signature[CFS_SIG_LEN], struct cfs_err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", s->command, NULL};
	cfs_autofd int in = cfs_child_make_input(message, err);
	cfs_autofd int from = -1;
	cfs_autofd int to = -1;
	int pipes[2], rc, end;
	pid_t pid;

	if (in < 0)
		return in;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	from = pipes[0];
	to = pipes[1];
	rc = cfs_child_start(argv, in, to, &pid, err);
	if (rc < 0)
		return rc;
	close(cfs_steal_fd(&to));
	rc = cfs_context(err, read_signature(from, s->watch, signature, err),
			 "the command");
	close(cfs_steal_fd(&from));
	end = cfs_child_wait(pid, "the command", s->watch, rc < 0 ? NULL : err);
	return rc < 0 ? rc : end;
}

static int read_public(const char *path, struct cfs_sig_key *key, struct cfs_err *err)
{
	char buf[CFS_SIG_KEY_FILE_MAX];
	size_t len = 0;
	int rc = read_key(path, buf, &len, err);

	if (rc == 0)
		rc = cfs_sig_key_parse((struct cfs_text){buf, len}, key, err);
	return cfs_context(err, rc, "%s", path);
}

int cfs_sig_obtain(const struct cfs_sig_signer *s, struct cfs_span message,
		   struct cfs_sig_key *key, uint8_t signature[CFS_SIG_LEN],
		   struct cfs_err *err)
{
	int rc;

	if (s->key)
		return sign_by_key(s->key, message, key, signature, err);
	rc = read_public(s->public_key, key, err);
	if (rc == 0)
		rc = s->attach ? read_signature_file(s->attach, signature, err)
			       : sign_by_command(s, message, signature, err);
	if (rc == 0 && !cfs_sig_verify_one(key, message, signature))
		rc = cfs_fail(err, EBADMSG,
			      "the signature does not match the message and %s",
			      s->public_key);
	return rc;
}
