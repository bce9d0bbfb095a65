# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Programs in Go that tests run against: built once for each version of their module, and kept in the cache folder of
crate.py."""
import fcntl
import os
import shutil
import subprocess
import tempfile

from crate import CACHE
from facts import Skip

BUILD_SECONDS = 600


def go(tmp, *command):
    env = {**os.environ, "GOFLAGS": "-mod=mod -modcacherw", "GOPATH": f"{tmp}/path", "GOCACHE": f"{tmp}/cache"}
    try:
        done = subprocess.run(["nice", "-n", "10", "go", *command], env=env, cwd=f"{tmp}/source", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired as e:
        raise Skip(f"go {command[0]} did not end within {BUILD_SECONDS} s") from e
    if done.returncode:
        raise Skip(f"go {' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")


def build(source, module, target):
    with tempfile.TemporaryDirectory(dir=CACHE) as tmp:
        if source:
            shutil.copytree(source, f"{tmp}/source")
        else:
            os.mkdir(f"{tmp}/source")
        go(tmp, "mod", "init", "test")
        go(tmp, "get", module)
        go(tmp, "build", "-o", f"{tmp}/program", "." if source else module.split("@", maxsplit=1)[0])
        os.rename(f"{tmp}/program", target)


def built(name, source, module):
    if not shutil.which("go"):
        raise Skip("go is not installed")
    target = os.path.join(CACHE, f"{name}-{module.rsplit('@', maxsplit=1)[1]}")
    os.makedirs(CACHE, exist_ok=True)
    with open(f"{target}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(target):
            build(source, module, target)
    return target


def go_program(source, module):
    """The path of the program whose source is in the folder, which needs this version of a module; or Skip."""
    return built(os.path.basename(source), source, module)


def go_command(module):
    """The path of the program that this version of a module is; or Skip."""
    return built(module.split("@", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1], None, module)
