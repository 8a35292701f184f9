# SPDX-License-Identifier: Apache-2.0
"""Servers for uploads that enforce the documented rules of each protocol, and that fail on demand."""

import contextlib
import gzip
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse


class Refusal(Exception):
    """A rule was broken: the answer, and a failure of the test that asks for peer.violations."""

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Request:
    def __init__(self, handler, body):
        self.method = handler.command
        self.target = handler.path
        self.headers = handler.headers
        self.body = body
        self.time = time.monotonic()

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return self.target.partition("?")[2]


class Answer:
    def __init__(self, status, body=b"", headers=(), cut=False, delay=0.0):
        self.status, self.headers = status, dict(headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.cut, self.delay = cut, delay  # cut: the connection ends before the body is read


class Peer:
    """An HTTP/1.1 server. `faults` are answers given first; then the protocol judges each request."""

    def __init__(self, port=0, tls=None, judge=None):
        self.requests, self.accepted, self.violations, self.faults = [], [], [], []
        self.always = None  # a function of the request; an Answer overrides the protocol
        self.judge = judge or (lambda request: Answer(201))
        self.lock = threading.Lock()
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def handle_request(self):
                peer.serve(self)

            do_PUT = do_POST = do_GET = handle_request

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def serve(self, handler):
        fault = None
        with self.lock:
            if self.faults:
                fault = self.faults.pop(0)
        if fault and fault.cut:
            handler.rfile.read1(1)
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            with self.lock:
                self.requests.append(Request(handler, None))
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        request = Request(handler, body)
        with self.lock:
            self.requests.append(request)
        answer = fault or (self.always and self.always(request)) or self._judge(request)
        time.sleep(answer.delay)
        with contextlib.suppress(OSError):
            self._send(handler, answer)
        if answer.status < 300:
            with self.lock:
                self.accepted.append(request)

    def _judge(self, request):
        try:
            return self.judge(request)
        except Refusal as refusal:
            self.violations.append(str(refusal))
            return Answer(refusal.status, json.dumps({"code": "invalid_argument", "message": str(refusal)}))

    @staticmethod
    def _send(handler, answer):
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)


def expect(condition, sentence, status=400):
    if not condition:
        raise Refusal(status, sentence)


def tls_context(certificate, key, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


# ---- S3 ----

class S3:
    """Recomputes the signature of each request, and keeps objects by name."""

    def __init__(self, key_id, secret, region):
        self.key_id, self.secret, self.region = key_id, secret, region
        self.token = None
        self.objects = {}

    def __call__(self, request):
        expect(request.method == "PUT", "only PUT", 405)
        digest = request.headers.get("x-amz-content-sha256", "")
        expect(digest == hashlib.sha256(request.body).hexdigest(), "XAmzContentSHA256Mismatch")
        if request.headers.get("x-amz-security-token") != self.token:
            return self._error(400, "ExpiredToken")
        signature = self._signature(request)
        if signature != request.headers.get("Authorization"):
            return self._error(403, "SignatureDoesNotMatch")
        self.objects[urllib.parse.unquote(request.path)] = request.body
        return Answer(200)

    @staticmethod
    def _error(status, code):
        return Answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code></Error>')

    def _signature(self, request):
        authorization = request.headers.get("Authorization", "")
        algorithm, _, rest = authorization.partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        signed = parts["SignedHeaders"].split(";")
        expect(algorithm == "AWS4-HMAC-SHA256", "another algorithm")
        expect(signed == sorted(signed) and "host" in signed, "SignedHeaders are not in order")
        expect({name.lower() for name in request.headers if name.lower().startswith("x-amz-")} <= set(signed),
               "an x-amz- header is not signed")
        when = request.headers["x-amz-date"]
        scope = f"{when[:8]}/{self.region}/s3/aws4_request"
        # The server decodes the path and encodes it by its own rules.
        path = urllib.parse.quote(urllib.parse.unquote(request.path), safe="/~")
        lines = [request.method, path, request.query]
        lines += [f"{name}:{' '.join(request.headers[name].split())}" for name in signed]
        lines += ["", ";".join(signed), request.headers["x-amz-content-sha256"]]
        text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for word in (*scope.split("/"),):
            key = hmac.new(key, word.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        return f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={';'.join(signed)}, " \
               f"Signature={signature}"


# ---- profefe ----

def unescape(text):
    """As Go's url.QueryUnescape: a bad escape is an error."""
    for i, c in enumerate(text):
        expect(c != "%" or len(text) > i + 2 and all(h in "0123456789abcdefABCDEF" for h in text[i + 1:i + 3]),
               f"bad escape in {text}")
    return urllib.parse.unquote_plus(text)


class Profefe:
    TYPES = "cpu heap block mutex goroutine threadcreate other trace".split()

    def __init__(self):
        self.profiles = []  # (service, type, labels)

    def __call__(self, request):
        if request.path != "/api/0/profiles":
            return Answer(404, '{"code":404,"error":"not found"}')
        if request.method != "POST":
            return Answer(200)
        query = dict(pair.split("=", 1) for pair in request.query.split("&"))
        query = {unescape(name): unescape(value) for name, value in query.items()}
        expect(query.get("service"), "service is missing")
        expect(query.get("type") in self.TYPES, "type is not known")
        labels = {}
        for pair in filter(None, query.get("labels", "").split(",")):
            name, _, value = pair.partition("=")
            labels[unescape(name.strip())] = unescape(value.strip())
        expect(gzip.decompress(request.body), "malformed profile")
        self.profiles.append((query["service"], query["type"], labels))
        body = {"id": f"id{len(self.profiles)}", "type": query["type"], "service": query["service"]}
        return Answer(200, json.dumps({"code": 200, "body": body}) + "\n", {"Content-Type": "text/plain"})
