/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: an image of format 2, as cfsctl 0.9.4 of composefs-rs wrote it, is read, checked and told apart. */
#include "t.h"

#include "erofs/erofs.h"
#include "golden.h"

/* Path, mode, size, whether it is another name, backing path or target or content. */
static const char *const entries[] = {
	"/ 40755 57",
	"/etc 40755 91",
	"/etc/blk 60644 0",
	"/etc/empty 100644 0",
	"/etc/fifo 10644 0",
	"/etc/null 20644 0",
	"/usr 40755 57",
	"/usr/big 100644 1000 "
	"21/17669718a96c1891b3e5e5e09c9f2b5a30b8e1ad411fdfa97419d4ddd84f2d",
	"/usr/dir 40755 107",
	"/usr/dir/hard = /usr/big",
	"/usr/dir/huge 100644 100000 "
	"44/60f7b14d778f00188e8c8ec53c5f8aefd2d62f6f28c9964442ff5a3a68df9b",
	"/usr/dir/link 120777 6 ../big",
	"/usr/dir/small 100644 6 small\n",
	"/usr/dir/sub 40755 27",
};

enum { N_ENTRIES = sizeof(entries) / sizeof(entries[0]) };

static uint8_t *load(struct cfs_image *im)
{
	size_t len;
	uint8_t *bytes = t_golden("composefs-rs.v2.cfs", &len);

	t_eq(cfs_image_open((struct cfs_span){bytes, len}, im, NULL), 0);
	t_eq(im->version, 2);
	return bytes;
}

static void tell(const struct cfs_walk_entry *e, const struct cfs_inode_spec *spec,
		 char line[512])
{
	struct cfs_text last =
		spec->payload.len ? spec->payload : cfs_span_text(spec->content);

	if (e->again)
		snprintf(line, 512, "%.*s = %.*s", (int)e->path.len, e->path.s,
			 (int)e->first.len, e->first.s);
	else
		snprintf(line, 512, "%.*s %o %llu%s%.*s", (int)e->path.len, e->path.s,
			 spec->mode, (unsigned long long)spec->size, last.len ? " " : "",
			 (int)last.len, last.s);
}

T(format_2_of_composefs_rs_is_listed)
{
	struct cfs_walk_opts opts = {.first_names = true};
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	struct cfs_walk *walk;
	struct cfs_image im;
	uint8_t *bytes = load(&im);
	char line[512];

	t_eq(cfs_walk_new(&im, &opts, &walk, NULL), 0);
	for (size_t i = 0; i < N_ENTRIES; i++) {
		t_eq(cfs_walk_next(walk, &e, NULL), 1);
		t_eq(cfs_image_read_spec(&im, &e->inode, &room, &spec, NULL), 0);
		tell(e, &spec, line);
		t_str(line, entries[i]);
	}
	t_eq(cfs_walk_next(walk, &e, NULL), 0);
	cfs_walk_free(walk);
	cfs_spec_room_fini(&room);
	free(bytes);
}

T(format_2_of_composefs_rs_is_sound)
{
	struct cfs_image im;
	uint8_t *bytes = load(&im);
	struct cfs_err err = {""};

	t_eq(cfs_image_check(&im, &err), 0);
	t_str(err.msg, "");
	free(bytes);
}

/* Its writer has another layout, of which none here knows every byte. */
T(format_2_is_not_called_canonical)
{
	struct cfs_image im;
	uint8_t *bytes = load(&im);
	struct cfs_err err;

	t_eq(cfs_image_check_canonical(&im, NULL, &err), -ENOTSUP);
	t_has(err.msg, "format version: expected 0 to 1, which the writer knows, got 2");
	free(bytes);
}

/* Nothing in its root hides the object directories. */
T(format_2_shows_its_objects_before_6_5)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	uint8_t *bytes = load(&im);
	size_t i = 0;

	t_eq(cfs_image_check_kernels(&im, found, NULL, NULL), 0);
	while (strcmp(cfs_kernel_rules[i].name, "object-directories") != 0)
		t_ok(++i < CFS_KERNEL_N_RULES);
	t_eq(found[i].n, 2);
	t_str(found[i].first, "/usr/big");
	free(bytes);
}
