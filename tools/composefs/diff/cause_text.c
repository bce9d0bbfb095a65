/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Causes as text: a template for each kind. */
#include "composefs/diff/cause_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

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

const char *cause_name(const struct cfs_cause *c)
{
	return rows[c->kind].name;
}

static void print_count(FILE *to, uint64_t n, const char *one, const char *many)
{
	fprintf(to, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

static void print_names(FILE *to, const struct cfs_cause *c)
{
	static const char *const nouns[CFS_CAUSE_N_CLASSES][2] = {
		[CFS_CAUSE_ENTRIES] = {"entry", "entries"},
		[CFS_CAUSE_DIRECTORIES] = {"directory", "directories"},
		[CFS_CAUSE_FILES] = {"file", "files"},
		[CFS_CAUSE_SYMLINKS] = {"symlink", "symlinks"},
		[CFS_CAUSE_SPECIALS] = {"special file", "special files"},
	};

	print_count(to, c->n, nouns[c->class][0], nouns[c->class][1]);
}

static void print_fields(FILE *to, uint32_t fields)
{
	const char *between = "";

	for (int i = 0; i < CFS_DIFF_N_FIELDS; i++) {
		if (!(fields & 1U << i))
			continue;
		fprintf(to, "%s%s", between, diff_field_name((enum cfs_diff_field)i));
		between = ", ";
	}
}

static int print_name(FILE *to, char part, const struct cfs_cause *c, struct diff_text *t,
		      struct cfs_err *err)
{
	const struct cfs_diff *d = t->diff;
	const struct cfs_mem *name = part == 'p' ? diff_text_name(t, d->a, d->holder_a)
				     : part == 'q'
					     ? diff_text_name(t, d->b, d->holder_b)
					     : diff_text_escaped(t, d->keys[c->key].name);

	if (!name)
		return cfs_fail(err, ENOMEM, "out of memory");
	fwrite(name->p, 1, name->len, to);
	return 0;
}

static int print_part(FILE *to, char part, const struct cfs_cause *c, struct diff_text *t,
		      struct cfs_err *err)
{
	bool is_a = c->side == CFS_CAUSE_A;

	switch (part) {
	case 'n':
		print_names(to, c);
		break;
	case 's':
		putc(is_a ? 'A' : 'B', to);
		break;
	case 'o':
		putc(is_a ? 'B' : 'A', to);
		break;
	case 'g':
		print_count(to, c->n_groups, "group", "groups");
		break;
	case 'v':
		fprintf(to, "%" PRId64, c->value);
		break;
	case 'w':
		fprintf(to, "%" PRId64, c->value2);
		break;
	case 'd':
		fprintf(to, "%c %" PRId64, c->value < 0 ? '-' : '+',
			c->value < 0 ? -c->value : c->value);
		break;
	case 'b':
		fprintf(to, "%04o", (unsigned)c->value);
		break;
	case 'f':
		print_fields(to, c->fields);
		break;
	default:
		return print_name(to, part, c, t, err);
	}
	return 0;
}

int cause_print(FILE *to, const struct cfs_cause *c, struct diff_text *t,
		struct cfs_err *err)
{
	const char *text = rows[c->kind].text;
	int rc = 0;

	if (c->side == CFS_CAUSE_BOTH && rows[c->kind].of_both)
		text = rows[c->kind].of_both;
	for (; rc == 0 && *text; text++) {
		if (*text == '%')
			rc = print_part(to, *++text, c, t, err);
		else
			putc(*text, to);
	}
	return rc;
}
