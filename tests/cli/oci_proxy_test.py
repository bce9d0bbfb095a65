#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Registries behind a proxy: HTTPS_PROXY, http_proxy and NO_PROXY, and certificates of an authority.

    oci_proxy_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import os
import sys

from registry import Registry
from repo import FAILED, expect, good, has, main, run, write
from tls import HOST, Proxy, make_authority, make_certificate, need_openssl, speak_tls

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "CURL_CA_BUNDLE")
TESTS = []


def test(function):
    """Run it with a repository, a registry and a proxy, and without settings of the user."""
    def with_proxy():
        good("init", "--insecure", "--hash=sha256", "r")
        write("registries.conf", "")
        os.environ["CONTAINERS_REGISTRIES_CONF"] = os.path.abspath("registries.conf")
        os.environ["REGISTRY_AUTH_FILE"] = os.path.abspath("auth.json")
        for name in PROXIES:
            os.environ.pop(name, None)
        with Registry(f"{GOLDEN}/basic") as registry, Proxy() as proxy:
            function(registry, proxy)
        for name in PROXIES:
            os.environ.pop(name, None)
    with_proxy.__name__ = function.__name__
    TESTS.append(with_proxy)


def behind(registry, proxy):
    """The registry speaks TLS, and is r.example for who asks the proxy."""
    make_authority("ca")
    make_certificate("ca", "server")
    speak_tls(registry, "server")
    proxy.targets[f"{HOST}:443"] = ("127.0.0.1", registry.server.server_port)


def pull(source):
    return run("oci", "pull", "--repo=r", source, "x")


@test
def proxy_for_https_leads_to_the_registry(registry, proxy):
    behind(registry, proxy)
    os.environ["CURL_CA_BUNDLE"] = os.path.abspath("ca.crt")
    for name in ("HTTPS_PROXY", "https_proxy"):
        os.environ[name] = proxy.url
        rc, out, err = pull(f"{HOST}/a:latest")
        expect((rc, out.strip(), err), (0, BASIC, ""))
        expect(set(proxy.asked), {f"{HOST}:443"})
        os.environ.pop(name)
        proxy.asked.clear()


@test
def proxy_sees_no_credentials_of_the_registry(registry, proxy):
    behind(registry, proxy)
    registry.auth = "basic"
    os.environ["CURL_CA_BUNDLE"], os.environ["HTTPS_PROXY"] = os.path.abspath("ca.crt"), proxy.url
    expect(good("oci", "pull", "--repo=r", "--creds=user:secret", f"{HOST}/a:latest", "x").strip(), BASIC)
    expect(set(proxy.asked), {f"{HOST}:443"})


@test
def proxy_is_not_asked_for_a_host_of_no_proxy(registry, proxy):
    behind(registry, proxy)
    os.environ["CURL_CA_BUNDLE"], os.environ["HTTPS_PROXY"] = os.path.abspath("ca.crt"), proxy.url
    os.environ["NO_PROXY"] = f"other.example,{HOST}"
    rc, out, err = pull(f"{HOST}/a:latest")
    expect((rc, out, proxy.asked), (FAILED, "", []))
    has(err, f"{HOST}/a:latest")
    os.environ["NO_PROXY"] = "other.example"
    expect(pull(f"{HOST}/a:latest")[1].strip(), BASIC)


@test
def proxy_for_http_is_asked_for_plain_registries(registry, proxy):
    os.environ["http_proxy"] = proxy.url
    rc, _, err = pull(f"{registry.host}/a:latest")
    expect((rc, registry.requests), (FAILED, []))
    has(err, "status 403")
    expect(proxy.asked, [f"{registry.url}/v2/a/manifests/latest"])
    os.environ["no_proxy"] = "127.0.0.1"
    proxy.asked.clear()
    expect((pull(f"{registry.host}/a:latest")[1].strip(), proxy.asked), (BASIC, []))


@test
def proxy_that_forwards_to_another_server_is_noticed(registry, proxy):
    behind(registry, proxy)
    make_authority("other")
    os.environ["CURL_CA_BUNDLE"], os.environ["HTTPS_PROXY"] = os.path.abspath("other.crt"), proxy.url
    rc, _, err = pull(f"{HOST}/a:latest")
    expect((rc, registry.requests), (FAILED, []))
    has(err, "certificate")


if __name__ == "__main__":
    need_openssl()
    sys.exit(main(TESTS))
