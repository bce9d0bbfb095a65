/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kinds of files. */
#include "base/kind.h"

#include <string.h>
#include <unistd.h>

static const struct cfs_kind kinds[] = {
	{"a tar archive", true, 257, 5, "ustar"},
	{"a composefs image (import-image stores it, composefs-info dump prints it as "
	 "text)",
	 false, 0, 4, "\x9a\x62\x78\xd0"},
	{"data compressed by gzip", true, 0, 2, "\x1f\x8b"},
	{"data compressed by zstd", true, 0, 4, "\x28\xb5\x2f\xfd"},
	{"data compressed by xz (xz -dc unpacks it)", false, 0, 6, "\xfd\x37zXZ\0"},
	{"data compressed by bzip2 (bzip2 -dc unpacks it)", false, 0, 3, "BZh"},
	{"data compressed by lz4 (lz4 -dc unpacks it)", false, 0, 4, "\x04\x22\x4d\x18"},
	{"data compressed by lzip (lzip -dc unpacks it)", false, 0, 4, "LZIP"},
	{"data compressed by compress (gzip -dc unpacks it)", false, 0, 2, "\x1f\x9d"},
	{"data encrypted by openssl (openssl enc -d decrypts it)", false, 0, 8,
	 "Salted__"},
	{"data encrypted by age (age -d decrypts it)", false, 0, 18,
	 "age-encryption.org"},
	{"data encrypted by gpg (gpg -d decrypts it)", false, 0, 27,
	 "-----BEGIN PGP MESSAGE-----"},
	{"data encrypted by gpg (gpg -d decrypts it)", false, 0, 3, "\x8c\x0d\x04"},
	{"a zip archive (unzip -d DIR unpacks it)", false, 0, 4, "PK\3\4"},
	{"a 7-Zip archive (7z x unpacks it)", false, 0, 6, "7z\xbc\xaf\x27\x1c"},
	{"a cpio archive (cpio -i unpacks it)", false, 0, 6, "070701"},
	{"an ar archive (ar x unpacks it)", false, 0, 8, "!<arch>\n"},
	{"a SquashFS filesystem (unsquashfs unpacks it)", false, 0, 4, "hsqs"},
	{"an XFS filesystem (mount it, and name a directory)", false, 0, 4, "XFSB"},
	{"an EROFS filesystem without the header of composefs", false, 1024, 4,
	 "\xe2\xe1\xf5\xe0"},
	{"an ext4 filesystem (mount it, and name a directory)", false, 1080, 2,
	 "\x53\xef"},
	{"a disk image of QEMU", false, 0, 4, "QFI\xfb"},
	{"a program", false, 0, 4, "\177ELF"},
};

const struct cfs_kind *cfs_kind_find(struct cfs_span head)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct cfs_kind *k = &kinds[i];
		struct cfs_span at;

		if (cfs_span_sub(head, k->off, k->magic_len, &at) &&
		    memcmp(at.p, k->magic, k->magic_len) == 0)
			return k;
	}
	return NULL;
}

const struct cfs_kind *cfs_kind_find_fd(int fd)
{
	uint8_t head[CFS_KIND_LEN];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	return n > 0 ? cfs_kind_find((struct cfs_span){head, (size_t)n}) : NULL;
}
