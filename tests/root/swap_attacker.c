/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Another user who owns a directory that root works in: takes away one entry after the other and puts
 * something else in its place for a moment, until it is killed.
 *
 *     swap_attacker UID SEED TREE WEAPONS
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATHS_MAX = 4096, PATH_LEN_MAX = 512, WALK_EVERY = 64 };

static char paths[PATHS_MAX][PATH_LEN_MAX];
static size_t n_paths;
static uint64_t state;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void list_tree(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)) && n_paths < PATHS_MAX) {
		char *path = paths[n_paths];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    snprintf(path, PATH_LEN_MAX, "%s/%s", dir, e->d_name) >= PATH_LEN_MAX)
			continue;
		n_paths++;
		if (e->d_type == DT_DIR)
			list_tree(path);
	}
	if (d)
		closedir(d);
}

static void wait_a_moment(void)
{
	struct timespec ts = {.tv_nsec = (long)(next_random() % 300000)};

	nanosleep(&ts, NULL);
}

/* The weapon comes into the directory first: a directory that belongs to root can change its name there, but
 * not its parent. */
static void swap_once(const char *path, const char *weapon)
{
	char beside[PATH_LEN_MAX + 16];
	const char *slash = strrchr(path, '/');

	snprintf(beside, sizeof(beside), "%.*s/.swapped", (int)(slash - path), path);
	if (rename(weapon, beside) < 0)
		return;
	if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
		wait_a_moment();
		renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_EXCHANGE);
	}
	rename(beside, weapon);
}

int main(int argc, char **argv)
{
	char weapons[64][PATH_LEN_MAX];
	size_t n_weapons;
	uid_t uid;

	if (argc != 5)
		return 2;
	uid = (uid_t)atoi(argv[1]);
	state = (uint64_t)atoll(argv[2]) * 2654435761U + 1;
	if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
		return 1;
	list_tree(argv[4]);
	n_weapons = n_paths < 64 ? n_paths : 64;
	if (n_weapons == 0)
		return 1;
	memcpy(weapons, paths, n_weapons * sizeof(*paths));
	for (unsigned i = 0;; i++) {
		if (i % WALK_EVERY == 0) {
			n_paths = 0;
			list_tree(argv[3]);
		}
		if (n_paths)
			swap_once(paths[next_random() % n_paths],
				  weapons[next_random() % n_weapons]);
		wait_a_moment();
	}
}
