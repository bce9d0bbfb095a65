/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of mounts. */
#include "mount/table.h"

#include "mount/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 64 << 20, PIECE = 64 << 10 };

void cfs_mount_table_fini(struct cfs_mount_table *table)
{
	free(table->v);
	cfs_arena_fini(&table->arena);
	*table = (struct cfs_mount_table){0};
}

/* --- a line ------------------------------------------------------------------------- */

/* Replaces "\040", in place. */
static void unescape_octal(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* Cuts the next field off; fields are separated by one space each. NULL: there is none. */
static char *cut_table_field(char **at)
{
	char *field = *at, *end;

	if (!field)
		return NULL;
	end = strchr(field, ' ');
	*at = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return field;
}

/* "ID PARENT MAJOR:MINOR ROOT PLACE ATTRS [TAG]... - TYPE SOURCE OPTIONS" */
static bool parse_table_line(char *line, struct cfs_mount_entry *out)
{
	char *at = line, *root, *place, *fs, *source;
	const char *id = cut_table_field(&at);

	(void)cut_table_field(&at);
	(void)cut_table_field(&at);
	root = cut_table_field(&at);
	place = cut_table_field(&at);
	out->attrs = cut_table_field(&at);
	for (fs = cut_table_field(&at); fs && strcmp(fs, "-") != 0;
	     fs = cut_table_field(&at))
		;
	fs = cut_table_field(&at);
	source = cut_table_field(&at);
	out->options = cut_table_field(&at);
	if (!out->options || !id || !cfs_take_number(&id, 10, '\0', &out->id))
		return false;
	unescape_octal(root);
	unescape_octal(place);
	unescape_octal(fs);
	unescape_octal(source);
	out->root = root;
	out->place = place;
	out->fs = fs;
	out->source = source;
	return true;
}

int cfs_mount_table_parse(struct cfs_text text, struct cfs_mount_table *out,
			  struct cfs_err *err)
{
	char *line = cfs_arena_copy(&out->arena, text.s, text.len);

	if (!line)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (*line) {
		char *end = strchr(line, '\n'), *next = end ? end + 1 : strchr(line, 0);

		if (end)
			*end = '\0';
		if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		if (!parse_table_line(line, &out->v[out->n]))
			return cfs_fail(err, EINVAL,
					"mount table: line %zu: expected 10 fields",
					out->n + 1);
		out->n++;
		line = next;
	}
	return 0;
}

/* --- the table ---------------------------------------------------------------------- */

/* Reads the whole mount table. It has a limit, because anybody with a mount namespace
 * can make it long. */
static int read_table_text(int fd, struct cfs_mem *mem, struct cfs_err *err)
{
	for (;;) {
		ssize_t n;

		if (mem->len >= TABLE_MAX)
			return cfs_fail(err, EFBIG,
					"mount table: expected at most %d bytes",
					TABLE_MAX);
		if (cfs_grow(&mem->p, &mem->cap, mem->len + PIECE, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = cfs_io_read(fd, mem->p + mem->len, PIECE, err);
		if (n <= 0)
			return (int)n;
		mem->len += (size_t)n;
	}
}

int mount_table_read_fd(int fd, struct cfs_mount_table *out, struct cfs_err *err)
{
	struct cfs_mem mem = {0};
	int rc = read_table_text(fd, &mem, err);

	if (rc == 0)
		rc = cfs_mount_table_parse(cfs_mem_text(&mem), out, err);
	free(mem.p);
	return rc;
}

int cfs_mount_table_read(struct cfs_mount_table *out, struct cfs_err *err)
{
	static const char path[] = "/proc/self/mountinfo";
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cfs_fail_errno(err, path);
	return cfs_context(err, mount_table_read_fd(fd, out, err), path);
}

int cfs_mount_table_find(const struct cfs_mount_table *table, int fd,
			 const struct cfs_mount_entry **out, struct cfs_err *err)
{
	uint64_t id;
	int rc = mount_get_id(fd, MOUNT_ID, &id);

	*out = NULL;
	if (rc == -ENOTSUP)
		return cfs_fail(err, ENOTSUP,
				"this kernel does not tell which mount a file is on");
	if (rc < 0) {
		errno = -rc;
		return cfs_fail_errno(err, "statx");
	}
	for (size_t i = 0; i < table->n; i++)
		if (table->v[i].id == id)
			*out = &table->v[i];
	return 0;
}

int cfs_mount_option(const char **at, struct cfs_arena *arena, char **out)
{
	size_t len = strcspn(*at, ",");

	if (!**at)
		return 0;
	*out = cfs_arena_copy(arena, *at, len);
	if (!*out)
		return -ENOMEM;
	unescape_octal(*out);
	*at += len + ((*at)[len] == ',');
	return 1;
}
