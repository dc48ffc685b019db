"""What PyTorch puts into a pickle, as inert records: storages, and tensors as views of them.

Source: torch/_utils.py (_rebuild_*), torch/serialization.py (persistent ids of storages), torch/storage.py.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lisa_weights.checkpoint.pickles import Builder, Value
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.tensors import Dtype

_MAX_DIMENSIONS = 64
_MAX_COUNT = 1 << 60
_MAX_KEY = 128
_NO_METADATA: tuple[list[Value], ...] = ([], [None], [{}])
"""What a tensor carries that is neither conjugated nor negated in the reading."""

_DTYPES = {
    "bool": Dtype.BOOL,
    "uint8": Dtype.U8,
    "int8": Dtype.I8,
    "int16": Dtype.I16,
    "uint16": Dtype.U16,
    "float16": Dtype.F16,
    "bfloat16": Dtype.BF16,
    "int32": Dtype.I32,
    "uint32": Dtype.U32,
    "float32": Dtype.F32,
    "complex64": Dtype.C64,
    "float64": Dtype.F64,
    "int64": Dtype.I64,
    "uint64": Dtype.U64,
    "float8_e4m3fn": Dtype.F8_E4M3,
    "float8_e5m2": Dtype.F8_E5M2,
    "float8_e8m0fnu": Dtype.F8_E8M0,
    "float8_e4m3fnuz": Dtype.F8_E4M3FNUZ,
    "float8_e5m2fnuz": Dtype.F8_E5M2FNUZ,
}

_STORAGES = {
    "BoolStorage": Dtype.BOOL,
    "ByteStorage": Dtype.U8,
    "CharStorage": Dtype.I8,
    "ShortStorage": Dtype.I16,
    "HalfStorage": Dtype.F16,
    "BFloat16Storage": Dtype.BF16,
    "IntStorage": Dtype.I32,
    "FloatStorage": Dtype.F32,
    "ComplexFloatStorage": Dtype.C64,
    "DoubleStorage": Dtype.F64,
    "LongStorage": Dtype.I64,
}


@dataclass(frozen=True, slots=True)
class StorageType:
    """A storage class; without a dtype it counts bytes (torch.UntypedStorage)."""

    dtype: Dtype | None


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of bytes that tensors are views of.

    Attributes:
        key: its name in the checkpoint.
        dtype: what its elements are; None when it only counts bytes.
        nbytes: its length.
    """

    key: str
    dtype: Dtype | None
    nbytes: int


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: a strided view of a storage that lies wholly inside it.

    Attributes:
        storage: where the elements are.
        dtype: type of an element.
        offset: elements before the first.
        shape: elements along each dimension.
        strides: elements between neighbours along each dimension; never negative.
    """

    storage: Storage
    dtype: Dtype
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of elements."""
        total = 1
        for size in self.shape:
            total *= size
        return total

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor when its elements lie one after another."""
        return self.count * self.dtype.size

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements already lie one after another, in the order of the rows."""
        if not self.count:
            return True
        step = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1:
                if stride != step:
                    return False
                step *= size
        return True


def storage_of(identifier: Value) -> Storage:
    """Read a persistent id: ("storage", class, key, location, count), and one field more in the legacy format.

    Raises:
        WeightsError: anything else; a legacy storage that is itself a view.
    """
    match identifier:
        case ("storage", StorageType(dtype), str(key), str(), int(count), *rest) if (
            rest in ([], [None]) and len(key) <= _MAX_KEY
        ):
            _check_counts((count,))
            return Storage(key, dtype, count * (dtype.size if dtype else 1))
        case _:
            raise WeightsError("A reference in the checkpoint is not a storage; save it again with a current PyTorch.")


def _check_counts(counts: Iterable[Value]) -> tuple[int, ...]:
    checked = []
    for count in counts:
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MAX_COUNT:
            raise WeightsError("A tensor of the checkpoint has an invalid size, stride or offset; save it again.")
        checked.append(count)
    return tuple(checked)


def _view(storage: Value, offset: Value, shape: Value, strides: Value, dtype: Dtype | None) -> View:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise WeightsError(
            "A tensor of the checkpoint does not consist of a storage, a shape and strides; save it again."
        )
    dtype = dtype or storage.dtype
    if dtype is None:
        raise WeightsError("A tensor of the checkpoint has no type; save it again.")
    if len(shape) != len(strides) or len(shape) > _MAX_DIMENSIONS:
        raise WeightsError("The shape and strides of a tensor in the checkpoint do not match; save it again.")
    (start,) = _check_counts((offset,))
    view = View(storage, dtype, start, _check_counts(shape), _check_counts(strides))
    if view.count:
        last = start + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
        if (last + 1) * dtype.size > storage.nbytes:
            raise WeightsError(
                f"A tensor of the checkpoint reaches outside its storage {storage.key!r}; the file is damaged."
            )
    return view


def _tensor(arguments: tuple[Value, ...]) -> View:
    match arguments:
        case (storage, offset, shape, strides, *rest) if len(rest) <= 3 and rest[2:] in _NO_METADATA:
            return _view(storage, offset, shape, strides, None)
        case _:
            raise WeightsError("A tensor of the checkpoint has parts that PyTorch does not write; save it again.")


def _tensor_with_dtype(arguments: tuple[Value, ...]) -> View:
    match arguments:
        case (storage, offset, shape, strides, _, _, Dtype() as dtype, *rest) if rest in _NO_METADATA:
            return _view(storage, offset, shape, strides, dtype)
        case _:
            raise WeightsError("A tensor of the checkpoint has a type that safetensors does not support; convert it.")


def _parameter(arguments: tuple[Value, ...]) -> View:
    match arguments:
        case (View() as view, *rest) if len(rest) in (2, 3):
            return view
        case _:
            raise WeightsError("A parameter of the checkpoint is not a tensor; save the model's state_dict().")


def _from_type(arguments: tuple[Value, ...]) -> Value:
    match arguments:
        case (Builder(build), _TensorClass(), tuple(inner), _):
            return build(inner)
        case _:
            raise WeightsError("A tensor of the checkpoint has an unsupported class; save a plain state_dict.")


def _dictionary(arguments: tuple[Value, ...]) -> dict[Value, Value]:
    if arguments not in ((), ([],), ({},)):
        raise WeightsError("A dictionary of the checkpoint is built in an unusual way; save it again.")
    return {}


def _sequence(arguments: tuple[Value, ...]) -> Value:
    match arguments:
        case ():
            return ()
        case (list() | tuple() as items,):
            return tuple(items)
        case _:
            raise WeightsError("A shape or set of the checkpoint is not a sequence; save it again.")


def _text(arguments: tuple[Value, ...]) -> str:
    return " ".join(str(argument) for argument in arguments if isinstance(argument, str | int))


def _encode(arguments: tuple[Value, ...]) -> bytes:
    """Do what protocol 2 writes bytes as: `_codecs.encode(text, "latin1")`."""
    match arguments:
        case (str(text), "latin1"):
            try:
                return codecs.latin_1_encode(text)[0]
            except UnicodeEncodeError as error:
                raise WeightsError("A byte string of the checkpoint is invalid; save it again.") from error
        case _:
            raise WeightsError("The checkpoint encodes a string with a codec other than latin1; save it again.")


@dataclass(frozen=True, slots=True)
class _TensorClass:
    """torch.Tensor and torch.nn.Parameter, which are named but never called."""


def _names() -> Mapping[str, Value]:
    builders: dict[str, Callable[[tuple[Value, ...]], Value]] = {
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
        "torch._utils._rebuild_parameter": _parameter,
        "torch._utils._rebuild_parameter_with_state": _parameter,
        "torch._tensor._rebuild_from_type_v2": _from_type,
        "torch.Size": _sequence,
        "torch.device": _text,
        "collections.OrderedDict": _dictionary,
        "builtins.set": _sequence,
        "__builtin__.set": _sequence,
        "_codecs.encode": _encode,
    }
    untyped = StorageType(None)
    return {
        **{name: Builder(build) for name, build in builders.items()},
        **{f"torch.{name}": dtype for name, dtype in _DTYPES.items()},
        **{f"torch.{name}": StorageType(dtype) for name, dtype in _STORAGES.items()},
        "torch.UntypedStorage": untyped,
        "torch.storage.UntypedStorage": untyped,
        "torch.Tensor": _TensorClass(),
        "torch.nn.parameter.Parameter": _TensorClass(),
    }


NAMES: Mapping[str, Value] = _names()
"""The names that a checkpoint may contain, with their values; all others are rejected."""
