/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Users of a container by the files of its image. */
#include "bundle/bundle.h"
#include "t.h"

static struct cfs_err err;

#define PASSWD                                                                           \
	"root:x:0:0:root:/:/bin/sh\n"                                                    \
	"broken line\n"                                                                  \
	"app:x:1000:100:App:/srv/app:/bin/sh\n"                                          \
	"other:x:4294967295:1::/:\n"                                                     \
	"last:x:7:8"
#define GROUP                                                                            \
	"root:x:0:\n"                                                                    \
	"users:x:100:app\n"                                                              \
	"disk:x:6:root,app\n"                                                            \
	"apps:x:60:xapp,appx\n"                                                          \
	"audio:x:29:app"

static int find(const char *user, struct cfs_bundle_user *out)
{
	return cfs_bundle_find_user(user, CFS_TEXT(PASSWD), CFS_TEXT(GROUP), out, &err);
}

/* A user without supplementary groups. */
static void want_user(const char *user, uint32_t uid, uint32_t gid)
{
	struct cfs_bundle_user u;

	t_eq(find(user, &u), 0);
	t_eq(u.uid, uid);
	t_eq(u.gid, gid);
	t_eq(u.n_groups, 0);
	free(u.groups);
}

T(no_user_is_root)
{
	want_user(NULL, 0, 0);
	want_user("", 0, 0);
}

T(numbers_need_not_be_listed)
{
	want_user("55", 55, 0);
	want_user("55:66", 55, 66);
	want_user("4294967294:0", 4294967294, 0);
	t_eq(cfs_bundle_find_user("5", CFS_TEXT(""), (struct cfs_text){0},
				  &(struct cfs_bundle_user){0}, &err),
	     0);
}

T(a_listed_number_has_its_group_but_no_other_groups)
{
	want_user("1000", 1000, 100);
	want_user("7", 7, 8);
}

T(a_name_has_its_group_and_supplementary_groups)
{
	struct cfs_bundle_user u;

	t_eq(find("app", &u), 0);
	t_eq(u.uid, 1000);
	t_eq(u.gid, 100);
	t_eq(u.n_groups, 2);
	t_eq(u.groups[0], 6);
	t_eq(u.groups[1], 29);
	free(u.groups);
}

T(a_given_group_replaces_all_others)
{
	want_user("app:disk", 1000, 6);
	want_user("app:5", 1000, 5);
	want_user("12:audio", 12, 29);
}

T(unknown_names_are_errors)
{
	static const char *const bad[] = {
		"unknown",  "broken",	  "other", ":",		 ":disk",	"app:",
		"app:gone", "app:disk:6", "-1",	   "4294967295", "99999999999", "1 "};
	struct cfs_bundle_user u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_eq(find(bad[i], &u), -EINVAL);
		free(u.groups);
	}
	t_eq(find("unknown", &u), -EINVAL);
	t_str(err.msg, "user \"unknown\": not in /etc/passwd of the image");
	t_eq(find("app:gone", &u), -EINVAL);
	t_str(err.msg, "group \"gone\": not in /etc/group of the image");
}
