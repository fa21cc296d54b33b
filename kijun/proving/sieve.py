"""Uploading a Sieve script as a user does, over ManageSieve (RFC 5804)."""

from __future__ import annotations

import base64
import socket
import ssl

PORT = 4190
TIMEOUT = 30.0


class ManageSieve:
    """A session of one user. Raises OSError where the server cannot be reached or does not take the login."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._socket: socket.socket = socket.create_connection((address, PORT), TIMEOUT)
        self._file = self._socket.makefile("rb")
        self._reply()
        if self._say("STARTTLS")[0]:
            # Who the server is was settled over SSH; its certificate is not asked for.
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self._socket = context.wrap_socket(self._socket)
            self._file = self._socket.makefile("rb")
            self._reply()
        login = base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
        if not self._say(f'AUTHENTICATE "PLAIN" "{login}"')[0]:
            self.close()
            raise OSError(f"ManageSieve takes no login of {user}")

    def upload(self, script: str) -> bool:
        """Upload `script` and make it the one that runs; say whether the server took it."""
        size = len(script.encode())
        taken, _ = self._say(f'PUTSCRIPT "kijun-proof" {{{size}+}}\r\n{script}')
        return taken and self._say('SETACTIVE "kijun-proof"')[0]

    def close(self) -> None:
        """End the session."""
        self._file.close()
        self._socket.close()

    def _say(self, command: str) -> tuple[bool, str]:
        self._socket.sendall(f"{command}\r\n".encode())
        return self._reply()

    def _reply(self) -> tuple[bool, str]:
        said = ""
        while True:
            line = self._file.readline()
            if not line:
                raise OSError("ManageSieve hung up")
            said += line.decode("utf-8", "replace")
            word = line.split(None, 1)[0].upper() if line.split() else b""
            if word in (b"OK", b"NO", b"BYE"):
                return word == b"OK", said
