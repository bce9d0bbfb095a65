/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The log of a reference: reading. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/log_priv.h"

static const char header[] = "composefs log 1 ";

void repo_log_format_path(const char *name, char out[REPO_LOG_PATH_MAX])
{
	uint8_t digest[CFS_HASH_MAX_LEN];
	char hex[2 * CFS_SHA256_LEN + 1] = "";
	struct cfs_hash h;

	cfs_hash_init(&h, CFS_SHA256);
	cfs_hash_update(&h, name, strlen(name));
	cfs_hash_final(&h, digest);
	cfs_hex_encode(digest, CFS_SHA256_LEN, hex);
	snprintf(out, REPO_LOG_PATH_MAX, CFS_REPO_LOG_DIR "/%s", hex);
}

int repo_log_load(const struct cfs_repo *repo, const char *path, struct cfs_mem *out,
		  struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_unverified(repo->dirfd, path, err);
	ssize_t n;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (cfs_grow(&out->p, &out->cap, REPO_LOG_FILE_MAX + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(fd, out->p, REPO_LOG_FILE_MAX + 1, 0, err);
	if (n < 0)
		return cfs_context(err, (int)n, "%s", path);
	if (n > REPO_LOG_FILE_MAX)
		return cfs_fail(err, EINVAL, "%s: expected a log of at most %d bytes",
				path, REPO_LOG_FILE_MAX);
	out->len = (size_t)n;
	return 0;
}

/* Cuts the next line off. A last line without a newline was cut short by a crash of the machine, and is ignored. */
static bool next_log_line(struct cfs_text *left, struct cfs_text *out)
{
	const char *end = left->len ? memchr(left->s, '\n', left->len) : NULL;

	if (!end)
		return false;
	*out = (struct cfs_text){left->s, (size_t)(end - left->s)};
	*left = (struct cfs_text){end + 1, left->len - out->len - 1};
	return true;
}

bool repo_log_parse_header(struct cfs_text *left, struct cfs_text *name)
{
	if (!next_log_line(left, name) || !cfs_text_has_prefix(*name, cfs_text(header)))
		return false;
	*name = (struct cfs_text){name->s + strlen(header), name->len - strlen(header)};
	return true;
}

static struct cfs_text next_word(struct cfs_text *left)
{
	const char *blank = left->len ? memchr(left->s, ' ', left->len) : NULL;
	size_t len = blank ? (size_t)(blank - left->s) : left->len;
	struct cfs_text word = {left->s, len};

	left->s += len + (blank != NULL);
	left->len -= len + (blank != NULL);
	return word;
}

static bool parse_log_time(struct cfs_text word, int64_t *out)
{
	*out = 0;
	if (word.len == 0 || word.len > 15)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.s[i] < '0' || word.s[i] > '9')
			return false;
		*out = 10 * *out + (word.s[i] - '0');
	}
	return true;
}

static bool parse_id(struct cfs_text word, bool *has, struct cfs_digest *out)
{
	*has = !cfs_text_eq(word, CFS_TEXT("-"));
	return !*has || cfs_digest_parse(word, out, NULL) == 0;
}

bool repo_log_is_command(struct cfs_text word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.s[i] != '-' && (word.s[i] < 'a' || word.s[i] > 'z'))
			return false;
	return word.len > 0 && word.len <= REPO_LOG_COMMAND_MAX;
}

/* Parses one line of a reference's log. A line that a crash or another program damaged
 * is counted and skipped: the rest of the log is still useful. */
static int add_log_line(struct cfs_repo_log *log, struct cfs_text line,
			struct cfs_err *err)
{
	struct cfs_repo_log_entry e = {0};
	struct cfs_text time = next_word(&line), old = next_word(&line),
			new = next_word(&line);

	if (!parse_log_time(time, &e.time_sec) || !parse_id(old, &e.has_old, &e.old_id) ||
	    !parse_id(new, &e.has_new, &e.new_id) || !repo_log_is_command(line)) {
		log->n_bad++;
		return 0;
	}
	e.command = cfs_arena_copy(&log->arena, line.s, line.len);
	if (!e.command || cfs_grow(&log->v, &log->cap, log->n + 1, sizeof(e)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	log->v[log->n++] = e;
	return 0;
}

int repo_log_parse(struct cfs_text text, const char *name, struct cfs_repo_log *out,
		   struct cfs_err *err)
{
	struct cfs_text line;
	int rc = 0;

	if (text.len == 0)
		return 0;
	if (!repo_log_parse_header(&text, &line) || !cfs_text_eq(line, cfs_text(name)))
		return cfs_fail(err, EINVAL, "expected the line \"%s%s\"", header, name);
	while (rc == 0 && next_log_line(&text, &line))
		rc = add_log_line(out, line, err);
	return rc;
}

int cfs_repo_log_read(const struct cfs_repo *repo, const char *name,
		      struct cfs_repo_log *out, struct cfs_err *err)
{
	const char *ref = cfs_repo_ref_name(name);
	char path[REPO_LOG_PATH_MAX];
	struct cfs_mem file = {0};
	int rc = cfs_repo_check_ref(cfs_text(ref), err);

	if (rc < 0)
		return rc;
	repo_log_format_path(ref, path);
	rc = repo_log_load(repo, path, &file, err);
	if (rc == 0)
		rc = cfs_context(err, repo_log_parse(cfs_mem_text(&file), ref, out, err),
				 "%s", path);
	free(file.p);
	return rc;
}

void cfs_repo_log_fini(struct cfs_repo_log *log)
{
	cfs_arena_fini(&log->arena);
	free(log->v);
	*log = (struct cfs_repo_log){0};
}
