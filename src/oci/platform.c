/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The choice of a platform from an index. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "oci/index.h"

static const char *variant_of(const struct cfs_oci_platform *p)
{
	return p->variant ? p->variant : "";
}

/* What a missing variant means; source: the platform rules of containerd and skopeo. */
static const char *default_variant(const char *architecture)
{
	if (strcmp(architecture, "arm") == 0)
		return "v7";
	if (strcmp(architecture, "arm64") == 0)
		return "v8";
	return strcmp(architecture, "amd64") == 0 ? "v1" : "";
}

static bool is_lower_variant(const char *have, const char *wanted)
{
	return have[0] == 'v' && wanted[0] == 'v' && have[1] && wanted[1] && !have[2] &&
	       !wanted[2] && have[1] < wanted[1];
}

/* How well a platform fits: 0 not at all, more is better. */
static int rate_platform(const struct cfs_oci_platform *have,
			 const struct cfs_oci_platform *wanted)
{
	const char *is, *want;

	if (strcmp(have->os, wanted->os) != 0 ||
	    strcmp(have->architecture, wanted->architecture) != 0)
		return 0;
	is = variant_of(have);
	want = variant_of(wanted);
	is = *is ? is : default_variant(have->architecture);
	want = *want ? want : default_variant(wanted->architecture);
	if (strcmp(is, want) == 0)
		return 1000;
	return is_lower_variant(is, want) ? is[1] : 0;
}

static bool is_chunked(const struct cfs_oci_index_entry *e)
{
	const char *is = cfs_oci_find_annotation(&e->descriptor,
						 "io.github.containers.compression.zstd");

	return is && strcmp(is, "true") == 0;
}

/* --- what there is, for a message --------------------------------------------------- */

/* Always -ENOENT, with the platforms that the index offers. The list is cut off, since
 * the index is untrusted and can be long. */
static int fail_none(const struct cfs_oci_index *index,
		     const struct cfs_oci_platform *wanted, struct cfs_err *err)
{
	char list[600] = "";
	size_t len = 0;

	for (size_t i = 0; i < index->n_entries; i++) {
		const struct cfs_oci_index_entry *e = &index->entries[i];
		const char *variant = variant_of(&e->platform);

		if (e->is_attestation || !e->has_platform || len > 500)
			continue;
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s%.20s/%.20s%s%.20s", len ? ", " : "",
					e->platform.os, e->platform.architecture,
					*variant ? "/" : "", variant);
	}
	return cfs_fail(err, ENOENT, "no manifest for %s/%s%s%s: the index has %s",
			wanted->os, wanted->architecture, *variant_of(wanted) ? "/" : "",
			variant_of(wanted), len ? list : "no platforms");
}

/* --- choice ------------------------------------------------------------------------- */

/* The only entry without a platform, if all others are attestations. */
static bool select_single(const struct cfs_oci_index *index, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < index->n_entries; i++)
		if (!index->entries[i].is_attestation) {
			*out = i;
			n++;
		}
	return n == 1 && !index->entries[*out].has_platform;
}

int cfs_oci_index_select(const struct cfs_oci_index *index,
			 const struct cfs_oci_platform *wanted, size_t *out,
			 struct cfs_err *err)
{
	int best = 0;

	for (size_t i = 0; i < index->n_entries; i++) {
		const struct cfs_oci_index_entry *e = &index->entries[i];
		int rating;

		if (e->is_attestation || !e->has_platform)
			continue;
		rating = 2 * rate_platform(&e->platform, wanted);
		if (rating > 0)
			rating += is_chunked(e);
		if (rating > best) {
			best = rating;
			*out = i;
		}
	}
	if (best > 0 || select_single(index, out))
		return 0;
	return fail_none(index, wanted, err);
}

/* --- names -------------------------------------------------------------------------- */

int cfs_oci_platform_parse(const char *text, char buf[CFS_OCI_PLATFORM_MAX],
			   struct cfs_oci_platform *out, struct cfs_err *err)
{
	char *slash;

	if (strlen(text) >= CFS_OCI_PLATFORM_MAX)
		return cfs_fail(err, EINVAL,
				"platform: expected at most %d bytes, got %zu",
				CFS_OCI_PLATFORM_MAX - 1, strlen(text));
	snprintf(buf, CFS_OCI_PLATFORM_MAX, "%s", text);
	*out = (struct cfs_oci_platform){.os = buf};
	slash = strchr(buf, '/');
	if (slash) {
		*slash = '\0';
		out->architecture = slash + 1;
		slash = strchr(slash + 1, '/');
	}
	if (slash) {
		*slash = '\0';
		out->variant = slash + 1;
	}
	if (!*out->os || !out->architecture || !*out->architecture ||
	    (out->variant && (!*out->variant || strchr(out->variant, '/'))))
		return cfs_fail(err, EINVAL,
				"platform: expected OS/ARCHITECTURE[/VARIANT], got "
				"\"%.100s\"",
				text);
	return 0;
}

#ifdef __x86_64__
static const char *cpu_variant(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512vl"))
		return "v4";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
	    __builtin_cpu_supports("fma"))
		return "v3";
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")
		       ? "v2"
		       : "v1";
}
#else
static const char *cpu_variant(void)
{
	return NULL;
}
#endif

void cfs_oci_platform_detect(struct cfs_oci_platform *out)
{
	static const struct {
		const char *machine;
		struct cfs_oci_platform platform;
	} known[] = {
		{"x86_64", {"linux", "amd64", NULL}},
		{"aarch64", {"linux", "arm64", "v8"}},
		{"armv7l", {"linux", "arm", "v7"}},
		{"armv6l", {"linux", "arm", "v6"}},
		{"i686", {"linux", "386", NULL}},
		{"ppc64le", {"linux", "ppc64le", NULL}},
		{"s390x", {"linux", "s390x", NULL}},
		{"riscv64", {"linux", "riscv64", NULL}},
		{"loongarch64", {"linux", "loong64", NULL}},
	};
	struct utsname name;

	*out = (struct cfs_oci_platform){"linux", "unknown", NULL};
	if (uname(&name) < 0)
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name.machine, known[i].machine) == 0)
			*out = known[i].platform;
	if (strcmp(out->architecture, "amd64") == 0)
		out->variant = cpu_variant();
}
