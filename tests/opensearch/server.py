"""A real OpenSearch with its k-NN plugin on this machine."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from gateway.processes import running, wait_until_answers
from lisa_compiler.dev.processes import free_port
from parts import OPENSEARCH

_SECONDS_TO_START = 240
# What a quick start of a short life needs, and what OpenSearch's own start sets besides.
_JAVA_OPTIONS = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-Djava.locale.providers=SPI,COMPAT",
    "-Dlog4j2.disable.jmx=true",
    "-Dopensearch.distribution.type=tar",
)
# The shards of an index, so that answers are merged, and no replicas, for which there is no second node. faiss builds
# the graph that vectors are searched by in a native library, which Maven Central does not have: without the graph it
# compares all of them, as it does in OpenSearch 3 for fewer than 15,000.
_INDEX_SETTINGS = {"number_of_shards": 2, "number_of_replicas": 0, "index.knn.advanced.approximate_threshold": -1}


class SearchServer:
    """A domain of one node that can be stopped and started again.

    Attributes:
        url: its address, the same after each start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = free_port(), free_port()
        self._running = ExitStack()
        self.url = f"http://127.0.0.1:{self._ports[0]}"

    def start(self) -> None:
        """Run it on the data of the last time, and wait until it answers."""
        log = self._folder / "opensearch.log"
        command = [
            "java",
            *_JAVA_OPTIONS,
            "-cp",
            f"{OPENSEARCH / 'lib'}/*{os.pathsep}{OPENSEARCH / 'launcher'}",
            "Server",
            OPENSEARCH,
            self._folder / "data",
            *map(str, self._ports),
        ]
        process = self._running.enter_context(running(command, log=log, environment={}))
        # As a node that fails would end, and sooner than one that closes everything in order.
        self._running.callback(process.kill)
        wait_until_answers(self.url, process, log, _SECONDS_TO_START)

    def stop(self) -> None:
        """End it at once."""
        self._running.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request of the test's own, as an administrator of the domain would; returns the answer's JSON."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def prepare(self) -> None:
        """Have indexes made as this machine can hold them."""
        template = {"index_patterns": ["lisa-rag-*"], "template": {"settings": _INDEX_SETTINGS}}
        self.ask("PUT", "/_index_template/tests", template)

    def forget(self) -> None:
        """Delete all indexes."""
        self.ask("DELETE", "/lisa-rag-*?allow_no_indices=true")


@contextmanager
def search_server(folder: Path) -> Iterator[SearchServer]:
    """Run OpenSearch with its data in a folder."""
    server = SearchServer(folder)
    try:
        server.start()
        server.prepare()
        yield server
    finally:
        server.stop()
