"""A site that takes every check-in and writes each down: one line a request. Arguments: port, file."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

port, path = int(sys.argv[1]), sys.argv[2]
taken, lock = open(path, "a", encoding="utf-8"), Lock()


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for a delayed acknowledgement

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with lock:
            taken.write(body.decode("utf-8", "replace").replace("\n", " ") + "\n")
            taken.flush()
        answer = json.dumps({"message": {"status": "success"}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
