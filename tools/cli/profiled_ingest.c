/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The tree of an image by the options of repository commands. In a file of its own: what
 * labels for SELinux need is for these commands alone. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/profile_option.h"
#include "cli/verbosity.h"
#include "selinux/selinux.h"
#include "source/read_file.h"

int profiled_check_all(const struct profiled *p, const struct cfs_scan_opts *scan,
		       struct cfs_err *err)
{
	const struct profiled_option excluded[] = {
		{scan->use_epoch, "--use-epoch"},
		{scan->skip_xattrs, "--skip-xattrs"},
		{scan->user_xattrs, "--user-xattrs"},
		{p->no_hardlinks, "--no-hardlinks"},
		{p->no_propagate, "--no-propagate-usr-to-root"},
		{p->xattrs != NULL, "--xattrs"},
		{p->bootable, "--bootable"},
		{p->skip_unshown, "--skip-unshown-xattrs"},
	};

	return profiled_check(p->profile, excluded,
			      sizeof(excluded) / sizeof(excluded[0]), err);
}

/* The rules that options of the existing tool mean, as a profile: so warnings about
 * lost metadata come from one place. */
static void get_scan_rules(const struct profiled *p, const struct cfs_scan_opts *scan,
			   unsigned format, struct cfs_profile_rules *out)
{
	*out = (struct cfs_profile_rules){
		.alg = scan->alg,
		.format = format ? CFS_FORMAT_1 : CFS_FORMAT_0_OR_1,
		.links = scan->hardlinks ? CFS_LINKS_KEPT : CFS_LINKS_FLATTENED,
		.mtime = scan->use_epoch ? CFS_MTIME_EPOCH : CFS_MTIME_NSEC,
		.inline_max = CFS_INLINE_64,
	};
	if (scan->skip_xattrs)
		out->xattrs = CFS_XATTRS_NONE;
	else if (scan->user_xattrs)
		out->xattrs = CFS_XATTRS_USER;
	else if (p->skip_unshown)
		out->xattrs = CFS_XATTRS_SHOWN;
}

/* cfsctl treats a directory as the root of a container, unless --no-propagate-usr-to-root
 * is given. */
static bool is_container(const struct profiled *p)
{
	return cli_is_cfsctl() && !p->no_propagate;
}

static int parse_xattrs_rule(const char *name, struct cfs_profile_rules *out,
			     struct cfs_err *err)
{
	if (!name || strcmp(name, "allowlist-only") == 0)
		out->xattrs = CFS_XATTRS_OCI;
	else if (strcmp(name, "keep-user-xattrs") == 0)
		out->xattrs = CFS_XATTRS_OCI_USER;
	else
		return cfs_fail(
			err, EINVAL,
			"--xattrs: expected allowlist-only or keep-user-xattrs, got "
			"\"%s\"",
			name);
	return 0;
}

/* A profile replaces all rules. Without one they are those of the options, and a container, as cfsctl makes one of a
 * directory, gets the metadata of its root from /usr and the xattrs of --xattrs. */
static int choose_rules(const struct profiled *p, const struct cfs_ingest *in,
			unsigned format, struct cfs_profile_rules *out,
			struct cfs_err *err)
{
	get_scan_rules(p, &in->scan, format, out);
	out->bootable = p->bootable;
	if (p->profile && p->profile->rules.alg != in->scan.alg)
		return cfs_fail(err, EINVAL, "profile %s: expected %s digests, got %s",
				p->profile->name, cfs_hash_name(in->scan.alg),
				cfs_hash_name(p->profile->rules.alg));
	if (p->profile)
		*out = p->profile->rules;
	if (p->profile || !is_container(p))
		return 0;
	out->root = CFS_ROOT_USR;
	return parse_xattrs_rule(p->xattrs, out, err);
}

/* Labels are needed by trees that are to boot with SELinux. */
static int apply_ingest_rules(const struct cfs_profile_rules *rules,
			      struct cfs_ingest *in, struct cfs_tree **tree,
			      struct cfs_err *err)
{
	const struct cfs_selinux_reader reader = {cfs_ingest_read, in};
	struct cfs_selinux_labels labels;
	struct cfs_tree *all;
	int rc;

	if (!rules->bootable)
		return profiled_apply(rules, in->watch, tree, err);
	all = cfs_steal(tree);
	rc = cfs_selinux_label(all, &reader, in->watch, &labels, err);
	if (rc == 0)
		rc = cfs_profile_apply_labels(all, rules, &labels, in->watch, tree, err);
	cfs_selinux_labels_fini(&labels);
	cfs_tree_free(all);
	return rc;
}

/* Makes the tree and applies the rules. */
static int ingest_tree(const struct profiled *p, struct cfs_ingest *in,
		       struct cfs_profile_rules *rules, struct cfs_tree **out,
		       struct cfs_err *err)
{
	/* Rules that the scan applies itself need no second tree. */
	bool is_changed = p->profile || p->bootable || is_container(p) ||
			  (in->read && p->no_hardlinks);
	int rc;

	if (is_changed)
		profiled_set_scan(rules, &in->scan);
	rc = in->read ? in->read(in, out, err) : cfs_ingest_directory(in, out, err);
	if (rc == 0 && !is_changed)
		rc = cfs_profile_keeps_more(*out, &is_changed, err);
	return rc == 0 && is_changed ? apply_ingest_rules(rules, in, out, err) : rc;
}

int profiled_ingest(const struct profiled *p, struct cfs_ingest *in, unsigned format,
		    struct cfs_profile_rules *rules, struct cfs_tree **out,
		    struct cfs_err *err)
{
	struct cfs_keep keep = {0};
	int rc;

	in->scan.hardlinks = !p->no_hardlinks;
	in->skip_unshown_xattrs = p->skip_unshown;
	rc = choose_rules(p, in, format, rules, err);
	if (rc < 0)
		return rc;
	in->keep = rules->bootable ? &keep : NULL;
	rc = ingest_tree(p, in, rules, out, err);
	in->keep = NULL;
	cfs_keep_fini(&keep);
	return rc;
}

struct cfs_image_opts profiled_get_image_opts(const struct profiled *p, unsigned format)
{
	if (p->profile)
		return cfs_profile_get_image_opts(&p->profile->rules);
	/* As in mkcomposefs, format 0 becomes 1 if the tree has whiteouts. */
	return (struct cfs_image_opts){.min_version = format,
				       .max_version = CFS_IMAGE_VERSION_MAX,
				       .unsigned_times = true};
}

void profiled_print_name(const char *program, const struct cfs_profile_rules *rules)
{
	const struct cfs_profile *p = cfs_profile_find_by_rules(rules);

	if (p && !cli_is_cfsctl())
		cli_print_detail(program, "profile %s", p->name);
}

void profiled_put_json(struct json *j, const struct cfs_profile_rules *rules)
{
	const struct cfs_profile *p = cfs_profile_find_by_rules(rules);

	json_put_string(j, "profile", p ? p->name : NULL);
}
