/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs sign: sign the digest of an image, or a statement about images, with a key file, a command or a signature
 * that was made elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "composefs/sign/commands.h"
#include "composefs/sign/images.h"
#include "trust/trust.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "cli/verbosity.h"

enum { LOCK_WAIT_MS = 30000 }; /* other processes add a signature within milliseconds */

struct options {
	struct cfs_sig_signer signer;
	bool print_to_sign;
	const char *signature, *signatures, *statement, *name;
	uint64_t version;
	bool has_version;
	struct sig_images how;
	bool json;
	char place[SIG_PLACE_MAX];
};

static const struct cli_option option_table[] = {
	{"key", "FILE", CLI_AT(struct options, signer.key),
	 "Sign with the private key in FILE (PEM, Ed25519)", CLI_TEXT,
	 .group = "Signers"},
	{"print-to-sign", NULL, CLI_AT(struct options, print_to_sign),
	 "Write the bytes to sign to standard output instead"},
	{"attach", "FILE", CLI_AT(struct options, signer.attach),
	 "Add the signature in FILE (- is standard input)", CLI_TEXT},
	{"sign-command", "COMMAND", CLI_AT(struct options, signer.command),
	 "Run COMMAND, which reads the bytes to sign and writes the signature", CLI_TEXT},
	{"public", "FILE", CLI_AT(struct options, signer.public_key),
	 "Check --attach and --sign-command with the public key in FILE", CLI_TEXT},
	{"signature", "FILE", CLI_AT(struct options, signature),
	 "Add to FILE (default: IMAGE.sig, or FILE.sig of the statement)", CLI_TEXT,
	 .group = "Signatures"},
	{"signatures", "DIR", CLI_AT(struct options, signatures),
	 "Write to DIR/DIGEST/KEY.ed25519", CLI_TEXT},
	{"statement", "FILE", CLI_AT(struct options, statement),
	 "Sign FILE, which must name the images; --name creates it", CLI_TEXT,
	 .group = "Statements"},
	{"name", "NAME", CLI_AT(struct options, name), "Create a statement about NAME",
	 CLI_TEXT},
	{"version", "NUMBER", CLI_AT(struct options, version), "Set the version of NAME",
	 CLI_NUMBER, CLI_GIVEN(struct options, has_version)},
	{"repo", "DIR", CLI_AT(struct options, how.repo),
	 "Use images and signatures of the repository DIR", CLI_TEXT, .group = "Other"},
	SIG_IMAGES_OPTIONS(struct options, how),
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE...", NULL},
	.about = "Sign the fs-verity digest of an image with Ed25519, or a statement: a "
		 "name, a "
		 "version\nand one or more images in order. Existing signatures are "
		 "kept.\n\nIMAGE is a file, or an image of the repository: that of "
		 "--repo or $COMPOSEFS_REPO, the one\nthat contains the current "
		 "directory, or the default.",
	.example =
		(const char *const[]){
			"composefs sign --key=key.pem image.cfs",
			"composefs sign --key=key.pem --statement=os.statement --name=os "
			"--version=7 image.cfs",
			NULL},
	.options = option_table,
};

struct sign {
	const char *program; /* its name */
	const struct options *o;
	char **images;
	size_t n;
	struct cfs_digest digests[CFS_SIG_IMAGES_MAX];
	struct cfs_mem message;
	struct cfs_sig_key key;
	uint8_t signature[CFS_SIG_LEN];
	char path[4096]; /* of the file with the signature */
};

/* --- The message -------------------------------------------------------------------- */

/* Computes the ID of each image in order; the first that fails names itself in err. */
static int measure_images(struct sign *s, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = sig_measure(&s->o->how, s->images[i], &s->digests[i], err);
	return rc;
}

/* rc: the result of opening r. */
static int write_replaced_file(struct cfs_replace *r, int rc, const char *path,
			       const void *p, size_t len, struct cfs_err *err)
{
	if (rc == 0)
		rc = cfs_io_write(r->fd, p, len, err);
	if (rc == 0)
		rc = cfs_replace_commit(r, err);
	else
		cfs_replace_abort(r);
	return cfs_context(err, rc, "%s", path);
}

static int replace_file(const char *path, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open(path, &r, err);

	return write_replaced_file(&r, rc, path, p, len, err);
}

/* Appends the file at path to out. */
static int read_sign_file(const char *path, unsigned flags, size_t max,
			  struct cfs_mem *out, struct cfs_err *err)
{
	return cfs_context(err, cfs_input_read(AT_FDCWD, path, flags, max, out, err),
			   "%s", path);
}

/* Formats all digests; out borrows from space. */
static void format_images(const struct sign *s, char (*space)[CFS_DIGEST_TEXT_MAX],
			  struct cfs_text *out)
{
	for (size_t i = 0; i < s->n; i++)
		out[i] = cfs_text(cfs_digest_text(&s->digests[i], space[i]));
}

static int make_statement(struct sign *s, struct cfs_err *err)
{
	cfs_autofree char(*space)[CFS_DIGEST_TEXT_MAX] = calloc(s->n, sizeof(*space));
	struct cfs_sig_statement statement = {
		.name = cfs_text(s->o->name), .version = s->o->version, .n_images = s->n};
	int rc;

	if (!space)
		return cfs_fail(err, ENOMEM, "out of memory");
	format_images(s, space, statement.images);
	rc = cfs_sig_statement_format(&statement, &s->message, err);
	if (rc < 0)
		return rc;
	return replace_file(s->o->statement, s->message.p, s->message.len, err);
}

/* Reads an existing statement, and refuses one that names other images. */
static int load_statement(struct sign *s, struct cfs_err *err)
{
	cfs_autofree char(*space)[CFS_DIGEST_TEXT_MAX] = calloc(s->n, sizeof(*space));
	struct cfs_text images[CFS_SIG_IMAGES_MAX];
	struct cfs_sig_statement statement;
	int rc = read_sign_file(s->o->statement, CFS_INPUT_PIPE,
				CFS_TRUST_STATEMENT_FILE_MAX, &s->message, err);

	if (rc < 0)
		return rc;
	if (!space)
		return cfs_fail(err, ENOMEM, "out of memory");
	format_images(s, space, images);
	rc = cfs_sig_statement_parse(cfs_mem_text(&s->message), &statement, err);
	if (rc == 0)
		rc = cfs_sig_statement_check_images(&statement, images, s->n, err);
	return cfs_context(err, rc, "%s", s->o->statement);
}

static int make_message(struct sign *s, struct cfs_err *err)
{
	uint8_t formatted[CFS_DIGEST_FORMATTED_MAX];
	struct cfs_sink sink = cfs_sink_mem(&s->message);

	if (s->o->statement)
		return s->o->name ? make_statement(s, err) : load_statement(s, err);
	return sink.write(sink.ctx, formatted,
			  cfs_digest_format(&s->digests[0], formatted), err);
}

/* --- The signature ------------------------------------------------------------------ */

static int set_signature_path(struct sign *s, const char *dir, const char *name,
			      const char *suffix, struct cfs_err *err)
{
	int n = snprintf(s->path, sizeof(s->path), "%s%s%s", dir, name, suffix);

	if (n >= (int)sizeof(s->path))
		return cfs_fail(err, ENAMETOOLONG, "%s: path is too long", name);
	return 0;
}

/* Writes to the directory of the digest, which is created with its parent when missing. */
static int store_apart(struct sign *s, struct cfs_err *err)
{
	char name[CFS_TRUST_SIGNATURE_PATH_MAX], *slash;
	cfs_autofd int top = -1, dir = -1;
	struct cfs_replace r;
	int rc = set_signature_path(
		s, s->o->signatures, "/",
		cfs_trust_format_signature_path(&s->digests[0], &s->key, name), err);

	if (rc < 0)
		return rc;
	slash = strrchr(name, '/');
	*slash = '\0';
	top = cfs_path_make_dir(s->o->signatures, 0755, NULL, err);
	if (top < 0)
		return cfs_context(err, top, "%s", s->o->signatures);
	dir = cfs_beneath_make_dir(top, name, 0755);
	if (dir < 0)
		return cfs_beneath_fail(dir, s->path, err);
	rc = cfs_replace_open_at(dir, slash + 1, &r, err);
	return write_replaced_file(&r, rc, s->path, s->signature, sizeof(s->signature),
				   err);
}

/* Whether the file already has the signature. */
static bool has_signature(const struct cfs_mem *file,
			  const uint8_t signature[CFS_SIG_LEN])
{
	for (size_t off = 0; off < file->len; off += CFS_SIG_LEN)
		if (memcmp(file->p + off, signature, CFS_SIG_LEN) == 0)
			return true;
	return false;
}

static void print_sign_lock_holder(void *ctx, const char *holder)
{
	cli_print_note("composefs sign", "%s: waiting for %s", (const char *)ctx, holder);
}

static int read_old_signatures(const struct cfs_update *u, struct cfs_mem *out,
			       struct cfs_err *err)
{
	size_t len = (size_t)u->st.st_size;
	ssize_t n;

	if (u->fd < 0)
		return 0;
	if (u->st.st_size > CFS_SIG_FILE_MAX || len % CFS_SIG_LEN)
		return cfs_fail(err, EINVAL, "expected a signature file, got %ju bytes",
				(uintmax_t)u->st.st_size);
	if (cfs_grow(&out->p, &out->cap, len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(u->fd, out->p, len, 0, err);
	out->len = n < 0 ? 0 : (size_t)n;
	if (n >= 0 && out->len != len)
		return cfs_fail(err, EINVAL, "changed while it was read");
	return n < 0 ? (int)n : 0;
}

/* Adds a signature to those that the file has, so that several keys can sign one
 * image. */
static int add_file_signature(const struct sign *s, struct cfs_update *u,
			      struct cfs_mem *file, struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(file);
	int rc = read_old_signatures(u, file, err);

	if (rc < 0 || has_signature(file, s->signature))
		return rc;
	if (file->len + CFS_SIG_LEN > CFS_SIG_FILE_MAX)
		return cfs_fail(
			err, EINVAL,
			"expected room for one more signature, got the maximum of %d",
			CFS_SIG_FILE_MAX / CFS_SIG_LEN);
	rc = sink.write(sink.ctx, s->signature, sizeof(s->signature), err);
	return rc == 0 ? cfs_update_commit(u, file->p, file->len, err) : rc;
}

/* Other processes may sign at the same time: the file is read and replaced under a lock. */
static int add_to_file(struct sign *s, struct cfs_err *err)
{
	const struct cfs_lock_wait wait = {.timeout_ms = LOCK_WAIT_MS,
					   .note = print_sign_lock_holder,
					   .ctx = s->path};
	struct cfs_mem file = {0};
	struct cfs_update u;
	int rc = cfs_update_begin(s->path, &wait, &u, err);

	if (rc == 0) {
		rc = add_file_signature(s, &u, &file, err);
		cfs_update_end(&u);
	}
	free(file.p);
	return cfs_context(err, rc, "%s", s->path);
}

static int store_beside(struct sign *s, struct cfs_err *err)
{
	const char *of = s->o->statement ? s->o->statement : s->images[0];
	int rc = s->o->signature ? set_signature_path(s, "", s->o->signature, "", err)
				 : set_signature_path(s, "", of, ".sig", err);

	return rc == 0 ? add_to_file(s, err) : rc;
}

/* --- The command -------------------------------------------------------------------- */

/* The command of --sign-command may ask a person or a device, and takes as long as that. */
static int obtain_signature(struct sign *s, struct cfs_span message, struct cfs_err *err)
{
	struct cfs_sig_signer signer = s->o->signer;
	struct cli_watch watch;
	int rc;

	if (!signer.command)
		return cfs_sig_obtain(&signer, message, &s->key, s->signature, err);
	cli_watch_start(&watch, s->program);
	signer.watch = &watch.watch;
	rc = cfs_sig_obtain(&signer, message, &s->key, s->signature, err);
	cli_watch_end(&watch);
	return rc;
}

/* Signs the images and stores the signature beside them or in --signatures. The place is
 * checked for writing first: a failure must not come after the user entered a PIN. */
static int sign_images(struct sign *s, struct cfs_err *err)
{
	struct cfs_span message;
	int rc = s->o->signatures && !s->o->print_to_sign
			 ? where_check_writable(s->o->signatures, err)
			 : 0;

	if (rc == 0)
		rc = measure_images(s, err);
	if (rc == 0)
		rc = make_message(s, err);
	if (rc < 0)
		return rc;
	message = cfs_mem_span(&s->message);
	if (s->o->print_to_sign)
		return cfs_io_write(STDOUT_FILENO, message.p, message.len, err);
	rc = obtain_signature(s, message, err);
	if (rc < 0)
		return rc;
	return s->o->signatures ? store_apart(s, err) : store_beside(s, err);
}

static void print_sign_json(const struct sign *s)
{
	char digest[CFS_DIGEST_TEXT_MAX], id[CFS_SIG_KEY_ID_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "signature", s->path);
	json_put_string(&j, "key", cfs_sig_key_format_id(&s->key, id));
	json_begin_array(&j, "images");
	for (size_t i = 0; i < s->n; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "image", s->images[i]);
		json_put_string(&j, "id", cfs_digest_text(&s->digests[i], digest));
		json_end(&j);
	}
	json_finish(&j);
}

static void print_signature(const struct sign *s)
{
	char id[CFS_SIG_KEY_ID_MAX];

	if (s->o->json) {
		print_sign_json(s);
		return;
	}
	if (cli_is_quiet())
		return;
	cli_print(stdout, s->path);
	printf(": signed by %s\n", cfs_sig_key_format_id(&s->key, id));
}

/* The message of a usage error, or NULL. */
static const char *find_sign_misuse(const struct options *o, size_t n)
{
	int ways = !!o->signer.key + o->print_to_sign + !!o->signer.attach +
		   !!o->signer.command;

	if (ways != 1)
		return "expected one of --key, --print-to-sign, --attach and "
		       "--sign-command";
	if ((o->signer.attach || o->signer.command) && !o->signer.public_key)
		return "--attach and --sign-command need --public";
	if (o->signatures && (o->statement || o->signature))
		return "--signatures excludes --statement and --signature";
	if (!o->name != !o->has_version || (o->name && !o->statement))
		return "a new statement needs --statement, --name and --version";
	if (!o->statement && n != 1)
		return "several images need --statement";
	return NULL;
}

int cmd_sign(int argc, char **argv)
{
	struct options o = {0};
	struct sign s = {.program = argv[0], .o = &o};
	int status = command_begin(&syntax, argc, argv, &o, 1, CFS_SIG_IMAGES_MAX,
				   "expected IMAGE...");
	struct cfs_err err;
	const char *wrong;
	int rc;

	if (status >= 0)
		return status;
	s.images = argv + optind;
	s.n = (size_t)(argc - optind);
	wrong = find_sign_misuse(&o, s.n);
	if (wrong) {
		cli_fail_usage(argv[0], "%s", wrong);
		return CLI_USAGE;
	}
	rc = sig_choose_repository(&o.how, s.images, s.n, &err);
	if (!o.signature && !o.signatures && !o.statement)
		o.signatures = sig_get_place(&o.how, o.place);
	if (rc == 0)
		rc = sign_images(&s, &err);
	if (rc == 0 && !o.print_to_sign)
		print_signature(&s);
	free(s.message.p);
	return command_end(argv[0], rc, &err);
}
