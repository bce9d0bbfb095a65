#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""zstd:chunked layers of a registry: only the missing files are transferred, and whatever is not true or not possible ends
with the whole layer, or with an error.

    oci_chunked_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import base64
import os
import random
import re
import shutil
import sys

from chunked import Layer, PREFIX, bomb, frame, put_image, sha256
from registry import Registry, status, wrong_range
from repo import FAILED, OK, expect, good, has, loaded, main, run

GOLDEN = os.path.abspath(sys.argv[2])
CHUNKED = "sha256:e17ba94cb09c58ee7cade19769f70208e8d5850a7a076b548f515039a26c7142"
ESTARGZ = "sha256:426af46eae83b5645e4a53d41028a538958593339dcf2ec30d11f96e2fcb5bd0"
TESTS = []


def test(function):
    """Run it with a new repository, without credentials of the user, and with a registry that has the layout "layout"."""
    def with_registry():
        good("init", "--insecure", "--hash=sha256", "r")
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        with Registry(os.path.abspath("layout")) as registry:
            function(registry)
    with_registry.__name__ = function.__name__
    TESTS.append(with_registry)


def bytes_of(seed, size):
    return random.Random(seed).randbytes(size)


def files_of(*seeds):
    """A small file, which stays inline, and larger ones."""
    return {f"file{i}": bytes_of(seed, 50 if i == 0 else 3000 + 1000 * i) for i, seed in enumerate(seeds)}


def pull(registry, tag="a", *options):
    """Pulls, and returns the result, and the reason for reading a whole layer, or None."""
    rc, out, err = run("oci", "pull", "-v", "--repo=r", *options, f"{registry.host}/a:{tag}", tag)
    expect((rc, err if rc else ""), (OK, ""))
    why = re.search("the whole layer is read: (.*)\n", err)
    return out.strip(), why and why[1]


def pull_json(registry, tag):
    return loaded("oci", "pull", "--json", "--repo=r", f"{registry.host}/a:{tag}", tag)


def ranges(registry):
    return [r[2] for r in registry.requests if r[2]]


def objects(repo="r"):
    return sorted(name for _, _, names in os.walk(f"{repo}/objects") for name in names)


def pulled_whole(tag):
    """The image ID and the objects of the layout, read without ranges."""
    good("init", "--insecure", "--hash=sha256", "w")
    image = good("oci", "pull", "--repo=w", f"oci:layout:{tag}", tag).strip()
    return image, objects("w")


def expect_whole(registry, why, tag="a", before=()):
    """The pull reads the whole layer, and stores what it stores without ranges, and nothing else."""
    image, stored = pulled_whole(tag)
    got, said = pull(registry, tag)
    expect(got, image)
    has(said or "", why)
    if not before:
        expect(objects(), stored)


# --- what is transferred ---------------------------------------------------------------------


@test
def chunked_layer_of_buildah_gets_the_image_of_the_whole_layer(registry):
    registry.path = f"{GOLDEN}/chunked/zstd-chunked"
    expect(pull(registry, "fx"), (CHUNKED, None))
    expect(len(ranges(registry)), 3)
    expect(run("fsck", "--repo=r")[0], OK)
    expect(run("oci", "fsck", "--repo=r")[0], OK)


@test
def chunked_estargz_is_read_as_a_whole(registry):
    registry.path = f"{GOLDEN}/chunked/estargz"
    expect(pull(registry, "fx"), (ESTARGZ, None))
    expect(ranges(registry), [])


@test
def chunked_layer_of_an_old_writer_is_read_as_a_whole(registry):
    registry.path = f"{GOLDEN}/chunked/zstd-chunked-old"
    image, why = pull(registry, "x")
    expect((image.startswith("sha256:"), why), (True, None))
    expect(ranges(registry), [])


@test
def chunked_image_that_shares_nine_files_of_ten_transfers_few_bytes(registry):
    names = range(400)
    first = {f"f{i}": bytes_of(i, 30000 + i * 37 % 9000) for i in names}
    second = {name: (bytes_of(f"new{name}", len(data)) if i % 10 == 3 else data) for i, (name, data) in enumerate(first.items())}
    put_image("layout", "a", Layer(first))
    put_image("layout", "b", Layer(second))
    expect(pull(registry, "a")[1], None)
    result = pull_json(registry, "b")
    size = result["bytes_read"] + result["bytes_saved"]
    if result["bytes_read"] > 0.15 * size:
        raise AssertionError(f"expected at most 15 % of {size} bytes, got {result['bytes_read']}")
    expect(result["id"], pulled_whole("b")[0])
    expect(run("fsck", "--repo=r")[0], OK)


@test
def chunked_bytes_that_are_reported_are_those_of_the_registry(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    put_image("layout", "b", Layer(files_of(1, 2, 4)))
    pull(registry, "a")
    registry.requests.clear()
    sent = 0
    result = pull_json(registry, "b")
    for text in ranges(registry):
        first, last = map(int, text[6:].split("-"))
        sent += last - first + 1
    expect(result["bytes_read"], sent)
    rc, out, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:b", "b")
    expect((rc, out.strip(), err), (OK, result["id"], ""))


@test
def chunked_summary_names_what_was_saved(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    put_image("layout", "b", Layer(files_of(1, 2, 4)))
    pull(registry, "a")
    _, _, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:b", "b")
    has(err, "bytes of layers, saved")
    expect(run("oci", "pull", "-q", "--repo=r", f"{registry.host}/a:b", "b")[2], "")


@test
def chunked_files_of_the_repository_are_not_requested(registry):
    layer = Layer(files_of(1, 2, 3, 4))
    at = {e["name"]: (e["offset"], e["endOffset"]) for e in layer.toc["entries"] if "offset" in e}
    put_image("layout", "a", Layer(files_of(1, 2, 9, 4)))
    put_image("layout", "b", layer)
    pull(registry, "a")
    registry.requests.clear()
    expect(pull(registry, "b")[1], None)
    expect(ranges(registry)[2:], ["bytes=%d-%d" % (at["file2"][0], at["file2"][1] - 1)])


@test
def chunked_repository_with_sha512_objects_reuses_files(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    put_image("layout", "b", Layer(files_of(1, 2, 3, 4)))
    good("init", "--insecure", "--hash=sha512", "s")
    for tag, n in (("a", 3), ("b", 3)):
        registry.requests.clear()
        good("oci", "pull", "--repo=s", f"{registry.host}/a:{tag}", tag)
        expect(len(ranges(registry)), n)
    expect(run("fsck", "--repo=s")[0], OK)


@test
def chunked_layer_without_files_needs_no_further_range(registry):
    put_image("layout", "a", Layer({"empty": b""}))
    expect(pull(registry, "a")[1], None)
    expect(len(ranges(registry)), 2)


@test
def chunked_broken_range_is_resumed(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))

    def cut_range(handler, body):
        first, last = map(int, handler.headers["Range"][6:].split("-"))
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        handler.send_header("Content-Length", str(last - first + 1))
        handler.end_headers()
        handler.wfile.write(body[first:first + 100])
        handler.close_connection = True
    registry.faults = [None, cut_range, None, cut_range]
    image = pulled_whole("a")[0]
    expect(pull(registry, "a"), (image, None))
    first = ranges(registry)
    expect(int(first[1][6:].split("-")[0]), int(first[0][6:].split("-")[0]) + 100)


# --- what the repository has ------------------------------------------------------------------


def two_images(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    put_image("layout", "b", Layer(files_of(1, 2, 4)))
    return pull(registry, "a")


@test
def chunked_object_that_was_collected_is_fetched(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    image, _ = pull(registry, "a")
    good("oci", "rm", "--repo=r", "a")
    good("gc", "--repo=r")
    expect(pull(registry, "a"), (image, None))
    expect(run("fsck", "--repo=r")[0], OK)


@test
def chunked_index_that_is_wrong_costs_a_transfer_and_is_replaced(registry):
    two_images(registry)
    put_image("layout", "c", Layer(files_of(1, 2, 5)))
    with open("r/.content-index", "r+b") as f:
        data = bytearray(f.read())
        entries = [data[i:i + 104] for i in range(16, len(data), 104)]
        inline = next(e for e in entries if int.from_bytes(e[96:], "little") == 50)
        inline[40] ^= 1
        f.seek(0)
        f.write(data[:16] + b"".join(entries))
    image, _ = pulled_whole("b")
    got, why = pull(registry, "b")
    expect(got, image)
    has(why, "expected the digest from the content index, got another")
    expect(pull(registry, "c"), (pulled_whole("c")[0], None))
    expect(run("fsck", "--repo=r")[0], OK)


@test
def chunked_index_with_another_object_costs_a_transfer(registry):
    """An object of the same size, under the wrong SHA-256."""
    files = {"x": bytes_of(1, 5000), "y": bytes_of(2, 5000)}
    put_image("layout", "a", Layer(files))
    put_image("layout", "b", Layer({**files, "z": bytes_of(3, 5000)}))
    pull(registry, "a")
    with open("r/.content-index", "r+b") as f:
        data = f.read()
        one, two = data[16:120], data[120:224]
        f.seek(0)
        f.write(data[:16] + one[:32] + two[32:] + two[:32] + one[32:])
    image, _ = pulled_whole("b")
    got, why = pull(registry, "b")
    expect(got, image)
    has(why, "expected the digest from the content index, got another")
    expect(run("fsck", "--repo=r")[0], OK)


@test
def chunked_index_that_is_malformed_counts_as_empty(registry):
    image, _ = two_images(registry)
    with open("r/.content-index", "rb") as f:
        sound = f.read()
    for n, data in enumerate((b"", b"x" * 16, sound[:-1], b"y" + sound[1:], sound[:8] + b"\2" + sound[9:],
                              sound[:16] + sound[120:224] + sound[16:120])):
        good("oci", "rm", "--repo=r", "a")
        good("gc", "--repo=r")
        with open("r/.content-index", "wb") as f:
            f.write(data)
        expect((n, *pull(registry, "a")), (n, image, None))


@test
def chunked_index_that_is_no_file_is_not_followed(registry):
    os.symlink("../target", "r/.content-index")
    put_image("layout", "a", Layer(files_of(1, 2)))
    rc, out, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:a", "a")
    expect((rc, out.strip()), (OK, pulled_whole("a")[0]))
    has(err, "warning: .content-index")
    expect(os.path.lexists("target"), False)


# --- registries that do not send ranges --------------------------------------------------------


@test
def chunked_registry_without_ranges_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    registry.has_ranges = False
    expect_whole(registry, "does not send ranges")
    expect(run("fsck", "--repo=r")[0], OK)


@test
def chunked_layer_is_read_whole_without_a_message(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    registry.has_ranges = False
    rc, _, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:a", "a")
    expect((rc, err), (OK, ""))


@test
def chunked_registry_that_sends_other_ranges_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    registry.range_fault = wrong_range
    expect_whole(registry, "expected the requested range from the registry, got another")


@test
def chunked_registry_that_sends_a_part_of_a_range_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))

    def shorter(handler, body):
        first, last = map(int, handler.headers["Range"][6:].split("-"))
        handler.answer(206, body[first:last], Content_Range=f"bytes {first}-{last - 1}/{len(body)}")
    registry.range_fault = shorter
    expect_whole(registry, "expected the requested range from the registry, got another")


@test
def chunked_registry_that_sends_no_content_range_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    registry.range_fault = lambda handler, body: handler.answer(206, body[:100])
    expect_whole(registry, "expected the requested range from the registry, got another")


@test
def chunked_registry_that_announces_a_range_and_sends_less_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))

    def less(handler, body):
        first, last = map(int, handler.headers["Range"][6:].split("-"))
        handler.answer(206, body[first:last], Content_Range=f"bytes {first}-{last}/{len(body)}")
    registry.range_fault = less
    expect_whole(registry, "expected the requested number of bytes from the registry, got fewer")


@test
def chunked_registry_that_refuses_ranges_sends_the_whole_layer(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    for code in (416, 404, 403):
        registry.range_fault = status(code)
        image, _ = pulled_whole("a") if code == 416 else (image, None)
        expect(pull(registry, "a")[0], image)
        good("oci", "rm", "--repo=r", "a")
        good("gc", "--repo=r")


# --- what is not true ---------------------------------------------------------------------------


@test
def chunked_other_bytes_are_not_stored(registry):
    """Ranges behind the table have zeros instead of the files."""
    put_image("layout", "a", Layer(files_of(1, 2, 3)))

    def other(handler, body):
        first, last = map(int, handler.headers["Range"][6:].split("-"))
        data = body[first:last + 1]
        if len(ranges(registry)) % 3 == 0:
            data = data[:-200] + bytes(200)
        handler.answer(206, data, Content_Range=f"bytes {first}-{last}/{len(body)}")
    registry.range_fault = other
    expect_whole(registry, "expected the digest from the table of contents, got another")


@test
def chunked_other_bytes_of_table_and_tarsplit_are_noticed(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)))
    for n, why in ((0, "table of contents: digest mismatch"), (1, "tar-split: digest mismatch")):
        def other(handler, body, n=n):
            first, last = map(int, handler.headers["Range"][6:].split("-"))
            data = bytearray(body[first:last + 1])
            data[100] ^= len(ranges(registry)) == n + 1
            handler.answer(206, bytes(data), Content_Range=f"bytes {first}-{last}/{len(body)}")
        registry.range_fault = other
        registry.requests.clear()
        got, said = pull(registry, "a")
        has(said, why)
        good("oci", "rm", "--repo=r", "a")
        good("gc", "--repo=r")
    expect(got, pulled_whole("a")[0])


def start_anew():
    for name in ("layout", "r", "w"):
        shutil.rmtree(name, ignore_errors=True)
    good("init", "--insecure", "--hash=sha256", "r")


def expect_lie(registry, layer, why, **options):
    put_image("layout", "a", layer, **options)
    expect_whole(registry, why)


@test
def chunked_table_with_the_digest_of_another_file_is_noticed(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.entry("file1")["digest"] = sha256(b"other")
    expect_lie(registry, layer, "expected the digest from the table of contents, got another")


@test
def chunked_table_that_names_a_file_of_the_repository_is_noticed(registry):
    """The table says that file1 is a content that the repository has, of the same size: another one than that of the archive."""
    put_image("layout", "b", Layer({"x": bytes_of(9, 4000)}))
    pull(registry, "b")
    layer = Layer(files_of(1, 2, 3))
    layer.entry("file1")["digest"] = sha256(bytes_of(9, 4000))
    put_image("layout", "a", layer)
    expect_whole(registry, "diff_id", before=("b",))


@test
def chunked_tarsplit_that_describes_another_archive_is_noticed(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.lines[-1]["payload"] = base64.b64encode(bytes(2048)).decode()
    expect_lie(registry, layer, "diff_id")


@test
def chunked_tarsplit_that_is_no_archive_is_noticed(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.lines[0]["payload"] = "AAAA"
    expect_lie(registry, layer, "")


@test
def chunked_tarsplit_with_other_files_than_the_table_is_noticed(registry):
    for change, why in ((lambda l: l.toc["entries"].pop(), "have different files"), (lambda l: l.toc["entries"].pop(1), "have different files"),
                        (lambda l: l.lines.pop(-3), "the archive is truncated"),
                        (lambda l: l.entry("file2").update(size=17), "have different files")):
        layer = Layer(files_of(1, 2, 3))
        change(layer)
        start_anew()
        expect_lie(registry, layer, why)


@test
def chunked_tarsplit_that_is_malformed_is_noticed(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.lines[2]["type"] = 9
    expect_lie(registry, layer, "tar-split: line 3: type: expected 1 or 2")


@test
def chunked_tarsplit_digest_is_compared(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.toc["tarSplitDigest"] = sha256(b"other")
    expect_lie(registry, layer, "tar-split: digest mismatch")


@test
def chunked_table_with_places_outside_of_the_files_is_noticed(registry):
    layer = Layer(files_of(1, 2, 3))
    layer.entry("file2")["endOffset"] = 1 << 40
    expect_lie(registry, layer, "expected a part of the blob")


@test
def chunked_file_that_expands_beyond_its_size_is_noticed(registry):
    """The frames of a file of 4000 bytes expand to 1 GiB of zeros: the whole layer has them too, so nothing is stored."""
    layer = Layer(files_of(1, 2, 3), frame_of=lambda name, data: bomb(1 << 30) if name == "file1" else frame(data))
    put_image("layout", "a", layer)
    rc, out, err = run("oci", "pull", "-v", "--repo=r", "--max-layer-size=1M", f"{registry.host}/a:a", "a")
    expect((rc, out), (FAILED, ""))
    has(err, "the whole layer is read: ")
    has(err, "4000 bytes")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])


@test
def chunked_annotations_outside_of_the_blob_cause_no_request(registry):
    for value in ("1:9999999:1:1", "x", "18446744073709551615:1:1:1", "1:1:1:7"):
        start_anew()
        layer = Layer(files_of(1, 2))
        layer.annotations = {PREFIX + "manifest-position": value}
        put_image("layout", "a", layer)
        registry.requests.clear()
        expect_whole(registry, "manifest-position: expected")
        expect(ranges(registry), [])


@test
def chunked_layer_whose_diff_id_is_not_true_is_refused(registry):
    put_image("layout", "a", Layer(files_of(1, 2, 3)), diff_id=sha256(b"other"))
    rc, out, err = run("oci", "pull", "-v", "--repo=r", f"{registry.host}/a:a", "a")
    expect((rc, out), (FAILED, ""))
    has(err, "the whole layer is read: diff_id: digest mismatch")
    has(err, "diff_id, the digest of the layer uncompressed: digest mismatch")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])
    expect(os.path.exists("r/.content-index"), False)


if __name__ == "__main__":
    sys.exit(main(TESTS))
