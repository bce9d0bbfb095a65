/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The dump parser, and the way from a text through an image back: what parses, writes, loads
 * and dumps must be equal. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

#include "trip.h"

/* The same through a descriptor. */
static struct cfs_tree *parse_dump_text(struct cfs_text text)
{
	struct cfs_dump_opts opts = {.name = "input"};
	cfs_autofd int fd = memfd_create("input", MFD_CLOEXEC);
	struct cfs_tree *t = NULL;
	int rc;

	fuzz_hold(fd >= 0 && cfs_io_write(fd, text.s, text.len, NULL) == 0 &&
		  lseek(fd, 0, SEEK_SET) == 0);
	rc = cfs_dump_read_fd(fd, CFS_SHA256, &opts, &t, NULL);
	fuzz_hold((rc == 0) == (t != NULL));
	return t;
}

/* A tree keeps the size of what is no file, which strict mode refuses. */
static bool has_sized_special(const struct cfs_tree *t)
{
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (!cfs_node_is_link(n) && n->size && !S_ISREG(n->mode) &&
		    !S_ISDIR(n->mode) && !S_ISLNK(n->mode))
			return true;
	}
	return false;
}

/* What is written can be read, says the same, and breaks no other rule of strict mode. */
static void check_tree_text(const struct cfs_tree *t)
{
	struct cfs_text text = trip_text(t), again;
	struct cfs_tree *reread = trip_parse(text, !has_sized_special(t));

	fuzz_hold(reread);
	again = trip_text(reread);
	fuzz_hold(cfs_text_eq(text, again));
	cfs_tree_free(reread);
	trip_release(text);
	trip_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text text = {(const char *)data, len};
	struct cfs_tree *strict = trip_parse(text, true);
	struct cfs_tree *t = trip_parse(text, false);
	struct cfs_tree *streamed = parse_dump_text(text);

	fuzz_hold(t || !strict);
	fuzz_hold(!t == !streamed);
	if (t) {
		check_tree_text(t);
		trip_through_image(t, 0);
	}
	cfs_tree_free(strict);
	cfs_tree_free(streamed);
	cfs_tree_free(t);
	return 0;
}
