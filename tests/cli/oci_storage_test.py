#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images pulled from the local store of podman and others, and refused when the store is not what it says.

    oci_storage_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys

from repo import COMPOSEFS, FAILED, OK, ensure, expect, good, has, loaded, main, run, snapshot
from storage import Store, big_data_name, checksum, digest, make_tar, split

GOLDEN = os.path.abspath(sys.argv[2])
TESTS = []
# Without those that containers-storage cannot have (sparse files) or the plain fixture cannot make.
IMAGES = ["basic", "whiteouts", "opaque", "order", "hardlinks", "xattrs", "names", "devices", "metadata", "boot"]
MANY = b"many bytes " * 1000
TREE = {"usr": None, "usr/small": b"small", "usr/many": MANY}


def test(function):
    TESTS.append(function)
    return function


def source(store, name, driver=True):
    return f"containers-storage:[{store.driver + '@' if driver else ''}{store.root}]{name}"


def make_repo(name="r"):
    good("init", "--insecure", "--hash=sha256", name)


def pull(text, tag="t"):
    return good("oci", "pull", "--repo=r", text, tag).strip()


def refuse(text, *parts):
    """A pull that must fail, and must not leave an image or a layer."""
    rc, out, err = run("oci", "pull", "--repo=r", text, "bad")
    expect((rc, out), (FAILED, ""))
    for part in parts:
        has(err.splitlines()[-1], part)
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])
    expect([name for _, _, names in os.walk("r/streams") for name in names], [])
    return err


def image_of(tree, driver="overlay"):
    """A repository, and a store with an image of one layer. Returns the store and the ID of the layer."""
    make_repo()
    store = Store("store", driver)
    return store, store.add_image([make_tar(tree)], ["localhost/t:latest"])[0]


@test
def storage_has_no_blobs_that_could_be_kept():
    store, _ = image_of(TREE)
    rc, _, err = run("oci", "pull", "--repo=r", "--keep-blobs", source(store, "t"), "bad")
    expect(rc, FAILED)
    has(err, "the source does not have the blobs of layers")


# --- the same images -----------------------------------------------------------------------


@test
def storage_images_have_the_ids_of_the_same_images_in_a_layout():
    make_repo()
    for driver in ("overlay", "vfs"):
        store = Store(f"store-{driver}", driver)
        for name in IMAGES:
            store.add_layout(f"{GOLDEN}/{name}", "latest", [f"localhost/{name}:latest"])
            before = snapshot(store.root)
            got = loaded("oci", "pull", "--repo=r", "--json", source(store, name), f"{driver}-{name}")
            expect(snapshot(store.root), before)
            shutil.move("r", "kept")
            make_repo()
            of_layout = loaded("oci", "pull", "--repo=r", "--json", f"oci:{GOLDEN}/{name}:latest", "l")
            for key in ("id", "manifest_digest", "config_digest", "layers"):
                expect((name, got[key]), (name, of_layout[key]))
            shutil.rmtree("r")
            shutil.move("kept", "r")
    expect(run("oci", "fsck", "--repo=r")[0], OK)
    expect(run("fsck", "--repo=r")[0], OK)


@test
def storage_layers_are_the_archives_bit_for_bit():
    make_repo()
    store = Store("store")
    tar = make_tar({"usr": None, "usr/\udcff": MANY, "usr/empty": b"", "usr/" + "long" * 60: b"x"}) + bytes(50000)
    store.add_image([tar], ["localhost/t:latest"])
    pull(source(store, "t"))
    done = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", digest(tar)], capture_output=True, check=True)
    ensure(done.stdout == tar)


@test
def storage_layers_that_the_repository_has_are_not_read():
    store, layer = image_of(TREE)
    pull(source(store, "t"))
    os.unlink(store.tar_split(layer))
    got = loaded("oci", "pull", "--repo=r", "--json", source(store, "t"), "again")
    expect((got["layers"], got["layers_present"], got["bytes_read"]), (1, 1, 0))


@test
def storage_layer_leads_through_its_own_links_but_not_out_of_it():
    tree = {"usr": None, "usr/lib": None, "lib": "usr/lib", "lib/many": MANY}
    store, layer = image_of(tree)
    top = store.diff(layer)
    os.rename(f"{top}/lib/many", f"{top}/usr-lib-many")  # as podman extracts it
    os.rmdir(f"{top}/lib")
    os.makedirs(f"{top}/usr/lib")
    os.rename(f"{top}/usr-lib-many", f"{top}/usr/lib/many")
    for target in ("../../../out", os.path.abspath("out")):
        os.makedirs("out", exist_ok=True)
        with open("out/many", "wb") as f:
            f.write(MANY)
        os.symlink(target, f"{top}/lib")
        refuse(source(store, "t"), "lib/many")
        os.unlink(f"{top}/lib")
    os.symlink("usr/lib", f"{top}/lib")
    # The merged tree is refused, since an archive cannot lead through links; the layer was read before that.
    rc, _, err = run("oci", "pull", "--repo=r", source(store, "t"), "t")
    expect(rc, FAILED)
    has(err, "lib")
    done = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", digest(make_tar(tree))], capture_output=True, check=True)
    ensure(done.stdout == make_tar(tree))


# --- names ---------------------------------------------------------------------------------


@test
def storage_image_has_names_an_id_and_digests():
    make_repo()
    store = Store("store")
    store.add_image([make_tar(TREE)], ["localhost/t:latest", "registry.example/team/app:1", "docker.io/library/d:latest"])
    image = store.images[0]
    want = pull(source(store, "localhost/t:latest"))
    for name in ("t", "t:latest", "localhost/t", "registry.example/team/app:1", "d", "docker.io/library/d", image["id"], image["id"][:6],
                 "@" + image["id"], "t@" + image["digest"], "@" + image["digest"]):
        expect((name, pull(source(store, name))), (name, want))
        expect((name, pull(source(store, name, driver=False))), (name, want))
    expect(pull(f"containers-storage:[overlay@{store.root}+/run/none:overlay.mountopt=x]t"), want)
    good("oci", "rm", "--repo=r", "t")
    good("gc", "--repo=r")
    for name, why in (("none", "no image"), ("t:2", "no image"), (image["id"][:2], "no image"), ("@xy", "expected @ID or @DIGEST"),
                      ("team/app:1", "no image"), ("t@sha256:" + "0" * 64, "no image"), ("t@md5:0", "sha256"), ("", "expected the name")):
        refuse(source(store, name), why)
    refuse("containers-storage:[store]t", "expected [[DRIVER@]/ROOT")
    refuse(f"containers-storage:[{store.root}", "got no ]")
    refuse(f"containers-storage:[zfs@{store.root}]t", "expected overlay or vfs")
    refuse(f"containers-storage:[vfs@{store.root}]t", "no images of the drivers")


@test
def storage_id_must_belong_to_one_image():
    make_repo()
    store = Store("store")
    for content in (b"1", b"2"):
        store.add_image([make_tar({"usr": None, "usr/f": content})], [])
    for image, new in zip(store.images, ("abc0" + "0" * 60, "abc1" + "0" * 60)):
        os.rename(f"store/overlay-images/{image['id']}", f"store/overlay-images/{new}")
        image["id"] = new
    store.save()
    refuse(source(store, "abc"), "several images")
    pull(source(store, "abc1"))


@test
def storage_platform_is_chosen_from_an_index():
    make_repo()
    store = Store("store")
    layer = store.add_image([make_tar(TREE)], ["localhost/t:latest"])[0]
    image = store.images.pop()
    place = f"store/overlay-images/{image['id']}"
    with open(f"{place}/manifest", "rb") as f:
        manifest = f.read()
    with open(f"{place}/{big_data_name('sha256:' + image['id'])}", "rb") as f:
        config = f.read()
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(manifest), "size": len(manifest),
             "platform": {"os": "linux", "architecture": "amd64"}}
    other = dict(entry, digest="sha256:" + "1" * 64, platform={"os": "linux", "architecture": "s390x"})
    index = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [other, entry]}).encode()
    shutil.rmtree(place)
    store.add_documents(manifest, config, layer, ["localhost/t:latest"], {"manifest-" + digest(index): index})
    got = loaded("oci", "pull", "--repo=r", "--json", "--platform=linux/amd64", source(store, "t@" + digest(index)), "t")
    expect(got["manifest_digest"], digest(manifest))
    has(run("oci", "pull", "--repo=r", "--platform=linux/s390x", source(store, "@" + digest(index)), "x")[2], "manifest-sha256:" + "1" * 64)


@test
def storage_conf_says_where_stores_are():
    make_repo()
    with open("storage.conf", "w", encoding="utf-8") as f:
        f.write(f"""# Two stores, of which the second one has the image and its lower layer.
[storage]
driver = "overlay"   # the default
graphroot = "{os.getcwd()}/main"
[storage.options]
pull_options = {{enable_partial_images = "true"}}
additionalimagestores = [
  "{os.getcwd()}/none", # there is no such directory
  '{os.getcwd()}/more',
]
[storage.options.overlay]
mountopt = "nodev"
""")
    os.environ["CONTAINERS_STORAGE_CONF"] = os.path.abspath("storage.conf")
    try:
        more, first = Store("more"), Store("main")
        layers = more.add_image([make_tar(TREE), make_tar({"usr/new": MANY * 2})], ["localhost/t:latest"])
        want = pull("containers-storage:t")
        # The higher layer in the main store, on a layer of the additional store.
        first.layers, more.layers = more.layers[1:], more.layers[:1]
        first.images, more.images = more.images, []
        first.save()
        more.save()
        os.makedirs("main/overlay")
        shutil.move(more.diff(layers[1]), first.diff(layers[1]))
        shutil.move(more.tar_split(layers[1]), first.tar_split(layers[1]))
        shutil.move(f"more/overlay-images/{first.images[0]['id']}", "main/overlay-images/")
        good("oci", "rm", "--repo=r", "t")
        good("gc", "--repo=r")
        expect(pull("containers-storage:t"), want)
        for text, why in (("[storage]\ngraphroot = 5\n", "line 2: graphroot: expected a string"), ("[storage\n", 'line 1: expected "]"'),
                          ('[storage]\ngraphroot = "x\n', "line 2: a string"), ("\nx\n", 'line 2: expected "="'),
                          ("[storage.options]\nadditionalimagestores = [5]\n", "line 2: additionalimagestores: expected a list of strings"),
                          ("storage = {}\n", "line 1: storage: expected a table in brackets")):
            with open("storage.conf", "w", encoding="utf-8") as f:
                f.write(text)
            has(run("oci", "pull", "--repo=r", "containers-storage:t", "x")[2], f"storage.conf: {why}")
    finally:
        del os.environ["CONTAINERS_STORAGE_CONF"]


# --- stores that lie -----------------------------------------------------------------------


@test
def storage_file_that_was_changed_is_refused():
    for driver in ("overlay", "vfs"):
        store, layer = image_of(TREE, driver)
        with open(f"{store.diff(layer)}/usr/many", "r+b") as f:
            f.write(b"M")
        refuse(source(store, "t"), "usr/many", "expected checksum")
        shutil.rmtree("store")
        shutil.rmtree("r")


@test
def storage_layer_that_was_changed_with_its_checksum_is_refused_by_its_diff_id():
    store, layer = image_of(TREE)
    changed = b"M" + MANY[1:]
    with open(f"{store.diff(layer)}/usr/many", "wb") as f:
        f.write(changed)
    lines, _ = split(make_tar(dict(TREE, **{"usr/many": changed})))
    expect([line["payload"] for line in lines if line.get("name") == "usr/many"], [checksum(changed)])
    store.write_lines(layer, lines)
    refuse(source(store, "t"), "diff_id", "expected " + digest(make_tar(TREE)))
    # A header: the file belongs to root and anyone may run it as root.
    lines, _ = split(make_tar(TREE))
    lines[2]["payload"] = lines[0]["payload"]
    store.write_lines(layer, lines)
    refuse(source(store, "t"), "")
    good("gc", "--repo=r")
    store.write_lines(layer, split(make_tar(TREE))[0])
    with open(f"{store.diff(layer)}/usr/many", "wb") as f:
        f.write(MANY)
    pull(source(store, "t"))


@test
def storage_file_of_another_kind_or_size_is_refused():
    store, layer = image_of(TREE)
    path = f"{store.diff(layer)}/usr/many"
    os.unlink(path)
    refuse(source(store, "t"), "usr/many", "No such file")
    os.mkfifo(path)
    refuse(source(store, "t"), "usr/many", "expected a regular file, got a FIFO")
    os.unlink(path)
    with open("secret", "wb") as f:
        f.write(MANY)
    os.symlink(os.path.abspath("secret"), path)
    refuse(source(store, "t"), "usr/many", "")
    os.unlink(path)
    os.mkdir(path)
    refuse(source(store, "t"), "usr/many", "directory")
    os.rmdir(path)
    for content in (MANY + b"x", MANY[:-1], b""):
        with open(path, "wb") as f:
            f.write(content)
        refuse(source(store, "t"), "usr/many", f"expected {len(MANY)} bytes, got {len(content)}")
    with open(path, "wb") as f:
        f.truncate(1 << 40)
    refuse(source(store, "t"), "usr/many", f"got {1 << 40}")


@test
def storage_directory_of_a_layer_is_not_a_link():
    store, layer = image_of(TREE)
    os.rename(store.diff(layer), "elsewhere")
    os.symlink(os.path.abspath("elsewhere"), store.diff(layer))
    refuse(source(store, "t"), "diff: symbolic link in the path")
    os.unlink(store.diff(layer))
    os.rename("elsewhere", store.diff(layer))
    os.rename("store/overlay", "elsewhere")
    os.symlink("../elsewhere", "store/overlay")
    refuse(source(store, "t"), "symbolic link in the path")
    os.unlink("store/overlay")
    os.rename("elsewhere", "store/overlay")
    for path in (store.tar_split(layer), "store/overlay-images/images.json", "store/overlay-layers/layers.json"):
        os.rename(path, "elsewhere")
        os.symlink(os.path.abspath("elsewhere"), path)
        refuse(source(store, "t"), "symbolic link")
        os.unlink(path)
        os.mkfifo(path)
        refuse(source(store, "t"), "got a FIFO")
        os.unlink(path)
        os.rename("elsewhere", path)
    pull(source(store, "t"))


@test
def storage_names_in_tar_split_do_not_lead_out():
    store, layer = image_of(TREE)
    with open("secret", "wb") as f:
        f.write(MANY)
    for name in ("../../../../secret", "usr/../../../../../secret", os.path.abspath("secret"), "", "x" * 300, "y" * 70000):
        lines, _ = split(make_tar(TREE))
        next(line for line in lines if line.get("name") == "usr/many")["name"] = name
        store.write_lines(layer, lines)
        refuse(source(store, "t"), "")
    lines, _ = split(make_tar(TREE))
    next(line for line in lines if line.get("name") == "usr/many")["name"] = "a/" * 300000 + "b"
    store.write_lines(layer, lines)
    refuse(source(store, "t"), "expected at most", "bytes, got 600001")
    refuse(source(store, "n" * 100000), "expected an image name of at most")


@test
def storage_tar_split_has_limits():
    store, layer = image_of(TREE)
    lines, _ = split(make_tar(TREE))
    next(line for line in lines if line.get("name") == "usr/many")["size"] = 2**62
    store.write_lines(layer, lines)
    refuse(source(store, "t"), f"expected {2**62} bytes, got {len(MANY)}")
    store.write_lines(layer, [{"type": 2, "payload": "A" * (5 << 20)}])
    refuse(source(store, "t"), "tar-split: line 1: expected a line of at most 4194304 bytes")
    store.write_lines(layer, [{"type": 9}])
    refuse(source(store, "t"), "tar-split: line 1: type")
    store.write_lines(layer, split(make_tar(TREE))[0])
    os.truncate(store.tar_split(layer), os.stat(store.tar_split(layer)).st_size // 2)
    refuse(source(store, "t"), "")
    os.unlink(store.tar_split(layer))
    refuse(source(store, "t"), "tar-split.gz: No such file")


@test
def storage_json_that_is_malformed_is_refused():
    store, layer = image_of(TREE)
    image = dict(store.images[0])
    for key, value, why in (("id", "../../x", "id: expected 64 hex digits"), ("layer", "../x", "layer: expected 64 hex digits"),
                            ("layer", "0" * 64, "no layer 000")):
        store.images = [dict(image, **{key: value})]
        store.save()
        refuse(source(store, "t"), why)
    store.images = [image]
    for parent, why in ((layer, "expected at most 1024 layers"), ("../../..", "parent: expected 64 hex digits"), ("0" * 64, "no layer 000")):
        store.layers[0]["parent"] = parent
        store.save()
        refuse(source(store, "t"), why)
    del store.layers[0]["parent"]
    other = store.add_layer(make_tar({"usr/x": MANY}), layer)
    store.images[0]["layer"] = other
    store.save()
    refuse(source(store, "t"), "layers: expected 1, as the manifest has, got 2 from the store")
    for what in ("images", "layers"):
        path = f"store/overlay-{what}/{what}.json"
        for text, why in (("{}", "expected a list"), ("[", f"{what}.json: line 1")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            refuse(source(store, "t"), why)
        with open(path, "wb") as f:
            f.truncate(65 << 20)
        refuse(source(store, "t"), "expected at most 67108864 bytes")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[" + "[]," * 500000 + "[]]")
        refuse(source(store, "t"), f"{what}.json: expected JSON of at most 1000000 values")
        store.save()


@test
def storage_layer_without_an_archive_is_refused():
    store, layer = image_of(TREE)
    os.mkdir(f"store/overlay/{layer}/composefs-data")
    refuse(source(store, "t"), "podman keeps this layer as an image of composefs")


@test
def storage_documents_are_checked():
    store, _ = image_of(TREE)
    image = store.images[0]["id"]
    path = f"store/overlay-images/{image}/{big_data_name('sha256:' + image)}"
    with open(path, "rb") as f:
        config = f.read()
    with open(path, "wb") as f:
        f.write(config.replace(b"amd64", b"AMD64"))
    refuse(source(store, "t"), "configuration", "expected sha256:" + image)
    os.unlink(path)
    refuse(source(store, "t"), "configuration", "No such file")


# --- locks ---------------------------------------------------------------------------------


@test
def storage_pull_waits_for_a_writer_and_can_be_interrupted():
    store, _ = image_of(TREE)
    for what in ("images", "layers"):
        with open(f"store/overlay-{what}/{what}.lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            with subprocess.Popen([COMPOSEFS, "oci", "pull", "--repo=r", source(store, "t"), "t"], stderr=subprocess.PIPE) as process:
                try:
                    process.wait(0.2)
                    raise AssertionError(f"expected a pull that waits for {what}.lock, got status {process.returncode}")
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
                has(process.communicate()[1].decode(), "interrupted")
    with open("store/overlay-images/images.lock", "rb") as lock:
        fcntl.lockf(lock, fcntl.LOCK_SH)
        pull(source(store, "t"))


@test
def storage_without_lock_files_is_read():
    store, _ = image_of(TREE)
    for what in ("images", "layers"):
        os.unlink(f"store/overlay-{what}/{what}.lock")
    before = snapshot("store")
    pull(source(store, "t"))
    expect(snapshot("store"), before)


sys.exit(main(TESTS))
