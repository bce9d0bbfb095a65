# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""cfsctl, the program of composefs-rs: the one that is named or installed, else built of its crate, once, and kept in a
cache folder of the user."""
import fcntl
import os
import shutil
import subprocess
import tempfile

from facts import Skip

VERSION = "0.9.4"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "composefs-tests")

# The cheapest build that can do what the tests need: 96 s of user and 19 s of system time, from nothing (cargo 1.95, -j2, with
# `time`). Without pre-6.15 it could not mount on older kernels.
FEATURES = "pre-6.15,oci"
CHEAP = {"CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_DEV_OPT_LEVEL": "0", "CARGO_PROFILE_DEV_STRIP": "symbols",
         "CARGO_INCREMENTAL": "0", "CARGO_NET_RETRY": "1", "CARGO_HTTP_TIMEOUT": "20"}
BUILD_SECONDS = 1500


def is_theirs(path):
    """Ours has the same name where it is installed, and says composefs."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.startswith("cfsctl ")


def build(folder):
    with tempfile.TemporaryDirectory(dir=CACHE) as tmp:
        command = ["nice", "-n", "10", "cargo", "install", "composefs-ctl", "--version", VERSION, "--locked", "--debug",
                   "--no-default-features", "--features", FEATURES, "--root", f"{tmp}/root", "--target-dir", f"{tmp}/target"]
        try:
            done = subprocess.run(command, env={**os.environ, **CHEAP}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=BUILD_SECONDS)
        except subprocess.TimeoutExpired as e:
            raise Skip(f"cfsctl was not built within {BUILD_SECONDS} s") from e
        if done.returncode:
            said = [l for l in done.stderr.splitlines() if l.startswith("error")] or ["status " + str(done.returncode)]
            raise Skip(f"cfsctl {VERSION} cannot be built: {said[0]}")
        os.rename(f"{tmp}/root", folder)


def cfsctl():
    """Its path, or Skip."""
    named = os.environ.get("CFSCTL") or shutil.which("cfsctl")
    if named and is_theirs(named):
        return named
    if not shutil.which("cargo"):
        raise Skip("neither cfsctl of composefs-rs nor cargo is installed")
    folder = os.path.join(CACHE, f"cfsctl-{VERSION}-oci")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "cfsctl.lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            build(folder)
    return f"{folder}/bin/cfsctl"
