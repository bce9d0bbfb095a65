/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: a text in pieces, lines longer than the buffer, many lines in any order. */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "tree_text.h"

#define ROOT "/ 0 40755 1 0 0 0 0.0 - - -\n"

static struct cfs_err err;

/* --- A writer at the other end of a pipe --- */

struct feed {
	const char *text;
	size_t len, piece;
	int fd;
};

static void *feed(void *arg)
{
	const struct feed *f = arg;

	for (size_t done = 0; done < f->len; done += f->piece) {
		size_t n = f->len - done < f->piece ? f->len - done : f->piece;

		if (write(f->fd, f->text + done, n) != (ssize_t)n)
			break;
	}
	close(f->fd);
	return NULL;
}

static int parse_pipe(struct cfs_mem text, size_t piece, bool strict,
		      struct cfs_tree **out)
{
	struct cfs_dump_opts opts = {.name = "pipe", .strict = strict};
	struct feed f = {(const char *)text.p, text.len, piece, -1};
	int fds[2], rc;
	pthread_t thread;

	*out = NULL;
	signal(SIGPIPE, SIG_IGN); /* a reader that refuses goes away early */
	t_eq(pipe2(fds, O_CLOEXEC), 0);
	f.fd = fds[1];
	t_eq(pthread_create(&thread, NULL, feed, &f), 0);
	rc = cfs_dump_read_fd(fds[0], CFS_SHA256, &opts, out, &err);
	close(fds[0]);
	pthread_join(thread, NULL);
	return rc;
}

static int parse_mem(struct cfs_mem text, struct cfs_tree **out)
{
	struct cfs_dump_opts opts = {.name = "mem"};

	*out = NULL;
	return cfs_dump_read_mem((struct cfs_text){(const char *)text.p, text.len},
				 CFS_SHA256, &opts, out, &err);
}

__attribute__((format(printf, 2, 3))) static void add(struct cfs_mem *m, const char *fmt,
						      ...)
{
	char *line;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	t_ok(n >= 0);
	t_ok(cfs_grow(&m->p, &m->cap, m->len + (size_t)n, 1) == 0);
	memcpy(m->p + m->len, line, (size_t)n);
	m->len += (size_t)n;
	free(line);
}

static void check_same(const struct cfs_tree *a, const struct cfs_tree *b)
{
	size_t a_len, b_len;
	cfs_autofree char *a_text = tree_text(a, &a_len);
	cfs_autofree char *b_text = tree_text(b, &b_len);

	t_eq(a_len, b_len);
	t_mem(a_text, b_text, a_len);
}

T(dump_reads_a_pipe_byte_by_byte)
{
	struct cfs_mem text = {0};
	struct cfs_tree *piped, *whole;

	add(&text,
	    ROOT "/a 3 100644 1 0 0 0 0.0 - a\\x20b - k=v\n/b - @100644 - - - - - /a");
	t_eq(parse_pipe(text, 1, false, &piped), 0);
	t_eq(parse_mem(text, &whole), 0);
	check_same(piped, whole);
	cfs_tree_free(piped);
	cfs_tree_free(whole);
	t_eq(parse_pipe(text, 1, true, &piped), -EINVAL);
	t_str(err.msg, "pipe: line 3: expected a newline at the end of the last line");
	free(text.p);
}

/* Two megabytes in lines of odd lengths: they end everywhere around the buffer's end. */
T(dump_reads_lines_across_the_borders_of_its_buffer)
{
	struct cfs_mem text = {0};
	struct cfs_tree *piped, *whole;

	add(&text, ROOT);
	for (int i = 0; i < 9000; i++)
		add(&text, "/%d 0 100644 1 0 %d 0 %d.0 %0*d - - user.k=\\x%02x\n", i, i,
		    i, 1 + i % 401, i, i % 256);
	t_eq(parse_pipe(text, 4093, true, &piped), 0);
	t_eq(parse_mem(text, &whole), 0);
	check_same(piped, whole);
	t_eq(whole->n_nodes, 9001);
	cfs_tree_free(piped);
	cfs_tree_free(whole);
	free(text.p);
}

T(dump_reads_a_line_of_a_megabyte_between_others)
{
	struct cfs_mem text = {0};
	struct cfs_tree *piped, *whole;

	add(&text, ROOT "/a 0 100644 1 0 0 0 0.0 - - -\n");
	add(&text, "/b %01000000d 20644 1 %0300000d 0 0 0.0 - - - k=v\n", 7, 8);
	add(&text, "/c 0 100644 1 0 0 0 0.0 - - -\n");
	t_eq(parse_pipe(text, 65536, false, &piped), 0);
	t_eq(parse_mem(text, &whole), 0);
	check_same(piped, whole);
	t_eq(whole->nodes[2].uid, 8);
	t_eq(whole->nodes[2].size, 7);
	cfs_tree_free(piped);
	cfs_tree_free(whole);
	free(text.p);
}

static void check_too_long(struct cfs_mem text)
{
	struct cfs_tree *t;

	t_eq(parse_mem(text, &t), -EINVAL);
	t_has(err.msg, "mem: line 2: expected at most 16777216 bytes, got more");
	t_eq(parse_pipe(text, 65536, false, &t), -EINVAL);
	t_has(err.msg, "pipe: line 2: expected at most 16777216 bytes, got more");
}

/* An endless line must not fill the memory. */
T(dump_refuses_a_line_longer_than_any_valid_one)
{
	struct cfs_mem text = {0};
	struct cfs_tree *t;
	int zeros = (int)CFS_DUMP_LINE_MAX - (int)strlen("/b  20644 1 0 0 0 0.0 - - -");

	add(&text, ROOT "/b %0*d 20644 1 0 0 0 0.0 - - -\n", zeros, 0);
	t_eq(parse_mem(text, &t), 0);
	cfs_tree_free(t);
	text.len--;
	t_eq(parse_mem(text, &t), 0);
	cfs_tree_free(t);
	add(&text, " \n");
	check_too_long(text);
	text.len--;
	check_too_long(text);
	for (int i = 0; i < 100; i++)
		add(&text, "%0100000d", 0);
	check_too_long(text);
	free(text.p);
}

T(dump_reports_a_descriptor_that_cannot_be_read)
{
	struct cfs_dump_opts opts = {.name = "x"};
	struct cfs_tree *t;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	t_eq(cfs_dump_read_fd(fd, CFS_SHA256, &opts, &t, &err), -EISDIR);
	t_str(err.msg, "x: read: Is a directory");
	close(fd);
}

/* --- Many lines --- */

/* A number that walks through all of 0 .. n-1 (a power of two) out of order. */
static unsigned shuffled(unsigned i, unsigned n)
{
	return (i * 2654435761U) & (n - 1);
}

enum {
	N_DIRS = 1 << 7,
	N_FILES = 1 << 17,
};

static struct cfs_mem make_tree(bool in_order)
{
	struct cfs_mem text = {0};

	add(&text, ROOT);
	for (unsigned i = 0; i < N_DIRS; i++)
		add(&text, "/%04x 0 40755 1 0 0 0 0.0 - - -\n",
		    in_order ? i : shuffled(i, N_DIRS));
	for (unsigned i = 0; i < N_FILES; i++) {
		unsigned k = in_order ? i : shuffled(i, N_FILES);

		add(&text, "/%04x/%03x 0 100644 1 %u 0 0 0.0 - - -\n",
		    k / (N_FILES / N_DIRS), k % (N_FILES / N_DIRS), k);
	}
	return text;
}

T(dump_of_many_lines_in_any_order_gives_the_same_tree_and_finds_a_duplicate)
{
	struct cfs_mem sorted = make_tree(true), mixed = make_tree(false);
	struct cfs_tree *a, *b;

	t_eq(parse_mem(sorted, &a), 0);
	free(sorted.p);
	t_eq(parse_mem(mixed, &b), 0);
	t_eq(a->n_nodes, 1 + N_DIRS + N_FILES);
	check_same(a, b);
	cfs_tree_free(a);
	cfs_tree_free(b);
	add(&mixed, "/007f/2aa 0 100644 1 0 0 0 0.0 - - -\n");
	t_eq(parse_mem(mixed, &b), -EEXIST);
	t_has(err.msg, "mem: line 131202: path \"/007f/2aa\": name");
	free(mixed.p);
}
