/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The manual page of each command. A page may describe several commands; the style test
 * compares this table with doc/man. */
#include "composefs/pages.h"

#include <string.h>

static const struct {
	const char *command, *page;
} pages[] = {
	{"build", "composefs-create-image(1)"},
	{"import-image", "composefs-create-image(1)"},
	{"copy", "composefs-create-image(1)"},
	{"compute-id", "composefs-create-image(1)"},
	{"compute-karg", "composefs-create-image(1)"},
	{"create-dumpfile", "composefs-create-image(1)"},
	{"list-images", "composefs-images(1)"},
	{"inspect", "composefs-images(1)"},
	{"tag", "composefs-images(1)"},
	{"untag", "composefs-images(1)"},
	{"rm", "composefs-images(1)"},
	{"log", "composefs-images(1)"},
	{"boot", "composefs-boot(8)"},
	{"mount", "composefs-mount(8)"},
	{"prefetch", "composefs-prefetch(8)"},
	{"record", "composefs-prefetch(8)"},
	{"status", "composefs-mount(8)"},
	{"umount", "composefs-mount(8)"},
	{"watch", "composefs-watch(8)"},
	{"cat", "composefs-ls(1)"},
	{"extract", "composefs-ls(1)"},
	{"dump-files", "composefs-ls(1)"},
	{"image-objects", "composefs-ls(1)"},
	{"explain", "composefs-diff(1)"},
	{"verify", "composefs-sign(1)"},
	{"sign-objects", "composefs-sign(1)"},
	{"enable-objects", "composefs-sign(1)"},
	{"ipe-policy", "composefs-sign(1)"},
	{"version", "composefs(1)"},
};

void print_manual_page(FILE *to, const char *command)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(pages[i].command, command) == 0) {
			fprintf(to, "\nManual page: %s\n", pages[i].page);
			return;
		}
	}
	fprintf(to, "\nManual page: composefs-%s(1)\n", command);
}
