/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* damage: messages of fs-verity in the kernel log. */
#include "damage/damage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t.h"

#define HASHES                                                                           \
	"want_hash=sha256:"                                                              \
	"5d55504690cf24b26f46d577f874d2d4c6b2a3f7b1d7b2a4e6f8a9c0d1e2f3a4, "             \
	"real_hash=sha256:"                                                              \
	"ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7"

/* As Linux 6.1, 6.12 and 6.18 write them. */
static const char old_kernel[] =
	"3,1203,208818928,-;fs-verity (loop7, inode 12): FILE CORRUPTED! index=3, "
	"level=0, " HASHES;
static const char new_kernel[] =
	"3,812,12345678,-,caller=T77;fs-verity (nvme0n1p3, inode 18446744073709551615): "
	"FILE CORRUPTED! pos=4096, level=-1, " HASHES;
static const char past_end[] =
	"3,813,12345679,-;fs-verity (dm-0, inode 7): FILE CORRUPTED!  Data past EOF is "
	"not zeroed";

static bool parse(const char *text, struct cfs_damage *out)
{
	return cfs_damage_parse(cfs_text(text), out);
}

T(messages_of_all_kernels_are_understood)
{
	struct cfs_damage d;

	t_ok(parse(old_kernel, &d));
	t_eq(d.usec, 208818928);
	t_eq(d.inode, 12);
	t_str(d.device, "loop7");
	t_ok(parse(new_kernel, &d));
	t_eq(d.inode, UINT64_MAX);
	t_str(d.device, "nvme0n1p3");
	t_ok(parse(past_end, &d));
	t_str(d.device, "dm-0");
}

/* The name of an image is whatever its user chose. */
T(message_of_a_server_names_the_object)
{
	struct cfs_damage d;

	t_ok(parse("27,9,77,-;composefs[12]: a: objects/00/11: damaged: x: objects/ab/"
		   "cdef: damaged: expected sha256:abcdef, got sha256:00",
		   &d));
	t_eq(d.usec, 77);
	t_str(d.object, "ab/cdef");
	t_str(d.device, "");
}

T(other_records_are_no_damage)
{
	static const char *const others[] = {
		"",
		" SUBSYSTEM=block",
		/* programs have another facility */
		"11,1,2,-;fs-verity (vda, inode 1): FILE CORRUPTED! pos=0",
		"3,1,2,-;fs-verity (vda, inode 1): Not a block of the tree",
		"3,1,2,-;x fs-verity (vda, inode 1): FILE CORRUPTED! pos=0",
		"3,1,2,-;fs-verity: FILE CORRUPTED! pos=0",
		"3,1,2,-;fs-verity (vda, inode -1): FILE CORRUPTED! pos=0",
		"3,1,2,-;fs-verity (, inode 1): FILE CORRUPTED! pos=0",
		("3,1,2,-;fs-verity (12345678901234567890123456789012, inode 1): FILE "
		 "CORRUPTED!"),
		/* the kernel writes none of these */
		"3,1,2,-;composefs[1]: os: objects/ab/cd: damaged: expected",
		"27,1,2,-;composefs: os: objects/ab/cd: damaged: expected",
		"27,1,2,-;composefs[1]: os: objects/ab/cd: cannot be fetched: x",
		"27,1,2,-;composefs[1]: os: objects/ab/CD: damaged: expected",
		"27,1,2,-;composefs[1]: os: objects/abcd: damaged: expected",
		"27,1,2,-;composefs[1]: os: objects/ab/: damaged: expected",
		"27,1,2,-;composefs[1]: os: objects/../cd: damaged: expected",
		"27,1,2,-;composefs[1]: os: objects/ab",
		"27,1,2,-;composefs[1]: os: objects/",
		"3,1,2;",
		"3,1,2,-",
		"fs-verity (vda, inode 1): FILE CORRUPTED! pos=0",
		"[  208.818928] fs-verity (vda, inode 1): FILE CORRUPTED! pos=0",
	};
	struct cfs_damage d;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (parse(others[i], &d))
			t_fail(__FILE__, __LINE__, "taken for damage: %s", others[i]);
}

/* Reads all messages of a log with that text. */
static void read_log(const char *text, size_t len, struct cfs_damage_list *out)
{
	char path[] = "damage-test-XXXXXX";
	int fd = mkstemp(path);
	struct cfs_damage_log log;
	struct cfs_err err;

	t_ok(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
	if (cfs_damage_log_open(path, true, &log, &err) < 0 ||
	    cfs_damage_log_read(&log, out, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	cfs_damage_log_close(&log);
	unlink(path);
}

T(log_is_read_with_its_other_lines_and_sorted_by_inode)
{
	char text[4096];
	struct cfs_damage_list list = {0};

	snprintf(text, sizeof(text),
		 "6,1,0,-;Linux version 6.12\n%s\n DEVICE=b7:7\n\n%s\n%s\n%s", new_kernel,
		 old_kernel, past_end, old_kernel);
	read_log(text, strlen(text), &list);
	t_eq(list.n, 3); /* the last line has no end */
	t_eq(list.v[0].inode, 7);
	t_eq(list.v[1].inode, 12);
	t_eq(list.v[2].inode, UINT64_MAX);
	free(list.v);
}

T(a_line_without_end_is_passed_over)
{
	size_t len = 4 * CFS_DAMAGE_RECORD_MAX, at = len;
	char *text = malloc(len + 2 * sizeof(old_kernel) + 8);
	struct cfs_damage_list list = {0};

	/* The rest of the long line, behind two full buffers, looks like a record. */
	memset(text, 'x', len);
	at += (size_t)sprintf(text + at, "%s\n%s\n", old_kernel, past_end);
	read_log(text, at, &list);
	t_eq(list.n, 1);
	t_eq(list.v[0].inode, 7);
	free(list.v);
	free(text);
}

T(missing_log_is_an_error_that_names_it)
{
	struct cfs_damage_log log;
	struct cfs_err err;

	t_eq(cfs_damage_log_open("no/log", false, &log, &err), -ENOENT);
	t_has(err.msg, "no/log");
	cfs_damage_log_close(&log);
}

T(limit_allows_n_events_in_a_time)
{
	struct cfs_damage_limit l = {.max = 2, .window_sec = 10};

	t_ok(cfs_damage_limit_take(&l, 100));
	t_ok(cfs_damage_limit_take(&l, 105));
	t_ok(!cfs_damage_limit_take(&l, 109));
	t_ok(cfs_damage_limit_take(&l, 110));
	t_ok(!cfs_damage_limit_take(&l, 114));
	t_ok(cfs_damage_limit_take(&l, 115));
	t_ok(!cfs_damage_limit_take(&l, 50)); /* the clock was set back */
	l = (struct cfs_damage_limit){.max = 0, .window_sec = 10};
	t_ok(!cfs_damage_limit_take(&l, 1));
}

T(a_key_is_new_again_after_its_time)
{
	struct cfs_damage_seen *s = calloc(1, sizeof(*s));
	char key[32];

	t_eq(cfs_damage_seen_add(s, "a", 100, 10), 1);
	t_eq(cfs_damage_seen_add(s, "a", 109, 10), 0);
	t_eq(cfs_damage_seen_add(s, "b", 109, 10), 1);
	t_eq(cfs_damage_seen_add(s, "a", 110, 10), 1);
	t_eq(cfs_damage_seen_add(s, "a", 119, 10), 0);
	for (int i = 0; i < CFS_DAMAGE_SEEN_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		t_eq(cfs_damage_seen_add(s, key, 119, 10), 1);
	}
	t_eq(s->n, CFS_DAMAGE_SEEN_MAX);
	t_eq(cfs_damage_seen_add(s, "a", 119, 10), 1); /* forgotten */
	t_eq(cfs_damage_seen_add(s, key, 119, 10), 0);
	cfs_damage_seen_fini(s);
	free(s);
}

T(descriptor_of_another_program_is_no_object_directory)
{
	const char *dirs[] = {"/proc/self/cwd"};
	const struct cfs_image_mount m = {.objects = dirs, .n_objects = 1};
	const struct cfs_mount_table table = {0};
	const struct cfs_damage_list none = {0};
	struct cfs_damaged_list found = {0};
	struct cfs_arena arena = {0};
	struct cfs_err err;

	t_eq(cfs_damage_find(&m, &table, &none, &arena, &found, &err), -ENOENT);
	t_has(err.msg, "does not tell the path");
}
