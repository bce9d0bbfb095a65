/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs sign-objects: make fs-verity's builtin signatures for the objects of an image. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "executables/executables.h"
#include "composefs/kernel/commands.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "cli/verbosity.h"

struct options {
	const char *name; /* of the program */
	const char *key, *cert, *signatures, *objects;
	bool exec_only, json;
};

static const struct cli_option option_table[] = {
	{"key", "FILE", CLI_AT(struct options, key),
	 "Sign with the private key in FILE (PEM, RSA or ECDSA)", CLI_TEXT,
	 .group = "Options"},
	{"cert", "FILE", CLI_AT(struct options, cert),
	 "Use its certificate in FILE (PEM)", CLI_TEXT},
	{"signatures", "DIR", CLI_AT(struct options, signatures),
	 "Write signatures to DIR/DIGEST.p7s", CLI_TEXT},
	{"exec-only", NULL, CLI_AT(struct options, exec_only),
	 "Sign only executable files (with an x bit)"},
	{"objects", "DIR", CLI_AT(struct options, objects),
	 "With --exec-only: include ELF files without an x bit", CLI_TEXT},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Sign objects as \"fsverity sign\" does, for kernels that execute only "
		 "signed "
		 "files.\n\"composefs enable-objects\" gives the signatures to the "
		 "kernel.",
	.example = (const char *const[]){"composefs sign-objects --key=key.pem "
					 "--cert=cert.pem --signatures=sigs "
					 "--exec-only image.cfs",
					 NULL},
	.options = option_table,
};

/* Starts the helper that links libcrypto. It gets the digests as a file, and the key
 * by its path. */
static int call_helper(const struct options *o, struct cfs_span digests,
		       const struct cfs_watch *watch, struct cfs_err *err)
{
	char path[4096];
	const char *const argv[] = {cfs_child_find("composefs-pkcs7", path), o->key,
				    o->cert, o->signatures, NULL};
	cfs_autofd int in = cfs_child_make_input(digests, err);
	pid_t pid;
	int rc;

	if (in < 0)
		return in;
	rc = cfs_child_start(argv, in, STDOUT_FILENO, &pid, err);
	return rc < 0 ? rc : cfs_child_wait(pid, "composefs-pkcs7", watch, err);
}

static int format_digest_lines(const struct cfs_executables *x, struct cfs_mem *out,
			       struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(out);
	char hex[CFS_DIGEST_HEX_MAX];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < x->n_objects; i++) {
		cfs_digest_hex(&x->v[i].digest, hex);
		rc = sink.write(sink.ctx, hex, strlen(hex), err);
		if (rc == 0)
			rc = sink.write(sink.ctx, "\n", 1, err);
	}
	return rc;
}

static int make_signature_directory(const char *path, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_path_make_dir(path, 0755, NULL, err);

	return fd < 0 ? cfs_context(err, fd, "%s", path) : 0;
}

/* Passes the digests of all executables to the helper, which brings OpenSSL, and
 * prints how many were signed. */
static int sign_files(const struct options *o, const struct cfs_executables *x,
		      struct cfs_err *err)
{
	struct json j = {.to = stdout};
	struct cfs_mem digests = {0};
	struct cli_watch watch;
	int rc = format_digest_lines(x, &digests, err);

	if (rc == 0)
		rc = make_signature_directory(o->signatures, err);
	if (rc == 0) {
		cli_watch_start(&watch, o->name);
		rc = call_helper(o, cfs_mem_span(&digests), &watch.watch, err);
		cli_watch_end(&watch);
	}
	free(digests.p);
	if (rc < 0)
		return rc;
	if (!o->json) {
		if (!cli_is_quiet())
			printf("%zu %s signed\n", x->n_objects,
			       cfs_plural(x->n_objects, "object", "objects"));
		return 0;
	}
	json_begin_object(&j, NULL);
	json_put_uint(&j, "objects_signed", x->n_objects);
	json_finish(&j);
	return 0;
}

static int sign_image(const struct options *o, const char *image, struct cfs_err *err)
{
	struct cfs_executables x = {0};
	int rc = where_check_writable(o->signatures, err);

	if (rc == 0)
		rc = cfs_executables_collect(&x, image, o->objects, !o->exec_only, err);
	if (rc == 0)
		rc = sign_files(o, &x, err);
	cfs_executables_fini(&x);
	return rc;
}

int cmd_sign_objects(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE");
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (!o.key || !o.cert || !o.signatures || (o.objects && !o.exec_only)) {
		cli_fail_usage(argv[0],
			       "expected --key, --cert and --signatures; --objects needs "
			       "--exec-only");
		return CLI_USAGE;
	}
	return command_end(argv[0], sign_image(&o, argv[optind], &err), &err);
}
