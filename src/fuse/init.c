/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* INIT: kernel and server agree on a version and on flags. */
#include <errno.h>

#include "fuse/fuse_priv.h"

/* What an immutable filesystem wants. A flag is used only if the kernel offers it. READDIRPLUS_AUTO is
 * not wanted: the kernel would ask for entries and for their attributes in turn. */
#define WANTED                                                                           \
	((uint64_t)FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_DO_READDIRPLUS |        \
	 FUSE_CACHE_SYMLINKS | FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT |          \
	 FUSE_EXPORT_SUPPORT | FUSE_MAX_PAGES | FUSE_INIT_EXT)

enum { BACKGROUND_MAX = 64, BACKGROUND_CONGESTED = 48 };

static void choose_flags(struct fuse_call *c, uint64_t offered)
{
	uint64_t wanted = WANTED;

	if (c->fs->im->has_acl && !c->fs->no_acl)
		wanted |= FUSE_POSIX_ACL;
	c->session->flags = wanted & offered;
}

/* Agrees on the version and flags. A newer major version of the kernel gets ours, and
 * asks again by it. After success the session is live and other requests are answered. */
int fuse_answer_init(struct fuse_call *c)
{
	struct fuse_init_in in = {0};
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
				    .minor = FUSE_WIRE_MINOR};
	uint64_t offered;

	memcpy(&in, c->args.p, c->args.len < sizeof(in) ? c->args.len : sizeof(in));
	if (in.major < FUSE_KERNEL_VERSION ||
	    (in.major == FUSE_KERNEL_VERSION && in.minor < FUSE_WIRE_MINOR_MIN))
		return -EPROTO;
	if (in.major > FUSE_KERNEL_VERSION) { /* the kernel asks again, with ours */
		fuse_copy_body(c, &out, sizeof(out));
		return 0;
	}
	offered = in.flags | (in.flags & FUSE_INIT_EXT ? (uint64_t)in.flags2 << 32 : 0);
	choose_flags(c, offered);
	if (in.minor < out.minor)
		out.minor = in.minor;
	out.max_readahead = in.max_readahead;
	out.flags = (uint32_t)c->session->flags;
	out.flags2 = (uint32_t)(c->session->flags >> 32);
	out.max_background = BACKGROUND_MAX;
	out.congestion_threshold = BACKGROUND_CONGESTED;
	out.max_write = FUSE_WIRE_PAGE;
	out.time_gran = 1;
	out.max_pages = c->session->flags & FUSE_MAX_PAGES ? FUSE_WIRE_MAX_PAGES : 0;
	c->session->is_live = true;
	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}
