/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci: commands on container images.
 * Owns:  the table of its verbs, what they share: sources by name, options of merging.
 * Uses:  base, containers, oci, repo, transport, cli.
 * Never: the work of a command.
 */
#ifndef CFS_COMPOSEFS_OCI_H
#define CFS_COMPOSEFS_OCI_H

#include "cli/repo_option.h"
#include "composefs/composefs.h"
#include "containers/containers.h"

/* The main function of each verb. */
int cmd_oci_bundle(int argc, char **argv);
int cmd_oci_compute_id(int argc, char **argv);
int cmd_oci_copy(int argc, char **argv);
int cmd_oci_dump(int argc, char **argv);
int cmd_oci_export(int argc, char **argv);
int cmd_oci_fsck(int argc, char **argv);
int cmd_oci_images(int argc, char **argv);
int cmd_oci_import_layer(int argc, char **argv);
int cmd_oci_inspect(int argc, char **argv);
int cmd_oci_layer(int argc, char **argv);
int cmd_oci_mount(int argc, char **argv);
int cmd_oci_pull(int argc, char **argv);
int cmd_oci_push(int argc, char **argv);
int cmd_oci_rm(int argc, char **argv);
int cmd_oci_seal(int argc, char **argv);
int cmd_oci_store_view(int argc, char **argv);
int cmd_oci_tag(int argc, char **argv);
int cmd_oci_verify(int argc, char **argv);

/* Completes tags, digests and places: see cli/complete.h. */
void oci_complete_kind(struct cli_completion *c, const char *kind);

/* Finds the image that was made of a container image. -ENOENT: there is none. */
int oci_find_image(const struct cfs_repo *repo, const char *name, struct cfs_digest *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Gives a container image, named by a tag or "@DIGEST", another tag. */
int oci_tag_container(struct cfs_repo *repo, const char *image, const char *tag,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Verifies a container image by its signatures in the repository, as "oci verify" does, with
 * the keys in the directory trusted (NULL: those of the system). -ENODATA: unsigned; other
 * errors as those of cfs_trust_check(). -ENOTSUP: built without libsodium. */
int oci_verify_signed(const struct cfs_repo *repo, const char *name, const char *trusted,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Opens "oci:DIR[:TAG]", or an image of a registry. */
int oci_open_source(const char *source, const struct cfs_registry_access *access,
		    const struct cfs_watch *watch, struct cfs_transport *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The same for what an image is sent to. */
int oci_open_destination(const char *destination,
			 const struct cfs_registry_access *access,
			 const struct cfs_watch *watch, struct cfs_destination *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Whether a source or destination is on this machine, and no reference to a registry. */
bool oci_is_local(const char *name);

/* What --all-platforms pulled or copied. */
struct oci_platform_result {
	char platform[CFS_OCI_PLATFORM_MAX]; /* "": the index does not say */
	struct cfs_pull_result result;
};
struct oci_all {
	struct oci_platform_result *v;
	size_t n, cap;
	struct cfs_pull_index_result index;
};

/* cfs_containers_pull_index. Release out, also after an error, with oci_all_fini. */
int oci_pull_all(struct cfs_repo *repo, const struct cfs_transport *from,
		 const struct cfs_pull_opts *opts, struct oci_all *out,
		 struct cfs_err *err) CFS_MUST_CHECK;
/* Prints a line for each image, or one JSON object. */
void oci_print_all(const struct oci_all *all, const char *program, const char *tag,
		   bool as_json);
void oci_all_fini(struct oci_all *all);

/* How an image is sent: what push and export share. */
enum oci_compression {
	OCI_COMPRESSION_DEFAULT, /* gzip, unless the destination takes no compressed layers */
	OCI_COMPRESSION_GZIP,
	OCI_COMPRESSION_ZSTD,
	OCI_COMPRESSION_NONE,
};
struct oci_push {
	enum oci_compression compression;
	unsigned threads; /* 0: one for each CPU */
	bool referrers, all_platforms;
	const char *mount_from; /* a repository of the registry; NULL */
};

extern const struct cli_choice oci_compression_choices[];

#define OCI_PUSH_OPTIONS(type, member)                                                   \
	{"compression",                                                                  \
	 "KIND",                                                                         \
	 CLI_AT(type, member.compression),                                               \
	 "Compress layers with gzip (default) or zstd; none: do not compress",           \
	 CLI_CHOICE,                                                                     \
	 .choices = oci_compression_choices,                                             \
	 .group = "Options"},                                                            \
		{"threads",                                                              \
		 "N",                                                                    \
		 CLI_AT(type, member.threads),                                           \
		 "Send N layers at a time (default: one per CPU)",                       \
		 CLI_NUMBER,                                                             \
		 .min = 1,                                                               \
		 .max = 256},                                                            \
		{"all-platforms", NULL, CLI_AT(type, member.all_platforms),              \
		 "Send an index and the images of all its platforms"},                   \
	{                                                                                \
		"referrers", NULL, CLI_AT(type, member.referrers),                       \
			"Send all artifacts that refer to the image (default: its "      \
			"signatures)"                                                    \
	}

/* Pushes an image of the repository to destination. -ENOENT: no such image; -EINVAL:
 * destination is malformed; and as the destination fails. */
int oci_push_image(const struct oci_push *p, const struct cfs_registry_access *access,
		   const struct cfs_repo *repo, const char *image,
		   const char *destination, const struct cfs_watch *watch,
		   struct cfs_push_result *out, struct cfs_err *err) CFS_MUST_CHECK;
/* Writes the members of the result into the open JSON object. */
void oci_put_push_json(struct json *j, const struct cfs_push_result *r);

/* How layers are merged. */
enum oci_whiteouts { OCI_WHITEOUTS_SPEC, OCI_WHITEOUTS_IN_ORDER };
enum oci_root { OCI_ROOT_USR, OCI_ROOT_OWN };
struct oci_merge {
	bool bootable, keep_user, strict_parents;
	enum oci_whiteouts whiteouts;
	enum oci_root root;
};

extern const struct cli_choice oci_whiteouts_choices[];
extern const struct cli_choice oci_root_choices[];

#define OCI_MERGE_OPTIONS(type, member)                                                  \
	{"bootable", NULL, CLI_AT(type, member.bootable),                                \
	 "Make a bootable image: empty /boot and /sysroot, set SELinux labels",          \
	 .group = "Image"},                                                              \
		{"keep-user-xattrs", NULL, CLI_AT(type, member.keep_user),               \
		 "Keep extended attributes that begin with \"user.\""},                  \
		{"whiteouts",                                                            \
		 "RULE",                                                                 \
		 CLI_AT(type, member.whiteouts),                                         \
		 "Apply whiteouts to lower layers (spec, default) or in-order",          \
		 CLI_CHOICE,                                                             \
		 .choices = oci_whiteouts_choices},                                      \
		{"root",                                                                 \
		 "RULE",                                                                 \
		 CLI_AT(type, member.root),                                              \
		 "Give the root the metadata of /usr (usr, default) or its own",         \
		 CLI_CHOICE,                                                             \
		 .choices = oci_root_choices},                                           \
	{                                                                                \
		"strict-parents", NULL, CLI_AT(type, member.strict_parents),             \
			"Refuse entries whose parent directory has no entry"             \
	}

/* Returns the options of a merge. They borrow watch, which may be NULL. */
struct cfs_containers_merge oci_get_merge_opts(const struct oci_merge *m,
					       const struct cfs_watch *watch);

#endif
