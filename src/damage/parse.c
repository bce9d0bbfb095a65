/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A record of the kernel log.
 *
 * fsverity_msg() of the kernel writes "fs-verity (DEVICE, inode NUMBER): TEXT". The text
 * begins with "FILE CORRUPTED! index=" until Linux 6.2, with "FILE CORRUPTED! pos=" since
 * then, and with "FILE CORRUPTED!  Data past EOF is not zeroed".
 *
 * A server that verifies objects writes "composefs[PID]: IMAGE: objects/xx/rest: damaged: TEXT". */
#include <string.h>

#include "damage/damage.h"

enum { FACILITY_SHIFT = 3, USEFUL_MAX = 1024 };

static bool take_message_word(const char **at, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* "PRIORITY,NUMBER,USEC,FLAGS;". What programs write to the log has another facility than
 * 0: the kernel allows them no other. */
static bool take_prefix(const char **at, uint64_t *usec, bool *by_kernel)
{
	uint64_t priority, number;
	const char *text;

	if (!cfs_take_number(at, 10, ',', &priority) ||
	    !cfs_take_number(at, 10, ',', &number) || !cfs_take_number(at, 10, ',', usec))
		return false;
	*by_kernel = priority >> FACILITY_SHIFT == 0;
	text = strchr(*at, ';');
	*at = text ? text + 1 : *at;
	return text != NULL;
}

static bool take_device(const char **at, char out[CFS_DAMAGE_DEVICE_MAX])
{
	size_t len = strcspn(*at, ",");

	if (len == 0 || len >= CFS_DAMAGE_DEVICE_MAX)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

static bool parse_verity_message(const char *at, struct cfs_damage *out)
{
	return take_message_word(&at, "fs-verity (") && take_device(&at, out->device) &&
	       take_message_word(&at, ", inode ") &&
	       cfs_take_number(&at, 10, ')', &out->inode) &&
	       take_message_word(&at, ": FILE CORRUPTED!");
}

/* "xx/rest", where all is lowercase hex digits, as in the name of an object. */
static bool take_object_path(const char **at, char out[CFS_OBJECT_PATH_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t rest, len;

	if (strspn(*at, digits) != 2 || (*at)[2] != '/')
		return false;
	rest = strspn(*at + 3, digits);
	len = 3 + rest;
	if (rest == 0 || len >= CFS_OBJECT_PATH_MAX)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

/* The name of an image can have any text, so the last "objects/" counts. */
static bool parse_server_message(const char *text, struct cfs_damage *out)
{
	static const char before[] = ": objects/";
	const char *at = NULL, *next = text;

	if (!take_message_word(&text, "composefs["))
		return false;
	while ((next = strstr(next, before)))
		at = next += strlen(before);
	return at && take_object_path(&at, out->object) &&
	       take_message_word(&at, ": damaged: ");
}

bool cfs_damage_parse(struct cfs_text record, struct cfs_damage *out)
{
	size_t len = record.len < USEFUL_MAX ? record.len : USEFUL_MAX - 1;
	char text[USEFUL_MAX];
	const char *at = text;
	bool by_kernel;

	*out = (struct cfs_damage){0};
	memcpy(text, record.s, len);
	text[len] = '\0';
	if (!take_prefix(&at, &out->usec, &by_kernel))
		return false;
	return by_kernel ? parse_verity_message(at, out) : parse_server_message(at, out);
}
