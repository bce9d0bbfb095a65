/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Causes as text: a template for each kind. */
#include "diff/text_priv.h"

#include <errno.h>
#include <inttypes.h>

#include "dump/dump.h"

/* In a template: %n the number of entries ("412 directories"), %s the side, %o the other side, %k the name of an xattr,
 * %g the number of groups ("14 groups"), %p and %q the first names of an inode in A and B, %v and %w the values as
 * numbers, %d the difference with its sign, %b the value in octal, %f the fields. */
static const struct {
	const char *name;
	const char *text;
	const char *of_both; /* when the cause has no side; NULL: text */
} rows[CFS_CAUSE_N_KINDS] = {
	[CFS_CAUSE_ONLY] = {"only", "%n only in %s", NULL},
	[CFS_CAUSE_DEVICES] = {"devices", "devices only in %s: %n", NULL},
	[CFS_CAUSE_TYPE] = {"type", "another file type: %n", NULL},
	[CFS_CAUSE_MTIME_ZERO] = {"mtime-zero", "all mtimes of %s are 0: %n", NULL},
	[CFS_CAUSE_MTIME_ONE] = {"mtime-one", "mtimes of %n are all %v in %s",
				 "mtimes of %n are all %v in A and %w in B"},
	[CFS_CAUSE_MTIME_SUBSECOND] =
		{"mtime-subsecond",
		 "mtimes of %n differ only below the second, %s has "
		 "whole seconds there",
		 "mtimes of %n differ only below the second"},
	[CFS_CAUSE_MTIME] = {"mtime", "mtimes of %n", NULL},
	[CFS_CAUSE_OWNER_ALL] = {"owner-all", "owners: all of %s are %v:%w: %n", NULL},
	[CFS_CAUSE_OWNER_SHIFT] = {"owner-shift",
				   "owners of %n: ids of B are those of A %d", NULL},
	[CFS_CAUSE_OWNER] = {"owner", "owners of %n", NULL},
	[CFS_CAUSE_MODE_BITS] = {"mode-bits", "mode bits %b of %n only in %s",
				 "mode bits %b of %n"},
	[CFS_CAUSE_MODE] = {"mode", "modes of %n", NULL},
	[CFS_CAUSE_LINKS_FLATTENED] = {"links-flattened",
				       "hard links flattened in %s: %g, %n", NULL},
	[CFS_CAUSE_LINKS] = {"links", "hard links grouped in another way: %n", NULL},
	[CFS_CAUSE_LINKS_HOLDER] =
		{"links-holder",
		 "hard links: %g kept at other names, the first at %p in "
		 "A, at %q in B",
		 NULL},
	[CFS_CAUSE_NLINK] = {"nlink", "link counts of %n", NULL},
	[CFS_CAUSE_XATTRS_NONE] = {"xattrs-none", "no xattrs at all in %s: %n", NULL},
	[CFS_CAUSE_DELETIONS] =
		{"deletions",
		 "%n opaque in %o, in %s marked as holding whiteouts: what "
		 "was deleted there shows again in an overlay mount",
		 NULL},
	[CFS_CAUSE_XATTR_ONLY] = {"xattr-only", "xattrs %k only in %s: %n", NULL},
	[CFS_CAUSE_XATTR_VALUE] = {"xattr-value", "values of xattrs %k: %n", NULL},
	[CFS_CAUSE_CONTENT] = {"content", "content of %n", NULL},
	[CFS_CAUSE_STORED] = {"stored",
			      "content of %n lies inside the image in %s, outside in %o",
			      NULL},
	[CFS_CAUSE_BACKING] = {"backing", "backing paths of %n", NULL},
	[CFS_CAUSE_DIGEST_NONE] = {"digest-none", "no digests in %s: %n", NULL},
	[CFS_CAUSE_DIGEST_ALG] = {"digest-algorithm",
				  "another hash algorithm: contents of %n could not be "
				  "compared",
				  NULL},
	[CFS_CAUSE_TARGET] = {"target", "targets of %n", NULL},
	[CFS_CAUSE_RDEV] = {"rdev", "device numbers of %n", NULL},
	[CFS_CAUSE_SIZE] = {"size", "sizes of %n", NULL},
	[CFS_CAUSE_ROOT] = {"root", "the root directory's own metadata: %f", NULL},
};

const char *cfs_cause_get_name(const struct cfs_cause *cause)
{
	return rows[cause->kind].name;
}

static void put_count(struct cfs_out *out, uint64_t n, const char *one, const char *many)
{
	cfs_out_printf(out, "%" PRIu64 " %s", n, cfs_plural(n, one, many));
}

static void put_cause_names(struct cfs_out *out, const struct cfs_cause *c)
{
	static const char *const nouns[CFS_CAUSE_N_CLASSES][2] = {
		[CFS_CAUSE_ENTRIES] = {"entry", "entries"},
		[CFS_CAUSE_DIRECTORIES] = {"directory", "directories"},
		[CFS_CAUSE_FILES] = {"file", "files"},
		[CFS_CAUSE_SYMLINKS] = {"symlink", "symlinks"},
		[CFS_CAUSE_SPECIALS] = {"special file", "special files"},
	};

	put_count(out, c->n, nouns[c->class][0], nouns[c->class][1]);
}

static void put_fields(struct cfs_out *out, uint32_t fields)
{
	const char *between = "";

	for (int i = 0; i < CFS_DIFF_N_FIELDS; i++) {
		if (!(fields & 1U << i))
			continue;
		cfs_out_printf(out, "%s%s", between,
			       cfs_diff_get_field_name((enum cfs_diff_field)i));
		between = ", ";
	}
}

/* Values of a cause. */
static void put_cause_number(struct cfs_out *out, char part, const struct cfs_cause *c)
{
	switch (part) {
	case 'v':
		cfs_out_printf(out, "%" PRId64, c->value);
		break;
	case 'w':
		cfs_out_printf(out, "%" PRId64, c->value2);
		break;
	case 'd':
		cfs_out_printf(out, "%c %" PRId64, c->value < 0 ? '-' : '+',
			       c->value < 0 ? -c->value : c->value);
		break;
	case 'b':
		cfs_out_printf(out, "%04o", (unsigned)c->value);
		break;
	}
}

/* Writes the value of the placeholder %PART in the text of a cause. */
static int put_part(struct cfs_diff_text *t, struct cfs_out *out, char part,
		    const struct cfs_cause *c)
{
	const struct cfs_diff *d = t->diff;
	bool is_a = c->side == CFS_CAUSE_A;

	switch (part) {
	case 'n':
		put_cause_names(out, c);
		break;
	case 's':
		cfs_out_char(out, is_a ? 'A' : 'B');
		break;
	case 'o':
		cfs_out_char(out, is_a ? 'B' : 'A');
		break;
	case 'k':
		cfs_dump_escape(out, d->keys[c->key].name, CFS_DUMP_SPACES);
		break;
	case 'g':
		put_count(out, c->n_groups, "group", "groups");
		break;
	case 'p':
		return diff_text_put_path(t, d->a, d->holder_a);
	case 'q':
		return diff_text_put_path(t, d->b, d->holder_b);
	case 'f':
		put_fields(out, c->fields);
		break;
	default:
		put_cause_number(out, part, c);
	}
	return 0;
}

int cfs_cause_format_text(struct cfs_diff_text *t, const struct cfs_cause *cause,
			  const struct cfs_mem **out, struct cfs_err *err)
{
	const char *text = rows[cause->kind].text;
	struct cfs_out *to = diff_text_begin(t);
	int rc = 0;

	if (cause->side == CFS_CAUSE_BOTH && rows[cause->kind].of_both)
		text = rows[cause->kind].of_both;
	for (; rc == 0 && *text; text++) {
		if (*text == '%')
			rc = put_part(t, to, *++text, cause);
		else
			cfs_out_char(to, *text);
	}
	*out = rc == 0 ? diff_text_end(t) : NULL;
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}
