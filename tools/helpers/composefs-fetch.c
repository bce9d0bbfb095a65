/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-fetch: gets objects by HTTP; "composefs repair --from=URL" calls it. A program of its own, so that libcurl
 * stays out of the others. It believes the server nothing but the bytes, and not more of them than were asked for; whether
 * they are right, its caller finds out.
 *
 *     composefs-fetch DIR    reads URL, a line of its own, then "xx/rest SIZE" a line, gets URL/objects/xx/rest, writes to
 *                            files without a name in DIR, and sends them as fetch/fetch.h says
 *
 * The environment has limits: see composefs-repair(1).
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statvfs.h>

#include "cli/cli.h"
#include "fetch/fetch.h"

enum {
	N_JOBS = 8, /* at the same time */
	REDIRECTS_MAX = 5,
	CONNECT_SECONDS = 30,
	POLL_MS = 1000,
	PATH_LEN_MAX = 256,
	URL_LEN_MAX = 8192,
	MIN_RATE = 1000,    /* bytes a second */
	STALL_SECONDS = 30, /* below that */
	RESERVE = 64 << 20, /* bytes that stay free */
};

/* What a server may take of time and space. */
struct limits {
	long min_rate,
		stall;	  /* fewer bytes a second, for so many seconds, end a transfer */
	uint64_t reserve; /* bytes that stay free */
};

struct job {
	CURL *easy;
	uint32_t index;
	uint64_t max, got, reserve;
	int fd;	    /* -1: it does nothing */
	int errnum; /* why it could not be written */
	char why[CURL_ERROR_SIZE];
};

struct fetch {
	char url[URL_LEN_MAX];
	const char *dir;
	struct limits limits;
	CURLM *multi;
	struct job jobs[N_JOBS];
	uint32_t next; /* line */
	bool no_more;  /* all lines were read, or nobody answers there */
	size_t running;
};

/* --- one object -------------------------------------------------------------------------- */

/* Would enough stay free? A file system that tells no size (that of a memory file) is not asked. */
static bool has_room(const struct job *job, size_t len)
{
	struct statvfs st;

	if (fstatvfs(job->fd, &st) < 0 || st.f_blocks == 0)
		return true;
	return (uint64_t)st.f_bavail * st.f_frsize >= job->reserve + len;
}

/* For curl: fewer bytes than len end the transfer. */
static size_t take_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct job *job = ctx;
	size_t len = size * n;
	struct cfs_err err;
	int rc;

	if (len > job->max - job->got) {
		job->errnum = EFBIG;
		return CURL_WRITEFUNC_ERROR;
	}
	if (!has_room(job, len)) {
		job->errnum = ENOSPC;
		return CURL_WRITEFUNC_ERROR;
	}
	rc = cfs_io_write(job->fd, p, len, &err);
	if (rc < 0) {
		job->errnum = -rc;
		return CURL_WRITEFUNC_ERROR;
	}
	job->got += len;
	return len;
}

static int temporary(const char *dir, struct cfs_err *err)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = memfd_create("object", MFD_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "%s: temporary file", dir) : fd;
}

/* A secure place does not lead to one that is not. */
static void restrain(const struct fetch *f, CURL *easy)
{
	bool secure = strncasecmp(f->url, "https:", 6) == 0;
	const char *authorities = getenv("CURL_CA_BUNDLE"); /* as for curl(1) */

	if (authorities)
		curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
			 secure ? "https" : "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, f->limits.min_rate);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, f->limits.stall);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "composefs/" VERSION);
}

/* What so many bytes take at the least rate, and some patience. A server that is fast now and then passes by the limit of
 * the rate, but not by this one. */
static long seconds_for(const struct limits *limits, uint64_t max)
{
	uint64_t seconds = 2 * (uint64_t)limits->stall + max / (uint64_t)limits->min_rate;

	return seconds > INT_MAX / 1000 ? INT_MAX / 1000 : (long)seconds;
}

static int start(struct fetch *f, struct job *job, const char *path, uint64_t max,
		 struct cfs_err *err)
{
	char url[URL_LEN_MAX + PATH_LEN_MAX + sizeof("/objects/")];
	size_t len = strlen(f->url);

	while (len && f->url[len - 1] == '/')
		len--;
	if (snprintf(url, sizeof(url), "%.*s/objects/%s", (int)len, f->url, path) >=
	    (int)sizeof(url))
		return cfs_fail(err, ENAMETOOLONG, "the URL is too long");
	job->fd = temporary(f->dir, err);
	if (job->fd < 0)
		return job->fd;
	job->index = f->next++;
	job->max = max;
	job->reserve = f->limits.reserve;
	job->got = 0;
	job->errnum = 0;
	*job->why = '\0';
	curl_easy_reset(job->easy);
	restrain(f, job->easy);
	curl_easy_setopt(job->easy, CURLOPT_URL, url);
	curl_easy_setopt(job->easy, CURLOPT_TIMEOUT, seconds_for(&f->limits, max));
	curl_easy_setopt(job->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
	curl_easy_setopt(job->easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(job->easy, CURLOPT_WRITEDATA, job);
	curl_easy_setopt(job->easy, CURLOPT_ERRORBUFFER, job->why);
	curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
	curl_multi_add_handle(f->multi, job->easy);
	f->running++;
	return 0;
}

/* --- answers ----------------------------------------------------------------------------- */

static int send_answer(const struct cfs_fetch_answer *a, int fd, struct cfs_err *err)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)a, sizeof(*a)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (a->code == 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(STDOUT_FILENO, &msg, 0) < 0)
		return cfs_fail_errno(err, "answer");
	return 0;
}

/* Nobody is there, or it is not who it should be: the next object would fare no better. */
static bool is_hopeless(CURLcode code)
{
	return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
	       code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SSL_CONNECT_ERROR ||
	       code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT ||
	       code == CURLE_UNSUPPORTED_PROTOCOL;
}

static void judge(const struct job *job, CURLcode code, struct cfs_fetch_answer *out)
{
	long status = 0;

	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == 200)
		return;
	out->code = -EIO;
	if (status == 404 || status == 410)
		out->code = -ENOENT;
	if (job->errnum == EFBIG || code == CURLE_FILESIZE_EXCEEDED) {
		snprintf(out->why, sizeof(out->why),
			 "want at most %" PRIu64 " bytes, found more", job->max);
	} else if (job->errnum == ENOSPC) {
		snprintf(out->why, sizeof(out->why),
			 "temporary file: expected %" PRIu64 " bytes to stay free",
			 job->reserve);
	} else if (job->errnum) {
		snprintf(out->why, sizeof(out->why), "temporary file: %s",
			 strerror(job->errnum));
	} else if (code == CURLE_OK) {
		snprintf(out->why, sizeof(out->why), "want status 200, found %ld",
			 status);
	} else {
		snprintf(out->why, sizeof(out->why), "%.200s",
			 *job->why ? job->why : curl_easy_strerror(code));
	}
}

static int finish(struct fetch *f, struct job *job, CURLcode code, struct cfs_err *err)
{
	struct cfs_fetch_answer answer = {.index = job->index};
	int rc;

	judge(job, code, &answer);
	f->no_more |= is_hopeless(code);
	rc = send_answer(&answer, job->fd, err);
	curl_multi_remove_handle(f->multi, job->easy);
	close(cfs_steal_fd(&job->fd));
	f->running--;
	return rc;
}

/* --- all of them ------------------------------------------------------------------------- */

static int start_next(struct fetch *f, struct job *job, struct cfs_err *err)
{
	char line[PATH_LEN_MAX + 32], path[PATH_LEN_MAX];
	uint64_t max;

	if (!fgets(line, sizeof(line), stdin)) {
		f->no_more = true;
		return 0;
	}
	if (sscanf(line, "%255s %" SCNu64, path, &max) != 2 || max > INT64_MAX)
		return cfs_fail(err, EINVAL, "want an object and a size, got \"%.100s\"",
				line);
	return start(f, job, path, max, err);
}

static int finish_done(struct fetch *f, struct cfs_err *err)
{
	const CURLMsg *msg;
	int rc = 0, left;

	while (rc == 0 && (msg = curl_multi_info_read(f->multi, &left))) {
		char *job = NULL;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &job);
		rc = finish(f, (struct job *)(void *)job, msg->data.result, err);
	}
	return rc;
}

static int run(struct fetch *f, struct cfs_err *err)
{
	int rc = 0, busy;

	do {
		for (size_t i = 0; rc == 0 && !f->no_more && i < N_JOBS; i++)
			if (f->jobs[i].fd < 0)
				rc = start_next(f, &f->jobs[i], err);
		if (rc < 0)
			return rc;
		if (curl_multi_perform(f->multi, &busy) != CURLM_OK ||
		    (busy &&
		     curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK))
			return cfs_fail(err, EIO, "libcurl failed");
		rc = finish_done(f, err);
	} while (rc == 0 && (f->running || !f->no_more));
	return rc;
}

static int open_jobs(struct fetch *f, struct cfs_err *err)
{
	bool good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
		    (f->multi = curl_multi_init());

	for (size_t i = 0; i < N_JOBS; i++) {
		f->jobs[i].fd = -1;
		f->jobs[i].easy = good ? curl_easy_init() : NULL;
		good &= f->jobs[i].easy != NULL;
	}
	return good ? 0 : cfs_fail(err, ENOMEM, "libcurl cannot be used");
}

static void close_jobs(struct fetch *f)
{
	for (size_t i = 0; i < N_JOBS; i++) {
		if (f->jobs[i].fd >= 0) {
			curl_multi_remove_handle(f->multi, f->jobs[i].easy);
			close(f->jobs[i].fd);
		}
		curl_easy_cleanup(f->jobs[i].easy);
	}
	curl_multi_cleanup(f->multi);
	curl_global_cleanup();
}

static bool read_url(struct fetch *f)
{
	size_t len;

	if (!fgets(f->url, sizeof(f->url), stdin))
		return false;
	len = strcspn(f->url, "\n");
	if (f->url[len] == '\0')
		return false;
	f->url[len] = '\0';
	return true;
}

static void read_limits(struct limits *out)
{
	long long min_rate =
		cfs_fetch_number(getenv("COMPOSEFS_FETCH_MIN_RATE"), MIN_RATE);
	long long stall =
		cfs_fetch_number(getenv("COMPOSEFS_FETCH_STALL"), STALL_SECONDS);

	out->min_rate = min_rate > INT_MAX ? INT_MAX : (long)min_rate;
	out->stall = stall > INT_MAX ? INT_MAX : (long)stall;
	out->reserve =
		(uint64_t)cfs_fetch_number(getenv("COMPOSEFS_FETCH_RESERVE"), RESERVE);
}

static int fetch(struct fetch *f, struct cfs_err *err)
{
	int rc = read_url(f) ? 0
			     : cfs_fail(err, EINVAL, "expected a URL of at most %d bytes",
					URL_LEN_MAX);

	if (rc < 0)
		return rc;
	rc = open_jobs(f, err);
	if (rc == 0)
		rc = run(f, err);
	close_jobs(f);
	return rc;
}

int main(int argc, char **argv)
{
	static struct fetch f;
	struct cfs_err err;

	if (!cli_begin("composefs-fetch"))
		return CLI_FAILED;
	if (argc != 2) {
		cli_complain("usage: composefs-fetch DIR\n");
		return CLI_USAGE;
	}
	f.dir = argv[1];
	read_limits(&f.limits);
	if (fetch(&f, &err) == 0)
		return CLI_OK;
	cli_say("composefs-fetch", "%s", err.msg);
	return CLI_FAILED;
}
