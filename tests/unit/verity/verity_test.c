/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: digests equal those of the fsverity tool, by whatever way the bytes come. */
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verity/verity.h"
#include "verity/verity_priv.h"

/* data_len bytes from fill(), zeros behind them up to size. Digests: fsverity digest
 * --compact. */
static const struct vector {
	uint64_t data_len, size;
	const char *sha256, *sha512;
} vectors[] = {
	{0, 0, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95",
	 "ccf9e5aea1c2a64efa2f2354a6024b90dffde6bbc017825045dce374474e13d1"
	 "0adb9dadcc6ca8e17a3c075fbd31336e8f266ae6fa93a6c3bed66f9e784e5abf"},
	{1, 1, "a6617d3c115ea430705cdc6f8a800b2f4e73de2c5cd12e40962f473e1bb72be4",
	 "d21ed0374b8b6c64e996f48d136646dbda536288eb478d35689c288354276748"
	 "df7b00dd5c27642811b70b13cd1b28a4d36871b090ca09f5a8430ce5a2b60a78"},
	{4095, 4095, "6518a8fcdbd51c5093c2e61695a05fd694732e31608ca62ffed50b4ef9414178",
	 "19355766d10563ddfa7e2398ed07ace28f04eb1c80e56e2a98a73e00c0400e34"
	 "684aa4a7fb9c7156778653bdab2c2e36f6f18a81132e5b3d1d38014d29120613"},
	{4096, 4096, "f0e299ba00645b999247c1b44b0104698b07a07dc58745903cb482f0a3a34d93",
	 "658e765896301c94c6cc9acc1108a122abbcf3e4e3db6b922fb6d05127844cf4"
	 "e49e2140c14d05b5463fba35d17001079f6b4e4efe356b151005b91efd2bdcc1"},
	{4097, 4097, "db901980faf2bbec788ea9b0535ec97b004b20c53cdc87fcb9c7c954b2277e20",
	 "09cb6782820a07fa3984e967f2ea4b3fe224fb6e9917ca35b2cb5573503b7d5c"
	 "d5cafc489ba50c7c7e1112a4bcc95e0de5ccb7bccd3a113e0ede96161e4892fd"},
	{8192, 8192, "73b106b48918ccd43218bb941e0e2f0b35a844ab657047091ebaa7773cf72ad1",
	 "7cc399a9da9c961cc651d27e28bdcd585fd0fb9baf2528a915afe951a8387d4e"
	 "673ee45121304fac454df6dbb2224a22cde13dd553e822aa4f0f22bc36ee7d7b"},
	{262143, 262143,
	 "47683aed0eb97d9cbcc33834681aaf570273ceda20195d355c5d6291a28f0368",
	 "87304aec9e8ee2bfbb23cf7bb6844b75c848d787c80e4c1862305a4c8ce9892c"
	 "a0dd8a5db98611cc9c26f806aca06d43a058e7266e53b8dc86b9e29de45e1321"},
	{262144, 262144,
	 "42f4b6c3ae863e6d8cca5237454de41a967ba7f228057a46932a1f7883b1388c",
	 "3602fffea8b2770cf43ef5e152163d5e5aa1ea24d08bddc3ac3698186270829c"
	 "6f857ecc06a84a08da6a766ce6ff35369f5c58429db6682ed7695873898bbdc0"},
	{262145, 262145,
	 "d451396f46dc1bedf8a73b9971d2b2166211b1de56205ec6baea04ab182257ed",
	 "56db68b83721f79c4e0671e593b61938e3c2d20133f6c8db83c73a02d4e6d5f4"
	 "8e617e0acc054b97d1f123f267766f51922f5501a1cf4609d61c3afe15010e7a"},
	{524287, 524287,
	 "9f104bb72ed1f36f980ea9f312f55fcf3d93d2a9a752e8f01ec4f264ae5b684a",
	 "21dd78eb200109dac0676d288f2af1cf9405827ed83b786eee5e67aa34869075"
	 "2415adb7f7562acb2ed370eba57c60f73d0ac0eef501413aa7eb40affc98996f"},
	{524288, 524288,
	 "7143a130f6a81b7a5284a1dd811a8d67016b585a18f3d116af6baeaa248f8e60",
	 "8f112472f1087d47983baa240dee25af7ad10735f072d9db65a5563e2b0c4ba9"
	 "27d28ae11bcdda8379141d626999c945785825c1f5acf89bcf3afdafe894fa1a"},
	{524289, 524289,
	 "3e229a105759745c258314a99f32873cb61bc969cb97130a49a148ad1340da85",
	 "43d129a2ebec0a26950062261d2465cf5304307b5bdb219ad71f8b06625e4f16"
	 "6c8ef67cbcb12c618426216cf10005ddecb3632962027e51fb9dcc83ebf2c92f"},
	{16777215, 16777215,
	 "36f549eae7ce85fe7683fbb2ac0c1ee6e1314e2e5908f857b198cd8cb76a7a3e",
	 "10b538ea9b7388d4dbdcf2e9e28f8cf7227965e8db7e4e1b723bf4fa93f1e2da"
	 "7db71ecdc1284b951a70c58c2312a5e4718fa859a66825d7eed5b9954fc3f167"},
	{16777216, 16777216,
	 "771e27db11b7c042e4d18d1f729005a17437685d74a81bad29cf0eb48d046ca2",
	 "ccc733e7bc18a35ffc1a01977f11f641585a20f19b01a343647ef82274327d01"
	 "1e6223050552dc1ac2de6cfd270b5915a95ecee5543528afc6c20fec946be401"},
	{16777217, 16777217,
	 "88a0bf177c2d23083abc7ecf3ff4e0d8cefa3854abc3243514ba580d8bd51ccf",
	 "a1b832b6a62731ac98b651f09adaca48732a6a09a0d558ee480ea050b126c818"
	 "9acc8cf57b8bf5e86e627b28753d55d0f8fa5678201be12ddd2c01c7cda4154e"},
	{8192, 67108863,
	 "4f1d23d20c00913e9ab8a49cd49c56ef1a7d64da55294af0ec58694b2bf87360",
	 "bec8c7db7b122443d74a5787447388db2ab30d2c7f66557163e48718cb660e8e"
	 "9ece334b4bd34e8abdf988aabf970987574d760e29d11cdb06471d4661941b42"},
	{8192, 67108864,
	 "ba9e1c1697f5372732ee6b57c77f7125ecac5398d527270980ef196d3a257ae6",
	 "4dc974d10a8b27c7ab4e714d323f5fdd6420fea65397f8bc603fec4cf5286dd6"
	 "6217adbaad6b6659d5a6ced132a07e21f4cada4236e41ca73cbbe8ee019ad32b"},
	{8192, 67108865,
	 "616be46cbff9713a1facdade8cc6a216ef1bb5f0ebf5ea5f654b0885772e322e",
	 "eaaaf0441416c6cc137be4b1c24a888c0ba24008e662a2545f0abb1bd9d719fe"
	 "a30f395146479f9b486cdcff4c7e3e87f286babffd5a892e4f6ad63b24dcb672"},
};

enum {
	N_VECTORS = sizeof(vectors) / sizeof(*vectors),
	DATA_MAX = 64 * 64 * 4096 + 1,
};

static uint8_t data[DATA_MAX];

static void fill(uint8_t *p, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

static const uint8_t *filled(void)
{
	if (data[0] == 0)
		fill(data, sizeof(data));
	return data;
}

/* A sparse file in memory that holds the vector; the caller closes it. */
static int vector_file(const struct vector *v)
{
	int fd = memfd_create("verity", MFD_CLOEXEC);

	t_ok(fd >= 0);
	t_eq(cfs_io_write(fd, filled(), v->data_len, NULL), 0);
	t_eq(ftruncate(fd, (off_t)v->size), 0);
	return fd;
}

static void check(const struct cfs_digest *d, const struct vector *v)
{
	char hex[CFS_DIGEST_HEX_MAX];

	t_str(cfs_digest_hex(d, hex), d->alg == CFS_SHA512 ? v->sha512 : v->sha256);
}

static void check_stream(enum cfs_hash_alg alg, const struct vector *v, size_t piece)
{
	struct cfs_verity *stream;
	struct cfs_digest d;

	t_eq(cfs_verity_new(alg, &stream), 0);
	/* Twice: a stream that was started over has forgotten what it saw. */
	for (int i = 0; i < 2; i++) {
		cfs_verity_reset(stream);
		for (size_t off = 0; off < v->size; off += piece)
			cfs_verity_update(stream, filled() + off,
					  v->size - off < piece ? v->size - off : piece);
		cfs_verity_final(stream, &d);
		check(&d, v);
	}
	cfs_verity_free(stream);
}

static void check_mem(enum cfs_hash_alg alg, const struct vector *v)
{
	struct cfs_digest d;

	t_eq(cfs_verity_digest_mem(alg, (struct cfs_span){filled(), v->size}, &d, NULL),
	     0);
	check(&d, v);
}

static void check_hashes(enum cfs_hash_alg alg, const struct vector *v)
{
	size_t n = (v->size + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK;
	size_t hash_len = cfs_hash_len(alg);
	uint8_t *hashes = malloc(n * hash_len + 1), block[CFS_VERITY_BLOCK];
	struct cfs_digest d;

	for (size_t i = 0; i < n; i++) {
		size_t off = i * sizeof(block), left = v->size - off;

		memset(block, 0, sizeof(block));
		memcpy(block, filled() + off,
		       left < sizeof(block) ? left : sizeof(block));
		cfs_hash_blocks(alg, block, sizeof(block), 1, hashes + i * hash_len);
	}
	t_eq(cfs_verity_digest_hashes(alg, v->size,
				      (struct cfs_span){hashes, n * hash_len}, &d, NULL),
	     0);
	check(&d, v);
	free(hashes);
}

T(hashes_of_blocks_give_the_digests_of_fsverity)
{
	for (size_t i = 0; i < N_VECTORS && vectors[i].size <= DATA_MAX; i++) {
		check_hashes(CFS_SHA256, &vectors[i]);
		check_hashes(CFS_SHA512, &vectors[i]);
	}
}

T(memory_gives_the_digests_of_fsverity)
{
	for (size_t i = 0; i < N_VECTORS && vectors[i].size <= DATA_MAX; i++) {
		check_mem(CFS_SHA256, &vectors[i]);
		check_mem(CFS_SHA512, &vectors[i]);
	}
}

T(streams_give_the_digests_of_fsverity_however_they_are_cut)
{
	static const size_t pieces[] = {1, 100, 4095, 4097, 300001};

	for (size_t i = 0; i < N_VECTORS && vectors[i].size <= 1 << 20; i++) {
		for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
			check_stream(CFS_SHA256, &vectors[i], pieces[p]);
			check_stream(CFS_SHA512, &vectors[i], pieces[p]);
		}
	}
}

static void check_file(enum cfs_hash_alg alg, const struct vector *v, unsigned n_threads)
{
	cfs_autofd int fd = vector_file(v);
	struct cfs_err err = {""};
	struct cfs_digest d;
	uint64_t size = 0;

	t_eq(lseek(fd, 1, SEEK_SET), 1);
	if (cfs_verity_digest_fd(alg, fd, n_threads, NULL, &d, &size, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	check(&d, v);
	t_eq(size, v->size);
	t_eq(lseek(fd, 0, SEEK_CUR), 1);
}

T(files_give_the_digests_of_fsverity_on_any_number_of_threads)
{
	for (size_t i = 0; i < N_VECTORS; i++) {
		check_file(CFS_SHA256, &vectors[i], 1);
		check_file(CFS_SHA512, &vectors[i], 1);
		check_file(CFS_SHA256, &vectors[i], 2);
		check_file(CFS_SHA512, &vectors[i], 3);
	}
}

static void check_against_tool(const char *algorithm, int fd, const char *reference)
{
	char command[200], line[200] = "";
	FILE *out;

	snprintf(command, sizeof(command),
		 "fsverity digest --compact --hash-alg=%s /proc/%ld/fd/%d", algorithm,
		 (long)getpid(), fd);
	out = popen(command, "r");
	t_ok(out && fgets(line, sizeof(line), out));
	t_eq(pclose(out), 0);
	line[strcspn(line, "\n")] = '\0';
	t_str(line, reference);
}

/* The table above cannot be wrong together with the code. */
T(the_fsverity_tool_agrees_with_the_vectors)
{
	if (system("fsverity --version >/dev/null 2>&1") != 0)
		t_skip("the fsverity tool is not installed");
	for (size_t i = 0; i < N_VECTORS; i++) {
		cfs_autofd int fd = vector_file(&vectors[i]);

		check_against_tool("sha256", fd, vectors[i].sha256);
		check_against_tool("sha512", fd, vectors[i].sha512);
	}
}

/* Sizes around the pieces that threads take, which no level of the tree ends at. */
T(threads_give_the_digest_of_one_thread_at_odd_sizes)
{
	static const uint64_t sizes[] = {
		4 << 20,	  (4 << 20) + 1,	 (5 << 20) - 4096,
		(6 << 20) + 4095, (7 << 20) + (1 << 19), (8 << 20) - 1};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct vector v = {sizes[i], sizes[i], NULL, NULL};
		cfs_autofd int fd = vector_file(&v);

		for (int alg = CFS_SHA256; alg <= CFS_SHA512; alg++) {
			struct cfs_digest reference, got;

			t_eq(cfs_verity_digest_fd(alg, fd, 1, NULL, &reference, NULL,
						  NULL),
			     0);
			for (unsigned n = 2; n <= 8; n++) {
				t_eq(cfs_verity_digest_fd(alg, fd, n, NULL, &got, NULL,
							  NULL),
				     0);
				t_ok(cfs_digest_eq(&got, &reference));
			}
		}
	}
}

/* What threads read must be the size that was announced, or the digest would be of no file. */
T(a_file_of_another_size_than_announced_is_an_error)
{
	struct vector v = {5 << 20, 5 << 20, NULL, NULL};
	cfs_autofd int fd = vector_file(&v);
	struct cfs_err err = {""};
	struct cfs_verity *tree;

	t_eq(cfs_verity_new(CFS_SHA256, &tree), 0);
	t_eq(cfs_verity_update_split(tree, fd, v.size + 1, 2, NULL, &err), -EBUSY);
	t_str(err.msg, "file size changed while the file was read");
	cfs_verity_reset(tree);
	t_eq(cfs_verity_update_split(tree, fd, v.size - 1, 2, NULL, &err), -EBUSY);
	cfs_verity_reset(tree);
	t_eq(cfs_verity_update_split(tree, fd, v.size, 2, NULL, &err), 0);
	cfs_verity_free(tree);
}

T(a_pipe_is_read_as_a_stream)
{
	const struct vector *v = &vectors[4];
	struct cfs_digest d;
	uint64_t size;
	int fds[2];

	t_eq(v->size, 4097);
	t_eq(pipe(fds), 0);
	t_eq(cfs_io_write(fds[1], filled(), v->size, NULL), 0);
	close(fds[1]);
	t_eq(cfs_verity_digest_fd(CFS_SHA256, fds[0], 2, NULL, &d, &size, NULL), 0);
	close(fds[0]);
	check(&d, v);
	t_eq(size, v->size);
}

/* All vectors but the largest, many times, with what the caller says of their size made wrong by
 * wrong: small and large files in turn, more than one batch of them. */
static void check_batch(enum cfs_hash_alg alg, int64_t wrong)
{
	enum { N = 12, ROUNDS = 20 };
	static struct cfs_digest digests[ROUNDS][N];
	struct cfs_verity_batch *b;
	int fds[N];

	t_eq(cfs_verity_batch_new(alg, NULL, &b), 0);
	for (size_t i = 0; i < N; i++)
		fds[i] = vector_file(&vectors[i]);
	for (size_t r = 0; r < ROUNDS; r++) {
		for (size_t j = 0; j < N; j++) {
			size_t i = j * 5 % N;
			int64_t expected = (int64_t)vectors[i].size + wrong;
			uint64_t size = 77;

			t_eq(cfs_verity_batch_add(b, fds[i], expected < 0 ? 0 : expected,
						  &digests[r][i], &size, NULL),
			     0);
			t_eq(size, vectors[i].size);
		}
	}
	cfs_verity_batch_flush(b);
	cfs_verity_batch_free(b);
	for (size_t r = 0; r < ROUNDS; r++)
		for (size_t i = 0; i < N; i++)
			check(&digests[r][i], &vectors[i]);
	for (size_t i = 0; i < N; i++)
		close(fds[i]);
}

T(a_batch_of_files_gives_the_digests_of_fsverity)
{
	check_batch(CFS_SHA256, 0);
	check_batch(CFS_SHA512, 0);
}

T(a_batch_does_not_depend_on_the_expected_sizes)
{
	check_batch(CFS_SHA256, -1);
	check_batch(CFS_SHA256, 1);
	check_batch(CFS_SHA256, 1 << 20);
	check_batch(CFS_SHA256, -(1 << 30));
}

/* Every size up to where a file is no longer small; the expected digests are those of streams. */
T(a_batch_takes_files_of_every_number_of_blocks)
{
	enum { N = 20 };
	struct cfs_digest got[N], reference;
	struct cfs_verity_batch *b;
	uint64_t size;

	t_eq(cfs_verity_batch_new(CFS_SHA512, NULL, &b), 0);
	for (size_t i = 0; i < N; i++) {
		struct vector v = {i * 4096, i * 4096, NULL, NULL};
		cfs_autofd int fd = vector_file(&v);

		t_eq(cfs_verity_batch_add(b, fd, v.size, &got[i], &size, NULL), 0);
	}
	cfs_verity_batch_flush(b);
	cfs_verity_batch_flush(b);
	cfs_verity_batch_free(b);
	for (size_t i = 0; i < N; i++) {
		struct cfs_span all = {filled(), i * 4096};

		t_eq(cfs_verity_digest_mem(CFS_SHA512, all, &reference, NULL), 0);
		t_ok(cfs_digest_eq(&got[i], &reference));
	}
}

T(a_file_that_cannot_be_read_leaves_the_batch_alone)
{
	cfs_autofd int good = vector_file(&vectors[4]);
	struct cfs_digest d, none = {.alg = 77};
	struct cfs_verity_batch *b;
	struct cfs_err err = {""};
	uint64_t size;
	int fds[2];

	t_eq(pipe(fds), 0);
	t_eq(cfs_io_write(fds[1], filled(), vectors[3].size, NULL), 0);
	close(fds[1]);
	t_eq(cfs_verity_batch_new(CFS_SHA256, NULL, &b), 0);
	t_eq(cfs_verity_batch_add(b, good, 4097, &d, &size, NULL), 0);
	t_eq(cfs_verity_batch_add(b, -1, 4097, &none, &size, &err), -EBADF);
	t_str(err.msg, "read: Bad file descriptor");
	t_eq(none.alg, 77);
	t_eq(cfs_verity_batch_add(b, fds[0], 0, &none, &size, &err), 0);
	cfs_verity_batch_flush(b);
	cfs_verity_batch_free(b);
	close(fds[0]);
	check(&d, &vectors[4]);
	check(&none, &vectors[3]);
}

T(a_sink_and_a_file_in_two_parts_make_one_stream)
{
	const struct vector *v = &vectors[5];
	struct vector rest = {v->size - 4097, v->size - 4097, NULL, NULL};
	cfs_autofd int fd = -1;
	struct cfs_verity *stream;
	struct cfs_sink sink;
	struct cfs_digest d;

	fd = vector_file(&rest);
	t_eq(pwrite(fd, filled() + 4097, rest.size, 0), (ssize_t)rest.size);
	t_eq(cfs_verity_new(CFS_SHA256, &stream), 0);
	sink = cfs_verity_get_sink(stream);
	t_eq(sink.write(sink.ctx, filled(), 4097, NULL), 0);
	t_eq(cfs_verity_update_fd(stream, fd, NULL, NULL), 0);
	cfs_verity_final(stream, &d);
	cfs_verity_free(stream);
	check(&d, v);
}

T(unreadable_input_is_an_error)
{
	cfs_autofd int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cfs_digest d;
	struct cfs_err err;

	t_eq(cfs_verity_digest_fd(CFS_SHA256, dir, 1, NULL, &d, NULL, &err), -EISDIR);
	t_str(err.msg, "read: Is a directory");
	t_eq(cfs_verity_digest_fd(CFS_SHA256, -1, 2, NULL, &d, NULL, &err), -EBADF);
}

T(digest_text_forms_are_hex_and_path)
{
	struct cfs_digest d = {.alg = CFS_SHA256, .bytes = {0x02, 0x92, 0x78}};
	char hex[CFS_DIGEST_HEX_MAX], path[CFS_OBJECT_PATH_MAX];

	t_str(cfs_digest_hex(&d, hex),
	      "0292780000000000000000000000000000000000000000000000000000000000");
	t_str(cfs_digest_path(&d, path),
	      "02/92780000000000000000000000000000000000000000000000000000000000");
	d.alg = CFS_SHA512;
	t_eq(strlen(cfs_digest_hex(&d, hex)), 128);
	t_eq(strlen(cfs_digest_path(&d, path)), 129);
}

T(formatted_digest_is_magic_algorithm_length_and_digest)
{
	uint8_t out[CFS_DIGEST_FORMATTED_MAX];
	struct cfs_digest d = {.alg = CFS_SHA256, .bytes = {0x9c, 0x19, [31] = 0xff}};

	t_eq(cfs_digest_format(&d, out), 44);
	t_mem(out, "FSVerity\1\0\x20\0\x9c\x19", 14);
	t_eq(out[43], 0xff);
	d.alg = CFS_SHA512;
	t_eq(cfs_digest_format(&d, out), 76);
	t_mem(out, "FSVerity\2\0\x40\0\x9c\x19", 14);
}

T(digest_parse_takes_both_lengths_with_and_without_their_name)
{
	const struct vector *v = &vectors[0];
	char text[200], hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest a, b;

	t_eq(cfs_digest_parse(cfs_text(v->sha256), &a, NULL), 0);
	t_eq(a.alg, CFS_SHA256);
	t_str(cfs_digest_hex(&a, hex), v->sha256);
	snprintf(text, sizeof(text), "sha256:%s", v->sha256);
	t_eq(cfs_digest_parse(cfs_text(text), &b, NULL), 0);
	t_ok(cfs_digest_eq(&a, &b));
	t_eq(cfs_digest_parse(cfs_text(v->sha512), &a, NULL), 0);
	t_eq(a.alg, CFS_SHA512);
	t_str(cfs_digest_hex(&a, hex), v->sha512);
	t_ok(!cfs_digest_eq(&a, &b));
	snprintf(text, sizeof(text), "sha512:%s", v->sha512);
	t_eq(cfs_digest_parse(cfs_text(text), &b, NULL), 0);
	t_ok(cfs_digest_eq(&a, &b));
}

static void check_refused(const char *before, const char *hex, int len)
{
	char text[200];
	struct cfs_digest d = {.alg = 77};
	struct cfs_err err = {""};

	snprintf(text, sizeof(text), "%s%.*s", before, len, hex);
	t_eq(cfs_digest_parse(cfs_text(text), &d, &err), -EINVAL);
	t_has(err.msg, "expected 64 (sha256) or 128 (sha512) hex digits");
	t_has(err.msg, text);
	t_eq(d.alg, 77);
}

T(digest_parse_refuses_other_forms)
{
	const struct vector *v = &vectors[0];

	check_refused("", "", 0);
	check_refused("sha256:", "", 0);
	check_refused("", v->sha256, 63);
	check_refused("0", v->sha256, 64);
	check_refused("", v->sha512, 127);
	check_refused("sha256:", v->sha512, 128);
	check_refused("sha512:", v->sha256, 64);
	check_refused("sha1:", v->sha256, 40);
	check_refused("g", v->sha256, 63);
	check_refused("sha256:sha256:", v->sha256, 64);
}

T(a_file_without_fsverity_is_reported)
{
	cfs_autofd int fd = vector_file(&vectors[4]);
	struct cfs_digest d;
	struct cfs_err err;

	t_eq(cfs_verity_measure(fd, &d, &err), -ENOTTY);
	t_has(err.msg, "has no fs-verity");
	t_eq(cfs_verity_measure(-1, &d, &err), -EBADF);
	t_eq(cfs_verity_enable(-1, CFS_SHA256, &err), -EBADF);
}

T(an_empty_signature_does_not_become_fsverity_without_one)
{
	struct cfs_err err;

	t_eq(cfs_verity_enable_signed(-1, CFS_SHA256, (struct cfs_span){0}, &err),
	     -EBADMSG);
	t_has(err.msg, "expected a signature, got nothing");
	t_eq(cfs_verity_enable_signed(-1, CFS_SHA256, cfs_text_span(CFS_TEXT("x")), &err),
	     -EBADF);
}

T(a_filesystem_without_fsverity_has_its_own_error)
{
	cfs_autofd int dir = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	t_ok(dir >= 0);
	t_eq(cfs_verity_is_supported(dir, NULL), 0);
	t_eq(cfs_verity_is_supported(-1, NULL), -EBADF);
}
