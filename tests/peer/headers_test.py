#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""One program, compiled with Debian's libcomposefs-dev and with our headers, on both libraries: it
says the same four times, and makes the same files.

    headers_test.py CACHE_DIR LIBRARY INCLUDE_DIR CC...
"""
import os
import sys
import tempfile

import peer

CACHE, LIBRARY, INCLUDE, CC = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3], sys.argv[4:]
HERE = os.path.dirname(os.path.abspath(__file__))


class Test:
    def __init__(self, tmp):
        self.tmp = tmp
        debian, ours = peer.sides(CACHE, LIBRARY)
        self.sides = {"debian": debian, "ours": ours}
        self.headers = {"debian": os.path.join(debian.root, "usr/include"), "ours": INCLUDE}
        self.first = None

    def compile(self, headers, library):
        """Linked to the library that goes with the headers, as a build would do it."""
        program = os.path.join(self.tmp, f"program-{headers}")
        if not os.path.exists(program):
            peer.output(*CC, "-Wall", "-Wextra", "-Werror", f"-I{self.headers[headers]}",
                        os.path.join(HERE, "program.c"), "-o", program, library, "-Wl,--allow-shlib-undefined")
        return program

    def result(self, headers, name):
        """What the program prints, and the images that it writes."""
        linked = {"debian": os.path.join(self.sides["debian"].root, peer.LIBDIR, "libcomposefs.so.1"), "ours": LIBRARY}
        program, side = self.compile(headers, linked[headers]), self.sides[name]
        peer.expect(side.library(program) == LIBRARY, name == "ours", "the library")
        folder = tempfile.mkdtemp(dir=self.tmp)
        said = side.run(program, folder, env={**os.environ, "LC_ALL": "C"})
        images = []
        for image in ("image1", "image2", "image3"):
            with open(os.path.join(folder, image), "rb") as f:
                images.append(f.read())
        return said.decode().splitlines(), images

    def check(self, headers, name):
        said, images = self.result(headers, name)
        peer.ensure(len(said) > 90, f"says only {len(said)} lines")
        if self.first is None:
            self.first = said, images
        for got, expected in zip(said, self.first[0]):
            peer.expect(got, expected, "it says")
        peer.expect(len(said), len(self.first[0]), "lines")
        peer.ensure(images == self.first[1], "images differ")

    def facts(self):
        for headers in ("debian", "ours"):
            for name in ("debian", "ours"):
                yield f"headers: {headers}, library: {name}", lambda h=headers, n=name: self.check(h, n)


def facts():
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as tmp:
        yield from Test(tmp).facts()


peer.main(facts)
