/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* extract: the owner of the directory exchanges a file between its creation and the next system call. The functions of
 * libc that create such files are replaced here by ones that create the file and then exchange it, so that the
 * exchange always comes at the worst moment. */
#include "extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* What the attacker does with the new file. */
static enum { NOTHING, LINK_OF_VICTIM, VICTIM_ITSELF } attack;

static void exchange(int dirfd, const char *name)
{
	if (attack == NOTHING)
		return;
	t_eq(unlinkat(dirfd, name, 0), 0);
	if (attack == LINK_OF_VICTIM)
		t_eq(linkat(AT_FDCWD, tmp_in("victim"), dirfd, name, 0), 0);
	else
		t_eq(renameat(AT_FDCWD, tmp_in("victim"), dirfd, name), 0);
}

int mknodat(int dirfd, const char *name, mode_t mode, dev_t dev)
{
	int rc = (int)syscall(SYS_mknodat, dirfd, name, mode, (unsigned)dev);

	if (rc == 0)
		exchange(dirfd, name);
	return rc;
}

int symlinkat(const char *target, int dirfd, const char *name)
{
	int rc = (int)syscall(SYS_symlinkat, target, dirfd, name);

	if (rc == 0)
		exchange(dirfd, name);
	return rc;
}

/* An image with one entry. */
static void make_image(mode_t mode, struct cfs_mem *out)
{
	struct cfs_inode_spec entry = {.mode = mode | 0666, .nlink = 1, .mtime_sec = 1};
	struct cfs_builder *b;
	struct cfs_tree *tree;
	cfs_id id;

	if (S_ISLNK(mode))
		entry.payload = CFS_TEXT("target");
	t_eq(cfs_builder_new(CFS_SHA256, &b, NULL), 0);
	t_eq(cfs_builder_set_root(b, &(struct cfs_inode_spec){.mode = S_IFDIR | 0755},
				  NULL),
	     0);
	t_eq(cfs_builder_add(b, 0, CFS_TEXT("entry"), &entry, &id, NULL), 0);
	t_eq(cfs_builder_freeze(&b, &tree, &err), 0);
	t_eq(cfs_image_write(tree, &(struct cfs_image_write){0}, cfs_sink_mem(out), &err),
	     0);
	cfs_tree_free(tree);
}

static int extract(mode_t mode)
{
	cfs_autofd int dirfd = open(tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cfs_extract_report report;
	struct cfs_extract x = {
		.top = "", .dirfd = dirfd, .force = true, .as_root = geteuid() == 0};
	struct cfs_mem bytes = {0};
	struct cfs_image im;
	int rc;

	make_image(mode, &bytes);
	t_eq(cfs_image_open(cfs_mem_span(&bytes), &im, &err), 0);
	x.im = &im;
	rc = cfs_extract(&x, &report, &err);
	free(bytes.p);
	return rc;
}

static void make_victim(mode_t type)
{
	tmp_fresh();
	if (type == S_IFREG)
		tmp_text("victim", "secret");
	else if (type == S_IFLNK)
		t_eq(symlink("x", tmp_in("victim")), 0);
	else
		t_eq(mkfifo(tmp_in("victim"), 0600), 0);
	if (type != S_IFLNK)
		t_eq(chmod(tmp_in("victim"), 0600), 0);
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	t_eq(lstat(tmp_in(name), &st), 0);
	return st;
}

T(extract_without_an_attacker_makes_the_file)
{
	attack = NOTHING;
	make_victim(S_IFREG);
	t_eq(extract(S_IFIFO), 0);
	t_eq(stat_of("entry").st_mode, S_IFIFO | 0666);
	make_victim(S_IFREG);
	t_eq(extract(S_IFLNK), 0);
	t_eq(S_ISLNK(stat_of("entry").st_mode), true);
}

T(extract_changes_no_file_that_took_the_place_of_a_special_file)
{
	static const mode_t victims[] = {S_IFREG, S_IFIFO};

	attack = LINK_OF_VICTIM;
	for (size_t i = 0; i < 2; i++) {
		make_victim(victims[i]);
		t_eq(extract(S_IFIFO), -ESTALE);
		t_has(err.msg, "exchanged");
		t_eq(stat_of("victim").st_mode, victims[i] | 0600);
		t_eq(stat_of("victim").st_mtime > 1, true);
	}
}

T(extract_changes_no_file_of_another_type)
{
	attack = VICTIM_ITSELF;
	make_victim(S_IFREG);
	t_eq(extract(S_IFIFO), -ESTALE);
	t_eq(stat_of("entry").st_mode, S_IFREG | 0600);
}

T(extract_changes_no_file_that_took_the_place_of_a_symlink)
{
	attack = LINK_OF_VICTIM;
	make_victim(S_IFREG);
	t_eq(extract(S_IFLNK), -ESTALE);
	t_eq(stat_of("victim").st_mtime > 1, true);
	make_victim(S_IFLNK);
	t_eq(extract(S_IFLNK), -ESTALE);
	t_eq(stat_of("victim").st_mtime > 1, true);
}

/* Only root can make a file of another owner. */
T(extract_changes_no_file_of_another_owner)
{
	attack = VICTIM_ITSELF;
	make_victim(S_IFIFO);
	if (geteuid() != 0 || chown(tmp_in("victim"), 1000, 1000) < 0)
		return;
	t_eq(extract(S_IFIFO), -ESTALE);
	t_eq(stat_of("entry").st_uid, 1000);
	t_eq(stat_of("entry").st_mode, S_IFIFO | 0600);
}
