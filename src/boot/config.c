/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Text -> configuration. A wrong value is an error: a system must not boot with a security
 * option that was misread. */
#include "boot/config.h"

#include <errno.h>
#include <stddef.h>

#include "boot/boot_priv.h"

enum { DELAY_MAX_S = 3600 };

void cfs_boot_config_init(struct cfs_boot_config *config)
{
	*config = (struct cfs_boot_config){
		.repo = "composefs",
		.state = "state/deploy",
		.delay_s = 5,
		.etc = CFS_BOOT_OVERLAY,
		.var = CFS_BOOT_BIND,
		.sysroot_readonly = true,
	};
}

/* --- values ------------------------------------------------------------------------- */

struct word {
	struct cfs_text text;
	int value;
};

static const struct word bools[] = {
	{CFS_TEXT("true"), 1},	{CFS_TEXT("yes"), 1}, {CFS_TEXT("1"), 1},
	{CFS_TEXT("false"), 0}, {CFS_TEXT("no"), 0},  {CFS_TEXT("0"), 0},
	{{NULL, 0}, 0},
};

static const struct word modes[] = {
	{CFS_TEXT("digest"), CFS_BOOT_MODE_DIGEST},
	{CFS_TEXT("signed"), CFS_BOOT_MODE_SIGNED},
	{CFS_TEXT("unverified"), CFS_BOOT_MODE_UNVERIFIED},
	{{NULL, 0}, 0},
};

/* With the words of composefs-rs and of bootc. */
static const struct word kinds[] = {
	{CFS_TEXT("none"), CFS_BOOT_NONE},
	{CFS_TEXT("bind"), CFS_BOOT_BIND},
	{CFS_TEXT("overlay"), CFS_BOOT_OVERLAY},
	{CFS_TEXT("transient"), CFS_BOOT_TRANSIENT},
	{CFS_TEXT("root"), CFS_BOOT_NONE},
	{CFS_TEXT("volatile"), CFS_BOOT_TRANSIENT},
	{{NULL, 0}, 0},
};

static const struct word actions[] = {
	{CFS_TEXT("exit"), CFS_BOOT_EXIT},
	{CFS_TEXT("reboot"), CFS_BOOT_REBOOT},
	{CFS_TEXT("poweroff"), CFS_BOOT_POWEROFF},
	{{NULL, 0}, 0},
};

/* Finds a value among the words of a table. The error lists them. */
static int parse_word(struct cfs_text value, const struct word *words, int *out,
		      struct cfs_err *err)
{
	char expected[100] = "";

	for (const struct word *w = words; w->text.s; w++) {
		if (cfs_text_eq(value, w->text)) {
			*out = w->value;
			return 0;
		}
		if (*expected)
			strcat(expected, ", ");
		strcat(expected, w->text.s);
	}
	return boot_fail_value(err, expected, value);
}

/* --- one function for each kind of key ---------------------------------------------- */

static int set_bool(void *field, struct cfs_text value, struct cfs_err *err)
{
	int found = 0, rc = parse_word(value, bools, &found, err);

	if (rc == 0)
		*(bool *)field = found;
	return rc;
}

static int set_config_mode(void *field, struct cfs_text value, struct cfs_err *err)
{
	int found = 0, rc = parse_word(value, modes, &found, err);

	if (rc == 0)
		*(enum cfs_boot_mode *)field = (enum cfs_boot_mode)found;
	return rc;
}

static int set_config_kind(void *field, struct cfs_text value, struct cfs_err *err)
{
	int found = 0, rc = parse_word(value, kinds, &found, err);

	if (rc == 0)
		*(enum cfs_boot_kind *)field = (enum cfs_boot_kind)found;
	return rc;
}

/* "transient = true" of ostree and composefs-rs. */
static int set_transient(void *field, struct cfs_text value, struct cfs_err *err)
{
	int found = 0, rc = parse_word(value, bools, &found, err);

	if (rc == 0 && found)
		*(enum cfs_boot_kind *)field = CFS_BOOT_TRANSIENT;
	return rc;
}

static int set_action(void *field, struct cfs_text value, struct cfs_err *err)
{
	struct cfs_boot_config *config = field;
	int found = 0, rc = parse_word(value, actions, &found, err);

	if (rc < 0)
		return rc;
	config->has_action = true;
	config->action = (enum cfs_boot_action)found;
	return 0;
}

/* A row's function: a delay. An hour is the limit, so that a typing error does not
 * stop a machine for a day. */
static int set_seconds(void *field, struct cfs_text value, struct cfs_err *err)
{
	unsigned n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.s[i] < '0' || value.s[i] > '9' || n > DELAY_MAX_S)
			return boot_fail_value(err, "0 to 3600 seconds", value);
		n = 10 * n + (unsigned)(value.s[i] - '0');
	}
	if (value.len == 0 || n > DELAY_MAX_S)
		return boot_fail_value(err, "0 to 3600 seconds", value);
	*(unsigned *)field = n;
	return 0;
}

static int set_config_path(void *field, struct cfs_text value, struct cfs_err *err)
{
	return cfs_boot_path_parse(value, field, err);
}

/* A path in the initrd. */
static int set_config_dir(void *field, struct cfs_text value, struct cfs_err *err)
{
	char *out = field;
	int rc;

	if (!cfs_text_has_prefix(value, CFS_TEXT("/")) ||
	    value.len >= CFS_BOOT_PATH_MAX - 1)
		return boot_fail_value(err, "an absolute path", value);
	rc = cfs_boot_path_parse(value, out + 1, err);
	*out = '/';
	return rc;
}

/* --- keys --------------------------------------------------------------------------- */

#define FIELD(name) offsetof(struct cfs_boot_config, name)

static const struct {
	struct cfs_text section, key;
	size_t offset;
	int (*set)(void *field, struct cfs_text value, struct cfs_err *err);
} keys[] = {
	{CFS_TEXT("composefs"), CFS_TEXT("mode"), FIELD(mode), set_config_mode},
	{CFS_TEXT("composefs"), CFS_TEXT("repo"), FIELD(repo), set_config_path},
	{CFS_TEXT("composefs"), CFS_TEXT("state"), FIELD(state), set_config_path},
	{CFS_TEXT("composefs"), CFS_TEXT("keys"), FIELD(keys), set_config_dir},
	{CFS_TEXT("composefs"), CFS_TEXT("allow-insecure"), FIELD(allow_insecure),
	 set_bool},
	{CFS_TEXT("composefs"), CFS_TEXT("allow-transient"), FIELD(allow_transient),
	 set_bool},
	{CFS_TEXT("composefs"), CFS_TEXT("sealed"), FIELD(sealed), set_bool},
	{CFS_TEXT("composefs"), CFS_TEXT("on-failure"), 0, set_action},
	{CFS_TEXT("composefs"), CFS_TEXT("failure-delay"), FIELD(delay_s), set_seconds},
	{CFS_TEXT("root"), CFS_TEXT("transient"), FIELD(root_transient), set_bool},
	{CFS_TEXT("root"), CFS_TEXT("transient-ro"), FIELD(root_transient_ro), set_bool},
	{CFS_TEXT("etc"), CFS_TEXT("mount"), FIELD(etc), set_config_kind},
	{CFS_TEXT("etc"), CFS_TEXT("transient"), FIELD(etc), set_transient},
	{CFS_TEXT("var"), CFS_TEXT("mount"), FIELD(var), set_config_kind},
	{CFS_TEXT("var"), CFS_TEXT("transient"), FIELD(var), set_transient},
	{CFS_TEXT("sysroot"), CFS_TEXT("readonly"), FIELD(sysroot_readonly), set_bool},
};

/* Finds the key in the table and sets its field. An unknown key is a warning only, so
 * that a configuration can serve older and newer versions. */
static int set_key(struct cfs_boot_config *config, struct cfs_text section,
		   struct cfs_text key, struct cfs_text value,
		   const struct cfs_watch *watch, struct cfs_err *err)
{
	char name[100];
	size_t len;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (cfs_text_eq(section, keys[i].section) &&
		    cfs_text_eq(key, keys[i].key)) {
			int rc = keys[i].set((char *)config + keys[i].offset, value, err);

			return cfs_context(err, rc, "%s.%s", keys[i].section.s,
					   keys[i].key.s);
		}
	}
	len = cfs_show_text(section, name, sizeof(name) / 2);
	name[len++] = '.';
	cfs_show_text(key, name + len, sizeof(name) - len);
	cfs_watch_warn(watch, "unknown configuration key %s", name);
	return 0;
}

/* --- lines -------------------------------------------------------------------------- */

static struct cfs_text trim_text(struct cfs_text t)
{
	while (t.len && (t.s[0] == ' ' || t.s[0] == '\t')) {
		t.s++;
		t.len--;
	}
	while (t.len && (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t' ||
			 t.s[t.len - 1] == '\r'))
		t.len--;
	return t;
}

/* A line is blank, a comment, "[section]" or "key = value", with or without quotes
 * around the value. *section borrows from the file, and holds for the lines that follow. */
static int parse_config_line(struct cfs_boot_config *config, struct cfs_text line,
			     struct cfs_text *section, const struct cfs_watch *watch,
			     struct cfs_err *err)
{
	const char *equals;
	struct cfs_text key, value;

	line = trim_text(line);
	if (line.len == 0 || line.s[0] == '#' || line.s[0] == ';')
		return 0;
	if (line.s[0] == '[') {
		if (line.len < 3 || line.s[line.len - 1] != ']')
			return boot_fail_value(err, "[section]", line);
		*section = (struct cfs_text){line.s + 1, line.len - 2};
		return 0;
	}
	equals = memchr(line.s, '=', line.len);
	if (!equals || equals == line.s)
		return boot_fail_value(err, "key = value", line);
	key = trim_text((struct cfs_text){line.s, (size_t)(equals - line.s)});
	value = trim_text(
		(struct cfs_text){equals + 1, line.len - (size_t)(equals - line.s) - 1});
	if (value.len && value.s[0] == '"') {
		if (value.len < 2 || value.s[value.len - 1] != '"')
			return boot_fail_value(err, "a quote at the end of the value",
					       value);
		value = (struct cfs_text){value.s + 1, value.len - 2};
	}
	return set_key(config, *section, key, value, watch, err);
}

int cfs_boot_config_parse(struct cfs_text file, struct cfs_boot_config *config,
			  const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_text section = {"", 0};

	for (unsigned number = 1; file.len; number++) {
		const char *end = memchr(file.s, '\n', file.len);
		size_t len = end ? (size_t)(end - file.s) : file.len;
		int rc = parse_config_line(config, (struct cfs_text){file.s, len},
					   &section, watch, err);

		if (rc < 0)
			return cfs_context(err, rc, "line %u", number);
		file.s += end ? len + 1 : len;
		file.len -= end ? len + 1 : len;
	}
	return 0;
}

int cfs_boot_config_check(const struct cfs_boot_config *config, struct cfs_err *err)
{
	if (config->root_transient && config->root_transient_ro)
		return cfs_fail(err, EINVAL,
				"root.transient and root.transient-ro: expected one");
	if (config->sealed && config->allow_insecure)
		return cfs_fail(err, EINVAL,
				"composefs.sealed excludes composefs.allow-insecure");
	return 0;
}

enum cfs_boot_action cfs_boot_config_get_action(const struct cfs_boot_config *config)
{
	if (config->has_action)
		return config->action;
	return config->sealed ? CFS_BOOT_REBOOT : CFS_BOOT_EXIT;
}
