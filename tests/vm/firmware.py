# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Firmware with Secure Boot on, by a certificate of ours: the kernel trusts what is in its variable "db"."""
import os
import struct
import uuid

CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
EMPTY = "/usr/share/OVMF/OVMF_VARS_4M.fd"
GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
DATABASE = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
OWNER = uuid.UUID("c0c0c0c0-0000-4000-8000-000000000000")  # anybody
STORE_HEADER = 28
VOLATILE_NOT = 0x27  # non-volatile, for boot services and the system, written with a signature


def there_is():
    return os.path.exists(CODE) and os.path.exists(EMPTY)


def signature_list(certificate):
    """EFI_SIGNATURE_LIST of one certificate (DER)."""
    size = 16 + len(certificate)
    return X509.bytes_le + struct.pack("<III", 28 + size, 0, size) + OWNER.bytes_le + certificate


def variable(name, vendor, data):
    """AUTHENTICATED_VARIABLE_HEADER, name and data, as EDK II stores them."""
    name = (name + "\0").encode("utf-16-le")
    header = struct.pack("<HBBIQ16sIII", 0x55AA, 0x3F, 0, VOLATILE_NOT, 0, bytes(16), 0, len(name), len(data))
    data = header + vendor.bytes_le + name + data
    return data + b"\xff" * (-len(data) % 4)


def write_variables(path, certificate):
    """The empty store of OVMF, and in it the certificate (DER) as platform key, exchange key and db."""
    with open(EMPTY, "rb") as f:
        store = bytearray(f.read())
    at = struct.unpack_from("<H", store, 48)[0] + STORE_HEADER  # behind the header of the volume
    for name, vendor in (("PK", GLOBAL), ("KEK", GLOBAL), ("db", DATABASE)):
        data = variable(name, vendor, signature_list(certificate))
        store[at:at + len(data)] = data
        at += len(data)
    with open(path, "wb") as f:
        f.write(store)
