/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What programs that use libcomposefs do with it, through the public header alone, so that the
 * program runs on any library of that name:
 *
 *     abi_bench build|clone|write|reverse|links N    one thing, for run.py
 *     abi_bench load|rewrite IMAGE
 *     abi_bench library                              the path of the library that it runs on
 *     abi_bench                                      CPU time of each thing, and its growth
 *
 * Trees of N nodes: directories of 1000 files with the usual metadata, a fifth of all a hard link. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libcomposefs/lcfs-writer.h>

enum { PER_DIR = 1000 };

static void die_with_error(const char *what)
{
	perror(what);
	exit(1);
}

static struct lcfs_node_s *add_bench_child(struct lcfs_node_s *dir, const char *name,
					   uint32_t mode)
{
	struct timespec mtime = {.tv_sec = 1700000000};
	struct lcfs_node_s *node = lcfs_node_new();

	if (!node || lcfs_node_add_child(dir, node, name) < 0)
		die_with_error(name);
	lcfs_node_set_mode(node, mode);
	lcfs_node_set_mtime(node, &mtime);
	return node;
}

/* i in hex, n digits; not printf, which would take longer than what is measured. */
static void put_file_number(char *p, size_t n, size_t i)
{
	while (n-- > 0) {
		p[n] = "0123456789abcdef"[i & 15];
		i >>= 4;
	}
}

static struct lcfs_node_s *add_numbered(struct lcfs_node_s *dir, const char *kind,
					size_t i, uint32_t mode)
{
	char name[32] = {0};
	size_t len = strlen(kind);

	memcpy(name, kind, len);
	put_file_number(name + len, 8, i);
	return add_bench_child(dir, name, mode);
}

/* A file of i's own content, as ostree and containers make them. */
static struct lcfs_node_s *add_bench_file(struct lcfs_node_s *dir, size_t i)
{
	struct lcfs_node_s *file = add_numbered(dir, "file-", i, S_IFREG | 0644);
	uint8_t digest[LCFS_DIGEST_SIZE] = {0};
	char path[2 * LCFS_DIGEST_SIZE + 2] = {0};

	memcpy(digest, &i, sizeof(i));
	put_file_number(path, 2, i);
	path[2] = '/';
	put_file_number(path + 3, 2 * LCFS_DIGEST_SIZE - 2, i);
	lcfs_node_set_size(file, 4096 + i);
	lcfs_node_set_fsverity_digest(file, digest);
	if (lcfs_node_set_payload(file, path) < 0 ||
	    (i % 10 == 0 &&
	     lcfs_node_set_xattr(file, "security.selinux", "unlabeled", 10) < 0))
		die_with_error(path);
	return file;
}

static struct lcfs_node_s *new_root(void)
{
	struct lcfs_node_s *root = lcfs_node_new();

	if (!root)
		die_with_error("root");
	lcfs_node_set_mode(root, S_IFDIR | 0755);
	return root;
}

/* n files and n_links hard links to the first of them, in turn: a link follows the files that stand
 * between two. */
static struct lcfs_node_s *build_bench_tree(size_t n, size_t n_links)
{
	struct lcfs_node_s *root = new_root(), *files = NULL, *links = NULL;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct lcfs_node_s *file;

		if (i % PER_DIR == 0) {
			files = add_numbered(root, "dir-", i / PER_DIR, S_IFDIR | 0755);
			links = add_numbered(root, "links-", i / PER_DIR, S_IFDIR | 0755);
		}
		file = add_bench_file(files, i);
		if ((i + 1) * n_links / n > k)
			lcfs_node_make_hardlink(add_numbered(links, "link-", k++, 0),
						file);
	}
	return root;
}

static struct lcfs_node_s *build_tree(size_t n)
{
	return build_bench_tree(n - n / 5, n / 5);
}

/* Added with the largest name first. */
static struct lcfs_node_s *build_reverse(size_t n)
{
	struct lcfs_node_s *root = new_root();

	while (n > 0)
		add_numbered(root, "name-", --n, S_IFREG | 0644);
	return root;
}

static struct lcfs_node_s *load_bench_image(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lcfs_node_s *root = fd < 0 ? NULL : lcfs_load_node_from_fd(fd);

	if (!root)
		die_with_error(path);
	close(fd);
	return root;
}

static struct lcfs_node_s *clone_bench_tree(struct lcfs_node_s *root)
{
	struct lcfs_node_s *copy = lcfs_node_clone_deep(root);

	if (!copy)
		die_with_error("clone");
	return copy;
}

static ssize_t count_written_bytes(void *file, void *buf, size_t count)
{
	(void)buf;
	*(uint64_t *)file += count;
	return (ssize_t)count;
}

/* How long the image is, and with digest what its digest is. */
static uint64_t write_bench_image(struct lcfs_node_s *root, uint8_t *digest)
{
	uint64_t len = 0;
	struct lcfs_write_options_s options = {.max_version = 1,
					       .digest_out = digest,
					       .file = &len,
					       .file_write_cb = count_written_bytes};

	if (lcfs_write_to(root, &options) < 0)
		die_with_error("write");
	return len;
}

static void print_bench_image(struct lcfs_node_s *root)
{
	uint8_t digest[LCFS_DIGEST_SIZE];

	printf("%" PRIu64 " ", write_bench_image(root, digest));
	for (size_t i = 0; i < sizeof(digest); i++)
		printf("%02x", digest[i]);
	printf("\n");
}

/* --- one thing ---------------------------------------------------------------------- */

/* Runs one benchmark once. It prints a count, so that the compiler cannot drop the
 * work and runs can be compared. */
static int run_benchmark(const char *what, const char *arg)
{
	size_t n = strtoull(arg, NULL, 10);
	struct lcfs_node_s *root, *copy;

	if (strcmp(what, "load") == 0 || strcmp(what, "rewrite") == 0)
		root = load_bench_image(arg);
	else if (strcmp(what, "reverse") == 0)
		root = build_reverse(n);
	else if (strcmp(what, "links") == 0)
		root = build_bench_tree(n, n);
	else
		root = build_tree(n);
	printf("%zu\n", lcfs_node_get_n_children(root));
	if (strcmp(what, "clone") == 0 || strcmp(what, "links") == 0) {
		copy = clone_bench_tree(root);
		printf("%zu\n", lcfs_node_get_n_children(copy));
		lcfs_node_unref(copy);
	}
	if (strcmp(what, "write") == 0)
		print_bench_image(root);
	if (strcmp(what, "rewrite") == 0)
		printf("%" PRIu64 "\n", write_bench_image(root, NULL));
	lcfs_node_unref(root);
	return 0;
}

/* --- all, and its growth ------------------------------------------------------------ */

static double get_cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { BUILD, CLONE, WRITE, FREE, N_STEPS };

static const char *const step_names[N_STEPS] = {"build", "clone", "write", "free"};

static void time_steps(size_t n, double times[N_STEPS])
{
	double at[N_STEPS + 1];
	struct lcfs_node_s *root, *copy;

	at[BUILD] = get_cpu_seconds();
	root = build_tree(n);
	at[CLONE] = get_cpu_seconds();
	copy = clone_bench_tree(root);
	at[WRITE] = get_cpu_seconds();
	write_bench_image(copy, NULL);
	at[FREE] = get_cpu_seconds();
	lcfs_node_unref(root);
	lcfs_node_unref(copy);
	at[N_STEPS] = get_cpu_seconds();
	for (int i = 0; i < N_STEPS; i++)
		times[i] = at[i + 1] - at[i];
}

static int report_benchmark(void)
{
	double small[N_STEPS], large[N_STEPS];

	time_steps(100000, small);
	time_steps(1000000, large);
	for (int i = 0; i < N_STEPS; i++) {
		printf("abi/%s/100k %.3f s\n", step_names[i], small[i]);
		printf("abi/%s/1M %.3f s\n", step_names[i], large[i]);
		printf("abi/%s/growth %.1f times\n", step_names[i], large[i] / small[i]);
	}
	return 0;
}

/* The path of the library, from the list of what is mapped. */
static int print_library(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	struct lcfs_node_s *root = new_root(); /* so that it is there */
	char line[4096];

	lcfs_node_unref(root);
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "libcomposefs.so")) {
			fputs(strchr(line, '/'), stdout);
			return fclose(f);
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return report_benchmark();
	if (argc == 2 && strcmp(argv[1], "library") == 0)
		return print_library();
	if (argc == 3)
		return run_benchmark(argv[1], argv[2]);
	fprintf(stderr, "usage: abi_bench [library | WORK N | WORK IMAGE]\n");
	return 2;
}
