"""Objects beside the weights that only hold data, such as hyperparameters, as inert values.

Training programs save arguments, paths, numpy numbers and random states next to the tensors. Their classes are never
imported: each becomes a dictionary, a list, a text or a marker, because a conversion does not write them.

Source: the classes' __reduce__ in the standard library, numpy, OmegaConf and PyTorch Lightning.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lisa_weights.checkpoint.pickle_values import AttributeDict, Builder, Refusal, Value, set_items
from lisa_weights.errors import WeightsError


@dataclass(frozen=True, slots=True)
class PlainObject:
    """An object whose content does not matter.

    Attributes:
        name: its class or function, as the checkpoint names it.
    """

    name: str


@dataclass(frozen=True, slots=True)
class NumpyArray:
    """An array of numpy, which no loader takes for a tensor."""


def _ordered(arguments: tuple[Value, ...]) -> dict[Value, Value]:
    """An OrderedDict: empty and filled afterwards, or from pairs as Python 2 wrote it."""
    match arguments:
        case () | ([] | () | {},):
            return {}
        case (list() | tuple() as pairs,) if all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            found: dict[Value, Value] = {}
            for key, value in pairs:
                set_items(found, (key, value))
            return found
        case _:
            raise WeightsError("A dictionary of the checkpoint is built in an unusual way; save it again.")


def _counted(arguments: tuple[Value, ...]) -> Value:
    return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], dict) else {}


def _queued(arguments: tuple[Value, ...]) -> list[Value]:
    return list(arguments[0]) if arguments and isinstance(arguments[0], list | tuple) else []


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


def _path(arguments: tuple[Value, ...]) -> str:
    return "/".join(part for part in arguments if isinstance(part, str))


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


def _reconstruct(arguments: tuple[Value, ...]) -> Value:
    """Do what protocols 0 and 1 write an object as: `copyreg._reconstructor(class, base, state)`."""
    match arguments:
        case (Builder(build), _, _):
            return build(())
        case _:
            raise WeightsError("An object of the checkpoint is built in an unusual way; save it again.")


def _attributes(_arguments: tuple[Value, ...]) -> AttributeDict:
    return AttributeDict()


def _array(_arguments: tuple[Value, ...]) -> NumpyArray:
    return NumpyArray()


_BUILDERS: Mapping[Callable[[tuple[Value, ...]], Value], tuple[str, ...]] = {
    _ordered: ("collections.OrderedDict",),
    _counted: ("collections.Counter", "collections.defaultdict"),
    _queued: ("collections.deque",),
    _sequence: ("builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset", "torch.Size"),
    _text: ("torch.device", "torch.serialization._get_layout"),
    _path: tuple(
        f"{module}.{name}"
        for module in ("pathlib", "pathlib._local")
        for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
    ),
    _encode: ("_codecs.encode",),
    _reconstruct: ("copy_reg._reconstructor", "copyreg._reconstructor"),
    _attributes: (
        "argparse.Namespace",
        "collections.ChainMap",
        "collections.UserDict",
        "UserDict.IterableUserDict",
        "UserDict.UserDict",
        "addict.addict.Dict",
        "easydict.EasyDict",
        "fvcore.common.config.CfgNode",
        "ml_collections.config_dict.config_dict.ConfigDict",
        "mmcv.utils.config.ConfigDict",
        "mmengine.config.config.ConfigDict",
        "yacs.config.CfgNode",
        "types.SimpleNamespace",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.listconfig.ListConfig",
        *(f"omegaconf.nodes.{kind}Node" for kind in ("Any", "Boolean", "Bytes", "Float", "Integer", "Path", "String")),
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
    ),
    _array: (
        *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    ),
}
_OBJECTS = (
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    "numpy.dtype",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    *(f"numpy.random._pickle.__{kind}_ctor" for kind in ("randomstate", "bit_generator", "generator")),
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("complex", "slice", "range", "xrange", "bytearray", "object", "bytes")
    ),
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    "decimal.Decimal",
    "fractions.Fraction",
    "uuid.UUID",
)
_MENTIONED = (
    "numpy.ndarray",
    "numpy.random.bit_generator.SeedSequence",
    *(
        f"numpy.{name}"
        for name in (
            "bool", "bool_", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "longlong", "str_",
            "uint8", "uint16", "uint32", "uint64",
        )
    ),
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
    "numpy.random._pcg64.PCG64DXSM",
    "numpy.random._philox.Philox",
    "numpy.random._sfc64.SFC64",
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("bool", "dict", "float", "int", "list", "long", "str", "tuple", "unicode", "Ellipsis")
    ),
    "typing.Any",
    *(
        f"torch.{name}"
        for name in (
            "per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric",
            "per_channel_affine_float_qparams",
        )
    ),
    *(
        f"{package}.{name}"
        for package in ("pytorch_lightning.callbacks", "lightning.pytorch.callbacks")
        for name in ("model_checkpoint.ModelCheckpoint", "early_stopping.EarlyStopping")
    ),
)  # fmt: skip
"""Classes that are named without being called, as a default, a type or a key."""


def _object(name: str) -> Builder:
    return Builder(lambda _arguments: PlainObject(name))


PLAIN_OBJECTS: Mapping[str, Value] = {
    **{name: Builder(build) for build, names in _BUILDERS.items() for name in names},
    **{name: _object(name) for name in _OBJECTS},
    **{name: PlainObject(name) for name in _MENTIONED},
    "torch.storage._load_from_bytes": Refusal(
        "its tensors were written by pickle.dump, which stores each as a program; load it and write its state_dict()"
        " with torch.save"
    ),
}
"""By the name in a checkpoint."""
