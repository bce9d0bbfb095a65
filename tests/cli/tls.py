# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Certificates, registries that speak TLS, and a proxy that says who asked it for what."""
import http.server
import shutil
import socket
import ssl
import subprocess
import sys
import threading

HOST = "r.example"  # no name server knows it: only the proxy leads to it


def need_openssl():
    if not shutil.which("openssl"):
        print("1..0 # SKIP openssl is not installed")
        sys.exit(0)


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make_authority(name):
    """NAME.crt and NAME.key."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def make_certificate(authority, name, host=HOST):
    """NAME.crt and NAME.key for a host, signed by the authority."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={host}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(f"{name}.ext", "w", encoding="utf-8") as f:
        f.write(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def speak_tls(registry, name, client_authority=None):
    """Let a registry speak TLS with NAME.crt; client_authority: only to clients with a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{name}.crt", f"{name}.key")
    if client_authority:
        context.load_verify_locations(f"{client_authority}.crt")
        context.verify_mode = ssl.CERT_REQUIRED
    registry.server.socket = context.wrap_socket(registry.server.socket, server_side=True)


def pump(from_socket, to_socket):
    try:
        while data := from_socket.recv(65536):
            to_socket.sendall(data)
        to_socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class ProxyHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_CONNECT(self):  # pylint: disable=invalid-name
        proxy = self.server.proxy
        proxy.asked.append(self.path)
        target = proxy.targets.get(self.path)
        if not target:
            self.send_error(403)
            return
        with socket.create_connection(target) as to:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pump, args=(to, self.connection), daemon=True)
            back.start()
            pump(self.connection, to)
            back.join()
        self.close_connection = True

    def do_GET(self):  # pylint: disable=invalid-name
        self.server.proxy.asked.append(self.path)
        self.send_error(403)


class Proxy:
    """targets: "HOST:PORT" to the address that it stands for; asked: what clients wanted, in order."""

    def __init__(self):
        self.targets, self.asked = {}, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ProxyHandler)
        self.server.daemon_threads, self.server.proxy = True, self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
