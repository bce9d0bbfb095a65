/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger: a FUSE filesystem that tells when overlayfs is about to open an object. It is a data-only layer that has no
 * data: overlayfs looks up the object in it first, and after the answer "absent" in the object directory.
 * Owns:  the answers of that filesystem, the jobs behind them, the threads that verify objects, the counters.
 * Uses:  base, hash, verity (digests), mount (namespace, names of layers), fuse (the protocol, the process of the server).
 * Never: knows images, mounts an overlay, writes an object, prints.
 *
 * The root has a directory for the layer before the object directory, and one for the last layer. In the first, a lookup of xx/rest starts a job: the object is verified. A correct object is answered
 * with "absent", which the kernel remembers, so that overlayfs goes on to the object directory and opens a native
 * file. An object that may not be used is answered with a regular file whose open fails with EIO. It must be such a
 * file: after an error, overlayfs would go on to the object directory and open the damaged object.
 * A lookup in the other fails with EIO: no layer has the object.
 */
#ifndef CFS_TRIGGER_H
#define CFS_TRIGGER_H

#include "trigger/answer.h"
#include "trigger/server.h"
#include "trigger/start.h"
#include "trigger/state.h"

#endif
