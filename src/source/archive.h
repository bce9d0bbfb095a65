/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a tar archive to a tree, in one pass; contents become objects of a store as they come. In a library of its own
 * (archive_lib), which brings those for decompression: programs that read directories alone do without. */
#ifndef CFS_SOURCE_ARCHIVE_H
#define CFS_SOURCE_ARCHIVE_H

#include "source/ingest.h"

/* More bytes after decompression are refused. */
#define CFS_ARCHIVE_LEN_MAX (UINT64_C(64) << 30)

/* Reads the archive in->source ("-": standard input), plain or compressed by gzip or zstd, as a directory that it was
 * extracted to: later entries replace earlier ones, missing parents are made. An entry "./" describes the root,
 * which has mode 0755, owner 0:0 and time 0 else. Of in->scan, alg, inline_max, no_inline_executables, use_epoch, the
 * options for xattrs, skip_devices and watch have an effect; cache and own do not. -EINVAL: not an archive, a damaged
 * one, or an option for directories; else the codes of tar, decompress, tree and store. */
int cfs_ingest_archive(const struct cfs_ingest *in, struct cfs_tree **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* cfs_ingest_directory for a directory, and for what cannot be opened; cfs_ingest_archive for "-" and every other file,
 * which it refuses unless it is a regular file or a pipe. */
cfs_ingest_fn cfs_ingest_choose(const char *source);

#endif
