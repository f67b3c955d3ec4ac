"""A web server on the loopback interface that misbehaves on request."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Served:
    """What the server does with one path.

    ``close_after`` holds, for one request after the other, after how many
    bytes of the body the connection is closed (None: never). With
    ``hold_after`` the body pauses at that byte until ``go_on`` is set.
    """

    body: bytes
    ranges: bool = True
    close_after: list = field(default_factory=list)
    hold_after: int | None = None
    status: int = 200
    starts: list = field(default_factory=list)  # first byte of each request
    go_on: threading.Event = field(default_factory=threading.Event)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        served = self.server.files.get(self.path, Served(b"", status=404))
        start = int(self.headers["Range"].removeprefix("bytes=")[:-1])
        served.starts.append(start)
        status = served.status
        if status == 200 and 0 < start >= len(served.body):
            status = 416
        if status != 200:
            self.send_error(status)
            return
        body = served.body[start if served.ranges else 0 :]
        self.send_response(206 if served.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = served.close_after.pop(0) if served.close_after else None
        with contextlib.suppress(ConnectionError):  # the client went away
            self.wfile.write(body[:limit][: served.hold_after])
            if served.hold_after is not None:
                served.go_on.wait(timeout=60)
                self.wfile.write(body[:limit][served.hold_after :])
        self.close_connection = limit is not None

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    def serve(self, name, body, **behaviour):
        self.files[f"/{name}"] = served = Served(body, **behaviour)
        return served


@contextlib.contextmanager
def running_server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.files = {}
        server.address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield server
        finally:
            server.shutdown()
