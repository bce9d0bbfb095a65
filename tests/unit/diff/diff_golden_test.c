/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff: nothing differs between two trees if and only if their images are the same bytes: all golden trees
 * that an image gives back, and each of them with every field of every line changed in several ways. */
#include <dirent.h>

#include "t.h"

#include "diff/diff.h"
#include "dump/dump.h"
#include "erofs/erofs.h"
#include "golden.h"

enum { TREES_MAX = 512, TEXT_MAX = 1200 };

struct tree {
	char *name;
	struct cfs_tree *tree;
	struct cfs_mem image;
};

static struct cfs_err err;

static bool parse(struct cfs_text text, struct cfs_tree **out)
{
	struct cfs_dump_opts opts = {0};

	return cfs_dump_read_mem(text, CFS_SHA256, &opts, out, &err) == 0;
}

/* Format 1, whatever is in the tree; nothing when it does not fit. */
static bool make_image(const struct cfs_tree *tree, struct cfs_mem *out)
{
	struct cfs_image_opts opts = {1, 1};
	struct cfs_plan *plan;

	*out = (struct cfs_mem){0};
	if (cfs_plan_new(tree, &opts, NULL, &plan, &err) < 0)
		return false;
	t_eq(cfs_emit(plan, cfs_sink_mem(out), &err), 0);
	cfs_plan_free(plan);
	return true;
}

static bool same_bytes(const struct cfs_mem *a, const struct cfs_mem *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Whether nothing differs; the causes are found, too, and explain all. */
static bool is_same(const struct cfs_tree *a, const struct cfs_tree *b)
{
	struct cfs_diff_side x = {.tree = a}, y = {.tree = b};
	struct cfs_causes causes;
	struct cfs_diff *diff;
	bool same;

	t_eq(cfs_diff_new(&x, &y, 1, NULL, &diff, &err), 0);
	t_eq(cfs_causes_find(diff, NULL, &causes, &err), 0);
	same = diff->n == 0 && diff->n_holders == 0;
	t_eq(causes.n == 0, same);
	cfs_causes_fini(&causes);
	cfs_diff_free(diff);
	return same;
}

/* An image cannot give back whiteout xattrs of a tree's own, nor sizes of devices from 4 GiB on: see
 * composefs-dump(5). Such trees have the image of another. */
static bool is_given_back(const struct cfs_tree *tree, const struct cfs_mem *image)
{
	struct cfs_load_opts opts = {.writers_names = true};
	struct cfs_tree *loaded;
	struct cfs_image im;
	bool same;

	t_eq(cfs_image_open((struct cfs_span){image->p, image->len}, &im, &err), 0);
	t_eq(cfs_image_load(&im, &opts, &loaded, &err), 0);
	same = is_same(tree, loaded);
	cfs_tree_free(loaded);
	return same;
}

/* All dumps of the golden directory that are trees, and their images. */
static size_t load(struct tree *out)
{
	const char *golden = getenv("CFS_GOLDEN");
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	if (!golden)
		t_skip("CFS_GOLDEN is not set");
	dir = opendir(golden);
	t_ok(dir != NULL);
	while ((e = readdir(dir)) && n < TREES_MAX) {
		size_t len = strlen(e->d_name), text_len;
		struct tree t = {0};
		uint8_t *text;

		if (len < 5 || strcmp(e->d_name + len - 5, ".dump") != 0)
			continue;
		text = t_golden(e->d_name, &text_len);
		if (parse((struct cfs_text){(char *)text, text_len}, &t.tree)) {
			if (make_image(t.tree, &t.image) &&
			    is_given_back(t.tree, &t.image)) {
				t.name = strdup(e->d_name);
				out[n++] = t;
			} else {
				cfs_tree_free(t.tree);
				free(t.image.p);
			}
		}
		free(text);
	}
	closedir(dir);
	return n;
}

static void release(struct tree *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(t[i].name);
		free(t[i].image.p);
		cfs_tree_free(t[i].tree);
	}
}

T(trees_are_the_same_if_and_only_if_their_images_are)
{
	static struct tree all[TREES_MAX];
	size_t n = load(all);

	t_ok(n > 50);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			bool same = same_bytes(&all[i].image, &all[k].image);

			if (is_same(all[i].tree, all[k].tree) != same)
				t_fail(__FILE__, __LINE__, "%s, %s: images are %s",
				       all[i].name, all[k].name,
				       same ? "the same" : "different");
		}
	}
	release(all, n);
}

/* --- one field changed ----------------------------------------------------------------- */

/* The text with bytes [at, at + len) replaced. */
static struct cfs_text replaced(struct cfs_text text, size_t at, size_t len,
				const char *by, char *out)
{
	size_t by_len = strlen(by);

	memcpy(out, text.s, at);
	memcpy(out + at, by, by_len);
	memcpy(out + at + by_len, text.s + at + len, text.len - at - len);
	return (struct cfs_text){out, text.len - len + by_len};
}

/* Is it so for a changed text, if that is still a tree that an image can hold? Counts those that are. */
static void check(const struct tree *t, struct cfs_text text, size_t *n_checked)
{
	struct cfs_tree *changed;
	struct cfs_mem image;

	if (!parse(text, &changed))
		return;
	if (make_image(changed, &image) && is_given_back(changed, &image)) {
		bool same = same_bytes(&t->image, &image);

		if (is_same(t->tree, changed) != same)
			t_fail(__FILE__, __LINE__, "%s: images are %s: %.*s", t->name,
			       same ? "the same" : "different", (int)text.len, text.s);
		++*n_checked;
	}
	free(image.p);
	cfs_tree_free(changed);
}

static size_t change_fields(const struct tree *t, struct cfs_text text)
{
	static const char *const values[] = {
		"0",
		"1",
		"7",
		"100644",
		"40755",
		"120777",
		"20600",
		"5.0",
		"0.1",
		"x",
		"/a",
		"aa/bb",
		"-",
		"35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408",
		"user.a=1",
		""};
	char changed[TEXT_MAX + 100];
	size_t n = 0, at = 0;

	while (at < text.len) {
		size_t len = 0;

		while (at + len < text.len && text.s[at + len] != ' ' &&
		       text.s[at + len] != '\n')
			len++;
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			check(t, replaced(text, at, len, values[i], changed), &n);
		at += len + 1;
	}
	return n;
}

T(each_change_of_a_field_is_a_difference_if_and_only_if_the_image_changes)
{
	static struct tree all[TREES_MAX];
	size_t n = load(all), n_checked = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len;
		uint8_t *text = t_golden(all[i].name, &len);

		if (len <= TEXT_MAX)
			n_checked += change_fields(&all[i],
						   (struct cfs_text){(char *)text, len});
		free(text);
	}
	t_ok(n_checked > 3000);
	release(all, n);
}
