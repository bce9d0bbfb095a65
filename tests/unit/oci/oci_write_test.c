/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents that are made of others: manifests with layers that were compressed anew, indexes with one
 * more entry. */
#include "oci/oci.h"
#include "t.h"

static struct cfs_err err;

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define DESCRIPTOR(type, more)                                                           \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX64 "\",\"size\":5" more "}"

static const char *text_of(struct cfs_mem *m)
{
	t_eq(cfs_sink_mem(m).write(m, "", 1, &err), 0);
	return (const char *)m->p;
}

static void repack(const char *manifest, struct cfs_mem *out)
{
	struct cfs_oci_descriptor layer = {.media_type = CFS_OCI_TYPE_TAR "+zstd",
					   .size = 7};
	struct cfs_oci_manifest m;

	t_eq(cfs_oci_digest_parse(CFS_TEXT(OTHER), &layer.digest, &err), 0);
	t_eq(cfs_oci_manifest_parse(cfs_text(manifest), &m, &err), 0);
	t_eq(m.n_layers, 1);
	t_eq(cfs_oci_manifest_repack(&m, &layer, out, &err), 0);
	cfs_oci_manifest_fini(&m);
}

T(oci_repack_replaces_layers_and_keeps_the_rest)
{
	struct cfs_mem out;

	repack("{\"schemaVersion\":2,\"mediaType\":\"" CFS_OCI_TYPE_MANIFEST
	       "\",\"config\":" DESCRIPTOR(CFS_OCI_TYPE_CONFIG,
					   "") ","
					       "\"layers\":[" DESCRIPTOR(
						       CFS_OCI_TYPE_TAR "+gzip",
						       ",\"annotations\":{\"a\":\"b\"},"
						       "\"urls\":[\"u\"]") "],"
									   "\"annotations"
									   "\":{\"c\":"
									   "\"d\"}}",
	       &out);
	t_str(text_of(&out), "{\"schemaVersion\":2,\"mediaType\":\"" CFS_OCI_TYPE_MANIFEST
			     "\",\"config\":" DESCRIPTOR(
				     CFS_OCI_TYPE_CONFIG,
				     "") ","
					 "\"layers\":[{\"mediaType\":\"" CFS_OCI_TYPE_TAR
					 "+zstd\",\"digest\":\"" OTHER
					 "\",\"size\":7,\"annotations\":{\"a\":\"b\"}}],"
					 "\"annotations\":{\"c\":\"d\"}}");
	free(out.p);
}

T(oci_repack_drops_annotations_about_the_former_bytes)
{
	struct cfs_mem out;

	repack("{\"schemaVersion\":2,\"config\":" DESCRIPTOR(
		       CFS_OCI_TYPE_CONFIG,
		       "") ","
			   "\"layers\":[" DESCRIPTOR(CFS_OCI_TYPE_TAR "+gzip",
						     ",\"annotations\":{"
						     "\"io.github.containers.zstd-"
						     "chunked.manifest-position\":\"1\","
						     "\"containerd.io/snapshot/stargz/"
						     "toc.digest\":\"x\"}") "]}",
	       &out);
	t_ok(!strstr(text_of(&out), "annotations"));
	free(out.p);
}

T(oci_repack_of_a_docker_manifest_has_the_types_of_oci)
{
	struct cfs_mem out;

	repack("{\"schemaVersion\":2,\"mediaType\":\"" CFS_DOCKER_TYPE_MANIFEST
	       "\",\"config\":" DESCRIPTOR(
		       CFS_DOCKER_TYPE_CONFIG,
		       "") ","
			   "\"layers\":[" DESCRIPTOR(
				   "application/vnd.docker.image.rootfs.diff.tar.gzip",
				   "") "]}",
	       &out);
	t_ok(!strstr(text_of(&out), "docker"));
	t_has((char *)out.p, "\"config\":" DESCRIPTOR(CFS_OCI_TYPE_CONFIG, ""));
	free(out.p);
}

static void put(const char *index, const char *tag, struct cfs_mem *out)
{
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST, .size = 7};

	t_eq(cfs_oci_digest_parse(CFS_TEXT(OTHER), &d.digest, &err), 0);
	t_eq(cfs_oci_index_put(cfs_text(index), &d, tag, out, &err), 0);
	text_of(out);
}

#define NEW(more)                                                                        \
	"{\"mediaType\":\"" CFS_OCI_TYPE_MANIFEST "\",\"digest\":\"" OTHER               \
	"\",\"size\":7" more "}"
#define TAG(tag)       ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" tag "\"}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"
#define OLD(tag)       DESCRIPTOR(CFS_OCI_TYPE_MANIFEST, tag)

T(oci_index_put_begins_an_index)
{
	struct cfs_mem out;

	put("", "a", &out);
	t_str((char *)out.p, "{\"schemaVersion\":2,\"mediaType\":\"" CFS_OCI_TYPE_INDEX
			     "\",\"manifests\":[" NEW(TAG("a")) "]}");
	free(out.p);
}

T(oci_index_put_replaces_the_entry_with_the_tag_alone)
{
	struct cfs_mem out;

	put(INDEX(OLD(TAG("a")) "," OLD(TAG("b")) "," OLD("")), "a", &out);
	t_str((char *)out.p, INDEX(OLD(TAG("b")) "," OLD("") "," NEW(TAG("a"))));
	free(out.p);
	put(INDEX(OLD("") "," NEW("") "," NEW(TAG("a"))), NULL, &out);
	t_str((char *)out.p, INDEX(OLD("") "," NEW(TAG("a")) "," NEW("")));
	free(out.p);
}

T(oci_index_put_refuses_what_is_no_index)
{
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST,
				       .digest = {.alg = CFS_SHA256}};
	struct cfs_mem out;

	t_eq(cfs_oci_index_put(CFS_TEXT("{}"), &d, NULL, &out, &err), -ENOTSUP);
	t_eq(cfs_oci_index_put(CFS_TEXT("{\"schemaVersion\":2,\"config\":" OLD(
				       "") ",\"layers\":[]}"),
			       &d, NULL, &out, &err),
	     -EINVAL);
}

T(oci_index_put_keeps_the_number_of_entries_readable)
{
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST,
				       .digest = {.alg = CFS_SHA256}};
	struct cfs_mem text = {0}, out;
	struct cfs_sink to = cfs_sink_mem(&text);
	static const char begin[] = "{\"schemaVersion\":2,\"manifests\":[",
			  entry[] = OLD(""), end[] = "]}";

	t_eq(to.write(to.ctx, begin, strlen(begin), &err), 0);
	for (int i = 0; i < CFS_OCI_LAYERS_MAX; i++) {
		t_eq(to.write(to.ctx, ",", i > 0, &err), 0);
		t_eq(to.write(to.ctx, entry, strlen(entry), &err), 0);
	}
	t_eq(to.write(to.ctx, end, strlen(end), &err), 0);
	t_eq(cfs_oci_index_put((struct cfs_text){(char *)text.p, text.len}, &d, NULL,
			       &out, &err),
	     -EFBIG);
	free(text.p);
}

T(oci_index_repack_replaces_digests_and_drops_entries)
{
	static const char index_text[] =
		INDEX(OLD("") "," OLD(TAG("b")) "," OLD(",\"platform\":{\"os\":\"linux\","
							"\"architecture\":\"arm\"}"));
	struct cfs_oci_descriptor sent[3] = {{0}};
	struct cfs_oci_index index;
	struct cfs_mem out;

	t_eq(cfs_oci_index_parse(cfs_text(index_text), &index, &err), 0);
	sent[0] = index.entries[0].descriptor;
	sent[2] = (struct cfs_oci_descriptor){.media_type = CFS_OCI_TYPE_MANIFEST,
					      .size = 7};
	t_eq(cfs_oci_digest_parse(CFS_TEXT(OTHER), &sent[2].digest, &err), 0);
	t_eq(cfs_oci_index_repack(&index, sent, &out, &err), 0);
	text_of(&out);
	t_str((char *)out.p,
	      "{\"schemaVersion\":2,\"manifests\":[" OLD("") "," NEW(
		      ",\"platform\":{\"os\":\"linux\",\"architecture\":"
		      "\"arm\"}") "],"
				  "\"mediaType\":\"" CFS_OCI_TYPE_INDEX "\"}");
	free(out.p);
	cfs_oci_index_fini(&index);
}
