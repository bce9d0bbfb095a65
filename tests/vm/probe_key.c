/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Keys: a certificate that fs-verity takes signatures by from then on. */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

enum { CERTIFICATE_MAX = 4096 };

/* The serial number of a keyring that /proc/keys lists: the line begins with it, in hex, and has the
 * name behind the type. 0: there is none. */
static unsigned find_keyring(const char *name)
{
	FILE *keys = fopen("/proc/keys", "re");
	char line[512], *at;
	unsigned serial = 0, found = 0;

	while (keys && !found && fgets(line, sizeof(line), keys)) {
		at = strstr(line, name);
		if (at && at[strlen(name)] == ':' && sscanf(line, "%x", &serial) == 1)
			found = serial;
	}
	if (keys)
		fclose(keys);
	return found;
}

/* From now on, no key more. */
const char *probe_close_keys(char **arg)
{
	unsigned keyring = find_keyring(".fs-verity");

	(void)arg;
	return syscall(SYS_keyctl, KEYCTL_RESTRICT_KEYRING, keyring, NULL, NULL) < 0
		       ? strerrorname_np(errno)
		       : "ok";
}

const char *probe_key(char **arg)
{
	FILE *file = fopen(arg[0], "re");
	char certificate[CERTIFICATE_MAX];
	size_t len = file ? fread(certificate, 1, sizeof(certificate), file) : 0;
	unsigned keyring = find_keyring(".fs-verity");

	if (file)
		fclose(file);
	if (!len || !keyring)
		return len ? "no keyring" : "no certificate";
	if (syscall(SYS_add_key, "asymmetric", "", certificate, len, keyring) < 0)
		return strerrorname_np(errno);
	return "ok";
}
