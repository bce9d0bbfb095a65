/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registries.conf: a sentence, or endpoints that are valid references. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "registry/registries.h"

/* Each endpoint of a valid reference is a valid name on a host that cannot smuggle a
 * path or header, and the last one is no mirror. */
static void check_resolved_reference(const struct cfs_registries *config,
				     const char *text)
{
	static struct cfs_registries_endpoint found[CFS_REGISTRIES_ENDPOINTS_MAX];
	struct cfs_oci_reference r;
	struct cfs_err err = {""};
	size_t n = 0;
	int rc;

	if (cfs_oci_reference_parse(text, &r, &err) < 0)
		return;
	rc = cfs_registries_resolve(config, &r, false, found, &n, &err);
	fuzz_hold(rc == 0 || ((rc == -EINVAL || rc == -EACCES) && *err.msg));
	if (rc < 0)
		return;
	fuzz_hold(n > 0 && n <= CFS_REGISTRIES_ENDPOINTS_MAX && !found[n - 1].is_mirror);
	for (size_t i = 0; i < n; i++)
		fuzz_hold(cfs_oci_is_name(cfs_text(found[i].name)) && *found[i].host &&
			  !strpbrk(found[i].host, "/@ \r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text in = {(const char *)data, len}, to;
	struct cfs_registries config = {0};
	struct cfs_err err = {""};
	int rc = cfs_registries_add(&config, in, &err);

	fuzz_hold(rc == 0 || *err.msg);
	if (rc == 0)
		rc = cfs_registries_add(&config, in, &err);
	fuzz_hold(rc == 0 || *err.msg);
	check_resolved_reference(&config, "r.example/foo/app:1");
	check_resolved_reference(&config, "a.r.example:5000/foo@sha256:"
					  "0123456789abcdef0123456789abcdef"
					  "0123456789abcdef0123456789abcdef");
	fuzz_hold(!cfs_registries_find_alias(&config, CFS_TEXT("app"), &to) || to.len);
	cfs_registries_fini(&config);
	return 0;
}
