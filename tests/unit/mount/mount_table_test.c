/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: the table of mounts, and which of them show images. */
#include "mount/mount.h"

#include <fcntl.h>
#include <unistd.h>

#include "t.h"

#define HEX "b37b5d2941dfb38854a9d9b47f065091d790a7ab744e1924df8956156ed4ea50"

static const char lines[] =
	"45 27 0:40 / /mnt/a\\040b rw,nosuid,relatime shared:1 - overlay composefs:" HEX
	" ro,lowerdir+=/,datadir+=/srv/r\\054x/"
	"objects,redirect_dir=on,metacopy=on,verity=require\n"
	"46 27 0:41 / /w rw,relatime - overlay /i.cfs "
	"rw,lowerdir+=/,datadir+=/o,datadir+=/p,upperdir=/up,workdir=/work,metacopy=on\n"
	"47 27 0:42 / /old ro - overlay composefs "
	"ro,lowerdir=/proc/thread-self/ns::/o1::/o2,redirect_dir=on,metacopy=on\n"
	"48 27 0:43 / /var rw - overlay overlay "
	"rw,lowerdir=/l1:/l2,upperdir=/up,workdir=/work,metacopy=on\n"
	"49 27 8:1 / / rw - ext4 /dev/vda rw\n";

static void parse(struct cfs_mount_table *table, const char *text)
{
	struct cfs_err err;

	*table = (struct cfs_mount_table){0};
	if (cfs_mount_table_parse(cfs_text(text), table, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
}

T(mount_table_is_read_with_its_escapes)
{
	struct cfs_mount_table table;

	parse(&table, lines);
	t_eq(table.n, 5);
	t_eq(table.v[0].id, 45);
	t_str(table.v[0].place, "/mnt/a b");
	t_str(table.v[0].attrs, "rw,nosuid,relatime");
	t_str(table.v[0].fs, "overlay");
	t_str(table.v[4].source, "/dev/vda");
	cfs_mount_table_fini(&table);
}

T(mount_table_keeps_an_empty_source_apart)
{
	struct cfs_mount_table table;

	parse(&table, "1 0 0:1 / / rw -  tmpfs \n1 0 0:1 / / rw - tmpfs  rw\n");
	t_str(table.v[0].fs, "");
	t_str(table.v[1].source, "");
	t_str(table.v[1].options, "rw");
	cfs_mount_table_fini(&table);
}

T(mount_table_of_another_form_is_refused)
{
	static const char *const bad[] = {"x", "1 2 3 4 5 6 7", "1 0 0:1 / / rw - a b\n",
					  "x 0 0:1 / / rw - a b c\n", "\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cfs_mount_table table = {0};
		struct cfs_err err;

		t_eq(cfs_mount_table_parse(cfs_text(bad[i]), &table, &err), -EINVAL);
		cfs_mount_table_fini(&table);
	}
}

T(mounts_of_images_are_recognized)
{
	struct cfs_mount_table table;
	struct cfs_image_mount m;
	struct cfs_err err;
	char hex[CFS_DIGEST_HEX_MAX], file[256];

	parse(&table, lines);
	t_eq(cfs_image_mount_recognize(&table.v[0], &table.arena, &m, &err), 1);
	t_ok(m.has_id && m.requires_verity && m.read_only && !m.upperdir && !m.image);
	t_str(cfs_digest_hex(&m.id, hex), HEX);
	t_eq(m.n_objects, 1);
	t_str(m.objects[0], "/srv/r,x/objects");
	t_ok(cfs_image_mount_file(&m, file, sizeof(file)));
	t_ok(strncmp(file, "/srv/r,x/objects/b3/7b5d", 24) == 0);
	t_ok(!cfs_image_mount_file(&m, file, 10));
	t_eq(cfs_image_mount_recognize(&table.v[1], &table.arena, &m, &err), 1);
	t_ok(!m.has_id && !m.requires_verity && !m.read_only);
	t_str(m.image, "/i.cfs");
	t_str(m.upperdir, "/up");
	t_eq(m.n_objects, 2);
	t_eq(cfs_image_mount_recognize(&table.v[2], &table.arena, &m, &err), 1);
	t_ok(m.read_only && !m.image);
	t_eq(m.n_objects, 2);
	t_str(m.objects[1], "/o2");
	t_eq(cfs_image_mount_recognize(&table.v[3], &table.arena, &m, &err), 0);
	t_eq(cfs_image_mount_recognize(&table.v[4], &table.arena, &m, &err), 0);
	cfs_mount_table_fini(&table);
}

T(own_table_has_the_mount_of_the_root)
{
	struct cfs_mount_table table = {0};
	const struct cfs_mount_entry *found;
	int fd = open("/", O_PATH | O_CLOEXEC);
	struct cfs_err err;

	t_eq(cfs_mount_table_read(&table, &err), 0);
	t_eq(cfs_mount_table_find(&table, fd, &found, &err), 0);
	t_ok(found != NULL);
	t_str(found->place, "/");
	cfs_mount_table_fini(&table);
	close(fd);
}
