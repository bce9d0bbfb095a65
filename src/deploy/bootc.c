/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A rollback of bootc's entries, as bootc does it: a copy of all entries in which the two of
 * bootc have each other's place takes the name "entries" by an exchange, so that the boot
 * loader finds either all old or all new ones.
 *
 * bootc_OS-VERSION-1.conf with the sort key bootc-OS-0 is the next one (GRUB sorts by name
 * downward, systemd-boot by key upward), ...-0.conf with bootc-OS-1 the one before. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "bls/bls.h"
#include "deploy/deploy_priv.h"

#define STAGED "entries.staged"	   /* of bootc: an upgrade that waits for the shutdown */
#define COPY   "entries.composefs" /* ours */

struct exchange {
	const struct cfs_deploy_place *place;
	const char *next, *other; /* file names */
	int from, to;
};

/* The digit at the end of a name or key changes between 0 and 1. */
static bool flip_last(char *text, size_t len)
{
	if (len < 2 || text[len - 2] != '-' ||
	    (text[len - 1] != '0' && text[len - 1] != '1'))
		return false;
	text[len - 1] ^= 1;
	return true;
}

static int flip_name(const char *name, char out[CFS_DEPLOY_NAME_MAX], struct cfs_err *err)
{
	size_t len = strlen(name);

	snprintf(out, CFS_DEPLOY_NAME_MAX, "%s", name);
	if (len <= 5 || len >= CFS_DEPLOY_NAME_MAX ||
	    strcmp(name + len - 5, ".conf") != 0 || !flip_last(out, len - 5))
		return cfs_fail(err, EINVAL,
				"%s: expected a name of bootc that ends in -0.conf or "
				"-1.conf",
				name);
	return 0;
}

/* The value of the sort key lies in the text. */
static int flip_key(struct cfs_mem *text, const char *name, struct cfs_err *err)
{
	struct cfs_text key;

	if (!cfs_bls_find(cfs_mem_text(text), CFS_TEXT("sort-key"), &key) ||
	    !flip_last((char *)text->p + (key.s - (char *)text->p), key.len))
		return cfs_fail(err, EINVAL,
				"%s: expected a sort-key of bootc that ends in -0 or -1",
				name);
	return 0;
}

/* Writes a copy durably; an existing file is an error. */
static int put_copy(int to, const char *name, const struct cfs_mem *text,
		    struct cfs_err *err)
{
	struct cfs_replace file;
	int rc = cfs_replace_open_at(to, name, &file, err);

	if (rc < 0)
		return rc;
	rc = cfs_io_write(file.fd, text->p, text->len, err);
	if (rc == 0)
		return cfs_replace_commit_new(&file, err);
	cfs_replace_abort(&file);
	return rc;
}

/* Copies one entry. A name that exists already means that the entries are not as bootc
 * writes them: nothing is exchanged then. */
static int copy_entry(const struct exchange *x, const char *name, struct cfs_err *err)
{
	bool flips = strcmp(name, x->next) == 0 || strcmp(name, x->other) == 0;
	char flipped[CFS_DEPLOY_NAME_MAX];
	const char *target = flips ? flipped : name;
	struct cfs_mem text = {0};
	int rc = cfs_input_read(x->from, name, CFS_INPUT_NOFOLLOW, CFS_BLS_ENTRY_MAX,
				&text, err);

	if (rc == 0 && flips)
		rc = flip_key(&text, name, err);
	if (rc == 0 && flips)
		rc = flip_name(name, flipped, err);
	if (rc == 0)
		rc = put_copy(x->to, target, &text, err);
	if (rc == -EEXIST)
		rc = cfs_fail(err, EEXIST, "two entries would get the name %s", target);
	free(text.p);
	return cfs_context(err, rc, "%s", name);
}

/* Copies all entries to the new directory, the two that are exchanged with other names
 * and sort keys. */
static int copy_entries(const struct exchange *x, struct cfs_err *err)
{
	int fd = openat(x->from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		rc = cfs_fail_errno(err, "entries");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = copy_entry(x, e->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "entries");
	closedir(dir);
	return rc;
}

/* bootc puts its own entries in place at the shutdown, and would undo ours. */
static int check_staged(const struct cfs_deploy_place *place, int loader,
			struct cfs_err *err)
{
	struct stat st;
	int rc = place->runfd < 0 ? -ENOENT
				  : cfs_beneath_stat(place->runfd,
						     "composefs/staged-deployment", &st);

	if (rc == -ENOENT)
		rc = cfs_beneath_stat(loader, STAGED, &st);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return cfs_beneath_fail(rc, "staged deployment of bootc", err);
	return cfs_fail(err, EBUSY,
			"an upgrade by bootc waits for the shutdown: reboot first, or "
			"use \"bootc rollback\"");
}

/* Exchanges two entries as bootc does: a copy of all entries is made, and takes the
 * place of the directory in one step. */
static int exchange_entries(struct exchange *x, int loader, struct cfs_err *err)
{
	int rc = cfs_repo_remove_tree(loader, COPY);

	if (rc < 0 || mkdirat(loader, COPY, 0755) < 0)
		return cfs_beneath_fail(rc < 0 ? rc : -errno, COPY, err);
	x->from = cfs_beneath_open_dir(loader, "entries");
	x->to = cfs_beneath_open_dir(loader, COPY);
	if (x->from < 0 || x->to < 0)
		return cfs_beneath_fail(x->from < 0 ? x->from : x->to, "entries", err);
	rc = copy_entries(x, err);
	if (rc == 0)
		rc = deploy_sync(loader, err);
	if (rc == 0 &&
	    syscall(SYS_renameat2, loader, COPY, loader, "entries", RENAME_EXCHANGE) < 0)
		rc = cfs_fail_errno(err, "exchanging the entries");
	if (rc == 0)
		rc = deploy_sync(loader, err);
	/* Now the old ones, or after a failure the copy. */
	if (cfs_repo_remove_tree(loader, COPY) < 0 && rc == 0)
		rc = cfs_fail(err, EIO, "loader/" COPY ": cannot be removed");
	return rc;
}

static const char *get_file_name(const struct cfs_deployment *d)
{
	const char *slash = strrchr(d->entry->file, '/');

	return slash ? slash + 1 : d->entry->file;
}

int deploy_roll_back_bootc(const struct cfs_deploy_place *place,
			   const struct cfs_deployment *next,
			   const struct cfs_deployment *d, char name[CFS_DEPLOY_NAME_MAX],
			   struct cfs_err *err)
{
	struct exchange x = {.place = place,
			     .next = get_file_name(next),
			     .other = get_file_name(d),
			     .from = -1,
			     .to = -1};
	char flipped[CFS_DEPLOY_NAME_MAX];
	cfs_autofd int loader = cfs_beneath_open_dir(place->bootfd, "loader");
	int rc;

	if (loader < 0)
		return cfs_beneath_fail(loader, "loader", err);
	rc = check_staged(place, loader, err);
	if (rc == 0)
		rc = flip_name(x.other, flipped, err);
	if (rc == 0)
		rc = exchange_entries(&x, loader, err);
	if (x.from >= 0)
		close(x.from);
	if (x.to >= 0)
		close(x.to);
	if (rc == 0)
		snprintf(name, CFS_DEPLOY_NAME_MAX, "%s", flipped);
	return rc;
}
