"""TLS in front of a server of this machine, as PostgreSQL negotiates it or at once.

The PostgreSQL of the tests is built without OpenSSL: what a client does to trust its server takes place here, and what
it does then in the real one.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aws_fidelity.private_authority import Issued

# PostgreSQL, "Message Formats": SSLRequest, which is answered with S by a server that encrypts.
_SSL_REQUEST_BYTES = 8
_BLOCK_BYTES = 65536


@contextmanager
def encrypting(issued: Issued, folder: Path, port: int, *, negotiates: bool = True) -> Iterator[int]:
    """Serve with a certificate and pass everything to a port of this machine; yields the port to connect to."""
    files = folder / "front.pem", folder / "front.key"
    files[0].write_bytes(issued.pem)
    files[1].write_bytes(issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if negotiates:
        context.set_alpn_protocols(["postgresql"])

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if negotiates:
                self.request.recv(_SSL_REQUEST_BYTES)
                self.request.sendall(b"S")
            with (
                context.wrap_socket(self.request, server_side=True) as client,
                socket.create_connection(("127.0.0.1", port)) as server,
            ):
                answers = threading.Thread(target=_pass, args=(server, client))
                answers.start()
                _pass(client, server)
                server.shutdown(socket.SHUT_RDWR)
                answers.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust this server ends the connection."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            listening.shutdown()
            thread.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(_BLOCK_BYTES):
            target.sendall(block)
    except OSError:
        return
