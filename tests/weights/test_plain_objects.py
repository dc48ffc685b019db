"""Objects beside the tensors that only hold data: read without their classes, in every protocol of pickle."""

from __future__ import annotations

import argparse
import collections
import datetime
import decimal
import fractions
import io
import pathlib
import pickle
import random
import sys
import types
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lisa_weights.checkpoint import pickle_stream
from lisa_weights.checkpoint.pickles import read_pickle
from lisa_weights.checkpoint.torch_records import NAMES, storage_of
from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from weights.checkpoint_files import legacy, state, tensor, text, written

OBJECTS: dict[str, Any] = {
    "numpy scalar": np.float64(3e-4),
    "numpy truth value": np.bool_(True),
    "numpy integer": np.int64(7),
    "numpy string": np.str_("a"),
    "numpy array": np.arange(4),
    "numpy array in columns": np.asfortranarray(np.ones((2, 2))),
    "numpy array of objects": np.array([1, "a", None], dtype=object),
    "numpy dtype": np.dtype("float32"),
    "numpy type": np.float32,
    "numpy random state": np.random.RandomState(0),
    "numpy generator": np.random.default_rng(0),
    "numpy random state as a tuple": np.random.get_state(),
    "python random state": random.getstate(),
    "namespace": argparse.Namespace(lr=1, nested=argparse.Namespace(a=[1])),
    "simple namespace": types.SimpleNamespace(a=1),
    "ordered dictionary": collections.OrderedDict(a=1),
    "default dictionary": collections.defaultdict(list, {"a": [1]}),
    "user dictionary": collections.UserDict(a=1),
    "chain of dictionaries": collections.ChainMap({"a": 1}, {"b": 2}),
    "counter": collections.Counter("aab"),
    "queue": collections.deque([1, 2], maxlen=3),
    "path": pathlib.PurePosixPath("a/b"),
    "path of this system": Path("a/b"),
    "path of Windows": pathlib.PureWindowsPath("a\\b"),
    "complex": 1 + 2j,
    "range": range(3),
    "slice": slice(1, 2),
    "set": {1, 2},
    "frozen set": frozenset([1]),
    "bytes": b"\xff\x00",
    "byte array": bytearray(b"a\xff"),
    "ellipsis": ...,
    "type": dict,
    "moment": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "day": datetime.date(2026, 1, 1),
    "duration": datetime.timedelta(1),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 2),
    "uuid": uuid.UUID(int=7),
    "numbers and texts": [0, -1, 1 << 40, True, False, None, 1.5, float("inf"), "a\nü\U0001f600'", b"", (), (1,)],
}


def pickled(value: object, protocol: int) -> bytes:
    """The operations that build a value, without the frame of a pickle."""
    content = pickle.dumps(value, protocol)
    return content[2 if protocol >= 2 else 0 : -1]


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        (name, protocol)
        for name in OBJECTS
        for protocol in range(2 if name == "ellipsis" else 0, pickle.HIGHEST_PROTOCOL + 1)
    ],
)
def test_objects_beside_the_tensors_are_passed_over(tmp_path: Path, name: str, protocol: int) -> None:
    converted = convert(written(tmp_path / "m", state(w=tensor(), extra=pickled(OBJECTS[name], protocol))))
    assert [info.name for info in converted.tensors] == ["w"]
    assert converted.skipped == ("extra",)


def read(content: bytes) -> object:
    return read_pickle(io.BytesIO(content), NAMES, storage_of, what="x")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_what_python_reads(protocol: int) -> None:
    plain = [
        0,
        -1,
        255,
        1 << 40,
        -(1 << 70),
        True,
        False,
        None,
        1.5,
        float("inf"),
        "a\nü\\\U0001f600'",
        b"\xff",
        {"a": (1,)},
    ]
    assert read(pickle.dumps(plain, protocol)) == plain


def test_strings_of_python_2_are_text_or_bytes() -> None:
    assert read(b"S'a\\x41\\n'\n.") == "aA\n"
    assert read(b'S"\\xff"\n.') == b"\xff"
    assert read(b"U\x01\xff.") == b"\xff"
    assert read(b"(lp0\nI1\nag0\na.") is not None


def test_ordered_dictionary_of_python_2_is_a_state_dict(tmp_path: Path) -> None:
    pairs = b"(](" + b"".join(b"](" + text(name) + tensor() + b"e" for name in ("b", "a")) + b"et"
    model = written(tmp_path / "m", b"\x80\x02ccollections\nOrderedDict\n" + pairs + b"R.")
    assert [info.name for info in convert(model).tensors] == ["a", "b"]


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_hyperparameters_of_omegaconf_and_lightning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    def stand_in(path: str, base: type) -> type:
        module, _, name = path.rpartition(".")
        made = type(name, (base,), {"__module__": module})
        parts = module.split(".")
        for parent in (".".join(parts[:length]) for length in range(1, len(parts) + 1)):
            monkeypatch.setitem(sys.modules, parent, sys.modules.get(parent) or types.ModuleType(parent))
        holder = sys.modules[module]
        monkeypatch.setattr(holder, name, made, raising=False)
        return made

    nodes = ("easydict.EasyDict", "yacs.config.CfgNode", "mmengine.config.config.ConfigDict")
    config, node = stand_in("omegaconf.dictconfig.DictConfig", object), stand_in("omegaconf.nodes.AnyNode", object)
    value, root = node(), config()
    value.__dict__.update(_val=1, _parent=root)
    root.__dict__.update(_content={"lr": value}, _parent=None)
    attributes = stand_in("pytorch_lightning.utilities.parsing.AttributeDict", dict)(lr=1)
    for extra in (root, attributes, *(stand_in(path, dict)(lr=1) for path in nodes)):
        model = written(tmp_path / type(extra).__name__, state(w=tensor(), hyper_parameters=pickled(extra, protocol)))
        assert convert(model).skipped == ("hyper_parameters",)


def test_tensors_in_the_attributes_of_an_object_beside_the_state_dict_are_refused(tmp_path: Path) -> None:
    attributes = b"cargparse\nNamespace\n)\x81}" + text("ema") + tensor() + b"sb"
    model = b"}" + text("w") + tensor() + b"s"
    with pytest.raises(WeightsError, match="has tensors under 'extra' outside its state_dict"):
        convert(written(tmp_path / "m", state(model=model, extra=attributes)))


def test_tensor_that_safetensors_does_not_have_is_found_in_a_list(tmp_path: Path) -> None:
    foreign = b"ctorch._utils\n_rebuild_sparse_tensor\n)R"
    with pytest.raises(WeightsError, match=r"its tensor 'packed' is sparse.*Save `tensor\.to_dense\(\)`"):
        convert(written(tmp_path / "m", state(w=tensor(), packed=b"]" + foreign + b"a")))


def test_arrays_of_numpy_alone_are_no_weights(tmp_path: Path) -> None:
    model = written(tmp_path / "m", b"\x80\x02" + pickled({"w": np.ones(4)}, 2) + b".")
    with pytest.raises(WeightsError, match=r"arrays of numpy instead of tensors; save `torch\.from_numpy"):
        convert(model)


def test_tensors_of_pickle_dump_are_refused_for_what_they_are(tmp_path: Path) -> None:
    inner = b"ctorch.storage\n_load_from_bytes\n(" + text("x") + b"tR"
    with pytest.raises(WeightsError, match=r"was not read: .*pickle\.dump.* with torch\.save\."):
        convert(written(tmp_path / "m", state(w=inner)))


def test_objects_that_repeat_a_large_argument_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_stream, "_MAX_MEMORY", 1 << 22)
    once = b"](" + b"N" * 10_000 + b"eq\0"
    for name in ("torch\nSize", "collections\ndeque", "builtins\nset"):
        again = b"c" + name.encode() + b"\n(h\0tR"
        with pytest.raises(WeightsError, match="requires more than 4 MiB"):
            read(b"\x80\x02" + once + again * 50 + b".")


TEXT_TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n(P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4)\n"
    b"I0\n(I4\nt(I1\nt(I00\nNtR"
)


def test_storages_that_are_named_by_the_text_of_protocol_0(tmp_path: Path) -> None:
    structure = b"(dVw\n" + TEXT_TENSOR.replace(b"(I00\nN", b"I00\nN") + b"s."
    model = written(tmp_path / "m", structure, data=b"\1" * 16)
    (info,) = convert(model).tensors
    assert (info.name, info.shape) == ("w", (4,))
    assert (model / "model.safetensors").read_bytes().endswith(b"\1" * 16)
    old = tmp_path / "old"
    old.mkdir()
    (old / "pytorch_model.bin").write_bytes(legacy(structure, b"\1" * 16))
    convert(old)
    assert (old / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
