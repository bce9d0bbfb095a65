/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: trees that get SELinux labels. */
#include "t.h"

#include "profile/profile.h"
#include "tree_text.h"

static struct cfs_err err;

static const struct cfs_profile_rules bootable = {.alg = CFS_SHA256,
						  .links = CFS_LINKS_KEPT,
						  .inline_max = CFS_INLINE_FOUND,
						  .bootable = true};

/* labels: one for each node, in the order of the lines; "": none. */
static void check_labelled(const char *dump, const char *const *labels,
			   const char *expected)
{
	struct cfs_text of[16] = {0};
	const struct cfs_selinux_labels l = {.of = of};
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL, *out = NULL;
	char *text;

	if (cfs_dump_read_mem(cfs_text(dump), CFS_SHA256, &opts, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_ok(t->n_nodes <= 16);
	for (size_t i = 0; i < t->n_nodes; i++)
		of[i] = cfs_text(labels[i]);
	if (cfs_profile_apply_labels(t, &bootable, &l, NULL, &out, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	text = tree_text(out, NULL);
	t_str(text, expected);
	free(text);
	cfs_tree_free(out);
	cfs_tree_free(t);
}

#define NONE(path) path " 0 40755 1 0 0 0 0.0 - - -\n"

T(bootable_tree_gets_the_labels_and_loses_its_own)
{
	static const char *const labels[] = {"r", "b", "", "u"};

	check_labelled("/ 0 40755 1 0 0 0 5.5 - - - security.selinux=old\n" NONE(
			       "/boot") "/sysroot 0 40755 1 0 0 0 0.0 - - - "
					"security.selinux=old\n" NONE("/usr"),
		       labels,
		       "/ 0 40755 1 0 0 0 5.5 - - - security.selinux=r\n"
		       "/boot 0 40755 1 0 0 0 0.0 - - - security.selinux=b\n" NONE(
			       "/sysroot") "/usr 0 40755 1 0 0 0 0.0 - - - "
					   "security.selinux=u\n");
}

T(tree_without_a_policy_has_no_labels)
{
	const struct cfs_selinux_labels none = {0};
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL, *out = NULL;
	char *text;

	t_eq(cfs_dump_read_mem(
		     CFS_TEXT(NONE("/") NONE("/boot") NONE("/etc") NONE(
			     "/etc/selinux") "/etc/selinux/config 0 100644 1 0 0 0 0.0 - "
					     "- -\n" NONE("/sysroot") "/usr 0 40755 1 0 "
								      "0 0 0.0 - - - "
								      "security.selinux="
								      "old\n"),
		     CFS_SHA256, &opts, &t, &err),
	     0);
	t_eq(cfs_profile_apply_labels(t, &bootable, &none, NULL, &out, &err), 0);
	text = tree_text(out, NULL);
	t_ok(!strstr(text, "security.selinux"));
	free(text);
	cfs_tree_free(out);
	cfs_tree_free(t);
}

/* The first name that stays carries the inode. Names with its label stay links, each of the
 * others gets a copy, even if those agree: as cfsctl 0.9.4. */
T(hard_links_with_other_labels_get_copies)
{
	static const char *const labels[] = {"", "", "k", "", "", "a", "b", "b", "a", ""};
#define FILE_(path, nlink, label)                                                        \
	path " 1 100644 " #nlink " 0 0 0 2.0 - x - security.selinux=" label "\n"
#define LINK(path) path " 0 @100644 - - - - 0.0 /boot/k - -\n"

	check_labelled(
		NONE("/") NONE("/boot") "/boot/k 1 100644 6 0 0 0 2.0 - x -\n" NONE(
			"/sysroot") NONE("/usr") LINK("/usr/a") LINK("/usr/b")
			LINK("/usr/c") LINK("/usr/d") LINK("/usr/e"),
		labels,
		NONE("/") NONE("/boot") NONE("/sysroot") NONE("/usr")
			FILE_("/usr/a", 2, "a") FILE_("/usr/b", 1, "b") FILE_(
				"/usr/c", 1, "b") "/usr/d 1 @100644 2 0 0 0 2.0 /usr/a x "
						  "- security.selinux=a\n"
						  "/usr/e 1 100644 1 0 0 0 2.0 - x -\n");
}
