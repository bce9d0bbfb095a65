/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: what the reader makes of good images. (Damaged ones: image_hostile_test.c.) */
#include "t.h"

#include "dump/dump.h"
#include "erofs/erofs.h"
#include "golden.h"

/* A golden image, opened. */
struct golden {
	uint8_t *bytes;
	struct cfs_image im;
};

static void golden_open(struct golden *g, const char *name)
{
	struct cfs_err err;
	size_t len;

	g->bytes = t_golden(name, &len);
	if (cfs_image_open((struct cfs_span){g->bytes, len}, &g->im, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", name, err.msg);
}

static void golden_close(struct golden *g)
{
	free(g->bytes);
}

static void expect_text(struct cfs_text got, const char *expected)
{
	char text[8192];

	t_ok(got.len < sizeof(text));
	memcpy(text, got.s, got.len);
	text[got.len] = '\0';
	t_str(text, expected);
}

static void get(const struct golden *g, const char *path, struct cfs_inode *out)
{
	struct cfs_err err;

	if (cfs_image_lookup(&g->im, cfs_text(path), out, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, err.msg);
}

T(header_and_superblock_are_read)
{
	struct golden g;

	golden_open(&g, "example.v1.cfs");
	t_eq(g.im.version, 1);
	t_eq(g.im.root_nid, 36);
	t_eq(g.im.inos, 259);
	t_ok(!g.im.has_acl);
	golden_close(&g);
	golden_open(&g, "acl-file.v0.cfs");
	t_eq(g.im.version, 0);
	t_ok(g.im.has_acl);
	golden_close(&g);
}

T(files_of_other_kinds_are_refused)
{
	struct cfs_image im;
	struct cfs_err err;
	struct golden g;

	golden_open(&g, "minimal.v0.cfs");
	t_eq(cfs_image_open((struct cfs_span){g.bytes, 4095}, &im, &err), -EINVAL);
	t_str(err.msg,
	      "header: not a composefs image: expected at least 4096 bytes, got 4095");
	t_eq(cfs_image_open((struct cfs_span){NULL, 0}, &im, &err), -EINVAL);
	g.bytes[1024] ^= 1;
	t_eq(cfs_image_open(g.im.bytes, &im, &err), -EINVAL);
	t_str(err.msg, "superblock: expected EROFS magic e0f5e1e2, got e0f5e1e3");
	g.bytes[4] = 2;
	t_eq(cfs_image_open(g.im.bytes, &im, &err), -ENOTSUP);
	t_str(err.msg, "header: expected container version 1, got 2");
	g.bytes[0] ^= 1;
	t_eq(cfs_image_open(g.im.bytes, &im, &err), -EINVAL);
	t_str(err.msg, "header: not a composefs image: expected magic d078629a, got "
		       "d078629b");
	golden_close(&g);
}

T(compact_and_extended_inodes_are_decoded)
{
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "example.v1.cfs");
	get(&g, "/f", &in);
	t_eq(in.size, 10);
	t_eq(in.mode, 0100644);
	t_eq(in.uid, 1000);
	t_eq(in.gid, 100);
	t_eq(in.mtime_sec, 1);
	t_eq(in.mtime_nsec, 5);
	t_eq(in.ino, 241);
	t_ok(!in.external);
	get(&g, "g", &in);
	t_eq(in.nid, 297);
	t_eq(in.off, 0x2520);
	t_eq(in.size, 70000);
	t_eq(in.mtime_sec, 0);
	t_eq(in.nlink, 1);
	t_ok(in.external && in.tail.len == 4);
	golden_close(&g);
}

T(devices_have_their_number)
{
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "types.v1.cfs");
	get(&g, "/chr", &in);
	t_ok(S_ISCHR(in.mode));
	t_eq(in.rdev, 259);
	get(&g, "/blk", &in);
	t_ok(S_ISBLK(in.mode));
	t_eq(in.rdev, 2049);
	get(&g, "/sock", &in);
	t_eq(in.rdev, 0);
	golden_close(&g);
}

T(lookup_reports_the_missing_component)
{
	struct cfs_inode in;
	struct cfs_err err;
	struct golden g;

	golden_open(&g, "hardlinks.v1.cfs");
	get(&g, "", &in);
	t_eq(in.nid, g.im.root_nid);
	get(&g, "//z///late/", &in);
	t_eq(in.nlink, 7);
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/nope"), &in, &err), -ENOENT);
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/z/lat"), &in, &err), -ENOENT);
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/z/."), &in, &err), -ENOENT);
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/z/../d"), &in, &err), -ENOENT);
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/file/x"), &in, &err), -ENOTDIR);
	golden_close(&g);
}

/* A tree with symbolic links, as an image in memory. */
static void make_linked(struct cfs_mem *mem, struct cfs_image *im)
{
	static const char dump[] = "/ 0 40755 2 0 0 0 0.0 - - -\n"
				   "/dir 0 40755 2 0 0 0 0.0 - - -\n"
				   "/dir/file 1 100644 1 0 0 0 0.0 - x -\n"
				   "/dir/up 6 120777 1 0 0 0 0.0 ../abs - -\n"
				   "/abs 4 120777 1 0 0 0 0.0 /dir - -\n"
				   "/loop 4 120777 1 0 0 0 0.0 loop - -\n"
				   "/out 9 120777 1 0 0 0 0.0 ../../dir - -\n"
				   "/none 4 120777 1 0 0 0 0.0 gone - -\n";
	struct cfs_tree *tree;
	struct cfs_err err;

	t_eq(cfs_dump_read_mem(CFS_TEXT(dump), CFS_SHA256, &(struct cfs_dump_opts){0},
			       &tree, &err),
	     0);
	t_eq(cfs_image_write(tree, &(struct cfs_image_write){0}, cfs_sink_mem(mem), &err),
	     0);
	t_eq(cfs_image_open((struct cfs_span){mem->p, mem->len}, im, &err), 0);
	cfs_tree_free(tree);
}

static const struct {
	const char *path;
	enum cfs_resolve last;
	int rc;
	const char *found;
} resolved_paths[] = {
	{"", CFS_RESOLVE_LAST, 0, ""},
	{"/..", CFS_RESOLVE_LAST, 0, ""},
	{"dir//./file", CFS_RESOLVE_LAST, 0, "/dir/file"},
	{"/abs/file", CFS_RESOLVE_NOT_LAST, 0, "/dir/file"},
	{"/abs", CFS_RESOLVE_LAST, 0, "/dir"},
	{"/abs", CFS_RESOLVE_NOT_LAST, 0, "/abs"},
	{"/abs/", CFS_RESOLVE_NOT_LAST, 0, "/dir"},
	{"/dir/up/up/file", CFS_RESOLVE_LAST, 0, "/dir/file"},
	{"/out/file", CFS_RESOLVE_LAST, 0, "/dir/file"},
	{"/dir/up/..", CFS_RESOLVE_LAST, 0, ""},
	{"/loop", CFS_RESOLVE_NOT_LAST, 0, "/loop"},
	{"/loop", CFS_RESOLVE_LAST, -ELOOP, NULL},
	{"/none", CFS_RESOLVE_LAST, -ENOENT, NULL},
	{"/dir/file/", CFS_RESOLVE_LAST, -ENOTDIR, NULL},
	{"/dir/file/..", CFS_RESOLVE_LAST, -ENOTDIR, NULL},
	{"/dir/nope/..", CFS_RESOLVE_LAST, -ENOENT, NULL},
};

T(resolve_follows_symlinks_within_the_root_of_the_image)
{
	char found[PATH_MAX];
	struct cfs_mem mem = {0};
	struct cfs_inode in;
	struct cfs_image im;
	struct cfs_err err;

	make_linked(&mem, &im);
	for (size_t i = 0; i < sizeof(resolved_paths) / sizeof(resolved_paths[0]); i++) {
		int rc = cfs_image_resolve(&im, cfs_text(resolved_paths[i].path),
					   resolved_paths[i].last, &in, found, &err);

		if (rc != resolved_paths[i].rc)
			t_fail(__FILE__, __LINE__, "%s: %d %s", resolved_paths[i].path,
			       rc, err.msg);
		if (rc == 0)
			t_str(found, resolved_paths[i].found);
	}
	free(mem.p);
}

T(marks_of_the_root_are_not_found)
{
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "example.v1.cfs");
	t_eq(cfs_image_lookup(&g.im, CFS_TEXT("/7f"), &in, NULL), -ENOENT);
	golden_close(&g);
}

static const char *const images[] = {
	"acl-file.v1.cfs",	 "collide.v1.cfs",
	"escape-overlay.v1.cfs", "example.v0.cfs",
	"external-sizes.v1.cfs", "hardlinks.v0.cfs",
	"inline-binary.v1.cfs",	 "inline-sizes.v1.cfs",
	"minimal.v1.cfs",	 "mtimes-negative.v0.cfs",
	"names.v1.cfs",		 "root-attrs.v1.cfs",
	"types.v1.cfs",		 "whiteout.v1.cfs",
	"xattr-prefixes.v1.cfs", "xattr-shared-order.v1.cfs",
};

enum { N_IMAGES = sizeof(images) / sizeof(images[0]) };

T(search_finds_every_name_that_a_walk_finds)
{
	for (size_t i = 0; i < N_IMAGES; i++) {
		const struct cfs_walk_entry *e;
		struct cfs_walk *walk;
		struct cfs_inode in;
		struct cfs_err err;
		struct golden g;

		golden_open(&g, images[i]);
		t_eq(cfs_walk_new(&g.im, NULL, &walk, &err), 0);
		while (cfs_walk_next(walk, &e, &err) > 0) {
			t_eq(cfs_image_lookup(&g.im, e->path, &in, &err), 0);
			t_eq(in.nid, e->inode.nid);
		}
		cfs_walk_free(walk);
		golden_close(&g);
	}
}

/* Walks and writes one line an entry: its path, and the first name of later ones. */
static void list(const struct golden *g, const struct cfs_walk_opts *opts, char *out)
{
	const struct cfs_walk_entry *e;
	struct cfs_walk *walk;
	struct cfs_err err;
	int rc;

	*out = '\0';
	t_eq(cfs_walk_new(&g->im, opts, &walk, &err), 0);
	while ((rc = cfs_walk_next(walk, &e, &err)) > 0) {
		out += sprintf(out, "%.*s", (int)e->path.len, e->path.s);
		if (e->again)
			out += sprintf(out, "=%.*s", (int)e->first.len, e->first.s);
		out += sprintf(out, "\n");
	}
	cfs_walk_free(walk);
	t_eq(rc, 0);
}

T(walk_goes_depth_first_and_gives_the_first_name)
{
	struct cfs_walk_opts opts = {.first_names = true};
	struct golden g;
	char got[4096];

	golden_open(&g, "hardlinks.v1.cfs");
	list(&g, &opts, got);
	t_str(got, "/\n/a-first\n/d\n/d/l1\n/d/l2=/d/l1\n/d/l3=/d/l1\n/dev\n/devh=/dev\n"
		   "/ff\n/fifo=/ff\n/file=/d/l1\n/sym\n/symh=/sym\n/typed=/d/l1\n/z\n"
		   "/z/chain=/d/l1\n/z/late=/a-first\n/zz=/d/l1\n");
	golden_close(&g);
}

T(walk_of_chosen_names_takes_the_first_chosen_name)
{
	const struct cfs_text names[] = {CFS_TEXT("z"), CFS_TEXT("nope"),
					 CFS_TEXT("file")};
	struct cfs_walk_opts opts = {.names = names, .n_names = 3, .first_names = true};
	struct golden g;
	char got[4096];

	golden_open(&g, "hardlinks.v1.cfs");
	list(&g, &opts, got);
	t_str(got, "/\n/file\n/z\n/z/chain=/file\n/z/late\n");
	golden_close(&g);
}

T(walk_begins_at_any_path)
{
	struct cfs_walk_opts opts = {.top = CFS_TEXT("//d/"), .first_names = true};
	struct cfs_walk *walk;
	struct golden g;
	char got[4096];

	golden_open(&g, "hardlinks.v1.cfs");
	list(&g, &opts, got);
	t_str(got, "/d\n/d/l1\n/d/l2=/d/l1\n/d/l3=/d/l1\n");
	opts.top = CFS_TEXT("z/late");
	list(&g, &opts, got);
	t_str(got, "/z/late\n");
	opts.top = CFS_TEXT("nope");
	t_eq(cfs_walk_new(&g.im, &opts, &walk, NULL), -ENOENT);
	golden_close(&g);
}

T(all_names_of_an_inode_share_a_word)
{
	struct cfs_walk_opts opts = {.first_names = true};
	const struct cfs_walk_entry *e;
	struct cfs_walk *walk;
	struct golden g;
	int again = 0;

	golden_open(&g, "hardlinks.v1.cfs");
	t_eq(cfs_walk_new(&g.im, &opts, &walk, NULL), 0);
	while (cfs_walk_next(walk, &e, NULL) > 0) {
		t_ok(!e->again || *e->cookie == e->inode.nid);
		t_ok(e->cookie || e->inode.nlink != 7);
		again += e->again;
		if (e->cookie)
			*e->cookie = e->inode.nid;
	}
	t_eq(again, 10);
	cfs_walk_free(walk);
	golden_close(&g);
}

T(content_is_put_together_from_block_and_tail)
{
	static const char *const names[] = {"s0001", "s2048", "s2049",
					    "s4096", "s4097", "s5000"};
	uint8_t buf[CFS_CONTENT_MAX];
	struct golden g;

	golden_open(&g, "inline-sizes.v1.cfs");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cfs_span content;
		struct cfs_inode in;

		get(&g, names[i], &in);
		content = cfs_inode_read_content(&in, buf);
		t_eq(content.len, atoi(names[i] + 1));
		t_ok(memchr(content.p, 0, content.len) == NULL);
	}
	golden_close(&g);
}

T(symlink_targets_are_borrowed_from_the_image)
{
	struct cfs_text target;
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "types.v1.cfs");
	get(&g, "/link", &in);
	t_eq(cfs_inode_read_target(&in, &target, NULL), 0);
	expect_text(target, "dir/x");
	get(&g, "/ext", &in);
	t_eq(cfs_inode_read_target(&in, &target, NULL), -EINVAL);
	golden_close(&g);
}

#define OBJECT "35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"

T(redirect_and_metacopy_become_path_and_digest)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_text path;
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "example.v1.cfs");
	get(&g, "/g", &in);
	t_eq(cfs_image_read_spec(&g.im, &in, &room, &spec, NULL), 0);
	expect_text(spec.payload, OBJECT);
	t_eq(room.alg, CFS_SHA256);
	t_ok(spec.digest[0] == 0x35 && spec.digest[31] == 0x08);
	t_eq(spec.n_xattrs, 0);
	t_eq(spec.size, 70000);
	t_eq(spec.content.len, 0);
	t_eq(cfs_image_read_backing(&g.im, &in, &path, NULL), 0);
	expect_text(path, OBJECT);
	get(&g, "/f", &in);
	t_eq(cfs_image_read_spec(&g.im, &in, &room, &spec, NULL), 0);
	t_eq(spec.n_xattrs, 1);
	expect_text(spec.xattrs[0].key, "user.a");
	expect_text(cfs_span_text(spec.content), "hello\nwor\n");
	t_eq(cfs_image_read_backing(&g.im, &in, &path, NULL), 0);
	t_eq(path.len, 0);
	cfs_spec_room_fini(&room);
	golden_close(&g);
}

T(escaped_keys_and_whiteouts_come_back)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "escape-overlay.v1.cfs");
	get(&g, "/d", &in);
	t_eq(cfs_image_read_spec(&g.im, &in, &room, &spec, NULL), 0);
	t_eq(spec.n_xattrs, 3);
	expect_text(spec.xattrs[0].key, "trusted.overlay.opaque");
	expect_text(spec.xattrs[1].key, "trusted.overlay.overlay.opaque");
	expect_text(spec.xattrs[2].key, "trusted.overlay.overlay.overlay.opaque");
	golden_close(&g);
	golden_open(&g, "whiteout.v1.cfs");
	get(&g, "/d/w", &in);
	t_ok(S_ISREG(in.mode));
	t_eq(cfs_image_read_spec(&g.im, &in, &room, &spec, NULL), 0);
	t_eq(spec.mode, S_IFCHR);
	t_eq(spec.rdev, 0);
	t_eq(spec.n_xattrs, 0);
	cfs_spec_room_fini(&room);
	golden_close(&g);
}

T(stored_xattrs_are_listed_inline_ones_first)
{
	struct cfs_raw_xattrs it;
	struct cfs_raw_xattr x;
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "root-attrs.v1.cfs");
	get(&g, "/", &in);
	t_eq(cfs_raw_xattrs_open(&g.im, &in, &it, NULL), 0);
	t_eq(cfs_raw_xattrs_next(&it, &x, NULL), 1);
	t_ok(!x.shared);
	expect_text(cfs_xattr_prefix(x.index), "trusted.");
	expect_text(x.suffix, "overlay.opaque");
	t_eq(cfs_raw_xattrs_next(&it, &x, NULL), 1);
	t_ok(!x.shared);
	t_eq(cfs_raw_xattrs_next(&it, &x, NULL), 1);
	t_ok(x.shared);
	expect_text(cfs_xattr_prefix(x.index), "security.");
	expect_text(x.suffix, "selinux");
	t_eq(cfs_raw_xattrs_next(&it, &x, NULL), 0);
	golden_close(&g);
}

T(image_becomes_a_tree_with_hard_links)
{
	struct cfs_tree *t;
	struct cfs_err err;
	struct golden g;
	cfs_id z, first, link;

	golden_open(&g, "hardlinks.v1.cfs");
	t_eq(cfs_image_load(&g.im, NULL, &t, &err), 0);
	golden_close(&g);
	t_eq(t->n_nodes, 18);
	first = cfs_tree_find(t, CFS_ROOT, CFS_TEXT("a-first"));
	z = cfs_tree_find(t, CFS_ROOT, CFS_TEXT("z"));
	link = cfs_tree_find(t, z, CFS_TEXT("late"));
	t_ok(!cfs_node_is_link(&t->nodes[first]) && cfs_node_is_link(&t->nodes[link]));
	t_eq(cfs_tree_inode(t, link), first);
	t_eq(t->nodes[first].nlink, 7);
	cfs_tree_free(t);
}

T(chosen_names_become_a_tree)
{
	const struct cfs_text name = CFS_TEXT("z");
	struct cfs_load_opts opts = {.names = &name, .n_names = 1};
	struct cfs_tree *t;
	struct golden g;

	golden_open(&g, "hardlinks.v1.cfs");
	t_eq(cfs_image_load(&g.im, &opts, &t, NULL), 0);
	golden_close(&g);
	t_eq(t->n_nodes, 4);
	cfs_tree_free(t);
}

/* composefs-rs calls its older layout format 2: whiteouts are not escaped there, and no marks are in
 * the root. The bytes are otherwise those of the other formats as long as no xattr is shared. */
T(format_2_shows_whiteouts_as_they_are_stored)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct cfs_inode in;
	struct golden g;

	golden_open(&g, "minimal.v1.cfs");
	g.bytes[12] = 2;
	t_eq(cfs_image_open(g.im.bytes, &g.im, NULL), 0);
	get(&g, "/7f", &in);
	t_eq(cfs_image_read_spec(&g.im, &in, &room, &spec, NULL), 0);
	t_ok(S_ISCHR(spec.mode) && spec.rdev == 0);
	cfs_spec_room_fini(&room);
	golden_close(&g);
}

static struct cfs_mem emit(const struct cfs_tree *t)
{
	struct cfs_image_opts opts = {.max_version = 1};
	struct cfs_mem out = {0};
	struct cfs_plan *plan;

	t_eq(cfs_plan_new(t, &opts, NULL, &plan, NULL), 0);
	t_eq(cfs_emit(plan, cfs_sink_mem(&out), NULL), 0);
	cfs_plan_free(plan);
	return out;
}

/* A directory with as many bytes of xattrs as an input may give it, and a whiteout in it: the
 * writer's marks go beyond. */
T(image_with_marks_beyond_the_budget_can_be_loaded)
{
	static uint8_t value[CFS_XATTR_BUDGET];
	const struct cfs_xattr x = {CFS_TEXT("user.a"),
				    {value, CFS_XATTR_BUDGET - 19 - 6}};
	struct cfs_inode_spec dir = {.mode = S_IFDIR, .xattrs = &x, .n_xattrs = 1};
	struct cfs_inode_spec whiteout = {.mode = S_IFCHR};
	struct cfs_mem first, second;
	struct cfs_builder *b;
	struct cfs_tree *tree;
	struct cfs_image im;
	cfs_id id;

	t_eq(cfs_builder_new(CFS_SHA256, &b, NULL), 0);
	t_eq(cfs_builder_set_root(b, &dir, NULL), 0);
	t_eq(cfs_builder_add(b, CFS_ROOT, CFS_TEXT("w"), &whiteout, &id, NULL), 0);
	t_eq(cfs_builder_freeze(&b, &tree, NULL), 0);
	first = emit(tree);
	cfs_tree_free(tree);
	t_eq(cfs_image_open((struct cfs_span){first.p, first.len}, &im, NULL), 0);
	t_eq(cfs_image_check(&im, NULL), 0);
	t_eq(cfs_image_load(&im, NULL, &tree, NULL), 0);
	second = emit(tree);
	cfs_tree_free(tree);
	t_eq(second.len, first.len);
	t_mem(second.p, first.p, first.len);
	free(first.p);
	free(second.p);
}
