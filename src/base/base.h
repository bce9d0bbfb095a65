/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: helpers that every room uses. They know nothing about composefs.
 * Owns:  errors, spans, memory, growing arrays, hex, base64, sinks, file descriptors,
 *        paths beneath a directory, locks, the worker pool.
 * Uses:  libc.
 * Never: prints, exits, keeps mutable globals.
 */
#ifndef CFS_BASE_H
#define CFS_BASE_H

#include "base/err.h"
#include "base/span.h"
#include "base/mem.h"
#include "base/hex.h"
#include "base/base64.h"
#include "base/show.h"
#include "base/sink.h"
#include "base/feed.h"
#include "base/io.h"
#include "base/json.h"
#include "base/kind.h"
#include "base/file_use.h"
#include "base/beneath.h"
#include "base/input.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/path.h"
#include "base/pool.h"
#include "base/child.h"
#include "base/replace.h"
#include "base/watch.h"
#include "base/std.h"
#include "base/update.h"

#endif
