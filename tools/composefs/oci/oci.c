/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci VERB: the table of verbs. */
#include "composefs/oci/oci.h"

#include <stdio.h>
#include <string.h>

#include "cli/suggest.h"

static const struct command verbs[] = {
	{"pull", cmd_oci_pull, "Store a container image and make an image of it"},
	{"push", cmd_oci_push, "Send a container image to a registry or a layout"},
	{"export", cmd_oci_export, "Write a container image as an archive or a layout"},
	{"images", cmd_oci_images, "List container images"},
	{"inspect", cmd_oci_inspect, "Print manifest and configuration"},
	{"tag", cmd_oci_tag, "Add a tag to a container image"},
	{"rm", cmd_oci_rm, "Remove tags"},
	{"untag", cmd_oci_rm, NULL},
	{"mount", cmd_oci_mount, "Mount a container image"},
	{"store-view", cmd_oci_store_view, "Write an image store for podman"},
	{"bundle", cmd_oci_bundle, "Write a bundle for crun or runc"},
	{"compute-id", cmd_oci_compute_id, "Compute the image ID of a container image"},
	{"dump", cmd_oci_dump, "Print the files of a container image as a dump"},
	{"layer", cmd_oci_layer, "Write a layer as a tar archive"},
	{"import-layer", cmd_oci_import_layer, "Store a layer from a tar archive"},
	{"copy", cmd_oci_copy, "Copy a container image from another repository"},
	{"seal", cmd_oci_seal, "Sign a container image"},
	{"verify", cmd_oci_verify, "Verify that a container image is signed"},
	{"fsck", cmd_oci_fsck, "Check container images"},
	{0},
};

static const struct command *find_verb(const char *name)
{
	for (const struct command *c = verbs; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const struct cli_option no_options[] = {{0}};

/* about is set by print_usage. */
static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"VERB [OPTIONS] ...", NULL},
	.example = (const char *const[]){"composefs oci pull oci:layout:latest app",
					 "composefs oci mount app /mnt", NULL},
	.options = no_options,
};

static void print_usage(const char *name)
{
	struct cli_syntax s = syntax;
	char about[2048];
	size_t len =
		(size_t)snprintf(about, sizeof(about),
				 "Store, mount and inspect container images. \"%s VERB "
				 "--help\" prints more about a verb.\n\nVerbs:\n",
				 name);

	for (const struct command *c = verbs; c->name && len < sizeof(about); c++)
		if (c->help)
			len += (size_t)snprintf(about + len, sizeof(about) - len,
						"  %-17s %s\n", c->name, c->help);
	s.about = about;
	cli_print_usage(stdout, &s, name);
}

/* Verbs of other programs. */
static const struct {
	const char *name, *use;
} foreign_verbs[] = {
	{"list", "oci images"},	 {"ls", "oci images"}, {"rmi", "oci rm"},
	{"show", "oci inspect"}, {"umount", "umount"}, {"unmount", "umount"},
};

static int report_unknown_verb(const char *name, const char *verb)
{
	struct suggest near = {.word = verb};

	for (size_t i = 0; i < sizeof(foreign_verbs) / sizeof(foreign_verbs[0]); i++)
		if (strcmp(foreign_verbs[i].name, verb) == 0) {
			cli_fail_usage(name, "%s: unknown verb; use \"composefs %s\"",
				       verb, foreign_verbs[i].use);
			return CLI_USAGE;
		}
	for (const struct command *c = verbs; c->name; c++)
		suggest_add_name(&near, c->name);
	if (near.best)
		cli_fail_usage(name, "%s: unknown verb; did you mean \"%s %s\"?", verb,
			       name, near.best);
	else
		cli_fail_usage(name, "%s: unknown verb", verb);
	return CLI_USAGE;
}

static int run_verb(const struct command *c, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %s", argv[0], c->name);
	command_set_name(name);
	argv[1] = name;
	return c->run(argc - 1, argv + 1);
}

static void (*complete_other)(struct cli_completion *c, const char *kind);

static void complete_kind(struct cli_completion *completion, const char *kind)
{
	if (strcmp(kind, "VERB") != 0) {
		complete_other(completion, kind);
		return;
	}
	for (const struct command *c = verbs; c->name; c++)
		if (c->help)
			cli_complete_put(completion, c->name, c->help);
}

/* Answers "oci --complete WORD...": by the table of the verb if one precedes the last word. */
static int complete_line(int argc, char **argv)
{
	const struct command *c = argc > 3 ? find_verb(argv[2]) : NULL;

	if (c) {
		memmove(argv + 2, argv + 3, (size_t)(argc - 2) * sizeof(*argv));
		return c->run(argc - 1, argv);
	}
	complete_other = cli_complete_kind;
	cli_complete_kind = complete_kind;
	return cli_complete(&syntax, argc, argv);
}

static int cmd_oci(int argc, char **argv)
{
	const struct command *c;

	if (cli_is_completion(argc, argv))
		return complete_line(argc, argv);
	c = argc > 1 ? find_verb(argv[1]) : NULL;
	if (c)
		return run_verb(c, argc, argv);
	if (argc > 1 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		print_usage(argv[0]);
		return CLI_OK;
	}
	if (argc > 1)
		return report_unknown_verb(argv[0], argv[1]);
	cli_fail_usage(argv[0], "expected a verb");
	return CLI_USAGE;
}

const struct command oci_commands[] = {
	COMMAND_GROUP("Container images:"),
	{"oci", cmd_oci, "Store, mount and inspect container images", true},
	{0},
};
