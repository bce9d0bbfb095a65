/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump: the text that is written, byte for byte. */
#include "t.h"

#include "dump/dump.h"

/* A writer into memory. */
struct sheet {
	struct cfs_mem mem;
	struct cfs_out out;
};

static void sheet_init(struct sheet *s)
{
	s->mem = (struct cfs_mem){0};
	t_eq(cfs_out_init(&s->out, cfs_sink_mem(&s->mem), 128), 0);
}

/* Ends the writing and compares. */
static void sheet_is(struct sheet *s, const char *expected)
{
	cfs_out_char(&s->out, '\0');
	t_eq(cfs_out_flush(&s->out, NULL), 0);
	t_str((const char *)s->mem.p, expected);
	cfs_out_fini(&s->out);
	free(s->mem.p);
}

static void check_escape(enum cfs_dump_plain plain, struct cfs_text bytes,
			 const char *expected)
{
	struct sheet s;

	sheet_init(&s);
	cfs_dump_escape(&s.out, bytes, plain);
	sheet_is(&s, expected);
}

T(dump_escapes_all_but_printable_ascii)
{
	check_escape(CFS_DUMP_FIELD, CFS_TEXT(""), "");
	check_escape(CFS_DUMP_FIELD, CFS_TEXT("a b"), "a\\x20b");
	check_escape(CFS_DUMP_FIELD, CFS_TEXT("\\\n\r\t"), "\\\\\\n\\r\\t");
	check_escape(CFS_DUMP_FIELD, CFS_TEXT("\x00\x01\x1f!~\x7f\x80\xff"),
		     "\\x00\\x01\\x1f!~\\x7f\\x80\\xff");
	check_escape(CFS_DUMP_FIELD, CFS_TEXT("-=[]"), "-=[]");
}

T(dump_escapes_equals_signs_in_xattrs_and_leaves_spaces_in_listings)
{
	check_escape(CFS_DUMP_XATTR, CFS_TEXT("a=b \\"), "a\\x3db\\x20\\\\");
	check_escape(CFS_DUMP_SPACES, CFS_TEXT("a=b \\\x7f"), "a=b \\\\\\x7f");
}

/* Every byte that is plain lies in 0x21..0x7e, and no other: the table has no hole. */
T(dump_escape_table_agrees_with_the_rule_for_each_byte)
{
	for (int c = 0; c < 256; c++) {
		const char byte = (char)c;
		bool plain = c > 0x20 && c < 0x7f && c != '\\';
		char hex[8], expected[8] = {byte};
		const char *letter = c ? strchr("\\\\\nn\rr\tt", c) : NULL;

		snprintf(hex, sizeof(hex), "\\x%02x", c);
		if (letter)
			snprintf(hex, sizeof(hex), "\\%c", letter[c == '\\' ? 0 : 1]);
		check_escape(CFS_DUMP_FIELD, (struct cfs_text){&byte, 1},
			     plain ? expected : hex);
		check_escape(CFS_DUMP_XATTR, (struct cfs_text){&byte, 1},
			     plain && c != '=' ? expected : hex);
		check_escape(CFS_DUMP_SPACES, (struct cfs_text){&byte, 1},
			     plain || c == ' ' ? expected : hex);
	}
}

/* Eight bytes are looked at together: each byte has to be found at each place among them, whatever is
 * beside it. */
T(dump_escapes_each_byte_as_alone_wherever_it_is)
{
	static const enum cfs_dump_plain styles[] = {CFS_DUMP_FIELD, CFS_DUMP_XATTR,
						     CFS_DUMP_SPACES};

	for (unsigned n = 0; n < 3 * 256 * 19 * 4; n++) {
		enum cfs_dump_plain plain = styles[n % 3];
		const char beside = "a~\xff\x80"[n / 3 % 4];
		char text[19];
		struct sheet together, alone;

		memset(text, beside, sizeof(text));
		text[n / 12 % 19] = (char)(n / 228);
		sheet_init(&together);
		sheet_init(&alone);
		cfs_dump_escape(&together.out, (struct cfs_text){text, sizeof(text)},
				plain);
		for (size_t i = 0; i < sizeof(text); i++)
			cfs_dump_escape(&alone.out, (struct cfs_text){text + i, 1},
					plain);
		cfs_out_char(&alone.out, '\0');
		t_eq(cfs_out_flush(&alone.out, NULL), 0);
		sheet_is(&together, (const char *)alone.mem.p);
		cfs_out_fini(&alone.out);
		free(alone.mem.p);
	}
}

static void check_line(const struct cfs_dump_entry *e, const char *expected)
{
	struct sheet s;

	sheet_init(&s);
	cfs_dump_put(&s.out, e);
	sheet_is(&s, expected);
}

T(dump_writes_every_field)
{
	static const uint8_t digest[32] = {0x35, 0xd0, [31] = 0x08};
	struct cfs_xattr xattrs[] = {
		{CFS_TEXT("user.a=b"), cfs_text_span(CFS_TEXT("-"))},
		{CFS_TEXT("user.e"), {NULL, 0}},
	};
	struct cfs_inode_spec in = {
		.size = UINT64_MAX,
		.mode = 0xf0100000 | S_IFREG | 0644,
		.nlink = 1,
		.uid = UINT32_MAX,
		.gid = 7,
		.rdev = 9,
		.mtime_sec = INT64_MIN,
		.mtime_nsec = 5,
		.payload = CFS_TEXT("a b=c"),
		.digest = digest,
		.xattrs = xattrs,
		.n_xattrs = 2,
	};
	struct cfs_dump_entry e = {
		.path = CFS_TEXT("/x y"), .inode = &in, .alg = CFS_SHA256};

	check_line(&e, "/x\\x20y 18446744073709551615 100644 1 4294967295 7 9 "
		       "-9223372036854775808.5 a\\x20b=c - "
		       "35d0000000000000000000000000000000000000000000000000000000000008 "
		       "user.a\\x3db=- user.e=\n");
	in = (struct cfs_inode_spec){.mode = S_IFDIR};
	e.path = CFS_TEXT("/");
	check_line(&e, "/ 0 40000 0 0 0 0 0.0 - - -\n");
}

T(dump_writes_a_hard_link_with_its_target_and_the_targets_fields)
{
	struct cfs_inode_spec in = {.mode = S_IFREG | 0600,
				    .size = 1,
				    .nlink = 2,
				    .content = cfs_text_span(CFS_TEXT("-")),
				    .payload = CFS_TEXT("unused")};
	struct cfs_dump_entry e = {.path = CFS_TEXT("/-"),
				   .link = CFS_TEXT("/t t"),
				   .inode = &in,
				   .alg = CFS_SHA256};

	check_line(&e, "/- 1 @100600 2 0 0 0 0.0 /t\\x20t \\x2d -\n");
	e.link.len = 0;
	in.payload = CFS_TEXT("-");
	in.content.len = 0;
	check_line(&e, "/- 1 100600 2 0 0 0 0.0 \\x2d - -\n");
}

T(dump_writes_a_long_digest_for_sha512)
{
	static const uint8_t digest[64] = {0xab, [63] = 0xcd};
	struct cfs_inode_spec in = {.mode = S_IFREG, .size = 1, .digest = digest};
	struct cfs_dump_entry e = {
		.path = CFS_TEXT("/a"), .inode = &in, .alg = CFS_SHA512};
	char expected[256];

	snprintf(expected, sizeof(expected), "/a 1 100000 0 0 0 0 0.0 - - ab%0124dcd\n",
		 0);
	check_line(&e, expected);
}
