# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Images with a zstd:chunked layer, made here so that tests can make them untrue. The frames are not compressed."""
import base64
import hashlib
import json
import os
import struct
import tarfile

PREFIX = "io.github.containers.zstd-chunked."
BLOCK_MAX = 128 * 1024


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def frame(data):
    """A zstd frame with data as raw blocks (RFC 8878, section 3.1.1)."""
    out = struct.pack("<IBB", 0xFD2FB528, 0, 7 << 3)
    pieces = [data[i:i + BLOCK_MAX] for i in range(0, len(data), BLOCK_MAX)] or [b""]
    for i, piece in enumerate(pieces):
        out += struct.pack("<I", len(piece) << 3 | (i == len(pieces) - 1))[:3] + piece
    return out


def bomb(size):
    """A frame of RLE blocks: zeros, many from few bytes."""
    out = struct.pack("<IBB", 0xFD2FB528, 0, 7 << 3)
    for i in range(0, size, BLOCK_MAX):
        out += struct.pack("<I", BLOCK_MAX << 3 | 1 << 1 | (i + BLOCK_MAX >= size))[:3] + b"\0"
    return out


def skippable(data):
    return struct.pack("<II", 0x184D2A50, len(data)) + data


class Layer:
    """The layer of files {name: bytes}. After construction: change toc, lines or frames; then call build."""

    def __init__(self, files, frame_of=lambda name, data: frame(data)):
        self.tar, self.blob, self.lines = bytearray(), bytearray(), []
        self.toc = {"version": 1, "entries": []}
        self.annotations = {}
        self.add_raw(self.header("usr/", 0, type=tarfile.DIRTYPE, mode=0o755))
        self.lines.append({"type": 1, "name": "usr/", "payload": None, "position": 1})
        self.toc["entries"].append({"type": "dir", "name": "usr/", "mode": 0o755})
        for name, data in files.items():
            self.add(name, data, frame_of)
        self.add_raw(bytes(1024))

    @staticmethod
    def header(name, size, **members):
        info = tarfile.TarInfo(name)
        for member, value in {"size": size, "mtime": 1700000000, **members}.items():
            setattr(info, member, value)
        return info.tobuf(tarfile.USTAR_FORMAT)

    def add_raw(self, raw):
        self.tar += raw
        self.blob += frame(raw)
        self.lines.append({"type": 2, "payload": base64.b64encode(raw).decode(), "position": len(self.lines)})

    def add(self, name, data, frame_of):
        self.add_raw(self.header(name, len(data)))
        self.lines.append({"type": 1, "name": name, "size": len(data), "payload": None, "position": len(self.lines)})
        entry = {"type": "reg", "name": name, "mode": 0o644, "size": len(data), "digest": sha256(data)}
        if data:
            entry["offset"] = len(self.blob)
            self.blob += frame_of(name, data)
            entry["endOffset"] = len(self.blob)
        self.tar += data
        self.toc["entries"].append(entry)
        if -len(self.tar) % 512:
            self.add_raw(bytes(-len(self.tar) % 512))

    def entry(self, name):
        return next(e for e in self.toc["entries"] if e["name"] == name)

    def build(self):
        """Appends the metadata, and returns the blob."""
        plain = b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)
        tarsplit = frame(plain)
        self.toc.setdefault("tarSplitDigest", sha256(tarsplit))
        toc = frame(json.dumps(self.toc).encode())
        at = len(self.blob) + 8
        after = at + len(toc) + 8
        self.annotations = {PREFIX + "manifest-checksum": sha256(toc),
                            PREFIX + "manifest-position": f"{at}:{len(toc)}:{1 << 30}:1",
                            PREFIX + "tarsplit-position": f"{after}:{len(tarsplit)}:{len(plain)}", **self.annotations}
        self.blob += skippable(toc) + skippable(tarsplit)
        return self.blob


def blob_path(layout, digest):
    return os.path.join(layout, "blobs", digest.replace(":", "/"))


def put_blob(layout, data):
    path = blob_path(layout, sha256(data))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return {"digest": sha256(data), "size": len(data)}


def put_image(layout, tag, layer, diff_id=None):
    """Writes an image of one Layer into the layout. Returns the digest of the layer."""
    blob = layer.build()
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff_id or sha256(layer.tar)]}}
    described = put_blob(layout, blob)
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put_blob(layout, json.dumps(config).encode())},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd", "annotations": layer.annotations, **described}]}
    path = os.path.join(layout, "index.json")
    index = {"schemaVersion": 2, "manifests": []}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            index = json.load(f)
    index["manifests"].append({"mediaType": manifest["mediaType"], **put_blob(layout, json.dumps(manifest).encode()),
                               "annotations": {"org.opencontainers.image.ref.name": tag}})
    with open(path, "w", encoding="utf-8") as f:
        json.dump(index, f)
    with open(os.path.join(layout, "oci-layout"), "w", encoding="utf-8") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    return described["digest"]
