"""Servers on this machine, for what fetches and for pages."""

import contextlib
import functools
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without telling of each request."""

    def log_message(self, *_):
        pass


class Files(Quiet):
    """Serves files with Range, records the ranges asked for, and can cut the first connections."""

    def do_GET(self):
        time.sleep(self.server.pause)
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            return self.send_error(404)
        content, asked = path.read_bytes(), self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.knows_ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(content[start:][:cut])


class Hostile(Quiet):
    """Answers as the path says, and goes on until the client is gone."""

    def do_GET(self):
        with contextlib.suppress(OSError):
            getattr(self, self.path.strip("/").partition("/")[0])()

    def drip_body(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self._drip(b"x")

    def drip_chunks(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self._drip(b"1\r\nx\r\n")

    def drip_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self._drip(b"x")

    def endless(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(bytes(1 << 16))

    def endless_chunks(self):
        """Its stated length is none that a client goes by where it reads chunks."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 100000\r\n\r\n")
        while True:
            self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")

    def vast(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 60))
        self.end_headers()

    def no_range(self):
        self.send_error(416)

    def a_byte_a_connection(self):
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Range", f"bytes {start}-999999/1000000")
        self.send_header("Content-Length", str(1000000 - start))
        self.end_headers()
        self.wfile.write(b"x")

    def _drip(self, drop: bytes):
        while True:
            self.wfile.write(drop)
            time.sleep(0.01)


@contextlib.contextmanager
def serving(handler) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server at a free port of 127.0.0.1, `server.server_port`, while the block runs."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def serving_files(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server of the files in a folder, at `server.address`. It records in `ranges` what was asked for.

    `pause` is how many seconds it takes to answer. `cuts`, where it is set, says after how many bytes each of the next
    connections breaks; `knows_ranges` can be False.
    """
    with serving(Files) as server:
        server.folder, server.ranges, server.cuts, server.knows_ranges = folder, [], [], True
        server.pause = 0.0
        server.address = f"http://127.0.0.1:{server.server_port}"
        yield server
