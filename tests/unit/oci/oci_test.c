/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents of the OCI specifications: digests, manifests, indexes, configurations,
 * references. */
#include "oci/oci.h"
#include "golden.h"
#include "t.h"

static struct cfs_err err;

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DESCRIPTOR(type)                                                                 \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX64 "\",\"size\":5}"
#define MANIFEST(more)                                                                   \
	"{\"schemaVersion\":2,\"config\":" DESCRIPTOR(CFS_OCI_TYPE_CONFIG) more "}"

/* --- digests ------------------------------------------------------------------------ */

T(oci_digest_reads_what_it_writes)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest d;

	t_eq(cfs_oci_digest_parse(CFS_TEXT("sha256:" HEX64), &d, &err), 0);
	t_str(cfs_oci_digest_text(&d, text), "sha256:" HEX64);
	t_eq(cfs_oci_digest_parse(CFS_TEXT("sha512:" HEX64 HEX64), &d, &err), 0);
	t_str(cfs_oci_digest_text(&d, text), "sha512:" HEX64 HEX64);
}

T(oci_digest_refuses_other_algorithms_lengths_and_upper_case)
{
	static const char *const bad[] = {
		"",
		HEX64,
		"md5:" HEX64,
		"sha256:" HEX64 "0",
		"sha512:" HEX64,
		"sha256:ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:../../../../../../../../../../../../../../../../../../../../etc/"
		"p",
	};
	struct cfs_oci_digest d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(cfs_oci_digest_parse(cfs_text(bad[i]), &d, &err), -EINVAL);
}

T(oci_blob_must_have_the_size_and_digest_of_its_descriptor)
{
	struct cfs_oci_descriptor d = {.size = 2};

	cfs_oci_digest_of(CFS_SHA256, cfs_text_span(CFS_TEXT("{}")), &d.digest);
	t_eq(cfs_oci_check_blob(&d, cfs_text_span(CFS_TEXT("{}")), &err), 0);
	t_eq(cfs_oci_check_blob(&d, cfs_text_span(CFS_TEXT("{} ")), &err), -EILSEQ);
	t_has(err.msg, "expected 2 bytes, got 3");
	t_eq(cfs_oci_check_blob(&d, cfs_text_span(CFS_TEXT("[]")), &err), -EILSEQ);
	t_has(err.msg,
	      "expected sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c0"
	      "60f61caaff8a");
}

/* --- manifests ---------------------------------------------------------------------- */

T(oci_manifest_has_its_config_and_layers)
{
	struct cfs_oci_manifest m;
	const char *text = MANIFEST(",\"layers\":[" DESCRIPTOR(
		CFS_OCI_TYPE_TAR
		"+gzip") "],\"subject\":" DESCRIPTOR(CFS_OCI_TYPE_MANIFEST) ",\"annotatio"
									    "ns\":{\"a\":"
									    "\"b\"}");

	t_eq(cfs_oci_manifest_parse(cfs_text(text), &m, &err), 0);
	t_ok(m.is_image && m.has_subject && m.annotations);
	t_eq(m.n_layers, 1);
	t_eq(m.layers[0].size, 5);
	t_eq(cfs_oci_find_packing(m.layers[0].media_type), CFS_OCI_TAR_GZIP);
	cfs_oci_manifest_fini(&m);
}

T(oci_manifest_of_another_config_is_an_artifact)
{
	struct cfs_oci_manifest m;

	t_eq(cfs_oci_manifest_parse(
		     CFS_TEXT("{\"schemaVersion\":2,\"artifactType\":\"a/"
			      "b\",\"config\":" DESCRIPTOR(
				      CFS_OCI_TYPE_EMPTY) ",\"layers\":null}"),
		     &m, &err),
	     0);
	t_ok(!m.is_image);
	t_str(m.artifact_type, "a/b");
	cfs_oci_manifest_fini(&m);
}

static void refuse_manifest(const char *text, int code, const char *why)
{
	struct cfs_oci_manifest m;

	t_eq(cfs_oci_manifest_parse(cfs_text(text), &m, &err), code);
	t_has(err.msg, why);
	cfs_oci_manifest_fini(&m);
}

T(oci_manifest_refuses_damaged_documents_and_names_the_place)
{
	refuse_manifest("", -EINVAL, "line 1");
	refuse_manifest("[]", -EINVAL, "expected a JSON object");
	refuse_manifest("{}", -ENOTSUP, "schemaVersion: expected 2");
	refuse_manifest("{\"schemaVersion\":1}", -ENOTSUP, "schema 1");
	refuse_manifest("{\"schemaVersion\":2}", -EINVAL, "config: expected an object");
	refuse_manifest(MANIFEST(",\"layers\":{}"), -EINVAL, "layers: expected a list");
	refuse_manifest(MANIFEST(",\"layers\":[{}]"), -EINVAL,
			"layer 0: digest: expected");
	refuse_manifest(
		MANIFEST(",\"layers\":[{\"digest\":\"sha256:" HEX64 "\",\"size\":1}]"),
		-EINVAL, "layer 0: mediaType: expected a string");
	refuse_manifest("{\"schemaVersion\":2,\"manifests\":[]}", -EINVAL,
			"expected a manifest, got an index");
	refuse_manifest(
		MANIFEST(",\"layers\":[{\"mediaType\":\"a\",\"digest\":\"sha256:" HEX64
			 "\",\"size\":-1}]"),
		-EINVAL, "layer 0: size: expected a number from 0 on");
	refuse_manifest(MANIFEST(",\"config\":{}"), -EINVAL, "duplicate");
	refuse_manifest(MANIFEST(",\"mediaType\":\"" CFS_OCI_TYPE_INDEX "\""), -EINVAL,
			"mediaType: expected the type of a manifest");
}

T(oci_document_is_not_both_a_manifest_and_an_index)
{
	enum cfs_oci_kind kind;

	t_eq(cfs_oci_find_kind(cfs_text(MANIFEST(",\"manifests\":[]")), NULL, &kind,
			       &err),
	     -EINVAL);
	t_has(err.msg, "a manifest and an index at once");
}

T(oci_content_type_must_agree_with_the_document)
{
	enum cfs_oci_kind kind;
	struct cfs_text manifest = CFS_TEXT(MANIFEST(""));

	t_eq(cfs_oci_find_kind(manifest, CFS_OCI_TYPE_MANIFEST "; charset=utf-8", &kind,
			       &err),
	     0);
	t_eq(kind, CFS_OCI_MANIFEST);
	t_eq(cfs_oci_find_kind(manifest, CFS_OCI_TYPE_INDEX, &kind, &err), -EINVAL);
	t_has(err.msg, "Content-Type: expected the type of a manifest");
}

T(oci_manifest_has_a_limited_number_of_layers)
{
	size_t cap = 4 << 20, len;
	char *text = malloc(cap);
	struct cfs_oci_manifest m;

	t_ok(text);
	len = (size_t)snprintf(text, cap,
			       "{\"schemaVersion\":2,\"config\":%s,\"layers\":[{}",
			       DESCRIPTOR(CFS_OCI_TYPE_CONFIG));
	for (int i = 0; i < CFS_OCI_LAYERS_MAX; i++)
		len += (size_t)snprintf(text + len, cap - len, ",{}");
	len += (size_t)snprintf(text + len, cap - len, "]}");
	t_eq(cfs_oci_manifest_parse((struct cfs_text){text, len}, &m, &err), -EINVAL);
	t_has(err.msg, "expected at most 1024 entries");
	cfs_oci_manifest_fini(&m);
	free(text);
}

T(oci_document_has_a_limited_size)
{
	size_t len = CFS_OCI_MANIFEST_MAX + 1;
	char *text = malloc(len);
	struct cfs_oci_manifest m;
	struct cfs_oci_index index;

	t_ok(text);
	memset(text, ' ', len);
	memcpy(text, "{\"schemaVersion\":2}", 19);
	t_eq(cfs_oci_manifest_parse((struct cfs_text){text, len}, &m, &err), -EFBIG);
	cfs_oci_manifest_fini(&m);
	t_eq(cfs_oci_manifest_parse((struct cfs_text){text, len - 1}, &m, &err), -EINVAL);
	cfs_oci_manifest_fini(&m);
	t_eq(cfs_oci_index_parse((struct cfs_text){text, len}, &index, &err), -EFBIG);
	cfs_oci_index_fini(&index);
	free(text);
}

/* A list of empty lists takes 40 times its size when it is parsed. */
T(oci_document_has_a_limited_number_of_values)
{
	size_t n = CFS_OCI_VALUES_MAX + 1, len = 16 + 3 * n;
	char *text = malloc(len);
	struct cfs_oci_config c;

	t_ok(text);
	memcpy(text, "{\"history\":[", 12);
	for (size_t i = 0; i < n; i++)
		memcpy(text + 12 + 3 * i, "[],", 3);
	memcpy(text + 12 + 3 * n - 1, "]}", 2);
	t_eq(cfs_oci_config_parse((struct cfs_text){text, 12 + 3 * n + 1}, &c, &err),
	     -EFBIG);
	t_has(err.msg, "expected JSON of at most 250000 values");
	cfs_oci_config_fini(&c);
	free(text);
}

/* --- indexes ------------------------------------------------------------------------ */

static void load_index(const char *name, struct cfs_oci_index *index)
{
	size_t len;
	uint8_t *bytes = t_golden(name, &len);

	t_eq(cfs_oci_index_parse((struct cfs_text){(char *)bytes, len}, index, &err), 0);
	free(bytes);
}

static const char *select_digest(const struct cfs_oci_index *index, const char *platform)
{
	static char text[CFS_OCI_DIGEST_TEXT_MAX];
	char buf[CFS_OCI_PLATFORM_MAX];
	struct cfs_oci_platform p;
	size_t i;

	t_eq(cfs_oci_platform_parse(platform, buf, &p, &err), 0);
	if (cfs_oci_index_select(index, &p, &i, &err) < 0)
		return "none";
	cfs_oci_digest_text(&index->entries[i].descriptor.digest, text);
	text[15] = '\0';
	return text;
}

T(oci_index_selects_the_manifest_of_a_platform)
{
	struct cfs_oci_index index;

	load_index("oci/index/blobs/sha256/"
		   "a1fd2dbf5ed63281bdb3df4e90f6f21db9c9e9624c912a28f7167dc1a6172210",
		   &index);
	t_str(select_digest(&index, "linux/amd64"), "sha256:73edfdbc");
	t_str(select_digest(&index, "linux/amd64/v3"), "sha256:73edfdbc");
	t_str(select_digest(&index, "linux/arm64"), "sha256:b1c30edf");
	t_str(select_digest(&index, "linux/arm64/v8"), "sha256:b1c30edf");
	t_str(select_digest(&index, "linux/arm/v7"), "sha256:ca425043");
	t_str(select_digest(&index, "linux/arm/v6"), "sha256:ec3e453f");
	t_str(select_digest(&index, "linux/arm"), "sha256:ca425043");
	t_str(select_digest(&index, "linux/arm/v5"), "none");
	t_str(select_digest(&index, "linux/s390x"), "none");
	t_has(err.msg, "no manifest for linux/s390x: the index has linux/amd64");
	t_ok(!strstr(err.msg, "unknown"));
	cfs_oci_index_fini(&index);
}

T(oci_index_prefers_zstd_chunked_of_one_platform)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":["
		"{\"mediaType\":\"a\",\"size\":1,\"digest\":\"sha256:" HEX64
		"\",\"platform\":"
		"{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		"{\"mediaType\":\"a\",\"size\":2,\"digest\":\"sha256:" HEX64
		"\",\"platform\":"
		"{\"os\":\"linux\",\"architecture\":\"amd64\"},\"annotations\":"
		"{\"io.github.containers.compression.zstd\":\"true\"}}]}";
	struct cfs_oci_platform amd64 = {"linux", "amd64", NULL};
	struct cfs_oci_index index;
	size_t i;

	t_eq(cfs_oci_index_parse(CFS_TEXT(text), &index, &err), 0);
	t_eq(cfs_oci_index_select(&index, &amd64, &i, &err), 0);
	t_eq(index.entries[i].descriptor.size, 2);
	cfs_oci_index_fini(&index);
}

T(oci_index_with_one_entry_needs_no_platform)
{
	struct cfs_oci_platform here;
	struct cfs_oci_index index;
	size_t i;

	load_index("oci/basic/index.json", &index);
	cfs_oci_platform_detect(&here);
	t_eq(cfs_oci_index_select(&index, &here, &i, &err), 0);
	t_eq(i, 0);
	cfs_oci_index_fini(&index);
}

T(oci_index_refuses_a_platform_without_system_or_architecture)
{
	static const char *const bad[] = {"", "\"os\":\"linux\"",
					  "\"architecture\":\"amd64\"",
					  "\"os\":1,\"architecture\":\"amd64\""};
	struct cfs_oci_index index;
	char text[600];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\","
			 "\"digest\":\"sha256:" HEX64
			 "\",\"size\":1,\"platform\":{%s}}]}",
			 CFS_OCI_TYPE_MANIFEST, bad[i]);
		t_eq(cfs_oci_index_parse(cfs_text(text), &index, &err), -EINVAL);
		t_has(err.msg, "manifest 0: ");
		cfs_oci_index_fini(&index);
	}
}

T(oci_platform_has_a_limited_length)
{
	char text[CFS_OCI_PLATFORM_MAX + 1], buf[CFS_OCI_PLATFORM_MAX];
	struct cfs_oci_platform p;

	memset(text, 'a', sizeof(text));
	memcpy(text, "linux/", 6);
	text[CFS_OCI_PLATFORM_MAX] = '\0';
	t_eq(cfs_oci_platform_parse(text, buf, &p, &err), -EINVAL);
	text[CFS_OCI_PLATFORM_MAX - 1] = '\0';
	t_eq(cfs_oci_platform_parse(text, buf, &p, &err), 0);
	t_str(p.architecture, text + 6);
}

T(oci_platform_needs_two_or_three_parts)
{
	char buf[CFS_OCI_PLATFORM_MAX];
	struct cfs_oci_platform p;

	t_eq(cfs_oci_platform_parse("linux", buf, &p, &err), -EINVAL);
	t_eq(cfs_oci_platform_parse("linux/", buf, &p, &err), -EINVAL);
	t_eq(cfs_oci_platform_parse("/amd64", buf, &p, &err), -EINVAL);
	t_eq(cfs_oci_platform_parse("linux/arm/v7/x", buf, &p, &err), -EINVAL);
	t_eq(cfs_oci_platform_parse("linux/arm/v7", buf, &p, &err), 0);
	t_str(p.variant, "v7");
}

/* --- configurations ----------------------------------------------------------------- */

T(oci_config_has_diff_ids_and_the_process)
{
	struct cfs_oci_config c;

	t_eq(cfs_oci_config_parse(
		     CFS_TEXT("{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{"
			      "\"User\":\"1000\",\"Env\":[\"A=1\"],\"Cmd\":null,"
			      "\"Labels\":{\"a\":\"b\"},\"Volumes\":{\"/data\":{}}},"
			      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
			      "\"sha256:" HEX64 "\"]}}"),
		     &c, &err),
	     0);
	t_eq(c.n_diff_ids, 1);
	t_str(c.user, "1000");
	t_eq(c.env.n, 1);
	t_str(cfs_oci_get_word(&c.env, 0), "A=1");
	t_eq(c.cmd.n, 0);
	t_ok(c.labels && c.volumes && !c.exposed_ports && !c.working_dir);
	cfs_oci_config_fini(&c);
}

T(oci_config_refuses_wrong_types_and_foreign_root_filesystems)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"{}", "rootfs: type: expected \"layers\""},
		{"{\"rootfs\":{\"type\":\"layers+base\"}}", "expected \"layers\""},
		{"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"x\"]}}",
		 "rootfs: diff_ids: entry 0: digest: expected"},
		{"{\"rootfs\":{\"type\":\"layers\"},\"config\":{\"Env\":[1]}}",
		 "config: Env: entry 0: expected a string"},
		{"{\"rootfs\":{\"type\":\"layers\"},\"config\":{\"Labels\":{\"a\":1}}}",
		 "config: Labels: \"a\": expected a string"},
		{"{\"os\":\"a\\u0000b\"}", "NUL"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cfs_oci_config c;

		t_eq(cfs_oci_config_parse(cfs_text(bad[i].text), &c, &err), -EINVAL);
		t_has(err.msg, bad[i].why);
		cfs_oci_config_fini(&c);
	}
}

/* --- references --------------------------------------------------------------------- */

T(oci_reference_is_completed_as_docker_and_podman_do)
{
	static const struct {
		const char *text, *full;
	} good[] = {
		{"debian", "docker.io/library/debian:latest"},
		{"docker://debian:12", "docker.io/library/debian:12"},
		{"me/tool", "docker.io/me/tool:latest"},
		{"localhost/x", "localhost/x:latest"},
		{"localhost:5000/a/b__c:v1.0", "localhost:5000/a/b__c:v1.0"},
		{"registry.example/a@sha256:" HEX64, "registry.example/a@sha256:" HEX64},
		{"registry.example/a:t@sha256:" HEX64,
		 "registry.example/a:t@sha256:" HEX64},
		{"[::1]:5000/a", "[::1]:5000/a:latest"},
	};
	char text[CFS_OCI_REFERENCE_MAX];
	struct cfs_oci_reference r;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t_eq(cfs_oci_reference_parse(good[i].text, &r, &err), 0);
		t_str(cfs_oci_reference_format(&r, text), good[i].full);
	}
}

T(oci_reference_refuses_invalid_names)
{
	static const char *const bad[] = {
		"",
		"Debian",
		"a..b",
		"a//b",
		"/a",
		"a/",
		"a:",
		"a:.x",
		"a@sha256:12",
		"a b",
		"../x", /* the host is part of paths of certificates */
		"registry.example/../v2/x",
		"a___b",
		"-a",
		"host.example\r\nX: y/a",
		"a?b=c",
		"user@host.example/a",
		"registry.example/a:b/c",
	};
	struct cfs_oci_reference r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cfs_oci_reference_parse(bad[i], &r, &err) != -EINVAL)
			t_fail(__FILE__, __LINE__, "\"%s\": expected -EINVAL", bad[i]);
}

T(oci_referrers_tag_is_cut_to_the_length_of_a_tag)
{
	char tag[CFS_OCI_TAG_MAX];
	struct cfs_oci_digest d = {.alg = CFS_SHA256, .bytes = {0xab}};

	t_str(cfs_oci_referrers_format_tag(&d, tag),
	      "sha256-ab00000000000000000000000000000000000000000000000000000000000000");
	d.alg = CFS_SHA512;
	t_str(cfs_oci_referrers_format_tag(&d, tag),
	      "sha512-ab00000000000000000000000000000000000000000000000000000000000000");
	t_ok(cfs_oci_is_tag(cfs_text(tag)));
}

T(oci_reference_of_many_bytes_is_refused)
{
	char text[2000];
	struct cfs_oci_reference r;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	t_eq(cfs_oci_reference_parse(text, &r, &err), -EINVAL);
	text[CFS_OCI_NAME_MAX] = '\0';
	t_eq(cfs_oci_reference_parse(text, &r, &err), -EINVAL);
}
