#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images from a registry: authentication, broken transfers, and answers that are not true.

    oci_registry_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import base64
import json
import os
import sys

from registry import Registry, cut, other_bytes, redirect, status, too_long, wrong_range
from repo import FAILED, OK, expect, good, has, loaded, main, run, write

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
TESTS = []


def test(function):
    """Run it with a new repository, without credentials of the user, and with a registry that has the image basic."""
    def with_registry():
        good("init", "--insecure", "--hash=sha256", "r")
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        os.environ["REGISTRY_AUTH_FILE"] = os.path.abspath("auth.json")
        with Registry(f"{GOLDEN}/basic") as registry:
            function(registry)
    with_registry.__name__ = function.__name__
    TESTS.append(with_registry)


def pull(registry, *options, reference="a:latest"):
    return good("oci", "pull", "--repo=r", *options, f"{registry.host}/{reference}", "x").strip()


def refuse(registry, part, *options, reference="a:latest"):
    rc, out, err = run("oci", "pull", "--repo=r", *options, f"{registry.host}/{reference}", "x")
    expect((rc, out), (FAILED, ""))
    has(err, part)
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])


def asked(registry, part):
    return [r for r in registry.requests if part in r[0]]


@test
def registry_image_is_pulled(registry):
    expect(pull(registry), BASIC)


@test
def registry_image_is_pulled_by_digest(registry):
    digest = loaded("oci", "pull", "--json", "--repo=r", f"{registry.host}/a:latest", "x")["manifest_digest"]
    expect(pull(registry, reference=f"a@{digest}"), BASIC)
    expect(pull(registry, reference=f"a:other@{digest}"), BASIC)


@test
def registry_pull_again_transfers_no_layer(registry):
    pull(registry)
    registry.requests.clear()
    pull(registry)
    expect(len(asked(registry, "/blobs/")), 1)  # the configuration


@test
def registry_that_has_no_such_image_is_named(registry):
    refuse(registry, "status 404: NAME_UNKNOWN", reference="a:none")


@test
def registry_manifest_that_is_too_large_is_refused(registry):
    registry.put("large", registry.find("manifests", "latest") + b" " * (4 << 20))
    refuse(registry, "at most 4194304 bytes", reference="a:large")


# --- authentication ------------------------------------------------------------------------


def auth_file(registry, auth=b"user:secret"):
    write("auth.json", json.dumps({"auths": {registry.host: {"auth": base64.b64encode(auth).decode()}}}))


@test
def registry_gets_basic_credentials(registry):
    registry.auth = "basic"
    refuse(registry, "log in with podman login")
    expect(pull(registry, "--creds=user:secret"), BASIC)
    auth_file(registry)
    expect(pull(registry), BASIC)


@test
def registry_refuses_wrong_credentials(registry):
    registry.auth = "basic"
    refuse(registry, "refuses the credentials", "--creds=user:wrong")


@test
def registry_gets_a_token_and_no_password(registry):
    registry.auth = "bearer"
    auth_file(registry)
    expect(pull(registry), BASIC)
    secret = "Basic " + base64.b64encode(b"user:secret").decode()
    expect({r[1] for r in asked(registry, "/token")}, {secret})
    expect(secret in {r[1] for r in asked(registry, "/v2/")}, False)
    expect({r[3] for r in asked(registry, "/token")}, {"service=s&scope=repository%3Aa%3Apull"})


@test
def registry_token_serves_all_transfers(registry):
    registry.auth = "bearer"
    pull(registry)
    expect(len(asked(registry, "/token")), 1)


@test
def registry_asks_a_credential_helper(registry):
    registry.auth = "basic"
    write("bin/docker-credential-test", "#!/bin/sh\nread key; echo \"$key\" >key; echo '{\"Username\":\"user\",\"Secret\":\"secret\"}'\n")
    os.chmod("bin/docker-credential-test", 0o755)
    write("auth.json", json.dumps({"credHelpers": {registry.host: "test"}}))
    path, os.environ["PATH"] = os.environ["PATH"], f"{os.getcwd()}/bin:{os.environ['PATH']}"
    expect(pull(registry), BASIC)
    os.environ["PATH"] = path
    with open("key", encoding="utf-8") as f:
        expect(f.read().strip(), registry.host)


@test
def registry_that_never_accepts_its_token_is_left(registry):
    registry.auth = "bearer"
    registry.challenge = f'Bearer realm="{registry.url}/token"'
    registry.is_accepted = lambda said: False
    refuse(registry, "status 401")
    expect(len(asked(registry, "/token")), 2)


@test
def registry_names_a_bad_token_server(registry):
    registry.auth = "bearer"
    for challenge, part in (('Bearer realm="ftp://x/"', "expected a URL"), ('Bearer realm="http://public.example/t"', "expected https"),
                            ("Bearer", "without a realm"), ('Digest realm="x"', "expected Basic or Bearer"),
                            ('Bearer realm="https://u:p@host.example/"', "with credentials"), ('Bearer realm="x', "malformed"),
                            (f'Bearer realm="http://localhost:{"p" * 300}@host.example/"', "with credentials")):
        registry.challenge = challenge
        refuse(registry, part)


# --- broken transfers ----------------------------------------------------------------------


@test
def registry_transfer_goes_on_where_it_broke(registry):
    registry.faults = [None, cut(1000), cut(500)]
    expect(pull(registry), BASIC)
    ranges = [r[2] for r in asked(registry, "/blobs/")]
    expect([r.split("-")[0] for r in ranges if r], ["bytes=1000", "bytes=1500"])


@test
def registry_without_ranges_starts_anew(registry):
    registry.has_ranges = False
    registry.faults = [None, cut(1000)]
    expect(pull(registry), BASIC)


@test
def registry_that_is_busy_is_asked_again(registry):
    registry.faults = [None, status(429, Retry_After="1"), status(503)]
    expect(pull(registry), BASIC)


@test
def registry_that_stays_broken_is_left(registry):
    registry.faults = [None] + [status(500)] * 20
    refuse(registry, "status 500: FAULT")
    expect(len(registry.faults) >= 16, True)


@test
def registry_that_sends_single_bytes_is_left(registry):
    registry.faults = [None] + [cut(1)] * 20
    refuse(registry, " with 3068 bytes ")  # "transfer closed with", "end of response with"
    expect(len(registry.faults), 16)


@test
def registry_tag_of_a_blob_is_no_line_of_the_next_request(registry):
    """The tag of the first answer is sent with the request for the rest."""
    seen = []

    def answer_with_tag(handler, body):
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "1\rX-Evil: 1"\r\nContent-Length: %d\r\n\r\n' % len(body) + body[:700])
        handler.close_connection = True

    def answer_rest(handler, body):
        seen.append(handler.headers.get("If-Range"))
        handler.send_blob(body)
    registry.faults = [None, answer_with_tag, answer_rest]
    rc, _, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:latest", "x")
    if rc:
        has(err, "Carriage return found in header")  # curl 8.16 and newer
    else:
        expect(seen, [None])


@test
def registry_that_forbids_is_not_asked_again(registry):
    registry.faults = [None, status(403)]
    refuse(registry, "status 403")


# --- the process that speaks with the registry -----------------------------------------------


def status_of(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def transfers():
    """The status of each helper below this process. Below a helper is another one: it finds credentials, and hears nothing
    of the registry."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found[pid] = status_of(pid)
        except OSError:
            pass  # it ended meanwhile

    def is_below(pid):
        return pid in found and (pid == str(os.getpid()) or is_below(found[pid]["PPid"]))
    helpers = {pid for pid in found if found[pid]["Name"] == "composefs-regis" and is_below(pid)}
    return [found[pid] for pid in helpers if found[pid]["PPid"] not in helpers]


@test
def registry_is_heard_by_a_process_without_rights(registry):
    seen = []

    def look_and_answer(handler, body):
        seen.extend(transfers())
        handler.send_blob(body)
    registry.faults = [None, look_and_answer]
    expect(pull(registry), BASIC)
    expect([(s["Seccomp"], s["NoNewPrivs"], int(s["CapEff"], 16)) for s in seen], [("2", "1", 0)])


# --- what is not true ----------------------------------------------------------------------


@test
def registry_blob_with_other_bytes_is_refused(registry):
    registry.faults = [None, other_bytes]
    refuse(registry, "digest mismatch")


@test
def registry_blob_that_is_too_long_is_refused(registry):
    registry.faults = [None, too_long]
    refuse(registry, "got more")


@test
def registry_other_range_than_asked_for_is_refused(registry):
    registry.faults = [None, wrong_range]
    refuse(registry, "expected the requested range")


@test
def registry_config_with_other_bytes_is_refused(registry):
    registry.faults = [other_bytes]
    refuse(registry, "digest mismatch")


@test
def registry_manifest_with_other_bytes_is_refused_by_digest(registry):
    digest = loaded("oci", "pull", "--json", "--repo=r", f"{registry.host}/a:latest", "x")["manifest_digest"]
    good("oci", "rm", "--repo=r", "x")
    registry.changed[digest] = registry.find("manifests", "latest").replace(b"397", b"398") + b" "
    refuse(registry, "digest mismatch", reference=f"a@{digest}")


@test
def registry_credentials_go_to_no_other_host(registry):
    with Registry(f"{GOLDEN}/basic") as other:
        registry.auth = "basic"
        registry.faults = [redirect(other.url), redirect(other.url)]
        expect(pull(registry, "--creds=user:secret"), BASIC)
        expect([r[1] for r in other.requests], [None, None])


@test
def registry_redirects_end(registry):
    registry.faults = [redirect(registry.url)] * 20
    refuse(registry, "redirects")


@test
def registry_reference_is_checked_before_any_request(registry):
    for reference in ("A", "a:", "a/../b", "a@sha256:12"):
        refuse(registry, "digest" if "@" in reference else "expected ", reference=reference)
    expect(registry.requests, [])


@test
def registry_pull_leaves_a_sound_repository(registry):
    registry.faults = [None, other_bytes]
    refuse(registry, "digest")
    expect(run("fsck", "--repo=r")[0], OK)
    pull(registry)
    expect(run("fsck", "--repo=r")[0], OK)


if __name__ == "__main__":
    sys.exit(main(TESTS))
