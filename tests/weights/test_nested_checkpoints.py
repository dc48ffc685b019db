"""Checkpoints with a state dict under a name: nothing of the model beside it is lost without an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from weights.checkpoint_files import integer, tensor, text, written


def dictionary(**entries: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def numbered(entry: bytes) -> bytes:
    return b"}(" + integer(0) + entry + b"u"


def checkpoint(directory: Path, **entries: bytes) -> Path:
    structure = b"\x80\x02" + dictionary(model=dictionary(w=tensor()), **entries) + b"."
    return written(directory, structure, **{"data/1": b"\0" * 4})


@pytest.mark.parametrize(
    "beside",
    [
        dictionary(weight=tensor()),
        dictionary(layers=dictionary(weight=tensor())),
        dictionary(state=dictionary(weight=tensor()), groups=numbered(tensor())),
    ],
)
def test_tensors_in_a_dictionary_beside_the_state_dict_are_refused(tmp_path: Path, beside: bytes) -> None:
    with pytest.raises(WeightsError, match=r"has tensors under 'head' outside its state_dict\. Save one flat"):
        convert(checkpoint(tmp_path / "m", head=beside))


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("optimizer", dictionary(state=numbered(dictionary(exp_avg=tensor())))),
        ("optimizer_state_dict", dictionary(state=dictionary(w=dictionary(exp_avg=tensor())))),
        ("opt", dictionary(state=numbered(dictionary(exp_avg=tensor())))),
        ("random", dictionary(cpu=tensor(key="1").replace(b"ctorch\nFloatStorage\n", b"ctorch\nByteStorage\n"))),
        ("scaler", dictionary(scale=tensor(shape=(), strides=()))),
        ("arguments", dictionary(rate=text("0.1"))),
    ],
)
def test_states_of_training_beside_the_state_dict_are_passed_over(tmp_path: Path, name: str, beside: bytes) -> None:
    model = checkpoint(tmp_path / "m", **{name: beside})
    assert [each.name for each in convert(model).tensors] == ["w"]


def test_a_dictionary_that_contains_itself_is_read_to_its_end(tmp_path: Path) -> None:
    itself = b"}q\x01(" + text("again") + b"h\x01u"
    assert [each.name for each in convert(checkpoint(tmp_path / "m", head=itself)).tensors] == ["w"]
