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
    etag: str | None = '"one"'
    ranges: bool = True
    honours_if_range: bool = True
    close_after: list = field(default_factory=list)
    hold_after: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    requests: list = field(default_factory=list)  # header dictionaries


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        served = self.server.files.get(self.path)
        if served is None:
            self.send_error(404)
            return
        served.requests.append(dict(self.headers))
        if served.status != 200:
            self.send_error(served.status)
            return
        start = self.start_of_range(served)
        if start is None:
            self.send_response(200)
        elif start >= len(served.body):
            self.send_error(416)
            return
        else:
            last = len(served.body) - 1
            self.send_response(206)
            self.send_header(
                "Content-Range", f"bytes {start}-{last}/{len(served.body)}"
            )
        self.send_body(served, served.body[start or 0 :])

    def start_of_range(self, served):
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        stale = condition not in (None, served.etag)
        if not asked or not served.ranges:
            return None
        if stale and served.honours_if_range:
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def send_body(self, served, body):
        if served.etag:
            self.send_header("ETag", served.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = served.close_after.pop(0) if served.close_after else None
        body = body[:limit]
        with contextlib.suppress(ConnectionError):  # the client went away
            self.wfile.write(body[: served.hold_after])
            if served.hold_after is not None:
                served.go_on.wait(timeout=60)
                self.wfile.write(body[served.hold_after :])
        self.close_connection = limit is not None or self.close_connection

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
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
