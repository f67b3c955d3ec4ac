"""A web server on the loopback interface that misbehaves on request."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Served:
    """What the server does with one path.

    ``close_after`` holds, for one request after the other, after how many
    bytes of the body the connection is closed (None: never).
    """

    body: bytes
    ranges: bool = True
    close_after: list = field(default_factory=list)
    starts: list = field(default_factory=list)  # first byte of each request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        served = self.server.files.get(self.path)
        if served is None:
            self.send_error(404)
            return
        start = int(self.headers["Range"].removeprefix("bytes=")[:-1])
        served.starts.append(start)
        body = served.body[start if served.ranges else 0 :]
        self.send_response(206 if served.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = served.close_after.pop(0) if served.close_after else None
        self.wfile.write(body[:limit])
        self.close_connection = limit is not None

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.address = f"http://127.0.0.1:{self.server_address[1]}/"

    def serve(self, name, body, **behaviour):
        self.files[f"/{name}"] = served = Served(body, **behaviour)
        return served


@contextlib.contextmanager
def running_server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield server
        finally:
            server.shutdown()
