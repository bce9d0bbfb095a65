/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Choice and facts -> steps, without side effects. */
#include "boot/plan.h"

#include <errno.h>
#include <stdio.h>

static struct cfs_boot_step *add_boot_step(struct cfs_boot_plan *out, enum cfs_boot_op op)
{
	struct cfs_boot_step *step = &out->steps[out->n_steps++];

	step->op = op;
	return step;
}

void cfs_boot_format_state_path(const struct cfs_boot_choice *choice,
				const struct cfs_digest *digest, enum cfs_boot_part part,
				char out[CFS_BOOT_FROM_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX];
	const char *name = part == CFS_BOOT_ETC ? "etc" : "var";

	/* In ostree /etc belongs to the deployment, and /var to the system. */
	if (*choice->ostree)
		snprintf(out, CFS_BOOT_FROM_MAX, "%s/%s%s", choice->ostree,
			 part == CFS_BOOT_VAR ? "../../" : "", name);
	else
		snprintf(out, CFS_BOOT_FROM_MAX, "%s/%s/%s", choice->state,
			 cfs_digest_hex(digest, hex), name);
}

/* The state disk decides between a tree and the layers of an overlay where both are
 * possible: composefs-rs makes layers, bootc and ostree whole trees. */
static int add_kept_part(struct cfs_boot_plan *out, const struct cfs_boot_choice *choice,
			 const struct cfs_boot_facts *facts, enum cfs_boot_part part,
			 struct cfs_err *err)
{
	bool is_etc = part == CFS_BOOT_ETC;
	enum cfs_boot_kind kind = is_etc ? choice->etc : choice->var;
	enum cfs_boot_state state = is_etc ? facts->etc : facts->var;
	struct cfs_boot_step *step;
	char from[CFS_BOOT_FROM_MAX];

	cfs_boot_format_state_path(choice, &facts->digest, part, from);
	if (state == CFS_BOOT_STATE_TREE)
		kind = CFS_BOOT_BIND;
	else if (state == CFS_BOOT_STATE_LAYERS)
		kind = CFS_BOOT_OVERLAY;
	/* An empty /var is filled at the first boot, an empty /etc is a damaged system. */
	if (kind == CFS_BOOT_BIND &&
	    (state == CFS_BOOT_STATE_ABSENT || (is_etc && state == CFS_BOOT_STATE_EMPTY)))
		return cfs_fail(err, ENOENT,
				"state disk: %s: expected a directory for /%s, got %s",
				from, is_etc ? "etc" : "var",
				state == CFS_BOOT_STATE_ABSENT ? "none" : "an empty one");
	if (kind == CFS_BOOT_OVERLAY && state != CFS_BOOT_STATE_LAYERS)
		strcpy(add_boot_step(out, CFS_BOOT_OP_MAKE)->from, from);
	step = add_boot_step(out, kind == CFS_BOOT_BIND ? CFS_BOOT_OP_BIND
							: CFS_BOOT_OP_OVERLAY);
	step->name = is_etc ? "etc" : "var";
	strcpy(step->from, from);
	return 0;
}

/* Adds the step that makes /etc or /var, as the configuration chose it. */
static int add_part(struct cfs_boot_plan *out, const struct cfs_boot_choice *choice,
		    const struct cfs_boot_facts *facts, enum cfs_boot_part part,
		    struct cfs_err *err)
{
	enum cfs_boot_kind kind = part == CFS_BOOT_ETC ? choice->etc : choice->var;

	/* A transient root makes /etc transient as well, unless it is kept. */
	if (kind == CFS_BOOT_NONE)
		return 0;
	if (kind != CFS_BOOT_TRANSIENT)
		return add_kept_part(out, choice, facts, part, err);
	if (choice->root != CFS_BOOT_ROOT_TRANSIENT)
		add_boot_step(out, CFS_BOOT_OP_TRANSIENT)->name =
			part == CFS_BOOT_ETC ? "etc" : "var";
	return 0;
}

static bool is_kept_kind(enum cfs_boot_kind kind)
{
	return kind == CFS_BOOT_BIND || kind == CFS_BOOT_OVERLAY;
}

static bool needs_memory(const struct cfs_boot_choice *c)
{
	return c->root != CFS_BOOT_ROOT_READONLY || c->etc == CFS_BOOT_TRANSIENT ||
	       c->var == CFS_BOOT_TRANSIENT;
}

/* The name that the mount table shows as the source of the root. */
static void format_source(const struct cfs_boot_choice *choice,
			  const struct cfs_boot_facts *facts, char *out)
{
	bool transient = choice->root != CFS_BOOT_ROOT_READONLY;
	char hex[CFS_DIGEST_HEX_MAX];

	/* bootc and composefs-rs find the booted deployment by this name. */
	if (facts->has_digest)
		snprintf(out, CFS_BOOT_SOURCE_MAX, "%s%s",
			 transient ? "transient:composefs=" : "composefs:",
			 cfs_digest_hex(&facts->digest, hex));
	else
		snprintf(out, CFS_BOOT_SOURCE_MAX, "%scomposefs",
			 transient ? "transient:" : "");
}

/* Pure: what is on the disk comes in as facts. The order of the steps matters, since
 * each works on what those before it mounted. */
int cfs_boot_plan(const struct cfs_boot_choice *choice,
		  const struct cfs_boot_facts *facts, struct cfs_boot_plan *out,
		  struct cfs_err *err)
{
	struct cfs_boot_step *step;
	int rc;

	*out = (struct cfs_boot_plan){0};
	format_source(choice, facts, out->source);
	/* Before KEEP: the copy is read-only by an attribute of its own. */
	if (is_kept_kind(choice->etc) || is_kept_kind(choice->var))
		add_boot_step(out, CFS_BOOT_OP_WRITABLE);
	add_boot_step(out, CFS_BOOT_OP_KEEP);
	if (needs_memory(choice))
		add_boot_step(out, CFS_BOOT_OP_MEMORY);
	add_boot_step(out, CFS_BOOT_OP_IMAGE)->root = choice->root;
	rc = add_part(out, choice, facts, CFS_BOOT_ETC, err);
	if (rc == 0)
		rc = add_part(out, choice, facts, CFS_BOOT_VAR, err);
	if (rc < 0)
		return rc;
	step = add_boot_step(out, CFS_BOOT_OP_SYSROOT);
	step->name = "sysroot";
	step->readonly = choice->sysroot_readonly;
	return 0;
}

/* --- the record --------------------------------------------------------------------- */

/* The word of the record for what /etc or /var became. */
static const char *name_part_kind(const struct cfs_boot_plan *plan, const char *name)
{
	static const char *const names[] = {
		[CFS_BOOT_OP_BIND] = "bind",
		[CFS_BOOT_OP_OVERLAY] = "overlay",
		[CFS_BOOT_OP_TRANSIENT] = "transient",
	};

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct cfs_boot_step *step = &plan->steps[i];

		if (step->name && strcmp(step->name, name) == 0 &&
		    step->op != CFS_BOOT_OP_SYSROOT)
			return names[step->op];
	}
	return "none";
}

/* A path without quotes, backslashes and bytes beyond ASCII; others are replaced, so that
 * the text is JSON whatever the kernel arguments have. */
static const char *copy_plain(const char *path, char out[CFS_BOOT_PATH_MAX])
{
	size_t i;

	for (i = 0; path[i] && i < CFS_BOOT_PATH_MAX - 1; i++)
		out[i] = (unsigned char)path[i] > 126 || strchr("\"\\", path[i])
				 ? '?'
				 : path[i];
	out[i] = 0;
	return out;
}

/* No escaping is needed: digests, words of a table, and paths whose special characters
 * copy_plain replaces. Returns the length, or 0 if it was not formatted. */
size_t cfs_boot_format_record(const struct cfs_boot_choice *choice,
			      const struct cfs_boot_facts *facts,
			      const struct cfs_boot_plan *plan, const char *image_way,
			      const char *overlay_way, char out[CFS_BOOT_RECORD_MAX])
{
	static const char *const roots[] = {"readonly", "transient", "transient-ro"};
	char text[CFS_DIGEST_TEXT_MAX] = "", path[CFS_BOOT_PATH_MAX];
	bool ostree = *choice->ostree;
	int len;

	if (facts->has_digest)
		cfs_digest_text(&facts->digest, text);
	len = snprintf(out, CFS_BOOT_RECORD_MAX,
		       "{\"version\":1,\"digest\":\"%s\",\"verified\":%s,"
		       "\"signed\":%s,\"source\":\"%s\",\"layout\":\"%s\","
		       "\"state\":\"%s\",\"root\":\"%s\",\"etc\":\"%s\","
		       "\"var\":\"%s\",\"image\":\"%s\",\"overlay\":\"%s\"}\n",
		       text, facts->verified ? "true" : "false",
		       choice->require_signature ? "true" : "false", plan->source,
		       ostree ? "ostree" : "composefs",
		       copy_plain(ostree ? choice->ostree : choice->state, path),
		       roots[choice->root], name_part_kind(plan, "etc"),
		       name_part_kind(plan, "var"), image_way, overlay_way);
	return len < 0 ? 0 : (size_t)len;
}
