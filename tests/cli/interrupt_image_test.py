#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""SIGINT at any moment ends commands that work on a large image or tree: within 100 ms, with status 130, and nothing is left behind.

    interrupt_image_test.py COMPOSEFS MKCOMPOSEFS COMPOSEFS-INFO COMPOSEFS-DUMP COMPOSEFS-FSCK

What is limited is the CPU time after the signal, which a busy machine does not change; tests/unit/profile/cancel_test.c
shows the same for each step.
"""
import os
import random
import resource
import signal
import subprocess
import sys
import time

from faults import is_sanitized
from interrupt_test import MKCOMPOSEFS, catches, children, files_below, interrupt
from repo import COMPOSEFS, KEPT, expect, good, main, snapshot, wait_until

DUMP, FSCK = (os.path.abspath(arg) for arg in sys.argv[4:6])
N_ENTRIES = 30000 if is_sanitized(COMPOSEFS) else 150000
N_SIGNALS = int(os.environ.get("COMPOSEFS_TEST_KILLS", "1"))  # for each command
RANDOM = random.Random(1)
TICKS = os.sysconf("SC_CLK_TCK")
CPU_LIMIT_S = 0.1 * min(4, len(os.sched_getaffinity(0))) + 0.05  # several threads; a clock of ticks


def write_dump(path, second):
    """The names are not in byte order, so that the tree is sorted."""
    with open(path, "w", encoding="ascii") as f:
        f.write("/ 0 40755 2 0 0 0 0.0 - - -\n")
        for i in range(N_ENTRIES):
            digest = f"{i & 255:02x}{i:062x}"
            f.write(f"/{i * 2654435761 & 0xffffffff:08x} 10 100644 1 0 0 0 {second}.0 {digest[:2]}/{digest[2:]} - {digest} user.k={i % 1000}\n")


def inputs():
    """The directory of a.dump, b.dump, and their images a.cfs and b.cfs, made once."""
    top = os.path.join(KEPT.name, "inputs")
    if not os.path.exists(top):
        os.mkdir(top)
        for name, second in (("a", 1), ("b", 2)):
            path = os.path.join(top, name)
            write_dump(path + ".dump", second)
            expect(subprocess.run([MKCOMPOSEFS, "--from-file", path + ".dump", path + ".cfs"], check=False).returncode, 0)
    return top + "/"


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return sum(int(n) for n in fields[11:15]) / TICKS


def run_and_interrupt(args, delay, fine=(0,)):
    """Sends SIGINT after so long. Returns the CPU time that was used after it; None: the command ended before."""
    child = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with child.stderr:
        while not catches(child.pid, signal.SIGINT):
            time.sleep(0.001)
        time.sleep(delay)
        helpers = children(child.pid)
        before = cpu_s(child.pid) + sum(cpu_s(pid) for pid in helpers)
        os.kill(child.pid, signal.SIGINT)  # until wait4 it is there
        err = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode in fine:
        return None
    expect((args, child.returncode, err), (args, 128 + signal.SIGINT, err))
    for pid in helpers:  # killed, and perhaps not gone yet
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), f"end of process {pid}")
    return usage.ru_utime + usage.ru_stime - before


def interrupt_at_any_time(args, fine=(0,), to=None):
    """Runs the command to its end, then interrupts it at random moments. to: a file that it writes."""
    start = time.monotonic()
    expect(subprocess.run(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode in fine, True)
    whole = time.monotonic() - start
    for _ in range(N_SIGNALS):
        before = to and snapshot(os.path.dirname(to))
        delay, used = RANDOM.uniform(0, whole), None
        while used is None:
            used = run_and_interrupt(args, delay, fine)
            delay *= 0.7
        print(f"# {used:.3f} s of CPU after {delay / 0.7:.3f} of {whole:.3f} s: {' '.join(os.path.basename(a) for a in args)}")
        expect(used < CPU_LIMIT_S + whole / 20, True)  # slow builds
        expect(to and snapshot(os.path.dirname(to)), before)


def mkcomposefs_of_a_dump():
    os.mkdir("out")
    interrupt_at_any_time([MKCOMPOSEFS, "--from-file", inputs() + "a.dump", "out/image"], to="out/image")
    interrupt_at_any_time([MKCOMPOSEFS, "--from-file", "--skip-unshown-xattrs", "--print-digest-only", inputs() + "a.dump"])


def composefs_dump():
    os.mkdir("out")
    interrupt_at_any_time([DUMP, inputs() + "a.cfs", "out/image"], to="out/image")


def diff_of_two_images():
    interrupt_at_any_time([COMPOSEFS, "diff", "--stat", inputs() + "a.cfs", inputs() + "b.cfs"], fine=(1,))


def diff_of_two_dumps():
    interrupt_at_any_time([COMPOSEFS, "diff", "--stat", inputs() + "a.dump", inputs() + "b.dump"], fine=(1,))


def explain_of_two_images():
    interrupt_at_any_time([COMPOSEFS, "explain", inputs() + "a.cfs", inputs() + "b.cfs"], fine=(1,))


def explain_of_a_digest():
    interrupt_at_any_time([COMPOSEFS, "explain", "--expected=" + "0" * 64, inputs() + "a.dump"], fine=(1,))


def fsck_of_an_image():
    for args in ([COMPOSEFS, "fsck"], [COMPOSEFS, "fsck", "--isolated"], [COMPOSEFS, "fsck", "--canonical"], [FSCK]):
        interrupt_at_any_time([*args, inputs() + "a.cfs"])


def fsck_of_the_objects_of_an_image():
    os.mkdir("objects")
    interrupt_at_any_time([COMPOSEFS, "fsck", "--objects=objects", inputs() + "a.cfs"], fine=(4,))


def commands_that_read_a_repository():
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "r")
    good("import-image", "--repo=r", "--missing-ok", "a", inputs() + "a.cfs")
    before = files_below("r")
    for args in (["fsck", "--metadata-only"], ["du"], ["gc", "--dry-run"]):
        interrupt_at_any_time([COMPOSEFS, args[0], "--repo=r", *args[1:]], fine=(0, 1, 3, 4))
    expect(files_below("r"), before)


def files_of(repo):
    """All but the file that gc locks, which stays."""
    return [path for path in files_below(repo) if not path.endswith("/.lock-gc")]


def import_of_an_image():
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "r")
    before = files_of("r")
    for _ in range(N_SIGNALS):
        if run_and_interrupt([COMPOSEFS, "import-image", "--repo=r", "--missing-ok", "a", inputs() + "a.cfs"],
                             RANDOM.uniform(0, 0.2)) is None:
            break
        expect(files_of("r"), before)
    good("gc", "--repo=r")


def compute_id_of_a_directory():
    os.mkdir("src")
    for i in range(20000):
        os.symlink("x", f"src/{i}")
    for command in ("compute-id", "create-dumpfile"):
        interrupt_at_any_time([COMPOSEFS, command, "--no-repo", "src"])


def sign_that_waits_for_its_command():
    for args in (["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], ["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]):
        expect(subprocess.run(["openssl", *args], check=False).returncode, 0)
    os.mkdir("sigs")
    interrupt([COMPOSEFS, "sign", "--sign-command=exec sleep 1000", "--public=key.pub", "--signatures=sigs", inputs() + "a.cfs"])
    expect(files_below("sigs"), [])


def sign_objects_that_waits_for_its_helper():
    os.mkfifo("key.pem")
    os.mkdir("sigs")
    interrupt([COMPOSEFS, "sign-objects", "--key=key.pem", "--cert=key.pem", "--signatures=sigs", inputs() + "a.cfs"])
    expect(files_below("sigs"), [])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main([
        mkcomposefs_of_a_dump,
        composefs_dump,
        diff_of_two_images,
        diff_of_two_dumps,
        explain_of_two_images,
        explain_of_a_digest,
        fsck_of_an_image,
        fsck_of_the_objects_of_an_image,
        commands_that_read_a_repository,
        import_of_an_image,
        compute_id_of_a_directory,
        sign_that_waits_for_its_command,
        sign_objects_that_waits_for_its_helper,
    ]))
