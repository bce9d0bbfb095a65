/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: errors keep their reason, spans refuse what is outside, sinks and pools deliver
 * all. */
#include "t.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/base.h"

T(error_carries_code_and_sentence)
{
	struct cfs_err err;

	t_eq(cfs_fail(&err, EINVAL, "expected %d", 3), -EINVAL);
	t_str(err.msg, "expected 3");
	t_eq(cfs_context(&err, -EINVAL, "line %d", 7), -EINVAL);
	t_str(err.msg, "line 7: expected 3");
	t_eq(cfs_context(&err, 5, "unused"), 5);
	t_str(err.msg, "line 7: expected 3");
}

T(error_takes_the_reason_from_errno)
{
	struct cfs_err err;

	errno = ENOENT;
	t_eq(cfs_fail_errno(&err, "open %s", "x"), -ENOENT);
	t_str(err.msg, "open x: No such file or directory");
}

T(error_without_a_struct_still_returns_the_code)
{
	errno = EACCES;
	t_eq(cfs_fail_errno(NULL, "x"), -EACCES);
	t_eq(cfs_fail(NULL, EIO, "x"), -EIO);
	t_eq(cfs_context(NULL, -EIO, "x"), -EIO);
}

T(error_that_is_too_long_keeps_its_reason)
{
	char place[CFS_ERR_MAX];
	struct cfs_err err;

	memset(place, 'p', sizeof(place) - 1);
	place[sizeof(place) - 1] = '\0';
	cfs_fail(&err, EINVAL, "the reason");
	cfs_context(&err, -EINVAL, "%s", place);
	t_str(err.msg, "the reason");
}

T(span_refuses_ranges_outside)
{
	static const uint8_t bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
	struct cfs_span all = {bytes, 8}, sub;

	t_ok(cfs_span_sub(all, 0, 8, &sub) && sub.len == 8);
	t_ok(cfs_span_sub(all, 8, 0, &sub) && sub.len == 0);
	t_ok(cfs_span_sub(all, 3, 2, &sub) && sub.p == bytes + 3);
	t_ok(!cfs_span_sub(all, 0, 9, &sub));
	t_ok(!cfs_span_sub(all, 9, 0, &sub));
	t_ok(!cfs_span_sub(all, UINT64_MAX, 2, &sub));
	t_ok(!cfs_span_sub(all, 2, UINT64_MAX, &sub));
	t_ok(cfs_span_holds(all, all));
	t_ok(cfs_span_holds(all, (struct cfs_span){bytes + 8, 0}));
	t_ok(!cfs_span_holds((struct cfs_span){bytes + 1, 7}, all));
	t_ok(!cfs_span_holds((struct cfs_span){bytes, 7}, all));
	t_ok(!cfs_span_holds((struct cfs_span){bytes, 2},
			     (struct cfs_span){bytes + 4, 1}));
}

/* With a sanitizer of undefined behaviour: no sum with NULL, no comparison at it. */
T(empty_span_is_valid)
{
	struct cfs_span nothing = {0}, sub = {(const uint8_t *)"x", 1};
	struct cfs_text none = {0};

	t_ok(cfs_span_sub(nothing, 0, 0, &sub) && sub.len == 0);
	t_ok(!cfs_span_sub(nothing, 0, 1, &sub));
	t_ok(cfs_text_has_prefix(none, CFS_TEXT("")));
	t_ok(cfs_text_has_prefix(CFS_TEXT("x"), none));
	t_ok(!cfs_text_has_prefix(none, CFS_TEXT("x")));
}

T(sums_of_untrusted_numbers_are_checked)
{
	uint64_t out = 1;

	t_ok(cfs_add(1, 2, &out) && out == 3);
	t_ok(!cfs_add(UINT64_MAX, 1, &out) && out == 3);
	t_ok(cfs_mul(5, 6, &out) && out == 30);
	t_ok(!cfs_mul(UINT64_MAX, 2, &out) && out == 30);
	t_eq(cfs_align_up(4096, 4096), 4096);
	t_eq(cfs_align_up(4097, 4096), 8192);
	t_eq(cfs_align_down(4097, 4096), 4096);
}

T(text_orders_by_unsigned_bytes_shorter_first)
{
	t_ok(cfs_text_cmp(CFS_TEXT("a"), CFS_TEXT("ab")) < 0);
	t_ok(cfs_text_cmp(CFS_TEXT("\xff"), CFS_TEXT("a")) > 0);
	t_eq(cfs_text_cmp(CFS_TEXT("ab"), CFS_TEXT("ab")), 0);
	t_ok(cfs_text_has_prefix(CFS_TEXT("user.a"), CFS_TEXT("user.")));
	t_ok(!cfs_text_has_prefix(CFS_TEXT("use"), CFS_TEXT("user.")));
}

T(hex_is_encoded_and_decoded_and_other_text_refused)
{
	uint8_t out[2] = {9, 9};
	char hex[5] = {0};

	t_ok(cfs_hex_decode(CFS_TEXT("a0Ff"), out, 2));
	t_ok(out[0] == 0xa0 && out[1] == 0xff);
	t_ok(!cfs_hex_decode(CFS_TEXT("a0F"), out, 2));
	t_ok(!cfs_hex_decode(CFS_TEXT("a0Fg"), out, 2));
	cfs_hex_encode(out, 2, hex);
	t_eq(cfs_hex_decode_digit('/'), -1);
}

T(base64_decodes_what_it_encodes)
{
	static const char *const texts[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "+/8A"};
	uint8_t bytes[8];
	char text[16];
	size_t len;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		t_ok(cfs_base64_decode(cfs_text(texts[i]), bytes, sizeof(bytes), &len));
		cfs_base64_encode(bytes, len, text);
		t_str(text, texts[i]);
	}
}

T(base64_accepts_one_form_for_each_content)
{
	static const char *const bad[] = {"Zg=",  "Zg",	      "Z===",	"====", "Zh==",
					  "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm-v", "=m9v"};
	uint8_t out[6];
	size_t len;

	t_ok(cfs_base64_decode(CFS_TEXT("Zm9vYmFy"), out, 6, &len) && len == 6);
	t_mem(out, "foobar", 6);
	t_ok(!cfs_base64_decode(CFS_TEXT("Zm9vYmFy"), out, 5, &len));
	t_ok(cfs_base64_decode(CFS_TEXT("Zm8="), out, 2, &len) && len == 2);
	t_ok(cfs_base64_decode(CFS_TEXT("+/8A"), out, 6, &len) && len == 3);
	t_mem(out, "\xfb\xff\0", 3);
	t_ok(cfs_base64_decode(CFS_TEXT(""), out, 0, &len) && len == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_ok(!cfs_base64_decode(cfs_text(bad[i]), out, 6, &len));
}

/* Each byte in each place of a word of eight digits, and behind it: the word must not differ from
 * the single digit. */
T(hex_takes_the_same_digits_wherever_they_stand)
{
	static const char table[] = "0123456789abcdefABCDEF";
	uint8_t out[5];
	char s[10], back[10];

	for (int c = 0; c < 256; c++) {
		const char *digit = c ? strchr(table, c) : NULL;
		int value = digit ? (int)(digit - table) : -1;

		if (value > 15)
			value -= 6;
		t_eq(cfs_hex_decode_digit((char)c), value);
		for (size_t at = 0; at < sizeof(s); at++) {
			struct cfs_text text = {s, sizeof(s)};

			memcpy(s, "09af09af5c", sizeof(s));
			s[at] = (char)c;
			t_eq(cfs_hex_decode(text, out, sizeof(out)), value >= 0);
			if (value < 0)
				continue;
			s[at] = table[value];
			cfs_hex_encode(out, sizeof(out), back);
			t_ok(memcmp(s, back, sizeof(s)) == 0);
		}
	}
}

T(arena_gives_aligned_memory_that_stays)
{
	struct cfs_arena a = {0};
	uint8_t *p[1000];

	for (int i = 0; i < 1000; i++) {
		p[i] = cfs_arena_alloc(&a, (size_t)i * 3 + 1, 8);
		t_ok(p[i] && (uintptr_t)p[i] % 8 == 0);
		memset(p[i], i, (size_t)i * 3 + 1);
	}
	for (int i = 0; i < 1000; i++)
		t_ok(p[i][0] == (uint8_t)i && p[i][i * 3] == (uint8_t)i);
	t_ok(cfs_arena_alloc(&a, 3 * 1024 * 1024, 1) != NULL);
	t_str(cfs_arena_copy(&a, "abc", 3), "abc");
	cfs_arena_fini(&a);
}

T(buffers_for_reading_begin_with_a_page)
{
	const size_t lens[] = {1, 4096, 4097, 300000};

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		uint8_t *p = cfs_page_alloc(lens[i]);

		t_ok(p && (uintptr_t)p % 4096 == 0);
		memset(p, 1, lens[i]);
		free(p);
	}
	t_ok(cfs_page_alloc(SIZE_MAX) == NULL);
}

T(growing_array_keeps_what_it_held)
{
	size_t cap = 0;
	int *v = NULL;

	for (int i = 0; i < 10000; i++) {
		t_eq(cfs_grow(&v, &cap, (size_t)i + 1, sizeof(*v)), 0);
		v[i] = i;
	}
	for (int i = 0; i < 10000; i++)
		t_eq(v[i], i);
	t_eq(cfs_grow(&v, &cap, SIZE_MAX / 2, sizeof(*v)), -ENOMEM);
	free(v);
}

T(buffered_output_arrives_whole_at_both_ends_of_a_tee)
{
	struct cfs_mem a = {0}, b = {0};
	struct cfs_tee tee = {cfs_sink_mem(&a), cfs_sink_mem(&b)};
	struct cfs_out out;
	char big[1000];

	t_eq(cfs_out_init(&out, cfs_sink_tee(&tee), 64), 0);
	memset(big, 'x', sizeof(big));
	cfs_out_put(&out, "ab", 2);
	cfs_out_put(&out, big, sizeof(big));
	cfs_out_put_zeros(&out, 5000);
	cfs_out_printf(&out, "%0300d", 7);
	t_eq(cfs_out_flush(&out, NULL), 0);
	t_eq(out.total, 2 + 1000 + 5000 + 300);
	t_eq(a.len, out.total);
	t_eq(b.len, out.total);
	t_mem(a.p, b.p, a.len);
	t_ok(memcmp(a.p, "abxxx", 5) == 0 && a.p[1002] == 0 && a.p[a.len - 1] == '7');
	cfs_out_fini(&out);
	free(a.p);
	free(b.p);
}

static int full(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx, (void)p, (void)len;
	return cfs_fail(err, ENOSPC, "full");
}

/* Notes the length of each piece. */
struct pieces {
	size_t len[8];
	size_t n;
};

static int note_piece(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct pieces *seen = ctx;

	(void)p, (void)err;
	seen->len[seen->n++] = len;
	return 0;
}

T(buffer_is_filled_in_place_and_written_in_whole_pages)
{
	struct pieces seen = {.n = 0};
	struct cfs_out out;

	t_eq(cfs_out_init(&out, (struct cfs_sink){note_piece, &seen}, 8192), 0);
	memset(cfs_out_room(&out, 5000), 'a', 5000);
	memset(cfs_out_room(&out, 5000), 'b', 5000); /* 904 bytes stay in front of it */
	t_ok(out.buf[903] == 'a' && out.buf[904] == 'b');
	memset(cfs_out_room(&out, 8000), 'c', 8000); /* no room for a rest */
	t_eq(cfs_out_flush(&out, NULL), 0);
	t_eq(out.total, 18000);
	t_eq(seen.n, 3);
	t_eq(seen.len[0], 4096);
	t_eq(seen.len[1], 5904);
	t_eq(seen.len[2], 8000);
	cfs_out_fini(&out);
}

T(buffered_output_keeps_the_first_error)
{
	struct cfs_err err;
	struct cfs_out out;

	t_eq(cfs_out_init(&out, (struct cfs_sink){full, NULL}, 16), 0);
	for (int i = 0; i < 100; i++)
		cfs_out_put(&out, "abcdef", 6);
	t_eq(cfs_out_flush(&out, &err), -ENOSPC);
	t_str(err.msg, "full");
	cfs_out_fini(&out);
}

struct pool_job {
	atomic_int runs;
	uint8_t seen[1000];
	size_t fail_from;
};

static int piece(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct pool_job *job = ctx;

	(void)worker;
	atomic_fetch_add(&job->runs, 1);
	job->seen[i]++;
	return i >= job->fail_from ? cfs_fail(err, EIO, "piece %zu", i) : 0;
}

T(pool_does_each_piece_once_and_reports_the_first_failure)
{
	for (unsigned threads = 1; threads <= 8; threads++) {
		struct pool_job job = {.fail_from = SIZE_MAX};
		struct cfs_err err;

		t_eq(cfs_pool_run(threads, 1000, piece, &job, NULL, &err), 0);
		for (int i = 0; i < 1000; i++)
			t_eq(job.seen[i], 1);
		job.fail_from = 500;
		t_eq(cfs_pool_run(threads, 1000, piece, &job, NULL, &err), -EIO);
		t_str(err.msg, "piece 500");
	}
	t_eq(cfs_pool_run(4, 0, piece, NULL, NULL, NULL), 0);
	t_ok(cfs_pool_count_cpus() >= 1);
	t_ok(cfs_pool_count_readers() >= 8 &&
	     cfs_pool_count_readers() >= cfs_pool_count_cpus());
}

T(file_is_mapped_pipe_is_read_directory_is_refused)
{
	char path[] = "/tmp/cfs-base-XXXXXX";
	int fd = mkstemp(path), p[2];
	struct cfs_map map;
	struct cfs_err err;
	char back[8];

	t_ok(fd >= 0);
	unlink(path);
	t_eq(cfs_map_fd(fd, &map, &err), 0);
	t_eq(map.span.len, 0);
	cfs_map_close(&map);
	t_eq(cfs_io_write(fd, "hello", 5, &err), 0);
	t_eq(cfs_map_fd(fd, &map, &err), 0);
	t_ok(map.mapped && map.span.len == 5);
	cfs_map_close(&map);
	t_eq(cfs_map_copy(fd, &map, &err), 0);
	t_ok(!map.mapped && map.span.len == 5 && memcmp(map.span.p, "hello", 5) == 0);
	cfs_map_close(&map);
	t_eq(cfs_io_pread(fd, back, sizeof(back), 1, &err), 4);
	close(fd);
	t_eq(pipe(p), 0);
	t_eq(cfs_io_write(p[1], "pipe", 4, &err), 0);
	close(p[1]);
	t_eq(cfs_map_fd(p[0], &map, &err), 0);
	t_ok(map.span.len == 4 && memcmp(map.span.p, "pipe", 4) == 0);
	cfs_map_close(&map);
	close(p[0]);
	fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	t_eq(cfs_map_fd(fd, &map, &err), -EISDIR);
	close(fd);
}

static bool is_mapped_when_parsed(int fd)
{
	struct cfs_map map;
	bool mapped;

	t_eq(cfs_map_stable(fd, &map, NULL), 0);
	t_ok(map.span.len == 5 && memcmp(map.span.p, "hello", 5) == 0);
	mapped = map.mapped;
	cfs_map_close(&map);
	return mapped;
}

/* What others write into a mapping was not checked, and may lead anywhere. */
T(file_that_others_can_change_is_copied)
{
	char path[] = "/tmp/cfs-base-XXXXXX";
	int fd = mkstemp(path);

	t_ok(fd >= 0);
	unlink(path);
	t_eq(cfs_io_write(fd, "hello", 5, NULL), 0);
	t_ok(is_mapped_when_parsed(fd));
	t_eq(fchmod(fd, 0620), 0);
	t_ok(!is_mapped_when_parsed(fd));
	t_eq(fchmod(fd, 0602), 0);
	t_ok(!is_mapped_when_parsed(fd));
	t_eq(fchmod(fd, 0644), 0);
	t_ok(is_mapped_when_parsed(fd));
	if (geteuid() == 0 && fchown(fd, 1, 1) == 0)
		t_ok(!is_mapped_when_parsed(fd));
	close(fd);
}

T(only_two_dots_leave_a_directory)
{
	static const char *const stay[] = {"",	    "/",     "a",   "...",
					   "a/..b", "a../b", "..a", "."},
				 *const leave[] = {"..", "../a", "a/..", "a//../b",
						   "/.."};

	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		t_ok(!cfs_path_leaves(cfs_text(stay[i])));
	for (size_t i = 0; i < sizeof(leave) / sizeof(leave[0]); i++)
		t_ok(cfs_path_leaves(cfs_text(leave[i])));
}

T(unnamed_file_is_published_once)
{
	char dir[] = "/tmp/cfs-base-XXXXXX";
	int dirfd, fd;

	t_ok(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	fd = openat(dirfd, ".", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		t_skip("no O_TMPFILE here: %s", strerror(errno));
	t_eq(cfs_io_publish(fd, dirfd, "name", NULL), 0);
	t_eq(cfs_io_publish(fd, dirfd, "name", NULL), -EEXIST);
	t_eq(unlinkat(dirfd, "name", 0), 0);
	close(fd);
	close(dirfd);
	rmdir(dir);
}

/* A directory of its own for a test, and what it holds afterwards: names but "." and "..". */
static int names_in(const char *dir)
{
	DIR *d = opendir(dir);
	int n = -2;

	t_ok(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	t_ok(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *read_file(const char *path)
{
	static char buf[256];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

	t_ok(f);
	fclose(f);
	buf[n] = '\0';
	return buf;
}

T(replaced_file_is_whole_or_as_it_was)
{
	char dir[] = "/tmp/cfs-base-XXXXXX", path[64], link[64];
	struct cfs_replace r;
	struct stat st;

	t_ok(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	t_eq(cfs_replace_open(path, &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "one", 3, NULL), 0);
	t_ok(access(path, F_OK) < 0);
	t_eq(cfs_replace_commit(&r, NULL), 0);
	t_str(read_file(path), "one");

	t_eq(chmod(path, 0604), 0);
	t_eq(symlink("file", link), 0);
	t_eq(cfs_replace_open(link, &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "two", 3, NULL), 0);
	t_str(read_file(path), "one");
	t_eq(cfs_replace_commit(&r, NULL), 0);
	t_str(read_file(path), "two");
	t_eq(lstat(link, &st), 0);
	t_ok(S_ISLNK(st.st_mode));
	t_eq(stat(path, &st), 0);
	t_eq(st.st_mode & 07777, 0604);

	t_eq(cfs_replace_open(path, &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "three", 5, NULL), 0);
	cfs_replace_abort(&r);
	cfs_replace_abort(&r);
	t_str(read_file(path), "two");
	t_eq(names_in(dir), 2);
	unlink(link);
	unlink(path);
	t_eq(rmdir(dir), 0);
}

T(base64_encodes_as_rfc_4648)
{
	static const char *const words[] = {"",		"Zg==",	    "Zm8=",    "Zm9v",
					    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	char text[16];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cfs_base64_encode("foobar", i, text);
		t_str(text, words[i]);
	}
	cfs_base64_encode("\xff\xff\xfe", 3, text);
	t_str(text, "///+");
}

T(temporary_name_that_a_killed_process_left_is_removed_by_the_next)
{
	char dir[] = "/tmp/cfs-base-XXXXXX", path[64], left[64];
	struct cfs_replace r;
	int other;

	t_ok(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(left, sizeof(left), "%s/.file.cfs-tmp", dir);
	write_file(path, "old");
	write_file(left, "of a killed process");
	t_eq(cfs_replace_open(path, &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "new", 3, NULL), 0);
	t_eq(cfs_replace_commit(&r, NULL), 0);
	t_str(read_file(path), "new");
	t_eq(names_in(dir), 1);

	/* One that somebody works on is left alone. */
	write_file(left, "of another process");
	other = open(left, O_RDONLY);
	t_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	t_eq(cfs_replace_open(path, &r, NULL), 0);
	t_eq(cfs_replace_commit(&r, NULL), 0);
	t_str(read_file(left), "of another process");
	t_eq(names_in(dir), 2);
	close(other);
	unlink(left);
	unlink(path);
	t_eq(rmdir(dir), 0);
}

T(devices_and_descriptors_are_written_straight_directories_are_refused)
{
	char dir[] = "/tmp/cfs-base-XXXXXX", path[64];
	struct cfs_replace r;
	int fd;

	t_ok(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	write_file(path, "before");
	t_eq(cfs_replace_open("/dev/null", &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "x", 1, NULL), 0);
	t_eq(cfs_replace_commit(&r, NULL), 0);
	t_eq(cfs_replace_open(dir, &r, NULL), -EISDIR);
	t_eq(cfs_replace_open("/nonexistent/file", &r, NULL), -ENOENT);
	fd = open(path, O_RDWR);
	t_ok(fd >= 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	t_eq(cfs_replace_open(path, &r, NULL), 0);
	t_eq(cfs_io_write(r.fd, "after", 5, NULL), 0);
	t_eq(cfs_replace_commit(&r, NULL), 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	t_str(read_file(path), "after");
	close(fd);
	unlink(path);
	t_eq(rmdir(dir), 0);
}
