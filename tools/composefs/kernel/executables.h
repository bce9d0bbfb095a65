/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* executables: the files of an image that can be executed, or mapped to be executed.
 * Owns:  finding them: by mode, and by content where the objects are at hand.
 * Uses:  base, verity (digests), erofs.
 * Never: prints.
 */
#ifndef CFS_EXECUTABLES_H
#define CFS_EXECUTABLES_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "verity/verity.h"

struct executable {
	bool inlined;	  /* the content lies in the image: there is no object */
	const char *path; /* if inlined: in the image, of its first name; cut off */
	struct cfs_digest digest; /* of the object, if not */
};

/* Starts zeroed. Objects in the order of their digests, each once; then what is inlined, in the order
 * of the paths. */
struct executables {
	struct cfs_arena arena;
	struct executable *v;
	size_t n, cap;
	size_t n_objects; /* the first n_objects are objects */
};

/* Of the image in the file image. objects: the directory of objects, where ELF files without an x bit
 * are found too (shared libraries); NULL: the mode alone tells. all: every object. -EUCLEAN: the
 * image is damaged, or tells no digest of an object. */
int executables_collect(struct executables *x, const char *image, const char *objects,
			bool all, struct cfs_err *err) CFS_MUST_CHECK;
void executables_fini(struct executables *x);

#endif
