#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs repair --from=URL: what an HTTP server has is fetched, and what it says otherwise does not enter.

    repo_fetch_test.py COMPOSEFS
"""
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading

from repo import COMPOSEFS, DAMAGED, OK, expect, good, has, main, make, run, snapshot, write


class Server:
    """Serves the directory backup; answer, if given, is asked first and may do something else."""

    def __init__(self, answer=None, tls=None):
        self.paths, self.at_once, self.most, lock = [], 0, 0, threading.Lock()
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *args):
                super().__init__(*args, directory="backup")

            def do_GET(self):  # pylint: disable=invalid-name
                with lock:
                    outer.paths.append(self.path)
                    outer.at_once += 1
                    outer.most = max(outer.most, outer.at_once)
                try:
                    if not (answer and answer(self)):
                        super().do_GET()
                except OSError:
                    self.close_connection = True  # the client has heard enough
                with lock:
                    outer.at_once -= 1

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # clients go when they have heard enough
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.http.server_port}"
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def repair(*urls):
    """(status, what was done, what was said)"""
    rc, out, err = run("repair", "--repo=r", "--json", *(f"--from={url}" for url in urls))
    return rc, {k: v for k, v in json.loads(out).items() if v and k != "left"}, err


def path_of(name):
    return good("dump-files", "--repo=r", "--backing-path-only", "os/1", name).split()[1]


def make_two():
    """r, and backup with the same."""
    make()
    shutil.copytree("r", "backup", symlinks=True)


def objects():
    return {k: v for k, v in snapshot("r/objects").items() if os.path.isfile(k)}


def missing_and_damaged_objects_are_fetched_from_a_server():
    make_two()
    before = objects()
    os.unlink(f"r/objects/{path_of('/a')}")
    write(f"r/objects/{path_of('/dir/b')}", "damaged")
    image = os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]
    write(f"r/objects/{image[:2]}/{image[2:]}", "damaged")
    with Server() as server:
        expect(repair(server.url + "/"), (OK, {"objects_quarantined": 2, "objects_fetched": 3}, ""))
        expect(sorted(server.paths), sorted("/" + k[2:] for k in before if k[2:] in {p[1:] for p in server.paths}))
    expect(objects(), before)
    expect(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)
    expect([n for n in os.listdir("r") if n.startswith(".tmp")], [])


def refused(answer, *said, tls=None):
    """The server answers so for an object that is missing: nothing enters, and one line says why."""
    if not os.path.exists("r"):
        make_two()
    path = f"r/objects/{path_of('/a')}"
    if os.path.exists(path):
        os.unlink(path)
    before = snapshot("r/objects")
    with Server(answer, tls) as server:
        rc, done, err = repair(server.url)
        expect((rc, done, err.count("\n")), (DAMAGED, {}, 1))
        for part in said:
            has(err, part)
        expect(snapshot("r/objects"), before)
        return server


def send(handler, data, length=None, status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data)
    handler.wfile.flush()
    return True


def content_with_a_wrong_digest_is_not_stored():
    refused(lambda h: send(h, b"x" * 1000), "0 fetched, 0 missing, 1 wrong, 0 failed", "the content has another digest")
    refused(lambda h: send(h, b""), "1 wrong")


def files_longer_than_the_image_records_are_not_read():
    refused(lambda h: send(h, b"a" * 1001), "1 failed", "expected at most 1000 bytes, got more")
    sent = [0]

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while sent[0] < 1 << 30:
            handler.wfile.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
            sent[0] += 0x10000
        return True

    refused(endless, "1 failed", "expected at most 1000 bytes, got more")
    expect(sent[0] < 64 << 20, True)


def truncated_downloads_are_refused():
    def truncated(handler):
        send(handler, b"a" * 500, 1000)
        handler.close_connection = True
        return True

    refused(truncated, "1 failed", "with 500 bytes")


def error_responses_are_counted():
    refused(lambda h: h.send_error(404) or True, "0 fetched, 1 missing, 0 wrong, 0 failed")
    refused(lambda h: h.send_error(503) or True, "1 failed", "503")
    refused(lambda h: send(h, b"", status=204), "1 failed", "status: expected 200, got 204")


def redirect(to):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", to(handler))
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True
    return answer


def a_bounded_number_of_redirects_is_followed():
    make_two()
    path = path_of("/a")
    os.unlink(f"r/objects/{path}")
    with Server() as real, Server(redirect(lambda h: real.url + h.path)) as server:
        expect(repair(server.url), (OK, {"objects_fetched": 1}, ""))
    server = refused(redirect(lambda h: h.path), "1 failed", "redirects")
    expect(len(server.paths) <= 6, True)
    refused(redirect(lambda h: f"file://{os.getcwd()}/backup{h.path}"), "1 failed", "rotocol")


def a_server_that_does_not_answer_is_skipped_from_then_on():
    make_two()
    paths = [path_of(name) for name in ("/a", "/dir/b", "/shared")]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        absent = f"http://127.0.0.1:{s.getsockname()[1]}"
    for path in paths:
        os.unlink(f"r/objects/{path}")
    rc, done, err = repair(absent)
    expect((rc, done, err.count("\n")), (DAMAGED, {}, 1))
    has(err, "onnect")
    shutil.move(f"backup/objects/{paths[0]}", "kept")
    with Server() as server:
        rc, done, err = repair(absent, server.url)
        expect((rc, done, err.count("\n")), (DAMAGED, {"objects_fetched": 2}, 4))  # one line a source and a round
        has(err, "2 fetched, 1 missing")
    shutil.move("kept", f"backup/objects/{paths[0]}")
    expect(repair(absent, "backup"), (OK, {"objects_fetched": 1}, ""))


def make_tls():
    """The server side of TLS, with a self-signed certificate."""
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                           "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "cert"],
                          capture_output=True, check=False)
    expect(done.returncode, 0)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("cert", "key")
    return tls


def https_requires_a_certificate_of_a_trusted_authority():
    tls = make_tls()
    refused(None, "certificate", tls=tls)
    os.environ["CURL_CA_BUNDLE"] = os.path.abspath("cert")
    try:
        with Server(tls=tls) as server:
            expect(repair(server.url), (OK, {"objects_fetched": 1}, ""))
        with Server() as real:
            refused(redirect(lambda h: real.url + h.path), "1 failed", "rotocol", tls=tls)
            expect(real.paths, [])
    finally:
        del os.environ["CURL_CA_BUNDLE"]


def many_objects_are_fetched_a_few_at_a_time():
    make()
    for i in range(300):
        write(f"tree/many/{i}", f"{i} " * 100)
    good("create-image", "--repo=r", "tree", "os/1")
    before = objects()
    shutil.copytree("r", "backup", symlinks=True)
    for path in good("image-objects", "--repo=r", "os/1").split():
        hexed = path.split(":")[1]
        os.unlink(f"r/objects/{hexed[:2]}/{hexed[2:]}")
    with Server() as server:
        expect(repair(server.url), (OK, {"objects_fetched": 303}, ""))
        expect(len(server.paths), 303)
        expect(1 < server.most <= 8, True)
    expect(objects(), before)


def a_missing_fetch_program_is_reported():
    make_two()
    os.unlink(f"r/objects/{path_of('/a')}")
    shutil.copy(COMPOSEFS, "alone")
    done = subprocess.run([os.path.abspath("alone"), "repair", "--repo=r", "--from=http://127.0.0.1:1"], capture_output=True,
                          text=True, check=False, env={**os.environ, "PATH": "/nonexistent"})
    expect((done.returncode, done.stderr.count("\n")), (1, 1))
    has(done.stderr, "composefs-fetch is not installed")


if __name__ == "__main__":
    if not os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-fetch")):
        print("1..0 # SKIP built without libcurl")
        sys.exit(0)
    os.environ["no_proxy"] = "127.0.0.1"
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("Server", "repair", "path_of", "make_two", "objects", "refused", "send", "redirect", "make_tls")]))
