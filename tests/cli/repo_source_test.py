#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs repair --from: sources and a helper that are slow, endless or lie hold up nothing, and the next source is asked.

    repo_source_test.py COMPOSEFS
"""
import contextlib
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import threading
import time

from repo import COMPOSEFS, DAMAGED, FAILED, OK, USAGE, expect, has, main, once, run, snapshot
from repo_fetch_test import Server, make_two, objects, path_of, repair


@contextlib.contextmanager
def environment(**names):
    os.environ.update({f"COMPOSEFS_FETCH_{k}": str(v) for k, v in names.items()})
    try:
        yield
    finally:
        for name in names:
            del os.environ[f"COMPOSEFS_FETCH_{name}"]


make_both = once(make_two)


def lose(name="/a"):
    """r without one of the objects that backup has; its path."""
    make_both()
    path = path_of(name)
    os.unlink(f"r/objects/{path}")
    return path


def image_path():
    hexed = os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]
    return f"{hexed[:2]}/{hexed[2:]}"


# --- servers ------------------------------------------------------------------------------------


def the_lock_is_released_while_a_download_runs():
    lose()
    asked, go_on = threading.Event(), threading.Event()

    def answer(_):
        asked.set()
        go_on.wait(60)
        return False

    with Server(answer) as server:
        done = subprocess.Popen([COMPOSEFS, "repair", "--repo=r", f"--from={server.url}"], stdout=subprocess.DEVNULL)
        expect(asked.wait(60), True)
        try:
            fd = os.open("r", os.O_RDONLY)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(fd)
        finally:
            go_on.set()
        expect(done.wait(timeout=60), OK)


def the_repository_is_checked_again_after_waiting():
    lose()
    changed = []

    def answer(_):
        if not changed:
            changed.append(os.rename("r/meta.json", "old"))
            shutil.copy("old", "r/meta.json")
            with open("r/meta.json", encoding="ascii") as f:
                text = f.read()
            os.unlink("r/meta.json")
            with open("r/meta.json", "w", encoding="ascii") as f:
                f.write(text.replace('"v1_erofs"', '"v1_erofs", "warp"'))
        return False

    before = objects()
    with Server(answer) as server:
        rc, _, err = run("repair", "--repo=r", f"--from={server.url}")
        expect(rc, FAILED)
        has(err, "unsupported feature warp")
    expect(objects(), before)


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)
    return True


def a_server_that_is_too_slow_is_given_up_for_the_next_one():
    lose()
    with environment(MIN_RATE=1000, STALL=2), Server(trickle) as slow, Server() as server:
        rc, done, err = repair(slow.url, server.url)
        expect((rc, done), (OK, {"objects_fetched": 1}))
        has(err, "0 fetched, 0 missing, 0 wrong, 1 failed")
        has(err, "too slow")


def each_source_has_a_time_limit():
    lose()
    with environment(SECONDS=3), Server(trickle) as slow, Server() as server:
        rc, done, err = repair(slow.url, server.url)
        expect((rc, done), (OK, {"objects_fetched": 1}))
        has(err, "composefs-fetch: timed out")


def endless(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(1 << 14):
        handler.wfile.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
    return True


def an_endless_response_leaves_free_space_on_the_disk():
    make_both()
    os.unlink(f"r/objects/{image_path()}")  # so its size is unknown
    with environment(RESERVE=1 << 60), Server(endless) as hostile, Server() as server:
        rc, done, err = repair(hostile.url, server.url)
        expect((rc, done, err.count(f"fewer than {1 << 60} bytes would stay free")), (DAMAGED, {}, 2))  # the next one was asked
        expect(repair(server.url)[1], {})
    with Server() as server:
        expect(repair(server.url)[:2], (OK, {"objects_fetched": 1}))


def a_password_is_sent_to_its_server_only():
    lose()
    seen = []

    def answer(handler):
        for name in glob.glob("/proc/[0-9]*/cmdline"):
            with contextlib.suppress(OSError), open(name, "rb") as f:
                line = f.read()
                if b"composefs-fetch" in line.split(b"\0")[0]:
                    seen.append(line)
        seen.append(handler.headers["Authorization"])
        return handler.send_error(500) or True

    with Server(answer) as server:
        host = server.url.split("//")[1]
        rc, _, err = repair(f"http://me:secret@{host}/x?token=secret")
        expect(rc, DAMAGED)
        has(err, f"http://{host}/x?...: 0 fetched")
        expect("secret" in err, False)
    expect([s for s in seen if isinstance(s, str)][0], "Basic bWU6c2VjcmV0")
    expect([s for s in seen if isinstance(s, bytes)] != [], True)
    expect([s for s in seen if isinstance(s, bytes) and b"secret" in s], [])
    for url, shown in (("ftp://me:secret@host/x", "ftp://host/x"), ("sftp://me:sec/ret@host", "sftp://...")):
        rc, _, err = run("repair", "--repo=r", f"--from={url}")
        expect((rc, "sec" in err), (USAGE, False))
        has(err, f"got \"{shown}\"\n")


# --- directories --------------------------------------------------------------------------------


def a_file_that_is_larger_than_the_image_says_is_not_read():
    path = lose()
    shutil.copytree("backup", "other", symlinks=True)
    os.truncate(f"backup/objects/{path}", 2 << 40)
    expect(repair("backup")[:2], (DAMAGED, {}))
    expect(repair("backup", "other")[:2], (OK, {"objects_fetched": 1}))


def files_in_a_source_that_are_not_regular_are_skipped():
    path = lose()
    shutil.copytree("backup", "other", symlinks=True)
    there = f"backup/objects/{path}"
    for make in (lambda: os.symlink(os.path.abspath(f"other/objects/{path}"), there), lambda: os.symlink("/dev/zero", there),
                 lambda: os.mkfifo(there), lambda: os.mkdir(there)):
        os.unlink(there)
        make()
        expect(repair("backup")[:2], (DAMAGED, {}))
        if os.path.isdir(there):
            os.rmdir(there)
            os.symlink("x", there)
    shutil.rmtree(os.path.dirname(there))
    os.symlink(os.path.abspath(f"other/objects/{path[:2]}"), f"backup/objects/{path[:2]}")
    expect(repair("backup")[:2], (DAMAGED, {}))
    expect(repair("backup", "other")[:2], (OK, {"objects_fetched": 1}))


# --- a helper that lies -------------------------------------------------------------------------

HELPER = """#!/usr/bin/env python3
import array, os, signal, socket, struct, sys, time
url, *lines = sys.stdin.read().splitlines()
sock = socket.socket(fileno=1)

def packet(index=0, code=0, why=b"x"):
    return struct.pack("=Ii256s", index, code, why)

def send(data, *fds):
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])

def unnamed(content=b"", size=None):
    fd = os.open(sys.argv[1], os.O_TMPFILE | os.O_RDWR)
    os.write(fd, content)
    os.ftruncate(fd, len(content) if size is None else size)
    return fd

def content(name="backup/objects/" + lines[0].split()[0]):
    with open(name, "rb") as f:
        return f.read()

def memory():
    fd = os.memfd_create("x")
    os.write(fd, content())
    return fd

if url == "http://good":
    send(packet(), memory())
else:
    %s
"""


def lie(code, go_on=False):
    """The message when the helper runs that code and is asked for one object. Nothing hangs. go_on: the next source has it."""
    for name in ("r", "backup", "tree"):
        shutil.rmtree(name, ignore_errors=True)
    path = lose()
    if not os.path.exists("bin"):
        os.mkdir("bin")
        shutil.copy(COMPOSEFS, "bin/composefs")
    with open("bin/composefs-fetch", "w", encoding="ascii") as f:
        f.write(HELPER % code.replace("\n", "\n    "))
    os.chmod("bin/composefs-fetch", 0o755)
    before = snapshot("r/objects")
    rc, _, err = run("repair", "--repo=r", "--from=http://bad", program="bin/composefs")
    expect((rc, err.count("http://bad: ")), (DAMAGED, 1))
    expect(snapshot("r/objects"), before)
    if go_on:
        expect(run("repair", "--repo=r", "--from=http://bad", "--from=http://good", program="bin/composefs")[0], OK)
        expect(os.path.exists(f"r/objects/{path}"), True)
    return err


def a_descriptor_other_than_an_unnamed_file_is_refused():
    for code, said in (("os.mkfifo('f'); send(packet(), os.open('f', os.O_RDWR))", "expected a regular file"),
                       ("send(packet(), os.pipe()[0])", "expected a regular file"),
                       ("send(packet(), os.open('/dev/zero', os.O_RDONLY))", "expected a regular file"),
                       ("send(packet(), os.open('.', os.O_RDONLY))", "expected a regular file"),
                       ("send(packet(), os.open(f'/proc/self/fd/{memory()}', os.O_PATH))", "expected a readable file"),
                       ("send(packet(), os.open(f'/proc/self/fd/{memory()}', os.O_WRONLY))", "expected a readable file"),
                       ("send(packet(), os.open('/proc/kmsg', os.O_RDONLY) if os.getuid() == 0 else os.open('/proc/self/maps', 0))",
                        "expected an unnamed file"),
                       ("send(packet(), unnamed(size=2 << 40))", "at most 1000 bytes, got 2199023255552"),
                       ("send(packet(), memory(), memory())", "expected one descriptor, got 2"),
                       ("send(packet(), *[memory() for _ in range(200)])", "expected one descriptor, got 200"),
                       ("send(packet())", "expected one descriptor, got 0"),
                       ("send(packet(code=-2), memory())", "expected no descriptor with an error code")):
        if os.path.exists("f"):
            os.unlink("f")
        has(lie(code), said)


def an_answer_without_a_request_is_refused():
    for code, said in (("send(packet(code=-5)); send(packet(code=-5))", "got a second one for 0"),
                       ("send(packet(), unnamed(b'x')); send(packet(), memory())", "got a second one for 0"),
                       ("send(packet(index=1), memory())", "expected an index below 1, got 1"),
                       ("send(packet(index=0xffffffff), memory())", "got 4294967295"),
                       ("send(packet(code=-13))", "expected code 0, -2 or -5, got -13"), ("send(packet(code=7))", "expected code 0, -2 or -5, got 7"),
                       ("send(packet()[:-1], memory())", "expected a packet of 264 bytes, got 263"),
                       ("send(packet() + b'x', memory())", "got more than 264"), ("send(b'garbage')", "got 7")):
        has(lie(code), said)


def content_that_is_another_or_changes_is_refused():
    has(lie("send(packet(), unnamed(b'b' * 1000))"), "1 wrong")
    has(lie("send(packet(), unnamed(b'b'))", go_on=True), "1 wrong")
    has(lie("send(packet(code=-5, why=b'\\x1b[2J' + b'y' * 252))"), "\\x1b[2Jyyy")


def a_helper_that_is_silent_or_dies_is_an_error():
    has(lie("send(b'garbage')", go_on=True), "got 7")
    has(lie("pass"), "0 fetched, 0 missing, 0 wrong, 0 failed, 1 not tried")
    has(lie("sys.exit(1)", go_on=True), "composefs-fetch failed")
    has(lie("os.kill(os.getpid(), signal.SIGKILL)"), "composefs-fetch was killed by signal 9")
    with environment(SECONDS=3):  # enough to start Python on a busy machine
        has(lie("time.sleep(1000)", go_on=True), "composefs-fetch: timed out")
    has(lie("sock.close(); os.close(2); time.sleep(1000)"), "composefs-fetch did not exit")


def the_helper_is_found_where_it_is_installed():
    lie("pass")
    os.makedirs("libexec/composefs")
    os.rename("bin/composefs-fetch", "libexec/composefs/composefs-fetch")
    expect(run("repair", "--repo=r", "--from=http://good", program="bin/composefs")[0], OK)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-fetch")):
        print("1..0 # SKIP built without libcurl")
        sys.exit(0)
    os.environ["no_proxy"] = "127.0.0.1"
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("environment", "lose", "image_path", "trickle", "endless", "lie")]))
