/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints entries of an image as lines of a dump. */
#include "cli/dump_line.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dump/dump.h"

enum { OUT_LEN = 64 * 1024 };

int dump_put_entry(struct cfs_out *out, const struct cfs_image *im,
		   const struct cfs_walk_entry *e, struct cfs_spec_room *room,
		   struct cfs_err *err)
{
	struct cfs_inode_spec spec;
	struct cfs_dump_entry line = {.path = e->path, .link = e->first, .inode = &spec};
	int rc = cfs_image_read_spec(im, &e->inode, room, &spec, err);

	if (rc < 0)
		return rc;
	/* cfsctl prints 0 as the size of a directory. */
	if (cli_is_cfsctl() && S_ISDIR(spec.mode))
		spec.size = 0;
	line.alg = room->alg;
	cfs_dump_put(out, &line);
	return 0;
}

int dump_put_below(struct cfs_out *out, const struct cfs_image *im, const char *path,
		   struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.top = cfs_text(path), .first_names = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		rc = dump_put_entry(out, im, e, &room, err);
	cfs_spec_room_fini(&room);
	return rc;
}

int dump_print_image(struct cfs_span bytes, struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc;
	struct cfs_image im;
	struct cfs_out out;

	rc = cfs_image_open(bytes, &im, err);
	if (rc < 0)
		return rc;
	rc = cfs_out_init(&out, cfs_sink_fd(&fd), OUT_LEN);
	if (rc == 0)
		rc = dump_put_below(&out, &im, "", err);
	if (rc == 0)
		rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}
