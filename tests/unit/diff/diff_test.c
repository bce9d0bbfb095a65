/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff: each field that can differ is printed with both values, each cause is found; contents are read only
 * where nothing else decides. */
#include <stdatomic.h>

#include "t.h"

#include "diff/diff.h"
#include "dump/dump.h"

#define ROOT	 "/ 0 40755 1 0 0 0 0.0 - - -\n"
#define DIGEST_1 "35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"
#define DIGEST_2 "45d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"
#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct cfs_err err;

static struct cfs_tree *tree(const char *text)
{
	struct cfs_tree *t = NULL;
	struct cfs_dump_opts opts = {0};

	if (cfs_dump_read_mem(cfs_text(text), CFS_SHA256, &opts, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "refused: %s: %s", text, err.msg);
	return t;
}

/* Two trees, what differs, and a text of it. */
struct pair {
	struct cfs_tree *a, *b;
	struct cfs_diff *diff;
	char *text;
	size_t len;
};

static void release(struct pair *p)
{
	cfs_diff_free(p->diff);
	cfs_tree_free(p->a);
	cfs_tree_free(p->b);
	free(p->text);
}

static void compare(struct pair *p, struct cfs_tree *a, struct cfs_tree *b)
{
	struct cfs_diff_side x = {.tree = a}, y = {.tree = b};

	*p = (struct pair){.a = a, .b = b};
	t_eq(cfs_diff_new(&x, &y, 1, NULL, &p->diff, &err), 0);
}

static void print_line(FILE *to, struct cfs_diff_text *t, const struct cfs_difference *v)
{
	for (int i = 0; i < CFS_DIFF_N_PARTS; i++) {
		const struct cfs_mem *text;

		t_eq(cfs_diff_text_format_part(t, v, (enum cfs_diff_part)i, &text, &err),
		     0);
		fwrite(text->p, 1, text->len, to);
		fputc(i + 1 < CFS_DIFF_N_PARTS ? '\t' : '\n', to);
	}
}

/* The lines of all differences, NUL-terminated. */
static const char *lines(struct pair *p)
{
	FILE *to = open_memstream(&p->text, &p->len);
	struct cfs_diff_text t;

	t_eq(cfs_diff_text_init(&t, p->diff, 64, &err), 0);
	for (size_t i = 0; i < p->diff->n; i++)
		print_line(to, &t, &p->diff->v[i]);
	cfs_diff_text_fini(&t);
	fclose(to);
	return p->text;
}

/* The sentences of all causes, each with its name in front. */
static const char *causes(struct pair *p)
{
	FILE *to = open_memstream(&p->text, &p->len);
	const struct cfs_mem *text;
	struct cfs_causes found;
	struct cfs_diff_text t;

	t_eq(cfs_diff_text_init(&t, p->diff, 64, &err), 0);
	t_eq(cfs_causes_find(p->diff, NULL, &found, &err), 0);
	for (size_t i = 0; i < found.n; i++) {
		fprintf(to, "%s: ", cfs_cause_get_name(&found.v[i]));
		t_eq(cfs_cause_format_text(&t, &found.v[i], &text, &err), 0);
		fwrite(text->p, 1, text->len, to);
		fputc('\n', to);
	}
	cfs_causes_fini(&found);
	cfs_diff_text_fini(&t);
	fclose(to);
	return p->text;
}

/* --- fields ---------------------------------------------------------------------------- */

/* What stands below the root on both sides, and the lines. */
static const struct {
	const char *a, *b, *expected;
} fields[] = {
	{"/f 0 100644 1 0 0 0 0.0 - - -\n", "/f 0 100644 1 0 0 0 0.0 - - -\n", ""},
	{"/f 0 100644 1 0 0 0 0.0 - - -\n", "", "/f\tentry\tfile\t-\n"},
	{"", "/d 0 40755 1 0 0 0 0.0 - - -\n/d/p 0 10644 1 0 0 0 0.0 - - -\n",
	 "/d\tentry\t-\tdirectory\n/d/p\tentry\t-\tfifo\n"},
	{"/f 0 100644 1 0 0 0 0.0 - - -\n", "/f 0 140644 1 0 0 0 0.0 - - -\n",
	 "/f\ttype\tfile\tsocket\n"},
	{"/f 0 104755 1 0 0 0 0.0 - - -\n", "/f 0 100644 1 0 0 0 0.0 - - -\n",
	 "/f\tmode\t4755\t0644\n"},
	{"/f 0 100644 1 7 0 0 0.0 - - -\n", "/f 0 100644 1 0 8 0 0.0 - - -\n",
	 "/f\tuid\t7\t0\n/f\tgid\t0\t8\n"},
	{"/f 0 100644 1 0 0 0 -5.7 - - -\n", "/f 0 100644 1 0 0 0 1.999999999 - - -\n",
	 "/f\tmtime\t-5.000000007\t1.999999999\n"},
	{"/f 0 100644 1 0 0 0 0.0 - - -\n", "/f 0 100644 2 0 0 0 0.0 - - -\n",
	 "/f\tnlink\t1\t2\n"},
	{"/f 0 20644 1 0 0 259 0.0 - - -\n", "/f 0 20644 1 0 0 261 0.0 - - -\n",
	 "/f\trdev\t1:3\t1:5\n"},
	{"/f 9 60644 1 0 0 5 0.0 - - -\n", "/f 8 60644 1 0 0 5 0.0 - - -\n",
	 "/f\tsize\t9\t8\n"},
	{"/f 1 120777 1 0 0 0 0.0 x - -\n", "/f 1 120777 1 0 0 0 0.0 long - -\n",
	 "/f\ttarget\tx\tlong\n"},
	{"/f 1 120777 1 0 0 0 0.0 x - -\n", "/f 1 120777 1 0 0 0 0.0 \\x2d - -\n",
	 "/f\ttarget\tx\t\\x2d\n"},
	/* Contents. */
	{"/f 1 100644 1 0 0 0 0.0 - x -\n", "/f 1 100644 1 0 0 0 0.0 - y -\n",
	 "/f\tcontent\t\"x\"\t\"y\"\n"},
	{"/f 1 100644 1 0 0 0 0.0 - \\n -\n", "/f 0 100644 1 0 0 0 0.0 - - -\n",
	 "/f\tsize\t1\t0\n/f\tcontent\t\"\\n\"\t\"\"\n"},
	{"/f 9 100644 1 0 0 0 0.0 35/" DIGEST_1 " - " DIGEST_1 "\n",
	 "/f 9 100644 1 0 0 0 0.0 35/" DIGEST_1 " - " DIGEST_2 "\n",
	 "/f\tcontent\tsha256:" DIGEST_1 "\tsha256:" DIGEST_2 "\n"},
	{"/f 9 100644 1 0 0 0 0.0 x - " DIGEST_1 "\n",
	 "/f 9 100644 1 0 0 0 0.0 y - " DIGEST_1 "\n", "/f\tbacking\tx\ty\n"},
	{"/f 9 100644 1 0 0 0 0.0 x - " DIGEST_1 "\n", "/f 9 100644 1 0 0 0 0.0 x - -\n",
	 "/f\tdigest\tsha256:" DIGEST_1 "\t-\n"},
	{"/f 9 100644 1 0 0 0 0.0 x - -\n", "/f 9 100644 1 0 0 0 0.0 - - -\n",
	 "/f\tbacking\tx\t-\n"},
	/* xattrs. */
	{"/f 0 100644 1 0 0 0 0.0 - - - a=1 c=3\n",
	 "/f 0 100644 1 0 0 0 0.0 - - - b=2 c=4\n",
	 "/f\txattr:a\t1\t-\n/f\txattr:b\t-\t2\n/f\txattr:c\t3\t4\n"},
	{"/f 0 100644 1 0 0 0 0.0 - - - a= b=-\n", "/f 0 100644 1 0 0 0 0.0 - - -\n",
	 "/f\txattr:a\t\t-\n/f\txattr:b\t\\x2d\t-\n"},
	/* What must not reach a terminal. */
	{"/\\x1b[31m\\n\\t 0 100644 1 0 0 0 0.0 - - - \\x1b=\\x07\n", "",
	 "/\\x1b[31m\\n\\t\tentry\tfile\t-\n"},
	{"/f 1 120777 1 0 0 0 0.0 \\x1b - - \\x1b=\\x07\n",
	 "/f 1 120777 1 0 0 0 0.0 \\xff - -\n",
	 "/f\ttarget\t\\x1b\t\\xff\n/f\txattr:\\x1b\t\\x07\t-\n"},
};

T(each_field_that_differs_is_printed_with_both_values)
{
	char a[1024], b[1024];
	struct pair p;

	for (size_t i = 0; i < N(fields); i++) {
		snprintf(a, sizeof(a), "%s%s", ROOT, fields[i].a);
		snprintf(b, sizeof(b), "%s%s", ROOT, fields[i].b);
		compare(&p, tree(a), tree(b));
		t_str(lines(&p), fields[i].expected);
		release(&p);
	}
}

T(sizes_and_link_counts_of_directories_do_not_count)
{
	struct pair p;

	compare(&p, tree("/ 1 40755 1 0 0 0 0.0 - - -\n"),
		tree("/ 2 40755 9 0 0 0 0.0 - - -\n"));
	t_eq(p.diff->n, 0);
	t_eq(p.diff->n_both, 1);
	release(&p);
}

T(names_come_in_byte_order_and_are_counted)
{
	struct pair p;

	compare(&p,
		tree(ROOT "/b 0 40755 1 0 0 0 0.0 - - -\n"
			  "/b/z 0 100644 1 0 0 0 0.0 - - -\n"
			  "/a 0 100644 1 0 0 0 0.0 - - -\n"
			  "/b.c 0 100644 1 0 0 0 0.0 - - -\n"),
		tree(ROOT "/b 0 40700 1 0 0 0 0.0 - - -\n"
			  "/b/\\xff 0 100644 1 0 0 0 0.0 - - -\n"
			  "/B 0 100644 1 0 0 0 0.0 - - -\n"));
	t_str(lines(&p), "/B\tentry\t-\tfile\n"
			 "/a\tentry\tfile\t-\n"
			 "/b\tmode\t0755\t0700\n"
			 "/b/z\tentry\tfile\t-\n"
			 "/b/\\xff\tentry\t-\tfile\n"
			 "/b.c\tentry\tfile\t-\n");
	t_eq(p.diff->n_both, 2);
	t_eq(p.diff->n_changed, 1);
	t_eq(p.diff->n_only_a, 3);
	t_eq(p.diff->n_only_b, 2);
	release(&p);
}

T(entries_below_a_directory_that_became_a_file_are_reported)
{
	struct pair p;

	compare(&p,
		tree(ROOT "/d 0 40755 1 0 0 0 0.0 - - -\n"
			  "/d/f 0 100644 1 0 0 0 0.0 - - -\n"),
		tree(ROOT "/d 0 100755 1 0 0 0 0.0 - - -\n"));
	t_str(lines(&p), "/d\ttype\tdirectory\tfile\n/d/f\tentry\tfile\t-\n");
	release(&p);
}

/* --- hard links ------------------------------------------------------------------------ */

#define FILE_OF(name, nlink) name " 0 100644 " nlink " 0 0 0 0.0 - - -\n"
#define LINK_TO(name, first) name " 0 @100644 1 0 0 0 0.0 " first " - -\n"

T(names_that_share_an_inode_are_compared_at_the_first)
{
	struct pair p;

	compare(&p, tree(ROOT FILE_OF("/a", "3") LINK_TO("/b", "/a") LINK_TO("/c", "/a")),
		tree(ROOT FILE_OF("/a", "1") FILE_OF("/b", "2") LINK_TO("/c", "/b")));
	t_str(lines(&p), "/a\tnlink\t3\t1\n/b\tnlink\t3\t2\n/b\tlink\t/a\t-\n"
			 "/c\tnlink\t3\t2\n/c\tlink\t/a\t/b\n");
	release(&p);
}

T(inode_kept_at_another_of_its_names_is_no_difference)
{
	struct pair p;

	compare(&p, tree(ROOT FILE_OF("/a", "2") LINK_TO("/b", "/a")),
		tree(ROOT LINK_TO("/a", "/b") FILE_OF("/b", "2")));
	t_eq(p.diff->n, 0);
	release(&p);
}

T(a_removed_link_does_not_make_the_other_names_differ)
{
	struct pair p;

	compare(&p, tree(ROOT FILE_OF("/a", "3") LINK_TO("/b", "/a") LINK_TO("/c", "/a")),
		tree(ROOT FILE_OF("/b", "3") LINK_TO("/c", "/b")));
	t_str(lines(&p), "/a\tentry\tfile\t-\n");
	release(&p);
}

T(an_inode_of_many_names_is_compared_once)
{
	struct pair p;

	compare(&p, tree(ROOT "/a 0 100644 2 1 0 0 0.0 - - -\n" LINK_TO("/b", "/a")),
		tree(ROOT "/a 0 100644 2 0 0 0 0.0 - - -\n" LINK_TO("/b", "/a")));
	t_str(lines(&p), "/a\tuid\t1\t0\n");
	release(&p);
}

/* --- contents that are asked for ------------------------------------------------------- */

struct reader {
	atomic_int n_calls;
	uint8_t first; /* of the digest of each content */
	int rc;
};

static int read_content(void *ctx, unsigned worker, cfs_id file, enum cfs_hash_alg alg,
			struct cfs_digest *out, struct cfs_err *e)
{
	struct reader *r = ctx;

	(void)worker;
	(void)file;
	r->n_calls++;
	*out = (struct cfs_digest){.alg = alg};
	out->bytes[0] = r->first;
	return r->rc < 0 ? cfs_fail(e, -r->rc, "no content today") : 0;
}

#define BIG(name, size) name " " size " 100644 1 0 0 0 0.0 - - -\n"

static int compare_read(struct pair *p, struct reader *r, struct reader *q, const char *a,
			const char *b)
{
	struct cfs_diff_side x, y;
	int rc;

	*p = (struct pair){.a = tree(a), .b = tree(b)};
	x = (struct cfs_diff_side){p->a, read_content, r};
	y = (struct cfs_diff_side){p->b, q ? read_content : NULL, q};
	rc = cfs_diff_new(&x, &y, 2, NULL, &p->diff, &err);
	if (rc < 0)
		p->diff = NULL;
	return rc;
}

T(contents_are_read_only_where_sizes_agree)
{
	struct reader r = {.first = 1}, q = {.first = 1};
	struct pair p;

	t_eq(compare_read(&p, &r, &q, ROOT BIG("/a", "9") BIG("/b", "9") BIG("/c", "0"),
			  ROOT BIG("/a", "9") BIG("/b", "8") BIG("/c", "0")),
	     0);
	t_str(lines(&p), "/b\tsize\t9\t8\n");
	t_eq(r.n_calls, 1);
	t_eq(q.n_calls, 1);
	t_eq(p.diff->n_changed, 1);
	release(&p);
}

T(contents_that_were_read_are_printed_as_digests)
{
	struct reader r = {.first = 0x35};
	struct pair p;

	t_eq(compare_read(&p, &r, NULL, ROOT BIG("/a", "9") BIG("/b", "9"),
			  ROOT "/a 9 100644 1 0 0 0 0.0 - - " DIGEST_1 "\n"
			       "/b 9 100644 2 0 0 0 0.0 - - -\n"),
	     0);
	t_str(lines(&p),
	      "/a\tcontent\tsha256:3500000000000000000000000000000000000000000000"
	      "000000000000000000\tsha256:" DIGEST_1 "\n/b\tnlink\t1\t2\n");
	t_eq(p.diff->n_unproven, 1);
	release(&p);
}

T(a_content_that_cannot_be_read_fails_the_comparison)
{
	struct reader r = {.rc = -EIO};
	struct pair p;

	t_eq(compare_read(&p, &r, &r, ROOT BIG("/a", "9"), ROOT BIG("/a", "9")), -EIO);
	t_str(err.msg, "no content today");
	release(&p);
}

T(equal_content_inline_and_outside_differs_in_storage_only)
{
	struct cfs_digest digest;
	char hex[CFS_DIGEST_HEX_MAX], b[512];
	struct pair p;

	t_eq(cfs_verity_digest_mem(CFS_SHA256,
				   (struct cfs_span){(const uint8_t *)"abc", 3}, &digest,
				   &err),
	     0);
	snprintf(b, sizeof(b), ROOT "/f 3 100644 1 0 0 0 0.0 - - %s\n",
		 cfs_digest_hex(&digest, hex));
	compare(&p, tree(ROOT "/f 3 100644 1 0 0 0 0.0 - abc -\n"), tree(b));
	t_str(lines(&p), "/f\tstored\tinside\toutside\n");
	release(&p);
	compare(&p, tree(b), tree(ROOT "/f 3 100644 1 0 0 0 0.0 - abd -\n"));
	t_has(lines(&p), "/f\tcontent\tsha256:");
	t_has(p.text, "\t\"abd\"\n");
	release(&p);
}

/* --- causes ---------------------------------------------------------------------------- */

#define NODE(name, mode, ids, mtime) name " 0 " mode " 1 " ids " 0 " mtime " - - -\n"

static const struct {
	const char *a, *b, *expected;
} reasons[] = {
	{NODE("/", "40755", "0 0", "5.0"), NODE("/", "40755", "0 0", "5.0"), ""},
	{NODE("/", "40755", "1 0", "5.0"), NODE("/", "40700", "0 0", "6.0"),
	 "root: the root directory's own metadata: mode, uid, mtime\n"},
	/* mtimes */
	{NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "6.0")
		 NODE("/f", "100644", "0 0", "7.5"),
	 NODE("/", "40755", "0 0", "0.0") NODE("/d", "40755", "0 0", "0.0")
		 NODE("/f", "100644", "0 0", "0.0"),
	 "mtime-zero: all mtimes of B are 0: 3 entries\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "6.1")
		 NODE("/f", "100644", "0 0", "7.5"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "6.0")
		 NODE("/f", "100644", "0 0", "7.0"),
	 "mtime-subsecond: mtimes of 2 entries differ only below the second, B has whole "
	 "seconds there\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "66.0")
		 NODE("/f", "100644", "0 0", "77.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "50.0")
		 NODE("/f", "100644", "0 0", "50.0"),
	 "mtime-one: mtimes of 2 entries are all 50 in B\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "5.0"),
	 NODE("/", "40755", "0 0", "6.0") NODE("/d", "40755", "0 0", "6.0"),
	 "mtime-one: mtimes of 2 entries are all 5 in A and 6 in B\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "66.0")
		 NODE("/e", "40755", "0 0", "67.0") NODE("/f", "100644", "0 0", "77.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/d", "40755", "0 0", "50.0")
		 NODE("/e", "40755", "0 0", "51.0") NODE("/f", "100644", "0 0", "52.0"),
	 "mtime: mtimes of 2 directories\nmtime: mtimes of 1 file\n"},
	/* owners */
	{NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "7 8", "5.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "0 0", "5.0"),
	 "owner-all: owners: all of B are 0:0: 1 entry\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "0 0", "5.0"),
	 NODE("/", "40755", "1 2", "5.0") NODE("/f", "100644", "1 2", "5.0"),
	 "owner-all: owners: all of B are 1:2: 2 entries\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "7 8", "5.0"),
	 NODE("/", "40755", "1000 1000", "5.0") NODE("/f", "100644", "1007 1008", "5.0"),
	 "owner-shift: owners of 2 entries: ids of B are those of A + 1000\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "7 8", "5.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "9 9", "5.0"),
	 "owner: owners of 1 entry\n"},
	/* modes */
	{NODE("/", "40775", "0 0", "5.0") NODE("/f", "100664", "0 0", "5.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "0 0", "5.0"),
	 "mode-bits: mode bits 0020 of 2 entries only in A\n"},
	{NODE("/", "40755", "0 0", "5.0") NODE("/f", "100644", "0 0", "5.0")
		 NODE("/g", "100644", "0 0", "5.0"),
	 NODE("/", "40755", "0 0", "5.0") NODE("/f", "100600", "0 0", "5.0")
		 NODE("/g", "100666", "0 0", "5.0"),
	 "mode: modes of 2 files\n"},
	/* hard links */
	{ROOT FILE_OF("/a", "2") LINK_TO("/b", "/a") FILE_OF("/c", "3")
		 LINK_TO("/d", "/c") LINK_TO("/e", "/c"),
	 ROOT FILE_OF("/a", "1") FILE_OF("/b", "1") FILE_OF("/c", "1") FILE_OF("/d", "1")
		 FILE_OF("/e", "1"),
	 "links-flattened: hard links flattened in B: 2 groups, 3 entries\n"},
	{ROOT FILE_OF("/a", "1") FILE_OF("/b", "1"),
	 ROOT FILE_OF("/a", "2") LINK_TO("/b", "/a"),
	 "links-flattened: hard links flattened in A: 1 group, 1 entry\n"},
	{ROOT FILE_OF("/a", "2") FILE_OF("/b", "1") LINK_TO("/c", "/a"),
	 ROOT FILE_OF("/a", "1") FILE_OF("/b", "2") LINK_TO("/c", "/b"),
	 "links: hard links grouped in another way: 1 entry\n"},
	{ROOT FILE_OF("/a", "2") LINK_TO("/b", "/a"),
	 ROOT LINK_TO("/a", "/b") FILE_OF("/b", "2"),
	 "links-holder: hard links: 1 group kept at other names, the first at /a in A, "
	 "at /b "
	 "in B\n"},
	{ROOT FILE_OF("/a", "1"), ROOT FILE_OF("/a", "2"),
	 "nlink: link counts of 1 entry\n"},
	/* xattrs */
	{ROOT "/a 0 100644 1 0 0 0 0.0 - - - x=1 y=1\n"
	      "/b 0 100644 1 0 0 0 0.0 - - - x=1\n",
	 ROOT "/a 0 100644 1 0 0 0 0.0 - - -\n/b 0 100644 1 0 0 0 0.0 - - -\n",
	 "xattrs-none: no xattrs at all in B: 2 entries\n"},
	{ROOT "/a 0 100644 1 0 0 0 0.0 - - - security.selinux=1 y=1\n"
	      "/b 0 100644 1 0 0 0 0.0 - - - security.selinux=1\n",
	 ROOT "/a 0 100644 1 0 0 0 0.0 - - - y=2\n"
	      "/b 0 100644 1 0 0 0 0.0 - - - \\x1b=1\n",
	 "xattr-only: xattrs security.selinux only in A: 2 entries\n"
	 "xattr-only: xattrs \\x1b only in B: 1 entry\n"
	 "xattr-value: values of xattrs y: 1 entry\n"},
	/* contents */
	{ROOT "/a 1 100644 1 0 0 0 0.0 - x -\n/b 1 100644 1 0 0 0 0.0 - x -\n",
	 ROOT "/a 1 100644 1 0 0 0 0.0 - y -\n/b 2 100644 1 0 0 0 0.0 - xx -\n",
	 "content: content of 2 files\n"},
	{ROOT "/f 9 100644 1 0 0 0 0.0 x - " DIGEST_1 "\n",
	 ROOT "/f 9 100644 1 0 0 0 0.0 y - -\n",
	 "backing: backing paths of 1 file\ndigest-none: no digests in B: 1 file\n"},
	/* the others */
	{ROOT NODE("/a", "100644", "0 0", "0.0") NODE("/b", "10644", "0 0", "0.0"),
	 ROOT NODE("/a", "40644", "0 0", "0.0") NODE("/c", "20644", "0 0", "0.0"),
	 "only: 1 entry only in A\ndevices: devices only in B: 1 entry\n"
	 "type: another file type: 1 entry\n"},
	{ROOT "/a 1 120777 1 0 0 0 0.0 x - -\n/b 9 60644 1 0 0 5 0.0 - - -\n",
	 ROOT "/a 1 120777 1 0 0 0 0.0 y - -\n/b 8 60644 1 0 0 6 0.0 - - -\n",
	 "target: targets of 1 symlink\nrdev: device numbers of 1 special file\n"
	 "size: sizes of 1 special file\n"},
};

T(each_cause_is_found_and_explains_all_of_its_differences)
{
	struct pair p;

	for (size_t i = 0; i < N(reasons); i++) {
		compare(&p, tree(reasons[i].a), tree(reasons[i].b));
		t_str(causes(&p), reasons[i].expected);
		release(&p);
	}
}

T(contents_with_digests_of_different_algorithms_are_not_compared)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *b;
	struct pair p;

	t_eq(cfs_dump_read_mem(
		     CFS_TEXT(ROOT "/f 9 100644 1 0 0 0 0.0 - - " DIGEST_1 DIGEST_2 "\n"),
		     CFS_SHA512, &opts, &b, &err),
	     0);
	compare(&p, tree(ROOT "/f 9 100644 1 0 0 0 0.0 - - " DIGEST_1 "\n"), b);
	t_str(causes(&p), "digest-algorithm: another hash algorithm: contents of 1 file "
			  "could not be compared\n");
	release(&p);
}

T(the_most_frequent_cause_comes_first_with_different_examples)
{
	struct cfs_causes found;
	struct pair p;

	compare(&p,
		tree(ROOT NODE("/a", "100644", "1 1", "5.0") NODE(
			"/b", "100644", "2 9", "6.0") NODE("/c", "100600", "3 3", "0.0")
			     NODE("/d", "100644", "4 4", "0.0")),
		tree(ROOT NODE("/a", "100644", "2 3", "9.0") NODE(
			"/b", "100644", "3 4", "8.0") NODE("/c", "100644", "5 5", "0.0")
			     NODE("/d", "100644", "7 7", "0.0")));
	t_eq(cfs_causes_find(p.diff, NULL, &found, &err), 0);
	t_eq(found.n, 3);
	t_eq(found.v[0].kind, CFS_CAUSE_OWNER);
	t_eq(found.v[0].n, 4);
	t_eq(found.v[0].n_first, CFS_CAUSE_EXAMPLES);
	for (size_t i = 1; i < CFS_CAUSE_EXAMPLES; i++)
		t_ok(p.diff->v[found.v[0].first[i]].a !=
		     p.diff->v[found.v[0].first[i - 1]].a);
	t_eq(found.v[1].kind, CFS_CAUSE_MTIME);
	t_eq(found.v[2].kind, CFS_CAUSE_MODE);
	cfs_causes_fini(&found);
	release(&p);
}
