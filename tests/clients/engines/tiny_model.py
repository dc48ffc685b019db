"""Write a tiny Llama with random weights, a tokenizer of bytes and a chat template; run in .venv/weights."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from weights.pytorch.architectures import ARCHITECTURES
from weights.pytorch.checkpoints import save_tokenizer

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

if __name__ == "__main__":
    directory = Path(sys.argv[1])
    torch.manual_seed(1)
    model = ARCHITECTURES["llama-untied"]()
    model.config.max_position_embeddings = 256
    model.save_pretrained(directory)
    save_tokenizer(directory)
    (directory / "chat_template.jinja").write_text(TEMPLATE)
