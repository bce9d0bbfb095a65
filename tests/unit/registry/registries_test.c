/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registries.conf: what is read of it, and who is asked for an image. */
#include "registry/registries.h"
#include "t.h"

static struct cfs_err err;
static struct cfs_registries config;
static struct cfs_registries_endpoint found[CFS_REGISTRIES_ENDPOINTS_MAX];
static size_t n;

static int add(const char *toml)
{
	return cfs_registries_add(&config, cfs_text(toml), &err);
}

static int read_config(const char *toml)
{
	cfs_registries_fini(&config);
	return add(toml);
}

static int resolve_as(const char *reference, bool is_push)
{
	struct cfs_oci_reference r;

	t_eq(cfs_oci_reference_parse(reference, &r, &err), 0);
	return cfs_registries_resolve(&config, &r, is_push, found, &n, &err);
}

static int resolve(const char *reference)
{
	return resolve_as(reference, false);
}

static const char *place(size_t i)
{
	static char text[CFS_OCI_HOST_MAX + CFS_OCI_NAME_MAX + 1];

	snprintf(text, sizeof(text), "%s/%s", found[i].host, found[i].name);
	return i < n ? text : "none";
}

static void refused(const char *toml, int rc, const char *part)
{
	t_eq(read_config(toml), rc);
	t_has(err.msg, part);
}

/* --- the file ----------------------------------------------------------------------- */

T(registries_conf_of_a_distribution_is_read)
{
	t_eq(read_config(
		     "# comment\r\n"
		     "unqualified-search-registries = [\"a.example\", 'b.example', # c\n"
		     "  ]\n"
		     "short-name-mode=\"enforcing\"\n\n"
		     "[[registry]] # one\n"
		     "\tlocation = \"h.example\"\n"
		     "insecure = true\n"
		     "[other.table]\nx = 12_3\ny = -4\nz = []\n"
		     "[aliases]\n  \"app\" = \"h.example/team/app\"\nbare-key_1 = "
		     "'x.example/y'"),
	     0);
	t_eq(resolve("h.example/a"), 0);
	t_eq(found[0].is_insecure, true);
}

T(registries_conf_without_anything_leaves_all_as_it_is)
{
	t_eq(read_config(" \n# nothing\n\n"), 0);
	t_eq(resolve("h.example/a:1"), 0);
	t_eq(n, 1);
	t_str(place(0), "h.example/a");
	t_eq(found[0].is_insecure || found[0].is_mirror, false);
}

T(registries_conf_that_is_malformed_is_refused_with_its_line)
{
	refused("\n\nx", -EINVAL, "line 3: expected \"=\"");
	refused("x = \"a", -EINVAL, "without its end");
}

/* What is in there could be a registry that is blocked. */
T(registries_conf_with_inline_tables_is_refused)
{
	refused("x = {a = 1}", -EINVAL, "inline tables");
	refused("registry = [{location = \"a.b\"}]", -EINVAL, "inline tables");
	refused("[aliases]\nx = {}", -EINVAL, "inline tables");
}

T(registries_conf_with_a_wrong_value_is_refused)
{
	refused("[[registry]]\nlocation = true", -EINVAL, "location: expected a string");
	refused("[[registry]]\nblocked = \"true\"", -EINVAL, "blocked: expected true");
	refused("[registry]\n", -EINVAL, "expected [[registry]]");
	refused("[[registry.mirror]]\n", -EINVAL, "a mirror without [[registry]]");
	refused("[[registry]]\n", -EINVAL, "without prefix and location");
	refused("[[registry]]\nlocation='a.b'\n[[registry.mirror]]", -EINVAL,
		"a mirror without location");
	refused("[[registry]]\nlocation='a.b'\nlocation='c.d'", -EINVAL, "the key once");
	refused("[[registry]]\nblocked=false\nblocked=false", -EINVAL, "the key once");
	refused("[[registry]]\nlocation='a.b'\n[[registry]]\nlocation='a.b'", -EINVAL,
		"two tables");
	refused("[[registry]]\nprefix='a.b/c:1'", -ENOTSUP, "a tag or a digest");
	refused("[[registry]]\nlocation='a.b'\nmirror-by-digest-only=true\n"
		"[[registry.mirror]]\nlocation='m.b'\npull-from-mirror='all'",
		-EINVAL, "both mirror-by-digest-only");
	refused("[[registry]]\nlocation='a.b'\n[[registry.mirror]]\npull-from-mirror='"
		"no'",
		-EINVAL, "pull-from-mirror: expected \"all\"");
	refused("[registries.block]\nregistries=['a.b']", -EINVAL, "version 1");
	refused("[aliases]\na='b.c/d'\na='b.c/e'", -EINVAL, "a: expected the key once");
}

/* --- who is asked ------------------------------------------------------------------- */

/* Writes lines HEAD NUMBER TAIL behind begin. free() is the caller's. */
static char *repeat_line(const char *begin, const char *head, const char *tail,
			 int n_lines)
{
	size_t cap = strlen(begin) +
		     (size_t)n_lines * (strlen(head) + strlen(tail) + 20) + 1,
	       len;
	char *text = malloc(cap);

	t_ok(text);
	len = (size_t)snprintf(text, cap, "%s", begin);
	for (int i = 0; i < n_lines; i++)
		len += (size_t)snprintf(text + len, cap - len, "%s%d%s\n", head, i, tail);
	return text;
}

T(registries_conf_has_limits)
{
	static const struct {
		const char *begin, *head, *tail;
		int max;
		const char *part;
	} cases[] = {
		{"", "[[registry]]\nlocation='r", ".b'", CFS_REGISTRIES_MAX, "tables"},
		{"[[registry]]\nlocation='a.b'\n", "[[registry.mirror]]\nlocation='m",
		 ".b'", CFS_REGISTRIES_MIRRORS_MAX, "mirrors"},
		{"[aliases]\n", "a", "='b.c/d'", CFS_REGISTRIES_MAX, "aliases"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = repeat_line(cases[i].begin, cases[i].head, cases[i].tail,
					 cases[i].max);

		t_eq(read_config(text), 0);
		free(text);
		text = repeat_line(cases[i].begin, cases[i].head, cases[i].tail,
				   cases[i].max + 1);
		refused(text, -EINVAL, cases[i].part);
		free(text);
	}
}

T(registries_conf_has_a_limited_size)
{
	char *text = repeat_line("", "#23456789", "", CFS_REGISTRIES_FILE_MAX / 10 + 1);

	refused(text, -EFBIG, "expected at most");
	free(text);
}

T(registries_conf_mirrors_are_asked_before_the_location)
{
	t_eq(read_config(
		     "[[registry]]\nprefix='r.example/foo'\nlocation='in.example/bar'\n"
		     "[[registry.mirror]]\nlocation='m.example:5000/mirror'\n"
		     "[[registry.mirror]]\nlocation='n.example'\ninsecure=true\n"),
	     0);
	t_eq(resolve("r.example/foo/app:1"), 0);
	t_eq(n, 3);
	t_str(place(0), "m.example:5000/mirror/app");
	t_str(place(1), "n.example/app");
	t_str(place(2), "in.example/bar/app");
	t_eq(found[0].is_mirror && found[1].is_mirror && !found[2].is_mirror, true);
	t_eq(found[1].is_insecure && !found[0].is_insecure && !found[2].is_insecure,
	     true);
}

T(registries_conf_mirrors_and_locations_do_not_apply_to_a_push)
{
	t_eq(read_config("[[registry]]\nprefix='r.example'\nlocation='in.example'\n"
			 "insecure=true\n[[registry.mirror]]\nlocation='m.example'\n"),
	     0);
	t_eq(resolve_as("r.example/app", true), 0);
	t_eq(n, 1);
	t_str(place(0), "r.example/app");
	t_eq(found[0].is_insecure, true);
}

T(registries_conf_prefix_ends_at_a_slash_and_is_no_other_port)
{
	t_eq(read_config("[[registry]]\nprefix='r.example/foo'\nlocation='x.example'\n"),
	     0);
	for (size_t i = 0; i < 4; i++) {
		static const char *const others[] = {
			"r.example/foobar", "r.example/a/foo", "r.example:80/foo/a",
			"ar.example/foo/a"};

		t_eq(resolve(others[i]), 0);
		t_str(place(0), others[i]);
	}
	t_eq(resolve("r.example/foo/a"), 0);
	t_str(place(0), "x.example/a");
}

T(registries_conf_longest_prefix_is_used)
{
	t_eq(read_config("[[registry]]\nprefix='r.example/a/b'\nlocation='two.example'\n"
			 "[[registry]]\nprefix='r.example'\nlocation='one.example'\n"),
	     0);
	t_eq(resolve("r.example/a/b/c"), 0);
	t_str(place(0), "two.example/c");
	t_eq(resolve("r.example/a/c"), 0);
	t_str(place(0), "one.example/a/c");
}

T(registries_conf_wildcard_has_the_hosts_below_a_domain)
{
	t_eq(read_config("[[registry]]\nprefix='*.r.example'\nlocation='one.example/x'\n"
			 "[[registry]]\nprefix='*.blocked.example/team'\nblocked=true\n"),
	     0);
	t_eq(resolve("a.b.r.example/app"), 0);
	t_str(place(0), "one.example/x/app");
	t_eq(resolve("r.example/app"), 0);
	t_str(place(0), "r.example/app");
	t_eq(resolve("xr.example/app"), 0);
	t_str(place(0), "xr.example/app");
	t_eq(resolve("a.r.example.other.example/app"), 0);
	t_str(place(0), "a.r.example.other.example/app");
	t_eq(resolve("a.blocked.example/team/app"), -EACCES);
	t_eq(resolve("a.blocked.example/teams"), 0);
}

T(registries_conf_blocks_a_registry)
{
	t_eq(read_config("[[registry]]\nprefix='r.example'\nblocked=true\n"), 0);
	t_eq(resolve("r.example/app"), -EACCES);
	t_has(err.msg, "blocks r.example");
	t_eq(resolve_as("r.example/app", true), -EACCES);
	t_eq(resolve("q.example/app"), 0);
}

T(registries_conf_mirrors_can_be_for_digests_or_tags_alone)
{
	static const char digest[] = "r.example/a@sha256:"
				     "0123456789abcdef0123456789abcdef"
				     "0123456789abcdef0123456789abcdef";

	t_eq(read_config("[[registry]]\nlocation='r.example'\n"
			 "[[registry.mirror]]\nlocation='d.example'\npull-from-mirror='"
			 "digest-only'\n"
			 "[[registry.mirror]]\nlocation='t.example'\npull-from-mirror='"
			 "tag-only'\n"),
	     0);
	t_eq(resolve(digest), 0);
	t_eq(n, 2);
	t_str(place(0), "d.example/a");
	t_eq(resolve("r.example/a:1"), 0);
	t_eq(n, 2);
	t_str(place(0), "t.example/a");
	t_eq(read_config(
		     "[[registry]]\nlocation='r.example'\nmirror-by-digest-only=true\n"
		     "[[registry.mirror]]\nlocation='m.example'\n"),
	     0);
	t_eq(resolve(digest), 0);
	t_eq(n, 2);
	t_eq(resolve("r.example/a:1"), 0);
	t_eq(n, 1);
}

T(registries_conf_location_must_be_a_place)
{
	static const char *const bad[] = {"nohost", "h.example/A", "h.example/a:1",
					  "docker://h.example", "h.example//"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text),
			 "[[registry]]\nprefix='r.example/a'\nlocation='%s'\n", bad[i]);
		t_eq(read_config(text), 0);
		t_eq(resolve("r.example/a"), -EINVAL);
	}
}

T(registries_conf_drop_in_file_replaces_tables_and_aliases)
{
	struct cfs_text to;

	t_eq(read_config("[[registry]]\nprefix='r.example'\nblocked=true\n"
			 "[[registry]]\nprefix='s.example'\nblocked=true\n"
			 "[aliases]\na='one.example/a'\nb='one.example/b'\n"),
	     0);
	t_eq(add("[[registry]]\nprefix='r.example'\nlocation='in.example'\n"
		 "[aliases]\na='two.example/a'\nb=''\n"),
	     0);
	t_eq(resolve("r.example/a"), 0);
	t_str(place(0), "in.example/a");
	t_eq(resolve("s.example/a"), -EACCES);
	t_eq(cfs_registries_find_alias(&config, CFS_TEXT("a"), &to), 1);
	t_eq(cfs_text_eq(to, CFS_TEXT("two.example/a")), true);
	t_eq(cfs_registries_find_alias(&config, CFS_TEXT("b"), &to), 0);
	t_eq(cfs_registries_find_alias(&config, CFS_TEXT("c"), &to), 0);
	cfs_registries_fini(&config);
}
