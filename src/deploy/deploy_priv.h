/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_DEPLOY_PRIV_H
#define CFS_DEPLOY_PRIV_H

#include "deploy/deploy.h"
#include "erofs/erofs.h"
#include "repo/repo.h"

#define DEPLOY_ENTRIES	"loader/entries"
#define DEPLOY_FILES	"composefs" /* kernel files on the boot partition */
#define DEPLOY_SORT_KEY "composefs"

enum { DEPLOY_KEY_MAX = 2 * CFS_SHA256_LEN + 1 };

/* --- order.c -------------------------------------------------------------------------- */

/* Sorts by the order of systemd-boot: what it starts by itself is first. */
void deploy_sort_entries(struct cfs_bootentries *entries);

/* No boot may be tried any more. */
bool deploy_is_exhausted(const struct cfs_bootentry *e);

/* --- entry.c -------------------------------------------------------------------------- */

/* The parts of the name of an entry of ours. */
struct deploy_name {
	unsigned generation, revision;
};

/* Parses "composefs-GENERATION.REVISION-ID", an ID of an entry. */
bool deploy_parse_name(const char *id, struct deploy_name *out);

/* An entry to be written. Text is borrowed. */
struct deploy_entry {
	struct deploy_name name;
	struct cfs_digest image;
	bool is_counted;
	unsigned tries_left, tries_done;
	const char *title, *version; /* version: NULL: none */
	const char *key;	     /* of the kernel files */
	bool is_uki;
	const char *options; /* of a kernel that is not in a UKI */
};

/* The name of its file, with the counter. Returns out. */
const char *deploy_format_name(const struct deploy_entry *e,
			       char out[CFS_DEPLOY_NAME_MAX]);

/* Appends its text. */
int deploy_format_entry(const struct deploy_entry *e, struct cfs_mem *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The entry of a deployment of ours, to be written with changes. options has its kernel
 * arguments; all is borrowed from d and options. -EINVAL: not ours. */
int deploy_load_entry(const struct cfs_deployment *d, struct cfs_mem *options,
		      struct deploy_entry *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the key of the kernel files that an entry names; false: it names none of ours. */
bool deploy_find_key(const char *text, char key[DEPLOY_KEY_MAX], bool *is_uki);

/* The generation of a new entry. */
unsigned deploy_next_generation(const struct cfs_bootentries *entries);

/* --- options.c ------------------------------------------------------------------------ */

/* The argument that makes the initrd boot the image. Returns out. */
enum { DEPLOY_ARG_MAX = 64 + CFS_DIGEST_HEX_MAX };
const char *deploy_format_arg(const struct cfs_digest *image, bool insecure,
			      char out[DEPLOY_ARG_MAX]);

/* Appends options without those that name images, and a NUL. */
int deploy_remove_image(struct cfs_text options, struct cfs_mem *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Appends options without those that name images, then the argument of this image. */
int deploy_replace_image(const char *options, const struct cfs_digest *image,
			 bool insecure, struct cfs_mem *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Appends options with other arguments than before. rm: an argument as it is written, or a
 * key, whose arguments all go. -ENOENT: one of rm is not there. */
struct cfs_karg_change;
int deploy_change_options(const char *options, const struct cfs_karg_change *change,
			  struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Checks one argument of the user: no line break, no name of an image. */
int deploy_check_karg(const char *karg, struct cfs_err *err) CFS_MUST_CHECK;

/* --- choose.c ------------------------------------------------------------------------- */

/* Computes what the initrd does with the arguments of a deployment and this configuration.
 * Errors as those of cfs_boot_choose(). */
struct cfs_boot_choice;
struct cfs_boot_config;
int deploy_choose_root(const struct cfs_repo *repo, const struct cfs_deployment *d,
		       const struct cfs_boot_config *config,
		       const struct cfs_watch *watch, struct cfs_boot_choice *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- kernel.c ------------------------------------------------------------------------- */

/* The content of a file of an image. */
struct deploy_blob {
	struct cfs_span span;
	struct cfs_map map;
	uint8_t *copy;
};

/* What an image boots with. Starts zeroed. */
struct deploy_kernel {
	bool is_uki;
	struct deploy_blob files[2]; /* kernel and initrd, or the UKI alone */
	char key[DEPLOY_KEY_MAX];    /* SHA-256 of the files, one after the other */
	char *title, *version;	     /* of os-release; NULL: none */
};

/* Reads the kernel of an image, or the UKI in the file uki (NULL: none), and os-release;
 * objects are verified. kver: the directory below /usr/lib/modules; NULL: the only one.
 * Call deploy_kernel_fini in any case. */
int deploy_read_kernel(const struct cfs_repo *repo, const struct cfs_image *im,
		       const struct cfs_digest *id, const struct cfs_install *opts,
		       struct deploy_kernel *out, struct cfs_err *err) CFS_MUST_CHECK;
void deploy_kernel_fini(struct deploy_kernel *kernel);

/* The kernel arguments inside a UKI, without the padding at the end; borrowed from it. */
int deploy_find_cmdline(struct cfs_span uki, struct cfs_text *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Checks that an image can be the root of a system. -ENODATA. */
int deploy_check_directories(const struct cfs_image *im,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* --- files.c -------------------------------------------------------------------------- */

/* Checks that the partition has room for the files and an entry, as far as they are not
 * there. -ENOSPC. */
int deploy_check_space(const struct cfs_deploy_place *place,
		       const struct deploy_kernel *kernel,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the kernel files that are missing or damaged. They are durable afterwards. */
int deploy_write_files(const struct cfs_deploy_place *place,
		       const struct deploy_kernel *kernel,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Writes an entry. It is durable afterwards. */
int deploy_write_entry(const struct cfs_deploy_place *place, const struct deploy_entry *e,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Removes an entry by its path on the partition; the removal is durable afterwards. */
int deploy_remove_entry(const struct cfs_deploy_place *place, const char *file,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Removes entries of ours that a newer one of the same image replaced, then kernel files
 * that no entry names. Nothing but the former is removed while an entry cannot be read. */
int deploy_tidy(const struct cfs_deploy_place *place, struct cfs_err *err) CFS_MUST_CHECK;

/* --- bootc.c -------------------------------------------------------------------------- */

/* Exchanges the places of two entries of bootc. name gets the new name of that of d. -EBUSY:
 * an upgrade by bootc is staged; -EINVAL: the entries are not as bootc writes them. */
int deploy_roll_back_bootc(const struct cfs_deploy_place *place,
			   const struct cfs_deployment *next,
			   const struct cfs_deployment *d, char name[CFS_DEPLOY_NAME_MAX],
			   struct cfs_err *err) CFS_MUST_CHECK;

/* --- state.c -------------------------------------------------------------------------- */

/* The record of a deployment. Starts zeroed; free the members. */
struct deploy_origin {
	char *reference;
	bool pinned;
};

/* Reads it; one that does not exist has nothing. */
int deploy_read_origin(int statefd, struct deploy_origin *out,
		       struct cfs_err *err) CFS_MUST_CHECK;
int deploy_write_origin(int statefd, const struct deploy_origin *origin,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Makes the state directory, with etc as the function fills it (NULL: empty); durable
 * afterwards. One that was made before and never booted is replaced. 1: it exists and was
 * booted, and stays as it is. */
struct deploy_state {
	const struct cfs_digest *image;
	const char *os; /* whose /var it shares */
	struct deploy_origin origin;
	int (*fill_etc)(void *ctx, int upperfd, struct cfs_err *err);
	void *ctx;
};
int deploy_make_state(const struct cfs_deploy_place *place, const struct deploy_state *s,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Removes it; /var stays. The removal is durable afterwards. */
int deploy_remove_state(const struct cfs_deploy_place *place,
			const struct cfs_digest *image,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Writes all of the filesystem of fd (O_PATH is enough) to disk. */
int deploy_sync(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;

#endif
