/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger: the server, with a socket in the place of /dev/fuse and this program in that of the kernel. */
#include "t.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/recognize.h"
#include "tmpdir.h"
#include "trigger/trigger.h"

enum { WAIT_MS = 60000 };

/* A server, its socket, the last reply. */
static struct {
	struct cfs_trigger t;
	int ends[2];
	pthread_t thread;
	bool is_running;
	uint64_t unique, first, last; /* numbers of the two directories */
	struct {
		struct fuse_out_header head;
		uint8_t body[4096];
	} reply;
	char line[1024];
	int n_lines;
	/* The source of missing objects. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_fetching, may_end;
	int n_fetched, fetch_code;
} s = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* --- the kernel's side ------------------------------------------------------------------ */

static uint64_t send_request(uint32_t opcode, uint64_t node, const void *args, size_t len)
{
	struct fuse_in_header head = {.len = (uint32_t)(sizeof(head) + len),
				      .opcode = opcode,
				      .unique = ++s.unique,
				      .nodeid = node};
	uint8_t request[1024];

	memcpy(request, &head, sizeof(head));
	if (len)
		memcpy(request + sizeof(head), args, len);
	t_eq(write(s.ends[0], request, head.len), head.len);
	return head.unique;
}

static int receive_reply(uint64_t unique)
{
	struct pollfd p = {.fd = s.ends[0], .events = POLLIN};

	t_eq(poll(&p, 1, WAIT_MS), 1);
	t_ok(read(s.ends[0], &s.reply, sizeof(s.reply)) >= (ssize_t)sizeof(s.reply.head));
	t_eq(s.reply.head.unique, unique);
	return s.reply.head.error;
}

static int ask(uint32_t opcode, uint64_t node, const void *args, size_t len)
{
	return receive_reply(send_request(opcode, node, args, len));
}

static struct fuse_entry_out entry(void)
{
	struct fuse_entry_out out;

	t_eq(s.reply.head.len, sizeof(s.reply.head) + sizeof(out));
	memcpy(&out, s.reply.body, sizeof(out));
	return out;
}

static uint64_t look_up_dir(uint64_t dir, const char *name)
{
	t_eq(ask(FUSE_LOOKUP, dir, name, strlen(name) + 1), 0);
	t_ok(S_ISDIR(entry().attr.mode));
	return entry().nodeid;
}

/* The directory of an object in one of the two, and its name there. */
static const char *split(const struct cfs_digest *id, uint64_t top, uint64_t *dir)
{
	static char path[CFS_OBJECT_PATH_MAX];

	cfs_digest_path(id, path);
	path[2] = '\0';
	*dir = look_up_dir(top, path);
	return path + 3;
}

static uint64_t send_lookup(const struct cfs_digest *id, uint64_t top)
{
	uint64_t dir;
	const char *name = split(id, top, &dir);

	return send_request(FUSE_LOOKUP, dir, name, strlen(name) + 1);
}

static int look_up(const struct cfs_digest *id, uint64_t top)
{
	return receive_reply(send_lookup(id, top));
}

static uint64_t send_open(uint64_t node)
{
	const struct fuse_open_in in = {.flags = O_RDONLY};

	return send_request(FUSE_OPEN, node, &in, sizeof(in));
}

static void interrupt(uint64_t unique)
{
	const struct fuse_interrupt_in in = {.unique = unique};

	send_request(FUSE_INTERRUPT, 0, &in, sizeof(in));
}

static void forget(uint64_t node, uint64_t n)
{
	const struct fuse_forget_in in = {.nlookup = n};

	send_request(FUSE_FORGET, node, &in, sizeof(in));
}

static void forget_all(uint64_t node, uint64_t n)
{
	const struct {
		struct fuse_batch_forget_in head;
		struct fuse_forget_one v[2];
	} in = {{.count = 2}, {{.nodeid = 1, .nlookup = 9}, {node, n}}};

	send_request(FUSE_BATCH_FORGET, 0, &in, sizeof(in));
}

/* --- the server's side ------------------------------------------------------------------ */

static void take_line(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(s.line, sizeof(s.line), "%s", line);
	s.n_lines++;
}

/* Waits until the test lets it end. */
static void fetch_late(void *ctx, const struct cfs_watch *watch,
		       struct cfs_trigger_want *v, size_t n)
{
	(void)watch;
	(void)ctx;
	pthread_mutex_lock(&s.lock);
	s.is_fetching = true;
	s.n_fetched += (int)n;
	pthread_cond_broadcast(&s.wake);
	while (!s.may_end)
		pthread_cond_wait(&s.wake, &s.lock);
	for (size_t i = 0; i < n; i++)
		v[i].code = s.fetch_code;
	pthread_mutex_unlock(&s.lock);
}

static void wait_for_fetch(void)
{
	pthread_mutex_lock(&s.lock);
	while (!s.is_fetching)
		pthread_cond_wait(&s.wake, &s.lock);
	pthread_mutex_unlock(&s.lock);
}

static void wait_for_n_fetched(int n)
{
	pthread_mutex_lock(&s.lock);
	while (s.n_fetched < n)
		pthread_cond_wait(&s.wake, &s.lock);
	pthread_mutex_unlock(&s.lock);
}

/* Returns the number of objects whose fetch began before. */
static int let_fetch_end(int code)
{
	int n;

	pthread_mutex_lock(&s.lock);
	s.may_end = true;
	s.fetch_code = code;
	n = s.n_fetched;
	pthread_cond_broadcast(&s.wake);
	pthread_mutex_unlock(&s.lock);
	return n;
}

/* Ends when the other end of the socket is closed. */
static void *run_server(void *arg)
{
	(void)arg;
	(void)!cfs_trigger_serve(&s.t, s.ends[1], NULL, NULL, NULL);
	return NULL;
}

static void stop_server(void)
{
	if (!s.is_running)
		return;
	let_fetch_end(-EIO);
	close(s.ends[0]);
	pthread_join(s.thread, NULL);
	close(s.ends[1]);
	close(s.t.objects_fd);
	close(s.t.state_fd);
	s.is_running = false;
}

/* What later servers fetch in the background. */
static const struct cfs_digest *fill;
static size_t n_fill;

static struct cfs_digest recorded[8];
static size_t n_recorded;

static void take_record(void *ctx, const struct cfs_digest *id)
{
	(void)ctx;
	recorded[n_recorded++] = *id;
}

static void start_server(bool fetches)
{
	struct fuse_init_in init = {.major = 7, .minor = 40, .flags = UINT32_MAX};

	stop_server();
	tmp_fresh();
	s.t = (struct cfs_trigger){
		.objects_fd = open(tmp_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC),
		.alg = CFS_SHA256,
		.name = "image",
		.verify = true,
		.n_threads = 2,
		.fetch = fetches ? fetch_late : NULL,
		.fill = fill,
		.n_fill = n_fill,
		.fill_pause_ms = 10,
		.record = take_record,
		.report = take_line,
		.state_fd = open(tmp_in("state"), O_RDWR | O_CREAT | O_CLOEXEC, 0600),
		.state_dir_fd = -1};
	s.is_fetching = s.may_end = false;
	s.n_fetched = s.n_lines = 0;
	n_recorded = 0;
	t_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s.ends), 0);
	t_eq(pthread_create(&s.thread, NULL, run_server, NULL), 0);
	s.is_running = true;
	t_eq(ask(FUSE_INIT, 0, &init, sizeof(init)), 0);
	s.first = look_up_dir(FUSE_ROOT_ID, CFS_MOUNT_VERIFY_DIR);
	s.last = look_up_dir(FUSE_ROOT_ID, CFS_MOUNT_LAST_DIR);
}

static struct cfs_trigger_counts counts(void)
{
	struct cfs_trigger_counts c;
	char text[CFS_TRIGGER_STATE_MAX];
	ssize_t n = pread(s.t.state_fd, text, sizeof(text), 0);

	t_eq(cfs_trigger_state_parse((struct cfs_text){text, (size_t)n}, &c, NULL), 0);
	return c;
}

/* --- objects ---------------------------------------------------------------------------- */

static struct cfs_digest digest_of(const char *content)
{
	struct cfs_digest id;

	t_eq(cfs_verity_digest_mem(CFS_SHA256, cfs_text_span(cfs_text(content)), &id,
				   NULL),
	     0);
	return id;
}

/* Makes the file of an object, with any content. */
static void put_object(const struct cfs_digest *id, const char *content)
{
	char path[CFS_OBJECT_PATH_MAX], dir[3];

	cfs_digest_path(id, path);
	snprintf(dir, sizeof(dir), "%.2s", path);
	(void)mkdir(tmp_in(dir), 0755);
	tmp_text(path, content);
}

/* An object that takes hours to verify, which is of no matter to the disk. */
static struct cfs_digest put_huge(const char *name)
{
	struct cfs_digest id = digest_of(name);
	char path[CFS_OBJECT_PATH_MAX];

	put_object(&id, "");
	t_eq(truncate(tmp_in(cfs_digest_path(&id, path)), (off_t)1 << 43), 0);
	return id;
}

/* --- tests ------------------------------------------------------------------------------ */

T(right_object_is_absent_for_as_long_as_the_kernel_remembers)
{
	struct cfs_digest id = digest_of("right");

	start_server(false);
	put_object(&id, "right");
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, 0);
	t_ok(entry().entry_valid > 0);
	t_eq(counts().n_verified, 1);
	t_eq(counts().verified_bytes, 5);
	t_eq(s.n_lines, 0);
}

T(objects_are_recorded_once_in_the_order_of_their_first_lookup)
{
	struct cfs_digest a = digest_of("a"), b = digest_of("b");

	start_server(false);
	put_object(&a, "a");
	t_eq(look_up(&b, s.first), 0);
	t_eq(look_up(&a, s.first), 0);
	t_eq(look_up(&b, s.first), 0);
	t_eq(n_recorded, 2);
	t_ok(cfs_digest_eq(&recorded[0], &b) && cfs_digest_eq(&recorded[1], &a));
}

/* The fetch of the background ends when that of the test does, since who opens the object waits for it. */
T(missing_objects_are_fetched_in_the_background_and_tried_again)
{
	struct cfs_digest ids[] = {digest_of("here"), digest_of("missing")};
	uint64_t unique;

	fill = ids;
	n_fill = 2;
	start_server(true);
	wait_for_fetch();
	t_eq(s.n_fetched, 2);
	unique = send_lookup(&ids[1], s.first);
	put_object(&ids[0], "here");
	let_fetch_end(-EIO);
	t_eq(receive_reply(unique), -EIO);
	t_eq(s.n_lines, 1);    /* no process waited for the other */
	wait_for_n_fetched(4); /* several times */
	/* A lookup that joined the fetch before this one would fail as well. */
	wait_for_n_fetched(let_fetch_end(0) + 1);
	t_eq(look_up(&ids[1], s.first), 0);
	t_eq(n_recorded, 1);
	stop_server();
	fill = NULL;
	n_fill = 0;
}

T(damaged_object_is_a_file_that_cannot_be_opened)
{
	struct cfs_digest id = digest_of("right"), wrong = digest_of("wrong");
	char hex[CFS_DIGEST_HEX_MAX];
	uint64_t node;

	start_server(false);
	put_object(&id, "wrong");
	t_eq(look_up(&id, s.first), 0);
	node = entry().nodeid;
	t_ok(node > 0 && S_ISREG(entry().attr.mode));
	t_eq(entry().entry_valid, 0);
	t_eq(receive_reply(send_open(node)), -EIO);
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, node);
	t_eq(s.n_lines, 1);
	t_has(s.line, "image: objects/");
	t_has(s.line, cfs_digest_hex(&id, hex));
	t_has(s.line, cfs_digest_hex(&wrong, hex));
	t_eq(counts().n_damaged, 1);
}

T(repaired_object_is_read_through_its_file_until_the_kernel_drops_that)
{
	struct cfs_digest id = digest_of("right");
	struct fuse_read_in in = {.size = 100};
	uint64_t node;

	start_server(false);
	put_object(&id, "wrong");
	t_eq(look_up(&id, s.first), 0);
	node = entry().nodeid;
	put_object(&id, "right");
	t_eq(receive_reply(send_open(node)), 0);
	memcpy(&in.fh, s.reply.body + offsetof(struct fuse_open_out, fh), sizeof(in.fh));
	t_eq(ask(FUSE_READ, node, &in, sizeof(in)), 0);
	t_eq(s.reply.head.len, sizeof(s.reply.head) + 5);
	t_mem(s.reply.body, "right", 5);
	/* Overlayfs fails with ESTALE if a file that it has becomes absent. */
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, node);
	forget(node, 1);
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, node);
	forget_all(node, 2);
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, 0);
}

T(what_is_no_regular_file_cannot_be_opened)
{
	struct cfs_digest link = digest_of("link"), fifo = digest_of("fifo");
	char path[CFS_OBJECT_PATH_MAX];

	start_server(false);
	put_object(&link, "");
	put_object(&fifo, "");
	tmp_text("target", "link");
	t_eq(unlink(tmp_in(cfs_digest_path(&link, path))), 0);
	t_eq(symlink("../target", tmp_in(path)), 0);
	t_eq(unlink(tmp_in(cfs_digest_path(&fifo, path))), 0);
	t_eq(mkfifo(tmp_in(path), 0600), 0);
	t_eq(look_up(&link, s.first), 0);
	t_eq(receive_reply(send_open(entry().nodeid)), -EIO);
	t_eq(look_up(&fifo, s.first), 0);
	t_eq(receive_reply(send_open(entry().nodeid)), -EIO);
}

T(missing_object_is_absent_only_for_now)
{
	struct cfs_digest id = digest_of("missing");

	start_server(false);
	t_eq(look_up(&id, s.first), 0);
	t_eq(entry().nodeid, 0);
	t_eq(entry().entry_valid, 0);
	t_eq(look_up(&id, s.last), -ENOENT);
}

T(name_that_is_no_digest_leads_to_no_object)
{
	struct cfs_digest id = digest_of("right");
	char upper[CFS_OBJECT_PATH_MAX];
	uint64_t dir;

	start_server(false);
	put_object(&id, "right");
	snprintf(upper, sizeof(upper), "%s", split(&id, s.first, &dir));
	for (char *c = upper; *c; c++)
		if (*c >= 'a' && *c <= 'f')
			*c = (char)(*c - 'a' + 'A');
	t_eq(ask(FUSE_LOOKUP, dir, upper, strlen(upper) + 1), 0);
	t_eq(receive_reply(send_open(entry().nodeid)), -EIO);
	t_eq(ask(FUSE_LOOKUP, s.first, "other", 6), 0);
	t_eq(receive_reply(send_open(entry().nodeid)), -EIO);
}

T(large_object_delays_no_small_one)
{
	struct cfs_digest first, second, small = digest_of("small");

	start_server(false);
	first = put_huge("first");
	second = put_huge("second");
	put_object(&small, "small");
	send_lookup(&first, s.first);
	send_lookup(&second, s.first);
	/* Between two of these, the last thread could begin with a large one. */
	for (int i = 0; i < 100; i++) {
		t_eq(look_up(&small, s.first), 0);
		t_eq(entry().nodeid, 0);
	}
}

/* An error would make the kernel open the object without verification. */
T(interrupted_verification_leads_to_no_unverified_object)
{
	struct cfs_digest id;
	uint64_t unique;

	start_server(false);
	id = put_huge("huge");
	unique = send_lookup(&id, s.first);
	interrupt(unique);
	t_eq(receive_reply(unique), 0);
	t_ok(S_ISREG(entry().attr.mode));
	unique = send_open(entry().nodeid);
	interrupt(unique);
	t_eq(receive_reply(unique), -EINTR);
}

T(object_is_fetched_once_for_all_who_wait)
{
	struct cfs_digest id = digest_of("away");
	uint64_t a, b;

	start_server(true);
	a = send_lookup(&id, s.first);
	wait_for_fetch();
	b = send_lookup(&id, s.first);
	t_eq(look_up(&id, s.last), -EINTR); /* it is still being fetched */
	let_fetch_end(0);
	t_eq(receive_reply(b), 0);
	t_eq(entry().nodeid, 0);
	t_ok(entry().entry_valid > 0);
	t_eq(receive_reply(a), 0);
	t_eq(s.n_fetched, 1);
	t_eq(counts().n_fetched, 1);
}

T(interrupted_fetch_ends_for_the_reader_alone)
{
	struct cfs_digest id = digest_of("away");
	uint64_t a, b;

	start_server(true);
	a = send_lookup(&id, s.first);
	wait_for_fetch();
	b = send_lookup(&id, s.first);
	interrupt(a);
	t_eq(receive_reply(a), -EINTR);
	let_fetch_end(0);
	t_eq(receive_reply(b), 0);
	t_eq(s.n_fetched, 1);
}

T(object_that_cannot_be_fetched_is_an_error_and_tried_again)
{
	struct cfs_digest id = digest_of("away");

	start_server(true);
	let_fetch_end(-ENOENT);
	t_eq(look_up(&id, s.first), -EIO);
	t_eq(look_up(&id, s.last), -EIO);
	t_eq(look_up(&id, s.first), -EIO);
	t_eq(s.n_fetched, 2);
	t_eq(s.n_lines, 1);
	t_has(s.line, "cannot be fetched");
	t_eq(counts().n_not_fetched, 2);
}

T(unchanged_object_is_not_read_again)
{
	struct cfs_digest id = digest_of("right");

	start_server(false);
	put_object(&id, "right");
	t_eq(look_up(&id, s.first), 0);
	t_eq(look_up(&id, s.first), 0);
	t_eq(counts().n_verified,
	     2); /* a change within a tick of the clock would not show */
	sleep(4);
	t_eq(look_up(&id, s.first), 0);
	t_eq(look_up(&id, s.first), 0);
	t_eq(counts().n_verified, 3);
	put_object(&id, "wrong");
	t_eq(look_up(&id, s.first), 0);
	t_ok(entry().nodeid > 0);
	stop_server();
}
