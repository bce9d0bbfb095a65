#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Certificates of one registry: /etc/containers/certs.d/HOST and /etc/docker/certs.d/HOST, with several authorities.

    oci_certs_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci

Needs root, and one of the directories above certs.d; works in a mount namespace of its own.
"""
import os
import shutil
import subprocess
import sys

from scene import enter_namespace, skip_all

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
# pylint: disable=wrong-import-position
from registry import Registry
from repo import FAILED, expect, good, has, main, run, write
from tls import HOST, Proxy, make_authority, make_certificate, need_openssl, speak_tls

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
PLACES = [place for place in ("/etc/containers", "/etc/docker") if os.path.isdir(place)]
TESTS = []


def test(function):
    """Run it for each place of certificates, which is empty, with a registry behind a proxy as r.example."""
    def with_registry():
        write("registries.conf", "")
        os.environ.update(CONTAINERS_REGISTRIES_CONF=os.path.abspath("registries.conf"), REGISTRY_AUTH_FILE=os.path.abspath("auth.json"))
        for name in ("ca1", "ca2", "ca3"):
            make_authority(name)
        for place in PLACES:
            shutil.rmtree("r", ignore_errors=True)
            good("init", "--insecure", "--hash=sha256", "r")
            for certs in (f"{p}/certs.d" for p in PLACES):
                shutil.rmtree(certs, ignore_errors=True)
            os.makedirs(f"{place}/certs.d/{HOST}")
            with Registry(f"{GOLDEN}/basic") as registry, Proxy() as proxy:
                proxy.targets[f"{HOST}:443"] = ("127.0.0.1", registry.server.server_port)
                os.environ["HTTPS_PROXY"] = proxy.url
                function(registry, f"{place}/certs.d")
    with_registry.__name__ = function.__name__
    TESTS.append(with_registry)


def pull():
    rc, out, err = run("oci", "pull", "--repo=r", f"{HOST}/a:latest", "x")
    return rc, out.strip(), err


def refused():
    rc, out, err = pull()
    expect((rc, out), (FAILED, ""))
    has(err, "certificate")


@test
def certs_of_several_authorities_are_all_trusted(registry, certs):
    for number, authority in enumerate(("ca1", "ca2")):
        shutil.copy(f"{authority}.crt", f"{certs}/{HOST}/{number}.crt")
    for authority in ("ca1", "ca2"):
        make_certificate(authority, "server")
        with Registry(f"{GOLDEN}/basic") as other, Proxy() as proxy:
            speak_tls(other, "server")
            proxy.targets[f"{HOST}:443"] = ("127.0.0.1", other.server.server_port)
            os.environ["HTTPS_PROXY"] = proxy.url
            expect(pull(), (0, BASIC, ""))
    expect(registry.requests, [])


@test
def certs_of_no_listed_authority_are_refused(registry, certs):
    make_certificate("ca3", "server")
    speak_tls(registry, "server")
    refused()
    for number, authority in enumerate(("ca1", "ca2")):
        shutil.copy(f"{authority}.crt", f"{certs}/{HOST}/{number}.crt")
    refused()
    shutil.copy("ca3.crt", f"{certs}/{HOST}/ca3.pem")
    refused()
    expect(registry.requests, [])


@test
def certs_of_another_registry_have_no_effect(registry, certs):
    make_certificate("ca1", "server")
    speak_tls(registry, "server")
    for host in ("other.example", f"{HOST}:5000", "example"):
        os.makedirs(f"{certs}/{host}")
        shutil.copy("ca1.crt", f"{certs}/{host}/ca.crt")
    refused()
    expect(registry.requests, [])


@test
def certs_identify_the_client(registry, certs):
    make_certificate("ca1", "server")
    make_certificate("ca2", "client", "client.example")
    speak_tls(registry, "server", client_authority="ca2")
    shutil.copy("ca1.crt", f"{certs}/{HOST}/ca.crt")
    rc, out, _ = pull()
    expect((rc, out, registry.requests), (FAILED, "", []))
    shutil.copy("client.crt", f"{certs}/{HOST}/client.cert")
    shutil.copy("client.key", f"{certs}/{HOST}/client.key")
    expect(pull(), (0, BASIC, ""))


if __name__ == "__main__":
    need_openssl()
    enter_namespace()
    if not PLACES:
        skip_all("there is neither /etc/containers nor /etc/docker")
    for each in PLACES:
        subprocess.run(["mount", "-t", "tmpfs", "none", each], check=True)
    sys.exit(main(TESTS))
