# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The rows of the table, as data: what is run, against what, at which sizes, and the project's targets.

Sides: "ours" (the programs of the build), "tools" (mkcomposefs and composefs-info of the C implementation), "cfsctl" (of composefs-rs), "host"
(programs of this machine), "itself" (ours, another way to the same result).
"""
from runner import Row, Target

ENTRIES = ("10k", "100k", "1M")
FILES = ("2k", "6k", "20k")
IMAGES = ("30", "100", "300")
MIB = ("32", "128", "512")

PACK = ["mkcomposefs", "--threads=2", "{in:mixed-{n}}", "{out}/image"]
STORE = ["mkcomposefs", "--threads=2", "--digest-store={out}/store", "{in:mixed-{n}}", "{out}/image"]
AGAIN = ["mkcomposefs", "--threads=2", "--digest-store={side}/store-{n}", "{in:mixed-{n}}", "{out}/image"]
PLAIN = "--no-propagate-usr-to-root"  # else cfsctl copies the metadata of /usr to the root: another tree
INIT = "{prog:composefs} init --insecure --algorithm=sha256 {out}/r >&2; "
CTL = "{prog:cfsctl} --repo {out}/r "
CTL_INIT = "init --insecure --algorithm=fsverity-sha256-12"
ADD = "{prog:composefs} create-image --repo={out}/r "
PODMAN = "{prog:podman} --root={out}/p --runroot={out}/pr --storage-driver=overlay "


def sh(text):
    return ["sh", "-ec", text]


def ours(verb, *more, of="repo-{n}"):
    return ["composefs", verb, "--repo={in:%s}" % of, *more]


def ctl(*words, of="repo-{n}"):
    return ["cfsctl", "--repo", "{in:%s}" % of, *words]


def dump(kind, sizes):
    return Row(f"dump to image, {kind}", ["mkcomposefs", "--from-file", "{in:%s-{n}}" % kind, "{out}/image"], "tools", sizes=sizes,
               same=("image",))


def library(what, sizes, source="{n}", pairs=0):
    return Row(f"library: {what}", ["abi_bench", what, source], "tools", sizes=sizes, same=("stdout",), library=True, pairs=pairs)


GROUPS = {
    "Writing images": [
        dump("files", ENTRIES),
        dump("hardlinks", ("12k", "50k", "200k")),
        dump("xattrs", ("10k", "32k", "100k")),
        Row("directory to image, files", PACK, "tools", sizes=FILES, same=("image",)),
        Row("8 large files to image, MiB", ["mkcomposefs", "--threads=2", "{in:big-8x{n}}", "{out}/image"], "tools", sizes=MIB, same=("image",)),
        Row("directory into a new store, files", STORE, "tools", sizes=FILES, same=("image",)),
        Row("directory into a new store; cp -a", STORE, "host", sh("cp -a {in:mixed-{n}} {out}/tree && sync -f {out}"), sizes=("20k",)),
        Row("directory into a filled store, files", AGAIN, "tools", sizes=FILES, same=("image",), once=True),
        Row("the same with a cache of digests", [*AGAIN[:-2], "--cache={side}/cache-{n}", *AGAIN[-2:]], "tools", AGAIN, sizes=FILES,
            same=("image",), once=True),
        Row("tar to image; tar -x and directory, MiB", sh(INIT + ADD + "{in:tar-{n}}"), "itself",
            sh("mkdir {out}/x; tar -C {out}/x -xpf {in:tar-{n}}; " + INIT + ADD + "{out}/x"), sizes=MIB, same=("stdout",)),
        Row("tar.gz to image; tar -x and directory, MiB", sh(INIT + ADD + "{in:tgz-{n}}"), "itself",
            sh("mkdir {out}/x; tar -C {out}/x -xpf {in:tgz-{n}}; " + INIT + ADD + "{out}/x"), sizes=MIB, same=("stdout",)),
    ],
    "Reading images": [
        Row("image to dump, entries", ["composefs-info", "dump", "{in:image-{n}}"], "tools", sizes=ENTRIES, same=("stdout",)),
        Row("objects of an image, entries", ["composefs-info", "objects", "{in:image-{n}}"], "tools", sizes=ENTRIES, same=("stdout",)),
        Row("ls of one path; of all, entries", ["composefs", "ls", "{in:image-{n}}", "/dir-0000001"], "tools",
            ["composefs-info", "ls", "{in:image-{n}}"], sizes=ENTRIES),
        Row("check an image, entries", ["composefs-fsck", "{in:image-{n}}"], sizes=ENTRIES),
        Row("check that it is canonical, entries", ["composefs-fsck", "--canonical", "{in:image-{n}}"], sizes=ENTRIES),
        Row("diff of two images, entries", sh("{prog:composefs} diff {in:image-{n}} {in:changed-image-{n}} || [ $? = 1 ]"), sizes=ENTRIES),
        Row("diff of two dumps, entries", sh("{prog:composefs} diff {in:files-{n}} {in:changed-{n}} || [ $? = 1 ]"), sizes=ENTRIES),
        Row("explain, entries", sh("{prog:composefs} explain {in:image-{n}} {in:changed-image-{n}} || [ $? = 1 ]"), sizes=ENTRIES),
    ],
    "Digests": [
        Row("fs-verity digest, 1 CPU, MiB", ["composefs-info", "measure-file", "{in:big-8x{n}}/file-0"], "tools", sizes=MIB, same=("stdout",),
            cpus=1),
        Row("fs-verity digest, 2 CPU, MiB", ["composefs-info", "measure-file", "{in:big-8x{n}}/file-0"], "tools", sizes=MIB, same=("stdout",),
            cpus=2),
        Row("fs-verity digests of small files", sh("find . -type f -print0 | sort -z | xargs -0 -n 100000 {prog:composefs-info} measure-file"),
            "tools", sizes=FILES, same=("stdout",), cwd="{in:small-{n}}"),
    ],
    "Mounts": [
        Row("mount an image file, entries", ["mount.composefs", "{in:image-{n}}", "{out}/mnt", "-o", "basedir={side}"], "tools", sizes=ENTRIES,
            times=20, root=True, after="for i in $(seq 20); do umount {out}/mnt; done"),
        Row("mount from a repository, entries", ours("mount", "image", "{out}/mnt", of="one-{n}"), "cfsctl",
            ctl("mount", "refs/image", "{out}/mnt", of="one-{n}"), sizes=ENTRIES, once=True, root=True,
            after="umount {out}/mnt", pairs=15),
        Row("the first mount of it, entries", ours("mount", "--verify-image", "image", "{out}/mnt", of="one-{n}"), "cfsctl",
            ctl("mount", "refs/image", "{out}/mnt", of="one-{n}"), sizes=ENTRIES, root=True, after="umount {out}/mnt", pairs=9),
    ],
    "Repositories": [
        Row("compute-id of a directory, files", ["composefs", "compute-id", "{in:mixed-{n}}"], "cfsctl",
            ["cfsctl", "--no-repo", "--hash", "sha256", "compute-id", PLAIN, "{in:mixed-{n}}"], sizes=FILES),
        Row("create-image, new repository, files", sh(INIT + ADD + "{in:mixed-{n}} x"), "cfsctl",
            sh(CTL + CTL_INIT + " >&2; " + CTL + f"create-image {PLAIN} {{in:mixed-{{n}}}} x"), sizes=FILES),
        Row("create-image again, files", sh("[ -e {side}/r-{n} ] || {prog:composefs} init --insecure --algorithm=sha256 {side}/r-{n}; "
                                            "{prog:composefs} create-image --repo={side}/r-{n} {in:mixed-{n}} x"), "cfsctl",
            sh("[ -e {side}/r-{n} ] || {prog:cfsctl} --repo {side}/r-{n} " + CTL_INIT + "; "
               f"{{prog:cfsctl}} --repo {{side}}/r-{{n}} create-image {PLAIN} {{in:mixed-{{n}}}} x"), sizes=FILES, once=True),
        Row("image-objects, entries", ours("image-objects", "image", of="one-{n}"), "cfsctl", ctl("image-objects", "refs/image", of="one-{n}"),
            sizes=ENTRIES),
        Row("fsck, images", ours("fsck"), "cfsctl", ctl("fsck"), sizes=IMAGES),
        Row("fsck --metadata-only, images", ours("fsck", "--metadata-only"), "cfsctl", ctl("fsck", "--metadata-only"), sizes=IMAGES),
        Row("gc --dry-run, images", ours("gc", "--dry-run"), "cfsctl", ctl("gc", "--dry-run"), sizes=IMAGES),
        Row("images, images", ours("images", "--json"), "cfsctl", ctl("images", "--json"), sizes=IMAGES),
        Row("du, images", ours("du", "--json"), sizes=IMAGES),
        Row("du --pairs --no-cached, images", ours("du", "--json", "--pairs", "--no-cached"), sizes=IMAGES),
    ],
    "Containers": [
        Row("oci pull and mount; podman, MiB", sh(INIT + "{prog:composefs} oci pull --repo={out}/r --root=own {in:oci-{n}} i; "
                                                  "{prog:composefs} oci mount --repo={out}/r i {out}/mnt"), "host",
            sh(PODMAN + "pull -q --tls-verify=false {in:oci-{n}}; " + PODMAN + "image mount {in:oci-{n}}"), sizes=MIB, root=True,
            after="umount {out}/mnt 2>/dev/null || podman --root={out}/p --runroot={out}/pr --storage-driver=overlay image umount -a"),
        Row("oci pull; skopeo and umoci, MiB", sh(INIT + "{prog:composefs} oci pull --repo={out}/r --root=own {in:oci-{n}} i"), "host",
            sh("{prog:skopeo} copy -q --src-tls-verify=false docker://{in:oci-{n}} oci:{out}/l:1; "
               "{prog:umoci} unpack --image={out}/l:1 {out}/b"), sizes=MIB, root=True),
        Row("oci pull of a layout, MiB", sh(INIT + "{prog:composefs} oci pull --repo={out}/r oci:{in:layout-{n}}:1 i"), "cfsctl",
            sh(CTL + CTL_INIT + "; " + CTL + "oci pull oci:{in:layout-{n}}:1 i"), sizes=MIB),
        Row("oci pull again, MiB", sh("[ -e {side}/o-{n} ] || {prog:composefs} init --insecure --algorithm=sha256 {side}/o-{n}; "
                                      "{prog:composefs} oci pull --repo={side}/o-{n} --root=own {in:oci-{n}} i"), sizes=MIB, once=True),
    ],
    "The library": [
        library("reverse", ("1000", "10000", "100000")),
        library("links", ("1000", "10000", "100000")),
        library("build", ("10000", "100000", "1000000")),
        library("clone", ("10000", "100000", "1000000"), pairs=2),
        library("write", ("10000", "100000", "1000000"), pairs=2),
        library("load", ("1k", "8k", "64k"), source="{in:image-{n}}"),
        library("rewrite", ("1k", "8k", "64k"), source="{in:image-{n}}"),
    ],
    "Threads of ours": [
        Row("directory of 20k files, threads", ["mkcomposefs", "--threads={n}", "{in:mixed-20k}", "{out}/image"], sizes=("1", "2", "16")),
        Row("8 files of 512 MiB, threads", ["mkcomposefs", "--threads={n}", "{in:big-8x512}", "{out}/image"], sizes=("1", "2", "16")),
    ],
}

# Ratios of wall time, CPU time and memory that the project wants, at the largest size.
TARGETS = {
    "dump to image, files 10k": Target(5, 5, 2),
    "dump to image, files 100k": Target(7, 7, 2.5),
    "dump to image, files 1M": Target(8, 12, 2.5),
    "dump to image, hardlinks 200k": Target(6, 15, 2),
    "dump to image, xattrs 100k": Target(6, 8, 2),
    "directory to image, files 20k": Target(2, 2),
    "8 large files to image, MiB 512": Target(2.3, 2.5),
    "directory into a new store, files 20k": Target(2, 1.7),
    "directory into a new store; cp -a 20k": Target(1 / 1.6),
    "the same with a cache of digests 20k": Target(4, 5),
    "image to dump, entries 1M": Target(6, 6),
    "objects of an image, entries 1M": Target(12, 12, 2.5),
    "ls of one path; of all, entries 1M": Target(100, 100),
    "fs-verity digest, 1 CPU, MiB 512": Target(2.2, 2.2),
    "fs-verity digest, 2 CPU, MiB 512": Target(3.5, 2.2),
    "fs-verity digests of small files 20k": Target(1.8, 1.8),
    "mount an image file, entries 100k": Target(1.8, 1.8),
    "mount from a repository, entries 1M": Target(2, 2),
    "fsck, images 300": Target(3, 3),
    "fsck --metadata-only, images 300": Target(3, 3),
    "gc --dry-run, images 300": Target(3, 3),
}
