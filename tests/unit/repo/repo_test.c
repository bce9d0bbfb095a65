/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Repositories: what meta.json says, names, links that lead elsewhere, the order of things. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "repo/repo.h"
#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

static int parse(const char *text, struct cfs_repo_meta *out)
{
	err.msg[0] = '\0';
	return cfs_repo_meta_parse(cfs_text(text), out, &err);
}

static const char sealed_by[] = "\"version\":1,\"algorithm\":\"fsverity-sha256-12\"";

static int parse_with(const char *more, struct cfs_repo_meta *out)
{
	char text[1024];

	snprintf(text, sizeof(text), "{%s%s}", sealed_by, more);
	return parse(text, out);
}

/* --- meta.json --------------------------------------------------------------------------- */

T(meta_gives_back_what_was_written)
{
	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		for (unsigned format = 0; format <= 2; format++) {
			struct cfs_repo_meta in = {.alg = alg, .format = format}, out;
			char text[CFS_REPO_META_TEXT_MAX];

			t_eq(parse(cfs_repo_meta_format(&in, text), &out), 0);
			t_eq(out.alg, alg);
			t_eq(out.format, format);
			t_ok(!out.read_only);
		}
}

T(meta_without_formats_is_1_with_the_feature_and_2_without)
{
	struct cfs_repo_meta m;

	t_eq(parse_with("", &m), 0);
	t_eq(m.format, 2);
	t_eq(parse_with(",\"features\":{\"read-only-compatible\":[\"v1_erofs\"]}", &m),
	     0);
	t_eq(m.format, 1);
	t_eq(parse_with(",\"features\":{\"read-only-compatible\":[\"v1_erofs\"]},"
			"\"erofs_formats\":{\"default\":2}",
			&m),
	     0);
	t_eq(m.format, 1);
	t_eq(parse_with(",\"erofs_formats\":{\"default\":0,\"extra\":[1]}", &m), 0);
	t_eq(m.format, 0);
}

T(meta_features_decide_whether_reading_or_writing_is_allowed)
{
	struct cfs_repo_meta m;

	t_eq(parse_with(",\"features\":{\"compatible\":[\"new\"]},\"more\":{}", &m), 0);
	t_ok(!m.read_only);
	t_eq(parse_with(",\"features\":{\"read-only-compatible\":[\"new\"]}", &m), 0);
	t_ok(m.read_only);
	t_str(m.feature, "new");
	t_eq(parse_with(",\"features\":{\"incompatible\":[\"new\"]}", &m), -ENOTSUP);
	t_has(err.msg, "new");
}

T(meta_of_another_kind_is_refused)
{
	struct cfs_repo_meta m;

	t_eq(parse("{\"version\":2,\"algorithm\":\"fsverity-sha256-12\"}", &m), -ENOTSUP);
	t_has(err.msg, "version: expected 1, got 2");
	t_eq(parse("{\"version\":1,\"algorithm\":\"fsverity-sha256-16\"}", &m), -ENOTSUP);
	t_has(err.msg, "fsverity-sha256-16");
	t_eq(parse("{\"version\":\"1\",\"algorithm\":\"fsverity-sha256-12\"}", &m),
	     -EINVAL);
	t_eq(parse("{\"version\":1}", &m), -EINVAL);
	t_eq(parse("{\"version\":1,\"version\":1,\"algorithm\":\"fsverity-sha256-12\"}",
		   &m),
	     -EINVAL);
	t_eq(parse("[]", &m), -EINVAL);
	t_eq(parse("", &m), -EINVAL);
	t_eq(parse_with("} x", &m), -EINVAL);
	t_eq(parse_with(",\"features\":[]", &m), -EINVAL);
	t_eq(parse_with(",\"features\":{\"incompatible\":\"x\"}", &m), -EINVAL);
	t_eq(parse_with(",\"features\":{\"compatible\":[1]}", &m), -EINVAL);
	t_eq(parse_with(",\"erofs_formats\":{\"default\":3}", &m), -ENOTSUP);
	t_eq(parse_with(",\"erofs_formats\":{}", &m), -ENOTSUP);
	t_eq(parse_with(",\"erofs_formats\":{\"default\":1,\"extra\":[9]}", &m),
	     -ENOTSUP);
}

/* --- names ------------------------------------------------------------------------------- */

static int check(const char *name)
{
	err.msg[0] = '\0';
	return cfs_repo_check_ref(cfs_text(name), &err);
}

static const char *const bad_names[] = {
	"",
	".",
	"..",
	"/a",
	"a/",
	"a//b",
	"a/../b",
	"../a",
	"a/.",
	"a\nb",
	"a\x1b[m",
	"a\x7f",
	".tmp-a",
	"a/.tmp-b",
	".symlink-",
	"1/2/3/4/5/6/7/8/9",
	"0123456789012345678901234567890123456789012345678901234567890123",
	"0123456789012345678901234567890123456789012345678901234567890abc/b",
};

static const char *const good_names[] = {
	"a",
	"a/b",
	"1/2/3/4/5/6/7/8",
	"name:tag",
	"-",
	".a",
	"...",
	"\xc3\xa4",
	"a/0123456789012345678901234567890123456789012345678901234567890123",
};

T(names_that_are_unsafe_or_ambiguous_are_refused)
{
	char name[CFS_REPO_REF_MAX + 2];

	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
		if (check(bad_names[i]) != -EINVAL || strchr(err.msg, '\n') == err.msg)
			t_fail(__FILE__, __LINE__, "\"%s\" was taken", bad_names[i]);
	for (size_t i = 0; i < sizeof(good_names) / sizeof(good_names[0]); i++)
		if (check(good_names[i]) != 0)
			t_fail(__FILE__, __LINE__, "\"%s\": %s", good_names[i], err.msg);
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	t_eq(check(name), -EINVAL);
	name[255] = '\0';
	t_eq(check(name), 0);
}

/* --- a repository ------------------------------------------------------------------------ */

static const struct cfs_repo_init fresh = {
	.meta = {.alg = CFS_SHA256, .format = 1},
	.insecure = true,
};

static const char image_hex[] =
	"0123456789012345678901234567890123456789012345678901234567890123";
static const char image_path[] =
	"r/objects/01/23456789012345678901234567890123456789012345678901234567890123";

static int publish_image(struct cfs_repo *repo, const struct cfs_digest *id,
			 const char *ref)
{
	struct cfs_repo_link link = {.kind = CFS_REPO_IMAGES, .id = *id, .ref = ref};

	return cfs_repo_publish(repo, &link, &err);
}

/* A repository with an "image" whose content is not what its name says. */
static struct cfs_repo *make(void)
{
	struct cfs_repo *repo = NULL;
	struct cfs_digest id;

	tmp_fresh();
	t_eq(cfs_repo_make(tmp_in("r"), &fresh, &err), 0);
	t_eq(mkdir(tmp_in("r/objects"), 0755), 0);
	t_eq(mkdir(tmp_in("r/objects/01"), 0755), 0);
	tmp_text(image_path, "not that");
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_WRITE, &repo, &err), 0);
	t_eq(cfs_digest_parse(cfs_text(image_hex), &id, &err), 0);
	t_eq(publish_image(repo, &id, "os/1"), 0);
	return repo;
}

T(init_succeeds_again_with_the_same_settings_only)
{
	struct cfs_repo_init other = fresh;

	tmp_fresh();
	t_eq(cfs_repo_make(tmp_in("a/b/r"), &fresh, &err), 0);
	t_eq(cfs_repo_make(tmp_in("a/b/r"), &fresh, &err), 1);
	other.meta.format = 0;
	t_eq(cfs_repo_make(tmp_in("a/b/r"), &other, &err), -EEXIST);
	other.ensure = true;
	t_eq(cfs_repo_make(tmp_in("a/b/r"), &other, &err), 1);
	tmp_text("a/b/r/meta.json", "{}");
	t_eq(cfs_repo_make(tmp_in("a/b/r"), &other, &err), -EINVAL);
}

static int make_three(void)
{
	struct stat st;

	CHILD_CHECK(cfs_repo_make(tmp_in("a/r"), &fresh, &err) == 0);
	CHILD_CHECK(cfs_repo_make(tmp_in("a/r"), &fresh, &err) == 1);
	CHILD_CHECK(stat(tmp_in("a/r/meta.json"), &st) == 0 && st.st_size > 0);
	CHILD_CHECK((st.st_mode & 07777) == 0644 && st.st_nlink == 1);
	CHILD_CHECK(unlink(tmp_in("a/r/meta.json")) == 0);
	CHILD_CHECK(rmdir(tmp_in("a/r")) == 0); /* nothing is left beside it */
	return 0;
}

T(init_works_without_o_tmpfile)
{
	static const struct fault none = {SYS_openat, 2, __O_TMPFILE, EOPNOTSUPP};

	tmp_fresh();
	t_eq(fault_run(&none, make_three), 0);
}

T(init_follows_no_link_in_a_directory_that_everyone_can_write)
{
	struct stat st;

	tmp_fresh();
	t_eq(mkdir(tmp_in("in"), 0755), 0);
	t_eq(mkdir(tmp_in("out"), 0755), 0);
	t_eq(symlink("../out", tmp_in("in/r")), 0);
	t_eq(chmod(tmp_in("in"), 0777), 0);
	t_eq(cfs_repo_make(tmp_in("in/r"), &fresh, &err), -ELOOP);
	t_has(err.msg, "/in/r: symbolic link \"r\": not followed");
	t_eq(cfs_repo_make(tmp_in("in/r/new"), &fresh, &err), -ELOOP);
	t_eq(rmdir(tmp_in("out")), 0);
	/* Our own is followed where others cannot make one. */
	t_eq(mkdir(tmp_in("out"), 0755), 0);
	t_eq(chmod(tmp_in("in"), 0755), 0);
	t_eq(cfs_repo_make(tmp_in("in/r"), &fresh, &err), 0);
	t_eq(stat(tmp_in("out/meta.json"), &st), 0);
}

T(an_image_is_found_by_id_and_by_name)
{
	static const char *const names[] = {image_hex, "os/1", "refs/os/1"};
	struct cfs_repo *repo = make();
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest id;

	for (size_t i = 0; i < 3; i++) {
		t_eq(cfs_repo_find_image(repo, names[i], &id, &err), 0);
		t_str(cfs_digest_hex(&id, hex), image_hex);
	}
	t_eq(cfs_repo_find_image(repo, "os", &id, &err), -ENOENT);
	t_eq(cfs_repo_find_image(repo, "os/1/2", &id, &err), -ENOENT);
	t_eq(cfs_repo_find_image(repo, "none", &id, &err), -ENOENT);
	t_eq(cfs_repo_find_image(repo, "../images", &id, &err), -EINVAL);
	t_eq(cfs_repo_untag(repo, CFS_REPO_IMAGES, "os/1", &err), 0);
	t_eq(cfs_repo_untag(repo, CFS_REPO_IMAGES, "os/1", &err), -ENOENT);
	t_ok(access(tmp_in("r/images/refs/os"), F_OK) < 0);
	t_eq(cfs_repo_find_image(repo, image_hex, &id, &err), 0);
	cfs_repo_close(repo);
}

/* Publishes an image whose ID begins with 01234567 as that of make() does. */
static void publish_similar(struct cfs_repo *repo, const char *rest, const char *ref)
{
	struct cfs_digest id;
	char hex[CFS_DIGEST_HEX_MAX];

	snprintf(hex, sizeof(hex), "01234567%-56s", rest);
	for (char *c = hex; *c; c++)
		*c = *c == ' ' ? 'f' : *c;
	t_eq(cfs_digest_parse(cfs_text(hex), &id, &err), 0);
	t_eq(publish_image(repo, &id, ref), 0);
}

T(an_image_is_found_by_the_first_digits_of_its_id)
{
	static const char *const names[] = {"01234567", "sha256:01234567",
					    "0123456789012345", "sha256:0123456789"};
	struct cfs_repo *repo = make();
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest id;

	for (size_t i = 0; i < 4; i++) {
		t_eq(cfs_repo_find_image(repo, names[i], &id, &err), 0);
		t_str(cfs_digest_hex(&id, hex), image_hex);
	}
	t_eq(cfs_repo_find_image(repo, "0123456", &id, &err), -ENOENT);
	t_eq(cfs_repo_find_image(repo, "01234568", &id, &err), -ENOENT);
	t_has(err.msg, "neither a name nor the beginning of an ID: \"01234568\"");
	t_eq(cfs_repo_find_image(repo, "sha512:01234567", &id, &err), -ENOENT);
	t_eq(cfs_repo_find_image(repo, "refs/01234567", &id, &err), -ENOENT);
	publish_similar(repo, "abc", "Upper");
	t_eq(cfs_repo_find_image(repo, "01234567ABC", &id, &err), 0);
	cfs_repo_close(repo);
}

T(digits_of_several_ids_are_refused_and_these_are_listed)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id;

	publish_similar(repo, "f", NULL);
	t_eq(cfs_repo_find_image(repo, "01234567", &id, &err), -ENOTUNIQ);
	t_has(err.msg, "image ID \"01234567\": ambiguous, 2 images: "
		       "sha256:0123456789012345, sha256:01234567ffffffff");
	for (int i = 0; i < 9; i++) {
		char rest[] = {(char)('0' + i), '\0'};

		publish_similar(repo, rest, NULL);
	}
	t_eq(cfs_repo_find_image(repo, "01234567", &id, &err), -ENOTUNIQ);
	t_has(err.msg, "ambiguous, 11 images: sha256:012345670fffffff, ");
	t_has(err.msg, ", sha256:012345677fffffff, ...");
	t_eq(cfs_repo_find_image(repo, "012345678", &id, &err), -ENOTUNIQ);
	t_eq(cfs_repo_find_image(repo, "01234567890", &id, &err), 0);
	cfs_repo_close(repo);
}

T(a_name_has_precedence_over_the_first_digits_of_an_id)
{
	struct cfs_repo *repo = make();
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest id;

	publish_similar(repo, "f", "01234567890");
	t_eq(cfs_repo_find_image(repo, "01234567890", &id, &err), 0);
	t_has(cfs_digest_hex(&id, hex), "01234567ffff");
	/* A name that leads nowhere is no reason to take the digits for an ID. */
	t_eq(unlink(tmp_in("r/images/refs/01234567890")), 0);
	t_eq(symlink("nowhere", tmp_in("r/images/refs/01234567890")), 0);
	t_eq(cfs_repo_find_image(repo, "01234567890", &id, &err), -EUCLEAN);
	t_eq(unlink(tmp_in("r/images/refs/01234567890")), 0);
	t_eq(mkdir(tmp_in("r/images/refs/01234567890"), 0755), 0);
	t_eq(cfs_repo_find_image(repo, "01234567890", &id, &err), -ENOENT);
	t_has(err.msg, "is not a reference");
	cfs_repo_close(repo);
}

static int search_unreadable(void)
{
	struct cfs_repo *repo = NULL;
	struct cfs_digest id;

	CHILD_CHECK(cfs_repo_open(tmp_in("r"), CFS_REPO_LOOK, &repo, &err) == 0);
	CHILD_CHECK(cfs_repo_find_image(repo, "01234567", &id, &err) == -EIO);
	cfs_repo_close(repo);
	return 0;
}

T(an_error_while_ids_are_searched_is_not_the_answer_none)
{
	static const struct fault io = {SYS_getdents64, 0, 0, EIO};

	cfs_repo_close(make());
	t_eq(fault_run(&io, search_unreadable), 0);
}

T(a_name_and_a_directory_of_names_exclude_each_other)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id;

	t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), 0);
	t_eq(publish_image(repo, &id, "os"), -EEXIST);
	t_has(err.msg, "directory of references");
	t_eq(publish_image(repo, &id, "os/1/2"), -EEXIST);
	t_has(err.msg, "is a reference");
	t_eq(publish_image(repo, &id, "os/1"), 0);
	cfs_repo_close(repo);
}

T(content_that_does_not_match_its_id_is_not_printed)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id;

	t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), 0);
	t_eq(cfs_repo_open_object(repo, &id, CFS_REPO_PROVEN, &err), -EILSEQ);
	t_eq(unlink(tmp_in(image_path)), 0);
	t_eq(cfs_repo_open_object(repo, &id, CFS_REPO_PROVEN, &err), -ENOENT);
	t_eq(mkdir(tmp_in(image_path), 0755), 0);
	t_eq(cfs_repo_open_object(repo, &id, CFS_REPO_PROVEN, &err), -EUCLEAN);
	cfs_repo_close(repo);
}

/* What a stranger's repository may hold: links anywhere, in each place. */
T(links_of_another_form_are_not_followed)
{
	static const char *const targets[] = {
		"/etc/passwd",
		"../../etc/passwd",
		"../objects/01/",
		"x",
		".",
		"../objects/01/"
		"234567890123456789012345678901234567890123456789012345678901234",
		"../objects/AB/"
		"23456789012345678901234567890123456789012345678901234567890123",
		"./../objects/01/"
		"23456789012345678901234567890123456789012345678901234567890123",
		"../objects/99/"
		"23456789012345678901234567890123456789012345678901234567890123",
	};
	struct cfs_repo *repo = make();
	struct cfs_digest id;
	char entry[128];

	snprintf(entry, sizeof(entry), "r/images/%s", image_hex);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		t_eq(unlink(tmp_in(entry)), 0);
		t_eq(symlink(targets[i], tmp_in(entry)), 0);
		t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), -EUCLEAN);
		t_eq(unlink(tmp_in("r/images/refs/os/1")), 0);
		t_eq(symlink(targets[i], tmp_in("r/images/refs/os/1")), 0);
		t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), -EUCLEAN);
		t_eq(unlink(tmp_in("r/images/refs/os/1")), 0);
		t_eq(cfs_digest_parse(cfs_text(image_hex), &id, &err), 0);
		t_eq(publish_image(repo, &id, "os/1"), 0); /* repairs both */
		t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), 0);
	}
	cfs_repo_close(repo);
}

T(directories_that_are_links_are_not_entered)
{
	struct cfs_repo *repo = make();
	struct cfs_digest id;

	t_eq(cfs_repo_find_image(repo, "os/1", &id, &err), 0);
	t_eq(rename(tmp_in("r/images/refs"), tmp_in("refs")), 0);
	t_eq(symlink("../../refs", tmp_in("r/images/refs")), 0);
	t_ok(cfs_repo_find_image(repo, "os/1", &id, &err) < 0);
	t_ok(publish_image(repo, &id, "os/2") < 0);
	t_ok(access(tmp_in("refs/os/2"), F_OK) < 0);
	t_eq(rename(tmp_in("r/objects"), tmp_in("objects")), 0);
	t_eq(symlink("../objects", tmp_in("r/objects")), 0);
	t_ok(cfs_repo_open_object(repo, &id, CFS_REPO_SEALED, &err) < 0);
	cfs_repo_close(repo);
}

T(lists_report_malformed_entries_beside_good_ones)
{
	struct cfs_repo *repo = make();
	struct cfs_repo_list l = {0};

	tmp_text("r/images/refs/note", "");
	t_eq(symlink("../absent", tmp_in("r/images/refs/dangling")), 0);
	t_eq(symlink("/etc", tmp_in("r/images/refs/os/out")), 0);
	t_eq(cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &l, &err), 0);
	t_eq(l.n, 4);
	t_str(l.v[0].name, "dangling");
	t_str(l.v[0].target, "absent");
	t_eq(l.v[1].code, -EMLINK);
	t_str(l.v[2].name, "os/1");
	t_str(l.v[2].target, image_hex);
	t_eq(l.v[3].code, -EUCLEAN);
	cfs_repo_list_fini(&l);
	t_eq(cfs_repo_list_entries(repo, CFS_REPO_IMAGES, &l, &err), 0);
	t_eq(l.n, 1);
	t_str(l.v[0].name, image_hex);
	cfs_repo_list_fini(&l);
	t_eq(cfs_repo_list_refs(repo, CFS_REPO_STREAMS, &l, &err), 0);
	t_eq(l.n, 0);
	cfs_repo_list_fini(&l);
	cfs_repo_close(repo);
}

T(an_unknown_compatible_feature_permits_only_reading)
{
	struct cfs_repo *repo = NULL;

	tmp_fresh();
	t_eq(mkdir(tmp_in("r"), 0700), 0);
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_READ, &repo, &err), -ENOENT);
	t_has(err.msg, "not a repository");
	tmp_text("r/meta.json", "{\"version\":1,\"algorithm\":\"fsverity-sha256-12\","
				"\"features\":{\"read-only-compatible\":[\"new\"]}}");
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_WRITE, &repo, &err), -EROFS);
	t_has(err.msg, "new");
	t_eq(cfs_repo_open(tmp_in("r"), CFS_REPO_READ, &repo, &err), 0);
	cfs_repo_close(repo);
}

/* --- sets of ids ------------------------------------------------------------------------- */

static void id_of(uint64_t i, uint8_t out[CFS_SHA512_LEN])
{
	struct cfs_hash h;

	cfs_hash_init(&h, CFS_SHA512);
	cfs_hash_update(&h, &i, sizeof(i));
	cfs_hash_final(&h, out);
}

T(a_set_of_ids_has_what_was_added_and_nothing_else)
{
	enum { N = 200000 };

	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++) {
		uint8_t id[CFS_SHA512_LEN], before[CFS_SHA512_LEN] = {0};
		struct cfs_ids ids;

		cfs_ids_init(&ids, alg);
		for (uint64_t i = 0; i < 3 * N; i++) {
			id_of(2 * (i % N), id);
			t_eq(cfs_ids_add(&ids, id, &err), 0);
		}
		t_eq(cfs_ids_settle(&ids, &err), 0);
		t_eq(ids.n, N);
		for (uint64_t i = 0; i < 2 * N; i++) {
			id_of(i, id);
			t_eq(cfs_ids_has(&ids, id), i % 2 == 0);
		}
		for (size_t i = 0; i < ids.n; i++) {
			t_ok(memcmp(before, ids.v + i * ids.len, ids.len) < 0);
			memcpy(before, ids.v + i * ids.len, ids.len);
		}
		cfs_ids_fini(&ids);
	}
}

T(ids_chosen_to_collide_are_found)
{
	uint8_t id[CFS_SHA256_LEN] = {0};
	struct cfs_ids ids;

	cfs_ids_init(&ids, CFS_SHA256);
	for (unsigned i = 0; i < 5000; i++) { /* all at one end */
		id[30] = (uint8_t)(i >> 8);
		id[31] = (uint8_t)i;
		t_eq(cfs_ids_add(&ids, id, &err), 0);
	}
	memset(id, 0xff, sizeof(id));
	t_eq(cfs_ids_add(&ids, id, &err), 0);
	t_eq(cfs_ids_settle(&ids, &err), 0);
	t_eq(ids.n, 5001);
	t_eq(cfs_ids_find(&ids, id), 5000);
	memset(id, 0, sizeof(id));
	id[30] = 4;
	t_eq(cfs_ids_find(&ids, id), 1024);
	cfs_ids_fini(&ids);
}
