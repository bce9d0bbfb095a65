#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The conformance program of the OCI distribution specification, against the registry that our tests pull from and push to.

    oci_conformance_test.py
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "cli")]
from facts import Skip, ensure, expect, fact, run_facts, skip_program  # noqa: E402  pylint: disable=wrong-import-position
from go_program import go_command  # noqa: E402  pylint: disable=wrong-import-position
from registry import Registry  # noqa: E402  pylint: disable=wrong-import-position

MODULE = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
# Our registry keeps everything, as long as the test runs.
UNSUPPORTED = ("BLOBS_DELETE", "BLOBS_UPLOAD_CANCEL", "MANIFESTS_DELETE", "TAGS_DELETE")


@fact
def registry_of_the_tests_conforms_to_the_specification(program):
    with tempfile.TemporaryDirectory() as top, Registry(top) as registry:
        registry.has_referrers = True
        env = {**os.environ, "OCI_REGISTRY": registry.host, "OCI_TLS": "disabled", "OCI_REPO1": "first/name", "OCI_REPO2": "second/name",
               "OCI_RESULTS_DIR": f"{top}/results", **{f"OCI_API_{what}": "false" for what in UNSUPPORTED}}
        done = subprocess.run([program], env=env, cwd=top, capture_output=True, text=True, check=False, timeout=300)
    failed = re.findall(r'msg="failed test".*', done.stderr)
    expect((done.returncode, failed), (0, []))
    passed = re.search(r"^ *Pass\.*: *(\d+)$", done.stdout, re.M)
    ensure(passed and int(passed[1]) > 500, done.stdout[-3000:])


if __name__ == "__main__":
    try:
        CONFORMANCE = go_command(MODULE)
    except Skip as reason:
        sys.exit(skip_program(reason))
    sys.exit(run_facts(CONFORMANCE))
