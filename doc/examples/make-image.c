/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Makes the image of a small tree with libcomposefs, writes it to a file and prints its
 * fs-verity digest.
 *
 *     cc make-image.c $(pkg-config --cflags --libs composefs) && ./a.out
 *
 * Prints: 541ce44154c2ade1de75bf7a11023612f4be92b901c1bcee0d607c3d5fa4a340
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libcomposefs/lcfs-writer.h>

/* A new child of dir, which owns it. NULL, with errno, when something failed. */
static struct lcfs_node_s *add(struct lcfs_node_s *dir, const char *name, uint32_t mode)
{
	struct lcfs_node_s *node = lcfs_node_new();

	if (!node)
		return NULL;
	lcfs_node_set_mode(node, mode);
	if (lcfs_node_add_child(dir, node, name) == 0)
		return node;
	lcfs_node_unref(node); /* only success takes the reference over */
	return NULL;
}

static int fill(struct lcfs_node_s *root)
{
	struct lcfs_node_s *etc = add(root, "etc", S_IFDIR | 0755);
	struct lcfs_node_s *motd = etc ? add(etc, "motd", S_IFREG | 0644) : NULL;
	struct lcfs_node_s *link = add(root, "message", S_IFLNK | 0777);
	struct lcfs_node_s *big = add(root, "big", S_IFREG | 0644);
	uint8_t digest[LCFS_DIGEST_SIZE];

	if (!motd || !link || !big)
		return -1;
	/* A small file: its content is in the image. */
	if (lcfs_node_set_content(motd, (const uint8_t *)"Hello\n", 6) < 0)
		return -1;
	if (lcfs_node_set_symlink_payload(link, "etc/motd") < 0)
		return -1;
	/* A large one: the image has its size, its path below the object directory, and the
	 * digest that overlayfs compares. Here it holds a megabyte of zeros. */
	static uint8_t zeros[1 << 20];
	char path[2 * LCFS_DIGEST_SIZE + 2];

	if (lcfs_compute_fsverity_from_data(digest, zeros, sizeof(zeros)) < 0)
		return -1;
	for (int i = 0; i < LCFS_DIGEST_SIZE; i++)
		sprintf(path + 2 * i + (i > 0), i ? "%02x" : "%02x/", digest[i]);
	lcfs_node_set_size(big, sizeof(zeros));
	lcfs_node_set_fsverity_digest(big, digest);
	return lcfs_node_set_payload(big, path);
}

static ssize_t write_file(void *file, void *buf, size_t count)
{
	return (ssize_t)fwrite(buf, 1, count, file);
}

int main(void)
{
	struct lcfs_node_s *root = lcfs_node_new();
	FILE *file = fopen("example.cfs", "wb");
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct lcfs_write_options_s options = {
		.format = LCFS_FORMAT_EROFS,
		.max_version = LCFS_DEFAULT_VERSION_MAX,
		.digest_out = digest,
		.file = file,
		.file_write_cb = write_file,
	};

	if (!root || !file) {
		perror("example.cfs");
		return 1;
	}
	lcfs_node_set_mode(root, S_IFDIR | 0755);
	if (fill(root) < 0 || lcfs_write_to(root, &options) < 0 || fclose(file) != 0) {
		perror("example.cfs");
		return 1;
	}
	for (int i = 0; i < LCFS_DIGEST_SIZE; i++)
		printf("%02x", digest[i]);
	printf("\n");
	lcfs_node_unref(root);
	return 0;
}
