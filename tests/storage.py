# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Writes stores as containers-storage has them: what podman would make of a container image, without podman."""
import base64
import functools
import gzip
import hashlib
import io
import json
import os
import tarfile

ISO = 0xD800000000000000


@functools.lru_cache(maxsize=None)
def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ ISO if value & 1 else value >> 1
        table.append(value)
    return table


def crc64(content):
    """CRC-64 (ISO) as Go computes it."""
    table, crc = crc_table(), 2**64 - 1
    for byte in content:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 2**64 - 1


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def checksum(content):
    return base64.b64encode(crc64(content).to_bytes(8, "big")).decode()


def big_data_name(key):
    plain = all(c in ".0123456789abcdefghijklmnopqrstuvwxyz" for c in key)
    return key if plain else "=" + base64.b64encode(key.encode()).decode()


def split(tar):
    """The lines of tar-split for an archive, as objects, and its files: name -> content."""
    lines, files, done = [], {}, 0
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            lines.append({"type": 2, "payload": base64.b64encode(tar[done:member.offset_data]).decode()})
            done = member.offset_data
            name = member.name.encode("utf-8", "surrogateescape")
            line = {"type": 1, "payload": None}
            try:
                line["name"] = name.decode()
            except UnicodeDecodeError:
                line["name_raw"] = base64.b64encode(name).decode()
            if member.isreg() and member.size:
                content = tar[done:done + member.size]
                done += member.size
                line.update(size=member.size, payload=checksum(content))
                files[name] = content
            lines.append(line)
    lines.append({"type": 2, "payload": base64.b64encode(tar[done:]).decode()})
    for position, line in enumerate(lines):
        if position:
            line["position"] = position
    return lines, files


class Store:
    """A store of one driver in the directory root."""

    def __init__(self, root, driver="overlay"):
        self.root, self.driver = os.path.abspath(root), driver
        self.images, self.layers = [], []
        for what in ("images", "layers"):
            os.makedirs(f"{root}/{driver}-{what}", exist_ok=True)
            with open(f"{root}/{driver}-{what}/{what}.lock", "wb"):
                pass
        self.save()

    def save(self):
        for what, content in (("images", self.images), ("layers", self.layers)):
            with open(f"{self.root}/{self.driver}-{what}/{what}.json", "w", encoding="utf-8") as f:
                json.dump(content, f)

    def diff(self, layer):
        """The directory of the files of a layer."""
        return f"{self.root}/vfs/dir/{layer}" if self.driver == "vfs" else f"{self.root}/overlay/{layer}/diff"

    def tar_split(self, layer):
        return f"{self.root}/{self.driver}-layers/{layer}.tar-split.gz"

    def write_lines(self, layer, lines):
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        with open(self.tar_split(layer), "wb") as f:
            f.write(gzip.compress(text.encode()))

    def read_lines(self, layer):
        with open(self.tar_split(layer), "rb") as f:
            return [json.loads(line) for line in gzip.decompress(f.read()).splitlines()]

    def add_layer(self, tar, parent=""):
        """Returns the ID of the layer, which is not its diff_id."""
        layer = hashlib.sha256(f"{parent} {digest(tar)}".encode()).hexdigest()
        lines, files = split(tar)
        top = os.fsencode(self.diff(layer))
        os.makedirs(top)
        for name, content in files.items():
            path = os.path.join(top, name.lstrip(b"/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content)
        self.write_lines(layer, lines)
        entry = {"id": layer, "diff-digest": digest(tar), "diff-size": len(tar)}
        if parent:
            entry["parent"] = parent
        self.layers.append(entry)
        self.save()
        return layer

    def add_documents(self, manifest, config, top, names, more=None):
        """Adds an image of which the layers are there; manifest and config are the bytes of the documents, and more has
        other ones by their keys. Returns its ID."""
        image = hashlib.sha256(config).hexdigest()
        data = {"manifest": manifest, "manifest-" + digest(manifest): manifest, digest(config): config, **(more or {})}
        os.makedirs(f"{self.root}/{self.driver}-images/{image}")
        for key, content in data.items():
            with open(f"{self.root}/{self.driver}-images/{image}/{big_data_name(key)}", "wb") as f:
                f.write(content)
        self.images.append({"id": image, "digest": digest(manifest), "names": names, "layer": top, "big-data-names": list(data),
                            "big-data-digests": {key: digest(content) for key, content in data.items()}})
        self.save()
        return image

    def add_image(self, tars, names):
        """Adds an image made of archives. Returns the IDs of its layers, lowest first."""
        layers = []
        for tar in tars:
            layers.append(self.add_layer(tar, layers[-1] if layers else ""))
        config = json.dumps({"architecture": "amd64", "os": "linux",
                             "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(tar), "size": len(tar)} for tar in tars],
        }).encode()
        self.add_documents(manifest, config, layers[-1] if layers else "", names)
        return layers

    def add_layout(self, layout, tag, names):
        """Copies an image of an OCI layout. Returns the IDs of its layers."""
        def blob(descriptor):
            with open(f"{layout}/blobs/{descriptor['digest'].replace(':', '/')}", "rb") as f:
                return f.read()
        with open(f"{layout}/index.json", encoding="utf-8") as f:
            entries = json.load(f)["manifests"]
        manifest = blob(next(e for e in entries if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag))
        parsed = json.loads(manifest)
        layers = []
        for descriptor in parsed["layers"]:
            tar = blob(descriptor)
            tar = gzip.decompress(tar) if tar[:2] == b"\x1f\x8b" else tar
            layers.append(self.add_layer(tar, layers[-1] if layers else ""))
        self.add_documents(manifest, blob(parsed["config"]), layers[-1], names)
        return layers


def make_tar(members):
    """An archive: name -> content, None for a directory, or a text for a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()
