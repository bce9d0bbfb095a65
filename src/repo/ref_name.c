/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which names are valid. A name becomes a path, and is printed on terminals. */
#include <errno.h>

#include "repo/repo_priv.h"

static bool is_hex(struct cfs_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (cfs_hex_decode_digit(t.s[i]) < 0)
			return false;
	return true;
}

bool repo_is_component(struct cfs_text t)
{
	if (t.len == 0 || t.len >= REPO_NAME_MAX || cfs_text_eq(t, CFS_TEXT(".")) ||
	    cfs_text_eq(t, CFS_TEXT("..")) || cfs_text_has_prefix(t, CFS_TEXT(".tmp-")) ||
	    cfs_text_has_prefix(t, CFS_TEXT(".symlink-")))
		return false;
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.s[i] < 0x20 || t.s[i] == 0x7f || t.s[i] == '/')
			return false;
	return true;
}

static int fail_name(struct cfs_text name, const char *rule, struct cfs_err *err)
{
	return cfs_fail(err, EINVAL, "name \"%.*s\": %s",
			(int)(name.len > 200 ? 200 : name.len), name.s ? name.s : "",
			rule);
}

int cfs_repo_check_ref(struct cfs_text name, struct cfs_err *err)
{
	struct cfs_text left = name;
	size_t depth = 0;

	if (name.len == 0 || name.len > CFS_REPO_REF_MAX)
		return fail_name(name, "expected 1 to 1024 bytes", err);
	for (;;) {
		const char *slash = memchr(left.s, '/', left.len);
		struct cfs_text part = {left.s,
					slash ? (size_t)(slash - left.s) : left.len};

		if (!repo_is_component(part))
			return fail_name(
				name,
				"expected components of 1 to 255 bytes without control "
				"characters, none \".\", \"..\", \".tmp-...\" or "
				"\".symlink-...\"",
				err);
		if (depth++ == 0 && is_hex(part) &&
		    (part.len == 2 * CFS_SHA256_LEN || part.len == 2 * CFS_SHA512_LEN))
			return fail_name(name, "its first component looks like a digest",
					 err);
		if (!slash)
			break;
		left = (struct cfs_text){slash + 1, left.len - part.len - 1};
	}
	if (depth > CFS_REPO_REF_DEPTH)
		return fail_name(name, "expected at most 8 components", err);
	return 0;
}

const char *cfs_repo_ref_name(const char *name)
{
	return strncmp(name, "refs/", 5) == 0 ? name + 5 : name;
}

int cfs_repo_check_unused_ref(const char *name, struct cfs_err *err)
{
	struct cfs_text digits = cfs_text(cfs_repo_ref_name(name));

	if (!cfs_text_skip_prefix(&digits, CFS_TEXT(CFS_REPO_BOOT_REFS)) ||
	    !is_hex(digits) ||
	    (digits.len != 2 * CFS_SHA256_LEN && digits.len != 2 * CFS_SHA512_LEN))
		return 0;
	return cfs_fail(err, EBUSY,
			"%s: a system is installed from the image: \"composefs boot rm\" "
			"removes both",
			name);
}
