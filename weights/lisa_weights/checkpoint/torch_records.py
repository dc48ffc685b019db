"""What PyTorch puts into a pickle, as inert records: storages, and tensors as views of them.

Source: torch/_utils.py (_rebuild_*), torch/serialization.py (persistent ids of storages), torch/storage.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lisa_weights.checkpoint.element_types import (
    ELEMENT_TYPES,
    STORAGE_TYPES,
    ElementType,
    ForeignDtype,
    StorageType,
)
from lisa_weights.checkpoint.pickle_values import Builder, Value
from lisa_weights.checkpoint.plain_objects import PLAIN_OBJECTS
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.tensors import Dtype

_MAX_DIMENSIONS = 64
_MAX_COUNT = 1 << 60
_MAX_KEY = 128
_NO_METADATA: tuple[list[Value], ...] = ([], [None], [{}])
"""What a tensor carries that is neither conjugated nor negated in the reading."""

_LAZY_METADATA = ({"conj": True}, {"neg": True}, {"conj": True, "neg": True})
_TEXT_IDENTIFIER = re.compile(r"\('storage', <class '([\w.]{1,64})'>, '(\w{1,128})', '[\w:]*', (\d{1,18})(?:, None)?\)")
"""A storage's identifier in protocol 0, which writes the text of the tuple."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of bytes that tensors are views of.

    Attributes:
        key: its name in the checkpoint.
        dtype: what its elements are; None when it only counts bytes.
        nbytes: its length.
    """

    key: str
    dtype: ElementType | None
    nbytes: int


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: a strided view of a storage that lies wholly inside it.

    Packed elements, of which a byte holds two, are counted by the byte here, as PyTorch counts them.

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
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in safetensors, which counts packed elements one by one."""
        if self.dtype.per_byte == 1:
            return self.shape
        return (*self.shape[:-1], (self.shape[-1] if self.shape else 1) * self.dtype.per_byte)

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


@dataclass(frozen=True, slots=True)
class ForeignTensor:
    """A tensor that safetensors cannot store.

    Attributes:
        reason: a clause about it, such as “has the type complex128, which safetensors does not have”.
        fix: what to do, in the imperative.
    """

    reason: str
    fix: str


def storage_of(identifier: Value) -> Storage:
    """Read a persistent id: ("storage", class, key, location, count), and one field more in the legacy format.

    Protocol 0 writes the text of that tuple instead, which PyTorch itself cannot load.

    Raises:
        WeightsError: anything else; a legacy storage that is itself a view.
    """
    if isinstance(identifier, str) and (found := _TEXT_IDENTIFIER.fullmatch(identifier)):
        identifier = ("storage", STORAGE_TYPES.get(found[1]), found[2], "", int(found[3]))
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


def _view(
    storage: Value, offset: Value, shape: Value, strides: Value, dtype: ElementType | None
) -> View | ForeignTensor:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise WeightsError(
            "A tensor of the checkpoint does not consist of a storage, a shape and strides; save it again."
        )
    dtype = dtype or storage.dtype
    if dtype is None:
        raise WeightsError("A tensor of the checkpoint has no type; save it again.")
    if isinstance(dtype, ForeignDtype):
        fix = f"Save it as {'complex64' if dtype.name.startswith('complex') else 'a type that safetensors has'}"
        return ForeignTensor(f"has the type {dtype.name}, which safetensors does not have", fix)
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


def _tensor(arguments: tuple[Value, ...]) -> View | ForeignTensor:
    match arguments:
        case (storage, offset, shape, strides, *rest) if len(rest) <= 3 and rest[2:] in _NO_METADATA:
            return _view(storage, offset, shape, strides, None)
        case (_, _, _, _, _, _, metadata) if metadata in _LAZY_METADATA:
            return ForeignTensor(
                "is a conjugated or negated view of other values", "Save `tensor.resolve_conj().resolve_neg()`"
            )
        case _:
            raise WeightsError("A tensor of the checkpoint has parts that PyTorch does not write; save it again.")


def _tensor_with_dtype(arguments: tuple[Value, ...]) -> View | ForeignTensor:
    match arguments:
        case (storage, offset, shape, strides, _, _, Dtype() | ForeignDtype() as dtype, *rest) if rest in _NO_METADATA:
            return _view(storage, offset, shape, strides, dtype)
        case _:
            raise WeightsError("A tensor of the checkpoint has a type that safetensors does not support; convert it.")


def _parameter(arguments: tuple[Value, ...]) -> View | ForeignTensor:
    match arguments:
        case (View() | ForeignTensor() as tensor, *rest) if len(rest) in (2, 3):
            return tensor
        case _:
            raise WeightsError("A parameter of the checkpoint is not a tensor; save the model's state_dict().")


def _from_type(arguments: tuple[Value, ...]) -> Value:
    match arguments:
        case (Builder(build), _TensorClass(), tuple(inner), _):
            return build(inner)
        case _:
            raise WeightsError("A tensor of the checkpoint has an unsupported class; save a plain state_dict.")


def _from_device(arguments: tuple[Value, ...]) -> View | ForeignTensor:
    """A tensor of a device without storages (XLA), which was copied to the CPU."""
    match arguments:
        case (View() | ForeignTensor() as tensor, *_):
            return tensor
        case _:
            return ForeignTensor("is an array of numpy from a device (XLA)", "Save `tensor.cpu()`")


def _foreign(reason: str, fix: str) -> Callable[[tuple[Value, ...]], ForeignTensor]:
    return lambda _arguments: ForeignTensor(reason, fix)


@dataclass(frozen=True, slots=True)
class _TensorClass:
    """torch.Tensor and torch.nn.Parameter, which are named but never called."""


_BUILDERS: Mapping[str, Callable[[tuple[Value, ...]], Value]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _from_type,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _from_device,
    "torch._utils._rebuild_device_tensor_from_numpy": _from_device,
    "torch._utils._rebuild_xla_tensor": _from_device,
    "torch._utils._rebuild_qtensor": _foreign(
        "is quantized by PyTorch, with a scale that safetensors does not have", "Save `tensor.dequantize()`"
    ),
    "torch._utils._rebuild_sparse_tensor": _foreign(
        "is sparse, a layout that safetensors does not have", "Save `tensor.to_dense()`"
    ),
    "torch._utils._rebuild_sparse_csr_tensor": _foreign(
        "is sparse, a layout that safetensors does not have", "Save `tensor.to_dense()`"
    ),
    "torch._utils._rebuild_nested_tensor": _foreign(
        "is a nested tensor, a layout that safetensors does not have", "Save its parts as separate tensors"
    ),
    "torch._utils._rebuild_meta_tensor_no_storage": _foreign(
        "has a shape but no data (device `meta`)", "Load the weights before you save the model"
    ),
}

NAMES: Mapping[str, Value] = {
    **PLAIN_OBJECTS,
    **{name: Builder(build) for name, build in _BUILDERS.items()},
    **ELEMENT_TYPES,
    **STORAGE_TYPES,
    **dict.fromkeys(("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"), _TensorClass()),
}
"""The names that a checkpoint may contain, with their values; all others are rejected."""
