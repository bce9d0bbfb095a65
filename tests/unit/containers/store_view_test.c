/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The names and indexes of an additional image store. */
#include "containers/store_view.h"
#include "t.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct cfs_err err;

/* A container image of which only these members matter. */
static struct cfs_container container(const char *created)
{
	return (struct cfs_container){
		.has_image = true,
		.image = {.alg = CFS_SHA256},
		.digest = {.alg = CFS_SHA256},
		.manifest = {.config = {.digest = {.alg = CFS_SHA256}}},
		.config = {.created = created},
	};
}

T(store_times_are_those_that_go_accepts)
{
	static const char *const times[][2] = {
		{"2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"},
		{"2024-03-01T01:02:03.123456789Z", "2024-03-01T01:02:03Z"},
		{NULL, "1970-01-01T00:00:00Z"},
		{"", "1970-01-01T00:00:00Z"},
		{"yesterday", "1970-01-01T00:00:00Z"},
		{"2023-02-31T00:00:00Z", "2023-03-03T00:00:00Z"},
		{"2024-13-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"0000-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"9999-12-31T23:59:60Z", "1970-01-01T00:00:00Z"},
	};
	struct cfs_store_image m;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct cfs_container c = container(times[i][0]);

		t_eq(cfs_store_image_init(&c, &m, &err), 0);
		t_str(m.created, times[i][1]);
	}
}

T(store_sizes_are_bounded)
{
	struct cfs_oci_descriptor layers[2] = {{.size = 5}, {.size = 6}};
	struct cfs_container c = container(NULL);
	struct cfs_store_image m;

	c.manifest.layers = layers;
	c.manifest.n_layers = 2;
	t_eq(cfs_store_image_init(&c, &m, &err), 0);
	t_eq(m.size, 11);
	layers[1].size = INT64_MAX;
	t_eq(cfs_store_image_init(&c, &m, &err), 0);
	t_eq(m.size, INT64_MAX);
	layers[1].size = UINT64_MAX;
	t_eq(cfs_store_image_init(&c, &m, &err), 0);
	t_eq(m.size, INT64_MAX);
}

T(store_images_need_an_image_and_sha256_digests)
{
	struct cfs_container c = container(NULL);
	struct cfs_store_image m;

	c.digest.alg = CFS_SHA512;
	t_eq(cfs_store_image_init(&c, &m, &err), -ENOTSUP);
	t_str(err.msg, "manifest: expected a SHA-256 digest");
	c = container(NULL);
	c.has_image = false;
	t_eq(cfs_store_image_init(&c, &m, &err), -ENOENT);
}

T(store_names_are_complete_and_those_that_podman_accepts)
{
	static const char *const names[][2] = {
		{"app", "localhost/app:latest"},
		{"team/app:1", "localhost/team/app:1"},
		{"localhost/app", "localhost/app:latest"},
		{"registry.example/app:1", "registry.example/app:1"},
		{"registry:5000/app", "registry:5000/app:latest"},
	};
	static const char *const bad[] = {"Upper", "a b", "a//b", "../a",
					  ("app@sha256:" HEX64)};
	struct cfs_store_image m = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		t_eq(cfs_store_image_add_name(&m, names[i][0], &err), 0);
		t_str(m.names[i], names[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(cfs_store_image_add_name(&m, bad[i], &err), -EINVAL);
	cfs_store_image_fini(&m);
}

T(store_layers_of_equal_trees_are_listed_once)
{
	struct cfs_container c = container(NULL);
	struct cfs_store_image v[2];
	char *text;

	t_eq(cfs_store_image_init(&c, &v[0], &err), 0);
	c.manifest.config.digest.bytes[0] = 1;
	t_eq(cfs_store_image_init(&c, &v[1], &err), 0);
	t_ok(strcmp(v[0].id, v[1].id) != 0);
	t_eq(cfs_store_format_layers_json(v, 2, &text, &err), 0);
	t_has(text, v[0].layer);
	t_ok(!strstr(strstr(text, "\"id\"") + 1, "\"id\""));
	free(text);
}
