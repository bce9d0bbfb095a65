/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Golden images for tests. */
#include "golden.h"

#include "t.h"

uint8_t *t_golden(const char *name, size_t *len)
{
	const char *dir = getenv("CFS_GOLDEN");
	char path[4096];
	uint8_t *p;
	FILE *f;

	if (!dir)
		t_skip("CFS_GOLDEN does not say where the golden images are");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f || fseek(f, 0, SEEK_END) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	*len = (size_t)ftell(f);
	p = malloc(*len);
	rewind(f);
	if (!p || fread(p, 1, *len, f) != *len)
		t_fail(__FILE__, __LINE__, "%s: cannot be read", path);
	fclose(f);
	return p;
}
