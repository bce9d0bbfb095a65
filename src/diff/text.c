/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Differences as text. Bytes of a tree are escaped as in a dump. */
#include "diff/text_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/sysmacros.h>

#include "dump/dump.h"

enum { OUT_LEN = 4096 };

/* Small images can have differences of more bytes than a disk: each of many xattrs repeats the path of a deep tree, and
 * many inodes share a large value. So the sum is limited. */
#define PRINTED_BASE	 (UINT64_C(1) << 28)
#define PRINTED_PER_NAME UINT64_C(4096)

/* One side of a difference; node is NULL when it has no such entry. */
struct view {
	struct cfs_diff_text *t;
	const struct cfs_difference *v;
	const struct cfs_tree *tree;
	const struct cfs_node *node;
	const cfs_id *first;
	cfs_id inode;
	bool is_b;
};

int cfs_diff_text_init(struct cfs_diff_text *t, const struct cfs_diff *diff,
		       size_t value_max, struct cfs_err *err)
{
	uint64_t n_names = diff->n_both + diff->n_only_a + diff->n_only_b;

	*t = (struct cfs_diff_text){.diff = diff,
				    .value_max = value_max,
				    .printed_max =
					    PRINTED_BASE + PRINTED_PER_NAME * n_names};
	if (cfs_out_init(&t->out, cfs_sink_mem(&t->text), OUT_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

void cfs_diff_text_fini(struct cfs_diff_text *t)
{
	cfs_out_fini(&t->out);
	free(t->text.p);
	free(t->path);
}

struct cfs_out *diff_text_begin(struct cfs_diff_text *t)
{
	t->text.len = 0;
	return &t->out;
}

const struct cfs_mem *diff_text_end(struct cfs_diff_text *t)
{
	return cfs_out_flush(&t->out, NULL) < 0 ? NULL : &t->text;
}

/* --- Names -------------------------------------------------------------------------- */

const char *cfs_diff_get_field_name(enum cfs_diff_field field)
{
	static const char *const names[CFS_DIFF_N_FIELDS] = {
		[CFS_DIFF_ENTRY] = "entry",   [CFS_DIFF_TYPE] = "type",
		[CFS_DIFF_MODE] = "mode",     [CFS_DIFF_UID] = "uid",
		[CFS_DIFF_GID] = "gid",	      [CFS_DIFF_SIZE] = "size",
		[CFS_DIFF_MTIME] = "mtime",   [CFS_DIFF_NLINK] = "nlink",
		[CFS_DIFF_LINK] = "link",     [CFS_DIFF_RDEV] = "rdev",
		[CFS_DIFF_TARGET] = "target", [CFS_DIFF_CONTENT] = "content",
		[CFS_DIFF_STORED] = "stored", [CFS_DIFF_BACKING] = "backing",
		[CFS_DIFF_DIGEST] = "digest", [CFS_DIFF_XATTR] = "xattr",
	};

	return names[field];
}

const char *cfs_diff_get_type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "char-device";
	case S_IFBLK:
		return "block-device";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "file";
	}
}

/* The path has no length limit. It is written from its end. */
static int build_name_path(struct cfs_diff_text *t, const struct cfs_tree *tree,
			   cfs_id name, struct cfs_text *out)
{
	const struct cfs_node *nodes = tree->nodes;
	size_t len = name == CFS_ROOT, at;

	for (cfs_id id = name; id != CFS_ROOT; id = nodes[id].parent)
		len += nodes[id].name_len + 1U;
	if (cfs_grow(&t->path, &t->path_cap, len, 1) < 0)
		return -ENOMEM;
	t->path[0] = '/';
	at = len;
	for (cfs_id id = name; id != CFS_ROOT; id = nodes[id].parent) {
		at -= nodes[id].name_len;
		memcpy(t->path + at, nodes[id].name, nodes[id].name_len);
		t->path[--at] = '/';
	}
	*out = (struct cfs_text){t->path, len};
	return 0;
}

int diff_text_put_path(struct cfs_diff_text *t, const struct cfs_tree *tree, cfs_id name)
{
	struct cfs_text path;
	int rc = build_name_path(t, tree, name, &path);

	if (rc == 0)
		cfs_dump_escape(&t->out, path, CFS_DUMP_SPACES);
	return rc;
}

static const struct cfs_mem *path_text(struct cfs_diff_text *t,
				       const struct cfs_difference *v)
{
	bool in_a = v->a != CFS_NO_NODE;
	int rc;

	diff_text_begin(t);
	rc = diff_text_put_path(t, in_a ? t->diff->a : t->diff->b, in_a ? v->a : v->b);
	return rc < 0 ? NULL : diff_text_end(t);
}

static const struct cfs_mem *format_field(struct cfs_diff_text *t,
					  const struct cfs_difference *v)
{
	struct cfs_out *out = diff_text_begin(t);

	cfs_out_text(out, cfs_text(cfs_diff_get_field_name(v->field)));
	if (v->field == CFS_DIFF_XATTR) {
		cfs_out_char(out, ':');
		cfs_dump_escape(out, t->diff->keys[v->at].name, CFS_DUMP_SPACES);
	}
	return diff_text_end(t);
}

/* --- Values ------------------------------------------------------------------------- */

/* "-" means "no value", so that a value of this one byte is escaped. */
static void format_bytes(const struct view *w, struct cfs_text bytes)
{
	struct cfs_out *out = &w->t->out;
	bool whole = bytes.len <= w->t->value_max;

	if (bytes.len == 1 && bytes.s[0] == '-') {
		cfs_out_text(out, CFS_TEXT("\\x2d"));
		return;
	}
	if (!whole)
		bytes.len = w->t->value_max;
	cfs_dump_escape(out, bytes, CFS_DUMP_SPACES);
	if (!whole)
		cfs_out_text(out, CFS_TEXT("..."));
}

static void format_digest(const struct view *w, enum cfs_hash_alg alg,
			  const uint8_t *digest)
{
	char hex[2 * CFS_HASH_MAX_LEN];

	cfs_hex_encode(digest, cfs_hash_len(alg), hex);
	cfs_out_printf(&w->t->out, "%s:%.*s", cfs_hash_name(alg),
		       (int)(2 * cfs_hash_len(alg)), hex);
}

/* A content is shown by its digest, or by its bytes if it is in the image. */
static void format_content(const struct view *w)
{
	const struct cfs_diff *d = w->t->diff;

	if (w->v->at != CFS_DIFF_NONE) {
		const struct cfs_diff_contents *c = &d->contents[w->v->at];

		format_digest(w, d->contents_alg, w->is_b ? c->b : c->a);
	} else if (w->node->digest) {
		format_digest(w, w->tree->alg, w->node->digest);
	} else {
		cfs_out_char(&w->t->out, '"');
		format_bytes(w, (struct cfs_text){(const char *)w->node->content,
						  w->node->content ? w->node->size : 0});
		cfs_out_char(&w->t->out, '"');
	}
}

static void format_xattr(const struct view *w)
{
	const struct cfs_diff_key *key = &w->t->diff->keys[w->v->at];
	struct cfs_span value;

	if (cfs_diff_find_xattr(w->tree, w->inode, w->is_b ? key->b : key->a, &value))
		format_bytes(w, cfs_span_text(value));
	else
		cfs_out_char(&w->t->out, '-');
}

static void format_backing(const struct view *w)
{
	char buf[CFS_PAYLOAD_BUF];
	struct cfs_text path = cfs_node_get_payload(w->tree, w->node, buf);

	if (path.len)
		format_bytes(w, path);
	else
		cfs_out_char(&w->t->out, '-');
}

/* The first name of a hard-linked inode, "-" at that name itself. */
static int format_link(const struct view *w)
{
	cfs_id first = w->first[w->inode];

	if (first != w->v->a)
		return diff_text_put_path(w->t, w->t->diff->a, first);
	cfs_out_char(&w->t->out, '-');
	return 0;
}

/* Fields that are numbers of the inode. */
static void format_number(const struct view *w)
{
	const struct cfs_node *n = w->node;
	struct cfs_out *out = &w->t->out;

	switch (w->v->field) {
	case CFS_DIFF_MODE:
		cfs_out_printf(out, "%04o", n->mode & ~(uint32_t)S_IFMT);
		break;
	case CFS_DIFF_UID:
		cfs_out_printf(out, "%u", n->uid);
		break;
	case CFS_DIFF_GID:
		cfs_out_printf(out, "%u", n->gid);
		break;
	case CFS_DIFF_SIZE:
		cfs_out_printf(out, "%" PRIu64, n->size);
		break;
	case CFS_DIFF_MTIME:
		cfs_out_printf(out, "%" PRId64 ".%09u", n->mtime_sec, n->mtime_nsec);
		break;
	case CFS_DIFF_NLINK:
		cfs_out_printf(out, "%u", n->nlink);
		break;
	case CFS_DIFF_RDEV:
		cfs_out_printf(out, "%u:%u", major(n->rdev), minor(n->rdev));
		break;
	}
}

static void format_digest_field(const struct view *w)
{
	if (w->node->digest)
		format_digest(w, w->tree->alg, w->node->digest);
	else
		cfs_out_char(&w->t->out, '-');
}

/* Writes the old or new value of a difference, as w says. -ENOMEM only; other errors
 * stay in the output until it ends. */
static int format_value(const struct view *w)
{
	const struct cfs_node *n = w->node;
	struct cfs_out *out = &w->t->out;

	switch (w->v->field) {
	case CFS_DIFF_ENTRY:
	case CFS_DIFF_TYPE:
		cfs_out_text(out, cfs_text(n ? cfs_diff_get_type_name(n->mode) : "-"));
		break;
	case CFS_DIFF_LINK:
		return format_link(w);
	case CFS_DIFF_TARGET:
		format_bytes(w, (struct cfs_text){n->payload, n->payload_len});
		break;
	case CFS_DIFF_CONTENT:
		format_content(w);
		break;
	case CFS_DIFF_STORED:
		cfs_out_text(out, cfs_text(n->content ? "inside" : "outside"));
		break;
	case CFS_DIFF_BACKING:
		format_backing(w);
		break;
	case CFS_DIFF_DIGEST:
		format_digest_field(w);
		break;
	case CFS_DIFF_XATTR:
		format_xattr(w);
		break;
	default:
		format_number(w);
	}
	return 0;
}

/* The text of one side of a difference, valid until the next call. */
static const struct cfs_mem *value_text(struct cfs_diff_text *t,
					const struct cfs_difference *v, bool is_b)
{
	const struct cfs_diff *d = t->diff;
	cfs_id name = is_b ? v->b : v->a;
	struct view w = {.t = t,
			 .v = v,
			 .tree = is_b ? d->b : d->a,
			 .first = is_b ? d->first_b : d->first_a,
			 .is_b = is_b};

	if (name != CFS_NO_NODE) {
		w.inode = cfs_tree_inode(w.tree, name);
		w.node = &w.tree->nodes[w.inode];
	}
	diff_text_begin(t);
	return format_value(&w) < 0 ? NULL : diff_text_end(t);
}

static const struct cfs_mem *old_text(struct cfs_diff_text *t,
				      const struct cfs_difference *v)
{
	return value_text(t, v, false);
}

static const struct cfs_mem *new_text(struct cfs_diff_text *t,
				      const struct cfs_difference *v)
{
	return value_text(t, v, true);
}

/* --- Differences -------------------------------------------------------------------- */

/* *out is good until the next call. The limit stops a small image whose long values
 * would be printed for each of many names. */
int cfs_diff_text_format_part(struct cfs_diff_text *t, const struct cfs_difference *v,
			      enum cfs_diff_part part, const struct cfs_mem **out,
			      struct cfs_err *err)
{
	static const struct cfs_mem *(*const parts[CFS_DIFF_N_PARTS])(
		struct cfs_diff_text * t, const struct cfs_difference *v) = {
		[CFS_DIFF_PART_PATH] = path_text,
		[CFS_DIFF_PART_FIELD] = format_field,
		[CFS_DIFF_PART_OLD] = old_text,
		[CFS_DIFF_PART_NEW] = new_text,
	};

	*out = parts[part](t, v);
	if (!*out)
		return cfs_fail(err, ENOMEM, "out of memory");
	t->printed += (*out)->len;
	if (t->printed > t->printed_max)
		return cfs_fail(err, EFBIG,
				"differences exceed %" PRIu64
				" bytes, the limit for trees with so few entries",
				t->printed_max);
	return 0;
}
