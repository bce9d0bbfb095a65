/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The restrictions of the process that speaks with registries and parses what they answer. Only credentials
 * need more: they are found by a process outside, which hears nothing of a registry. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helpers/registry/registry_helper.h"
#include "sandbox/client.h"

/* --- the broker of credentials ------------------------------------------------------- */

/* What it answers, once. */
struct found {
	int rc;
	struct cfs_registry_auth auth;
	struct cfs_err err;
};

/* Waits for one byte, then looks for the credentials of the registry. Without the byte the
 * registry did not ask, and neither the user's files nor a credential helper are touched. */
static void answer_once(struct transfer *t, int fd)
{
	struct found *found = calloc(1, sizeof(*found));
	char byte;

	if (found && read(fd, &byte, 1) == 1) {
		found->rc = find_credentials(t, &found->err);
		found->auth = t->auth;
		(void)!cfs_io_write(fd, found, sizeof(*found), NULL);
		explicit_bzero(found, sizeof(*found));
	}
	free(found);
	cfs_registry_wipe(&t->auth);
	_exit(0);
}

int start_broker(struct transfer *t, struct cfs_err *err)
{
	int ends[2];

	if (t->looked_for_auth)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cfs_fail_errno(err, "socketpair");
	t->broker_pid = fork();
	if (t->broker_pid == 0) {
		close(ends[0]);
		answer_once(t, ends[1]);
	}
	close(ends[1]);
	t->broker = ends[0];
	return t->broker_pid < 0 ? cfs_fail_errno(err, "fork") : 0;
}

void stop_broker(struct transfer *t)
{
	if (t->broker < 0)
		return;
	close(cfs_steal_fd(&t->broker));
	while (waitpid(t->broker_pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int read_answer(int fd, struct found *out, struct cfs_err *err)
{
	ssize_t n = cfs_io_read(fd, out, sizeof(*out), err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(*out))
		return cfs_fail(err, EIO, "the process that looks for them died");
	return 0;
}

int ask_broker(struct transfer *t, struct cfs_err *err)
{
	cfs_autofree struct found *found = calloc(1, sizeof(*found));
	int rc;

	if (t->looked_for_auth)
		return 0;
	t->looked_for_auth = true;
	if (!found)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_io_write(t->broker, "", 1, err);
	if (rc == 0)
		rc = read_answer(t->broker, found, err);
	if (rc < 0)
		return cfs_context(err, rc, "credentials");
	if (found->rc < 0) {
		*err = found->err;
		return found->rc;
	}
	t->auth = found->auth;
	explicit_bzero(found, sizeof(*found));
	t->has_auth = *t->auth.user || *t->auth.password || *t->auth.identity_token;
	return 0;
}

/* --- the sandbox --------------------------------------------------------------------- */

/* What libcurl, OpenSSL and the resolver of libc read: names of hosts, authorities,
 * libraries that are loaded when they are needed. */
static const char *const readable[] = {
	"/usr",
	"/lib",
	"/lib64",
	"/etc/ld.so.cache",
	"/etc/ld.so.preload",
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/protocols",
	"/etc/networks",
	"/etc/machine-id",
	"/etc/hostname",
	"/etc/localtime",
	"/run/systemd/resolve",
	"/run/nscd",
	"/var/run/nscd",
	"/var/cache/nscd",
	"/var/db/nscd",
	"/etc/ssl",
	"/etc/pki",
	"/etc/ca-certificates",
	"/etc/crypto-policies",
	"/etc/docker/certs.d",
	"/etc/containers/certs.d",
	"/dev/urandom",
	"/dev/random",
	"/dev/null",
	"/proc/sys/crypto",
	"/sys/devices/system/cpu",
};

/* Files that the user names for libcurl and OpenSSL. */
static const char *const variables[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
					"OPENSSL_CONF", "OPENSSL_MODULES"};

enum {
	N_READABLE = sizeof(readable) / sizeof(readable[0]),
	N_VARIABLES = sizeof(variables) / sizeof(variables[0])
};

int confine_transfer(struct cfs_err *err)
{
	const char *paths[N_READABLE + N_VARIABLES];
	size_t n = 0;

	for (size_t i = 0; i < N_READABLE; i++)
		paths[n++] = readable[i];
	for (size_t i = 0; i < N_VARIABLES; i++) {
		const char *path = getenv(variables[i]);

		if (path && *path)
			paths[n++] = path;
	}
	return cfs_sandbox_enter_client(paths, n, err);
}
