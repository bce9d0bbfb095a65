#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images between composefs, docker-registry, skopeo and umoci: what one has sent, the others read.

    oci_clients_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, run_facts_each_in, skip_program, wait_until  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS, GOLDEN = map(os.path.abspath, sys.argv[1:3])
PROGRAMS = ("docker-registry", "skopeo", "umoci", "htpasswd")
IMAGES = ("basic", "whiteouts", "opaque", "hardlinks", "names")
COMPRESSIONS = ("gzip", "zstd", "none")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def out(*command):
    done = run(*command)
    ensure(done.returncode == 0, f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A docker-registry on a free port."""

    def __init__(self, top, auth=""):
        # Another program may take a free port before the registry does; the registry ends then.
        for _ in range(10):
            port = free_port()
            self.host = f"127.0.0.1:{port}"
            self.process = self.start(top, port, auth)
            wait_until(lambda port=port: self.process.poll() is not None or answers(port), "docker-registry")
            if self.process.poll() is None:
                return
        raise AssertionError("expected a registry that listens, got one that ends")

    def start(self, top, port, auth):
        with open(f"{top}/{port}.yml", "w", encoding="utf-8") as f:
            f.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {top}/{port}}}}}\n"
                    f"http: {{addr: {self.host}}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n{auth}")
        # It takes variables REGISTRY_... for its settings.
        env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
        with open(f"{top}/{port}.log", "wb") as log:
            return subprocess.Popen(["docker-registry", "serve", f"{top}/{port}.yml"], stdout=log, stderr=log, env=env)  # pylint: disable=consider-using-with

    def close(self):
        self.process.kill()
        self.process.wait()


class Place:
    """A directory with a repository, and registries."""

    def __init__(self):
        self.top = tempfile.mkdtemp()
        self.servers = []
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
            os.environ[name] = f"{self.top}/home"
        os.environ["REGISTRY_AUTH_FILE"] = f"{self.top}/auth.json"
        self.make_repo("r")

    def close(self):
        for server in self.servers:
            server.close()
        shutil.rmtree(self.top)

    def make_repo(self, name):
        out(COMPOSEFS, "init", "--insecure", "--hash=sha256", f"{self.top}/{name}")

    def serve(self, auth=""):
        self.servers.append(Server(self.top, auth))
        return self.servers[-1].host

    def oci(self, verb, *args, repo="r"):
        return out(COMPOSEFS, "oci", verb, f"--repo={self.top}/{repo}", *args)

    def pull_golden(self, name):
        return self.oci("pull", f"oci:{GOLDEN}/{name}:latest", name)


@fact
def images_of_skopeo_are_pulled_from_docker_registry(place):
    host = place.serve()
    place.make_repo("other")
    for name in IMAGES:
        out("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{GOLDEN}/{name}:latest", f"docker://{host}/team/{name}:1")
        expect(place.oci("pull", f"{host}/team/{name}:1", name, repo="other"), place.pull_golden(name), name)


@fact
def pushed_images_come_back_through_skopeo(place):
    host = place.serve()
    for name in IMAGES:
        image = place.pull_golden(name)
        for kind in COMPRESSIONS:
            digest = place.oci("push", f"--compression={kind}", name, f"{host}/{name}:{kind}")
            out("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{host}/{name}:{kind}", f"oci:{place.top}/l-{name}:{kind}")
            if kind != "none":  # skopeo compresses such layers
                expect(json.loads(out("skopeo", "inspect", f"oci:{place.top}/l-{name}:{kind}"))["Digest"], digest, f"{name}, {kind}")
            place.make_repo(f"{name}-{kind}")
            expect(place.oci("pull", f"oci:{place.top}/l-{name}:{kind}", "x", repo=f"{name}-{kind}"), image, f"{name}, {kind}")


@fact
def pushed_layouts_are_copied_by_skopeo(place):
    host = place.serve()
    image = place.pull_golden("whiteouts")
    place.oci("push", "whiteouts", f"oci:{place.top}/layout:1")
    out("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{place.top}/layout:1", f"docker://{host}/a:1")
    place.make_repo("other")
    expect(place.oci("pull", f"{host}/a:1", "x", repo="other"), image)


@fact
def push_again_to_docker_registry_sends_no_blob(place):
    host = place.serve()
    place.pull_golden("basic")
    first = json.loads(place.oci("push", "--json", "basic", f"{host}/a:1"))
    again = json.loads(place.oci("push", "--json", "basic", f"{host}/a:2"))
    expect(again, {**first, "layers_present": first["layers"], "bytes_sent": 0})


@fact
def large_layer_is_pushed_and_pulled(place):
    host = place.serve()
    os.mkdir(f"{place.top}/usr")
    with open(f"{place.top}/usr/random", "wb") as f:
        f.write(os.urandom(8 << 20))
    out("tar", "-C", place.top, "-cf", f"{place.top}/large.tar", "usr")
    out("umoci", "init", "--layout", f"{place.top}/made")
    out("umoci", "new", "--image", f"{place.top}/made:1")
    out("umoci", "raw", "add-layer", "--image", f"{place.top}/made:1", f"{place.top}/large.tar")
    image = place.oci("pull", f"oci:{place.top}/made:1", "large")
    place.oci("push", "large", f"{host}/large:1")
    place.make_repo("other")
    expect(place.oci("pull", f"{host}/large:1", "x", repo="other"), image)


@fact
def docker_registry_with_passwords_wants_a_login(place):
    with open(f"{place.top}/htpasswd", "w", encoding="utf-8") as f:
        f.write(out("htpasswd", "-nbB", "user", "secret") + "\n")
    host = place.serve(f"auth: {{htpasswd: {{realm: test, path: {place.top}/htpasswd}}}}\n")
    image = place.pull_golden("basic")
    for creds, part in (([], "log in with podman login"), (["--creds=user:wrong"], "refuses the credentials")):
        done = run(COMPOSEFS, "oci", "push", f"--repo={place.top}/r", *creds, "basic", f"{host}/a:1")
        ensure(done.returncode == 1 and part in done.stderr, done.stderr)
    place.oci("push", "--creds=user:secret", "basic", f"{host}/a:1")
    out("skopeo", "login", "--tls-verify=false", "-u", "user", "-p", "secret", host)
    place.oci("push", "basic", f"{host}/a:2")
    place.make_repo("other")
    expect(place.oci("pull", f"{host}/a:2", "x", repo="other"), image)


@fact
def umoci_unpacks_what_is_mounted(place):
    if os.geteuid():
        raise Skip("needs root")
    for name in IMAGES[:-1]:  # umoci does not know the global headers of names
        place.pull_golden(name)
        place.oci("push", name, f"oci:{place.top}/layout:{name}")
        out("umoci", "unpack", "--image", f"{place.top}/layout:{name}", f"{place.top}/{name}")
        os.mkdir(f"{place.top}/m-{name}")
        place.oci("mount", name, f"{place.top}/m-{name}")
        try:
            difference = run(COMPOSEFS, "diff", f"{place.top}/{name}/rootfs", f"{place.top}/m-{name}").stdout.splitlines()[:-1]
        finally:
            subprocess.run(["umount", f"{place.top}/m-{name}"], check=True)
        # The root directory gets its metadata from /usr, which is a rule of the profile oci-1.
        expect([line for line in difference if not line.startswith("/\t")], [], name)


def need(program):
    if os.geteuid() or not shutil.which(program):
        raise Skip(f"{program} is not installed, or this is not root")


def podman_options(place, name):
    """Stores below the directory; the driver vfs, which works on every filesystem. The file with credentials must exist."""
    with open(f"{place.top}/auth.json", "w", encoding="utf-8") as f:
        f.write("{}")
    return f"--root={place.top}/{name}", f"--runroot={place.top}/{name}-run", "--storage-driver=vfs"


@fact
def image_that_buildah_built_and_pushed_is_pulled(place):
    need("buildah")
    host = place.serve()
    os.makedirs(f"{place.top}/context/usr")
    with open(f"{place.top}/context/usr/random", "wb") as f:
        f.write(os.urandom(100000))
    with open(f"{place.top}/context/Containerfile", "w", encoding="utf-8") as f:
        f.write("FROM scratch\nCOPY usr /usr\nCOPY usr/random /usr/again\nLABEL a=b\n")
    options = podman_options(place, "buildah")
    out("buildah", *options, "build", "--layers", "-q", "-t", "localhost/built:1", f"{place.top}/context")
    for kind in ("gzip", "zstd"):
        out("buildah", *options, "push", "-q", "--tls-verify=false", f"--compression-format={kind}", "localhost/built:1", f"docker://{host}/built:{kind}")
        place.make_repo(kind)
        expect(place.oci("pull", f"{host}/built:{kind}", "x", repo=kind), place.oci("pull", f"{host}/built:gzip", "x"), kind)
        mounted = f"{place.top}/m-{kind}"
        os.mkdir(mounted)
        place.oci("mount", "x", mounted, repo=kind)
        try:
            for name in ("random", "again"):
                out("cmp", f"{place.top}/context/usr/random", f"{mounted}/usr/{name}")
        finally:
            subprocess.run(["umount", mounted], check=True)


@fact
def podman_has_the_files_of_an_image_that_was_pushed(place):
    """It is not run here: oci_run_test.py does that."""
    need("podman")
    host = place.serve()
    options = podman_options(place, "podman")
    for kind in COMPRESSIONS:
        image = place.pull_golden("basic")
        place.oci("push", f"--compression={kind}", "basic", f"{host}/basic:{kind}")
        pulled = out("podman", *options, "pull", "-q", "--tls-verify=false", f"{host}/basic:{kind}")
        expect("sha256:" + pulled, json.loads(place.oci("inspect", "basic"))["config_digest"])
        out("podman", *options, "save", "-q", "--format=oci-archive", "-o", f"{place.top}/{kind}.tar", pulled)
        place.make_repo(kind)
        expect(place.oci("pull", f"oci-archive:{place.top}/{kind}.tar", "x", repo=kind), image, kind)


@fact
def index_of_all_platforms_is_copied_by_skopeo(place):
    host = place.serve()
    first = json.loads(place.oci("pull", "--all-platforms", "--json", f"oci:{GOLDEN}/index:latest", "i"))["images"]
    digest = place.oci("push", "--all-platforms", "i", f"{host}/i:1")
    out("skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{host}/i:1", f"docker://{host}/copy:1")
    place.make_repo("other")
    told = json.loads(place.oci("pull", "--all-platforms", "--json", f"{host}/copy:1", "i", repo="other"))
    expect((told["index_digest"], [(i["platform"], i["id"]) for i in told["images"]]), (digest, [(i["platform"], i["id"]) for i in first]))


def main():
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        return skip_program("not installed: " + ", ".join(missing))
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
