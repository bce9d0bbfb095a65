#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Artifacts that refer to an image, through the registry of go-containerregistry, which has the referrers API.

    oci_referrers_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, run_facts_each_in, skip_program, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from go_program import go_program  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS, GOLDEN = map(os.path.abspath, sys.argv[1:3])
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MODULE = "github.com/google/go-containerregistry@v0.22.1"
PROGRAM = []  # the path of the registry


class Place:
    """A directory, and a registry."""

    def __init__(self):
        self.top = tempfile.mkdtemp()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.host = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([PROGRAM[0], str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # pylint: disable=consider-using-with
        wait_until(self.answers, "the registry", 30)

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", int(self.host.split(":")[1]))) == 0

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.top)

    def composefs(self, *command):
        done = subprocess.run([COMPOSEFS, *command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=self.top)
        ensure(done.returncode == 0, f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def pull(self, repo, source):
        self.composefs("init", "--insecure", "--hash=sha256", repo)
        return json.loads(self.composefs("oci", "pull", f"--repo={repo}", "--json", "--referrers", "--root=own", source, "x"))

    def put(self, path, content, kind):
        request = urllib.request.Request(f"http://{self.host}/v2/{path}", data=content, method="PUT", headers={"Content-Type": kind})
        with urllib.request.urlopen(request) as answer:
            expect(answer.status, 201)

    def attach(self, name, digest):
        """Adds an artifact about the manifest, and returns its digest."""
        for content in (b"{}", b"a list of packages"):
            with urllib.request.urlopen(urllib.request.Request(f"http://{self.host}/v2/{name}/blobs/uploads/", method="POST")) as answer:
                upload = answer.headers["Location"].split("/v2/")[1]
            self.put(f"{upload}?digest={digest_of(content)}", content, "application/octet-stream")
        with urllib.request.urlopen(f"http://{self.host}/v2/{name}/manifests/{digest}") as answer:
            size = len(answer.read())
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "text/sbom",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2},
            "layers": [{"mediaType": "text/plain", "digest": digest_of(b"a list of packages"), "size": 18}],
            "subject": {"mediaType": MANIFEST, "digest": digest, "size": size}}).encode()
        self.put(f"{name}/manifests/{digest_of(manifest)}", manifest, MANIFEST)
        return digest_of(manifest)

    def referrers(self, name, digest):
        with urllib.request.urlopen(f"http://{self.host}/v2/{name}/referrers/{digest}") as answer:
            return [d["digest"] for d in json.load(answer)["manifests"]]


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@fact
def referrers_go_to_a_registry_with_the_api_and_come_back(place):
    place.pull("r", f"oci:{GOLDEN}/basic:latest")
    pushed = place.composefs("oci", "push", "--repo=r", "x", f"{place.host}/a:1").strip()
    artifact = place.attach("a", pushed)
    expect(place.referrers("a", pushed), [artifact])
    first = place.pull("pulled", f"{place.host}/a:1")
    expect(first["referrers"], 1)
    again = json.loads(place.composefs("oci", "push", "--repo=pulled", "--json", "--referrers", "x", f"{place.host}/b:1"))
    expect(again["referrers"], 1)
    expect(place.referrers("b", pushed), [artifact])
    back = place.pull("back", f"{place.host}/b:1")
    expect((back["referrers"], back["id"]), (1, first["id"]))


def main():
    try:
        PROGRAM.append(go_program(os.path.join(os.path.dirname(os.path.abspath(__file__)), "registry"), MODULE))
    except Skip as e:
        return skip_program(str(e))
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
