/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the policy of a tree and labels all names of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "selinux/selinux_priv.h"
#include "selinux/tree_file.h"

#define CONFIG "/etc/selinux/config"

enum {
	POLICY_NAME_MAX = 1024,
	POLICY_PATH_MAX = POLICY_NAME_MAX + 128,
	PATHS_MAX =
		1 << 20, /* the path of a name, and those of its parents before aliases */
	NARROW_DEPTH = 16, /* deeper directories have the candidates of the parent */
	REPORT_EVERY = 256,
};

/* A directory whose names are being labelled. Its path for the lookup is in paths, and
 * ends in a slash. */
struct frame {
	cfs_id dir;
	uint32_t next;
	size_t path_off, path_len;
	const struct cfs_selinux_candidates *candidates;
};

struct labelling {
	const struct cfs_tree *tree;
	const struct cfs_selinux_reader *reader;
	const struct cfs_watch *watch;
	struct cfs_selinux_labels *out;
	struct frame *stack;
	size_t depth, stack_cap;
	char *paths;
	size_t paths_cap;
	struct cfs_selinux_candidates narrowed[NARROW_DEPTH];
	uint64_t n_done;
};

/* --- Files of the policy ------------------------------------------------------------- */

/* Appends the content of one policy file to out, from the image or through the reader.
 * The size is limited, since the tree may come from an untrusted image. */
static int read_context_content(const struct labelling *l, cfs_id file,
				struct cfs_mem *out, struct cfs_err *err)
{
	const struct cfs_node *n = &l->tree->nodes[file];

	if (!S_ISREG(n->mode))
		return cfs_fail(err, S_ISDIR(n->mode) ? EISDIR : EINVAL,
				"expected a regular file");
	if (n->size > CFS_SELINUX_FILE_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d bytes, got %llu",
				CFS_SELINUX_FILE_MAX, (unsigned long long)n->size);
	if (!n->content)
		return n->size == 0 ? 0
				    : l->reader->read(l->reader->ctx, l->tree, file,
						      CFS_SELINUX_FILE_MAX, out, err);
	if (cfs_grow(&out->p, &out->cap, (size_t)n->size, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(out->p, n->content, (size_t)n->size);
	out->len = (size_t)n->size;
	return 0;
}

/* Returns 1, or 0 if there is no such file. */
static int read_context_file(const struct labelling *l, const char *path,
			     struct cfs_mem *out, struct cfs_err *err)
{
	cfs_id file;
	int rc = cfs_selinux_find_path(l->tree, path, &file, err);

	if (rc == 1) {
		rc = read_context_content(l, file, out, err);
		rc = rc < 0 ? rc : 1;
	}
	return cfs_context(err, rc, "%s", path);
}

static struct cfs_text trim_spaces(struct cfs_text t)
{
	while (t.len && strchr(" \t\r\v\f", t.s[0]) && t.s[0]) {
		t.s++;
		t.len--;
	}
	while (t.len && strchr(" \t\r\v\f", t.s[t.len - 1]) && t.s[t.len - 1])
		t.len--;
	return t;
}

/* Finds the value of the first line SELINUXTYPE=VALUE. Returns false if there is none. */
static bool find_policy_name(struct cfs_text text, struct cfs_text *out)
{
	static const struct cfs_text key = {"SELINUXTYPE", 11};

	while (text.len) {
		const char *eol = memchr(text.s, '\n', text.len);
		struct cfs_text line = {text.s, eol ? (size_t)(eol - text.s) : text.len},
				name = line;
		const char *sign = memchr(line.s, '=', line.len);

		text.s += line.len + (eol != NULL);
		text.len -= line.len + (eol != NULL);
		if (!sign)
			continue;
		name.len = (size_t)(sign - line.s);
		name = trim_spaces(name);
		if (name.len != key.len || strncasecmp(name.s, key.s, key.len) != 0)
			continue;
		*out = trim_spaces((struct cfs_text){
			sign + 1, line.len - (size_t)(sign + 1 - line.s)});
		return true;
	}
	return false;
}

/* Returns 1, or 0 if the tree names no policy. */
static int get_policy_name(const struct labelling *l, char out[POLICY_NAME_MAX],
			   struct cfs_err *err)
{
	cfs_autofree uint8_t *bytes = NULL;
	struct cfs_mem config = {0};
	struct cfs_text name;
	int rc = read_context_file(l, CONFIG, &config, err);

	bytes = config.p;
	if (rc <= 0)
		return rc;
	if (!find_policy_name(cfs_span_text((struct cfs_span){config.p, config.len}),
			      &name))
		return 0;
	if (name.len == 0 || name.len >= POLICY_NAME_MAX || memchr(name.s, 0, name.len))
		return cfs_fail(err, EINVAL,
				CONFIG ": SELINUXTYPE: expected the name of a policy");
	memcpy(out, name.s, name.len);
	out[name.len] = 0;
	return 1;
}

typedef int (*add_fn)(struct cfs_selinux_policy *p, const char *name,
		      struct cfs_text text, struct cfs_err *err);

/* Returns 1, or 0 if there is no such file. */
static int add_context_file(const struct labelling *l, const char *path, add_fn add,
			    struct cfs_err *err)
{
	cfs_autofree uint8_t *bytes = NULL;
	struct cfs_mem content = {0};
	int rc = read_context_file(l, path, &content, err);

	bytes = content.p;
	if (rc != 1 || content.len == 0)
		return rc;
	rc = add(l->out->policy, path,
		 cfs_span_text((struct cfs_span){content.p, content.len}), err);
	return rc < 0 ? rc : 1;
}

/* The order of the files decides which line is the last. */
static int load_policy(const struct labelling *l, const char *name, struct cfs_err *err)
{
	static const struct {
		const char *suffix;
		add_fn add;
	} files[] = {
		{"", cfs_selinux_policy_add_contexts},
		{".local", cfs_selinux_policy_add_contexts},
		{".homedirs", cfs_selinux_policy_add_contexts},
		{".subs", cfs_selinux_policy_add_aliases},
		{".subs_dist", cfs_selinux_policy_add_aliases},
	};
	char path[POLICY_PATH_MAX];
	int rc = cfs_selinux_policy_new(&l->out->policy, err);

	for (size_t i = 0; rc >= 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path),
			 "/etc/selinux/%s/contexts/files/file_contexts%s", name,
			 files[i].suffix);
		rc = add_context_file(l, path, files[i].add, err);
		if (rc == 0 && i == 0)
			rc = cfs_fail(err, ENOENT,
				      "%s: no such file, but " CONFIG
				      " names this policy",
				      path);
	}
	return rc < 0 ? rc : 0;
}

/* --- Labels -------------------------------------------------------------------------- */

/* Writes the path of a child behind that of its directory: aliases applied, with 2 bytes
 * of room. *off: where it is in paths. */
static int make_child_path(struct labelling *l, const struct frame *f,
			   struct cfs_text name, size_t *off, size_t *len,
			   struct cfs_err *err)
{
	size_t need = f->path_off + f->path_len + name.len + CFS_SELINUX_LINE_MAX + 2;
	struct cfs_text path, original;

	if (need > PATHS_MAX)
		return cfs_fail(err, ENAMETOOLONG, "path too long for SELinux labels");
	if (cfs_grow(&l->paths, &l->paths_cap, need, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(l->paths + f->path_off + f->path_len, name.s, name.len);
	path = (struct cfs_text){l->paths + f->path_off, f->path_len + name.len};
	original = cfs_selinux_policy_find_original(l->out->policy, path);
	*off = f->path_off;
	*len = original.len;
	if (original.s != path.s) {
		/* The path of the directory is still needed. */
		*off += f->path_len;
		memcpy(l->paths + *off, original.s, original.len);
	}
	return 0;
}

static int label_name(struct labelling *l, cfs_id id, size_t off, size_t len,
		      const struct cfs_selinux_candidates *candidates,
		      struct cfs_err *err)
{
	cfs_id inode = cfs_tree_inode(l->tree, id);

	l->paths[off + len] = cfs_selinux_get_type_char(l->tree->nodes[inode].mode);
	return cfs_selinux_find(l->out->policy, candidates,
				(struct cfs_text){l->paths + off, len + 1},
				&l->out->of[id], err);
}

/* The path of the directory is in paths. */
static int push_labelled_directory(struct labelling *l, cfs_id dir, size_t off,
				   size_t len,
				   const struct cfs_selinux_candidates *candidates,
				   struct cfs_err *err)
{
	struct frame *f;
	int rc = 0;

	if (cfs_grow(&l->stack, &l->stack_cap, l->depth + 1, sizeof(*l->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (len == 0 || l->paths[off + len - 1] != '/')
		l->paths[off + len++] = '/';
	f = &l->stack[l->depth];
	*f = (struct frame){dir, 0, off, len, candidates};
	/* A path that an alias has changed may match what its parent cannot. */
	if (l->depth && off != f[-1].path_off)
		f->candidates = NULL;
	if (l->depth < NARROW_DEPTH) {
		rc = cfs_selinux_narrow(l->out->policy, f->candidates,
					(struct cfs_text){l->paths + off, len},
					&l->narrowed[l->depth], err);
		f->candidates = &l->narrowed[l->depth];
	}
	l->depth++;
	return rc;
}

static int label_child(struct labelling *l, cfs_id id, struct cfs_err *err)
{
	const struct frame f = l->stack[l->depth - 1];
	const struct cfs_node *n = &l->tree->nodes[id];
	size_t off, len;
	int rc = make_child_path(l, &f, cfs_node_name(n), &off, &len, err);

	if (rc == 0)
		rc = label_name(l, id, off, len, off == f.path_off ? f.candidates : NULL,
				err);
	if (rc < 0 || cfs_node_is_link(n) || !S_ISDIR(n->mode) || n->n_children == 0)
		return rc;
	return push_labelled_directory(l, id, off, len, f.candidates, err);
}

static int label_root(struct labelling *l, struct cfs_err *err)
{
	int rc;

	if (cfs_grow(&l->paths, &l->paths_cap, 2, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->paths[0] = '/';
	rc = label_name(l, CFS_ROOT, 0, 1, NULL, err);
	return rc < 0 ? rc : push_labelled_directory(l, CFS_ROOT, 0, 1, NULL, err);
}

static void report_label_progress(const struct labelling *l)
{
	const struct cfs_progress now = {
		.stage = "labels", .done = l->n_done, .all = l->tree->n_nodes};

	cfs_watch_progress(l->watch, &now);
}

/* Labels the tree depth first with an explicit stack. Directories keep the candidates
 * of their path, so that each name is compared with few patterns. */
static int label_all(struct labelling *l, struct cfs_err *err)
{
	int rc = label_root(l, err);

	while (rc == 0 && l->depth) {
		struct frame *top = &l->stack[l->depth - 1];
		const struct cfs_node *dir = &l->tree->nodes[top->dir];

		if (top->next == dir->n_children) {
			l->depth--;
			continue;
		}
		rc = cfs_watch_poll(l->watch, err);
		if (rc == 0)
			rc = label_child(l, l->tree->children[dir->first + top->next++],
					 err);
		if (l->n_done++ % REPORT_EVERY == 0)
			report_label_progress(l);
	}
	return rc;
}

int cfs_selinux_label(const struct cfs_tree *tree,
		      const struct cfs_selinux_reader *reader,
		      const struct cfs_watch *watch, struct cfs_selinux_labels *out,
		      struct cfs_err *err)
{
	struct labelling l = {.tree = tree, .reader = reader, .watch = watch, .out = out};
	char name[POLICY_NAME_MAX];
	int rc;

	*out = (struct cfs_selinux_labels){0};
	rc = get_policy_name(&l, name, err);
	if (rc <= 0)
		return rc;
	rc = load_policy(&l, name, err);
	if (rc < 0)
		return rc;
	out->of = calloc(tree->n_nodes, sizeof(*out->of));
	rc = out->of ? label_all(&l, err) : cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < NARROW_DEPTH; i++)
		free(l.narrowed[i].v);
	free(l.stack);
	free(l.paths);
	return rc;
}

void cfs_selinux_labels_fini(struct cfs_selinux_labels *labels)
{
	free(labels->of);
	cfs_selinux_policy_free(labels->policy);
	*labels = (struct cfs_selinux_labels){0};
}
