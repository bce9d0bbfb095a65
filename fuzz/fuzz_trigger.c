/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Requests to the server that verifies objects at their first open. The input is the algorithm (a byte), then requests: each the
 * length of what follows (4 bytes, little endian), and that. Then the directories are searched for each name in the
 * last request. */
#include "fuzz.h"

#include <linux/fuse.h>
#include <string.h>

#include "mount/recognize.h"
#include "trigger/answer.h"

static void check_trigger_answer(const struct cfs_trigger_session *s,
				 const struct cfs_trigger_answer *a)
{
	fuzz_hold(a->error <= 0 && a->error > -512);
	fuzz_hold(a->body_len <= CFS_TRIGGER_BODY_MAX);
	fuzz_hold(a->error == 0 || (a->body_len == 0 && a->effect == CFS_TRIGGER_REPLY));
	if (a->effect == CFS_TRIGGER_FIND || a->effect == CFS_TRIGGER_LAST)
		fuzz_hold(a->id.alg == s->alg && a->body_len == 0);
	if (a->effect == CFS_TRIGGER_READ)
		fuzz_hold(a->size <= CFS_TRIGGER_READ_MAX && a->handle > 0);
}

static uint64_t look_up_trigger_name(struct cfs_trigger_session *s, uint64_t dir,
				     const char *name, size_t len,
				     struct cfs_trigger_answer *a)
{
	struct fuse_in_header head = {.opcode = FUSE_LOOKUP, .nodeid = dir};
	uint8_t request[sizeof(head) + 256];
	struct fuse_entry_out entry = {0};

	head.len = (uint32_t)(sizeof(head) + len + 1);
	memcpy(request, &head, sizeof(head));
	memcpy(request + sizeof(head), name, len);
	request[sizeof(head) + len] = '\0';
	cfs_trigger_answer(s, (struct cfs_span){request, head.len}, a);
	check_trigger_answer(s, a);
	memcpy(&entry, a->body,
	       a->body_len < sizeof(entry) ? a->body_len : sizeof(entry));
	return entry.nodeid;
}

/* In the directory before the objects, a name is that of an object, or leads to something: "absent" would make the
 * kernel open a file that was not verified. */
static void search_trigger(struct cfs_trigger_session *s, const char *name, size_t len)
{
	struct cfs_trigger_answer a;
	uint64_t top = look_up_trigger_name(s, FUSE_ROOT_ID, CFS_MOUNT_VERIFY_DIR,
					    strlen(CFS_MOUNT_VERIFY_DIR), &a);
	uint64_t dir = look_up_trigger_name(s, top, "0f", 2, &a);

	fuzz_hold(top && dir);
	fuzz_hold(look_up_trigger_name(s, top, name, len, &a) != 0);
	fuzz_hold(look_up_trigger_name(s, dir, name, len, &a) != 0 ||
		  a.effect == CFS_TRIGGER_FIND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_trigger_session s = {.alg = len && data[0] & 1 ? CFS_SHA512
								  : CFS_SHA256};
	struct cfs_span rest = {data, len}, head, request = {NULL, 0};
	struct cfs_trigger_answer a;
	uint64_t file, n;

	if (!cfs_span_sub(rest, 1, len - 1, &rest))
		return 0;
	while (cfs_span_sub(rest, 0, 4, &head) &&
	       cfs_span_sub(rest, 4, cfs_le32(head.p), &request) &&
	       cfs_span_sub(rest, 4 + request.len, rest.len - 4 - request.len, &rest)) {
		cfs_trigger_answer(&s, request, &a);
		check_trigger_answer(&s, &a);
		while (a.effect == CFS_TRIGGER_FORGET &&
		       cfs_trigger_next_forgotten(&a.forgotten, &file, &n))
			;
	}
	s.is_live = true;
	search_trigger(
		&s, (const char *)request.p,
		strnlen((const char *)request.p, request.len < 200 ? request.len : 200));
	return 0;
}
