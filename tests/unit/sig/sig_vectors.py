#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Makes sig_vectors.h: signatures that satisfy the equation of Ed25519, so that a verifier that
does not look further takes them, and that must be refused. From RFC 8032's formulas alone.

    sig_vectors.py > sig_vectors.h
"""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # a square root of -1


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + k, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, P - 2, P) % P)


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point, n = add(point, point), n >> 1
    return result


def x_of(y):
    """An x to this y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    for candidate in (x, x * ROOT % P):
        if candidate * candidate % P == square:
            return candidate
    return None


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def scalar(n):
    return n.to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (min(x_of(BASE_Y), P - x_of(BASE_Y), key=lambda x: x & 1), BASE_Y)


def small_order():
    """The points whose order divides 8: L times any point."""
    y, found = 2, []
    while len(found) < 8:
        if x_of(y) is not None:
            t = times(L, (x_of(y), y))
            found += [p for p in (times(i, t) for i in range(8)) if p not in found]
        y += 1
    return sorted(found)


def encodings(point):
    """All 32 bytes that mean the point to a decoder that does not mind: y + P where it fits, any
    sign for x = 0."""
    for y in [y for y in (point[1], point[1] + P) if y < 2**255]:
        for sign in {point[0] & 1, 1} if point[0] == 0 else {point[0] & 1}:
            yield (y | sign << 255).to_bytes(32, "little")


def challenge(r, key, message):
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def forge_for(key):
    """Made without a key: with a challenge that 8 divides, a key of small order adds nothing to R = S*B."""
    r = encode(times(7, BASE))
    n = 0
    while challenge(r, key, b"%d" % n) % 8:
        n += 1
    return b"%d" % n, r + scalar(7)


def main():
    rows = []
    for point in small_order():
        for key in encodings(point):
            rows.append(("key of small order", key, *forge_for(key)))
    secret = 123456789
    key, message = encode(times(secret, BASE)), b"message"
    for r in encodings((0, 1)):
        rows.append(("R of small order", key, message, r + scalar(challenge(r, key, message) * secret % L)))
    r = encode(times(99, BASE))
    s = (99 + challenge(r, key, message) * secret) % L
    rows.append(("good", key, message, r + scalar(s)))
    rows += [(f"S + {n}L", key, message, r + scalar(s + n * L)) for n in (1, 2, 7, 14)]
    print("/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */")
    print("/* Made by sig_vectors.py. The first row of each name \"good\" is to be taken, all others refused. */")
    print("static const struct vector { const char *what, *key, *message, *signature; } vectors[] = {")
    for what, key, message, signature in rows:
        print(f'{{"{what}", "{key.hex()}", "{message.decode()}", "{signature.hex()}"}},')
    print("};")


main()
