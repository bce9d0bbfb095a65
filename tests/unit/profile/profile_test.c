/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: names and their golden digests; what each rule makes of a tree. */
#include "t.h"

#include "golden.h"
#include "profile/profile.h"
#include "tree_text.h"

#define ROOT "/ 4096 40755 1 0 0 0 5.5 - - -\n"

static struct cfs_err err;

/* Rules that change nothing. */
static const struct cfs_profile_rules plain = {
	.alg = CFS_SHA256, .links = CFS_LINKS_KEPT, .inline_max = CFS_INLINE_FOUND};

static struct cfs_tree *read_tree(struct cfs_text text, enum cfs_hash_alg alg)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL;

	if (cfs_dump_read_mem(text, alg, &opts, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return t;
}

/* --- golden digests ------------------------------------------------------------------------ */

static void check_row(const char *profile, const char *dump, const char *expected)
{
	const struct cfs_profile *p;
	struct cfs_digest digest;
	char hex[CFS_DIGEST_HEX_MAX], path[64];
	struct cfs_tree *t;
	uint8_t *bytes;
	size_t len;

	snprintf(path, sizeof(path), "profiles/%s.dump", dump);
	bytes = t_golden(path, &len);
	if (cfs_profile_find(profile, &p, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t = read_tree((struct cfs_text){(const char *)bytes, len}, p->rules.alg);
	if (cfs_profile_digest(t, &p->rules, NULL, &digest, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", profile, err.msg);
	t_str(cfs_digest_hex(&digest, hex), expected);
	cfs_tree_free(t);
	free(bytes);
}

/* Calls fn with the fields of each row of the table; returns how many have that profile. */
static unsigned each_row(const char *profile,
			 void (*fn)(const char *, const char *, const char *))
{
	char name[64], dump[64], hex[CFS_DIGEST_HEX_MAX];
	unsigned n = 0;
	size_t len;
	uint8_t *bytes = t_golden("profiles/DIGESTS", &len);
	char *text = strndup((const char *)bytes, len);

	for (char *at = text; at && *at; at = strchr(at, '\n') + 1) {
		t_eq(sscanf(at, "%63s %63s %128s", name, dump, hex), 3);
		n += profile && strcmp(profile, name) == 0;
		if (fn)
			fn(name, dump, hex);
	}
	free(text);
	free(bytes);
	return n;
}

T(digest_of_each_profile_never_changes)
{
	each_row(NULL, check_row);
}

T(each_name_has_a_golden_digest)
{
	for (const struct cfs_profile *p = cfs_profiles; p->name; p++)
		if (each_row(p->name, NULL) == 0)
			t_fail(__FILE__, __LINE__, "%s has none", p->name);
}

/* What a dump says, -dump keeps: so the digests of all golden dumps are those of mkcomposefs 1.0.8, which
 * tests/golden/README.md tells about. */
static void check_golden_row(const char *name, const char *expected)
{
	const struct cfs_profile *p;
	struct cfs_digest digest;
	char path[128], hex[CFS_DIGEST_HEX_MAX];
	struct cfs_tree *t;
	uint8_t *bytes;
	size_t len;

	snprintf(path, sizeof(path), "%s.dump", name);
	bytes = t_golden(path, &len);
	t_eq(cfs_profile_find("mkcomposefs-1.0-dump", &p, &err), 0);
	t = read_tree((struct cfs_text){(const char *)bytes, len}, CFS_SHA256);
	if (cfs_profile_digest(t, &p->rules, NULL, &digest, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", name, err.msg);
	if (strcmp(cfs_digest_hex(&digest, hex), expected) != 0)
		t_fail(__FILE__, __LINE__, "%s: got %s, expected %s", name, hex,
		       expected);
	cfs_tree_free(t);
	free(bytes);
}

T(full_dumps_keep_all_fields)
{
	char name[96], hex[CFS_DIGEST_HEX_MAX];
	size_t len;
	uint8_t *bytes = t_golden("DIGESTS", &len);
	char *text = strndup((const char *)bytes, len);
	unsigned n = 0, min, max;

	for (char *at = text; at && *at; at = strchr(at, '\n') + 1) {
		t_eq(sscanf(at, "%95s %u %u %128s", name, &min, &max, hex), 4);
		if (min != 0 || max != 1)
			continue;
		check_golden_row(name, hex);
		n++;
	}
	t_ok(n > 50);
	free(text);
	free(bytes);
}

/* --- names --------------------------------------------------------------------------------- */

T(each_name_is_found_by_its_rules_alone)
{
	for (const struct cfs_profile *p = cfs_profiles; p->name; p++) {
		const struct cfs_profile *found;
		struct cfs_profile_rules rules = p->rules;

		t_eq(cfs_profile_find(p->name, &found, &err), 0);
		t_ok(found == p && cfs_profile_find_by_rules(&rules) == p);
		rules.mtime = CFS_MTIME_EPOCH;
		t_ok(!cfs_profile_find_by_rules(&rules));
	}
}

T(unknown_profile_is_refused_with_the_list_of_known_ones)
{
	const struct cfs_profile *p;

	t_eq(cfs_profile_find("oci", &p, &err), -EINVAL);
	t_has(err.msg, "profile \"oci\": expected one of mkcomposefs-1.0, ");
	t_has(err.msg, "honest-df-1-sha256");
}

T(rules_are_printed_one_by_one)
{
	const struct cfs_profile *p;
	struct cfs_profile_rule rule;
	char all[512] = "";
	size_t len = 0;

	t_eq(cfs_profile_find("oci-1", &p, &err), 0);
	for (unsigned i = 0; cfs_profile_format_rule(&p->rules, i, &rule); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s=%s;", rule.name,
					rule.value);
	t_str(all, "hash=sha512;format=1;hard links=kept;xattrs=security.capability;"
		   "mtimes=nanoseconds;root=of /usr;deletions=kept;first "
		   "time=unsigned;inline limit=64;executables=as others;"
		   "blocks=told;");
}

/* --- rules --------------------------------------------------------------------------------- */

/* The tree of one dump under rules must be that of another. */
static void check_rules(const char *dump, const struct cfs_profile_rules *rules,
			const char *expected)
{
	struct cfs_tree *in = read_tree(cfs_text(dump), CFS_SHA256),
			*expected_tree = read_tree(cfs_text(expected), rules->alg), *out;
	char *got_text, *expect_text;

	if (cfs_profile_apply(in, rules, NULL, &out, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	got_text = tree_text(out, NULL);
	expect_text = tree_text(expected_tree, NULL);
	t_str(got_text, expect_text);
	free(got_text);
	free(expect_text);
	cfs_tree_free(in);
	cfs_tree_free(out);
	cfs_tree_free(expected_tree);
}

static void check_refused(const char *dump, const struct cfs_profile_rules *rules,
			  int code, const char *why)
{
	struct cfs_tree *in = read_tree(cfs_text(dump), CFS_SHA256), *out;

	t_eq(cfs_profile_apply(in, rules, NULL, &out, &err), code);
	t_str(err.msg, why);
	cfs_tree_free(in);
}

#define LINKED                                                                           \
	ROOT "/a 0 @100644 - - - - 0.0 /d/b - -\n"                                       \
	     "/d 0 40755 1 0 0 0 1.0 - - -\n"                                            \
	     "/d/b 1 100644 3 0 0 0 2.0 - x -\n"                                         \
	     "/d/c 0 @100644 - - - - 0.0 /a - -\n"

T(rules_that_change_nothing_give_the_same_tree)
{
	check_rules(LINKED, &plain, LINKED);
}

T(flattened_names_are_files_of_their_own)
{
	struct cfs_profile_rules rules = plain;

	rules.links = CFS_LINKS_FLATTENED;
	check_rules(LINKED, &rules,
		    ROOT "/a 1 100644 1 0 0 0 2.0 - x -\n"
			 "/d 0 40755 1 0 0 0 1.0 - - -\n"
			 "/d/b 1 100644 1 0 0 0 2.0 - x -\n"
			 "/d/c 1 100644 1 0 0 0 2.0 - x -\n");
}

#define ALL_XATTRS "security.capability=c security.selinux=s trusted.t=t user.u=u"

static void check_xattrs(enum cfs_xattr_rule rule, const char *expected)
{
	struct cfs_profile_rules rules = plain;
	char text[512];

	rules.xattrs = rule;
	snprintf(text, sizeof(text), ROOT "/f 0 100644 1 0 0 0 0.0 - - -%s%s\n",
		 *expected ? " " : "", expected);
	check_rules(ROOT "/f 0 100644 1 0 0 0 0.0 - - - " ALL_XATTRS "\n", &rules, text);
}

T(xattrs_stay_as_the_rule_says)
{
	check_xattrs(CFS_XATTRS_ALL, ALL_XATTRS);
	check_xattrs(CFS_XATTRS_USER, "user.u=u");
	check_xattrs(CFS_XATTRS_NONE, "");
	check_xattrs(CFS_XATTRS_OCI, "security.capability=c");
	check_xattrs(CFS_XATTRS_OCI_USER, "security.capability=c user.u=u");
	check_xattrs(CFS_XATTRS_SHOWN, ALL_XATTRS);
}

T(xattrs_that_no_mount_shows_can_be_left_out)
{
	struct cfs_profile_rules rules = plain;

	rules.xattrs = CFS_XATTRS_SHOWN;
	check_rules(ROOT "/f 0 100644 1 0 0 0 0.0 - - - btrfs.compression=c lustre.lov=l "
			 "security.x=s system.nfs4_acl=n system.posix_acl_access=a "
			 "system.posix_acl_accessx=b trusted.t=t user.u=u\n",
		    &rules,
		    ROOT "/f 0 100644 1 0 0 0 0.0 - - - security.x=s "
			 "system.posix_acl_access=a trusted.t=t user.u=u\n");
}

T(times_are_as_precise_as_the_rule_says)
{
	struct cfs_profile_rules rules = plain;
	static const char file[] = "/f 0 100644 1 0 0 0 -7.250000000 - - -\n";
	char text[256];

	snprintf(text, sizeof(text), "%s%s", ROOT, file);
	rules.mtime = CFS_MTIME_SEC;
	check_rules(text, &rules,
		    "/ 4096 40755 1 0 0 0 5.0 - - -\n/f 0 100644 1 0 0 0 -7.0 - - -\n");
	rules.mtime = CFS_MTIME_EPOCH;
	check_rules(text, &rules,
		    "/ 4096 40755 1 0 0 0 0.0 - - -\n/f 0 100644 1 0 0 0 0.0 - - -\n");
}

/* --- deletions ----------------------------------------------------------------------------- */

#define OPAQUE	       "trusted.overlay.opaque=y user.overlay.opaque=y"
#define W(path, nlink) path " 0 20000 " nlink " 0 0 0 0.0 - - -\n"

T(opaque_directory_stays_so_and_its_whiteouts_go)
{
	check_rules(
		ROOT
		"/both 0 40755 1 0 0 0 0.0 - - - " OPAQUE
		"\n" W("/both/w",
		       "1") "/one 0 40755 1 0 0 0 0.0 - - - trusted.overlay.opaque=y "
			    "user.overlay.opaque=no user.k=v\n"
			    "/one/new 0 100644 1 0 0 0 0.0 - - -\n" W(
				    "/one/w", "1") "/other 0 40755 1 0 0 0 0.0 - - - "
						   "trusted.overlay.opaque=x\n" W(
							   "/other/w", "1") "/user 0 "
									    "40755 1 0 "
									    "0 0 0.0 - "
									    "- - "
									    "user."
									    "overlay."
									    "opaque="
									    "y\n" W("/us"
										    "er/"
										    "w",
										    "1"),
		&plain,
		ROOT "/both 0 40755 1 0 0 0 0.0 - - - " OPAQUE "\n"
		     "/one 0 40755 1 0 0 0 0.0 - - - " OPAQUE " user.k=v\n"
		     "/one/new 0 100644 1 0 0 0 0.0 - - -\n"
		     "/other 0 40755 1 0 0 0 0.0 - - - trusted.overlay.opaque=x\n" W(
			     "/other/w", "1") "/user 0 40755 1 0 0 0 0.0 - - - " OPAQUE
					      "\n");
}

/* Linux makes one inode of many whiteouts, and the mark of a directory follows the first name alone. */
T(each_name_of_a_whiteout_becomes_a_separate_whiteout)
{
	static const char dump[] = ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n" W(
		"/a/w",
		"3") "/b 0 40755 1 0 0 0 0.0 - - -\n/b/w 0 @20000 - - - - 0.0 /a/w - -\n"
		     "/c 0 40755 1 0 0 0 0.0 - - - " OPAQUE "\n"
		     "/c/w 0 @20000 - - - - 0.0 /a/w - -\n";

	check_rules(
		dump, &plain,
		ROOT "/a 0 40755 1 0 0 0 0.0 - - -\n" W(
			"/a/w",
			"1") "/b 0 40755 1 0 0 0 0.0 - - -\n" W("/b/w",
								"1") "/c 0 40755 1 0 0 0 "
								     "0.0 - - - " OPAQUE
								     "\n");
}

/* ... also one whose first name goes. */
T(whiteout_that_loses_its_first_name_stands_at_the_others)
{
	check_rules(ROOT "/a 0 40755 1 0 0 0 0.0 - - - " OPAQUE
			 "\n" W("/a/w", "2") "/b 0 40755 1 0 0 0 0.0 - - -\n"
					     "/b/w 0 @20000 - - - - 0.0 /a/w - -\n",
		    &plain,
		    ROOT "/a 0 40755 1 0 0 0 0.0 - - - " OPAQUE "\n"
			 "/b 0 40755 1 0 0 0 0.0 - - -\n" W("/b/w", "1"));
}

T(mark_of_an_opaque_directory_stays_whatever_the_rule_of_xattrs_says)
{
	struct cfs_profile_rules rules = plain;

	rules.xattrs = CFS_XATTRS_OCI;
	check_rules(
		ROOT
		"/d 0 40755 1 0 0 0 0.0 - - - trusted.overlay.opaque=y user.k=v\n"
		"/f 0 100644 1 0 0 0 0.0 - - - trusted.overlay.opaque=y\n"
		"/w 0 40755 1 0 0 0 0.0 - - - trusted.overlay.opaque=y\n" W("/w/w", "1"),
		&rules,
		ROOT "/d 0 40755 1 0 0 0 0.0 - - - trusted.overlay.opaque=y\n"
		     "/f 0 100644 1 0 0 0 0.0 - - -\n"
		     "/w 0 40755 1 0 0 0 0.0 - - - " OPAQUE "\n");
}

T(root_that_looks_like_usr_is_opaque_only_if_it_was)
{
	struct cfs_profile_rules rules = plain;

	rules.root = CFS_ROOT_USR;
	check_rules(ROOT "/usr 0 40711 1 3 4 0 9.75 - - - trusted.overlay.opaque=y\n" W(
			    "/w", "1"),
		    &rules,
		    "/ 4096 40711 1 3 4 0 9.75 - - -\n"
		    "/usr 0 40711 1 3 4 0 9.75 - - - trusted.overlay.opaque=y\n" W("/w",
										   "1"));
}

static void note_path(void *ctx, cfs_id dir)
{
	char *paths = ctx;

	snprintf(paths + strlen(paths), 64, "%u ", dir);
}

static size_t find_lost(const char *dump, char *paths)
{
	struct cfs_tree *t = read_tree(cfs_text(dump), CFS_SHA256);
	size_t n;

	t_eq(cfs_profile_find_lost(t, note_path, paths, &n, &err), 0);
	cfs_tree_free(t);
	return n;
}

T(directories_that_lose_deletions_are_found)
{
	char paths[256] = "";

	t_eq(find_lost(ROOT "/a 0 40755 1 0 0 0 0.0 - - - " OPAQUE
			    "\n" W("/a/w",
				   "3") "/b 0 40755 1 0 0 0 0.0 - - -\n/b/w 0 @20000 - - "
					"- - 0.0 /a/w - -\n"
					"/c 0 40755 1 0 0 0 0.0 - - - " OPAQUE "\n"
					"/c/w 0 @20000 - - - - 0.0 /a/w - -\n"
					"/d 0 40755 1 0 0 0 0.0 - - -\n" W("/d/w", "1"),
		       paths),
	     2);
	t_str(paths, "1 3 ");
}

/* --- the root ------------------------------------------------------------------------------ */

static const struct cfs_profile_rules as_usr = {.alg = CFS_SHA256,
						.links = CFS_LINKS_KEPT,
						.root = CFS_ROOT_USR,
						.inline_max = CFS_INLINE_FOUND};

#define USR "/usr 0 40711 1 3 4 0 9.75 - - - user.of=usr\n"

/* An inode whose own name is lost stands at the first that is left. */
T(root_looks_like_usr_and_run_is_empty)
{
	check_rules(ROOT "/a 0 @100644 - - - - 0.0 /run/x - -\n"
			 "/b 0 @100644 - - - - 0.0 /run/x - -\n"
			 "/run 0 40700 1 1 1 0 1.0 - - - user.of=run\n"
			 "/run/d 0 40755 1 0 0 0 0.0 - - -\n"
			 "/run/d/y 0 @100644 - - - - 0.0 /run/x - -\n"
			 "/run/x 1 100644 4 0 0 0 2.0 - x -\n" USR
			 "/usr/run 0 40755 1 0 0 0 0.0 - - -\n"
			 "/usr/run/kept 0 100644 1 0 0 0 0.0 - - -\n",
		    &as_usr,
		    "/ 4096 40711 1 3 4 0 9.75 - - - user.of=usr\n"
		    "/a 1 100644 2 0 0 0 2.0 - x -\n"
		    "/b 0 @100644 - - - - 0.0 /a - -\n"
		    "/run 0 40700 1 1 1 0 9.75 - - - user.of=run\n" USR
		    "/usr/run 0 40755 1 0 0 0 0.0 - - -\n"
		    "/usr/run/kept 0 100644 1 0 0 0 0.0 - - -\n");
}

T(usr_and_run_that_are_no_directories_are_refused)
{
	check_refused(
		ROOT, &as_usr, -ENOENT,
		"/usr: expected a directory, got nothing: the root gets its metadata");
	check_refused(ROOT "/usr 3 120777 1 0 0 0 0.0 bin - -\n", &as_usr, -ENOTDIR,
		      "/usr: expected a directory: the root gets its metadata");
	check_refused(ROOT "/run 0 100644 1 0 0 0 0.0 - - -\n" USR, &as_usr, -ENOTDIR,
		      "/run: expected a directory: the rules empty it");
}

static const struct cfs_profile_rules bootable = {.alg = CFS_SHA256,
						  .links = CFS_LINKS_KEPT,
						  .inline_max = CFS_INLINE_FOUND,
						  .bootable = true};

#define BOOT	"/boot 0 40700 1 1 1 0 1.5 - - -\n"
#define SYSROOT "/sysroot 0 40755 1 0 0 0 2.5 - - -\n"

T(bootable_tree_has_nothing_in_boot_and_sysroot_and_no_labels)
{
	check_rules(ROOT BOOT
		    "/boot/x 1 100644 2 0 0 0 2.0 - x -\n"
		    "/etc 0 40755 1 0 0 0 0.0 - - - security.selinux=label user.k=v\n"
		    "/etc/selinux 0 40755 1 0 0 0 0.0 - - -\n"
		    "/etc/x 0 @100644 - - - - 0.0 /boot/x - -\n" SYSROOT
		    "/sysroot/d 0 40755 1 0 0 0 0.0 - - -\n" USR,
		    &bootable,
		    ROOT "/boot 0 40700 1 1 1 0 9.75 - - -\n"
			 "/etc 0 40755 1 0 0 0 0.0 - - - user.k=v\n"
			 "/etc/selinux 0 40755 1 0 0 0 0.0 - - -\n"
			 "/etc/x 1 100644 1 0 0 0 2.0 - x -\n"
			 "/sysroot 0 40755 1 0 0 0 9.75 - - -\n" USR);
}

T(tree_that_cannot_be_made_bootable_is_refused)
{
	check_refused(ROOT SYSROOT USR, &bootable, -ENOENT,
		      "/boot: expected a directory, got nothing: the rules empty it");
	check_refused(ROOT BOOT USR, &bootable, -ENOENT,
		      "/sysroot: expected a directory, got nothing: the rules empty it");
	check_refused(ROOT BOOT SYSROOT, &bootable, -ENOENT,
		      "/usr: expected a directory, got nothing: other directories get "
		      "its mtime");
	check_refused(ROOT BOOT
		      "/etc 0 40755 1 0 0 0 0.0 - - -\n"
		      "/etc/selinux 0 40755 1 0 0 0 0.0 - - -\n"
		      "/etc/selinux/config 0 100644 1 0 0 0 0.0 - - -\n" SYSROOT USR,
		      &bootable, -ENOTSUP,
		      "/etc/selinux/config: cannot make a tree with SELinux bootable "
		      "without labels");
}

/* --- contents ------------------------------------------------------------------------------ */

#define X16   "xxxxxxxxxxxxxxxx"
#define X64   X16 X16 X16 X16
#define X_DIG "1111111111111111111111111111111111111111111111111111111111111111"

/* What the object of a content is called. */
static void object_of(const char *content, enum cfs_hash_alg alg,
		      char path[CFS_OBJECT_PATH_MAX], char hex[CFS_DIGEST_HEX_MAX])
{
	struct cfs_digest d;

	t_eq(cfs_verity_digest_mem(alg, cfs_text_span(cfs_text(content)), &d, &err), 0);
	cfs_digest_path(&d, path);
	cfs_digest_hex(&d, hex);
}

T(contents_above_the_limit_become_objects)
{
	struct cfs_profile_rules rules = plain;
	char path[CFS_OBJECT_PATH_MAX], hex[CFS_DIGEST_HEX_MAX], text[1024];

	rules.alg = CFS_SHA512;
	rules.inline_max = CFS_INLINE_64;
	object_of(X64 "y", CFS_SHA512, path, hex);
	snprintf(text, sizeof(text),
		 ROOT "/a 64 100644 1 0 0 0 0.0 - " X64
		      " -\n/b 65 100644 1 0 0 0 0.0 %s - %s\n"
		      "/c 0 100755 1 0 0 0 0.0 - - -\n",
		 path, hex);
	check_rules(ROOT "/a 64 100644 1 0 0 0 0.0 - " X64
			 " -\n/b 65 100644 1 0 0 0 0.0 - " X64 "y -\n"
			 "/c 0 100755 1 0 0 0 0.0 - - -\n",
		    &rules, text);
}

T(executables_become_objects_by_the_rule_of_the_profile)
{
	struct cfs_profile_rules rules = plain;
	char path[CFS_OBJECT_PATH_MAX], hex[CFS_DIGEST_HEX_MAX], text[512];

	rules.executables_outside = true;
	object_of("run", CFS_SHA256, path, hex);
	snprintf(text, sizeof(text),
		 ROOT "/a 3 100601 1 0 0 0 0.0 %s - %s\n"
		      "/b 3 100644 1 0 0 0 0.0 - run -\n",
		 path, hex);
	check_rules(ROOT "/a 3 100601 1 0 0 0 0.0 - run -\n"
			 "/b 3 100644 1 0 0 0 0.0 - run -\n",
		    &rules, text);
}

T(unknown_metadata_of_a_source_is_an_error)
{
	static const char dump[] = ROOT "/d 0 40755 1 0 0 0 0.0 - - -\n"
					"/d/f 9 100644 1 0 0 0 0.0 ab/c - " X_DIG "\n";
	struct cfs_profile_rules rules = plain;

	check_rules(dump, &rules, dump);
	rules.inline_max = CFS_INLINE_64;
	check_refused(
		dump, &rules, -ENODATA,
		"/d/f: expected the content of 9 bytes for the image, got only a digest");
	rules.inline_max = CFS_INLINE_NONE;
	check_rules(dump, &rules, dump);
	rules.alg = CFS_SHA512;
	check_refused(dump, &rules, -ENODATA,
		      "/d/f: expected a sha512 digest, got sha256");
}
