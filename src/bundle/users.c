/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Users and groups by the files passwd(5) and group(5) of an image. */
#include <errno.h>

#include "bundle/bundle.h"

/* Fields of a line; "name:password:uid:gid:..." and "name:password:gid:members". */
enum { NAME, UID = 2, GID = 3, GROUP_GID = 2, GROUP_MEMBERS = 3, FIELDS = 4 };

enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX of Linux */

/* Cuts the text before the first separator off *rest. False: the text is at its end. */
static bool cut_text(struct cfs_text *rest, char separator, struct cfs_text *out)
{
	const char *end;

	if (!rest->s)
		return false;
	end = rest->len ? memchr(rest->s, separator, rest->len) : NULL;
	*out = (struct cfs_text){rest->s, end ? (size_t)(end - rest->s) : rest->len};
	if (end)
		*rest = (struct cfs_text){end + 1, rest->len - out->len - 1};
	else
		*rest = (struct cfs_text){NULL, 0};
	return true;
}

/* The next line that has all fields. */
static bool take_user_entry(struct cfs_text *rest, struct cfs_text fields[FIELDS])
{
	struct cfs_text line;

	while (cut_text(rest, '\n', &line)) {
		size_t n = 0;

		while (n < FIELDS && cut_text(&line, ':', &fields[n]))
			n++;
		if (n == FIELDS && fields[NAME].len)
			return true;
	}
	return false;
}

/* A user or group number. UINT32_MAX stands for "unchanged" in chown(2) and setuid(2). */
static bool parse_user_number(struct cfs_text text, uint32_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 10)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.s[i] < '0' || text.s[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.s[i] - '0');
	}
	*out = (uint32_t)value;
	return value < UINT32_MAX;
}

/* --- users and groups --------------------------------------------------------------- */

/* The user of a name; false: there is none. */
static bool find_user_line(struct cfs_text passwd, struct cfs_text name,
			   struct cfs_bundle_user *out)
{
	struct cfs_text fields[FIELDS];

	while (take_user_entry(&passwd, fields))
		if (cfs_text_eq(fields[NAME], name) &&
		    parse_user_number(fields[UID], &out->uid) &&
		    parse_user_number(fields[GID], &out->gid))
			return true;
	return false;
}

/* The group of a user that is given by number; 0 if it is not listed. */
static uint32_t find_gid_of(struct cfs_text passwd, uint32_t uid)
{
	struct cfs_text fields[FIELDS];
	uint32_t number, gid;

	while (take_user_entry(&passwd, fields))
		if (parse_user_number(fields[UID], &number) && number == uid &&
		    parse_user_number(fields[GID], &gid))
			return gid;
	return 0;
}

/* A group of the configuration is a number, or a name that the image itself resolves:
 * names of the host mean other groups. */
static int find_group(struct cfs_text group, struct cfs_text name, uint32_t *gid,
		      struct cfs_err *err)
{
	struct cfs_text fields[FIELDS];

	if (parse_user_number(name, gid))
		return 0;
	while (take_user_entry(&group, fields))
		if (cfs_text_eq(fields[NAME], name) &&
		    parse_user_number(fields[GROUP_GID], gid))
			return 0;
	return cfs_fail(err, EINVAL, "group \"%.*s\": not in /etc/group of the image",
			(int)name.len, name.s);
}

static bool has_member(struct cfs_text members, struct cfs_text name)
{
	struct cfs_text member;

	while (cut_text(&members, ',', &member))
		if (cfs_text_eq(member, name))
			return true;
	return false;
}

/* Adds the supplementary groups that list the user. Entries that cannot be parsed count
 * as absent, as for getgrouplist(3); out->groups is freed by the caller, also on
 * failure. */
static int add_groups(struct cfs_text group, struct cfs_text name,
		      struct cfs_bundle_user *out, struct cfs_err *err)
{
	struct cfs_text fields[FIELDS];
	uint32_t gid;

	while (take_user_entry(&group, fields)) {
		if (!has_member(fields[GROUP_MEMBERS], name) ||
		    !parse_user_number(fields[GROUP_GID], &gid) || gid == out->gid)
			continue;
		if (out->n_groups == GROUPS_MAX)
			return cfs_fail(err, EINVAL,
					"expected at most %d groups of user \"%.*s\"",
					GROUPS_MAX, (int)name.len, name.s);
		if (cfs_grow(&out->groups, &out->cap, out->n_groups + 1,
			     sizeof(*out->groups)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		out->groups[out->n_groups++] = gid;
	}
	return 0;
}

int cfs_bundle_find_user(const char *user, struct cfs_text passwd, struct cfs_text group,
			 struct cfs_bundle_user *out, struct cfs_err *err)
{
	struct cfs_text rest = cfs_text(user ? user : ""), name;
	bool has_group, is_name;

	*out = (struct cfs_bundle_user){0};
	if (rest.len == 0)
		return 0;
	(void)cut_text(&rest, ':', &name);
	has_group = rest.s != NULL;
	is_name = find_user_line(passwd, name, out);
	if (!is_name && !parse_user_number(name, &out->uid))
		return cfs_fail(err, EINVAL,
				"user \"%.*s\": not in /etc/passwd of the image",
				(int)name.len, name.s);
	if (!is_name)
		out->gid = find_gid_of(passwd, out->uid);
	if (has_group)
		return find_group(group, rest, &out->gid, err);
	return is_name ? add_groups(group, name, out, err) : 0;
}
