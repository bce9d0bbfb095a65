# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Small PE files, such as unified kernel images."""
import struct


def pe(*sections, **lies):
    """A PE file with these sections: pairs of a name and the content."""
    file = bytearray(2048)
    file[:2], file[64:68] = b"MZ", b"PE\0\0"
    struct.pack_into("<I", file, 0x3c, 64)
    struct.pack_into("<HH", file, 68, 0x8664, lies.get("n", len(sections)))
    for i, (name, content) in enumerate(sections):
        at, off = 88 + 40 * i, 512 + 256 * i
        file[at:at + len(name)] = name
        struct.pack_into("<IIII", file, at + 8, len(content), 4096 * i, 256, lies.get("off", off))
        file[off:off + len(content)] = content
    return bytes(file)
