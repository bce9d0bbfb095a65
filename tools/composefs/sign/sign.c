/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs sign: signs the digest of an image, or a statement about images, with a key that lies here or
 * elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "composefs/sign/commands.h"
#include "composefs/sign/signer.h"
#include "trust/trust.h"
#include "cli/repo_option.h"

enum { LOCK_WAIT_MS = 30000 }; /* others add a signature within milliseconds */

struct options {
	struct signer signer;
	bool print_to_sign;
	const char *signature, *signatures, *statement, *name;
	uint64_t version;
	bool has_version;
	struct sig_images how;
	bool json;
	char place[SIG_PLACE_MAX];
};

static bool take_hash(void *opts, const char *value)
{
	return sig_take_hash(value, &((struct options *)opts)->how.alg);
}

static bool take_version(void *opts, const char *value)
{
	struct options *o = opts;
	long long n;

	if (!cli_number(value, &n) || n < 0) {
		cli_say("composefs", "--version: want a number from 0 on, got \"%s\"",
			value);
		return false;
	}
	o->version = (uint64_t)n;
	o->has_version = true;
	return true;
}

static const struct cli_option option_table[] = {
	{.help = "Who signs:"},
	{"key", "FILE", offsetof(struct options, signer.key), NULL,
	 "The private key (PEM, Ed25519)"},
	{"print-to-sign", NULL, offsetof(struct options, print_to_sign), NULL,
	 "Nobody: write the bytes to sign to standard output"},
	{"attach", "FILE", offsetof(struct options, signer.attach), NULL,
	 "Somebody did: FILE (- is standard input) has the signature"},
	{"sign-command", "COMMAND", offsetof(struct options, signer.command), NULL,
	 "COMMAND reads the bytes to sign and writes the signature"},
	{"public", "FILE", offsetof(struct options, signer.public_key), NULL,
	 "The public key that --attach and --sign-command sign for"},
	{.help = "Where the signature goes:"},
	{"signature", "FILE", offsetof(struct options, signature), NULL,
	 "To those in FILE; default: IMAGE.sig, or FILE.sig of the statement"},
	{"signatures", "DIR", offsetof(struct options, signatures), NULL,
	 "Into DIR/DIGEST/KEY.ed25519"},
	{.help = "Statements:"},
	{"statement", "FILE", offsetof(struct options, statement), NULL,
	 "Sign FILE, which must be about the images; it is made when --name is given"},
	{"name", "NAME", offsetof(struct options, name), NULL, "What the images go by"},
	{"version", "NUMBER", 0, take_version, "Which version of NAME they are"},
	{.help = "Other:"},
	{"repo", "DIR", offsetof(struct options, how.repo), NULL,
	 "IMAGE is in the repository DIR, and its signature goes there"},
	{"hash", "ALG", 0, take_hash,
	 "sha256 (default) or sha512, where fs-verity is off"},
	{"require-verity", NULL, offsetof(struct options, how.require_verity), NULL,
	 "Let the kernel measure the image; refuse one without fs-verity"},
	{"json", NULL, offsetof(struct options, json), NULL, "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE...", NULL},
	.about =
		"Signs the fs-verity digest of an image with Ed25519, or a statement: a "
		"name, a version\n"
		"and one or more images in their order. A signature that is there stays.",
	.example =
		(const char *const[]){
			"composefs sign --key=key.pem image.cfs",
			"composefs sign --key=key.pem --statement=os.statement --name=os "
			"--version=7 image.cfs",
			NULL},
	.options = option_table,
};

struct sign {
	const struct options *o;
	char **images;
	size_t n;
	struct cfs_digest digests[CFS_SIG_IMAGES_MAX];
	struct cfs_mem message;
	struct cfs_sig_key key;
	uint8_t signature[CFS_SIG_LEN];
	char path[4096]; /* where it went */
};

/* --- what is signed ------------------------------------------------------------------------ */

static int measure(struct sign *s, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = sig_measure(&s->o->how, s->images[i], &s->digests[i], err);
	return rc;
}

/* rc: of the opening. */
static int write_file(struct cfs_replace *r, int rc, const char *path, const void *p,
		      size_t len, struct cfs_err *err)
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

	return write_file(&r, rc, path, p, len, err);
}

/* Reads the file at path, if it is there, behind what out has. */
static int read_file(const char *path, unsigned flags, size_t max, struct cfs_mem *out,
		     struct cfs_err *err)
{
	return cfs_context(err, cfs_input_read(AT_FDCWD, path, flags, max, out, err),
			   "%s", path);
}

/* The texts of all digests, in space. */
static void image_texts(const struct sign *s, char (*space)[CFS_TRUST_DIGEST_MAX],
			struct cfs_text *out)
{
	for (size_t i = 0; i < s->n; i++)
		out[i] = cfs_text(cfs_trust_digest_text(&s->digests[i], space[i]));
}

static int make_statement(struct sign *s, struct cfs_err *err)
{
	cfs_autofree char(*space)[CFS_TRUST_DIGEST_MAX] = calloc(s->n, sizeof(*space));
	struct cfs_sig_statement statement = {
		.name = cfs_text(s->o->name), .version = s->o->version, .n_images = s->n};
	int rc;

	if (!space)
		return cfs_fail(err, ENOMEM, "out of memory");
	image_texts(s, space, statement.images);
	rc = cfs_sig_statement_format(&statement, &s->message, err);
	if (rc < 0)
		return rc;
	return replace_file(s->o->statement, s->message.p, s->message.len, err);
}

/* One that somebody made before; nothing is signed that is not about these images. */
static int load_statement(struct sign *s, struct cfs_err *err)
{
	cfs_autofree char(*space)[CFS_TRUST_DIGEST_MAX] = calloc(s->n, sizeof(*space));
	struct cfs_text images[CFS_SIG_IMAGES_MAX];
	struct cfs_sig_statement statement;
	int rc = read_file(s->o->statement, CFS_INPUT_PIPE, CFS_TRUST_STATEMENT_FILE_MAX,
			   &s->message, err);

	if (rc < 0)
		return rc;
	if (!space)
		return cfs_fail(err, ENOMEM, "out of memory");
	image_texts(s, space, images);
	rc = cfs_sig_statement_parse(
		(struct cfs_text){(const char *)s->message.p, s->message.len}, &statement,
		err);
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

/* --- where the signature goes -------------------------------------------------------------- */

static int set_path(struct sign *s, const char *dir, const char *name, const char *suffix,
		    struct cfs_err *err)
{
	int n = snprintf(s->path, sizeof(s->path), "%s%s%s", dir, name, suffix);

	if (n >= (int)sizeof(s->path))
		return cfs_fail(err, ENAMETOOLONG, "%s: path is too long", name);
	return 0;
}

/* Into the directory of the digest, made with its parent when missing. */
static int store_apart(struct sign *s, struct cfs_err *err)
{
	char name[CFS_TRUST_SIGNATURE_PATH_MAX], *slash;
	cfs_autofd int top = -1, dir = -1;
	struct cfs_replace r;
	int rc = set_path(s, s->o->signatures, "/",
			  cfs_trust_signature_path(&s->digests[0], &s->key, name), err);

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
	return write_file(&r, rc, s->path, s->signature, sizeof(s->signature), err);
}

/* Is it among those of the file already? */
static bool has(const struct cfs_mem *file, const uint8_t signature[CFS_SIG_LEN])
{
	for (size_t off = 0; off < file->len; off += CFS_SIG_LEN)
		if (memcmp(file->p + off, signature, CFS_SIG_LEN) == 0)
			return true;
	return false;
}

/* Who waits is told whom for. */
static void note_holder(void *ctx, const char *holder)
{
	cli_say("composefs sign", "%s: waiting for %s", (const char *)ctx, holder);
}

static int read_signatures(const struct cfs_update *u, struct cfs_mem *out,
			   struct cfs_err *err)
{
	size_t len = (size_t)u->st.st_size;
	ssize_t n;

	if (u->fd < 0)
		return 0;
	if (u->st.st_size > CFS_SIG_FILE_MAX || len % CFS_SIG_LEN)
		return cfs_fail(err, EINVAL, "want a signature file, found %ju bytes",
				(uintmax_t)u->st.st_size);
	if (cfs_grow(&out->p, &out->cap, len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(u->fd, out->p, len, 0, err);
	out->len = n < 0 ? 0 : (size_t)n;
	if (n >= 0 && out->len != len)
		return cfs_fail(err, EINVAL, "it changed while it was read");
	return n < 0 ? (int)n : 0;
}

static int add_signature(const struct sign *s, struct cfs_update *u, struct cfs_mem *file,
			 struct cfs_err *err)
{
	struct cfs_sink sink = cfs_sink_mem(file);
	int rc = read_signatures(u, file, err);

	if (rc < 0 || has(file, s->signature))
		return rc;
	if (file->len + CFS_SIG_LEN > CFS_SIG_FILE_MAX)
		return cfs_fail(err, EINVAL, "has %d signatures, as many as fit",
				CFS_SIG_FILE_MAX / CFS_SIG_LEN);
	rc = sink.write(sink.ctx, s->signature, sizeof(s->signature), err);
	return rc == 0 ? cfs_update_commit(u, file->p, file->len, err) : rc;
}

/* Others may sign at the same time: what is read is added to and replaced under a lock. */
static int add_to(struct sign *s, struct cfs_err *err)
{
	const struct cfs_lock_wait wait = {
		.timeout_ms = LOCK_WAIT_MS, .note = note_holder, .ctx = s->path};
	struct cfs_mem file = {0};
	struct cfs_update u;
	int rc = cfs_update_begin(s->path, &wait, &u, err);

	if (rc == 0) {
		rc = add_signature(s, &u, &file, err);
		cfs_update_end(&u);
	}
	free(file.p);
	return cfs_context(err, rc, "%s", s->path);
}

static int store_beside(struct sign *s, struct cfs_err *err)
{
	const char *of = s->o->statement ? s->o->statement : s->images[0];
	int rc = s->o->signature ? set_path(s, "", s->o->signature, "", err)
				 : set_path(s, "", of, ".sig", err);

	return rc == 0 ? add_to(s, err) : rc;
}

/* --- all of it ----------------------------------------------------------------------------- */

static int run(struct sign *s, struct cfs_err *err)
{
	struct cfs_span message;
	int rc = s->o->signatures && !s->o->print_to_sign
			 ? where_check_writable(s->o->signatures, err)
			 : 0;

	if (rc == 0)
		rc = measure(s, err);

	if (rc == 0)
		rc = make_message(s, err);
	if (rc < 0)
		return rc;
	message = (struct cfs_span){s->message.p, s->message.len};
	if (s->o->print_to_sign)
		return cfs_io_write(STDOUT_FILENO, message.p, message.len, err);
	rc = signer_sign(&s->o->signer, message, &s->key, s->signature, err);
	if (rc < 0)
		return rc;
	return s->o->signatures ? store_apart(s, err) : store_beside(s, err);
}

static void say(const struct sign *s)
{
	char digest[CFS_TRUST_DIGEST_MAX], id[CFS_SIG_KEY_ID_MAX];

	if (!s->o->json) {
		cli_print(stdout, s->path);
		printf(": signed by %s\n", cfs_sig_key_id(&s->key, id));
		return;
	}
	fputs("{\"signature\":", stdout);
	json_text(stdout, s->path, strlen(s->path));
	printf(",\"key\":\"%s\",\"images\":[", cfs_sig_key_id(&s->key, id));
	for (size_t i = 0; i < s->n; i++) {
		fputs(i ? ",{\"image\":" : "{\"image\":", stdout);
		json_text(stdout, s->images[i], strlen(s->images[i]));
		printf(",\"digest\":\"%s\"}",
		       cfs_trust_digest_text(&s->digests[i], digest));
	}
	puts("]}");
}

/* NULL, or what is wrong with the options. */
static const char *misuse(const struct options *o, size_t n)
{
	int ways = !!o->signer.key + o->print_to_sign + !!o->signer.attach +
		   !!o->signer.command;

	if (ways != 1)
		return "want one of --key, --print-to-sign, --attach and --sign-command";
	if ((o->signer.attach || o->signer.command) && !o->signer.public_key)
		return "want --public, so that the signature can be checked";
	if (o->signatures && (o->statement || o->signature))
		return "--signatures is for digests, and excludes --signature";
	if (!o->name != !o->has_version || (o->name && !o->statement))
		return "a statement that is made wants --statement, --name and --version";
	if (!o->statement && n != 1)
		return "only a statement is about several images";
	return NULL;
}

int cmd_sign(int argc, char **argv)
{
	struct options o = {0};
	struct sign s = {.o = &o};
	int status = command_begin(&syntax, argc, argv, &o, 1, CFS_SIG_IMAGES_MAX,
				   "want an image, or the images of a statement");
	struct cfs_err err;
	const char *wrong;
	int rc;

	if (status >= 0)
		return status;
	s.images = argv + optind;
	s.n = (size_t)(argc - optind);
	wrong = misuse(&o, s.n);
	if (wrong) {
		cli_misused(&syntax, argv[0], wrong);
		return CLI_USAGE;
	}
	if (!o.signature && !o.signatures && !o.statement)
		o.signatures = sig_place(&o.how, o.place);
	rc = run(&s, &err);
	if (rc == 0 && !o.print_to_sign)
		say(&s);
	free(s.message.p);
	return command_end(argv[0], rc, &err);
}
