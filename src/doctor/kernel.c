/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Questions that files of the kernel answer. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* Reads the first bytes of a small file. 0 or -errno. */
static int read_kernel_text(const char *path, char *out, size_t cap)
{
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, cap - 1);

	out[n > 0 ? n : 0] = '\0';
	if (n > 0 && out[n - 1] == '\n')
		out[n - 1] = '\0';
	return n < 0 ? -errno : 0;
}

/* Finds out whether the kernel verifies built-in signatures of fs-verity, and whether
 * it demands them. */
static void test_signatures(struct doctor *d)
{
	char text[16];
	int rc = read_kernel_text("/proc/sys/fs/verity/require_signatures", text,
				  sizeof(text));

	if (rc == 0)
		doctor_answer(d, CFS_DOCTOR_SIGNATURES, CFS_DOCTOR_OK,
			      "required of all: %s",
			      strcmp(text, "0") == 0 ? "no" : "yes");
	else if (rc == -ENOENT)
		doctor_answer(d, CFS_DOCTOR_SIGNATURES, CFS_DOCTOR_NO,
			      "no CONFIG_FS_VERITY_BUILTIN_SIGNATURES");
	else
		doctor_answer(d, CFS_DOCTOR_SIGNATURES, CFS_DOCTOR_UNKNOWN, "%s",
			      strerror(-rc));
}

/* Is the word in the comma-separated list? */
static bool has_config_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static void test_ipe(struct doctor *d)
{
	char text[512];
	int rc = read_kernel_text("/sys/kernel/security/lsm", text, sizeof(text));

	if (rc < 0)
		doctor_answer(d, CFS_DOCTOR_IPE, CFS_DOCTOR_UNKNOWN,
			      "/sys/kernel/security/lsm: %s", strerror(-rc));
	else if (has_config_word(text, "ipe"))
		doctor_answer(d, CFS_DOCTOR_IPE, CFS_DOCTOR_OK, "%s", "");
	else
		doctor_answer(d, CFS_DOCTOR_IPE, CFS_DOCTOR_NO, "active are: %.200s",
			      text);
}

void doctor_ask_kernel(struct doctor *d)
{
	struct utsname name;

	if (uname(&name) == 0)
		snprintf(d->report->kernel, sizeof(d->report->kernel), "%s",
			 name.release);
	test_signatures(d);
	test_ipe(d);
}
