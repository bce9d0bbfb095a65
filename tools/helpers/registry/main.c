/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-registry: reads a request from standard input and writes frames to standard
 * output, see src/registry/message.h. A separate program, so that the others do not link
 * libcurl. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/verbosity.h"
#include "helpers/registry/registry_helper.h"

#define NAME "composefs-registry"

static const char usage[] = "Usage: " NAME "\n"
			    "\n"
			    "Get a manifest or a blob from a registry for \"composefs "
			    "oci\", or send one. The "
			    "request\n"
			    "comes from standard input, what is sent from descriptor 3, "
			    "and the answer goes to\n"
			    "standard output in frames.\n"
			    "\n"
			    "  --help     Print this text\n"
			    "  --version  Print the version\n";

/* --- frames ------------------------------------------------------------------------- */

int send_frame(enum cfs_registry_frame kind, const void *p, size_t len,
	       struct cfs_err *err)
{
	uint8_t head[CFS_REGISTRY_FRAME_HEAD];
	int rc;

	cfs_put_le32(head, kind);
	cfs_put_le32(head + 4, (uint32_t)len);
	rc = cfs_io_write(STDOUT_FILENO, head, sizeof(head), err);
	return rc < 0 || len == 0 ? rc : cfs_io_write(STDOUT_FILENO, p, len, err);
}

int send_whole_head(struct cfs_registry_head *h, const struct transfer *t,
		    struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc;

	memcpy(h->token, t->token, sizeof(h->token));
	rc = cfs_registry_format_head(h, &text, err);
	if (rc == 0)
		rc = send_frame(CFS_REGISTRY_HEAD, text.p, text.len, err);
	free(text.p);
	free(h);
	return rc;
}

int send_head(const struct transfer *t, const char *media_type, struct cfs_err *err)
{
	struct cfs_registry_head *h = calloc(1, sizeof(*h));

	if (!h)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (cfs_registry_is_header_text(cfs_text(media_type)))
		snprintf(h->media_type, sizeof(h->media_type), "%s", media_type);
	return send_whole_head(h, t, err);
}

int send_upload_head(const struct transfer *t, const struct answer *a,
		     struct cfs_err *err)
{
	struct cfs_registry_head *h = calloc(1, sizeof(*h));

	if (!h)
		return cfs_fail(err, ENOMEM, "out of memory");
	h->is_present = !a;
	h->has_subject = a && a->has_subject;
	if (a && cfs_registry_is_header_text(cfs_text(a->digest)))
		snprintf(h->digest, sizeof(h->digest), "%s", a->digest);
	return send_whole_head(h, t, err);
}

static void send_error(int code, const struct cfs_err *why)
{
	uint8_t frame[4 + CFS_ERR_MAX];
	size_t len = strlen(why->msg);
	struct cfs_err err;

	cfs_put_le32(frame, (uint32_t)-code);
	memcpy(frame + 4, why->msg, len);
	if (send_frame(CFS_REGISTRY_ERROR, frame, 4 + len, &err) < 0)
		cli_print_message(NAME, "%s", err.msg);
}

/* --- the request -------------------------------------------------------------------- */

/* Up to the empty line. */
static int read_request(struct transfer *t, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = cfs_input_read_fd(STDIN_FILENO, CFS_REGISTRY_REQUEST_MAX, &text, err);

	if (rc == 0 && (text.len == 0 || text.p[text.len - 1] != '\n'))
		rc = cfs_fail(err, EPROTO, "expected an empty line at the end");
	if (rc == 0)
		rc = cfs_registry_parse_request(
			(struct cfs_text){(const char *)text.p, text.len - 1},
			&t->request, err);
	if (rc == 0 && *t->request.credentials) {
		rc = cfs_registry_split_auth(cfs_text(t->request.credentials), &t->auth,
					     err);
		t->has_auth = t->looked_for_auth = rc == 0;
	}
	if (text.p)
		explicit_bzero(text.p, text.len);
	free(text.p);
	return rc;
}

static int (*const actions[])(struct transfer *t, struct cfs_err *err) = {
	[CFS_REGISTRY_GET_MANIFEST] = get_manifest,
	[CFS_REGISTRY_GET_BLOB] = get_blob,
	[CFS_REGISTRY_GET_RANGES] = get_ranges,
	[CFS_REGISTRY_PUT_MANIFEST] = put_manifest,
	[CFS_REGISTRY_PUT_BLOB] = put_blob,
	[CFS_REGISTRY_GET_REFERRERS] = get_referrers,
	[CFS_REGISTRY_MOUNT_BLOB] = mount_blob,
};

static int run_transfer(struct transfer *t, struct cfs_err *err)
{
	int rc = read_request(t, err);

	if (rc < 0)
		return cfs_context(err, rc, "request");
	memcpy(t->token, t->request.token, sizeof(t->token));
	rc = start_broker(t, err);
	if (rc == 0)
		rc = confine_transfer(err);
	if (rc < 0)
		return rc;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    !(t->easy = curl_easy_init()))
		return cfs_fail(err, ENOMEM, "cannot initialize libcurl");
	rc = actions[t->request.action](t, err);
	curl_easy_cleanup(t->easy);
	curl_global_cleanup();
	return rc < 0 ? rc : send_frame(CFS_REGISTRY_END, NULL, 0, err);
}

int main(int argc, char **argv)
{
	static struct transfer t = {.broker = -1};
	struct cfs_err err;
	int rc;

	if (!cli_begin(NAME))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	if (argc != 1) {
		cli_fail_usage(NAME, "expected no argument");
		return CLI_USAGE;
	}
	rc = run_transfer(&t, &err);
	if (rc < 0)
		send_error(rc, &err);
	stop_broker(&t);
	cfs_registry_wipe(&t.auth);
	/* Nothing is buffered, and the check for leaks of a sanitizer traces, which is forbidden. */
	_exit(rc < 0 ? CLI_FAILED : CLI_OK);
}
