/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: many threads at once, each with trees of its own, or all with one. With
 * -Db_sanitize=thread these are the tests that show races. */
#include <pthread.h>

#include "golden.h"
#include "nodes.h"

enum { MAX_THREADS = 1000, STACK = 512 * 1024 };

/* --- all at once -------------------------------------------------------------------- */

struct crowd {
	pthread_barrier_t start;
	bool (*fn)(const void *arg, size_t i);
	const void *arg;
};

struct member {
	struct crowd *crowd;
	size_t i;
};

static void *run_member(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crowd->start);
	return m->crowd->fn(m->crowd->arg, m->i) ? arg : NULL;
}

/* fn(arg, 0) ... fn(arg, n - 1), each on a thread of its own; all are there before one begins. */
static void run_threads(size_t n, bool (*fn)(const void *arg, size_t i), const void *arg)
{
	static pthread_t threads[MAX_THREADS];
	static struct member members[MAX_THREADS];
	static struct crowd crowd;
	pthread_attr_t attr;
	size_t n_good = 0;

	crowd.fn = fn;
	crowd.arg = arg;
	t_eq(pthread_barrier_init(&crowd.start, NULL, (unsigned)n), 0);
	t_eq(pthread_attr_init(&attr), 0);
	t_eq(pthread_attr_setstacksize(&attr, STACK), 0);
	for (size_t i = 0; i < n; i++) {
		members[i] = (struct member){&crowd, i};
		t_eq(pthread_create(&threads[i], &attr, run_member, &members[i]), 0);
	}
	for (size_t i = 0; i < n; i++) {
		void *result = NULL;

		t_eq(pthread_join(threads[i], &result), 0);
		n_good += result != NULL;
	}
	pthread_attr_destroy(&attr);
	pthread_barrier_destroy(&crowd.start);
	t_eq(n_good, n);
}

/* --- what has to come out ----------------------------------------------------------- */

/* The rest of an image that is still to come. */
struct rest {
	const uint8_t *p;
	size_t len;
};

static ssize_t compare(void *file, void *buf, size_t count)
{
	struct rest *rest = file;

	if (count > rest->len || memcmp(buf, rest->p, count) != 0) {
		errno = EILSEQ;
		return -1;
	}
	rest->p += count;
	rest->len -= count;
	return (ssize_t)count;
}

static bool writes(struct lcfs_node_s *root, const struct image *expected)
{
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct rest rest = {expected->p, expected->len};
	struct lcfs_write_options_s options = {.version = expected->version,
					       .digest_out = digest,
					       .file = &rest,
					       .file_write_cb = compare};

	return lcfs_write_to(root, &options) == 0 && rest.len == 0 &&
	       memcmp(digest, expected->digest, sizeof(digest)) == 0;
}

/* --- separate trees ----------------------------------------------------------------- */

static const char *const names[] = {
	"acl-file",	  "collide",	   "escape-overlay", "example",
	"external-sizes", "inline-binary", "inline-sizes",   "names",
	"root-attrs",	  "types",	   "whiteout",	     "xattr-shared-order"};

enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

struct golden {
	struct image
		images[N_NAMES]; /* stored; loaded and written they are the same again */
	struct image built;	 /* that of built_tree() */
};

static struct lcfs_node_s *built_tree(void)
{
	return node_linked_tree(50);
}

static bool load_and_write(const struct image *image)
{
	struct lcfs_node_s *root = lcfs_load_node_from_image(image->p, image->len);
	bool same = root && writes(root, image);

	lcfs_node_unref(root);
	return same;
}

static bool build_copy_and_write(const struct image *expected)
{
	struct lcfs_node_s *root = built_tree(), *copy = lcfs_node_clone_deep(root);
	bool same = copy && writes(copy, expected);

	lcfs_node_unref(root);
	lcfs_node_unref(copy);
	return same;
}

static bool use_own_trees(const void *arg, size_t i)
{
	const struct golden *g = arg;

	return load_and_write(&g->images[i % N_NAMES]) && build_copy_and_write(&g->built);
}

T(compat_a_thousand_threads_load_and_write_trees_of_their_own)
{
	static struct golden g;
	struct lcfs_node_s *root;
	char name[64];

	for (size_t i = 0; i < N_NAMES; i++) {
		struct image *image = &g.images[i];

		snprintf(name, sizeof(name), "%s.v1.cfs", names[i]);
		image->p = t_golden(name, &image->len);
		image->version = 1;
		t_eq(lcfs_compute_fsverity_from_data(image->digest, image->p, image->len),
		     0);
	}
	root = built_tree();
	g.built = node_image(root);
	lcfs_node_unref(root);
	run_threads(t_scaled(MAX_THREADS), use_own_trees, &g);
	for (size_t i = 0; i < N_NAMES; i++)
		free(g.images[i].p);
	free(g.built.p);
}

/* --- one tree ----------------------------------------------------------------------- */

struct shared {
	struct lcfs_node_s *root;
	struct image image;
};

static bool read_and_write(const void *arg, size_t i)
{
	const struct shared *s = arg;
	struct lcfs_node_s *first = lcfs_node_get_child(s->root, 0);

	(void)i;
	return strcmp(lcfs_node_get_name(first), "0") == 0 &&
	       lcfs_node_lookup_child(s->root, "links") && writes(s->root, &s->image);
}

T(compat_threads_read_and_write_one_tree)
{
	struct lcfs_node_s *twin = node_linked_tree(2000);
	/* Its children are not in order yet: the first who reads them sorts. */
	struct shared s = {.root = node_linked_tree(2000), .image = node_image(twin)};

	run_threads(32, read_and_write, &s);
	free(s.image.p);
	lcfs_node_unref(twin);
	lcfs_node_unref(s.root);
}
