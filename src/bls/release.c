/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Values of os-release. */
#include "bls/bls.h"

bool cfs_bls_find_release(struct cfs_text text, struct cfs_text key, struct cfs_text *out)
{
	while (text.len) {
		const char *end = memchr(text.s, '\n', text.len);
		struct cfs_text line = {text.s, end ? (size_t)(end - text.s) : text.len};

		text.s += line.len + (end != NULL);
		text.len -= line.len + (end != NULL);
		if (!cfs_text_skip_prefix(&line, key) ||
		    !cfs_text_skip_prefix(&line, CFS_TEXT("=")))
			continue;
		if (line.len > 1 && (*line.s == '"' || *line.s == '\'') &&
		    line.s[line.len - 1] == *line.s)
			line = (struct cfs_text){line.s + 1, line.len - 2};
		*out = line;
		return true;
	}
	return false;
}
