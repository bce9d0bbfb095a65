/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kernel command line -> arguments. */
#include "boot/args.h"

#include <errno.h>

#include "boot/boot_priv.h"

/* --- words -------------------------------------------------------------------------- */

static bool is_cmdline_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Removes the quotes around a text. As in the kernel, a quote inside it stays. */
static struct cfs_text remove_quotes(struct cfs_text t)
{
	if (t.len == 0 || t.s[0] != '"')
		return t;
	t.s++;
	t.len--;
	if (t.len && t.s[t.len - 1] == '"')
		t.len--;
	return t;
}

/* Takes the next argument as the kernel does: double quotes keep blanks together, and
 * there are no escapes. */
static bool take_cmdline_word(struct cfs_text *rest, struct cfs_text *word)
{
	bool quoted = false;
	size_t len = 0;

	*word = (struct cfs_text){"", 0};
	if (!rest->len) /* rest->s may be NULL */
		return false;
	while (rest->len && is_cmdline_blank(*rest->s)) {
		rest->s++;
		rest->len--;
	}
	while (len < rest->len && (quoted || !is_cmdline_blank(rest->s[len])))
		quoted ^= rest->s[len++] == '"';
	*word = (struct cfs_text){rest->s, len};
	rest->s += len;
	rest->len -= len;
	return len > 0;
}

static void split_word(struct cfs_text word, struct cfs_text *key, struct cfs_text *value)
{
	const char *equals;

	word = remove_quotes(word);
	equals = word.len ? memchr(word.s, '=', word.len) : NULL;
	*key = word;
	*value = (struct cfs_text){"", 0};
	if (!equals)
		return;
	key->len = (size_t)(equals - word.s);
	*value = remove_quotes((struct cfs_text){equals + 1, word.len - key->len - 1});
}

bool cfs_boot_next_arg(struct cfs_text *rest, struct cfs_boot_arg *out)
{
	if (!take_cmdline_word(rest, &out->word))
		return false;
	split_word(out->word, &out->key, &out->value);
	return true;
}

/* --- values ------------------------------------------------------------------------- */

int boot_fail_value(struct cfs_err *err, const char *expected, struct cfs_text got)
{
	char shown[200];

	cfs_show_text(got, shown, sizeof(shown));
	return cfs_fail(err, EINVAL, "expected %s, got \"%s\"", expected, shown);
}

/* Adds an image that an argument names. A digest of the wrong length is refused,
 * because a shorter one would be the name of another file. */
static int add_boot_image(struct cfs_boot_args *out, struct cfs_text hex,
			  enum cfs_hash_alg alg, bool insecure, struct cfs_err *err)
{
	struct cfs_boot_image image = {.insecure = insecure};

	if (hex.len != 2 * cfs_hash_len(alg) ||
	    cfs_digest_parse(hex, &image.digest, NULL) < 0)
		return boot_fail_value(err,
				       alg == CFS_SHA512 ? "128 hex digits of SHA-512"
							 : "64 hex digits of SHA-256",
				       hex);
	if (out->n_images == CFS_BOOT_IMAGES_MAX)
		return cfs_fail(err, E2BIG, "expected at most %d images",
				CFS_BOOT_IMAGES_MAX);
	out->images[out->n_images++] = image;
	return 0;
}

/* [?]HEX */
static int parse_hex_byte(struct cfs_boot_args *out, struct cfs_text value,
			  struct cfs_err *err)
{
	bool insecure = cfs_text_skip_prefix(&value, CFS_TEXT("?"));

	return add_boot_image(out, value, value.len == 128 ? CFS_SHA512 : CFS_SHA256,
			      insecure, err);
}

/* [?]vLAYOUT-ALGORITHM-BLOCK:HEX. The layout is that of the image, which the kernel reads
 * whatever it is. */
static int parse_described(struct cfs_boot_args *out, struct cfs_text value,
			   struct cfs_err *err)
{
	const struct cfs_text whole = value;
	bool insecure = cfs_text_skip_prefix(&value, CFS_TEXT("?"));
	enum cfs_hash_alg alg = CFS_SHA256;

	if (!cfs_text_skip_prefix(&value, CFS_TEXT("v1-")) &&
	    !cfs_text_skip_prefix(&value, CFS_TEXT("v2-")))
		return boot_fail_value(err, "v1-ALGORITHM-12:HEX or v2-ALGORITHM-12:HEX",
				       whole);
	if (cfs_text_skip_prefix(&value, CFS_TEXT("sha512-")))
		alg = CFS_SHA512;
	else if (!cfs_text_skip_prefix(&value, CFS_TEXT("sha256-")))
		return boot_fail_value(err, "the algorithm sha256 or sha512", whole);
	if (!cfs_text_skip_prefix(&value, CFS_TEXT("12:")))
		return boot_fail_value(err, "12, that is blocks of 4096 bytes", whole);
	return add_boot_image(out, value, alg, insecure, err);
}

int cfs_boot_path_parse(struct cfs_text text, char out[CFS_BOOT_PATH_MAX],
			struct cfs_err *err)
{
	struct cfs_text path = text;

	while (cfs_text_skip_prefix(&path, CFS_TEXT("/")))
		;
	for (size_t i = 0; i < path.len; i++) {
		if ((unsigned char)path.s[i] < ' ' || path.s[i] == 127)
			return boot_fail_value(err, "a path without control characters",
					       text);
	}
	if (path.len == 0 || path.len >= CFS_BOOT_PATH_MAX || cfs_path_leaves(path))
		return boot_fail_value(err, "a path of 1 to 255 bytes without \"..\"",
				       text);
	memcpy(out, path.s, path.len);
	out[path.len] = 0;
	return 0;
}

static int parse_state(struct cfs_boot_args *out, struct cfs_text value,
		       struct cfs_err *err)
{
	return cfs_boot_path_parse(value, out->state, err);
}

static int parse_ostree(struct cfs_boot_args *out, struct cfs_text value,
			struct cfs_err *err)
{
	return cfs_boot_path_parse(value, out->ostree, err);
}

/* The slot of an Android boot loader. */
static int parse_slot(struct cfs_boot_args *out, struct cfs_text value,
		      struct cfs_err *err)
{
	if (cfs_text_eq(value, CFS_TEXT("_a")))
		strcpy(out->ostree, "ostree/root.a");
	else if (cfs_text_eq(value, CFS_TEXT("_b")))
		strcpy(out->ostree, "ostree/root.b");
	else
		return boot_fail_value(err, "_a or _b", value);
	return 0;
}

/* The value is a list of parts with commas. The last argument of its kind counts, so it
 * replaces what an earlier one set. An empty or unknown part is an error. */
static int parse_transient(struct cfs_boot_args *out, struct cfs_text value,
			   struct cfs_err *err)
{
	static const struct {
		struct cfs_text name;
		unsigned part;
	} parts[] = {{CFS_TEXT("root"), CFS_BOOT_ROOT},
		     {CFS_TEXT("etc"), CFS_BOOT_ETC},
		     {CFS_TEXT("var"), CFS_BOOT_VAR}};
	struct cfs_text rest = value;

	out->transient = 0;
	for (bool more = true; more;) {
		const char *comma = rest.len ? memchr(rest.s, ',', rest.len) : NULL;
		size_t len = comma ? (size_t)(comma - rest.s) : rest.len;
		unsigned part = 0;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			if (cfs_text_eq((struct cfs_text){rest.s, len}, parts[i].name))
				part = parts[i].part;
		}
		if (!part)
			return boot_fail_value(err, "a list of root, etc and var", value);
		out->transient |= part;
		more = comma != NULL;
		rest.s += more ? len + 1 : len;
		rest.len -= more ? len + 1 : len;
	}
	return 0;
}

static int parse_fallback(struct cfs_boot_args *out, struct cfs_text value,
			  struct cfs_err *err)
{
	if (value.len != 1 || (*value.s != '0' && *value.s != '1'))
		return boot_fail_value(err, "0 or 1", value);
	out->no_fallback = *value.s == '0';
	return 0;
}

/* systemd mounts another /var in these modes, unless one is mounted already. */
static int parse_volatile(struct cfs_boot_args *out, struct cfs_text value,
			  struct cfs_err *err)
{
	(void)err;
	out->volatile_var = cfs_text_eq(value, CFS_TEXT("state")) ||
			    cfs_text_eq(value, CFS_TEXT("overlay"));
	return 0;
}

/* --- all of it ---------------------------------------------------------------------- */

static const struct {
	struct cfs_text key;
	int (*parse)(struct cfs_boot_args *out, struct cfs_text value,
		     struct cfs_err *err);
} keys[] = {
	{CFS_TEXT("composefs.digest"), parse_described},
	{CFS_TEXT("composefs"), parse_hex_byte},
	{CFS_TEXT("composefs.state"), parse_state},
	{CFS_TEXT("composefs.transient"), parse_transient},
	{CFS_TEXT("composefs.fallback"), parse_fallback},
	{CFS_TEXT("ostree"), parse_ostree},
	{CFS_TEXT("androidboot.slot_suffix"), parse_slot},
	{CFS_TEXT("systemd.volatile"), parse_volatile},
};

int cfs_boot_args_parse(struct cfs_text cmdline, struct cfs_boot_args *out,
			struct cfs_err *err)
{
	struct cfs_boot_arg arg;

	*out = (struct cfs_boot_args){0};
	while (cfs_boot_next_arg(&cmdline, &arg)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			int rc;

			if (!cfs_text_eq(arg.key, keys[i].key))
				continue;
			rc = keys[i].parse(out, arg.value, err);
			if (rc < 0)
				return cfs_context(err, rc,
						   "kernel argument %s=", keys[i].key.s);
		}
	}
	return 0;
}
