#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs mount --lazy: objects are fetched when they are opened.

    lazy_test.py COMPOSEFS

Needs root, /dev/fuse and composefs-fetch; works in a mount namespace of its own, with a /run of its own.
"""
import collections
import errno
import glob
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

from scene import LIBC, Scene, ensure, enter_namespace, expect, fact, has, mount_call, mounts, run, run_facts_each_in, skip_all, wait_until

COMPOSEFS = os.path.abspath(sys.argv[1])
N_FILES = 30
LATENCY = 0.02


class Server(http.server.ThreadingHTTPServer):
    """The objects of a repository, over loopback. answer: a status, "wrong" (bytes), "silent" or None (serve)."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, top):
        super().__init__(("127.0.0.1", 0), Handler)
        self.top, self.answer, self.asked = top, None, collections.Counter()
        self.end = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self):
        self.end.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        server = self.server
        server.asked[self.path] += 1
        time.sleep(LATENCY)
        if server.answer == "silent":
            server.end.wait()
            return
        try:
            with open(server.top + self.path, "rb") as f:
                body = f.read()
        except OSError:
            body = None
        status = server.answer if isinstance(server.answer, int) else 404 if body is None else 200
        if status != 200:
            body = b"no"
        elif server.answer == "wrong":
            body = b"x" * len(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Place(Scene):
    """A repository with an image, a server of its objects, and a repository with the image alone."""

    def __init__(self):
        super().__init__(None, None)
        mount_call("tmpfs", "/run", "tmpfs")
        self.tree, self.origin, self.repo = self.made("tree"), self.path("origin"), self.path("repo")
        for i in range(N_FILES):
            with open(self.path("tree", f"f{i}"), "wb") as f:
                f.write(os.urandom(1000 + 5000 * i))
        shutil.copy("/bin/cat", self.path("tree", "program"))
        for repo in (self.origin, self.repo):
            run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", repo)
        image = run(COMPOSEFS, "create-image", f"--repo={self.origin}", self.tree, "os").strip()
        self.id = image.removeprefix("sha256:")
        self.import_image("--allow-missing")
        self.server = Server(self.origin)

    def import_image(self, *options):
        run(COMPOSEFS, "import-image", f"--repo={self.repo}", *options, "os",
            os.path.join(self.origin, "objects", self.id[:2], self.id[2:]))

    def mount_image(self, *options, source=None):
        run(COMPOSEFS, "mount", f"--repo={self.repo}", f"--lazy={source or self.server.url()}", *options, "os", self.mnt)

    def content(self, name, top=None):
        with open(os.path.join(top or self.mnt, name), "rb") as f:
            return f.read()

    def is_right(self, name):
        expect(self.content(name), self.content(name, self.tree), name)

    def error(self, name):
        try:
            self.content(name)
        except OSError as e:
            return errno.errorcode[e.errno]
        return None

    def objects(self):
        return {os.path.relpath(p, os.path.join(self.repo, "objects")) for p in glob.glob(os.path.join(self.repo, "objects", "??", "*"))}

    def counters(self):
        return json.loads(run(COMPOSEFS, "status", "--json", self.mnt))["mounts"][0]["counters"]

    def pids(self):
        """The server of the mount. Its command line is the one of the command that started it."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    if f.read().rstrip(b"\0").endswith(self.mnt.encode()):
                        found.append(int(path.split("/")[2]))
            except OSError:
                pass
        return found

    def close(self):
        self.server.stop()
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir) or mounted.point == "/run":
                LIBC.umount2(mounted.point.encode(), 2)
        super().close()


@fact
def file_is_fetched_when_it_is_opened_and_then_there(place):
    place.mount_image()
    expect(len(os.listdir(place.mnt)), N_FILES + 1)
    os.stat(place.path("mnt", "f3"))
    expect(sum(place.server.asked.values()), 0, "requests before the first open")
    place.is_right("f3")
    expect(len(place.objects()), 2)
    expect(place.counters()["fetched"], 1)
    place.server.answer = 500
    place.is_right("f3")
    run("umount", place.mnt)
    run(COMPOSEFS, "mount", f"--repo={place.repo}", "os", place.mnt)
    place.is_right("f3")


@fact
def program_is_fetched_and_runs(place):
    place.mount_image()
    expect(subprocess.run([place.path("mnt", "program"), "/dev/null"], check=False).returncode, 0)


def ids_of(place, names):
    """A line for each file: the ID of its object."""
    dump = run(COMPOSEFS, "dump-files", f"--repo={place.origin}", "--backing-path-only", "os", *[f"/{name}" for name in names])
    return ["sha256:" + line.split()[1].replace("/", "") for line in dump.splitlines()]


@fact
def opens_are_recorded_in_their_order(place):
    record = place.path("order")
    place.mount_image(f"--record={record}")
    for name in ("f9", "f3", "f9", "program"):
        place.is_right(name)
    with open(record, encoding="ascii") as f:
        expect(f.read().splitlines(), ids_of(place, ["f9", "f3", "program"]))
    run("umount", place.mnt)
    run(COMPOSEFS, "mount", f"--repo={place.repo}", f"--record={record}", "os", place.mnt)
    place.is_right("f3")
    with open(record, encoding="ascii") as f:
        expect(f.read().splitlines(), ids_of(place, ["f3"]), "without --lazy, in a new file")


@fact
def a_command_is_recorded_and_its_objects_are_prefetched_first(place):
    record = place.path("order")
    base = [COMPOSEFS, "record", f"--repo={place.repo}", f"--output={record}", f"--lazy={place.server.url()}", "os", place.mnt, "--"]
    said = run(*base, "sh", "-c", 'cat "$1/f9" "$1/f3" | wc -c', "sh", place.mnt)
    expect(int(said), 2 * 1000 + 5000 * 12)
    with open(record, encoding="ascii") as f:
        expect(f.read().splitlines(), ids_of(place, ["f9", "f3"]))
    expect(os.listdir(place.mnt), [], "the mount point afterwards")
    done = subprocess.run([*base, "false"], capture_output=True, text=True, check=False)
    expect((done.returncode, os.listdir(place.mnt)), (1, []), done.stderr)
    has(done.stderr, "false failed")
    with subprocess.Popen([*base, "sleep", "1000"]) as process:
        wait_until(lambda: os.listdir(place.mnt), "the mount")
        process.send_signal(signal.SIGINT)
    expect((process.returncode, os.listdir(place.mnt)), (130, []), "after Ctrl-C")
    with open(record, "w", encoding="ascii") as f:
        f.write("\n".join(ids_of(place, ["f7", "f8"])) + "\n")
    place.server.asked.clear()
    report = json.loads(run(COMPOSEFS, "prefetch", f"--repo={place.repo}", f"--from={place.server.url()}", f"--order={record}", "--json", "os"))
    expect(report, {"objects_fetched": N_FILES - 1, "objects_present": 2, "objects_missing": 0})
    asked = ["sha256:" + path.removeprefix("/objects/").replace("/", "") for path in place.server.asked]
    expect(set(ids_of(place, ["f7", "f8"])) - set(asked[:8]), set(), "the first requests")
    place.server.answer = 500
    run(COMPOSEFS, "mount", f"--repo={place.repo}", "os", place.mnt)
    for i in range(N_FILES):
        place.is_right(f"f{i}")


@fact
def objects_that_a_source_lacks_or_falsifies_are_reported_and_get_no_name(place):
    for answer in ("wrong", 404, 500):
        place.server.answer = answer
        done = subprocess.run([COMPOSEFS, "prefetch", f"--repo={place.repo}", f"--from={place.server.url()}", "os"],
                              capture_output=True, text=True, check=False)
        expect((answer, done.returncode), (answer, 1), done.stderr)
        has(done.stderr, f"{N_FILES + 1} of {N_FILES + 1} missing objects were not fetched, the first is sha256:")
        expect(len(place.objects()), 1, "the image alone")
    place.server.answer = None
    os.unlink(os.path.join(place.origin, "objects", *[ids_of(place, ["f5"])[0][7:][a:b] for a, b in ((0, 2), (2, None))]))
    done = subprocess.run([COMPOSEFS, "prefetch", f"--repo={place.repo}", f"--from={place.origin}", "os"], capture_output=True, text=True, check=False)
    expect(done.returncode, 1)
    has(done.stdout, f"{N_FILES} fetched, 0 present")
    has(done.stderr, "1 of 31 missing objects were not fetched")
    for options, text in ((["os"], "expected --from=SOURCE"), ([f"--from={place.origin}", "none"], 'no such image: "none"'),
                          (["--from=ftp://h/", "os"], "--from: expected a directory, or an http or https URL")):
        done = subprocess.run([COMPOSEFS, "prefetch", f"--repo={place.repo}", *options], capture_output=True, text=True, check=False)
        ensure(done.returncode in (1, 2) and text in done.stderr, done.stderr)


@fact
def missing_objects_are_fetched_in_the_background_in_the_order_given(place):
    first = [f"f{i}" for i in range(N_FILES - 1, N_FILES - 17, -1)]
    with open(place.path("order"), "w", encoding="ascii") as f:
        f.write("\n".join(["sha256:" + "0" * 64, *ids_of(place, first)]) + "\n")
    place.mount_image("--prefetch", f"--order={place.path('order')}")
    wait_until(lambda: len(place.objects()) == N_FILES + 2, "all objects")
    asked = ["sha256:" + path.removeprefix("/objects/").replace("/", "") for path in place.server.asked]
    expect(set(asked[:len(first)]), set(ids_of(place, first)), "the first requests")
    expect(set(place.server.asked.values()), {1}, "requests for an object")
    place.server.answer = 500
    for i in range(N_FILES):
        place.is_right(f"f{i}")


@fact
def order_that_is_none_is_refused(place):
    with open(place.path("order"), "w", encoding="ascii") as f:
        f.write("sha256:" + "0" * 64 + "\nnonsense\n")
    for options, status, text in ((("--prefetch", f"--lazy={place.origin}", f"--order={place.path('order')}"), 1, "line 2"),
                                  (("--prefetch",), 2, "--prefetch needs --lazy"),
                                  ((f"--lazy={place.origin}", f"--order={place.path('order')}"), 2, "--order needs --prefetch")):
        done = subprocess.run([COMPOSEFS, "mount", f"--repo={place.repo}", *options, "os", place.mnt],
                              capture_output=True, text=True, check=False)
        expect(done.returncode, status, done.stderr)
        has(done.stderr, text)


@fact
def many_processes_fetch_each_object_once(place):
    place.mount_image()
    names = [place.path("mnt", f"f{i}") for i in range(N_FILES)]
    readers = [subprocess.Popen(["cat", *names[i % N_FILES:], *names[:i % N_FILES]], stdout=subprocess.DEVNULL)
               for i in range(64)]
    expect([r.wait() for r in readers], [0] * 64)
    expect(set(place.server.asked.values()), {1}, "requests for an object")
    expect(len(place.server.asked), N_FILES)
    for i in range(N_FILES):
        place.is_right(f"f{i}")


@fact
def wrong_bytes_are_an_error_and_not_stored(place):
    place.mount_image()
    place.server.answer = "wrong"
    expect(place.error("f5"), "EIO")
    expect(len(place.objects()), 1)
    place.server.answer = None
    place.is_right("f5")


@fact
def object_that_the_server_does_not_have_is_an_error(place):
    place.mount_image()
    for status in (404, 500, 403):
        place.server.answer = status
        expect(place.error("f5"), "EIO", status)
    ensure(place.counters()["not_fetched"] >= 3)
    place.server.answer = None
    place.is_right("f5")


@fact
def unreachable_server_is_an_error(place):
    place.mount_image(source="http://127.0.0.1:9")
    expect(place.error("f5"), "EIO")


@fact
def silent_server_is_an_error_after_its_time(place):
    os.environ["COMPOSEFS_FETCH_STALL"] = "1"
    place.mount_image()
    del os.environ["COMPOSEFS_FETCH_STALL"]
    place.server.answer = "silent"
    expect(place.error("f5"), "EIO")


@fact
def reader_of_a_silent_server_can_be_killed(place):
    place.mount_image()
    place.server.answer = "silent"
    with subprocess.Popen(["cat", place.path("mnt", "f5")], stderr=subprocess.DEVNULL) as reader:
        wait_until(lambda: place.server.asked, "request")
        reader.kill()
        started = time.monotonic()
        reader.wait(20)
        ensure(time.monotonic() - started < 20)


@fact
def files_that_are_there_survive_the_death_of_the_server(place):
    place.mount_image()
    for i in range(0, N_FILES, 2):
        place.is_right(f"f{i}")
    pids = place.pids()
    expect(len(pids), 1, "servers")
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: not place.pids(), "death of the server")
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("2")
    for i in range(0, N_FILES, 2):
        place.is_right(f"f{i}")
    ensure(place.error("f1") in ("ENOTCONN", "ECONNABORTED", "EIO"), place.error("f1"))


@fact
def another_repository_is_a_source(place):
    place.mount_image(source=place.origin)
    place.is_right("f5")
    expect(sum(place.server.asked.values()), 0)
    expect(place.counters()["fetched"], 1)


@fact
def second_source_has_what_the_first_lacks(place):
    place.mount_image(f"--lazy={place.origin}", source=place.made("empty"))
    place.is_right("f5")


@fact
def present_object_is_verified_if_that_is_wanted(place):
    place.mount_image("--verify=first-open")
    place.is_right("f5")
    run("umount", place.mnt)
    wanted = place.content("f5", place.tree)
    for name in place.objects():
        path = os.path.join(place.repo, "objects", name)
        if place.content(path) == wanted:
            with open(path, "r+b") as f:
                f.write(bytes([wanted[0] ^ 1]))
    place.mount_image("--verify=first-open")
    expect(place.error("f5"), "EIO")
    place.is_right("f6")


@fact
def collector_keeps_what_was_fetched(place):
    place.mount_image()
    place.is_right("f5")
    run(COMPOSEFS, "rm", f"--repo={place.repo}", "os")
    run(COMPOSEFS, "gc", f"--repo={place.repo}")
    place.is_right("f5")
    place.is_right("f6")


@fact
def other_kinds_of_sources_are_refused(place):
    done = subprocess.run([COMPOSEFS, "mount", f"--repo={place.repo}", "--lazy=ftp://example", "os", place.mnt],
                          capture_output=True, text=True, check=False)
    expect(done.returncode, 1)
    has(done.stderr, "expected a directory, or an http or https URL")


enter_namespace()
if not os.path.exists("/dev/fuse"):
    skip_all("needs /dev/fuse")
if not os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-fetch")):
    skip_all("needs composefs-fetch")
run_facts_each_in(Place)
