/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names of an archive as paths in a tree. */
#include <errno.h>

#include "tar/tar.h"

static int check_component(struct cfs_text c, struct cfs_err *err)
{
	if (cfs_text_eq(c, CFS_TEXT("..")))
		return cfs_fail(err, EINVAL, "the path has the component \"..\"");
	if (c.len > CFS_NAME_MAX)
		return cfs_fail(
			err, ENAMETOOLONG,
			"a component of the path has %zu bytes, expected at most %d",
			c.len, (int)CFS_NAME_MAX);
	return 0;
}

int cfs_tar_clean_path(struct cfs_text name, char *out, size_t *len, struct cfs_err *err)
{
	size_t n = 0;

	if (name.len && memchr(name.s, '\0', name.len))
		return cfs_fail(err, EINVAL, "the path has a NUL byte");
	while (name.len) {
		const char *slash = memchr(name.s, '/', name.len);
		struct cfs_text c = {name.s, slash ? (size_t)(slash - name.s) : name.len};
		size_t used = c.len + (slash != NULL);
		int rc = check_component(c, err);

		if (rc < 0)
			return rc;
		if (c.len && !cfs_text_eq(c, CFS_TEXT("."))) {
			if (n)
				out[n++] = '/';
			memmove(out + n, c.s, c.len);
			n += c.len;
		}
		name = (struct cfs_text){name.s + used, name.len - used};
	}
	*len = n;
	return 0;
}
