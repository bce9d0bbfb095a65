/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* storage.conf: the few settings that say where stores are.
 * Source: containers-storage.conf(5). */
#include <errno.h>
#include <string.h>

#include "storage/storage_priv.h"
#include "toml/toml.h"

void storage_conf_fini(struct storage_conf *conf)
{
	free(conf->driver);
	free(conf->graphroot);
	free(conf->rootless_path);
	free(conf->image_store);
	for (size_t i = 0; i < conf->n_additional; i++)
		free(conf->additional[i]);
	free(conf->additional);
	*conf = (struct storage_conf){0};
}

static bool is_of(const struct cfs_toml_item *item, const char *table, const char *key)
{
	return cfs_text_eq(item->table, cfs_text(table)) &&
	       cfs_text_eq(item->key, cfs_text(key));
}

/* The setting with this name, or NULL: an unknown one. */
static char **find_setting(struct storage_conf *c, const struct cfs_toml_item *item)
{
	const struct {
		const char *table, *key;
		char **to;
	} settings[] = {
		{"storage", "driver", &c->driver},
		{"storage", "graphroot", &c->graphroot},
		{"storage", "rootless_storage_path", &c->rootless_path},
		{"storage", "imagestore", &c->image_store},
		{"storage.options", "imagestore", &c->image_store},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (is_of(item, settings[i].table, settings[i].key))
			return settings[i].to;
	return NULL;
}

static int copy_conf_text(struct cfs_text text, char **out, struct cfs_err *err)
{
	*out = strndup(text.s, text.len);
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* An empty string is as none. */
static int set_conf_text(char **to, const struct cfs_toml_item *item, struct cfs_err *err)
{
	if (item->kind != CFS_TOML_STRING)
		return cfs_toml_fail_type(item, "a string in quotes", err);
	if (item->text.len == 0)
		return 0;
	free(*to);
	return copy_conf_text(item->text, to, err);
}

/* The stores of the file replace those of a file before it. */
static void drop_stores(struct storage_conf *c)
{
	while (c->n_additional)
		free(c->additional[--c->n_additional]);
}

/* Callback for additionalimagestores: the array of a later file replaces that of an
 * earlier one, as in podman. */
static int add_store(struct storage_conf *c, const struct cfs_toml_item *item,
		     struct cfs_err *err)
{
	if (item->kind == CFS_TOML_ARRAY) {
		drop_stores(c);
		return 0;
	}
	if (item->kind != CFS_TOML_ELEMENT)
		return cfs_toml_fail_type(item, "a list of strings", err);
	if (item->text.len == 0)
		return 0;
	if (cfs_grow(&c->additional, &c->cap_additional, c->n_additional + 1,
		     sizeof(*c->additional)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	c->additional[c->n_additional] = NULL;
	return copy_conf_text(item->text, &c->additional[c->n_additional++], err);
}

static int set_item(void *ctx, const struct cfs_toml_item *item, struct cfs_err *err)
{
	struct storage_conf *c = ctx;
	char **to = find_setting(c, item);

	if (to)
		return set_conf_text(to, item, err);
	if (is_of(item, "storage.options", "additionalimagestores"))
		return add_store(c, item, err);
	/* It could hide the settings above. */
	if (is_of(item, "", "storage") || is_of(item, "storage", "options"))
		return cfs_toml_fail_type(item, "a table in brackets", err);
	return 0;
}

int storage_conf_parse(struct cfs_text text, struct storage_conf *conf,
		       struct cfs_err *err)
{
	return cfs_toml_parse(text, set_item, conf, err);
}
