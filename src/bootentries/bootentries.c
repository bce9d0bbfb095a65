/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A boot partition -> its entries. */
#include "bootentries/bootentries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bls/bls.h"
#include "boot/args.h"
#include "pe/pe.h"

/* A directory with entries. */
static const struct place {
	const char *dir, *suffix;
	enum cfs_bootentry_type type;
} places[] = {
	{"loader/entries", ".conf", CFS_BOOTENTRY_TYPE1},
	{"EFI/Linux", ".efi", CFS_BOOTENTRY_UKI},
	{"EFI/Linux/bootc", ".efi", CFS_BOOTENTRY_UKI},
};

/* --- texts -------------------------------------------------------------------------- */

static int copy_entry_text(struct cfs_text text, char **out, struct cfs_err *err)
{
	*out = strndup(text.s ? text.s : "", text.len);
	return *out ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Copies the value of a line of an entry, if there is one. */
static int copy_value(struct cfs_text entry, struct cfs_text key, char **out,
		      struct cfs_err *err)
{
	struct cfs_text value;

	if (*out || !cfs_bls_find(entry, key, &value) || !value.len)
		return 0;
	return copy_entry_text(value, out, err);
}

static int copy_release_value(struct cfs_text release, struct cfs_text key, char **out,
			      struct cfs_err *err)
{
	struct cfs_text value;

	if (*out || !cfs_bls_find_release(release, key, &value) || !value.len)
		return 0;
	return copy_entry_text(value, out, err);
}

/* --- one entry ---------------------------------------------------------------------- */

/* Takes the image from kernel arguments. An entry without one is of another system. */
static int take_arguments(struct cfs_text cmdline, struct cfs_bootentry *e,
			  struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_args *args = calloc(1, sizeof(*args));
	int rc;

	if (!args)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_boot_args_parse(cmdline, args, err);
	if (rc < 0)
		return rc;
	e->has_image = args->n_images > 0;
	if (e->has_image) {
		e->image = args->images[0].digest;
		e->insecure = args->images[0].insecure;
	}
	return 0;
}

/* The command line of a UKI ends with its section, or with a NUL or newline in it. */
static struct cfs_text trim_section(struct cfs_span section)
{
	struct cfs_text t = cfs_span_text(section);

	while (t.len && (t.s[t.len - 1] == '\0' || t.s[t.len - 1] == '\n'))
		t.len--;
	return t;
}

/* Sets the title, version and arguments of e from the sections of a UKI. Sections may be
 * missing: without .cmdline the entry boots no image. On failure e owns what was set
 * until then. */
static int parse_uki(struct cfs_span file, struct cfs_bootentry *e, struct cfs_err *err)
{
	struct cfs_span release = {0}, cmdline = {0};
	struct cfs_pe pe;
	int rc = cfs_pe_open(file, &pe, err);

	if (rc == 0)
		rc = cfs_pe_find(&pe, CFS_TEXT(".osrel"), &release, err);
	if (rc >= 0)
		rc = copy_release_value(trim_section(release), CFS_TEXT("PRETTY_NAME"),
					&e->title, err);
	if (rc == 0)
		rc = copy_release_value(trim_section(release), CFS_TEXT("VERSION_ID"),
					&e->version, err);
	if (rc == 0)
		rc = cfs_pe_find(&pe, CFS_TEXT(".cmdline"), &cmdline, err);
	if (rc < 0)
		return rc;
	return rc ? take_arguments(trim_section(cmdline), e, err) : 0;
}

/* Checks the size before the file is copied: the boot partition has no integrity, and a
 * UKI is at most some hundred megabytes. */
static int read_uki(int dirfd, const char *path, struct cfs_bootentry *e,
		    struct cfs_err *err)
{
	const unsigned flags = CFS_INPUT_NOFOLLOW | CFS_INPUT_BENEATH;
	cfs_autofd int fd = cfs_input_open(dirfd, path, flags, err);
	struct cfs_map map;
	off_t size;
	int rc;

	if (fd < 0)
		return fd;
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return cfs_fail_errno(err, "size");
	if (size > CFS_BOOTENTRIES_UKI_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d bytes, got %lld",
				CFS_BOOTENTRIES_UKI_MAX, (long long)size);
	rc = cfs_map_stable(fd, &map, err);
	if (rc < 0)
		return rc;
	rc = parse_uki(map.span, e, err);
	cfs_map_close(&map);
	return rc;
}

/* A type 1 entry has a command line of its own, or names a UKI. */
static int parse_type1(int rootfd, struct cfs_text text, struct cfs_bootentry *e,
		       struct cfs_err *err)
{
	struct cfs_mem cmdline = {0};
	cfs_autofree char *uki = NULL;
	int rc = copy_value(text, CFS_TEXT("title"), &e->title, err);

	if (rc == 0)
		rc = copy_value(text, CFS_TEXT("version"), &e->version, err);
	if (rc == 0)
		rc = copy_value(text, CFS_TEXT("uki"), &uki, err);
	if (rc == 0)
		rc = copy_value(text, CFS_TEXT("efi"), &uki, err);
	if (rc < 0)
		return rc;
	if (uki)
		return cfs_context(err, read_uki(rootfd, uki + strspn(uki, "/"), e, err),
				   "%s", uki);
	rc = cfs_bls_write_options(text, cfs_sink_mem(&cmdline), err);
	if (rc == 0)
		rc = take_arguments(cfs_mem_text(&cmdline), e, err);
	free(cmdline.p);
	return rc;
}

/* Reads a type 1 entry. The text is kept in e, which owns it. */
static int read_type1(int rootfd, int dirfd, const char *name, struct cfs_bootentry *e,
		      struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = cfs_input_read(dirfd, name, CFS_INPUT_NOFOLLOW, CFS_BLS_ENTRY_MAX, &text,
				err);

	if (rc == 0)
		rc = copy_entry_text(cfs_mem_text(&text), &e->text, err);
	if (rc == 0)
		rc = parse_type1(rootfd, cfs_mem_text(&text), e, err);
	free(text.p);
	return rc;
}

/* --- all of them --------------------------------------------------------------------- */

static int read_entry_file(int rootfd, int dirfd, const struct place *at,
			   const char *name, struct cfs_bootentry *e, struct cfs_err *err)
{
	struct cfs_err why;
	int rc = at->type == CFS_BOOTENTRY_UKI ? read_uki(dirfd, name, e, &why)
					       : read_type1(rootfd, dirfd, name, e, &why);

	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	return rc < 0 ? copy_entry_text(cfs_text(why.msg), &e->problem, err) : 0;
}

static int join_entry_path(const char *dir, const char *name, char **out,
			   struct cfs_err *err)
{
	size_t len = strlen(dir) + 1 + strlen(name) + 1;

	*out = malloc(len);
	if (!*out)
		return cfs_fail(err, ENOMEM, "out of memory");
	snprintf(*out, len, "%s/%s", dir, name);
	return 0;
}

/* Appends one file to out, unless its name is not that of an entry. A file that is
 * damaged stays in the list with its error, so that a user sees it. */
static int add_boot_entry(int rootfd, int dirfd, const struct place *at, const char *name,
			  struct cfs_bootentries *out, struct cfs_err *err)
{
	struct cfs_bls_name parsed;
	struct cfs_bootentry *e;
	int rc;

	if (!cfs_bls_parse_name(cfs_text(name), cfs_text(at->suffix), &parsed))
		return 0;
	if (out->n == CFS_BOOTENTRIES_MAX)
		return cfs_fail(err, E2BIG, "expected at most %d boot entries",
				CFS_BOOTENTRIES_MAX);
	if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	e = &out->v[out->n++];
	*e = (struct cfs_bootentry){.type = at->type,
				    .is_counted = parsed.is_counted,
				    .tries_left = parsed.tries_left,
				    .tries_done = parsed.tries_done};
	rc = copy_entry_text(parsed.id, &e->id, err);
	if (rc == 0)
		rc = join_entry_path(at->dir, name, &e->file, err);
	return rc < 0 ? rc : read_entry_file(rootfd, dirfd, at, name, e, err);
}

static int compare_entry_files(const void *a, const void *b)
{
	const struct cfs_bootentry *x = a, *y = b;

	return strcmp(x->file, y->file);
}

/* A boot loader that is not installed has no such directory: no entries, and no error.
 * The entries of a place are sorted by name, since readdir() has no order. */
static int list_place(int rootfd, const struct place *at, struct cfs_bootentries *out,
		      struct cfs_err *err)
{
	/* ostree makes "loader" a link to "loader.0" or "loader.1". */
	cfs_autofd int dirfd = cfs_beneath_open_dir_chroot(rootfd, at->dir);
	const struct dirent *d;
	size_t first = out->n;
	int fd, rc = 0;
	DIR *dir;

	if (dirfd == -ENOENT)
		return 0;
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, at->dir, err);
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = cfs_fail_errno(err, "%s", at->dir);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		rc = add_boot_entry(rootfd, dirfd, at, d->d_name, out, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "%s", at->dir);
	closedir(dir);
	if (out->n > first)
		qsort(out->v + first, out->n - first, sizeof(*out->v),
		      compare_entry_files);
	return rc;
}

int cfs_bootentries_read(int dirfd, struct cfs_bootentries *out, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		rc = list_place(dirfd, &places[i], out, err);
	return rc;
}

void cfs_bootentries_fini(struct cfs_bootentries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		free(entries->v[i].file);
		free(entries->v[i].id);
		free(entries->v[i].text);
		free(entries->v[i].title);
		free(entries->v[i].version);
		free(entries->v[i].problem);
	}
	free(entries->v);
	*entries = (struct cfs_bootentries){0};
}
