/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Long work on a tree of many entries ends soon after its watch is cancelled, at whichever moment that is.
 *
 * The moment is one of CPU time, which a busy machine does not change, and so is what is measured: how much more
 * the work used until it returned. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "diff/diff.h"
#include "dump/dump.h"
#include "erofs/erofs.h"
#include "profile/profile.h"

#include "t.h"

enum {
	N_ENTRIES = 200000,
	N_MOMENTS = 4,
	N_TRIES = 20,
	LIMIT_US =
		20000, /* and a tenth of the whole work, for slow builds: 100 ms for a million entries */
};

static volatile sig_atomic_t cancelled;
static struct timespec cancelled_at;
static struct cfs_mem text, image;
static struct cfs_tree *tree;
static struct cfs_image im;

static int64_t us_of(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000 + ts->tv_nsec / 1000;
}

static int64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return us_of(&now);
}

static void cancel(int sig)
{
	(void)sig;
	if (!cancelled)
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cancelled_at);
	cancelled = 1;
}

static void cancel_after(int64_t us)
{
	const struct itimerval when = {
		.it_value = {us / 1000000, us % 1000000 + (us % 1000000 == 0)}};

	signal(SIGPROF, cancel);
	t_eq(setitimer(ITIMER_PROF, &when, NULL), 0);
}

/* --- The work ------------------------------------------------------------------------ */

/* In an order that is not that of the bytes, so that freezing sorts. */
static void write_text(size_t n)
{
	FILE *f = open_memstream((char **)&text.p, &text.len);

	fputs("/ 0 40755 2 0 0 0 0.0 - - -\n", f);
	for (unsigned i = 0; i < n; i++)
		fprintf(f,
			"/%08x 10 100644 1 0 0 0 %u.5 %02x/%062x - %02x%062x user.k=%u\n",
			i * 2654435761U, i, i & 255, i, i & 255, i, i % 1000);
	fclose(f);
}

static int parse(const struct cfs_watch *w, struct cfs_err *err)
{
	const struct cfs_dump_opts opts = {.watch = w};
	struct cfs_tree *out = NULL;
	int rc = cfs_dump_read_mem(cfs_span_text((struct cfs_span){text.p, text.len}),
				   CFS_SHA256, &opts, &out, err);

	cfs_tree_free(out);
	return rc;
}

static int write_image(const struct cfs_watch *w, struct cfs_err *err)
{
	struct cfs_digest digest;
	const struct cfs_image_write how = {.watch = w, .digest = &digest};

	return cfs_image_write(tree, &how, (struct cfs_sink){0}, err);
}

static int load(const struct cfs_watch *w, struct cfs_err *err)
{
	const struct cfs_load_opts opts = {.writers_names = true, .watch = w};
	struct cfs_tree *out = NULL;
	int rc = cfs_image_load(&im, &opts, &out, err);

	cfs_tree_free(out);
	return rc;
}

static int check(const struct cfs_watch *w, struct cfs_err *err)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];

	return cfs_image_check_kernels(&im, found, w, err);
}

static int check_canonical(const struct cfs_watch *w, struct cfs_err *err)
{
	return cfs_image_check_canonical(&im, w, err);
}

static const struct cfs_profile_rules seconds = {.alg = CFS_SHA256,
						 .links = CFS_LINKS_KEPT,
						 .mtime = CFS_MTIME_SEC,
						 .inline_max = CFS_INLINE_FOUND};

static int apply(const struct cfs_watch *w, struct cfs_err *err)
{
	struct cfs_tree *out = NULL;
	int rc = cfs_profile_apply(tree, &seconds, w, &out, err);

	cfs_tree_free(out);
	return rc;
}

static struct cfs_tree *changed_tree(void)
{
	struct cfs_tree *out = NULL;

	t_eq(cfs_profile_apply(tree, &seconds, NULL, &out, NULL), 0);
	return out;
}

static struct cfs_tree *other;

static int compare(const struct cfs_watch *w, struct cfs_err *err)
{
	const struct cfs_diff_side a = {.tree = tree}, b = {.tree = other};
	struct cfs_diff *diff = NULL;
	int rc = cfs_diff_new(&a, &b, 1, w, &diff, err);

	cfs_diff_free(diff);
	return rc;
}

static struct cfs_diff *differences;

static int find_causes(const struct cfs_watch *w, struct cfs_err *err)
{
	struct cfs_causes causes = {0};
	int rc = cfs_causes_find(differences, w, &causes, err);

	cfs_causes_fini(&causes);
	return rc;
}

/* --- The tests ----------------------------------------------------------------------- */

static void setup(void)
{
	struct cfs_err err;
	const struct cfs_image_write how = {0};

	if (tree)
		return;
	write_text(t_scaled(N_ENTRIES));
	t_eq(cfs_dump_read_mem(cfs_span_text((struct cfs_span){text.p, text.len}),
			       CFS_SHA256, &(struct cfs_dump_opts){0}, &tree, &err),
	     0);
	t_eq(cfs_image_write(tree, &how, cfs_sink_mem(&image), &err), 0);
	t_eq(cfs_image_open((struct cfs_span){image.p, image.len}, &im, &err), 0);
	other = changed_tree();
	t_eq(cfs_diff_new(&(struct cfs_diff_side){.tree = tree},
			  &(struct cfs_diff_side){.tree = other}, 1, NULL, &differences,
			  &err),
	     0);
}

/* How much CPU time the work uses after it is cancelled at a moment; 0 if it ended before. */
static int64_t run_cancelled(int (*work)(const struct cfs_watch *, struct cfs_err *),
			     int64_t moment)
{
	const struct cfs_watch watch = {.cancelled = &cancelled};
	struct cfs_err err;
	int rc;

	cancelled = 0;
	if (moment > 0)
		cancel_after(moment);
	else
		cancel(0);
	rc = work(&watch, &err);
	/* Work that ended before the moment leaves the timer running. */
	t_eq(setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL), 0);
	if (!cancelled)
		return 0;
	/* A timer may be late by a tick of the kernel, and come after the work last checked; it
	 * ends within the limit in either case. */
	t_ok(rc == -ECANCELED || (rc == 0 && moment > 0));
	if (rc)
		t_has(err.msg, "interrupted");
	return cpu_us() - us_of(&cancelled_at);
}

static void check_ends(const char *name,
		       int (*work)(const struct cfs_watch *, struct cfs_err *))
{
	const struct cfs_watch watch = {.cancelled = &cancelled};
	struct cfs_err err;
	int64_t total, limit, most = 0;

	setup();
	cancelled = 0;
	total = cpu_us();
	t_eq(work(&watch, &err), 0);
	total = cpu_us() - total;
	limit = LIMIT_US + total / 10;
	for (int i = 0; i < N_MOMENTS; i++) {
		int64_t least = INT64_MAX;

		/* A busy machine makes a run slower, and never faster: the fastest counts. */
		for (int try = 0; try < N_TRIES && least >= limit; try++) {
			int64_t more = run_cancelled(work, total * i / N_MOMENTS);

			least = more < least ? more : least;
		}
		most = least > most ? least : most;
	}
	printf("# %s: %lld ms, goes on for at most %lld us of %lld\n", name,
	       (long long)total / 1000, (long long)most, (long long)limit);
	t_ok(most < limit);
}

T(dump_parser_ends_soon_after_cancellation)
{
	check_ends("parse", parse);
}

T(image_writer_ends_soon_after_cancellation)
{
	check_ends("write", write_image);
}

T(image_load_ends_soon_after_cancellation)
{
	check_ends("load", load);
}

T(image_check_ends_soon_after_cancellation)
{
	check_ends("check", check);
}

T(canonical_check_ends_soon_after_cancellation)
{
	check_ends("canonical check", check_canonical);
}

T(profile_ends_soon_after_cancellation)
{
	check_ends("apply", apply);
}

T(diff_ends_soon_after_cancellation)
{
	check_ends("diff", compare);
}

T(causes_end_soon_after_cancellation)
{
	check_ends("causes", find_causes);
}
