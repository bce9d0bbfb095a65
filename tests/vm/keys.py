# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What builders have and the machine does not: keys, and the policies that are signed with them."""
import os
import subprocess

# What a policy by digests may have at most, and more than that.
LONGEST, TOO_LONG = 565, 600


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_keys(folder):
    """For images, the keys of a vendor and of a stranger; for objects and policies, a key each with its
    certificate."""
    for name in ("vendor", "stranger"):
        openssl(folder, "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
    openssl(folder, "pkey", "-in", "vendor.pem", "-pubout", "-out", "vendor.pub")
    for name in ("objects", "policies"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.pem", "-out", f"{name}.crt",
                "-subj", f"/CN={name}")
        openssl(folder, "x509", "-in", f"{name}.crt", "-outform", "der", "-out", f"{name}.der")


def sign_policy(folder, text, out, signer="policies"):
    """As composefs-sign(1) says."""
    openssl(folder, "smime", "-sign", "-nodetach", "-noattr", "-nosmimecap", "-binary", "-outform", "der", "-in", text,
            "-out", out, "-signer", f"{signer}.crt", "-inkey", f"{signer}.pem")


def make_image(folder, mkcomposefs, lines):
    """An image of a dump with these lines, and the root in front."""
    with open(f"{folder}/dump", "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in ["/ 0 40755 2 0 0 0 0.0 - - -", *lines]))
    subprocess.run([mkcomposefs, "--from-file", f"{folder}/dump", f"{folder}/image"], check=True)


def programs_of(number):
    for i in range(number):
        digest = f"{i + 1:064x}"
        yield f"/p{i} 100 100755 1 0 0 0 0.0 {digest[:2]}/{digest[2:]} - {digest}"


def make_policies(folder, tools):
    """Policies by composefs ipe-policy: NAME is the text, NAME.p7b what the kernel takes. The one by digests
    has one program, /bin/ok."""
    def policy(name, *options):
        text = subprocess.run([tools["composefs"], "ipe-policy", f"--name={name}", *options, f"{folder}/image"],
                              check=True, capture_output=True).stdout
        with open(f"{folder}/{name}", "wb") as f:
            f.write(text)
        sign_policy(folder, name, f"{name}.p7b")

    for name, number in (("longest", LONGEST), ("longer", TOO_LONG)):
        make_image(folder, tools["mkcomposefs"], programs_of(number))
        policy(name, "--mode=digest")
    digest = subprocess.run([tools["composefs-info"], "measure-file", tools["ok"]], check=True,
                            capture_output=True).stdout.decode().strip()
    size = os.path.getsize(tools["ok"])
    make_image(folder, tools["mkcomposefs"], [f"/ok {size} 100755 1 0 0 0 0.0 {digest[:2]}/{digest[2:]} - {digest}"])
    for mode in ("signature", "digest", "dm-verity"):
        policy(mode, f"--mode={mode}")
    sign_policy(folder, "signature", "strange.p7b", "objects")
    with open(f"{folder}/signature.p7b", "rb") as f, open(f"{folder}/changed.p7b", "wb") as out:
        out.write(f.read().replace(b"op=EXECUTE action=DENY", b"op=EXECUTE action=ALLO"))


def make(folder, programs):
    """All of it in a new folder; its files. Without openssl there is none, and the cases that need them skip."""
    os.mkdir(folder)
    try:
        make_keys(folder)
    except FileNotFoundError:
        return []
    make_policies(folder, {os.path.basename(program): program for program in programs})
    return sorted(os.listdir(folder))
