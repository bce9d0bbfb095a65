/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* TOML: a sentence, or items whose texts have no NUL bytes. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "toml/toml.h"

static void check_toml_text(struct cfs_text t)
{
	fuzz_hold(t.len == 0 || !memchr(t.s, 0, t.len));
}

static int check_item(void *ctx, const struct cfs_toml_item *item, struct cfs_err *err)
{
	bool is_table = item->kind == CFS_TOML_TABLE || item->kind == CFS_TOML_TABLES;
	size_t *n = ctx;

	check_toml_text(item->table);
	check_toml_text(item->key);
	if (item->kind == CFS_TOML_STRING || item->kind == CFS_TOML_ELEMENT)
		check_toml_text(item->text);
	fuzz_hold(is_table ? item->table.len > 0 : item->kind <= CFS_TOML_OTHER_ELEMENT);
	return ++*n < 1000 ? 0 : cfs_fail(err, E2BIG, "enough");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_err err = {""};
	size_t n = 0;
	int rc = cfs_toml_parse((struct cfs_text){(const char *)data, len}, check_item,
				&n, &err);

	fuzz_hold(rc == 0 || *err.msg);
	fuzz_hold(rc == 0 || rc == -EINVAL || rc == -E2BIG);
	return 0;
}
