# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""An image of our own making, as layers in tar form, and pushing it to a registry."""
import gzip
import hashlib
import http.client
import io
import json
import tarfile
import time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """A tar file; each entry has an owner, a time and a mode of its own."""

    def __init__(self):
        self.file = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.file, mode="w", format=tarfile.PAX_FORMAT)
        self.count = 0

    def add(self, name, kind=tarfile.REGTYPE, data=b"", mode=0o644, link="", xattrs=(), device=(0, 0)):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(data), link
        self.count += 1
        info.uid, info.gid, info.mtime = self.count % 5 * 1000, self.count % 3, 1500000000 + self.count * 86400
        info.devmajor, info.devminor = device
        info.pax_headers = {f"SCHILY.xattr.{key}": value for key, value in xattrs}
        self.tar.addfile(info, io.BytesIO(data))

    def directory(self, name, mode=0o755, **kw):
        self.add(name, tarfile.DIRTYPE, mode=mode, **kw)

    def bytes(self):
        self.tar.close()
        return self.file.getvalue()


class Registry:
    """The HTTP interface of a registry that needs no password."""

    def __init__(self, port):
        self.port = port

    def call(self, method, path, body=b"", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 300:
                raise AssertionError(f"registry: {method} {path}: expected status 0, got {answer.status}")
            return answer
        finally:
            connection.close()

    def wait(self, seconds):
        """Until it answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                self.call("GET", "/v2/")
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def push_blob(self, name, data):
        where = self.call("POST", f"/v2/{name}/blobs/uploads/").getheader("Location")
        path = where.partition(f":{self.port}")[2] or where
        self.call("PUT", f"{path}{'&' if '?' in path else '?'}digest={sha256(data)}", data,
                  Content_Type="application/octet-stream")

    def push(self, name, tag, tars):
        """An image of these layers."""
        layers = [(tar, gzip.compress(tar, mtime=0)) for tar in tars]
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/show"]},
                             "rootfs": {"type": "layers", "diff_ids": [sha256(tar) for tar, _ in layers]}}).encode()

        def described(kind, data):
            return {"mediaType": kind, "size": len(data), "digest": sha256(data)}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, config),
                    "layers": [described(LAYER, packed) for _, packed in layers]}
        for data in [config] + [packed for _, packed in layers]:
            self.push_blob(name, data)
        self.call("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), Content_Type=MANIFEST)
