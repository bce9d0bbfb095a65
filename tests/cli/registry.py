# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A registry in a thread, which serves the images of an OCI layout, takes others, and misbehaves on request."""
import base64
import collections
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import threading
import urllib.parse

ROUTE = re.compile(r"/v2/(.+?)/(manifests|blobs|referrers|tags)/(.+)")
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
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def error(self, status, code, **headers):
        body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
        self.answer(status, body, Content_Type="application/json", **headers)

    def is_permitted(self):
        registry, said = self.server.registry, self.headers.get("Authorization", "")
        if registry.scoped:
            wanted = ("pull", "push")[self.command not in ("GET", "HEAD"):]
            return said in [f"Bearer {action}" for action in wanted]
        if registry.auth == "basic":
            return said == "Basic " + base64.b64encode(b"user:secret").decode()
        return registry.auth != "bearer" or registry.is_accepted(said)

    def challenge(self):
        registry = self.server.registry
        if registry.auth == "basic":
            return 'Basic realm="test"'
        if registry.scoped:
            scope = "pull" if self.command in ("GET", "HEAD") else "push,pull"
            return f'Bearer realm="{registry.url}/token",service="s",scope="repository:a:{scope}"'
        return registry.challenge or f'Bearer realm="{registry.url}/token",service="s",scope="repository:a:pull"'

    def do_GET(self):  # pylint: disable=invalid-name
        registry, path = self.server.registry, urllib.parse.urlsplit(self.path)
        registry.requests.append((path.path, self.headers.get("Authorization"), self.headers.get("Range"), path.query))
        if path.path == "/token" and registry.refused and registry.refused in path.query:
            self.error(403, "DENIED")
            return
        if path.path == "/token":
            token = ("push" if "push" in path.query else "pull") if registry.scoped else registry.token
            self.answer(200, json.dumps({"token": token}).encode())
            return
        if "/uploads/" in path.path:
            self.send_offset(path)
            return
        if not self.is_permitted():
            self.error(401, "UNAUTHORIZED", WWW_Authenticate=self.challenge())
            return
        name, kind, reference = self.route(path)
        if kind == "referrers":
            self.send_referrers(path, name, reference)
        elif kind == "tags":
            self.send_tags(path, name)
        elif path.path == "/v2/":
            self.answer(200, b"{}")
        else:
            self.send_found(kind, registry.find(kind, reference, name) if kind else None)

    @staticmethod
    def route(path):
        """Name, kind and reference of a path; None three times: another path."""
        found = ROUTE.fullmatch(path.path)
        return found.groups() if found else (None, None, None)

    def send_found(self, kind, body):
        registry = self.server.registry
        fault = registry.faults.pop(0) if kind == "blobs" and registry.faults else None
        if kind == "blobs" and registry.range_fault and self.headers.get("Range"):
            fault = registry.range_fault
        if body is None:
            self.error(404, "NAME_UNKNOWN")
        elif fault:
            fault(self, body)
        elif kind == "manifests":
            self.answer(200, body, Content_Type=registry.media_type(body))
        else:
            self.send_blob(body)

    def send_tags(self, path, name):
        query = urllib.parse.parse_qs(path.query)
        tags = sorted(t for t in self.server.registry.repositories[name] if ":" not in t and t > query.get("last", [""])[0])
        page = tags[:int(query.get("n", [len(tags)])[0])]
        more = {"Link": f"<{path.path}?n={len(page)}&last={page[-1]}>; rel=\"next\""} if page and page != tags else {}
        self.answer(200, json.dumps({"name": name, "tags": page}).encode(), Content_Type="application/json", **more)

    def send_referrers(self, path, name, subject):
        """A page of the list of the manifests with this subject; 404 without the API."""
        registry, query = self.server.registry, urllib.parse.parse_qs(path.query)
        if not registry.has_referrers:
            self.answer(404, b"404 page not found\n", Content_Type="text/plain")
            return
        if registry.referrer_faults:
            registry.referrer_faults.pop(0)(self, path)
            return
        found = registry.referrers(subject, name)
        last, more = int(query.get("last", ["0"])[0]), {}
        if registry.filters and "artifactType" in query:
            found = [d for d in found if d.get("artifactType") in query["artifactType"]]
            more = {"OCI_Filters_Applied": "artifactType"}
        if registry.page_size and last + registry.page_size < len(found):
            following = urllib.parse.urlencode({**{k: v[0] for k, v in query.items()}, "last": last + registry.page_size})
            more["Link"] = registry.link.format(path=f"{path.path}?{following}")
        page = found[last:last + registry.page_size] if registry.page_size else found
        body = json.dumps({"schemaVersion": 2, "mediaType": MANIFESTS[1], "manifests": page}).encode()
        self.answer(200, body, Content_Type=MANIFESTS[1], **more)

    # --- pushes ---

    def begin(self):
        """Takes a request with its body: the path and the body, or None if it was answered."""
        registry, path = self.server.registry, urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.read_chunks() if self.headers.get("Transfer-Encoding") else self.rfile.read(length)
        registry.sent.append((self.command, path.path, self.headers.get("Authorization"), self.headers.get("Content-Range")))
        if len(body) < length:  # the client ended the connection within its request
            self.close_connection = True
            return None, None
        if not self.is_permitted():
            self.error(401, "UNAUTHORIZED", WWW_Authenticate=self.challenge())
            return None, None
        return path, body

    def read_chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_HEAD(self):  # pylint: disable=invalid-name
        path, _ = self.begin()
        if path:
            name, kind, reference = self.route(path)
            found = self.server.registry.find(kind, reference, name)
            self.answer(404 if found is None else 200, found or b"",
                        **({"Content_Type": self.server.registry.media_type(found)} if found and kind == "manifests" else {}))

    def do_POST(self):  # pylint: disable=invalid-name
        """Begins an upload, takes a whole one, or mounts a blob: all repositories have the same blobs."""
        registry = self.server.registry
        path, body = self.begin()
        if not path:
            return
        query, name = urllib.parse.parse_qs(path.query), path.path[len("/v2/"):-len("/blobs/uploads/")]
        mounted = query.get("mount", [""])[0]
        if mounted and registry.mount_blob(mounted, query.get("from", [""])[0]):
            self.answer(201, Location=f"/v2/{name}/blobs/{mounted}", Docker_Content_Digest=mounted)
        elif mounted and registry.mount_status:
            self.error(registry.mount_status, "FAULT")
        elif "digest" in query:
            self.keep_blob(name, query["digest"][0], body)
        else:
            upload = str(registry.n_uploads)
            registry.n_uploads += 1
            registry.uploads[upload], registry.names[upload] = bytearray(), name
            self.answer(202, Location=registry.location(upload), Range="0-0")

    def do_DELETE(self):  # pylint: disable=invalid-name
        path, _ = self.begin()
        if path:
            self.server.registry.uploads.pop(path.path.rsplit("/", 1)[1])
            self.answer(204)

    def upload(self, path):
        """The upload of a request; None: it does not exist, or the location is an older one."""
        registry, name = self.server.registry, path.path.rsplit("/", 1)[1]
        state = urllib.parse.parse_qs(path.query).get("state", [""])[0]
        return name if name in registry.uploads and state == str(registry.states.get(name, 0)) else None

    def send_offset(self, path):
        registry, name = self.server.registry, self.upload(path)
        registry.sent.append(("GET", path.path, self.headers.get("Authorization"), None))
        if name is None:
            self.error(404, "BLOB_UPLOAD_UNKNOWN")
        else:
            self.answer(204, Location=registry.location(name), Range=f"0-{max(len(registry.uploads[name]) - 1, 0)}")

    def is_next(self, name):
        """Whether a piece of an upload continues it."""
        return self.headers.get("Content-Range", "").split("-")[0] in ("", str(len(self.server.registry.uploads[name])))

    def accept(self, name, body):
        registry = self.server.registry
        if not self.is_next(name):
            self.error(416, "RANGE_INVALID")
            return
        registry.uploads[name] += body
        registry.states[name] = registry.states.get(name, 0) + 1
        self.answer(202, Location=registry.location(name), Range=f"0-{len(registry.uploads[name]) - 1}")

    def do_PATCH(self):  # pylint: disable=invalid-name
        registry = self.server.registry
        path, body = self.begin()
        name = self.upload(path) if path else None
        if path and name is None:
            self.error(404, "BLOB_UPLOAD_INVALID")
        elif path and registry.upload_faults:
            registry.upload_faults.pop(0)(self, name, body)
        elif path:
            self.accept(name, body)

    def do_PUT(self):  # pylint: disable=invalid-name
        registry = self.server.registry
        path, body = self.begin()
        if not path:
            return
        if registry.put_faults:
            registry.put_faults.pop(0)(self, body)
        elif "/manifests/" in path.path:
            self.keep_manifest(path, body)
        elif self.upload(path) is None:
            self.error(404, "BLOB_UPLOAD_INVALID")
        elif not self.is_next(self.upload(path)):
            self.error(416, "RANGE_INVALID")
        else:
            upload = self.upload(path)
            self.keep_blob(registry.names.get(upload, "a"), urllib.parse.parse_qs(path.query)["digest"][0], bytes(registry.uploads[upload]) + body)

    def keep_manifest(self, path, body):
        registry, (name, _, reference) = self.server.registry, self.route(path)
        if ":" in reference and registry.digest_of(body, reference) != reference:
            self.error(400, "DIGEST_INVALID")
            return
        digest = registry.put(reference, body, self.headers["Content-Type"], name)
        subject = json.loads(body).get("subject") if registry.has_referrers else None
        self.answer(201, Docker_Content_Digest=digest, Location=f"/v2/{name}/manifests/{reference}",
                    **({"OCI_Subject": subject["digest"]} if subject else {}))

    def keep_blob(self, name, digest, body):
        if self.server.registry.digest_of(body, digest) != digest:
            self.error(400, "DIGEST_INVALID")
            return
        self.server.registry.changed[digest] = body
        self.answer(201, Docker_Content_Digest=digest, Location=f"/v2/{name}/blobs/{digest}")

    def send_blob(self, body):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        etag = {"ETag": '"1"', "Accept_Ranges": "bytes"}
        if wanted and self.server.registry.has_ranges and int(wanted[1]) <= int(wanted[2]):
            first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
            if first >= len(body):
                self.error(416, "RANGE_INVALID", Content_Range=f"bytes */{len(body)}")
                return
            self.answer(206, body[first:last + 1], Content_Range=f"bytes {first}-{last}/{len(body)}", **etag)
        else:
            self.answer(200, body, **etag)


class Registry:
    """Serves the layout at PATH as the repository "a" of 127.0.0.1, with its tags, and keeps what is pushed to any name.
    name, pem: by https under this name, with the key and the certificate in the file pem."""

    def __init__(self, path, name=None, pem=None):
        self.path, self.auth, self.token, self.challenge = path, None, "t" * 20, None
        self.requests, self.faults, self.has_ranges, self.changed = [], [], True, {}
        self.sent, self.uploads, self.states, self.names = [], {}, {}, {}
        self.repositories, self.has_mounts = collections.defaultdict(dict), True  # {name: {tag or digest: (type, manifest)}}
        self.manifests = self.repositories["a"]
        self.range_fault = None  # of each request for a range of a blob
        self.upload_faults, self.put_faults, self.scoped, self.upload_url = [], [], False, ""
        self.has_referrers, self.filters, self.page_size, self.link = False, True, 0, '<{path}>; rel="next"'
        self.referrer_faults = []
        self.others, self.mounts, self.mount_status = {}, [], None  # blobs that only other repositories have; (digest, name) asked for
        self.n_uploads, self.refused = 0, None  # refused: the part of a scope that gets no token
        self.is_accepted = lambda said: said == "Bearer " + self.token
        self.server = http.server.ThreadingHTTPServer((socket.gethostbyname(name) if name else "127.0.0.1", 0), Handler)
        self.server.registry = self
        self.server.handle_error = lambda *_: None  # clients end connections
        if name:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"{name or '127.0.0.1'}:{self.server.server_port}"
        self.url = f"{'https' if name else 'http'}://{self.host}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def put(self, reference, body, kind=MANIFESTS[0], name="a"):
        digest = self.digest_of(body, reference)
        self.repositories[name][reference] = (kind, body)
        self.changed[digest] = body
        return digest

    def mount_blob(self, digest, name):
        """Whether a blob is there now that another repository may have."""
        self.mounts.append((digest, name))
        self.changed.update({digest: self.others[name][digest]} if digest in self.others.get(name, {}) else {})
        return self.has_mounts and self.find("blobs", digest) is not None

    def referrers(self, subject, name="a"):
        """The descriptors of the manifests with this subject that were pushed."""
        found = {}
        for reference, (kind, body) in self.repositories[name].items():
            document, digest = json.loads(body), self.digest_of(body, reference)
            if document.get("subject", {}).get("digest") == subject:
                found[digest] = {"mediaType": kind, "digest": digest, "size": len(body),
                                 "artifactType": document.get("artifactType") or document.get("config", {}).get("mediaType")}
                found[digest].update({"annotations": document["annotations"]} if "annotations" in document else {})
        return list(found.values())

    def find(self, kind, reference, name="a"):
        if kind == "manifests" and reference in self.repositories[name]:
            return self.repositories[name][reference][1]
        if name != "a" and ":" not in reference:
            return None
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

    def location(self, upload):
        return f"{self.upload_url}/v2/{self.names.get(upload, 'a')}/blobs/uploads/{upload}?state={self.states.get(upload, 0)}"

    @staticmethod
    def digest_of(body, like=""):
        """The digest of the algorithm of another digest, otherwise SHA-256."""
        name = "sha512" if like.startswith("sha512:") else "sha256"
        return f"{name}:{hashlib.new(name, body).hexdigest()}"

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


# --- faults of uploads: each is called instead of the answer to one PATCH ----------------------


def drop(length, keeps=True):
    """Takes length bytes and ends the connection; keeps: the upload goes on at its last location."""
    def fault(handler, name, body):
        registry = handler.server.registry
        registry.uploads[name] += body[:length]
        if not keeps:
            del registry.uploads[name]
            registry.uploads[name + "-"] = bytearray()
        handler.close_connection = True
    return fault


def partly(length):
    return lambda handler, name, body: handler.accept(name, body[:length])


def wrong_offset(handler, name, body):
    handler.answer(202, Location=handler.server.registry.location(name), Range="0-1000000000")


def upload_status(code, **headers):
    return lambda handler, name, body: handler.error(code, "FAULT", **headers)


def put_status(code):
    return lambda handler, body: handler.error(code, "FAULT")


def other_digest(handler, body):
    handler.answer(201, Docker_Content_Digest="sha256:" + 64 * "0")
