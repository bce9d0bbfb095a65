/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* source: a name becomes the tree that it means; the repository is asked through callbacks alone. */
#include "source/source.h"

#include <errno.h>
#include <sys/stat.h>

#include "t.h"
#include "tmpdir.h"

#define ROOT "/ 0 40755 1 0 0 0 0.0 - - -\n"

static struct cfs_err err;

/* A repository that counts how often it is asked. */
struct fake {
	const char *path; /* NULL: it cannot be found */
	int n_found, n_opened;
};

static int find_fake(void *ctx, const char **path, struct cfs_err *e)
{
	struct fake *f = ctx;

	f->n_found++;
	*path = f->path;
	return f->path ? 0 : cfs_fail(e, EACCES, "no access");
}

static int open_no_image(void *ctx, const char *name, struct cfs_map *map,
			 struct cfs_image *im, struct cfs_err *e)
{
	struct fake *f = ctx;

	(void)map;
	(void)im;
	f->n_opened++;
	return cfs_fail(e, ENOENT, "%s: no such image", name);
}

static int open_name(const char *name, struct fake *f, bool is_given,
		     struct cfs_source *out)
{
	struct cfs_source_opts opts = {.repo = {is_given, f, find_fake, open_no_image}};

	return cfs_source_open(out, name, &opts, &err);
}

static void make_files(void)
{
	tmp_fresh();
	tmp_text("dump", ROOT "/f 0 100644 1 0 0 0 0.0 - - -\n");
	t_eq(mkdir(tmp_in("dir"), 0755), 0);
	t_eq(mkdir(tmp_in("dir/repo"), 0755), 0);
	tmp_text("dir/f", "x");
}

T(the_first_byte_of_a_file_selects_dump_or_image)
{
	struct fake f = {0};
	struct cfs_source s;

	make_files();
	t_eq(open_name(tmp_in("dump"), &f, false, &s), 0);
	t_eq(s.kind, CFS_SOURCE_DUMP);
	t_eq(s.tree->n_nodes, 2);
	cfs_source_close(&s);
	t_eq(open_name(tmp_in("dir/f"), &f, false, &s), -EINVAL);
	t_has(err.msg, "dir/f");
	t_eq(f.n_opened, 0);
}

T(a_directory_is_scanned_without_the_repository_in_it)
{
	struct fake f = {0};
	struct cfs_source s;

	make_files();
	f.path = tmp_in("dir/repo");
	t_eq(open_name(tmp_in("dir"), &f, false, &s), 0);
	t_eq(s.kind, CFS_SOURCE_DIRECTORY);
	t_eq(f.n_found, 1);
	t_eq(s.tree->n_nodes, 2); /* the root and f */
	cfs_source_close(&s);
}

T(a_repository_without_access_fails_only_if_it_was_given)
{
	struct fake f = {0};
	struct cfs_source s;

	make_files();
	t_eq(open_name(tmp_in("dir"), &f, true, &s), -EACCES);
	t_eq(open_name(tmp_in("dir"), &f, false, &s), 0);
	cfs_source_close(&s);
}

T(a_name_without_a_file_is_looked_up_in_the_repository)
{
	struct fake f = {0};
	struct cfs_source s;

	make_files();
	t_eq(open_name("no/such/file", &f, false, &s), -ENOENT);
	t_eq(f.n_opened, 1);
	t_has(err.msg, "nor in a repository");
	t_eq(open_name("image:no/such/file", &f, false, &s), -ENOENT);
	t_eq(f.n_opened, 1);
	t_eq(open_name("repo:.", &f, true, &s), -ENOENT);
	t_eq(f.n_opened, 2);
	t_str(err.msg, ".: no such image");
}

T(standard_input_is_one_source_and_not_two)
{
	struct cfs_source_opts opts = {0};
	struct cfs_source_pair pair;

	t_ok(cfs_source_is_stdin("-"));
	t_ok(cfs_source_is_stdin("dump:-"));
	t_ok(!cfs_source_is_stdin("dir:-"));
	t_eq(cfs_source_pair_open(&pair, "-", "image:-", &opts, &err), -EINVAL);
	cfs_source_pair_close(&pair);
}

T(a_place_too_many_is_an_error)
{
	struct cfs_own_places own = {0};

	make_files();
	t_eq(cfs_own_places_add_dir(&own, tmp_in("absent"), "the store", &err), 0);
	t_eq(own.n, 0);
	for (int i = 0; i < CFS_OWN_PLACES_MAX; i++)
		t_eq(cfs_own_places_add_dir(&own, tmp_in("dir"), "the store", &err), 0);
	t_eq(cfs_own_places_add_dir(&own, tmp_in("dir"), "the store", &err), -E2BIG);
	t_has(err.msg, "the store");
}
