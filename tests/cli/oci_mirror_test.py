#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""registries.conf: mirrors, locations, blocked registries and short names, with registries on this machine.

    oci_mirror_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import base64
import json
import os
import shutil
import sys

from registry import Registry, cut, status
from repo import FAILED, expect, good, has, loaded, main, run, write

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
SECRET = "Basic " + base64.b64encode(b"user:secret").decode()
TESTS = []


def test(function):
    """Run it with a repository, a registry that stands for r.example, and a mirror; without files of the user."""
    def with_registries():
        good("init", "--insecure", "--hash=sha256", "r")
        for name in ("HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        os.environ.pop("XDG_CONFIG_HOME", None)
        os.environ["REGISTRY_AUTH_FILE"] = os.path.abspath("auth.json")
        os.environ["CONTAINERS_REGISTRIES_CONF"] = os.path.abspath("registries.conf")
        write("auth.json", "{}")
        with Registry(f"{GOLDEN}/basic") as registry, Registry(f"{GOLDEN}/basic") as mirror:
            configure(registry, [mirror])
            function(registry, mirror)
    with_registries.__name__ = function.__name__
    TESTS.append(with_registries)


def configure(registry, mirrors, table="", mirror="", rest=""):
    tables = [f'[[registry]]\nprefix = "r.example"\nlocation = "{registry.host}"\n{table}\n']
    tables += [f'[[registry.mirror]]\nlocation = "{m.host}"\n{mirror}\n' for m in mirrors]
    write("registries.conf", "".join(tables) + rest)


def pull(*options, source="r.example/a:latest"):
    return run("oci", "pull", "--repo=r", *options, source, "x")


def manifests(registry):
    """Requests for the manifest; not those for its referrers, in a tag that begins so."""
    return [r for r in registry.requests if "/manifests/" in r[0] and "/manifests/sha256-" not in r[0]]


def refused(*parts, source="r.example/a:latest", options=()):
    rc, out, err = pull(*options, source=source)
    expect((rc, out), (FAILED, ""))
    for part in parts:
        has(err, part)
    return err


@test
def mirror_serves_everything_and_is_named_with_v(registry, mirror):
    rc, out, err = pull()
    expect((rc, out.strip(), err), (0, BASIC, ""))
    expect((registry.requests, len(manifests(mirror))), ([], 1))
    has(pull("-v")[2], f"the image comes from {mirror.host}/a")


@test
def mirror_without_the_image_is_named_and_the_next_is_asked(registry, mirror):
    with Registry("missing") as empty:
        shutil.copytree(f"{GOLDEN}/basic", "missing")
        write("missing/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
        configure(registry, [empty, mirror])
        rc, out, err = pull()
        expect((rc, out.strip()), (0, BASIC))
        has(err, f"warning: mirror {empty.host}/a: the registry answers with status 404")
        expect((registry.requests, len(manifests(empty))), ([], 1))


@test
def mirrors_that_fail_leave_the_registry(registry, mirror):
    shutil.copytree(f"{GOLDEN}/basic", "missing")
    write("missing/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
    mirror.path = "missing"
    expect(pull()[1].strip(), BASIC)
    expect((len(manifests(registry)), len(mirror.requests)), (1, 1))
    registry.path = "missing"
    refused(f"mirror {mirror.host}/a: the registry answers with status 404", f"{registry.host}/a: the registry answers with status 404")


@test
def mirror_that_sends_another_manifest_for_a_digest_is_left(registry, mirror):
    digest = loaded("oci", "pull", "--repo=r", "--json", "r.example/a:latest", "y")["manifest_digest"]
    mirror.changed[digest] = mirror.find("manifests", digest) + b" "
    rc, out, err = pull(source=f"r.example/a@{digest}")
    expect((rc, out.strip()), (0, BASIC))
    has(err, f"mirror {mirror.host}/a: digest mismatch")
    expect(len(manifests(registry)), 1)


@test
def mirror_that_sends_other_bytes_of_a_blob_is_refused(_, mirror):
    mirror.faults = [lambda handler, body: handler.answer(200, bytes(len(body)))]
    refused("digest mismatch")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])


@test
def mirror_is_resumed_where_it_broke(_, mirror):
    mirror.faults = [cut(10), status(503)]
    expect(pull()[1].strip(), BASIC)


@test
def mirror_for_digests_is_not_asked_for_a_tag(registry, mirror):
    for table, per_mirror in (("mirror-by-digest-only = true", ""), ("", 'pull-from-mirror = "digest-only"')):
        configure(registry, [mirror], table, per_mirror)
        digest = loaded("oci", "pull", "--repo=r", "--json", "r.example/a:latest", "x")["manifest_digest"]
        expect(mirror.requests, [])
        expect(pull(source=f"r.example/a@{digest}")[0], 0)
        expect(len(manifests(mirror)), 1)
        mirror.requests.clear()


# --- credentials ---------------------------------------------------------------------------


def log_in(*hosts):
    write("auth.json", json.dumps({"auths": {host: {"auth": base64.b64encode(b"user:secret").decode()} for host in hosts}}))


@test
def credentials_of_the_registry_do_not_go_to_a_mirror(registry, mirror):
    mirror.auth = "basic"
    log_in("r.example", registry.host)
    rc, out, err = pull()
    expect((rc, out.strip()), (0, BASIC))
    has(err, f"mirror {mirror.host}/a: ")
    expect({r[1] for r in mirror.requests}, {None})


@test
def credentials_of_the_mirror_go_to_it_and_not_to_the_registry(registry, mirror):
    mirror.auth = "basic"
    log_in(mirror.host)
    expect(pull()[1].strip(), BASIC)
    expect(SECRET in {r[1] for r in mirror.requests}, True)
    mirror.path, registry.auth = "nothing", "basic"
    write("nothing/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
    refused(f"{registry.host}/a: ")
    expect({r[1] for r in registry.requests}, {None})


@test
def credentials_by_option_go_to_the_named_host_alone(registry, mirror):
    mirror.auth = registry.auth = "basic"
    refused("asks for credentials", options=("--creds=user:secret",))
    expect({r[1] for r in mirror.requests + registry.requests}, {None})
    write("registries.conf", f'[[registry]]\nlocation = "{registry.host}"\n[[registry.mirror]]\nlocation = "{mirror.host}"\n')
    expect(pull("--creds=user:secret", source=f"{registry.host}/a:latest")[1].strip(), BASIC)
    expect({r[1] for r in mirror.requests}, {None})


@test
def token_of_a_mirror_does_not_go_to_the_registry(registry, mirror):
    mirror.auth = "bearer"
    digest = loaded("oci", "pull", "--repo=r", "--json", "r.example/a:latest", "y")["manifest_digest"]
    expect("Bearer " + mirror.token in {r[1] for r in mirror.requests}, True)
    mirror.changed[digest] = mirror.find("manifests", digest) + b" "
    expect(pull(source=f"r.example/a@{digest}")[1].strip(), BASIC)
    expect({r[1] for r in registry.requests}, {None})


# --- other settings ------------------------------------------------------------------------


@test
def blocked_registry_is_not_asked(registry, mirror):
    configure(registry, [mirror], "blocked = true")
    refused("registries.conf blocks r.example")
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "app")
    rc, _, err = run("oci", "push", "--repo=r", "app", "r.example/a:1")
    expect(rc, FAILED)
    has(err, "registries.conf blocks r.example")
    expect(registry.requests + mirror.requests + registry.sent, [])


@test
def short_name_goes_to_no_registry_without_an_alias(registry, mirror):
    write("registries.conf", f'unqualified-search-registries = ["{registry.host}"]\n')
    for name in ("a", "a:latest", "library/a", "a@sha256:" + 64 * "0"):
        refused("a short name: expected HOST/NAME", "docker.io", source=name)
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic", "x")
    rc, _, err = run("oci", "push", "--repo=r", "x", "a:1")
    expect(rc, FAILED)
    has(err, "a short name")
    expect(registry.requests + mirror.requests, [])


@test
def short_name_with_an_alias_is_pulled(registry, mirror):
    configure(registry, [mirror], rest='[aliases]\n"app" = "r.example/a"\n"bad" = "a"\n')
    rc, out, err = pull("-v", source="app:latest")
    expect((rc, out.strip()), (0, BASIC))
    has(err, f"the image comes from {mirror.host}/a")
    refused('alias "a": expected HOST/NAME', source="bad")


@test
def config_that_is_malformed_stops_the_pull(registry, mirror):
    write("registries.conf", "[[registry]]\nblocked = maybe\n")
    refused("registries.conf: line 2: expected a string in quotes, true, false")
    os.environ["CONTAINERS_REGISTRIES_CONF"] = "/nonexistent/registries.conf"
    refused("/nonexistent/registries.conf: no such file")
    expect(registry.requests + mirror.requests, [])


@test
def config_of_the_user_and_drop_in_files_are_read(registry, mirror):
    os.environ.pop("CONTAINERS_REGISTRIES_CONF")
    configure(registry, [mirror])
    os.makedirs("home/.config/containers")
    os.rename("registries.conf", "home/.config/containers/registries.conf")
    expect(pull()[1].strip(), BASIC)
    expect(registry.requests, [])
    write("home/.config/containers/registries.conf.d/2.conf", '[[registry]]\nprefix = "r.example"\nblocked = true\n')
    write("home/.config/containers/registries.conf.d/1.conf", f'[[registry]]\nprefix = "r.example"\nlocation = "{registry.host}"\n')
    write("home/.config/containers/registries.conf.d/3.txt", "not read")
    refused("registries.conf blocks r.example")
    os.remove("home/.config/containers/registries.conf.d/2.conf")
    mirror.requests.clear()
    expect(pull()[1].strip(), BASIC)
    expect((mirror.requests, len(manifests(registry))), ([], 1))


if __name__ == "__main__":
    sys.exit(main(TESTS))
