/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What registries say and what credential files hold: challenges, tokens, errors, keys, and the
 * messages between composefs and its helper. */
#include "registry/registry.h"
#include "t.h"

static struct cfs_err err;
static struct cfs_registry_challenge challenge;
static struct cfs_registry_auth auth;

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* --- challenges --------------------------------------------------------------------- */

static int parse(const char *text)
{
	return cfs_registry_parse_challenge(cfs_text(text), &challenge, &err);
}

T(registry_challenge_has_realm_service_and_scope)
{
	t_eq(parse("Bearer realm=\"https://auth.example/token\",service=\"s\","
		   "scope=\"repository:a:pull repository:b:pull,push\""),
	     0);
	t_eq(challenge.scheme, CFS_REGISTRY_BEARER);
	t_str(challenge.realm, "https://auth.example/token");
	t_str(challenge.service, "s");
	t_str(challenge.scope, "repository:a:pull repository:b:pull,push");
}

T(registry_challenge_knows_tokens_spaces_cases_and_backslashes)
{
	t_eq(parse(" ,bEaReR  realm=https , ERROR=\"a\\\"b\", Service=\"x\\\\y\" "), 0);
	t_str(challenge.realm, "https");
	t_str(challenge.service, "x\\y");
	t_str(challenge.scope, "");
}

T(registry_challenge_prefers_bearer_to_basic)
{
	t_eq(parse("Basic realm=\"b\", Bearer realm=\"t\""), 0);
	t_eq(challenge.scheme, CFS_REGISTRY_BEARER);
	t_str(challenge.realm, "t");
	t_eq(parse("Bearer realm=\"t\", Basic realm=\"b\""), 0);
	t_eq(challenge.scheme, CFS_REGISTRY_BEARER);
	t_str(challenge.realm, "t");
	t_eq(parse("Digest realm=\"d\", Basic"), 0);
	t_eq(challenge.scheme, CFS_REGISTRY_BASIC);
}

T(registry_challenge_that_is_malformed_is_refused)
{
	static const char *const bad[] = {"Bearer realm=\"x",
					  "Bearer realm=\"x\\",
					  "=",
					  "Bearer",
					  "Bearer realm=\"\"",
					  "Bearer \"x\"",
					  "Bearer realm=\"a\nb\""};
	char long_realm[CFS_REGISTRY_TEXT_MAX + 40] = "Bearer realm=\"";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(parse(bad[i]), -EINVAL);
	memset(long_realm + strlen(long_realm), 'x', CFS_REGISTRY_TEXT_MAX);
	strcat(long_realm, "\"");
	t_eq(parse(long_realm), -EINVAL);
	t_eq(parse(""), -ENOTSUP);
	t_eq(parse("Negotiate abc"), -ENOTSUP);
}

/* --- links -------------------------------------------------------------------------- */

static char next_page[CFS_REGISTRY_LINK_MAX];

static int parse_next(const char *text)
{
	*next_page = '\0';
	return cfs_registry_parse_next(cfs_text(text), next_page, &err);
}

T(registry_link_has_the_next_page)
{
	static const char *const good[] = {
		"</a?b=c>; rel=\"next\"",
		"</a?b=c>;rel=next",
		" , <x>; rel=prev , </a?b=c> ; REL = \"first NEXT\"; title=\"<,;>\"",
		"<x>; title=next, <y>; rel=\"nextone\"; rel=next, </a?b=c>; rel=next",
		"<x>, <y>;, </a?b=c>; flag; rel=next; other",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t_eq(parse_next(good[i]), 1);
		t_str(next_page, "/a?b=c");
	}
}

T(registry_link_may_have_no_next_page)
{
	t_eq(parse_next(""), 0);
	t_eq(parse_next("</a>; rel=prev"), 0);
	t_eq(parse_next("</a>; rel=\"\""), 0);
	t_eq(parse_next("</a>"), 0);
}

T(registry_link_that_is_malformed_is_refused)
{
	static const char *const bad[] = {
		"/a; rel=next",	    "</a; rel=next",	"<>; rel=next",
		"</a> rel=next",    "</a>; rel=\"next", "</a\x01>; rel=next",
		"</a>; rel=prev x",
	};
	char longest[CFS_REGISTRY_LINK_MAX + 16] = "<";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(parse_next(bad[i]), -EINVAL);
	memset(longest + 1, 'x', CFS_REGISTRY_LINK_MAX - 1);
	strcpy(longest + CFS_REGISTRY_LINK_MAX, ">;rel=next");
	t_eq(parse_next(longest + 0), 1);
	longest[CFS_REGISTRY_LINK_MAX] = 'x';
	strcpy(longest + CFS_REGISTRY_LINK_MAX + 1, ">;rel=next");
	t_eq(parse_next(longest), -EINVAL);
	t_eq(cfs_registry_parse_next((struct cfs_text){"<a\0>; rel=next", 14}, next_page,
				     &err),
	     -EINVAL);
}

/* --- tokens and errors -------------------------------------------------------------- */

T(registry_token_has_two_names)
{
	static char token[CFS_REGISTRY_TOKEN_MAX];

	t_eq(cfs_registry_parse_token(CFS_TEXT("{\"token\":\"a\"}"), token, &err), 0);
	t_str(token, "a");
	t_eq(cfs_registry_parse_token(CFS_TEXT("{\"token\":\"\",\"access_token\":\"b\"}"),
				      token, &err),
	     0);
	t_str(token, "b");
}

T(registry_token_that_no_header_may_have_is_refused)
{
	static char token[CFS_REGISTRY_TOKEN_MAX], large[CFS_REGISTRY_TOKEN_MAX + 40];

	t_eq(cfs_registry_parse_token(CFS_TEXT("{}"), token, &err), -EINVAL);
	t_eq(cfs_registry_parse_token(CFS_TEXT("[1"), token, &err), -EINVAL);
	t_eq(cfs_registry_parse_token(CFS_TEXT("{\"token\":1}"), token, &err), -EINVAL);
	t_eq(cfs_registry_parse_token(CFS_TEXT("{\"token\":\"a\\r\\nX: y\"}"), token,
				      &err),
	     -EINVAL);
	snprintf(large, sizeof(large), "{\"token\":\"%0*d\"}", CFS_REGISTRY_TOKEN_MAX, 0);
	t_eq(cfs_registry_parse_token(cfs_text(large), token, &err), -EINVAL);
}

T(registry_error_is_shown_without_control_characters)
{
	char out[CFS_REGISTRY_TEXT_MAX];

	t_str(cfs_registry_find_error(
		      CFS_TEXT("{\"errors\":[{\"code\":\"A\",\"message\":\"b\"}]}"), out),
	      "A: b");
	t_str(cfs_registry_find_error(CFS_TEXT("{\"errors\":[{\"code\":\"A\"}]}"), out),
	      "A");
	t_str(cfs_registry_find_error(CFS_TEXT("404 page not found"), out), "");
	t_ok(!strchr(cfs_registry_find_error(
			     CFS_TEXT("{\"errors\":[{\"code\":\"\\u001b[2J\"}]}"), out),
		     0x1b));
}

T(registry_loopback_is_every_address_of_this_machine)
{
	static const char *const is[] = {"localhost",
					 "LOCALHOST:5000",
					 "localhost.",
					 "a.localhost:1",
					 "127.0.0.1",
					 "127.0.0.1:1",
					 "127.255.255.254:80",
					 "127.0.0.10",
					 "127.1",
					 "2130706433",
					 "0x7f.1",
					 "0177.0.0.1:5000",
					 "0.0.0.0",
					 "[::1]",
					 "[::1]:5000",
					 "[0:0:0:0:0:0:0:1]",
					 "[::]:80",
					 "[::1%25lo]",
					 "[::ffff:127.0.0.2]",
					 "[::FFFF:7f00:1]"};

	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++)
		t_ok(cfs_registry_is_loopback(is[i]));
}

T(registry_loopback_is_no_other_machine)
{
	static const char *const is_not[] = {"",
					     "localhost.example",
					     "127.0.0.1.example",
					     "example:127.0.0.1",
					     "::1",
					     "126.255.255.255",
					     "128.0.0.1",
					     "12.7.0.0:1",
					     "notlocalhost",
					     "[::2]",
					     "[::ffff:10.0.0.1]",
					     "[fe80::1]",
					     "[127.0.0.1]"};

	for (size_t i = 0; i < sizeof(is_not) / sizeof(is_not[0]); i++)
		t_ok(!cfs_registry_is_loopback(is_not[i]));
}

T(registry_of_docker_has_another_host)
{
	t_str(cfs_registry_get_api_host("docker.io"), "registry-1.docker.io");
	t_str(cfs_registry_get_api_host("registry.example"), "registry.example");
}

/* --- credential files --------------------------------------------------------------- */

/* dTpw is "u:p", b3RoZXI6cA== is "other:p". */
#define ENTRY(key, base64) "\"" key "\":{\"auth\":\"" base64 "\"}"
#define FILE_OF(entries)   "{\"auths\":{" entries "}}"

static int find(const char *json, const char *host, const char *name)
{
	return cfs_registry_find_auth(cfs_text(json), host, name, &auth, &err);
}

T(registry_auth_takes_the_longest_key)
{
	const char *file = FILE_OF(
		ENTRY("h.example", "dTpw") "," ENTRY("h.example/team", "b3RoZXI6cA=="));

	t_eq(find(file, "h.example", "team/app"), 1);
	t_str(auth.user, "other");
	t_str(auth.password, "p");
	t_eq(find(file, "h.example", "team"), 1);
	t_str(auth.user, "other");
	t_eq(find(file, "h.example", "teams/app"), 1);
	t_str(auth.user, "u");
	t_eq(find(file, "other.example", "team/app"), 0);
	t_eq(find(file, "h.example:5000", "team/app"), 0);
}

T(registry_auth_knows_the_keys_of_docker)
{
	const char *const keys[] = {
		FILE_OF(ENTRY("https://h.example/v1/", "dTpw")),
		FILE_OF(ENTRY("https://h.example/v1", "dTpw")),
		FILE_OF(ENTRY("https://h.example", "dTpw")),
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		t_eq(find(keys[i], "h.example", "a"), 1);
		t_eq(find(keys[i], "h.example.other", "a"), 0);
	}
	t_eq(find(FILE_OF(ENTRY("https://index.docker.io/v1/", "dTpw")), "docker.io",
		  "library/a"),
	     1);
	t_eq(find(FILE_OF(ENTRY("https://index.docker.io/v1/", "dTpw")), "h.example",
		  "a"),
	     0);
}

T(registry_auth_names_the_helper_of_the_registry)
{
	const char *file = "{\"credsStore\":\"all\",\"credHelpers\":{\"h.example\":"
			   "\"one\"},\"auths\":{\"h.example\":{}}}";

	t_eq(find(file, "h.example", "a"), 1);
	t_str(auth.helper, "one");
	t_str(auth.helper_key, "h.example");
	t_eq(find(file, "docker.io", "library/a"), 1);
	t_str(auth.helper, "all");
	t_str(auth.helper_key, "https://index.docker.io/v1/");
}

T(registry_auth_refuses_a_helper_with_a_path)
{
	t_eq(find("{\"credsStore\":\"../x\"}", "h.example", "a"), -EINVAL);
	t_eq(find("{\"credsStore\":\"\"}", "h.example", "a"), -EINVAL);
}

T(registry_auth_has_identity_tokens_and_empty_entries)
{
	t_eq(find("{\"auths\":{\"h.example\":{\"identitytoken\":\"t\"}}}", "h.example",
		  "a"),
	     1);
	t_str(auth.identity_token, "t");
	t_eq(find("{\"auths\":{\"h.example\":{}}}", "h.example", "a"), 0);
	t_eq(find("{}", "h.example", "a"), 0);
}

T(registry_auth_that_is_malformed_is_refused_without_quoting_it)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		FILE_OF(ENTRY("h.example", "secret*")),
		FILE_OF(ENTRY("h.example", "dTpzZWNyZXQ=*")), /* u:secret, and more */
		FILE_OF(ENTRY("h.example", "bm9jb2xvbg==")),  /* nocolon */
		FILE_OF(ENTRY("h.example", "dTphCmI=")),      /* a line break */
		"{\"auths\":{\"h.example\":{\"identitytoken\":\"a\\nb\"}}}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_eq(find(bad[i], "h.example", "a"), -EINVAL);
		t_ok(!strstr(err.msg, "secret") && !strstr(err.msg, "nocolon"));
	}
}

T(registry_auth_splits_at_the_first_colon)
{
	t_eq(cfs_registry_split_auth(CFS_TEXT("u:a:b"), &auth, &err), 0);
	t_str(auth.user, "u");
	t_str(auth.password, "a:b");
	t_eq(cfs_registry_split_auth(CFS_TEXT("u"), &auth, &err), -EINVAL);
	t_eq(cfs_registry_split_auth(CFS_TEXT(""), &auth, &err), -EINVAL);
}

T(registry_helper_answers_with_a_password_or_a_token)
{
	cfs_registry_wipe(&auth);
	t_eq(cfs_registry_parse_helper(CFS_TEXT("{\"Username\":\"u\",\"Secret\":\"s\"}"),
				       &auth, &err),
	     0);
	t_str(auth.user, "u");
	t_str(auth.password, "s");
	cfs_registry_wipe(&auth);
	t_eq(cfs_registry_parse_helper(
		     CFS_TEXT("{\"Username\":\"<token>\",\"Secret\":\"s\"}"), &auth,
		     &err),
	     0);
	t_str(auth.identity_token, "s");
	t_str(auth.user, "");
	t_eq(cfs_registry_parse_helper(CFS_TEXT("{\"Username\":\"u\"}"), &auth, &err),
	     -EINVAL);
	t_eq(cfs_registry_parse_helper(
		     CFS_TEXT("{\"Username\":\"u\",\"Secret\":\"a\\nb\"}"), &auth, &err),
	     -EINVAL);
}

/* --- messages ----------------------------------------------------------------------- */

static struct cfs_registry_request request = {
	.action = CFS_REGISTRY_PUT_MANIFEST,
	.host = "h.example:5000",
	.name = "team/app",
	.reference = "latest",
	.size = 1234,
	.media_type = CFS_OCI_TYPE_MANIFEST,
	.insecure = true,
	.from = "other/app",
	.page = "/v2/a?b=c d",
	.token = "t",
	.credentials = "u:p w",
};

T(registry_request_reads_what_it_writes)
{
	static struct cfs_registry_request got;
	struct cfs_mem text = {0};

	t_eq(cfs_registry_format_request(&request, &text, &err), 0);
	t_eq(cfs_registry_parse_request((struct cfs_text){(char *)text.p, text.len - 1},
					&got, &err),
	     0);
	t_eq(got.action, request.action);
	t_eq(got.size, 1234);
	t_ok(got.insecure);
	t_str(got.host, request.host);
	t_str(got.name, request.name);
	t_str(got.reference, request.reference);
	t_str(got.media_type, request.media_type);
	t_str(got.from, request.from);
	t_str(got.page, request.page);
	t_str(got.token, request.token);
	t_str(got.credentials, request.credentials);
	free(text.p);
}

T(registry_request_has_no_line_breaks_in_values)
{
	static struct cfs_registry_request bad;
	struct cfs_mem text = {0};

	bad = request;
	strcpy(bad.credentials, "u:p\ninsecure yes");
	t_eq(cfs_registry_format_request(&bad, &text, &err), -EINVAL);
	t_has(err.msg, "credentials");
	free(text.p);
}

T(registry_request_that_is_malformed_is_refused)
{
	static struct cfs_registry_request got;
	static const char *const bad[] = {
		"",
		"action get-blob\n",
		"action get-blob",
		"other x\n",
		"action other\nhost h\nname a\nreference t\nsize 1\n",
		"action get-blob\nhost h\nname ../a\nreference t\nsize 1\n",
		"action get-blob\nhost h\nname a\nreference ../t\nsize 1\n",
		"action get-blob\nhost h\nname a\nreference t\nsize -1\n",
		("action get-referrers\nhost h\nname a\nreference t\nsize 1\n"
		 "page @other.example/\n"),
		"action mount-blob\nhost h\nname a\nreference t\nsize 1\nfrom b&c\n",
		"action get-blob\nhost h\nname a\nreference t\nsize 1x\n",
		("action get-blob\nhost h\nname a\nreference t\nsize "
		 "99999999999999999999\n"),
		"action get-blob\nhost h\nname a\nreference b\nreference t\nsize 1\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(cfs_registry_parse_request(cfs_text(bad[i]), &got, &err), -EPROTO);
}

T(registry_ranges_reads_what_it_writes)
{
	static const struct cfs_oci_range ranges[] = {{0, 1}, {5, 10}, {99, 1}};
	static char text[CFS_REGISTRY_RANGES_TEXT_MAX];
	const char *rest = text;
	struct cfs_oci_range got;

	t_eq(cfs_registry_format_ranges(ranges, 3, text, &err), 0);
	t_str(text, "0-0,5-14,99-99");
	for (size_t i = 0; i < 3; i++) {
		t_eq(cfs_registry_next_range(&rest, 100, &got, &err), 1);
		t_eq(got.off, ranges[i].off);
		t_eq(got.len, ranges[i].len);
	}
	t_eq(cfs_registry_next_range(&rest, 100, &got, &err), 0);
	t_eq(cfs_registry_format_ranges(ranges, CFS_REGISTRY_RANGES_MAX + 1, text, &err),
	     -E2BIG);
}

T(registry_ranges_that_are_malformed_are_refused)
{
	static const char *const bad[] = {"x",	   "1",	   "1-",      "2-1",
					  "0-100", "0-1,", "0-1;2-3", "0-1 "};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *rest = bad[i];
		struct cfs_oci_range got;

		t_eq(cfs_registry_next_range(&rest, 100, &got, &err), -EPROTO);
	}
}

T(registry_head_has_values_of_limited_length)
{
	static struct cfs_registry_head got;
	static const char *const keys[] = {"media-type", "digest", "next", "token"};
	static char text[1 << 17];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int len = snprintf(text, sizeof(text), "%s ", keys[i]);

		memset(text + len, 'a', sizeof(text) - (size_t)len);
		text[sizeof(text) - 1] = '\n';
		t_eq(cfs_registry_parse_head((struct cfs_text){text, sizeof(text)}, &got,
					     &err),
		     -EPROTO);
		t_has(err.msg, "expected at most ");
		memcpy(text + len, "a\0b\n", 4);
		t_eq(cfs_registry_parse_head((struct cfs_text){text, (size_t)len + 4},
					     &got, &err),
		     -EPROTO);
	}
}

T(registry_head_reads_what_it_writes)
{
	static struct cfs_registry_head head = {.media_type = "a/b",
						.digest = "sha256:" HEX64,
						.is_present = true,
						.has_subject = true,
						.next = "/v2/a?b=c",
						.token = "t"},
					got;
	struct cfs_mem text = {0};

	t_eq(cfs_registry_format_head(&head, &text, &err), 0);
	t_eq(cfs_registry_parse_head((struct cfs_text){(char *)text.p, text.len}, &got,
				     &err),
	     0);
	t_str(got.media_type, "a/b");
	t_str(got.digest, head.digest);
	t_ok(got.is_present);
	t_str(got.token, "t");
	t_ok(got.has_subject);
	t_str(got.next, "/v2/a?b=c");
	free(text.p);
	t_eq(cfs_registry_parse_head(CFS_TEXT("size 1\n"), &got, &err), -EPROTO);
}
