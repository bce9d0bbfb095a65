/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints a line of a listing. */
#include "cli/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "cli/times.h"
#include "dump/dump.h"

static int list_stored_file(struct cfs_out *out, const struct cfs_image *im,
			    const struct cfs_inode *inode, struct cfs_err *err)
{
	struct cfs_text backing;
	int rc = cfs_image_read_backing(im, inode, &backing, err);

	if (rc < 0 || backing.len == 0)
		return rc;
	cfs_out_text(out, CFS_TEXT("\t@ "));
	cfs_dump_escape(out, backing, CFS_DUMP_FIELD);
	return 0;
}

static int list_symlink(struct cfs_out *out, const struct cfs_inode *inode,
			struct cfs_err *err)
{
	struct cfs_text target;
	int rc = cfs_inode_read_target(inode, &target, err);

	if (rc < 0)
		return rc;
	cfs_out_text(out, CFS_TEXT("\t-> "));
	cfs_dump_escape(out, target, CFS_DUMP_FIELD);
	return 0;
}

int list_put_line(struct cfs_out *out, const struct cfs_image *im, struct cfs_text path,
		  const struct cfs_inode *inode, bool again, struct cfs_err *err)
{
	int rc = 0;

	cfs_dump_escape(out, path, CFS_DUMP_SPACES);
	if (S_ISDIR(inode->mode))
		cfs_out_text(out, CFS_TEXT("/\t"));
	else if (S_ISLNK(inode->mode) && !again)
		rc = list_symlink(out, inode, err);
	else if (S_ISREG(inode->mode) && !again)
		rc = list_stored_file(out, im, inode, err);
	cfs_out_char(out, '\n');
	return rc;
}

void list_put_name(struct cfs_out *out, struct cfs_text path,
		   const struct cfs_inode *inode)
{
	cfs_dump_escape(out, path, CFS_DUMP_SPACES);
	cfs_out_text(out, S_ISDIR(inode->mode) ? CFS_TEXT("/\n") : CFS_TEXT("\n"));
}

/* --- ls -l -------------------------------------------------------------------------- */

static char type_letter(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '-';
	}
}

/* "rwxr-sr-t" */
static void format_mode(uint32_t mode, char out[11])
{
	static const char all[] = "rwxrwxrwx";

	out[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		out[1 + i] = mode & (0400u >> i) ? all[i] : '-';
	if (mode & S_ISUID)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (mode & S_ISGID)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (mode & S_ISVTX)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
}

int list_long(struct cfs_out *out, struct cfs_text path, const struct cfs_inode *inode,
	      struct cfs_err *err)
{
	char mode[11], when[CLI_TIME_MAX], size[32];
	bool device = S_ISCHR(inode->mode) || S_ISBLK(inode->mode);
	struct cfs_text target = {0};
	int rc = S_ISLNK(inode->mode) ? cfs_inode_read_target(inode, &target, err) : 0;

	if (rc < 0)
		return rc;
	format_mode(inode->mode, mode);
	if (device)
		snprintf(size, sizeof(size), "%u, %u", major(inode->rdev),
			 minor(inode->rdev));
	else
		snprintf(size, sizeof(size), "%" PRIu64, inode->size);
	cfs_out_printf(out, "%s %3u %5u %5u %10s %s ", mode, inode->nlink, inode->uid,
		       inode->gid, size, cli_format_local_time(inode->mtime_sec, when));
	cfs_dump_escape(out, path.len ? path : CFS_TEXT("/"), CFS_DUMP_SPACES);
	if (target.len) {
		cfs_out_text(out, CFS_TEXT(" -> "));
		cfs_dump_escape(out, target, CFS_DUMP_FIELD);
	}
	cfs_out_char(out, '\n');
	return 0;
}
