# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A registry in a thread, which serves the images of an OCI layout and misbehaves on request."""
import base64
import http.server
import json
import os
import re
import threading
import urllib.parse

MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, code, **headers):
        body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.answer(status, body, Content_Type="application/json", **headers)

    def is_permitted(self):
        registry, said = self.server.registry, self.headers.get("Authorization", "")
        if registry.auth == "basic":
            return said == "Basic " + base64.b64encode(b"user:secret").decode()
        return registry.auth != "bearer" or registry.is_accepted(said)

    def challenge(self):
        registry = self.server.registry
        if registry.auth == "basic":
            return 'Basic realm="test"'
        return registry.challenge or f'Bearer realm="{registry.url}/token",service="s",scope="repository:a:pull"'

    def do_GET(self):  # pylint: disable=invalid-name
        registry = self.server.registry
        path = urllib.parse.urlsplit(self.path)
        registry.requests.append((path.path, self.headers.get("Authorization"), self.headers.get("Range"), path.query))
        if path.path == "/token":
            self.answer(200, json.dumps({"token": registry.token}).encode())
            return
        if not self.is_permitted():
            self.error(401, "UNAUTHORIZED", WWW_Authenticate=self.challenge())
            return
        found = re.fullmatch(r"/v2/a/(manifests|blobs)/(.+)", path.path)
        body = registry.find(*found.groups()) if found else None
        fault = registry.faults.pop(0) if found and found[1] == "blobs" and registry.faults else None
        if body is None:
            self.error(404, "NAME_UNKNOWN")
        elif fault:
            fault(self, body)
        elif found[1] == "manifests":
            self.answer(200, body, Content_Type=registry.media_type(body))
        else:
            self.send_blob(body)

    def send_blob(self, body):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        etag = {"ETag": '"1"', "Accept_Ranges": "bytes"}
        if wanted and self.server.registry.has_ranges:
            first, last = map(int, wanted.groups())
            self.answer(206, body[first:last + 1], Content_Range=f"bytes {first}-{last}/{len(body)}", **etag)
        else:
            self.answer(200, body, **etag)


class Registry:
    """Serves the layout at PATH as the repository "a" of 127.0.0.1, with its tags."""

    def __init__(self, path):
        self.path, self.auth, self.token, self.challenge = path, None, "t" * 20, None
        self.requests, self.faults, self.has_ranges, self.changed = [], [], True, {}
        self.is_accepted = lambda said: said == "Bearer " + self.token
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def find(self, kind, reference):
        if kind == "manifests" and ":" not in reference:
            with open(os.path.join(self.path, "index.json"), encoding="utf-8") as f:
                tags = {m.get("annotations", {}).get("org.opencontainers.image.ref.name"): m["digest"]
                        for m in json.load(f)["manifests"]}
            reference = tags.get(reference, "none:none")
        if reference in self.changed:
            return self.changed[reference]
        try:
            with open(os.path.join(self.path, "blobs", reference.replace(":", "/")), "rb") as f:
                return f.read()
        except OSError:
            return None

    @staticmethod
    def media_type(body):
        return json.loads(body).get("mediaType") or MANIFESTS[b'"manifests"' in body]


# --- faults: each is called instead of the answer to one request for a blob ------------------


def status(code, **headers):
    return lambda handler, body: handler.error(code, "FAULT", **headers)


def cut(length):
    """Sends length bytes of an answer that promises all."""
    def fault(handler, body):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        first = int(wanted[1]) if wanted and handler.server.registry.has_ranges else 0
        rest = body[first:]
        handler.send_response(206 if first else 200)
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(rest)))
        handler.send_header("ETag", '"1"')
        handler.end_headers()
        handler.wfile.write(rest[:length])
        handler.close_connection = True
    return fault


def other_bytes(handler, body):
    handler.answer(200, bytes(len(body)))


def too_long(handler, body):
    handler.answer(200, body + b"more")


def wrong_range(handler, body):
    handler.answer(206, body[1:], Content_Range=f"bytes 1-{len(body) - 1}/{len(body)}")


def redirect(to):
    return lambda handler, body: handler.answer(307, Location=to + handler.path)
