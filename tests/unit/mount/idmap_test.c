/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/idmap: the text of a mapping. */
#include "mount/idmap.h"

#include <errno.h>
#include <unistd.h>

#include "t.h"

T(idmap_refuses_a_malformed_mapping)
{
	static const char *const bad[] = {
		"",
		"0",
		"0:1",
		"0:1:",
		":1:1",
		"0::1",
		"0:1:0",
		"0:1:1:",
		"0:1:1:1",
		"a:1:1",
		"-1:1:1",
		"0:1:1 ",
		"0:1:4294967296",
		"4294967295:0:1",
		"0:4294967295:1",
		"0:0:4294967296",
		"0:1:18446744073709551617",
	};
	struct cfs_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_eq(cfs_idmap_open(bad[i], &err), -EINVAL);
		t_ok(strstr(err.msg, "ID:HOST:COUNT") != NULL);
	}
}

T(idmap_names_the_file_that_does_not_exist)
{
	struct cfs_err err;

	t_eq(cfs_idmap_open("/nonexistent/ns/user", &err), -ENOENT);
	t_ok(strstr(err.msg, "/nonexistent/ns/user") != NULL);
}
