"""moto's S3 on loopback, in this process, which fails on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "runs"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-this-test",
    "AWS_DEFAULT_REGION": "us-east-1",
}
AWAY = ("503 Service Unavailable", "SlowDown")
DENIED = ("403 Forbidden", "AccessDenied")

Answer = tuple[str, str] | None
"""Status line and code of an error; None leaves the answer to moto."""


class S3Server:
    """A server with one empty bucket."""

    def __init__(self) -> None:
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.requests: list[tuple[str, str]] = []  # methods and paths, in order
        self.answer: Callable[[str, str], Answer] = lambda method, path: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request, by an error where `answer` says so."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path))
        refused = self.answer(method, path)
        if refused is None:
            answered: Iterable[bytes] = self._moto(environ, start_response)
            return answered
        status, code = refused
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>of the test</Message></Error>".encode()]

    @contextmanager
    def running(self) -> Iterator[S3Server]:
        """Serve while the block runs."""
        serving = threading.Thread(target=self._server.serve_forever, daemon=True)
        serving.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            serving.join()
            self._server.server_close()


@contextmanager
def s3_server(patch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server with the bucket `BUCKET`; the environment has its address and credentials."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "AWS_PROFILE"):
        patch.delenv(name, raising=False)
    with S3Server().running() as server:
        for name, value in (
            KEYS | {"AWS_ENDPOINT_URL": server.url, "AWS_EC2_METADATA_DISABLED": "true"}
        ).items():
            patch.setenv(name, value)
        reset = Request(f"{server.url}/moto-api/reset", method="POST")
        build_opener(ProxyHandler({})).open(reset, timeout=20).close()  # moto keeps what others had put
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        server.requests.clear()
        yield server


def object_names() -> list[str]:
    """Names of all objects in the bucket."""
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]
