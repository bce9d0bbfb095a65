/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sig: what openssl signs is taken, what is forged, revoked, cut off or by strangers is refused, each with
 * its own code. */
#include "t.h"

#include <fcntl.h>
#include <unistd.h>

#include "sig/sig.h"
#include "sig_vectors.h"
#include "tmpdir.h"

#define LEN(array) (sizeof(array) / sizeof(*(array)))

static struct cfs_span bytes_of(const char *hex, uint8_t *out, size_t cap)
{
	size_t len = strlen(hex) / 2;

	t_ok(len <= cap && cfs_hex_decode(cfs_text(hex), out, len));
	return (struct cfs_span){out, len};
}

static struct cfs_sig_key key_of(const char *hex)
{
	struct cfs_sig_key key;

	bytes_of(hex, key.bytes, sizeof(key.bytes));
	return key;
}

/* RFC 8032, section 7.1. */
static const struct {
	const char *secret, *key, *message, *signature;
} rfc8032[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33ba"
	 "c"
	 "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996"
	 "e"
	 "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f29"
	 "0"
	 "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a"
	 "8"
	 "36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	 "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3e"
	 "c"
	 "fdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

T(signatures_are_those_of_rfc_8032)
{
	for (size_t i = 0; i < LEN(rfc8032); i++) {
		uint8_t message[64], expected[CFS_SIG_LEN], got[CFS_SIG_LEN];
		struct cfs_sig_key key, derived;
		struct cfs_sig_secret secret;
		struct cfs_span m = bytes_of(rfc8032[i].message, message, 64);

		bytes_of(rfc8032[i].secret, secret.seed, sizeof(secret.seed));
		bytes_of(rfc8032[i].signature, expected, sizeof(expected));
		key = key_of(rfc8032[i].key);
		cfs_sig_get_public(&secret, &derived);
		t_mem(derived.bytes, key.bytes, CFS_SIG_KEY_LEN);
		cfs_sig_sign(&secret, m, got);
		t_mem(got, expected, CFS_SIG_LEN);
		t_ok(cfs_sig_verify_one(&key, m, got));
	}
}

T(every_flipped_bit_of_a_signature_is_noticed)
{
	struct cfs_sig_key key = key_of(rfc8032[1].key);
	uint8_t signature[CFS_SIG_LEN];

	bytes_of(rfc8032[1].signature, signature, sizeof(signature));
	for (size_t bit = 0; bit < 8 * CFS_SIG_LEN; bit++) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		t_ok(!cfs_sig_verify_one(&key, cfs_text_span(CFS_TEXT("r")), signature));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	t_ok(cfs_sig_verify_one(&key, cfs_text_span(CFS_TEXT("r")), signature));
}

T(keys_of_small_order_and_non_canonical_values_are_refused)
{
	size_t n_good = 0;

	for (size_t i = 0; i < LEN(vectors); i++) {
		bool good = strcmp(vectors[i].what, "good") == 0;
		struct cfs_sig_key key = key_of(vectors[i].key);
		struct cfs_span m = cfs_text_span(cfs_text(vectors[i].message));
		uint8_t signature[CFS_SIG_LEN];

		bytes_of(vectors[i].signature, signature, sizeof(signature));
		if (cfs_sig_verify_one(&key, m, signature) != good)
			t_fail(__FILE__, __LINE__, "row %zu: %s", i, vectors[i].what);
		n_good += good;
	}
	t_eq(n_good, 1);
}

/* --- what openssl makes ----------------------------------------------------------------- */

/* openssl genpkey -algorithm ed25519; openssl pkey -pubout; openssl pkeyutl -sign -rawin. The message is
 * the formatted digest of a file that holds "x". */
#define SECRET                                                                           \
	"-----BEGIN PRIVATE KEY-----\n"                                                  \
	"MC4CAQAwBQYDK2VwBCIEIMOSuXagjYN6cIn7Xm1lsobQEdbl/wU/QlUTRlaOWrRX\n"             \
	"-----END PRIVATE KEY-----\n"
#define PUBLIC                                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                                   \
	"MCowBQYDK2VwAyEArxxJ80GT8k6xPBILYeH3DFql+kBLUc60ZbGTHuLhbgk=\n"                 \
	"-----END PUBLIC KEY-----\n"
#define PUBLIC_LINE "rxxJ80GT8k6xPBILYeH3DFql+kBLUc60ZbGTHuLhbgk="
#define FORMATTED                                                                        \
	"465356657269747901002000dbbdfa9d606f7adeaa7f16dcfb0d49161c4cfb82d9d51cfb5cb43f" \
	"a3dacb9e5b"
#define SIGNATURE                                                                        \
	"8783f629b567c237411662a6efa7398c79a25c91011955a18c5838ae031a65315ec3727ecb7595" \
	"2d37c47b749e8f6549afebd7d69a4f1140b2c2fabea85f6008"
/* By another key. */
#define STRANGERS                                                                        \
	"6bc6d8c9cbfb87c4deb847b5107dbfe0c76ff789ca8a8b724e489cf752fe98c5784e9311fdec39" \
	"23812add0b8e919e52b7d01ee67f3b5b97cac105db3b41af03"
/* From public keys of other kinds. */
#define X25519	 "MCowBQYDK2VuAyEA1/2hvz1NEoOnycA1LonWly37rOcmaGQPiLTBbVFSvQM="
#define RSA_LINE "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlIvQGvb4yQ0caQtdWmSx"

static struct cfs_span formatted(uint8_t out[44])
{
	return bytes_of(FORMATTED, out, 44);
}

T(keys_and_signatures_of_openssl_are_taken)
{
	uint8_t message[44], signature[CFS_SIG_LEN], expected[CFS_SIG_LEN];
	struct cfs_sig_key key, derived;
	struct cfs_sig_secret secret;

	t_eq(cfs_sig_secret_parse(CFS_TEXT(SECRET), &secret, NULL), 0);
	t_eq(cfs_sig_key_parse(CFS_TEXT(PUBLIC), &key, NULL), 0);
	cfs_sig_get_public(&secret, &derived);
	t_mem(key.bytes, derived.bytes, CFS_SIG_KEY_LEN);
	cfs_sig_sign(&secret, formatted(message), signature);
	bytes_of(SIGNATURE, expected, sizeof(expected));
	t_mem(signature, expected, CFS_SIG_LEN);
	cfs_sig_secret_wipe(&secret);
	t_ok(cfs_span_is_zero((struct cfs_span){secret.seed, sizeof(secret.seed)}));
}

T(key_as_a_line_of_base64_is_the_key_in_pem)
{
	struct cfs_sig_key pem, line;
	char id[CFS_SIG_KEY_ID_MAX];

	t_eq(cfs_sig_key_parse(CFS_TEXT(PUBLIC), &pem, NULL), 0);
	t_eq(cfs_sig_key_parse(CFS_TEXT(PUBLIC_LINE "\n"), &line, NULL), 0);
	t_mem(pem.bytes, line.bytes, CFS_SIG_KEY_LEN);
	t_eq(cfs_sig_key_parse(CFS_TEXT(PUBLIC_LINE), &line, NULL), 0);
	t_eq(strlen(cfs_sig_key_format_id(&line, id)), 64);
}

#define PEM(label, base64)                                                               \
	"-----BEGIN " label "-----\n" base64 "\n-----END " label "-----\n"

T(a_key_other_than_ed25519_is_refused_by_its_type)
{
	static const struct {
		int code;
		const char *file, *message;
	} bad[] = {
		{-EINVAL, "", "expected PEM, or base64 of 32 bytes"},
		{-EINVAL, "\n", "expected PEM, or base64 of 32 bytes"},
		{-EINVAL, "AAAA\n", "expected PEM, or base64 of 32 bytes"},
		{-EINVAL, PUBLIC_LINE "\n\n", "one line of base64, got more"},
		{-EINVAL, PUBLIC_LINE " ", "expected PEM, or base64 of 32 bytes"},
		{-EINVAL, PUBLIC "x", "expected the end of the file, got 1 bytes"},
		{-EINVAL, "-----BEGIN PUBLIC KEY-----", "expected lines of PEM"},
		{-EINVAL, "-----BEGIN PUBLIC KEY-----\n", "expected an Ed25519 key"},
		{-EINVAL, "-----BEGIN PUBLIC KEY----\nAAAA\n", "got another"},
		{-EINVAL, "-----BEGIN -----\nAAAA\n", "got another"},
		{-EINVAL, PEM("PUBLIC KEY", ""), "expected an Ed25519 key"},
		{-EINVAL, PEM("PUBLIC KEY", X25519), "expected an Ed25519 key"},
		{-EINVAL, PEM("PUBLIC KEY", RSA_LINE "\n" RSA_LINE),
		 "expected an Ed25519 key"},
		{-EINVAL, PEM("PRIVATE KEY", "AAAA"), "got a PRIVATE KEY"},
		{-ENOTSUP, PEM("CERTIFICATE", "AAAA"), "got a certificate"},
		{-ENOTSUP, "\x30\x82\x01", "got a certificate"},
	};
	struct cfs_sig_key key;
	struct cfs_sig_secret secret;
	struct cfs_err err;

	for (size_t i = 0; i < LEN(bad); i++) {
		t_eq(cfs_sig_key_parse(cfs_text(bad[i].file), &key, &err), bad[i].code);
		t_has(err.msg, bad[i].message);
	}
	t_eq(cfs_sig_secret_parse(CFS_TEXT(PUBLIC), &secret, &err), -EINVAL);
	t_has(err.msg, "got a PUBLIC KEY");
	t_eq(cfs_sig_secret_parse(CFS_TEXT(PEM("ENCRYPTED PRIVATE KEY", "AAAA")), &secret,
				  &err),
	     -EINVAL);
	t_has(err.msg, "encrypted; decrypt it");
}

/* --- sets of keys and signature files ----------------------------------------------------- */

static const char strangers_line[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n";

/* Adds the directory of tmp_dir() where the key of openssl lies as "vendor". */
static int add(struct cfs_sig_keys *keys, enum cfs_sig_role role, struct cfs_err *err)
{
	return cfs_sig_keys_add_dir(keys, AT_FDCWD, tmp_dir(), role, err);
}

static int verify(const struct cfs_sig_keys *keys, const char *hex,
		  const struct cfs_sig_known **by, struct cfs_err *err)
{
	uint8_t message[44], file[3 * CFS_SIG_LEN];

	return cfs_sig_verify(keys, formatted(message), bytes_of(hex, file, sizeof(file)),
			      by, err);
}

T(one_good_signature_of_several_by_a_trusted_key_is_enough)
{
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};

	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	tmp_text("other.pub", strangers_line);
	tmp_text(".hidden", "no key");
	tmp_text("cert.pem", PEM("CERTIFICATE", "AAAA"));
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	t_eq(keys.n, 2);
	t_eq(verify(&keys, SIGNATURE, &by, NULL), 0);
	t_str(by->name, "vendor");
	t_eq(verify(&keys, STRANGERS SIGNATURE, &by, NULL), 0);
	t_str(by->name, "vendor");
	cfs_sig_keys_fini(&keys);
}

T(revoked_key_is_refused_wherever_else_it_is_trusted)
{
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;

	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	t_eq(add(&keys, CFS_SIG_REVOKED, NULL), 0);
	tmp_text("other", strangers_line);
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	t_eq(verify(&keys, SIGNATURE, &by, &err), -EKEYREVOKED);
	t_str(err.msg, "signed by key vendor, which is revoked");
	t_eq(verify(&keys, STRANGERS, &by, &err), -EBADMSG);
	t_ok(!by);
	cfs_sig_keys_fini(&keys);
}

T(without_a_trusted_key_every_signature_is_refused)
{
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;

	t_eq(verify(&keys, SIGNATURE, &by, &err), -ENOKEY);
	t_str(err.msg, "expected a trusted key that is not revoked, got none");
	tmp_fresh();
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	t_eq(verify(&keys, SIGNATURE, &by, &err), -ENOKEY);
	tmp_text("vendor", PUBLIC);
	t_eq(add(&keys, CFS_SIG_REVOKED, NULL), 0);
	t_eq(verify(&keys, STRANGERS, &by, &err), -ENOKEY);
	cfs_sig_keys_fini(&keys);
}

T(file_without_a_key_makes_its_directory_invalid)
{
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;

	tmp_fresh();
	tmp_text("vendor", "PUBLIC KEY\n");
	t_eq(add(&keys, CFS_SIG_REVOKED, &err), -EINVAL);
	t_has(err.msg, "vendor: key: expected PEM");
	t_eq(cfs_sig_keys_add_dir(&keys, AT_FDCWD, tmp_in("none"), CFS_SIG_TRUSTED, &err),
	     -ENOENT);
	cfs_sig_keys_fini(&keys);
}

T(certificates_are_read_only_if_they_are_asked_for)
{
	static char text[CFS_SIG_CERTIFICATE_MAX + 2] = PEM("CERTIFICATE", "AAAA");
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;

	tmp_fresh();
	tmp_text("small", text);
	t_eq(add(&keys, CFS_SIG_TRUSTED, &err), 0);
	t_eq(keys.n_certificates, 0);
	keys.keeps_certificates = true;
	t_eq(add(&keys, CFS_SIG_REVOKED, &err), 0);
	t_eq(keys.n_certificates, 1);
	t_eq(keys.certificates[0].role, CFS_SIG_REVOKED);
	t_str(keys.certificates[0].name, "small");
	t_eq(keys.certificates[0].file.len, strlen(text));
	memset(text + strlen(text), 'x', sizeof(text) - 1 - strlen(text));
	tmp_text("large", text);
	t_eq(add(&keys, CFS_SIG_TRUSTED, &err), -EFBIG);
	t_has(err.msg, "large");
	cfs_sig_keys_fini(&keys);
}

T(dangling_link_makes_its_directory_invalid)
{
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;

	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	t_eq(symlink("none", tmp_in("link")), 0);
	t_eq(add(&keys, CFS_SIG_REVOKED, &err), -ENOENT);
	t_has(err.msg, "link: open: No such file");
	cfs_sig_keys_fini(&keys);
}

T(signature_file_of_the_wrong_length_is_refused)
{
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;
	uint8_t message[44], *large = calloc(1, CFS_SIG_FILE_MAX + CFS_SIG_LEN);

	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	t_eq(verify(&keys, "", &by, &err), -EINVAL);
	t_has(err.msg, "got an empty file");
	t_eq(verify(&keys, SIGNATURE "00", &by, &err), -EINVAL);
	t_has(err.msg, "got 65 bytes");
	t_eq(verify(&keys, "00112233", &by, &err), -EINVAL);
	t_eq(cfs_sig_verify(&keys, formatted(message),
			    (struct cfs_span){large, CFS_SIG_FILE_MAX + CFS_SIG_LEN}, &by,
			    &err),
	     -EINVAL);
	t_has(err.msg, "at most 64 signatures");
	free(large);
	cfs_sig_keys_fini(&keys);
}

T(signature_of_another_kind_differs_from_a_damaged_one)
{
	static const struct {
		int code;
		const char *head;
		size_t len;
	} files[] = {
		{-ENOPKG, "\x30\x45", 71},	/* ECDSA */
		{-ENOPKG, "\x30\x3e", 64},	/* the same, as long as one of Ed25519 */
		{-ENOPKG, "\x30\x81\x88", 139}, /* ECDSA with a longer key */
		{-ENOPKG, "\x30\x82\x01\x91", 405}, /* PKCS#7 */
		{-ENOPKG, "\x30\x82\x01\xbc", 448}, /* the same, as long as seven */
		{-ENOPKG, "-----BEGIN PKCS7-----", 100},
		{-EINVAL, "\x30\x45", 70}, /* one byte is missing */
		{-EINVAL, "\x30\x82\x01\x91", 404},
		{-EINVAL, "\x30", 3},
		{-EBADMSG, "\x30\x45", 64},
		{-EBADMSG, "\x31\x3e", 64},
	};
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};
	struct cfs_err err;
	uint8_t message[44];

	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	for (size_t i = 0; i < LEN(files); i++) {
		uint8_t file[512] = {0};

		memcpy(file, files[i].head, strlen(files[i].head));
		t_eq(cfs_sig_verify(&keys, formatted(message),
				    (struct cfs_span){file, files[i].len}, &by, &err),
		     files[i].code);
		t_eq(strstr(err.msg, "another kind") != NULL, files[i].code == -ENOPKG);
	}
	cfs_sig_keys_fini(&keys);
}

T(signature_over_another_image_is_refused)
{
	const struct cfs_sig_known *by = NULL;
	struct cfs_sig_keys keys = {0};
	uint8_t message[44], signature[CFS_SIG_LEN];
	struct cfs_span m = formatted(message), s;

	s = bytes_of(SIGNATURE, signature, sizeof(signature));
	tmp_fresh();
	tmp_text("vendor", PUBLIC);
	t_eq(add(&keys, CFS_SIG_TRUSTED, NULL), 0);
	message[43] ^= 1;
	t_eq(cfs_sig_verify(&keys, m, s, &by, NULL), -EBADMSG);
	message[43] ^= 1;
	message[8] = CFS_SHA512;
	t_eq(cfs_sig_verify(&keys, m, s, &by, NULL), -EBADMSG);
	cfs_sig_keys_fini(&keys);
}
