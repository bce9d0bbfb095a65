/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Hints for commands of other programs. */
#include "composefs/foreign_verbs.h"

#include <stddef.h>
#include <string.h>

struct verb {
	const char *name, *hint;
};

static const struct verb verbs[] = {
	{"forget", "use \"composefs rm\""},
	{"rmi", "use \"composefs rm\""},
	{"remove", "use \"composefs rm\""},
	{"delete", "use \"composefs rm\""},
	{"unmount", "use \"composefs umount\""},
	{"prune", "use \"composefs gc\""},
	{"clean", "use \"composefs gc\""},
	{"cleanup", "use \"composefs gc\""},
	{"mounts", "use \"composefs status\""},
	{"ps", "use \"composefs status\""},
	{"list",
	 "use \"composefs images\" for a repository, \"composefs ls\" for an image"},
	{"refs", "use \"composefs images\""},
	{"tags", "use \"composefs images\""},
	{"show", "use \"composefs ls\" or \"composefs cat\""},
	{"info", "use \"composefs inspect\", \"composefs images\" or composefs-info(1)"},
	{"image",
	 "use \"composefs images\", or the verb alone, such as \"composefs rm\""},
	{"snapshots", "use \"composefs images\""},
	{"history", "use \"composefs log\""},
	{"reflog", "use \"composefs log\""},
	{"mv", "use \"composefs tag\", then \"composefs untag\""},
	{"rename", "use \"composefs tag\", then \"composefs untag\""},
	{"branch", "use \"composefs tag\""},
	{"rev-parse", "use \"composefs inspect --format={{.ID}}\""},
	{"stat", "use \"composefs inspect\", or \"composefs ls -l\" for a file"},
	{"describe", "use \"composefs inspect\""},
	{"cat-file", "use \"composefs cat\""},
	{"ls-tree", "use \"composefs ls\""},
	{"find", "use \"composefs ls\" or \"composefs dump-files\""},
	{"ls-files", "use \"composefs ls\""},
	{"tree", "use \"composefs ls\""},
	{"dump", "use \"composefs dump-files\""},
	{"objects", "use \"composefs image-objects\""},
	{"backup", "use \"composefs create-image\""},
	{"commit", "use \"composefs create-image\""},
	{"save", "use \"composefs export\""},
	{"tar", "use \"composefs export\", or \"composefs create-image FILE.tar\""},
	{"build", "use \"composefs create-image\""},
	{"new", "use \"composefs create-image\""},
	{"add", "use \"composefs create-image\" or \"composefs import-image\""},
	{"create", "use \"composefs init\" for a repository, \"composefs create-image\" "
		   "for an image"},
	{"mkfs", "use \"composefs create-image\" or mkcomposefs(1)"},
	{"import", "use \"composefs import-image\""},
	{"load", "use \"composefs oci pull docker-archive:FILE\" for a container image, "
		 "\"composefs import-image\" for an image file"},
	{"cp", "use \"composefs extract\" for files, \"composefs copy\" for images"},
	{"checkout", "use \"composefs extract\""},
	{"restore", "use \"composefs extract\""},
	{"export-tree", "use \"composefs extract\""},
	{"clone", "use \"composefs copy\""},
	{"pull-local", "use \"composefs copy\""},
	{"sync", "use \"composefs copy\""},
	{"fetch", "use \"composefs copy\" or \"composefs oci pull\""},
	{"check", "use \"composefs fsck\""},
	{"digest", "use \"composefs compute-id\""},
	{"measure",
	 "use \"composefs compute-id\", or \"composefs-info measure-file\" for a file"},
	{"df", "use \"composefs du\""},
	{"stats", "use \"composefs du\""},
	{"compare", "use \"composefs diff\""},
	{"pull", "use \"composefs oci pull\", or \"composefs create-image\" on an "
		 "unpacked image"},
	{"push", "use \"composefs oci push\""},
	{"run", "use \"composefs oci bundle\", and then crun(1) or runc(8)"},
	{"login", "use \"podman login\" or \"docker login\"; composefs reads their "
		  "credentials"},
	{"search", "composefs does not search registries"},
	{"unlock", "a lock ends with the process that holds it"},
	{"deploy", "use \"composefs boot install\""},
	{"upgrade", "use \"composefs boot upgrade\""},
	{"rollback", "use \"composefs boot rollback\""},
};

const char *foreign_verb_find_hint(const char *verb)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, verb) == 0)
			return verbs[i].hint;
	return NULL;
}
