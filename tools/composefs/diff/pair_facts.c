/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Two images of one tree can have two digests: their format or their writer differs. */
#include "composefs/diff/pair_facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "composefs/composefs.h"

/* Fills in out for an image; a directory or dump has no such facts. An image that is
 * not canonical is a fact and no error: only -ENOMEM and cancellation fail. */
static int find_facts(const struct cfs_source *s, const struct cfs_watch *watch,
		      struct image_facts *out, struct cfs_err *err)
{
	struct cfs_err why;
	int rc;

	*out = (struct image_facts){.is_image = s->kind == CFS_SOURCE_IMAGE};
	if (!out->is_image)
		return 0;
	rc = cfs_verity_digest_mem(s->tree->alg, s->map.span, &out->id, err);
	if (rc < 0)
		return rc;
	rc = cfs_image_check_canonical(&s->image, watch, &why);
	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc == -ECANCELED)
		return cfs_watch_poll(watch, err);
	out->is_canonical = rc == 0;
	out->is_judged = rc != -ENOTSUP;
	if (rc < 0)
		memcpy(out->why, why.msg, sizeof(out->why));
	return 0;
}

/* The offset of the first byte that differs; the length of the shorter one when it is a prefix of the longer. */
static bool find_difference(struct cfs_span a, struct cfs_span b, uint64_t *out)
{
	size_t n = a.len < b.len ? a.len : b.len, at = 0;

	if (cfs_span_eq(a, b))
		return false;
	while (at < n && a.p[at] == b.p[at])
		at++;
	*out = at;
	return true;
}

/* The tree must have each inode at the name where the writer had it. */
static bool has_unsigned_times(const struct cfs_source *s)
{
	return cfs_image_find_form(&s->image, s->tree).unsigned_times;
}

static bool is_same_tree(const struct cfs_source_pair *p)
{
	return p->diff->n == 0 && p->diff->n_holders == 0;
}

int pair_facts_find(const struct cfs_source_pair *p, const struct cfs_watch *watch,
		    struct pair_facts *out, struct cfs_err *err)
{
	bool two_images;
	int rc;

	*out = (struct pair_facts){0};
	rc = find_facts(&p->a, watch, &out->a, err);
	if (rc == 0)
		rc = find_facts(&p->b, watch, &out->b, err);
	if (rc < 0)
		return rc;
	two_images = out->a.is_image && out->b.is_image;
	if (two_images) {
		out->formats_differ = p->a.image.version != p->b.image.version;
		out->blocks_differ = p->a.image.no_blocks != p->b.image.no_blocks;
		out->times_differ =
			has_unsigned_times(&p->a) != has_unsigned_times(&p->b);
		out->bytes_differ =
			find_difference(p->a.map.span, p->b.map.span, &out->first_off);
	}
	if (two_images && !out->bytes_differ)
		return 0;
	out->writer_differs =
		(out->a.is_judged && !out->a.is_canonical) ||
		(out->b.is_judged && !out->b.is_canonical) ||
		(is_same_tree(p) && out->bytes_differ && !out->formats_differ &&
		 !out->blocks_differ && !out->times_differ);
	return 0;
}

/* --- Text --------------------------------------------------------------------------- */

static const char *get_source_kind(const struct cfs_source *s)
{
	static const char *const names[] = {"image", "dump", "directory"};

	return names[s->kind];
}

static void print_side(char letter, const struct cfs_source *s,
		       const struct image_facts *f)
{
	char text[CFS_DIGEST_TEXT_MAX];

	printf("%c: ", letter);
	cli_print(stdout, s->name);
	printf(": %s, %" PRIu32 " %s", get_source_kind(s), s->tree->n_nodes,
	       cfs_plural(s->tree->n_nodes, "entry", "entries"));
	if (f->is_image)
		printf(", format %" PRIu32 ", %s%s", s->image.version,
		       !f->is_judged	 ? ""
		       : f->is_canonical ? "canonical, "
					 : "not canonical, ",
		       cfs_digest_text(&f->id, text));
	putchar('\n');
}

static void print_writer(char letter, const struct image_facts *f)
{
	if (!f->is_judged || f->is_canonical)
		return;
	printf("    %c differs from what mkcomposefs makes of its tree: ", letter);
	cli_print(stdout, f->why);
	putchar('\n');
}

void pair_facts_print(const struct cfs_source_pair *p, const struct pair_facts *f)
{
	print_side('A', &p->a, &f->a);
	print_side('B', &p->b, &f->b);
	if (f->formats_differ)
		printf("%sformat version %" PRIu32 " in A, %" PRIu32 " in B\n",
		       is_same_tree(p) ? "the same tree: " : "", p->a.image.version,
		       p->b.image.version);
	if (f->blocks_differ)
		printf("%sthe superblock of %c has 0 blocks, see honest-df-1 in "
		       "composefs-profiles(7)\n",
		       is_same_tree(p) ? "the same tree: " : "",
		       p->a.image.no_blocks ? 'A' : 'B');
	if (f->times_differ)
		printf("%sthe first time of %c is the smallest as an unsigned number, as "
		       "cfsctl 0.9 computes it, see \"first time\" in "
		       "composefs-profiles(7)\n",
		       is_same_tree(p) ? "the same tree: " : "",
		       has_unsigned_times(&p->a) ? 'A' : 'B');
	if (!f->writer_differs)
		return;
	printf("%sthe writer differs\n", is_same_tree(p) ? "the same tree: " : "");
	print_writer('A', &f->a);
	print_writer('B', &f->b);
	if (f->bytes_differ && is_same_tree(p))
		printf("    the first different byte is at offset %" PRIu64 "\n",
		       f->first_off);
}

/* --- JSON --------------------------------------------------------------------------- */

static void print_json_image(struct json *j, const struct cfs_source *s,
			     const struct image_facts *f)
{
	char text[CFS_DIGEST_TEXT_MAX];

	json_put_string(j, "id", cfs_digest_text(&f->id, text));
	json_put_uint(j, "format", s->image.version);
	if (f->is_judged)
		json_put_bool(j, "canonical", f->is_canonical);
	else
		json_put_null(j, "canonical");
	json_put_string(j, "not_canonical",
			f->is_judged && !f->is_canonical ? f->why : NULL);
}

static void print_json_side(struct json *j, const char *key, const struct cfs_source *s,
			    const struct image_facts *f)
{
	json_begin_object(j, key);
	json_put_string(j, "name", s->name);
	json_put_string(j, "kind", get_source_kind(s));
	json_put_uint(j, "entries", s->tree->n_nodes);
	if (f->is_image)
		print_json_image(j, s, f);
	json_end(j);
}

void pair_facts_put_json(struct json *j, const struct cfs_source_pair *p,
			 const struct pair_facts *f)
{
	print_json_side(j, "a", &p->a, &f->a);
	print_json_side(j, "b", &p->b, &f->b);
	json_put_bool(j, "formats_differ", f->formats_differ);
	json_put_bool(j, "blocks_differ", f->blocks_differ);
	json_put_bool(j, "times_differ", f->times_differ);
	json_put_bool(j, "writer_differs", f->writer_differs);
	if (f->bytes_differ)
		json_put_uint(j, "first_byte", f->first_off);
	else
		json_put_null(j, "first_byte");
}
