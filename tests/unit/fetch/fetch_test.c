/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What composefs-fetch is believed, and URLs as they are shown. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fetch/fetch.h"
#include "t.h"

static const uint64_t max[] = {10, 20};

static int decode(struct cfs_fetch_round *r, uint32_t index, int32_t code,
		  struct cfs_fetch_file file)
{
	struct cfs_fetch_answer a = {.index = index, .code = code}, out;

	return cfs_fetch_decode(r, (struct cfs_span){(const uint8_t *)&a, sizeof(a)},
				&file, &out, NULL);
}

static const struct cfs_fetch_file none,
	fits = {.n = 1, .is_regular = true, .is_readable = true, .size = 10};

T(each_object_is_answered_once)
{
	struct cfs_fetch_round r;

	t_eq(cfs_fetch_round_init(&r, max, 2, NULL), 0);
	t_eq(decode(&r, 1, -ENOENT, none), 0);
	t_eq(decode(&r, 0, 0, fits), 0);
	t_eq(r.n_answered, 2);
	t_eq(decode(&r, 1, -ENOENT, none), -EPROTO);
	t_eq(r.n_answered, 2);
	cfs_fetch_round_fini(&r);
}

T(nothing_is_read_after_an_invalid_answer)
{
	struct cfs_fetch_round r;

	t_eq(cfs_fetch_round_init(&r, max, 2, NULL), 0);
	t_eq(decode(&r, 2, -ENOENT, none), -EPROTO);
	t_eq(decode(&r, 0, -ENOENT, none), -EPROTO);
	t_eq(r.n_answered, 0);
	cfs_fetch_round_fini(&r);
}

T(only_a_regular_file_without_a_name_and_of_that_size_is_taken)
{
	struct cfs_fetch_file bad[] = {fits, fits, fits, fits, fits, fits};

	bad[0].n = 2;
	bad[1].is_regular = false;
	bad[2].is_readable = false;
	bad[3].n_links = 1;
	bad[4].size = 11;
	bad[5].is_truncated = true;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cfs_fetch_round r;

		t_eq(cfs_fetch_round_init(&r, max, 2, NULL), 0);
		t_eq(decode(&r, 0, 0, bad[i]), -EPROTO);
		cfs_fetch_round_fini(&r);
	}
}

T(a_silent_socket_is_given_up_after_the_timeout)
{
	struct cfs_fetch_round r;
	struct cfs_fetch_answer a;
	int pair[2], fd;

	t_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	t_eq(cfs_fetch_round_init(&r, max, 2, NULL), 0);
	t_eq(cfs_fetch_receive(&r, pair[0], cfs_lock_get_now_ms() + 10, NULL, &a, &fd,
			       NULL),
	     -ETIMEDOUT);
	t_eq(close(pair[1]), 0);
	t_eq(cfs_fetch_receive(&r, pair[0], cfs_lock_get_now_ms() + 10000, NULL, &a, &fd,
			       NULL),
	     0);
	t_eq(fd, -1);
	cfs_fetch_round_fini(&r);
	close(pair[0]);
}

T(urls_are_shown_without_user_password_and_query)
{
	static const char *const cases[][2] = {
		{"http://host/a@b", "http://host/a@b"},
		{"https://me:secret@host:80/x", "https://host:80/x"},
		{"http://me@host", "http://host"},
		{"http://me:se@cret@host/x", "http://host/x"},
		{"http://host/x?token=secret", "http://host/x?..."},
		{"http://host#secret", "http://host?..."},
		{"http://me:se/cret@host/x", "http://..."},
		{"http://[::1]:80/x", "http://[::1]:80/x"},
		{"http://me:secret@[::1]/x", "http://[::1]/x"},
		{"dir/x", "dir/x"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		t_str(cfs_fetch_public_url(cases[i][0], buf, sizeof(buf)), cases[i][1]);
	t_str(cfs_fetch_public_url("http://host/long", buf, 9), "http://h");
}
