/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text and the name of an entry of ours. */
#include <errno.h>
#include <stdio.h>

#include "bls/bls.h"
#include "deploy/deploy_priv.h"

enum { ID_DIGITS = 12 };

static bool take_number(struct cfs_text *t, unsigned *out)
{
	size_t n = 0;

	*out = 0;
	while (n < t->len && n < 9 && t->s[n] >= '0' && t->s[n] <= '9')
		*out = *out * 10 + (unsigned)(t->s[n++] - '0');
	*t = (struct cfs_text){t->s + n, t->len - n};
	return n > 0;
}

bool deploy_parse_name(const char *id, struct deploy_name *out)
{
	struct cfs_text t = cfs_text(id);

	return cfs_text_skip_prefix(&t, CFS_TEXT("composefs-")) &&
	       take_number(&t, &out->generation) &&
	       cfs_text_skip_prefix(&t, CFS_TEXT(".")) &&
	       take_number(&t, &out->revision) &&
	       cfs_text_skip_prefix(&t, CFS_TEXT("-")) && t.len == ID_DIGITS;
}

const char *deploy_format_name(const struct deploy_entry *e,
			       char out[CFS_DEPLOY_NAME_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX], counter[32] = "";

	if (e->is_counted && e->tries_done)
		snprintf(counter, sizeof(counter), "+%u-%u", e->tries_left,
			 e->tries_done);
	else if (e->is_counted)
		snprintf(counter, sizeof(counter), "+%u", e->tries_left);
	snprintf(out, CFS_DEPLOY_NAME_MAX, "composefs-%u.%u-%.*s%s.conf",
		 e->name.generation, e->name.revision, ID_DIGITS,
		 cfs_digest_hex(&e->image, hex), counter);
	return out;
}

/* The rest of a line, in which no character of value ends it. */
static void put_value(struct cfs_out *out, const char *value)
{
	for (; *value; value++)
		cfs_out_char(out,
			     (unsigned char)*value < ' ' || *value == 127 ? '?' : *value);
	cfs_out_char(out, '\n');
}

static void put_line(struct cfs_out *out, const char *key, const char *value)
{
	cfs_out_text(out, cfs_text(key));
	cfs_out_char(out, ' ');
	put_value(out, value);
}

int deploy_format_entry(const struct deploy_entry *e, struct cfs_mem *mem,
			struct cfs_err *err)
{
	enum { BUF = 4096 };
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(mem), BUF);

	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	put_line(&out, "title", e->title ? e->title : "Linux");
	cfs_out_printf(&out, "version %u.%u%s", e->name.generation, e->name.revision,
		       e->version ? "-" : "");
	put_value(&out, e->version ? e->version : "");
	put_line(&out, "sort-key", DEPLOY_SORT_KEY);
	if (e->is_uki) {
		cfs_out_printf(&out, "efi /" DEPLOY_FILES "/%s/uki.efi\n", e->key);
	} else {
		cfs_out_printf(&out, "linux /" DEPLOY_FILES "/%s/linux\n", e->key);
		cfs_out_printf(&out, "initrd /" DEPLOY_FILES "/%s/initrd\n", e->key);
		put_line(&out, "options", e->options);
	}
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

bool deploy_find_key(const char *text, char key[DEPLOY_KEY_MAX], bool *is_uki)
{
	struct cfs_text path;

	*is_uki = cfs_bls_find(cfs_text(text), CFS_TEXT("efi"), &path);
	if (!*is_uki && !cfs_bls_find(cfs_text(text), CFS_TEXT("linux"), &path))
		return false;
	if (!cfs_text_skip_prefix(&path, CFS_TEXT("/" DEPLOY_FILES "/")) ||
	    path.len < DEPLOY_KEY_MAX || path.s[DEPLOY_KEY_MAX - 1] != '/')
		return false;
	for (size_t i = 0; i < DEPLOY_KEY_MAX - 1; i++)
		if (cfs_hex_decode_digit(path.s[i]) < 0)
			return false;
	memcpy(key, path.s, DEPLOY_KEY_MAX - 1);
	key[DEPLOY_KEY_MAX - 1] = '\0';
	return true;
}

int deploy_load_entry(const struct cfs_deployment *d, struct cfs_mem *options,
		      struct deploy_entry *out, struct cfs_err *err)
{
	int rc;

	if (d->owner != CFS_DEPLOY_OURS)
		return cfs_fail(
			err, EINVAL, "expected an entry of composefs, got one of %s",
			d->owner == CFS_DEPLOY_BOOTC ? "bootc" : "another program");
	rc = cfs_bls_write_options(cfs_text(d->entry->text), cfs_sink_mem(options), err);
	if (rc == 0)
		rc = cfs_sink_mem(options).write(options, "", 1, err);
	*out = (struct deploy_entry){.name = {d->generation, d->revision},
				     .image = d->image,
				     .is_counted = d->entry->is_counted,
				     .tries_left = d->entry->tries_left,
				     .tries_done = d->entry->tries_done,
				     .title = d->entry->title,
				     .version = d->version,
				     .key = d->key,
				     .is_uki = cfs_bls_find(cfs_text(d->entry->text),
							    CFS_TEXT("efi"),
							    &(struct cfs_text){0}),
				     .options = (const char *)options->p};
	return rc;
}
