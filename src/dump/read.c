/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading: from bytes to lines, and from lines to a tree. */
#include "dump/dump_priv.h"

#include <errno.h>
#include <inttypes.h>

enum {
	READ_LEN = 256 * 1024,
};

/* Text that was read but not parsed yet; text in memory counts as read. */
struct input {
	int fd;
	char *buf; /* NULL for memory */
	size_t cap;
	const char *next; /* never NULL */
	size_t len;	  /* from next on */
	size_t scanned;	  /* this many of them have no newline */
	bool at_end;
	uint64_t line; /* number of the last line returned */
	bool unended;  /* that line has no newline */
};

/* Moves the rest to the front of the buffer and reads more after it. The buffer grows when
 * one line fills it. */
static int refill_buffer(struct input *in, const struct cfs_watch *watch,
			 struct cfs_err *err)
{
	ssize_t n;

	if (in->len)
		memmove(in->buf, in->next, in->len);
	if (cfs_grow(&in->buf, &in->cap, in->len + READ_LEN, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_read_watched(in->fd, in->buf + in->len, in->cap - in->len, watch, err);
	if (n < 0)
		return (int)n;
	in->at_end = (size_t)n < in->cap - in->len;
	in->next = in->buf;
	in->len += (size_t)n;
	return 0;
}

static int take_whole_line(struct input *in, size_t len, bool ended, struct cfs_text *out)
{
	*out = (struct cfs_text){in->next, len};
	in->next += len + ended;
	in->len -= len + ended;
	in->scanned = 0;
	in->unended = !ended;
	in->line++;
	return 1;
}

/* Returns 1 and a line without its newline, borrowed until the next call, or 0 at the end. A
 * line that is too long is returned without its rest. */
static int read_next_line(struct input *in, const struct cfs_watch *watch,
			  struct cfs_text *out, struct cfs_err *err)
{
	for (;;) {
		size_t fresh = in->len - in->scanned;
		const char *from = in->next + in->scanned;
		const char *newline = fresh ? memchr(from, '\n', fresh) : NULL;
		int rc;

		if (newline)
			return take_whole_line(in, (size_t)(newline - in->next), true,
					       out);
		in->scanned = in->len;
		if (in->at_end && in->len == 0)
			return 0;
		if (in->at_end || in->len > CFS_DUMP_LINE_MAX)
			return take_whole_line(in, in->len, false, out);
		rc = refill_buffer(in, watch, err);
		if (rc < 0)
			return rc;
	}
}

/* The tree so far. */
struct growing {
	struct cfs_place place;
	bool has_root;
};

static int add_dump_root(struct growing *g, const struct cfs_dump_line *l,
			 struct cfs_err *err)
{
	int rc;

	if (g->has_root)
		return cfs_fail(err, EEXIST, "expected one root, got a second");
	if (l->is_link || !S_ISDIR(l->inode.mode))
		return cfs_fail(err, ENOTDIR, "expected a directory as root");
	rc = cfs_builder_set_root(g->place.builder, &l->inode, err);
	g->has_root = rc == 0;
	return rc;
}

/* Adds an entry to the tree. The message has the path, the caller adds the line. */
static int add_parsed_entry(struct growing *g, const struct cfs_dump_line *l,
			    uint64_t line, struct cfs_err *err)
{
	cfs_id id;
	int rc;

	if (cfs_text_eq(l->path, CFS_TEXT("/")))
		rc = add_dump_root(g, l, err);
	else if (!g->has_root)
		rc = cfs_fail(err, EINVAL, "expected the root \"/\" first");
	else if (l->is_link)
		rc = cfs_place_add_link(&g->place, l->path, l->inode.payload, line, err);
	else
		rc = cfs_place_add(&g->place, l->path, &l->inode, &id, err);
	return rc < 0 ? cfs_context(err, rc, "path \"%s\"", cfs_dump_quote(l->path).s)
		      : 0;
}

static int finish_links(struct growing *g, struct cfs_err *err)
{
	const struct cfs_place_link *failed;
	int rc = cfs_place_finish(&g->place, &failed, err);

	if (rc == -ENOENT)
		rc = cfs_fail(err, ENOENT, "expected the path of an entry, got \"%s\"",
			      cfs_dump_quote(failed->target).s);
	if (rc < 0)
		rc = cfs_context(err, rc, "line %" PRIu64 ": payload", failed->at);
	return rc;
}

static void warn_ignored_xattr(const struct input *in, struct cfs_dump_parser *parser,
			       const struct cfs_dump_opts *opts)
{
	int rc = cfs_context(&parser->ignored, -EINVAL, "line %" PRIu64, in->line);

	if (opts->name)
		rc = cfs_context(&parser->ignored, rc, "%s", opts->name);
	if (rc < 0)
		cfs_watch_warn(opts->watch, "%s", parser->ignored.msg);
}

/* Parses a line and adds its entry. parser is strict where the dump must be one that
 * our writer made. */
static int add_dump_line(const struct input *in, const struct cfs_dump_opts *opts,
			 struct cfs_dump_parser *parser, struct growing *growing,
			 struct cfs_text text, struct cfs_err *err)
{
	struct cfs_dump_line l;
	int rc;

	if (text.len > CFS_DUMP_LINE_MAX)
		return cfs_fail(err, EINVAL, "expected at most %zu bytes, got more",
				CFS_DUMP_LINE_MAX);
	if (parser->strict && in->unended)
		return cfs_fail(err, EINVAL,
				"expected a newline at the end of the last line");
	rc = cfs_dump_parse_line(parser, text, &l, err);
	if (rc == 0 && l.has_ignored)
		warn_ignored_xattr(in, parser, opts);
	return rc < 0 ? rc : add_parsed_entry(growing, &l, in->line, err);
}

/* Adds the number of the line to each error, once. Hard links get their targets at the
 * end, since the target may come later in the text. */
static int add_lines(struct input *in, const struct cfs_dump_opts *opts,
		     struct cfs_dump_parser *parser, struct growing *growing,
		     struct cfs_err *err)
{
	struct cfs_text text;
	int rc;

	while ((rc = read_next_line(in, opts->watch, &text, err)) > 0) {
		rc = cfs_watch_poll(opts->watch, err);
		if (rc == 0)
			rc = add_dump_line(in, opts, parser, growing, text, err);
		if (rc < 0)
			return cfs_context(err, rc, "line %" PRIu64, in->line);
	}
	if (rc < 0)
		return rc;
	if (in->line == 0)
		return cfs_fail(err, EINVAL,
				"expected at least the line of the root, got nothing");
	return finish_links(growing, err);
}

/* Parses the whole dump into a tree. The builder is freed when it is frozen, or here
 * after a failure. */
static int read_all_lines(struct input *in, enum cfs_hash_alg alg,
			  const struct cfs_dump_opts *opts, struct cfs_tree **out,
			  struct cfs_err *err)
{
	struct cfs_dump_parser parser = {.alg = alg, .strict = opts->strict};
	struct growing growing = {0};
	int rc = cfs_builder_new(alg, &growing.place.builder, err);

	if (rc == 0) {
		cfs_builder_set_watch(growing.place.builder, opts->watch);
		rc = add_lines(in, opts, &parser, &growing, err);
	}
	cfs_dump_parser_fini(&parser);
	cfs_place_fini(&growing.place);
	if (rc == 0)
		rc = cfs_builder_freeze(&growing.place.builder, out, err);
	cfs_builder_free(growing.place.builder);
	return opts->name ? cfs_context(err, rc, "%s", opts->name) : rc;
}

int cfs_dump_read_fd(int fd, enum cfs_hash_alg alg, const struct cfs_dump_opts *opts,
		     struct cfs_tree **out, struct cfs_err *err)
{
	struct input in = {.fd = fd, .next = ""};
	int rc = read_all_lines(&in, alg, opts, out, err);

	free(in.buf);
	return rc;
}

int cfs_dump_read_mem(struct cfs_text text, enum cfs_hash_alg alg,
		      const struct cfs_dump_opts *opts, struct cfs_tree **out,
		      struct cfs_err *err)
{
	struct input in = {
		.next = text.len ? text.s : "", .len = text.len, .at_end = true};

	return read_all_lines(&in, alg, opts, out, err);
}
