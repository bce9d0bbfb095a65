/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-fetch: get objects by HTTP; called by "composefs repair --from=URL". A separate program, so that the others do
 * not link libcurl. It limits the bytes and the time that a server may take; its caller verifies the bytes.
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
#include "cli/verbosity.h"

#define NAME "composefs-fetch"

static const char usage[] = "Usage: " NAME " DIR\n"
			    "\n"
			    "Read a URL from the first line of standard input and "
			    "\"xx/rest SIZE\" from each\n"
			    "other line, get URL/objects/xx/rest, write it to an unnamed "
			    "file in DIR, and send\n"
			    "the file to the socket that is standard output, as "
			    "src/fetch/fetch.h describes.\n"
			    "The environment sets limits, see composefs-repair(1).\n"
			    "\n"
			    "  --help     Print this text\n"
			    "  --version  Print the version\n";

enum {
	N_JOBS = 8, /* transfers at the same time */
	REDIRECTS_MAX = 5,
	CONNECT_SECONDS = 30,
	POLL_MS = 1000,
	PATH_LEN_MAX = 256,
	URL_LEN_MAX = 8192,
	MIN_RATE = 1000,    /* bytes per second */
	STALL_SECONDS = 30, /* a transfer ends after this time below MIN_RATE */
	RESERVE = 64 << 20, /* bytes of the filesystem that stay free */
};

/* The time and space that a server may take. */
struct limits {
	long min_rate,
		stall; /* a transfer ends after stall seconds below min_rate bytes per second */
	uint64_t reserve; /* bytes that stay free */
};

struct job {
	CURL *easy;
	uint32_t index;
	uint64_t max, got, reserve;
	int fd;	    /* -1: idle */
	int errnum; /* of a failed write */
	char why[CURL_ERROR_SIZE];
};

struct fetch {
	char url[URL_LEN_MAX];
	const char *dir;
	struct limits limits;
	CURLM *multi;
	struct job jobs[N_JOBS];
	uint32_t next; /* line */
	bool no_more;  /* all lines were read, or the server cannot be reached */
	size_t running;
};

/* --- One object --------------------------------------------------------------------- */

/* Returns true if enough bytes stay free. The filesystem of a memory file has no size. One
 * that cannot be examined counts as having room: the write then reports the error. */
static bool has_room(const struct job *job, size_t len)
{
	struct statvfs st;

	if (fstatvfs(job->fd, &st) < 0 || st.f_blocks == 0)
		return true;
	return (uint64_t)st.f_bavail * st.f_frsize >= job->reserve + len;
}

/* A callback of curl: an error ends the transfer. */
static size_t write_bytes(char *p, size_t size, size_t n, void *ctx)
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

static int open_temporary_file(const char *dir, struct cfs_err *err)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = memfd_create("object", MFD_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "%s: temporary file", dir) : fd;
}

/* Sets the limits of a transfer. A https URL may not redirect to http. */
static void set_transfer_limits(const struct fetch *f, CURL *easy)
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

/* Returns the seconds that max bytes take at the minimum rate, plus some more. A server
 * that varies its rate can evade the minimum rate, but not this limit. */
static long compute_timeout(const struct limits *limits, uint64_t max)
{
	uint64_t seconds = 2 * (uint64_t)limits->stall + max / (uint64_t)limits->min_rate;

	return seconds > INT_MAX / 1000 ? INT_MAX / 1000 : (long)seconds;
}

/* Starts the transfer of one object into a new temporary file, which job owns. The
 * sizes are limited, since the server is not trusted. */
static int start_job(struct fetch *f, struct job *job, const char *path, uint64_t max,
		     struct cfs_err *err)
{
	char url[URL_LEN_MAX + PATH_LEN_MAX + sizeof("/objects/")];
	size_t len = strlen(f->url);

	while (len && f->url[len - 1] == '/')
		len--;
	if (snprintf(url, sizeof(url), "%.*s/objects/%s", (int)len, f->url, path) >=
	    (int)sizeof(url))
		return cfs_fail(err, ENAMETOOLONG, "URL is too long");
	job->fd = open_temporary_file(f->dir, err);
	if (job->fd < 0)
		return job->fd;
	job->index = f->next++;
	job->max = max;
	job->reserve = f->limits.reserve;
	job->got = 0;
	job->errnum = 0;
	*job->why = '\0';
	curl_easy_reset(job->easy);
	set_transfer_limits(f, job->easy);
	curl_easy_setopt(job->easy, CURLOPT_URL, url);
	curl_easy_setopt(job->easy, CURLOPT_TIMEOUT, compute_timeout(&f->limits, max));
	curl_easy_setopt(job->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
	curl_easy_setopt(job->easy, CURLOPT_WRITEFUNCTION, write_bytes);
	curl_easy_setopt(job->easy, CURLOPT_WRITEDATA, job);
	curl_easy_setopt(job->easy, CURLOPT_ERRORBUFFER, job->why);
	curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
	curl_multi_add_handle(f->multi, job->easy);
	f->running++;
	return 0;
}

/* --- Answers ------------------------------------------------------------------------ */

/* Sends the answer and, after a success, the descriptor of the file. fd stays open
 * here; the caller closes it. */
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

/* Returns true if the server cannot be reached or authenticated: every other object would
 * fail in the same way. */
static bool is_permanent_failure(CURLcode code)
{
	return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
	       code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SSL_CONNECT_ERROR ||
	       code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT ||
	       code == CURLE_UNSUPPORTED_PROTOCOL;
}

/* Turns the result of curl into a code and a sentence. -ENOENT only when the server
 * says that it has no such object; all else is -EIO and may be tried again. */
static void fill_answer(const struct job *job, CURLcode code,
			struct cfs_fetch_answer *out)
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
			 "expected at most %" PRIu64 " bytes, got more", job->max);
	} else if (job->errnum == ENOSPC) {
		snprintf(out->why, sizeof(out->why),
			 "temporary file: fewer than %" PRIu64 " bytes would stay free",
			 job->reserve);
	} else if (job->errnum) {
		snprintf(out->why, sizeof(out->why), "temporary file: %s",
			 strerror(job->errnum));
	} else if (code == CURLE_OK) {
		snprintf(out->why, sizeof(out->why), "status: expected 200, got %ld",
			 status);
	} else {
		snprintf(out->why, sizeof(out->why), "%.200s",
			 *job->why ? job->why : curl_easy_strerror(code));
	}
}

static int finish_job(struct fetch *f, struct job *job, CURLcode code,
		      struct cfs_err *err)
{
	struct cfs_fetch_answer answer = {.index = job->index};
	int rc;

	fill_answer(job, code, &answer);
	f->no_more |= is_permanent_failure(code);
	rc = send_answer(&answer, job->fd, err);
	curl_multi_remove_handle(f->multi, job->easy);
	close(cfs_steal_fd(&job->fd));
	f->running--;
	return rc;
}

/* --- All objects -------------------------------------------------------------------- */

static int start_next(struct fetch *f, struct job *job, struct cfs_err *err)
{
	char line[PATH_LEN_MAX + 32], path[PATH_LEN_MAX];
	uint64_t max;

	if (!fgets(line, sizeof(line), stdin)) {
		f->no_more = true;
		return 0;
	}
	if (sscanf(line, "%255s %" SCNu64, path, &max) != 2 || max > INT64_MAX)
		return cfs_fail(err, EINVAL,
				"expected an object and a size, got \"%.100s\"", line);
	return start_job(f, job, path, max, err);
}

static int finish_done(struct fetch *f, struct cfs_err *err)
{
	const CURLMsg *msg;
	int rc = 0, left;

	while (rc == 0 && (msg = curl_multi_info_read(f->multi, &left))) {
		char *job = NULL;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &job);
		rc = finish_job(f, (struct job *)(void *)job, msg->data.result, err);
	}
	return rc;
}

static int run_jobs(struct fetch *f, struct cfs_err *err)
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
	return good ? 0 : cfs_fail(err, ENOMEM, "cannot initialize libcurl");
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
		cfs_fetch_parse_number(getenv("COMPOSEFS_FETCH_MIN_RATE"), MIN_RATE);
	long long stall =
		cfs_fetch_parse_number(getenv("COMPOSEFS_FETCH_STALL"), STALL_SECONDS);

	out->min_rate = min_rate > INT_MAX ? INT_MAX : (long)min_rate;
	out->stall = stall > INT_MAX ? INT_MAX : (long)stall;
	out->reserve = (uint64_t)cfs_fetch_parse_number(getenv("COMPOSEFS_FETCH_RESERVE"),
							RESERVE);
}

static int fetch_objects(struct fetch *f, struct cfs_err *err)
{
	int rc = read_url(f) ? 0
			     : cfs_fail(err, EINVAL, "expected a URL of at most %d bytes",
					URL_LEN_MAX);

	if (rc < 0)
		return rc;
	rc = open_jobs(f, err);
	if (rc == 0)
		rc = run_jobs(f, err);
	close_jobs(f);
	return rc;
}

int main(int argc, char **argv)
{
	static struct fetch f;
	struct cfs_err err;

	if (!cli_begin(NAME))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	if (argc != 2) {
		cli_fail_usage(NAME, "expected DIR");
		return CLI_USAGE;
	}
	f.dir = argv[1];
	read_limits(&f.limits);
	if (fetch_objects(&f, &err) == 0)
		return CLI_OK;
	cli_print_message(NAME, "%s", err.msg);
	return CLI_FAILED;
}
