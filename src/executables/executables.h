/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* executables: the files of an image that can be executed, or mapped for execution.
 * Owns:  finding them by mode, and by content when the objects are available.
 * Uses:  base, verity (digests), tree (an inode of the image), erofs, source (opening the image).
 * Never: prints.
 */
#ifndef CFS_EXECUTABLES_H
#define CFS_EXECUTABLES_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "verity/verity.h"

struct cfs_executable {
	bool inlined;		  /* the content is in the image, not in an object */
	const char *path;	  /* if inlined: its first name in the image, cut off */
	struct cfs_digest digest; /* otherwise: of the object */
};

/* Starts zeroed. Objects by digest, each once; then inline files by path. */
struct cfs_executables {
	struct cfs_arena arena;
	struct cfs_executable *v;
	size_t n, cap;
	size_t n_objects; /* the first n_objects are objects */
};

/* Collects from the image file image. With objects, the directory of objects, ELF files without an x bit (shared
 * libraries) are found too; NULL: the mode alone decides. all: every object. -EUCLEAN: the image is damaged, or has no
 * digest of an object. */
int cfs_executables_collect(struct cfs_executables *x, const char *image,
			    const char *objects, bool all,
			    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_executables_fini(struct cfs_executables *x);

#endif
