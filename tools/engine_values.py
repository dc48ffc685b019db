"""What values the options of an inference server take, read from the source of a release without importing it.

The form of a value is a word of `lisa_schema.engine_values`: `flag`, `integer`, `human`, `number`, `json`, `object`,
`braced`, with limits as in `number gt=0 le=1`, or `choice`. vLLM makes its parser from the annotations of its
configuration classes (EngineArgs.add_cli_args, get_kwargs), SGLang from annotated fields or from calls of add_argument.
What is not clear from the source has no form: any value counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine_annotations import ANY, Annotations, Hint
from engine_variables import variable_hints

_LIMITS: Final = ("ge", "gt", "le", "lt")
_HUMAN: Final = frozenset(
    {
        *("max_model_len", "max_num_batched_tokens", "max_num_scheduled_tokens", "kv_cache_memory_bytes"),
        *("safetensors_prefetch_block_size", "max_num_queued_tokens", "max_seq_len_to_capture"),
    }
)
"""Fields of vLLM whose number may be `32k`, in one version or another."""

_PARSERS: Final = {
    "_TOOL_PARSERS_TO_REGISTER": "tool-call-parser",
    "_REASONING_PARSERS_TO_REGISTER": "reasoning-parser",
    "ToolParserManager": "tool-call-parser",
    "ReasoningParserManager": "reasoning-parser",
    "ToolCallParserEnum": "tool-call-parser",
    "DetectorMap": "reasoning-parser",
}
"""Registries of parsers whose names an option takes."""

_FLAG_ACTIONS: Final = frozenset({"store_true", "store_false", "BooleanOptionalAction"})


@dataclass
class Values:
    """Values of a release: forms of options and variables, choices, and all keys of JSON objects."""

    forms: dict[str, str] = field(default_factory=dict)
    choices: dict[str, frozenset[str]] = field(default_factory=dict)
    keys: dict[str, frozenset[str]] = field(default_factory=dict)


def read_values(sources: Iterable[tuple[str, str]]) -> Values:
    """Read what the options of a release take from its modules, each with its path in the wheel."""
    sources = list(sources)
    reader = _read(sources)
    # From this setting on, an unknown key of a configuration is an error.
    forbids = any(name == "vllm/config/utils.py" and 'extra="forbid"' in text for name, text in sources)
    found = Values()
    for option, hint in sorted(reader.options.items()):
        if hint.kind == "choice" and hint.words:
            found.forms[option] = "choice"
            found.choices[option] = hint.words
        elif hint.kind in {"flag", "integer", "human", "number", "json", "object", "braced"}:
            found.forms[option] = f"{hint.kind} {hint.limits}".rstrip()
        if hint.kind == "object" and forbids and (keys := reader.keys_of(hint.owner)):
            found.keys[option] = keys
    return found


def _read(sources: Iterable[tuple[str, str]]) -> _Reader:
    reader = _Reader()
    trees = [(name, ast.parse(text)) for name, text in sources if _is_relevant(name, text)]
    for _, tree in trees:
        reader.declare(tree)
    for name, tree in trees:
        reader.is_sglang |= name.startswith("sglang/")
        if name.endswith(("engine/arg_utils.py", "/cli_args.py", "srt/server_args.py")) or "/arg_groups/" in name:
            reader.read_options(tree)
    for option, names in reader.registered.items():
        if names and option in reader.options:
            # SGLang's parser puts `auto` before the names of newer releases.
            reader.options[option] = Hint("choice", frozenset({*names, "auto"} if reader.is_sglang else names))
    for name, tree in trees:
        if name == "vllm/envs.py":
            reader.options.update(variable_hints(tree))
    return reader


def _is_relevant(name: str, text: str) -> bool:
    inside = (
        *("vllm/config", "vllm/engine/", "vllm/entrypoints/", "vllm/envs.py"),
        *("sglang/srt/server_args", "sglang/srt/arg_groups/"),
    )
    registries = ("ToolParserManager", "ReasoningParserManager", "_TO_REGISTER", "ToolCallParserEnum", "DetectorMap")
    return name.startswith(inside) or any(word in text for word in ("QuantizationMethods", "Literal[", *registries))


class _Reader:
    """Aliases and classes of a release, and the options that it adds to its parser."""

    def __init__(self) -> None:
        self.annotations = Annotations()
        self.texts: dict[str, list[str] | None] = {}
        self.classes: dict[str, dict[str, _Field]] = {}
        self.bases: dict[str, list[str]] = {}
        self.open_classes: set[str] = set()
        self.registered: dict[str, set[str]] = {}
        self.options: dict[str, Hint] = {}
        self.is_sglang = False

    def declare(self, tree: ast.Module) -> None:
        for node in tree.body:
            name, value = _assigned(node)
            if name and value is not None:
                self.annotations.add_alias(name, value)
                words = list(_constants(value)) if isinstance(value, ast.List | ast.Tuple) else []
                if words:
                    self.texts[name] = words if self.texts.get(name, words) == words else None
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self._declare_class(node)
            name, value = _assigned(node)
            if name in _PARSERS and isinstance(value, ast.Dict):
                self.registered.setdefault(_PARSERS[name], set()).update(
                    _constants(ast.List(elts=[key for key in value.keys if key is not None]))
                )
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = getattr(node.func.value, "id", "")
                if owner in _PARSERS and node.func.attr in {"register_module", "register_lazy_module"}:
                    given = [*node.args, *(one.value for one in node.keywords if one.arg == "name")]
                    for one in given[:1]:
                        words = (
                            list(_constants(one)) if isinstance(one, ast.List) else list(_constants(ast.List([one])))
                        )
                        self.registered.setdefault(_PARSERS[owner], set()).update(words)

    def _declare_class(self, node: ast.ClassDef) -> None:
        fields = self.classes.setdefault(node.name, {})
        if node.name.endswith("Config"):
            self.annotations.configurations.add(node.name)
        if any(isinstance(item, ast.FunctionDef) and item.name == "from_cli" for item in node.body):
            self.annotations.lenient.add(node.name)
        if any(_base_name(base) in {"dict", "Dict"} for base in node.bases):
            self.annotations.dictionaries.add(node.name)
        if any("config" not in ast.dump(one) or "extra" in ast.dump(one) for one in node.decorator_list):
            self.open_classes.add(node.name)
        if any("before" in ast.dump(one) for item in node.body for one in getattr(item, "decorator_list", ())):
            self.open_classes.add(node.name)  # A validator may accept other keys, such as older names.
        self.bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
        for item in node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                fields[item.target.id] = _Field(item.annotation, _limits(item.value))
            name, value = _assigned(item)
            if isinstance(value, ast.Dict) and name in {"ToolCallParserEnum", "DetectorMap"}:
                keys = ast.List(elts=[key for key in value.keys if key is not None])
                self.registered.setdefault(_PARSERS[name], set()).update(_constants(keys))

    def read_options(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._read_function(node)
            elif isinstance(node, ast.ClassDef):
                if node.name.endswith("FrontendArgs") and node.name != "BatchFrontendArgs":
                    for name, declared in self.classes[node.name].items():
                        self._add([f"--{name.replace('_', '-')}"], self._field(name, declared))
                for item in node.body:
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                        self._read_annotated(item, item.target.id)
        for node in ast.walk(tree):
            self._read_exception(node)

    def _read_function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        groups: dict[str, str] = {}
        changed: dict[tuple[str, str], str] = {}
        for node in ast.walk(function):
            name, value = _assigned(node)
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "get_kwargs" and value.args:
                groups[name] = getattr(value.args[0], "id", "")
            for target in node.targets if isinstance(node, ast.Assign) else ():
                place = _item(target)
                if place is not None and value is not None:
                    changed[place] = "json" if "json" in ast.dump(value) else "any"
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
                self._read_call(node, groups, changed)

    def _read_call(self, call: ast.Call, groups: Mapping[str, str], changed: Mapping[tuple[str, str], str]) -> None:
        words = [word for word in _constants(ast.List(elts=call.args)) if word.startswith("-")]
        named = {one.arg: one.value for one in call.keywords if one.arg is not None}
        spread = [one.value for one in call.keywords if one.arg is None]
        if spread and isinstance(spread[0], ast.Dict):  # {**kwargs["name"], "default": None}
            inner = spread[0]
            named |= {key.value: one for key, one in zip(inner.keys, inner.values, strict=True) if _is_text(key)}
            spread = [one for key, one in zip(inner.keys, inner.values, strict=True) if key is None]
        hint = ANY
        if spread:
            place = _item(spread[0])
            if place is not None and place[0] in groups:
                owner = groups[place[0]]
                declared = self.classes.get(owner, {}).get(place[1])
                hint = self._field(place[1], declared) if declared is not None else ANY
                if place in changed:
                    hint = Hint(changed[place])
        if {"type", "choices", "action", "nargs"} & named.keys() or not spread:
            hint = self._explicit(named) if not spread or "action" in named or "choices" in named else ANY
        self._add(words, hint)

    def _explicit(self, named: Mapping[str, ast.expr]) -> Hint:
        if "nargs" in named:
            return ANY
        action = named.get("action")
        if action is not None:
            text = action.value if isinstance(action, ast.Constant) else getattr(action, "attr", "")
            return Hint("flag") if text in _FLAG_ACTIONS else ANY
        if "choices" in named:
            words = self._words(named["choices"])
            return Hint("choice", words) if words else ANY
        kind = named.get("type")
        if kind is None:
            return ANY
        text = getattr(kind, "id", getattr(kind, "attr", ""))
        return Hint({"int": "integer", "float": "number", "loads": "json"}.get(text, "any"))

    def _words(self, node: ast.expr) -> frozenset[str]:
        """Texts of a list that is written out, or of a constant that a module has; empty when one is not clear."""
        if isinstance(node, ast.List | ast.Tuple):
            words = list(_constants(node))
            return frozenset(words) if len(words) == len(node.elts) else frozenset()
        if isinstance(node, ast.Name):
            return frozenset(self.texts.get(node.id) or ())
        return frozenset()

    def _read_annotated(self, item: ast.AnnAssign, name: str) -> None:
        """A field of SGLang: `A[type, Arg(choices=…)]`."""
        note = item.annotation
        if not (isinstance(note, ast.Subscript) and isinstance(note.value, ast.Name) and note.value.id == "A"):
            return
        parts = note.slice.elts if isinstance(note.slice, ast.Tuple) else [note.slice]
        calls = [part for part in parts if isinstance(part, ast.Call) and getattr(part.func, "id", "") == "Arg"]
        words = {one.arg: one.value for call in calls for one in call.keywords}
        if "no_cli" in words:
            return
        cli = words.get("cli_name")
        options = [str(cli.value) if isinstance(cli, ast.Constant) else f"--{name.replace('_', '-')}"]
        aliases = words.get("aliases")
        options += _constants(aliases) if isinstance(aliases, ast.List) else []
        if {"action", "nargs", "parser", "type", "type_parser"} & words.keys():
            hint = Hint("flag") if _is_flag(words.get("action")) else ANY
        elif "choices" in words:
            found = self._words(words["choices"])
            hint = Hint("choice", found) if found else ANY
        else:
            hint = self.annotations.hint(parts[0])
        self._add(options, ANY if hint.kind in {"json", "object", "braced"} else Hint(hint.kind, hint.words))

    def _read_exception(self, node: ast.AST) -> None:
        """`frontend_kwargs["name"]["type"] = …`: the parser's own type, or no longer a list."""
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else ()
        for target in targets:
            place = _item(target)
            if place is not None and place[0] == "frontend_kwargs":
                is_json = isinstance(node, ast.Assign) and "json" in ast.dump(node.value)
                option = place[1].replace("_", "-")
                if isinstance(target, ast.Subscript) and _key(target) in {"metavar", "default", "nargs"}:
                    continue
                self.options[option] = Hint("json") if is_json else ANY

    def _add(self, words: Iterable[str], hint: Hint) -> None:
        for word in words:
            name = word.lstrip("-")
            # Two declarations of one option that differ leave its values open.
            self.options[name] = hint if self.options.get(name, hint) == hint else ANY

    def keys_of(self, owner: str, depth: int = 0) -> frozenset[str]:
        """Fields of a configuration class and of its bases; none where a base is unknown."""
        if depth > 5 or owner not in self.classes:
            return frozenset()
        inherited = [self.keys_of(base, depth + 1) for base in self.bases[owner] if base != "object"]
        if not all(inherited) or owner in self.open_classes:
            return frozenset()
        return frozenset(self.classes[owner]).union(*inherited)

    def _field(self, name: str, declared: _Field) -> Hint:
        hint = self.annotations.hint(declared.annotation)
        if hint.kind in {"integer", "number"}:
            kind = "human" if hint.kind == "integer" and name in _HUMAN else hint.kind
            return Hint(kind, limits=declared.limits)
        return hint


@dataclass(frozen=True)
class _Field:
    annotation: ast.expr
    limits: str = ""


def _limits(value: ast.expr | None) -> str:
    if not (isinstance(value, ast.Call) and getattr(value.func, "id", "") == "Field"):
        return ""
    found: dict[str | None, object] = {
        one.arg: one.value.value for one in value.keywords if isinstance(one.value, ast.Constant)
    }
    for one in value.keywords:
        if isinstance(one.value, ast.UnaryOp) and isinstance(one.value.operand, ast.Constant):
            found[one.arg] = f"-{one.value.operand.value!r}"
    return " ".join(f"{name}={found[name]}" for name in _LIMITS if name in found)


def _is_flag(action: ast.expr | None) -> bool:
    return getattr(action, "value", getattr(action, "attr", "")) in _FLAG_ACTIONS


def _base_name(base: ast.expr) -> str:
    return getattr(base.value if isinstance(base, ast.Subscript) else base, "id", "")


def _assigned(node: ast.AST) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return getattr(node.targets[0], "id", ""), node.value
    if isinstance(node, ast.AnnAssign):
        return getattr(node.target, "id", ""), node.value
    return "", None


def _item(node: ast.AST) -> tuple[str, str] | None:
    """The variable and the key of `variable["key"]…`; None for anything else."""
    while isinstance(node, ast.Subscript):
        if isinstance(node.value, ast.Name):
            key = _key(node)
            return (node.value.id, key) if key else None
        node = node.value
    return None


def _key(node: ast.Subscript) -> str:
    return node.slice.value if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else ""


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _constants(node: ast.expr) -> Iterator[str]:
    for one in node.elts if isinstance(node, ast.List | ast.Tuple) else ():
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value
