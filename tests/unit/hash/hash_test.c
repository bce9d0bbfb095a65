/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: every kernel of this CPU gives the published digests, and all give the same ones;
 * shortened digests. */
#include "t.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>

#include "hash/hash.h"

/* Bytes without a pattern that a mixed-up word or block could survive, the same on every
 * run. */
static void fill(uint8_t *p, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

static void check_hex(enum cfs_hash_alg alg, const uint8_t *digest, const char *expected)
{
	char hex[2 * CFS_HASH_MAX_LEN + 1] = "";

	cfs_hex_encode(digest, cfs_hash_len(alg), hex);
	t_str(hex, expected);
}

static void digest(enum cfs_hash_alg alg, const void *p, size_t len, uint8_t *out)
{
	struct cfs_hash h;

	cfs_hash_init(&h, alg);
	cfs_hash_update(&h, p, len);
	cfs_hash_final(&h, out);
}

static void check_message(enum cfs_hash_alg alg, const char *message,
			  const char *expected)
{
	uint8_t got[CFS_HASH_MAX_LEN];

	digest(alg, message, strlen(message), got);
	check_hex(alg, got, expected);
}

/* Vectors: the examples of FIPS 180-4. */
T(sha256_gives_the_published_digests)
{
	check_message(CFS_SHA256, "",
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_message(CFS_SHA256, "abc",
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_message(CFS_SHA256,
		      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

T(sha512_gives_the_published_digests)
{
	check_message(CFS_SHA512, "",
		      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
	check_message(CFS_SHA512, "abc",
		      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	check_message(CFS_SHA512,
		      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
		      "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

static void check_million(enum cfs_hash_alg alg, const char *expected)
{
	static char piece[1000];
	uint8_t got[CFS_HASH_MAX_LEN];
	struct cfs_hash h;

	memset(piece, 'a', sizeof(piece));
	cfs_hash_init(&h, alg);
	for (int i = 0; i < 1000; i++)
		cfs_hash_update(&h, piece, sizeof(piece));
	cfs_hash_final(&h, got);
	check_hex(alg, got, expected);
}

T(a_million_bytes_in_pieces_give_the_published_digests)
{
	check_million(CFS_SHA256,
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	check_million(CFS_SHA512,
		      "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
		      "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

/* The digest of the digests of every prefix; the expected values are from Python's hashlib.
 */
static void check_prefixes(enum cfs_hash_alg alg, const char *expected)
{
	uint8_t bytes[600], got[CFS_HASH_MAX_LEN];
	struct cfs_hash all;

	fill(bytes, sizeof(bytes));
	cfs_hash_init(&all, alg);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		digest(alg, bytes, len, got);
		cfs_hash_update(&all, got, cfs_hash_len(alg));
	}
	cfs_hash_final(&all, got);
	check_hex(alg, got, expected);
}

T(every_length_around_the_padding_is_right)
{
	check_prefixes(
		CFS_SHA256,
		"97aaf8ab9dd267d9a5900c32312926c10f83ed871f22ec14625ddb137408e48f");
	check_prefixes(
		CFS_SHA512,
		"018b2845c7a09c0cbcdd17789dcab1784891058def23e417697cecae548c9729"
		"a3fa0ff11f97b7fc73b29493746b31c728b80c1b8e42f6e8bd858b8956b661b7");
}

T(a_stream_does_not_depend_on_where_it_is_cut)
{
	static const enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};
	uint8_t bytes[400], expected[CFS_HASH_MAX_LEN], got[CFS_HASH_MAX_LEN];
	struct cfs_hash h;

	fill(bytes, sizeof(bytes));
	for (size_t a = 0; a < 2; a++) {
		digest(algs[a], bytes, sizeof(bytes), expected);
		for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
			cfs_hash_init(&h, algs[a]);
			cfs_hash_update(&h, bytes, cut);
			cfs_hash_update(&h, NULL, 0);
			cfs_hash_update(&h, bytes + cut, (sizeof(bytes) - cut) / 2);
			cfs_hash_update(&h, bytes + cut + (sizeof(bytes) - cut) / 2,
					sizeof(bytes) - cut - (sizeof(bytes) - cut) / 2);
			cfs_hash_final(&h, got);
			t_mem(got, expected, cfs_hash_len(algs[a]));
		}
	}
}

/* Compares one kernel with the streams, whose digests the tests above pin down. */
static void check_batch(const struct cfs_hash_kernel *k, const uint8_t *blocks,
			size_t block_len, size_t n)
{
	uint8_t got[40 * CFS_HASH_MAX_LEN], expected[CFS_HASH_MAX_LEN];
	size_t len = cfs_hash_len(k->alg);

	memset(got, 0xEE, sizeof(got));
	k->blocks(blocks, block_len, n, got);
	for (size_t i = 0; i < n; i++) {
		digest(k->alg, blocks + i * block_len, block_len, expected);
		if (memcmp(got + i * len, expected, len) != 0)
			t_fail(__FILE__, __LINE__,
			       "%s, %s: block %zu of %zu, each %zu bytes",
			       cfs_hash_name(k->alg), k->name, i, n, block_len);
	}
	for (size_t i = n * len; i < sizeof(got); i++)
		t_eq(got[i], 0xEE);
}

T(every_kernel_hashes_batches_of_every_number_and_size)
{
	static const size_t lens[] = {0, 128, 256, 384, 4096};
	static uint8_t bytes[1 + 39 * 4096];
	const struct cfs_hash_kernel *k;

	fill(bytes, sizeof(bytes));
	for (size_t i = 0; (k = cfs_hash_get_kernel(i)); i++)
		for (size_t l = 0; k->usable() && l < sizeof(lens) / sizeof(*lens); l++)
			for (size_t n = 0; n < 40; n++)
				check_batch(k, bytes + 1, lens[l], n);
}

/* One message block; expects what the portable kernel makes of any state. */
T(every_kernel_compresses_like_the_portable_one)
{
	const struct cfs_hash_kernel *k, *portable[CFS_SHA512 + 1] = {NULL};
	static uint8_t bytes[1 + 9 * 128];
	alignas(uint64_t) uint8_t expected[64], got[64];

	fill(bytes, sizeof(bytes));
	for (size_t i = 0; (k = cfs_hash_get_kernel(i)); i++)
		if (strcmp(k->name, "portable") == 0)
			portable[k->alg] = k;
	for (size_t i = 0; (k = cfs_hash_get_kernel(i)); i++) {
		for (size_t n = 0; k->usable() && n <= 9; n++) {
			fill(expected, sizeof(expected));
			fill(got, sizeof(got));
			portable[k->alg]->compress(expected, bytes + 1, n);
			k->compress(got, bytes + 1, n);
			t_mem(got, expected, sizeof(got));
		}
	}
}

T(the_table_ends_with_a_portable_kernel_of_each_algorithm)
{
	const struct cfs_hash_kernel *k, *last[CFS_SHA512 + 1] = {NULL};

	for (size_t i = 0; (k = cfs_hash_get_kernel(i)); i++)
		last[k->alg] = k;
	t_str(last[CFS_SHA256]->name, "portable");
	t_str(last[CFS_SHA512]->name, "portable");
	t_ok(last[CFS_SHA256]->usable() && last[CFS_SHA512]->usable());
}

/* Vectors: xxhsum -H0, and libxxhash for the seeds. */
T(xxh32_gives_the_published_values)
{
	const char *sentence = "Nobody inspects the spammish repetition";
	uint8_t bytes[101];
	uint32_t chain = 0;

	t_eq(cfs_xxh32(NULL, 0, 0), 0x02cc5d05);
	t_eq(cfs_xxh32(NULL, 0, 0x9e3779b1), 0x36b78ae7);
	t_eq(cfs_xxh32("abc", 3, 0), 0x32d153ff);
	t_eq(cfs_xxh32(sentence, strlen(sentence), 0), 0xe2293b2f);
	t_eq(cfs_xxh32("user.a", 6, 0x25bbe08f), 0xc443f783);
	t_eq(cfs_xxh32("overlay.metacopy", 16, 0x25bbe08f + 4), 0xdbe5e05f);
	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++)
		chain = cfs_xxh32(bytes, len, chain);
	t_eq(chain, 0x1b26227b);
}

T(table_hash_depends_on_every_byte_the_length_and_the_seed)
{
	uint8_t bytes[80] = {0};

	for (size_t len = 0; len < sizeof(bytes); len++) {
		uint64_t h = cfs_hash64(bytes, len, 7);

		t_ok(h == cfs_hash64(bytes, len, 7));
		t_ok(h != cfs_hash64(bytes, len, 8));
		t_ok(h != cfs_hash64(bytes, len + 1, 7));
		for (size_t i = 0; i < len; i++) {
			bytes[i] ^= 1;
			t_ok(h != cfs_hash64(bytes, len, 7));
			bytes[i] ^= 1;
		}
	}
}

/* Counting keys must spread over a table of any power of two, by the low bits and by the
 * high. */
T(table_hash_spreads_counters)
{
	enum { BITS = 10, KEYS = 64 << BITS };
	static unsigned low[1 << BITS], high[1 << BITS];

	for (uint64_t i = 0; i < KEYS; i++) {
		uint64_t h = cfs_hash64(&i, sizeof(i), 1);

		low[h % (1 << BITS)]++;
		high[h >> (64 - BITS)]++;
	}
	/* 64 expected in each; beyond 8 standard deviations is no accident. */
	for (size_t i = 0; i < 1 << BITS; i++) {
		t_ok(low[i] > 0 && low[i] < 128);
		t_ok(high[i] > 0 && high[i] < 128);
	}
}

T(table_seeds_differ)
{
	t_ok(cfs_hash_make_seed() != cfs_hash_make_seed());
}

/* --- shortened digests --------------------------------------------------------------- */

T(prefix_has_digits_and_perhaps_an_algorithm)
{
	struct cfs_hash_prefix p;

	t_ok(cfs_hash_parse_prefix(CFS_TEXT("0123abCD"), &p) && p.alg == 0 &&
	     p.digits.len == 8);
	t_ok(cfs_hash_parse_prefix(CFS_TEXT("sha512:01"), &p) && p.alg == CFS_SHA512 &&
	     p.digits.len == 2);
	t_ok(cfs_hash_parse_prefix(CFS_TEXT(""), &p) && p.digits.len == 0);
	t_ok(!cfs_hash_parse_prefix(CFS_TEXT("0123g"), &p));
	t_ok(!cfs_hash_parse_prefix(CFS_TEXT("md5:01234567"), &p));
	t_ok(!cfs_hash_parse_prefix(CFS_TEXT("sha256:sha256:01"), &p));
}

T(prefix_matches_digests_of_its_algorithm_in_order)
{
	struct cfs_hash_matches m = {0};
	struct cfs_err err;

	t_ok(cfs_hash_parse_prefix(CFS_TEXT("sha256:0123ABCD"), &m.prefix));
	cfs_hash_match_prefix(&m, "sha256:0123abcdff00000000");
	cfs_hash_match_prefix(&m, "sha512:0123abcd0000000000");
	cfs_hash_match_prefix(&m, "sha256:0123abcd1111111111");
	cfs_hash_match_prefix(&m, "sha256:0123abce1111111111");
	cfs_hash_match_prefix(&m, "no digest");
	t_eq(m.n, 2);
	t_str(m.found[0], "sha256:0123abcd1111111111");
	t_eq(cfs_hash_fail_ambiguous(&m, "image ID", "images", &err), -ENOTUNIQ);
	t_str(err.msg, "image ID \"0123ABCD\": ambiguous, 2 images: "
		       "sha256:0123abcd11111111, sha256:0123abcdff000000");
}

T(prefix_keeps_the_first_matches_of_many)
{
	struct cfs_hash_matches m = {0};
	char text[CFS_HASH_TEXT_MAX];
	struct cfs_err err;

	t_ok(cfs_hash_parse_prefix(CFS_TEXT("0000"), &m.prefix));
	for (int i = 20; i > 0; i--) {
		snprintf(text, sizeof(text), "sha256:0000%04d", i);
		cfs_hash_match_prefix(&m, text);
	}
	t_eq(m.n, 20);
	t_str(m.found[0], "sha256:00000001");
	t_str(m.found[CFS_HASH_MATCHES_MAX - 1], "sha256:00000008");
	t_eq(cfs_hash_fail_ambiguous(&m, "digest", "layers", &err), -ENOTUNIQ);
	t_has(err.msg, "ambiguous, 20 layers: ");
	t_has(err.msg, ", sha256:00000008, ...");
}
