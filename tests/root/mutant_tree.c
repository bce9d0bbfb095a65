/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Random trees with what is on the edge, as the writer makes images of them. */
#include "root/mutant.h"

#include "erofs/erofs.h"
#include "unit/t.h"

enum { NODES_MAX = 24, XATTRS_MAX = 4, VALUE_MAX = 64 };

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

uint64_t mutant_random(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* A tree in the making: room for what the specs lend. */
struct making {
	uint64_t *state;
	bool nasty;
	struct cfs_builder *builder;
	cfs_id dirs[NODES_MAX];
	size_t n_dirs;
	struct cfs_xattr xattrs[XATTRS_MAX];
	uint8_t values[XATTRS_MAX][VALUE_MAX];
	uint8_t digest[CFS_SHA256_LEN], content[CFS_CONTENT_MAX];
	char payload[2 * CFS_SHA256_LEN + 2], key[256];
};

static uint64_t below(struct making *m, uint64_t n)
{
	return mutant_below(m->state, n);
}

/* --- xattrs -------------------------------------------------------------------------- */

/* Of these, the first are shown by kernels. */
static const char *const keys[] = {"user.a",
				   "user.overlay.whiteout",
				   "user.overlay.whiteouts",
				   "user.overlay.opaque",
				   "user.overlay.redirect",
				   "trusted.a",
				   "trusted.overlay.whiteout",
				   "trusted.overlay.whiteouts",
				   "trusted.overlay.opaque",
				   "trusted.overlay.redirect",
				   "trusted.overlay.metacopy",
				   "trusted.overlay.overlay.x",
				   "trusted.overlay",
				   "security.selinux",
				   "security.x",
				   "security.ima"};
static const char *const nasty_keys[] = {"user.",
					 "trusted.",
					 "security.",
					 "trusted.overlay.",
					 "trusted.overlay.overlay.",
					 "nodot",
					 "lustre.x",
					 "btrfs.compression",
					 "system.nfs4_acl",
					 "system.posix_acl_accessX",
					 "system.posix_acl_defaultX",
					 "USER.a",
					 "user.\n\xff",
					 "user.overlay."};

static struct cfs_span random_value(struct making *m, size_t i)
{
	size_t len = below(m, 3) ? below(m, 6) : below(m, VALUE_MAX);

	for (size_t k = 0; k < len; k++)
		m->values[i][k] =
			(uint8_t)(below(m, 4) ? 'a' + below(m, 26) : below(m, 256));
	return (struct cfs_span){m->values[i], len};
}

static void put_acl_entry(uint8_t *p, unsigned tag, unsigned perm, uint32_t id)
{
	cfs_put_le16(p, (uint16_t)tag);
	cfs_put_le16(p + 2, (uint16_t)perm);
	cfs_put_le32(p + 4, id);
}

/* An ACL: owner, a user, group, mask and others; with a flaw on request. */
static struct cfs_span random_acl(struct making *m, size_t i)
{
	static const struct {
		uint8_t tag;
		uint32_t id;
	} entries[] = {{1, UINT32_MAX},
		       {2, 1000},
		       {4, UINT32_MAX},
		       {16, UINT32_MAX},
		       {32, UINT32_MAX}};
	bool small = below(m, 2);
	size_t n = 0;
	uint8_t *p = m->values[i];

	cfs_put_le32(p, 2);
	for (size_t k = 0; k < N_OF(entries); k++)
		if (!small || (k != 1 && k != 3))
			put_acl_entry(p + 4 + 8 * n++, entries[k].tag,
				      (unsigned)below(m, 8), entries[k].id);
	if (m->nasty && below(m, 2)) {
		p[below(m, 4 + 8 * n)] = (uint8_t)below(m, 40);
		return (struct cfs_span){p, 4 + 8 * n - (below(m, 3) ? 0 : below(m, 12))};
	}
	return (struct cfs_span){p, 4 + 8 * n};
}

static struct cfs_span random_capability(struct making *m, size_t i)
{
	static const uint8_t cap[24] = {1, 0, 0, 2, 0, 4};
	size_t len = 20;

	memcpy(m->values[i], cap, sizeof(cap));
	if (below(m, 2)) {
		m->values[i][3] = 3;
		m->values[i][20] = 5;
		len = 24;
	}
	if (m->nasty && below(m, 2))
		m->values[i][below(m, 24)] = (uint8_t)below(m, 4);
	if (m->nasty && below(m, 4) == 0)
		len = below(m, 26);
	return (struct cfs_span){m->values[i], len};
}

static void add_xattr(struct making *m, size_t i, uint32_t mode)
{
	struct cfs_xattr *x = &m->xattrs[i];
	uint64_t kind = below(m, 8);

	if (kind == 0 && !S_ISLNK(mode)) {
		bool is_default = (S_ISDIR(mode) || m->nasty) && below(m, 2);

		x->key = cfs_text(is_default ? "system.posix_acl_default"
					     : "system.posix_acl_access");
		x->value = random_acl(m, i);
	} else if (kind == 1) {
		x->key = CFS_TEXT("security.capability");
		x->value = random_capability(m, i);
	} else if (kind == 2 && m->nasty) {
		size_t len = below(m, 256);

		memset(m->key, 'k', 255);
		memcpy(m->key, "trusted.overlay.", below(m, 2) ? 16 : 8);
		x->key = (struct cfs_text){m->key, len < 9 ? 255 : len};
		x->value = random_value(m, i);
	} else {
		bool odd = m->nasty && below(m, 3) == 0;

		x->key = cfs_text(odd ? nasty_keys[below(m, N_OF(nasty_keys))]
				      : keys[below(m, N_OF(keys))]);
		x->value = random_value(m, i);
		if (cfs_text_has_prefix(x->key, CFS_TEXT("user.")) && !S_ISREG(mode) &&
		    !S_ISDIR(mode) && !m->nasty)
			x->key = CFS_TEXT("trusted.b");
	}
}

/* --- nodes --------------------------------------------------------------------------- */

static void fill_file(struct making *m, struct cfs_inode_spec *spec)
{
	static const char *const odd[] = {"/a", "a//b",	 "a/", "a/../b", "..",
					  ".",	"a/./b", "b",  "c/d"};

	spec->size = below(m, 3) ? below(m, 100) : below(m, CFS_CONTENT_MAX);
	if (below(m, 2)) {
		for (size_t i = 0; i < spec->size; i++)
			m->content[i] = (uint8_t)below(m, 256);
		spec->content = (struct cfs_span){m->content, spec->size};
		return;
	}
	spec->size = 1 + (below(m, 4) ? below(m, 100000) : below(m, CFS_EXTERNAL_MAX));
	memset(m->digest, (int)below(m, 256), sizeof(m->digest));
	cfs_hex_encode(m->digest, 1, m->payload);
	m->payload[2] = '/';
	cfs_hex_encode(m->digest + 1, CFS_SHA256_LEN - 1, m->payload + 3);
	spec->payload = cfs_text(m->payload);
	if (below(m, 4))
		spec->digest = m->digest;
	if (m->nasty && below(m, 2))
		spec->payload = cfs_text(odd[below(m, N_OF(odd))]);
	if (m->nasty && below(m, 6) == 0)
		spec->payload.len = 0;
}

static void fill_times_and_owners(struct making *m, struct cfs_inode_spec *spec)
{
	static const int64_t seconds[] = {
		0, 1, -1, 1000000000, INT64_C(1) << 33, -1000000, INT64_MAX, INT64_MIN};
	static const uint32_t nanoseconds[] = {0, 1, 999999999, 500000000};
	static const uint32_t too_many[] = {1000000000, INT32_MAX, UINT32_C(1) << 31,
					    UINT32_MAX};
	static const uint32_t ids[] = {0, 1000, 65535, 65536, INT32_MAX, UINT32_MAX - 1};

	spec->mtime_sec = seconds[below(m, N_OF(seconds))];
	spec->mtime_nsec = nanoseconds[below(m, N_OF(nanoseconds))];
	if (m->nasty && below(m, 8) == 0)
		spec->mtime_nsec = too_many[below(m, N_OF(too_many))];
	spec->uid = ids[below(m, N_OF(ids))];
	spec->gid = ids[below(m, N_OF(ids))];
	if (m->nasty && below(m, 16) == 0)
		spec->uid = UINT32_MAX;
	spec->nlink = (uint32_t)(below(m, 4) ? 1 : below(m, 100000));
}

static struct cfs_inode_spec random_spec(struct making *m, uint32_t type)
{
	struct cfs_inode_spec spec = {.mode = type | (uint32_t)below(m, 010000)};

	if (below(m, 2))
		spec.mode |= 0755;
	fill_times_and_owners(m, &spec);
	if (S_ISREG(type))
		fill_file(m, &spec);
	if (S_ISLNK(type))
		spec.payload = cfs_text(
			below(m, 2) ? "target" : "../a/longer/target/that/is/not/there");
	if (S_ISCHR(type) || S_ISBLK(type))
		spec.rdev =
			(uint32_t)(below(m, 2) ? below(m, 3) : mutant_random(m->state));
	spec.n_xattrs = below(m, XATTRS_MAX + 1);
	for (size_t i = 0; i < spec.n_xattrs; i++)
		add_xattr(m, i, type);
	spec.xattrs = m->xattrs;
	return spec;
}

static void add_node(struct making *m, unsigned number)
{
	static const uint32_t types[] = {S_IFREG, S_IFREG, S_IFREG, S_IFREG,
					 S_IFDIR, S_IFDIR, S_IFLNK, S_IFCHR,
					 S_IFBLK, S_IFIFO, S_IFSOCK};
	uint32_t type = types[below(m, N_OF(types))];
	struct cfs_inode_spec spec = random_spec(m, type);
	cfs_id parent = m->dirs[below(m, m->n_dirs)], id, link;
	char name[16];

	snprintf(name, sizeof(name), "%x%s", number, below(m, 2) ? "" : "-n");
	t_eq(cfs_builder_add(m->builder, parent, cfs_text(name), &spec, &id, NULL), 0);
	if (S_ISDIR(type)) {
		m->dirs[m->n_dirs++] = id;
	} else if (below(m, 8) == 0) {
		snprintf(name, sizeof(name), "l%u", number);
		t_eq(cfs_builder_add_link(m->builder, parent, cfs_text(name), &link,
					  NULL),
		     0);
		t_eq(cfs_builder_set_target(m->builder, link, id, NULL), 0);
	}
}

void mutant_tree(uint64_t *state, bool nasty, struct cfs_mem *out)
{
	static struct making m;
	struct cfs_image_opts opts = {.max_version = 1};
	struct cfs_inode_spec root;
	struct cfs_tree *tree;
	struct cfs_plan *plan;

	m = (struct making){.state = state, .nasty = nasty, .n_dirs = 1};
	root = random_spec(&m, S_IFDIR);
	opts.min_version = (uint32_t)below(&m, 2);
	t_eq(cfs_builder_new(CFS_SHA256, &m.builder, NULL), 0);
	t_eq(cfs_builder_set_root(m.builder, &root, NULL), 0);
	m.dirs[0] = CFS_ROOT;
	for (unsigned n = 0, count = 2 + (unsigned)below(&m, NODES_MAX - 2); n < count;
	     n++)
		add_node(&m, n);
	t_eq(cfs_builder_freeze(&m.builder, &tree, NULL), 0);
	*out = (struct cfs_mem){0};
	t_eq(cfs_plan_new(tree, &opts, NULL, &plan, NULL), 0);
	t_eq(cfs_emit(plan, cfs_sink_mem(out), NULL), 0);
	cfs_plan_free(plan);
	cfs_tree_free(tree);
}
