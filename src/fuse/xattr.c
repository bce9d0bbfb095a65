/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* GETXATTR and LISTXATTR: the xattrs of each view. */
#include <errno.h>
#include <linux/limits.h>

#include "fuse/fuse_priv.h"

/* The prefixes of what an image says to overlayfs, and what escapes it. */
#define OVERLAY_PREFIX "trusted.overlay."
#define USER_PREFIX    "user.overlay."
#define ESCAPE	       "overlay."

/* The longest name of the image, and what a view may put before it. */
enum { SHOWN_MAX = 16 + 255 + 8 };

/* An xattr as a view shows it. */
struct shown {
	char name[SHOWN_MAX];
	size_t len;
	struct cfs_span value;
};

typedef int visit_fn(void *ctx, const struct shown *x);

/* The name is a, b and c. A name that the kernel could not ask for is not shown. Returns whether it is. */
static bool join_shown_name(struct shown *x, struct cfs_text a, struct cfs_text b,
			    struct cfs_text c)
{
	if (a.len + b.len + c.len > XATTR_NAME_MAX)
		return false;
	memcpy(x->name, a.s, a.len);
	memcpy(x->name + a.len, b.s, b.len);
	memcpy(x->name + a.len + b.len, c.s, c.len);
	x->len = a.len + b.len + c.len;
	return true;
}

/* For an overlay with userxattr. What the image says to overlayfs is said under user.; what belongs to a file is
 * escaped, or overlayfs would obey it. Other trusted xattrs are left out: who mounts so cannot read them,
 * and a copy-up of a file fails when one is listed. */
static bool put_user_name(struct shown *x, const struct cfs_raw_xattr *raw)
{
	const struct cfs_text none = CFS_TEXT("");
	struct cfs_text rest = cfs_raw_xattr_get_rest(raw, CFS_TEXT(OVERLAY_PREFIX));

	if (rest.s && !cfs_text_has_prefix(rest, CFS_TEXT(ESCAPE)))
		return join_shown_name(x, CFS_TEXT(USER_PREFIX), rest, none);
	if (raw->index == EROFS_XATTR_TRUSTED)
		return false;
	rest = cfs_raw_xattr_get_rest(raw, CFS_TEXT(USER_PREFIX));
	if (rest.s)
		return join_shown_name(x, CFS_TEXT(USER_PREFIX ESCAPE), rest, none);
	return join_shown_name(x, cfs_xattr_prefix(raw->index), raw->suffix, none);
}

static bool show_raw(const struct cfs_fuse_fs *fs, const struct cfs_raw_xattr *raw,
		     struct shown *x)
{
	x->value = raw->value;
	if (fs->view == CFS_FUSE_USER_LAYER
		    ? !put_user_name(x, raw)
		    : !join_shown_name(x, cfs_xattr_prefix(raw->index), raw->suffix,
				       CFS_TEXT("")))
		return false;
	return cfs_image_shows_xattr((struct cfs_text){x->name, x->len});
}

/* The xattrs as the image stores them. */
static int visit_layer(const struct fuse_call *c, const struct cfs_inode *inode,
		       visit_fn *visit, void *ctx)
{
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr raw;
	struct shown x;
	int rc = cfs_raw_xattrs_open(c->fs->im, inode, &it, NULL);

	while (rc == 0 && (rc = cfs_raw_xattrs_next(&it, &raw, NULL)) > 0)
		rc = show_raw(c->fs, &raw, &x) ? visit(ctx, &x) : 0;
	return rc;
}

/* The xattrs as a mount shows them. */
static int visit_files(const struct fuse_call *c, const struct cfs_inode *inode,
		       visit_fn *visit, void *ctx)
{
	struct cfs_inode_spec spec;
	struct shown x;
	int rc = cfs_image_read_mounted_spec(c->fs->im, inode, &c->room->spec, &spec,
					     NULL);

	for (size_t i = 0; rc == 0 && i < spec.n_xattrs; i++) {
		x.value = spec.xattrs[i].value;
		if (join_shown_name(&x, spec.xattrs[i].key, CFS_TEXT(""), CFS_TEXT("")))
			rc = visit(ctx, &x);
	}
	return rc;
}

static int visit_xattrs(const struct fuse_call *c, visit_fn *visit, void *ctx)
{
	struct cfs_inode inode;
	int rc = fuse_get_inode(c, &inode);

	if (rc < 0)
		return rc;
	return c->fs->view == CFS_FUSE_FILES ? visit_files(c, &inode, visit, ctx)
					     : visit_layer(c, &inode, visit, ctx);
}

/* A size of 0 asks for the size. */
static int reply_sized(struct fuse_call *c, uint32_t size, struct cfs_span body)
{
	struct fuse_getxattr_out out = {.size = (uint32_t)body.len};

	if (size == 0)
		fuse_copy_body(c, &out, sizeof(out));
	else if (body.len > size)
		return -ERANGE;
	else
		c->out->body = body;
	return 0;
}

/* --- GETXATTR ------------------------------------------------------------------------- */

struct search {
	struct cfs_text name;
	struct cfs_span value;
};

static int compare_name(void *ctx, const struct shown *x)
{
	struct search *s = ctx;

	if (!cfs_text_eq(s->name, (struct cfs_text){x->name, x->len}))
		return 0;
	s->value = x->value;
	return 1;
}

int fuse_answer_getxattr(struct fuse_call *c)
{
	struct fuse_getxattr_in in;
	struct search s = {0};
	struct cfs_span name;
	int rc;

	memcpy(&in, c->args.p, sizeof(in));
	if (!cfs_span_sub(c->args, sizeof(in), c->args.len - sizeof(in), &name) ||
	    !memchr(name.p, '\0', name.len))
		return -EINVAL;
	s.name = cfs_text((const char *)name.p);
	rc = visit_xattrs(c, compare_name, &s);
	if (rc <= 0)
		return rc < 0 ? rc : -ENODATA;
	return reply_sized(c, in.size, s.value);
}

/* --- LISTXATTR ------------------------------------------------------------------------ */

struct names {
	struct fuse_call *c;
	size_t len;
};

/* As other filesystems do, names that only root can read are listed for root alone. overlayfs lists
 * with the rights of who mounted it. */
static bool may_list(const struct fuse_call *c, const struct shown *x)
{
	return c->fs->view != CFS_FUSE_FILES || c->head.uid == 0 ||
	       !cfs_text_has_prefix((struct cfs_text){x->name, x->len},
				    CFS_TEXT("trusted."));
}

static int append_listed_name(void *ctx, const struct shown *x)
{
	struct names *n = ctx;

	if (!may_list(n->c, x))
		return 0;
	if (x->len + 1 > XATTR_LIST_MAX - n->len)
		return -E2BIG;
	memcpy(n->c->room->buf + n->len, x->name, x->len);
	n->len += x->len;
	n->c->room->buf[n->len++] = '\0';
	return 0;
}

int fuse_answer_listxattr(struct fuse_call *c)
{
	struct fuse_getxattr_in in;
	struct names n = {.c = c};
	int rc = visit_xattrs(c, append_listed_name, &n);

	memcpy(&in, c->args.p, sizeof(in));
	if (rc < 0)
		return rc;
	return reply_sized(c, in.size, (struct cfs_span){c->room->buf, n.len});
}
