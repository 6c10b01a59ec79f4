"""Servers on this machine, for what fetches and for pages."""

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without telling of each request."""

    def log_message(self, *_):
        pass


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
