#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The tools against the golden vectors, one TAP line a fact.

    golden_test.py MKCOMPOSEFS COMPOSEFS_INFO COMPOSEFS_DUMP
"""
import concurrent.futures
import gzip
import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import place_in_memory  # noqa: E402  pylint: disable=wrong-import-position
import generate  # noqa: E402  pylint: disable=wrong-import-position

# Images that change when they are written again, and why (from then on they are stable).
LINKS = "the inode moves to the first name of its hard links"
MOVES = {
    "devices": "an image does not keep the size that the input gave to a device, fifo or socket",
    "escape-whiteout-xattr": "trusted.overlay.whiteout of the input comes back as a whiteout",
    "hardlink-primary-later": LINKS,
    "hardlinks": LINKS,
    "mixed-1": LINKS,
    "mixed-2": LINKS,
    "mixed-3": LINKS,
    "order-any": LINKS,
    "order-sorted": LINKS,
}


def table(name):
    with open(generate.path(name), encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f]


def stored(name):
    """The bytes of a stored file, which may be compressed; None when it is not kept."""
    path = generate.path(name)
    if os.path.exists(path):
        with open(path, "rb") as f:
            return f.read()
    if os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz") as f:
            return f.read()
    return None


def not_warnings(err):
    """What 1.0.8 drops or loses without a word is said, which changes no digest."""
    return "\n".join(line for line in err.split("\n") if not line.startswith("mkcomposefs: warning: "))


def output(*command, **kw):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False, **kw)
    said = not_warnings(done.stderr.decode("latin-1").strip())
    if done.returncode or said:
        raise AssertionError(f"{' '.join(command)}: expected status 0, got {done.returncode}: {said}")
    return done.stdout


def expect_bytes(got, expected, what):
    if got != expected:
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        raise AssertionError(f"{what}: expected {len(expected)} bytes with {expected[at:at + 40]!r} at {at}, "
                             f"got {len(got)} bytes with {got[at:at + 40]!r}")


class Golden:
    def __init__(self, mkcomposefs, info, dump):
        self.mkcomposefs, self.info, self.dump = mkcomposefs, info, dump
        self.tmp = tempfile.TemporaryDirectory(dir=place_in_memory())
        self.rows = table("DIGESTS")

    def file(self, *parts):
        return os.path.join(self.tmp.name, ".".join(parts))

    def image(self, name, vmin, vmax):
        return self.file(name, vmin, vmax)

    def facts(self):
        """Pairs of a title and a function that raises when it does not hold, in two rounds: the
        second one looks at images that the first one made."""
        rows = [(f"digest of {n}, versions {lo} to {hi}", lambda r=r: self.row(*r))
                for r in self.rows for n, lo, hi in [r[:3]]]
        rows += [(f"{n} fails: {reason}", lambda n=n, m=mode: self.fails(n, m == "strict"))
                 for n, mode, reason, _ in table("FAILS")]
        rows.append(("generate.py makes the stored dumps", self.dumps))
        later = []
        for name, lo, hi in [r[:3] for r in self.rows]:
            if lo != hi:
                continue
            if stored(f"{name}.v{lo}.cfs"):
                later.append((f"image bytes of {name}, version {lo}", lambda n=name, v=lo: self.kept(n, v)))
            later.append((f"{name}, version {lo}: image to dump to image to dump",
                          lambda n=name, v=lo: self.round_trip(n, v)))
            later.append((f"composefs-dump copies {name}, version {lo}", lambda n=name, v=lo: self.copy(n, v)))
        for name in sorted({r[0] for r in self.rows}):
            for command in ("dump", "ls", "objects"):
                if stored(f"{name}.v1.{command}.expected") is not None:
                    later.append((f"composefs-info {command} of {name}",
                                  lambda n=name, c=command: self.printed(n, c)))
        return rows, later

    def row(self, name, lo, hi, digest, sha256, size):
        image = self.image(name, lo, hi)
        rc, got, err = generate.run(self.mkcomposefs, generate.path(name + ".dump"), int(lo), int(hi), image)
        if rc or not_warnings(err):
            raise AssertionError(f"expected status 0, got {rc}: {err}")
        if got != digest:
            raise AssertionError(f"expected digest {digest}, got {got}")
        with open(image, "rb") as f:
            data = f.read()
        if (hashlib.sha256(data).hexdigest(), str(len(data))) != (sha256, size):
            raise AssertionError(f"expected {size} bytes with the SHA-256 {sha256}, got an image of {len(data)}")

    def fails(self, name, strict):
        """Status 1, one sentence, and no image."""
        image = self.file(name, "none")
        for lo, hi in [(0, 1)] if strict else generate.VERSIONS:
            rc, got, err = generate.run(self.mkcomposefs, generate.path(name + ".dump"), lo, hi, image, strict)
            if rc != 1 or got or os.path.exists(image):
                raise AssertionError(f"expected status 1, no output and no image, got {rc}, \"{got}\", {os.path.exists(image)}")
            err = not_warnings(err)
            if not err.startswith("mkcomposefs: ") or "\n" in err:
                raise AssertionError(f"expected one sentence, got {err}")

    def dumps(self):
        generate.build()
        made = dict(generate.CASES)
        made.update({n: data for n, (_, data) in {**generate.FAILS, **generate.STRICT}.items()})
        kept = {f[:-5] for f in os.listdir(generate.HERE) if f.endswith(".dump")}
        if kept != set(made):
            raise AssertionError(f"expected all dumps stored and made, got only one of both for {kept ^ set(made)}")
        for name, data in made.items():
            expect_bytes(stored(name + ".dump"), data, name)

    def kept(self, name, version):
        with open(self.image(name, version, version), "rb") as f:
            expect_bytes(f.read(), stored(f"{name}.v{version}.cfs"), name)

    def printed(self, name, command):
        got = output(self.info, command, self.image(name, "1", "1"))
        expect_bytes(got, stored(f"{name}.v1.{command}.expected"), command)

    def round_trip(self, name, version):
        first, second = self.image(name, version, version), self.file(name, version, "again")
        text = output(self.info, "dump", first)
        output(self.mkcomposefs, f"--min-version={version}", f"--max-version={version}", "--from-file",
               "-", second, input=text)
        if name not in MOVES:
            expect_bytes(output(self.info, "dump", second), text, "second dump")
        self.compare_images(name, first, second, version)

    def copy(self, name, version):
        first, second = self.image(name, version, version), self.file(name, version, "copy")
        output(self.dump, first, second)
        self.compare_images(name, first, second, version)

    def compare_images(self, name, first, second, version):
        third = second + ".third"
        output(self.dump, second, third)
        with open(first, "rb") as a, open(second, "rb") as b, open(third, "rb") as c:
            one, two, three = a.read(), b.read(), c.read()
        os.unlink(second)
        os.unlink(third)
        expect_bytes(three, two, "third image")
        if name not in MOVES:
            expect_bytes(two, one, "image")
        elif one == two:
            raise AssertionError(f"expected another image, because {MOVES[name]}, got the same")


def holds(fact):
    try:
        fact[1]()
        return None
    except (AssertionError, OSError, subprocess.SubprocessError) as reason:
        return str(reason)


def main():
    golden = Golden(*sys.argv[1:])
    number, failed = 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        for facts in golden.facts():
            for (title, _), reason in zip(facts, workers.map(holds, facts)):
                number += 1
                failed += reason is not None
                print(f"{'ok' if reason is None else 'not ok'} {number} - {title}", flush=True)
                if reason is not None:
                    print("# " + reason.replace("\n", "\n# "))
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
