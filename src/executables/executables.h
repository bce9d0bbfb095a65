/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* executables: the files of an image that can be executed, or mapped for execution.
 * Owns:  finding them by mode, and by content when the objects are available.
 * Uses:  base, verity (digests), erofs.
 * Never: prints.
 */
#ifndef CFS_EXECUTABLES_H
#define CFS_EXECUTABLES_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "verity/verity.h"

struct executable {
	bool inlined;		  /* the content is in the image, not in an object */
	const char *path;	  /* if inlined: its first name in the image, cut off */
	struct cfs_digest digest; /* otherwise: of the object */
};

/* Starts zeroed. Objects by digest, each once; then inline files by path. */
struct executables {
	struct cfs_arena arena;
	struct executable *v;
	size_t n, cap;
	size_t n_objects; /* the first n_objects are objects */
};

/* Collects from the image file image. With objects, the directory of objects, ELF files without an x bit (shared
 * libraries) are found too; NULL: the mode alone decides. all: every object. -EUCLEAN: the image is damaged, or has no
 * digest of an object. */
int executables_collect(struct executables *x, const char *image, const char *objects,
			bool all, struct cfs_err *err) CFS_MUST_CHECK;
void executables_fini(struct executables *x);

#endif
