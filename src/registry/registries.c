/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registries.conf: from the items of a file to tables and aliases. */
#include <errno.h>
#include <string.h>

#include "registry/registries_priv.h"
#include "toml/toml.h"

void cfs_registries_fini(struct cfs_registries *r)
{
	cfs_arena_fini(&r->arena);
	free(r->tables);
	free(r->aliases);
	*r = (struct cfs_registries){0};
}

/* A file that is being read. */
struct adding {
	struct cfs_registries *r;
	size_t first_table, first_alias; /* of this file */
};

static int copy_config_text(struct cfs_registries *r, struct cfs_text t,
			    struct cfs_text *out, struct cfs_err *err)
{
	char *copy = cfs_arena_copy(&r->arena, t.s, t.len);

	*out = (struct cfs_text){copy, t.len};
	return copy ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* A key may stand once: the second one of two could hide what the first one forbids. */
static int set_config_text(struct adding *a, const struct cfs_toml_item *item,
			   struct cfs_text *out, struct cfs_err *err)
{
	if (item->kind != CFS_TOML_STRING)
		return cfs_toml_fail_type(item, "a string", err);
	if (out->s)
		return cfs_toml_fail_type(item, "the key once", err);
	return copy_config_text(a->r, item->text, out, err);
}

static int set_config_flag(const struct cfs_toml_item *item, struct flag *out,
			   struct cfs_err *err)
{
	if (item->kind != CFS_TOML_BOOL)
		return cfs_toml_fail_type(item, "true or false", err);
	if (out->is_set)
		return cfs_toml_fail_type(item, "the key once", err);
	*out = (struct flag){.is_set = true, .is_on = item->value};
	return 0;
}

static bool is_key(const struct cfs_toml_item *item, const char *key)
{
	return cfs_text_eq(item->key, cfs_text(key));
}

/* --- [[registry]], [[registry.mirror]] ---------------------------------------------- */

static int add_table(struct cfs_registries *r, struct cfs_err *err)
{
	if (r->n_tables == CFS_REGISTRIES_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d tables",
				CFS_REGISTRIES_MAX);
	if (cfs_grow(&r->tables, &r->tables_cap, r->n_tables + 1, sizeof(*r->tables)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	r->tables[r->n_tables++] = (struct cfs_registries_table){0};
	return 0;
}

static int add_mirror(struct adding *a, struct cfs_err *err)
{
	struct cfs_registries_table *t;

	if (a->r->n_tables == a->first_table)
		return cfs_fail(err, EINVAL, "a mirror without [[registry]] before it");
	t = &a->r->tables[a->r->n_tables - 1];
	if (t->n_mirrors == CFS_REGISTRIES_MIRRORS_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d mirrors",
				CFS_REGISTRIES_MIRRORS_MAX);
	t->mirrors[t->n_mirrors++] = (struct mirror){0};
	return 0;
}

/* Reads pull-from-mirror. Any other value, or a second one, is refused: to guess would
 * pull from a mirror that the administrator excluded. */
static int set_use(struct mirror *m, const struct cfs_toml_item *item,
		   struct cfs_err *err)
{
	static const struct {
		const char *name;
		enum mirror_use use;
	} known[] = {{"all", MIRROR_ALWAYS},
		     {"digest-only", MIRROR_FOR_DIGESTS},
		     {"tag-only", MIRROR_FOR_TAGS}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (item->kind == CFS_TOML_STRING && !m->has_use &&
		    cfs_text_eq(item->text, cfs_text(known[i].name))) {
			m->use = known[i].use;
			m->has_use = true;
			return 0;
		}
	return cfs_toml_fail_type(item, "\"all\", \"digest-only\" or \"tag-only\", once",
				  err);
}

static int set_of_mirror(struct adding *a, const struct cfs_toml_item *item,
			 struct cfs_err *err)
{
	struct cfs_registries_table *t = &a->r->tables[a->r->n_tables - 1];
	struct mirror *m = &t->mirrors[t->n_mirrors - 1];

	if (is_key(item, "location"))
		return set_config_text(a, item, &m->location, err);
	if (is_key(item, "insecure"))
		return set_config_flag(item, &m->insecure, err);
	return is_key(item, "pull-from-mirror") ? set_use(m, item, err) : 0;
}

/* Stores a key of [[registry]]. Unknown keys are ignored, as by podman. */
static int set_of_table(struct adding *a, const struct cfs_toml_item *item,
			struct cfs_err *err)
{
	struct cfs_registries_table *t = &a->r->tables[a->r->n_tables - 1];

	if (is_key(item, "prefix"))
		return set_config_text(a, item, &t->prefix, err);
	if (is_key(item, "location"))
		return set_config_text(a, item, &t->location, err);
	if (is_key(item, "insecure"))
		return set_config_flag(item, &t->insecure, err);
	if (is_key(item, "blocked"))
		return set_config_flag(item, &t->blocked, err);
	if (is_key(item, "mirror"))
		return cfs_toml_fail_type(item, "[[registry.mirror]]", err);
	return is_key(item, "mirror-by-digest-only")
		       ? set_config_flag(item, &t->by_digest, err)
		       : 0;
}

/* --- [aliases] ---------------------------------------------------------------------- */

/* Adds an alias; its texts are copied into r. A file may replace aliases of earlier
 * files, but not its own. */
static int set_alias(struct adding *a, const struct cfs_toml_item *item,
		     struct cfs_err *err)
{
	struct cfs_registries *r = a->r;
	struct cfs_registries_alias *alias = NULL;
	int rc;

	if (item->kind != CFS_TOML_STRING)
		return cfs_toml_fail_type(item, "a string", err);
	for (size_t i = 0; i < r->n_aliases; i++)
		if (cfs_text_eq(r->aliases[i].name, item->key) && i >= a->first_alias)
			return cfs_toml_fail_type(item, "the key once", err);
	if (r->n_aliases == CFS_REGISTRIES_MAX)
		return cfs_fail(err, EINVAL, "expected at most %d aliases",
				CFS_REGISTRIES_MAX);
	if (cfs_grow(&r->aliases, &r->aliases_cap, r->n_aliases + 1,
		     sizeof(*r->aliases)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	alias = &r->aliases[r->n_aliases];
	rc = copy_config_text(r, item->key, &alias->name, err);
	if (rc == 0)
		rc = copy_config_text(r, item->text, &alias->reference, err);
	r->n_aliases += rc == 0;
	return rc;
}

/* The last alias of a name counts. */
int cfs_registries_find_alias(const struct cfs_registries *r, struct cfs_text name,
			      struct cfs_text *out)
{
	for (size_t i = r->n_aliases; i-- > 0;)
		if (cfs_text_eq(r->aliases[i].name, name)) {
			*out = r->aliases[i].reference;
			return out->len > 0;
		}
	return 0;
}

/* --- files -------------------------------------------------------------------------- */

/* Passes one item of registries.conf to the table that it belongs to. Unknown tables
 * are skipped, but every form that could hide a blocked registry is refused. */
static int add_item(void *ctx, const struct cfs_toml_item *item, struct cfs_err *err)
{
	bool is_registry = cfs_text_eq(item->table, CFS_TEXT("registry"));
	bool is_mirror = cfs_text_eq(item->table, CFS_TEXT("registry.mirror"));
	struct adding *a = ctx;

	/* It could be a registry that is blocked. */
	if (item->kind == CFS_TOML_INLINE)
		return cfs_fail(err, EINVAL,
				"inline tables are not supported: use [[TABLE]]");
	if (cfs_text_has_prefix(item->table, CFS_TEXT("registries.")))
		return cfs_fail(err, EINVAL,
				"[%.*s] is of version 1, which is not supported: use "
				"[[registry]]",
				(int)item->table.len, item->table.s);
	if ((is_registry || is_mirror) && item->kind == CFS_TOML_TABLE)
		return cfs_fail(err, EINVAL, "expected [[%.*s]]", (int)item->table.len,
				item->table.s);
	if (item->kind == CFS_TOML_TABLE)
		return 0;
	if (item->kind == CFS_TOML_TABLES)
		return is_registry ? add_table(a->r, err)
		       : is_mirror ? add_mirror(a, err)
				   : 0;
	if (is_registry)
		return set_of_table(a, item, err);
	if (is_mirror)
		return set_of_mirror(a, item, err);
	return cfs_text_eq(item->table, CFS_TEXT("aliases")) ? set_alias(a, item, err)
							     : 0;
}

/* The prefix is the location if it is missing. */
static int complete_table(struct cfs_registries_table *t, struct cfs_err *err)
{
	const char *slash;

	if (t->prefix.len == 0)
		t->prefix = t->location;
	if (t->prefix.len == 0)
		return cfs_fail(err, EINVAL, "[[registry]] without prefix and location");
	slash = memchr(t->prefix.s, '/', t->prefix.len);
	if (slash && (memchr(slash, ':', t->prefix.len - (size_t)(slash - t->prefix.s)) ||
		      memchr(slash, '@', t->prefix.len - (size_t)(slash - t->prefix.s))))
		return cfs_fail(err, ENOTSUP,
				"%.*s: a prefix with a tag or a digest is not supported",
				(int)t->prefix.len, t->prefix.s);
	for (size_t i = 0; i < t->n_mirrors; i++) {
		if (t->mirrors[i].location.len == 0)
			return cfs_fail(err, EINVAL, "%.*s: a mirror without location",
					(int)t->prefix.len, t->prefix.s);
		if (t->by_digest.is_on && t->mirrors[i].has_use)
			return cfs_fail(err, EINVAL,
					"%.*s: both mirror-by-digest-only and "
					"pull-from-mirror",
					(int)t->prefix.len, t->prefix.s);
	}
	return 0;
}

/* A table of this file replaces that of an earlier one. */
static int replace_tables(struct adding *a, struct cfs_err *err)
{
	struct cfs_registries *r = a->r;

	for (size_t i = a->first_table; i < r->n_tables; i++) {
		int rc = complete_table(&r->tables[i], err);

		if (rc < 0)
			return rc;
		for (size_t j = 0; j < i; j++) {
			if (!cfs_text_eq(r->tables[j].prefix, r->tables[i].prefix))
				continue;
			if (j >= a->first_table)
				return cfs_fail(err, EINVAL, "%.*s: two tables for it",
						(int)r->tables[i].prefix.len,
						r->tables[i].prefix.s);
			r->tables[j].prefix = CFS_TEXT("");
		}
	}
	return 0;
}

int cfs_registries_add(struct cfs_registries *r, struct cfs_text toml,
		       struct cfs_err *err)
{
	struct adding a = {
		.r = r, .first_table = r->n_tables, .first_alias = r->n_aliases};
	int rc;

	if (toml.len > CFS_REGISTRIES_FILE_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d bytes",
				CFS_REGISTRIES_FILE_MAX);
	rc = cfs_toml_parse(toml, add_item, &a, err);
	return rc < 0 ? rc : replace_tables(&a, err);
}
