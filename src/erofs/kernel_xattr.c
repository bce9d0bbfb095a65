/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The xattrs and backing paths that kernels understand. */
#include "erofs/kernel_xattr.h"

#include "erofs/erofs_priv.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* --- Keys ---------------------------------------------------------------------------- */

bool kernel_is_acl(struct cfs_text key)
{
	return cfs_text_eq(key, CFS_TEXT(ACL_ACCESS)) ||
	       cfs_text_eq(key, CFS_TEXT(ACL_DEFAULT));
}

bool kernel_is_capability(struct cfs_text key)
{
	return cfs_text_eq(key, CFS_TEXT("security.capability"));
}

/* Whether a key has the prefix and a rest that is not empty. */
static bool is_behind(struct cfs_text key, struct cfs_text prefix)
{
	return key.len > prefix.len && cfs_text_has_prefix(key, prefix);
}

bool kernel_shows_key(struct cfs_text key)
{
	struct cfs_text overlay = CFS_TEXT(CFS_OVERLAY_PREFIX);

	/* overlayfs escapes the requested key; the result must not be too long, and the rest not empty. */
	if (cfs_text_has_prefix(key, overlay))
		return key.len > overlay.len &&
		       key.len + sizeof(CFS_ESCAPE) - 1 <= CFS_XATTR_KEY_MAX;
	return is_behind(key, CFS_TEXT("user.")) ||
	       is_behind(key, CFS_TEXT("trusted.")) ||
	       is_behind(key, CFS_TEXT("security.")) || kernel_is_acl(key);
}

/* --- ACLs ---------------------------------------------------------------------------- */

/* linux/posix_acl_xattr.h */
enum {
	ACL_VERSION = 2,
	ACL_HEADER_LEN = 4,
	ACL_ENTRY_LEN = 8,
	ACL_TAG_OFF = 0,
	ACL_PERM_OFF = 2,
	ACL_ID_OFF = 4,
};

enum acl_tag {
	ACL_USER_OBJ = 1,
	ACL_USER = 2,
	ACL_GROUP_OBJ = 4,
	ACL_GROUP = 8,
	ACL_MASK = 16,
	ACL_OTHER = 32,
};

/* Whether an entry with this tag may follow one with the tag before; 0: it is the first. */
static bool may_follow(uint16_t tag, unsigned before)
{
	switch (tag) {
	case ACL_USER_OBJ:
		return before == 0;
	case ACL_USER:
	case ACL_GROUP_OBJ:
		return before == ACL_USER_OBJ || before == ACL_USER;
	case ACL_GROUP:
		return before == ACL_GROUP_OBJ || before == ACL_GROUP;
	case ACL_MASK:
		return before == ACL_GROUP_OBJ || before == ACL_GROUP;
	case ACL_OTHER:
		return before == ACL_GROUP_OBJ || before == ACL_GROUP ||
		       before == ACL_MASK;
	default:
		return false;
	}
}

/* Entries without an ID must have -1 there, since a kernel would return another value than stored. */
static bool is_entry(const uint8_t *p, unsigned before)
{
	uint16_t tag = cfs_le16(p + ACL_TAG_OFF);
	bool is_named = tag == ACL_USER || tag == ACL_GROUP;

	return may_follow(tag, before) && cfs_le16(p + ACL_PERM_OFF) <= 7 &&
	       (cfs_le32(p + ACL_ID_OFF) == UINT32_MAX) != is_named;
}

/* The order of entries: owner, users, group, groups, mask, others. */
static bool is_acl(struct cfs_span value)
{
	unsigned before = 0;
	struct cfs_span entry;

	if (value.len < ACL_HEADER_LEN || cfs_le32(value.p) != ACL_VERSION ||
	    (value.len - ACL_HEADER_LEN) % ACL_ENTRY_LEN != 0)
		return false;
	for (uint64_t off = ACL_HEADER_LEN;
	     cfs_span_sub(value, off, ACL_ENTRY_LEN, &entry); off += ACL_ENTRY_LEN) {
		if (!is_entry(entry.p, before))
			return false;
		before = cfs_le16(entry.p + ACL_TAG_OFF);
	}
	return before == ACL_OTHER;
}

bool kernel_takes_acl(struct cfs_text key, struct cfs_span value, uint32_t mode)
{
	bool is_default = cfs_text_eq(key, CFS_TEXT(ACL_DEFAULT));

	return !S_ISLNK(mode) && (!is_default || S_ISDIR(mode)) && is_acl(value);
}

/* --- Capabilities -------------------------------------------------------------------- */

/* linux/capability.h: the first word has the revision and one flag. */
enum {
	CAPS_REVISION_2 = 0x02000000,
	CAPS_REVISION_3 = 0x03000000,
	CAPS_EFFECTIVE = 1,
	CAPS_LEN_2 = 20,
	CAPS_LEN_3 = 24,
	CAPS_ROOT_OFF = 20,
};

bool kernel_takes_capability(struct cfs_span value)
{
	uint32_t revision;

	if (value.len != CAPS_LEN_2 && value.len != CAPS_LEN_3)
		return false;
	revision = cfs_le32(value.p) & ~(uint32_t)CAPS_EFFECTIVE;
	if (value.len == CAPS_LEN_2)
		return revision == CAPS_REVISION_2;
	/* For root of the initial user namespace the kernel returns revision 2. */
	return revision == CAPS_REVISION_3 && cfs_le32(value.p + CAPS_ROOT_OFF) != 0 &&
	       cfs_le32(value.p + CAPS_ROOT_OFF) != UINT32_MAX;
}

/* --- Backing paths ------------------------------------------------------------------- */

static bool is_redirect_component(struct cfs_text name)
{
	return name.len > 0 && name.len <= CFS_NAME_MAX &&
	       !cfs_text_eq(name, CFS_TEXT(".")) && !cfs_text_eq(name, CFS_TEXT(".."));
}

/* overlayfs refuses empty components; "." and ".." name a directory, or a file outside. */
bool kernel_finds_path(struct cfs_text path)
{
	for (;;) {
		const char *slash = path.len ? memchr(path.s, '/', path.len) : NULL;
		size_t len = slash ? (size_t)(slash - path.s) : path.len;

		if (!is_redirect_component((struct cfs_text){path.s, len}))
			return false;
		if (!slash)
			return true;
		path.s += len + 1;
		path.len -= len + 1;
	}
}
