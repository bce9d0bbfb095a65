#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Our programs beside those of peers: the same work in pairs, the same bytes demanded, tables of ratios.

    bench/all.py BUILD [--peer DIR|debian] [--cfsctl PROGRAM|build] [--quick] [--only TEXT]... [--store]
    bench/all.py --render

BUILD is a build directory of this project (optimised, without sanitizers). The peers are mkcomposefs and composefs-info below DIR (as /usr, or a
folder with unpacked packages of Debian, libc included; "debian" fetches it), cfsctl ("build" builds its crate, optimised), and podman, skopeo and
umoci of this machine. What is missing, or needs root, is skipped with the reason. The results go to WORK/latest.json, .md and .svg, and are compared
with bench/results/latest.json; --store writes them there, and to doc/speed.md with its plot; --render makes these anew from what is stored.
bench/rows.py has the rows. The whole takes about 20 GB in WORK, where inputs are kept for the next time.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests"), os.path.join(TOP, "tests", "peer")]
import inputs  # noqa: E402  pylint: disable=wrong-import-position
import report  # noqa: E402  pylint: disable=wrong-import-position
import rows  # noqa: E402  pylint: disable=wrong-import-position
from runner import Failure, Runner, Side, Skip  # noqa: E402  pylint: disable=wrong-import-position

STORED = os.path.join(HERE, "results", "latest.json")
LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


# --- the sides


def first_line(words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def tools_side(folder, programs, work):
    """Programs of a directory as they are, or of unpacked packages by their own loader."""
    if folder == "debian":
        import debian  # pylint: disable=import-outside-toplevel
        folder = debian.unpacked(os.path.join(work, "peer"), "composefs", ["sid"], lambda apt: apt.fetch(["composefs"]))
    run = []
    if os.path.exists(os.path.join(folder, LOADER)):
        loader = os.path.join(os.path.abspath(folder), LOADER)
        run = [loader, "--library-path", os.path.dirname(loader)]
    folders = [os.path.join(folder, sub) for sub in ("", "bin", "sbin", "usr/bin", "usr/sbin")]
    side = Side("tools", [*folders, programs], run)
    side.version = first_line([*side.program("mkcomposefs"), "--version"])
    return side


def cfsctl_side(program, work):
    if program == "build":
        folder = os.path.join(work, "cfsctl")
        if not os.path.exists(f"{folder}/bin/cfsctl"):
            import crate  # pylint: disable=import-outside-toplevel
            subprocess.run(["cargo", "install", "composefs-ctl", "--version", crate.VERSION, "--locked", "--no-default-features", "--features",
                            crate.FEATURES, "--root", folder, "--target-dir", f"{folder}-build"], check=True)
        program = f"{folder}/bin/cfsctl"
    return Side("cfsctl", [os.path.dirname(os.path.abspath(program))], version=first_line([program, "--version"]))


def make_sides(options):
    programs = os.path.join(options.build, "bench")
    folders = [os.path.join(options.build, "tools"), programs]
    found = {"ours": Side("ours", folders), "itself": Side("itself", folders, version="ours, another way"),
             "host": Side("host", os.environ["PATH"].split(":"), version="programs of the machine: " + ", ".join(
                 first_line([name, "--version"]) for name in ("podman", "skopeo", "umoci") if any(
                     os.access(os.path.join(folder, name), os.X_OK) for folder in os.environ["PATH"].split(":"))))}
    if options.peer:
        found["tools"] = tools_side(options.peer, programs, options.work)
    if options.cfsctl:
        found["cfsctl"] = cfsctl_side(options.cfsctl, options.work)
    return found


# --- the run


def conditions(options, sides, skipped):
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.partition(":")[2].strip() for line in f if line.startswith("model name")), os.uname().machine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {"date": datetime.date.today().isoformat(), "commit": first_line(["git", "-C", TOP, "describe", "--always", "--dirty", "--abbrev=10"]),
            "machine": f"{os.cpu_count()} CPUs ({model}), {memory:.0f} GB, Linux {os.uname().release.split('-')[0]}, load "
                       f"{os.getloadavg()[1]:.1f}", "pairs": options.pairs,
            "peers": {side.name: side.version for side in sides.values() if side.version}, "skipped": skipped}


def chosen(options):
    """(group, row, size) of all that is asked for."""
    for group, members in rows.GROUPS.items():
        for row in members:
            for size in row.sizes[:-1] if options.quick and len(row.sizes) > 1 else row.sizes:
                name = f"{group}: {row.name_of(size)}"
                if not options.only or any(text in name for text in options.only):
                    yield group, row, size


def as_stored(group, row, size, found):
    name = row.name_of(size)
    columns = [{value: [float("%.5g" % getattr(usage, value)) for usage in usages] for value, _, _ in report.VALUES} for usages in found]
    stored = {"name": name, "group": group, "family": row.name, "size": size, "against": row.against, **dict(zip(("ours", "peer"), columns))}
    if name in rows.TARGETS:
        stored["target"] = list(rows.TARGETS[name])
    return stored


def measure_all(runner, options):
    """The rows, the reasons of those that were skipped, and whether one failed."""
    done, skipped, failed = [], [], False
    print(report.table_head(), flush=True)
    for group, row, size in chosen(options):
        try:
            found = runner.measure_row(row, size, options.pairs, options.budget)
        except Skip as reason:
            skipped.append(f"{row.name_of(size)}: {reason}")
            continue
        except Failure as error:
            print(f"FAILED: {error}", file=sys.stderr)
            failed = True
            continue
        finally:
            runner.clear()
        done.append(as_stored(group, row, size, found))
        print(report.table_row(done[-1]), flush=True)
    return done, skipped, failed


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def as_json(stored):
    """One line a row, so that a change can be read."""
    lines = ",\n".join(json.dumps(row) for row in stored["rows"])
    return f'{{"conditions": {json.dumps(stored["conditions"])},\n"rows": [\n{lines}\n]}}\n'


def render(stored):
    write(os.path.join(TOP, "doc", "speed.md"), report.page(stored))
    write(os.path.join(TOP, "doc", "drawings", "speed.svg"), report.plot(stored))


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def finish(stored, options):
    """Prints growth and differences, and writes the results."""
    print("\n" + report.growth(stored))
    if os.path.exists(STORED):
        text, slower = report.changes(stored, load(STORED))
        print(f"Beside {STORED}:\n\n{text}\nslower: {'; '.join(slower) or 'none'}")
    base = os.path.join(options.work, "latest")
    for suffix, text in ((".json", as_json(stored)), (".md", report.page(stored)), (".svg", report.plot(stored))):
        write(base + suffix, text)
    if options.store:
        write(STORED, as_json(stored))
        render(stored)


def run(options):
    os.makedirs(options.work, exist_ok=True)
    sides = make_sides(options)
    made = inputs.Inputs(os.path.join(options.work, "inputs"), sides["ours"])
    runner = Runner(os.path.join(options.build, "bench", "measure"), options.work, sides, made)
    try:
        done, skipped, failed = measure_all(runner, options)
    finally:
        made.close()
        runner.close()
    for line in skipped:
        print(f"skipped: {line}", file=sys.stderr)
    if done:
        finish({"conditions": conditions(options, sides, skipped), "rows": done}, options)
    return int(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="build directory")
    parser.add_argument("--peer", help="the peer's programs, or \"debian\"")
    parser.add_argument("--cfsctl", help="the program, or \"build\"")
    parser.add_argument("--quick", action="store_true", help="leave out the largest size of each row, 3 pairs")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="rows with TEXT in \"GROUP: NAME SIZE\"")
    parser.add_argument("--pairs", type=int, help="default: 5")
    parser.add_argument("--budget", type=float, default=20, metavar="SECONDS", help="begin no third or later pair of a row after so long (default: 20)")
    parser.add_argument("--work", default="bench-work", help="where inputs are kept and runs write (default: ./bench-work), on a disk")
    parser.add_argument("--store", action="store_true", help="replace the stored results and the page in doc/")
    parser.add_argument("--render", action="store_true", help="make the page in doc/ of the stored results, and measure nothing")
    options = parser.parse_args()
    if options.render:
        render(load(STORED))
        return 0
    if not options.build:
        parser.error("expected BUILD")
    options.pairs = options.pairs or (3 if options.quick else 5)
    options.build, options.work = os.path.abspath(options.build), os.path.abspath(options.work)
    return run(options)


# Mounts of the rows, and what mount remembers below /run, stay in a namespace of their own.
APART = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t tmpfs -o mode=0755 none /run && exec "$@"', "sh"]


def enter_namespace():
    """Runs this program again in a mount namespace, where that is allowed: root of a container may not."""
    if os.geteuid() == 0 and not os.environ.get("COMPOSEFS_BENCH_NAMESPACE"):
        os.environ["COMPOSEFS_BENCH_NAMESPACE"] = "1"
        if subprocess.run([*APART, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            os.execvp(APART[0], [*APART, sys.executable, *sys.argv])
        print("no mount namespace can be made: rows that mount will fail", file=sys.stderr)


if __name__ == "__main__":
    enter_namespace()
    sys.exit(main())
