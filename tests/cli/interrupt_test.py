#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""SIGINT and SIGTERM end each long command soon, with status 130 or 143, and leave no temporary file.

    interrupt_test.py COMPOSEFS MKCOMPOSEFS COMPOSEFS-INFO
"""
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from faults import can_inject
from repo import COMPOSEFS, expect, good, main, make, wait_until

MKCOMPOSEFS, INFO = (os.path.abspath(arg) for arg in sys.argv[2:4])
HUGE = 1 << 40  # a file of holes: reading it takes minutes, and no disk
LIMIT_S = 60  # the aim is 0.1 s, on an idle machine; without the signal it would be minutes


def huge_file(path):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.truncate(HUGE)


def files_below(top):
    return sorted(os.path.join(d, n) for d, _, names in os.walk(top) for n in names)


def catches(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        caught = next(line.split()[1] for line in f if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def is_at_work(pid):
    """Whether a process waits for something, or has computed for 50 ms."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return fields[0] == "S" or int(fields[11]) + int(fields[12]) >= os.sysconf("SC_CLK_TCK") // 20


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def interrupt(args, number=signal.SIGINT, **streams):
    """Starts a command that does not end by itself, sends the signal, and checks how it ends."""
    streams.setdefault("stdout", subprocess.DEVNULL)
    streams.setdefault("stderr", subprocess.PIPE)
    child = subprocess.Popen(args, **streams)
    try:
        wait_until(lambda: catches(child.pid, number) and is_at_work(child.pid), f"{args} at work")
        expect((args, child.poll()), (args, None))
        helpers = children(child.pid)
        start = time.monotonic()
        child.send_signal(number)
        _, err = child.communicate(timeout=LIMIT_S)
        took = time.monotonic() - start
    finally:
        child.kill()
        child.wait()
    print(f"# {took:.3f} s: {' '.join(os.path.basename(a) for a in args)}")
    expect((args, child.returncode, err), (args, 128 + number, err))
    for pid in helpers:  # killed, and perhaps not gone yet
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), f"end of process {pid}")


def interrupt_and_compare(args, top, **streams):
    """The same, and the files below top stay as they were."""
    before = files_below(top)
    interrupt(args, **streams)
    expect(files_below(top), before)


def create_image_of_a_large_file():
    make()
    huge_file("src/huge")
    interrupt_and_compare([COMPOSEFS, "create-image", "--repo=r", "src", "huge"], "r")
    os.unlink("src/huge")
    good("create-image", "--repo=r", "src", "small")


def compute_id_of_a_large_file():
    huge_file("src/huge")
    interrupt([COMPOSEFS, "compute-id", "--no-repo", "src"])


def mkcomposefs_of_a_large_file():
    huge_file("src/huge")
    os.mkdir("out")
    for options in ([], ["--digest-store=out/objects"]):
        interrupt([MKCOMPOSEFS, *options, "src", "out/image"])
        expect(files_below("out"), [])
    os.unlink("src/huge")
    expect(subprocess.run([MKCOMPOSEFS, "src", "out/image"], check=False).returncode, 0)


def mkcomposefs_from_an_idle_pipe():
    os.mkdir("out")
    read_end, write_end = os.pipe()
    interrupt_and_compare([MKCOMPOSEFS, "--from-file", "-", "out/image"], "out", stdin=read_end)
    os.close(read_end)
    os.close(write_end)


def mkcomposefs_into_a_full_pipe():
    os.mkdir("src")
    for i in range(2000):
        os.symlink("x" * 100, f"src/{i}")
    read_end, write_end = os.pipe()
    interrupt([MKCOMPOSEFS, "src", "-"], stdout=write_end)
    os.close(read_end)
    os.close(write_end)


def mkcomposefs_into_a_fifo_without_a_reader():
    os.mkdir("src")
    os.mkfifo("fifo")
    interrupt([MKCOMPOSEFS, "src", "fifo"])


def fill(write_end):
    """Fills a pipe to the last byte."""
    os.set_blocking(write_end, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write_end, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(write_end, True)


def results_into_a_full_pipe():
    """mkcomposefs prints before the image gets its name, which it then never gets; create-image prints afterwards."""
    make()
    os.makedirs("src")
    os.mkdir("out")
    read_end, write_end = os.pipe()
    fill(write_end)
    interrupt_and_compare([MKCOMPOSEFS, "--print-digest", "src", "out/image"], "out", stdout=write_end)
    interrupt([COMPOSEFS, "create-image", "--repo=r", "src", "name"], stdout=write_end)
    expect(os.path.lexists("r/images/refs/name"), True)
    os.close(read_end)
    os.close(write_end)
    good("gc", "--repo=r")


def warnings_into_a_full_pipe():
    os.mkdir("out")
    with open("dump", "w", encoding="ascii") as f:
        f.write("/ 0 40755 2 0 0 0 0.0 - - -\n/fifo 5 10644 1 0 0 0 0.0 - - -\n")
    read_end, write_end = os.pipe()
    fill(write_end)
    interrupt([MKCOMPOSEFS, "--from-file", "dump", "out/image"], stderr=write_end)
    expect(os.listdir("out"), ["image"])  # warnings come last
    os.close(read_end)
    os.close(write_end)


def dump_of_a_large_image_into_a_full_pipe():
    os.mkdir("src")
    for i in range(2000):
        os.symlink("x" * 100, f"src/{i}")
    expect(subprocess.run([MKCOMPOSEFS, "src", "image"], check=False).returncode, 0)
    read_end, write_end = os.pipe()
    interrupt([INFO, "dump", "image"], stdout=write_end)
    os.close(read_end)
    os.close(write_end)


def digest_of_a_large_file():
    huge_file("huge")
    interrupt([INFO, "measure-file", "huge"])


def large_object():
    """A repository with an object that fsck reads for minutes."""
    make()
    huge_file("r/objects/00/" + "0" * 62)


def fsck_of_a_repository():
    large_object()
    interrupt_and_compare([COMPOSEFS, "fsck", "--repo=r"], "r")
    shutil.rmtree("r/objects/00")
    good("fsck", "--repo=r")


def fsck_that_has_just_ended_prints_no_report():
    """The signal comes when it closes the repository, after its last look at the watch. It printed all findings, and then ended
    with status 130."""
    if not can_inject():
        return
    make()
    os.mkdir("src")
    for i in range(100):
        with open(f"src/{i}", "w", encoding="ascii") as f:
            f.write(f"{i}" * 1000)
    good("create-image", "--repo=r", "src", "image")
    for path in files_below("r/objects"):
        if not path.endswith(os.readlink("r/images/refs/image").split("/")[-1][2:]):
            os.unlink(path)
    command = [COMPOSEFS, "fsck", "--repo=r", "--metadata-only"]
    closes = ["strace", "-qq", "-o", "log", "-E", "ASAN_OPTIONS=detect_leaks=0", "-P", "r", "-e", "trace=close"]
    done = subprocess.run([*closes, *command], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stderr.count("used by image")), (3, 100))
    with open("log", encoding="ascii") as f:
        last = sum(line.startswith("close(") for line in f)
    done = subprocess.run([*closes, "-e", f"inject=close:signal=INT:when={last}", *command], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stdout, done.stderr.count("used by image")), (128 + signal.SIGINT, "", 0))


def repair_of_a_repository():
    large_object()
    interrupt_and_compare([COMPOSEFS, "repair", "--repo=r"], "r")


def wait_for_the_lock_of_a_repository():
    make()
    fd = os.open("r", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.mkdir("src")
    for args in (["gc"], ["du"], ["fsck"], ["create-image"]):
        interrupt_and_compare([COMPOSEFS, args[0], "--repo=r"] + (["src"] if args == ["create-image"] else []), "r")
    os.close(fd)
    good("gc", "--repo=r")


def gc_that_waits_until_it_is_alone():
    make()
    fd = os.open("r", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    before = [f for f in files_below("r") if not f.endswith(".lock-gc")]
    interrupt([COMPOSEFS, "gc", "--repo=r"])
    expect([f for f in files_below("r") if not f.endswith(".lock-gc")], before)
    os.close(fd)
    good("gc", "--repo=r")


def repair_from_a_server_that_does_not_answer():
    make()
    os.mkdir("src")
    with open("src/file", "w", encoding="ascii") as f:
        f.write("x" * 1000)
    good("create-image", "--repo=r", "src", "image")
    for path in files_below("r/objects"):
        if os.path.getsize(path) == 1000:
            os.unlink(path)
    if not shutil.which("composefs-fetch") and not os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-fetch")):
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        interrupt_and_compare([COMPOSEFS, "repair", "--repo=r", f"--from=http://127.0.0.1:{server.getsockname()[1]}/"], "r")


def sigterm_is_status_143():
    huge_file("src/huge")
    os.mkdir("out")
    interrupt([MKCOMPOSEFS, "src", "out/image"], signal.SIGTERM)
    expect(files_below("out"), [])


def a_signal_that_the_parent_ignores_stays_ignored():
    child = subprocess.Popen(["sh", "-c", "trap '' INT; exec \"$0\" --from-file - image", MKCOMPOSEFS],
                             stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until(lambda: catches(child.pid, signal.SIGTERM), "a handler of SIGTERM")
    child.send_signal(signal.SIGINT)
    child.communicate(b"/ 0 40755 1 0 0 0 0.0 - - -\n", timeout=60)
    expect(child.returncode, 0)


if __name__ == "__main__":
    sys.exit(main([
        create_image_of_a_large_file,
        compute_id_of_a_large_file,
        mkcomposefs_of_a_large_file,
        mkcomposefs_from_an_idle_pipe,
        mkcomposefs_into_a_full_pipe,
        mkcomposefs_into_a_fifo_without_a_reader,
        results_into_a_full_pipe,
        warnings_into_a_full_pipe,
        dump_of_a_large_image_into_a_full_pipe,
        digest_of_a_large_file,
        fsck_of_a_repository,
        fsck_that_has_just_ended_prints_no_report,
        repair_of_a_repository,
        wait_for_the_lock_of_a_repository,
        gc_that_waits_until_it_is_alone,
        repair_from_a_server_that_does_not_answer,
        sigterm_is_status_143,
        a_signal_that_the_parent_ignores_stays_ignored,
    ]))
