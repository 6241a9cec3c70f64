"""Settings: one typed table, read from ``pyproject.toml`` or ``losslint.toml``.

Each field of `Settings` carries its kind, help and example. The validation here and the option help in ``cli.py`` are
driven by those fields alone; a new setting is one more field.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from os.path import abspath, realpath
from pathlib import Path
from typing import Any, NamedTuple

from losslint.findings import Finding, Severity
from losslint.project.patterns import read_pattern, rules
from losslint.target import detect_keras_version, parse_toml, project_root

__all__ = ["ConfigError", "Settings", "detect_keras_version", "find", "load", "options", "project_root", "resolve"]

Codes = Mapping[str, str]  # rule code -> rule name

ALL_RULES = "LL"  # the prefix that every code shares; "ALL" is accepted for it
CONFIG_NAMES = ("losslint.toml", "pyproject.toml")  # in one folder the first wins
DEFAULT_EXCLUDE = (
    ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pytest_cache", ".pytype",
    ".ruff_cache", ".svn", ".tox", ".venv", "__pycache__", "__pypackages__", "build", "dist", "node_modules",
    "site-packages", "venv",
)  # fmt: skip
KERAS_VERSIONS = ("auto", 2, 3)
MODES = ("fit", "eager", "tf.function")


class ConfigError(Exception):
    """A setting that cannot be used: one line that names the file, the key and, if there is one, the nearest name."""


class Kind(NamedTuple):
    """What a setting may hold: how to say it, its JSON schema, and how to read it (``ValueError`` if it is not so)."""

    expects: str
    schema: Mapping[str, Any]
    read: Callable[[Any, Codes], Any]


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name most like ``word``, or None if none is like it."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(names), n=1)), None)


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """``; did you mean 'select'?``, or nothing."""
    guess = nearest(word, names)
    return f"; did you mean {guess!r}?" if guess else ""


def choose(word: str, names: Iterable[str]) -> str:
    """``; did you mean 'error'?``, or all there is to choose from."""
    names = list(names)
    return did_you_mean(word, names) or f"; write one of {', '.join(names)}"


def read_code(text: str, codes: Codes) -> str:
    """A rule code or a prefix of codes.

    Raises:
        ValueError: no rule has it.
    """
    code = text.strip().upper()
    if code == "ALL":
        return ALL_RULES
    if code.startswith(ALL_RULES) and any(known.startswith(code) for known in codes):
        return code
    by_name = {name: known for known, name in codes.items()}
    guess = nearest(text.strip().lower(), by_name) or nearest_code(code, codes)
    hint = f"; did you mean {by_name.get(guess, guess)!r}?" if guess else "; `losslint rule --all` lists the rules"
    raise ValueError(f"unknown rule code {text.strip()!r}{hint}")


def nearest_code(text: str, codes: Iterable[str]) -> str | None:
    """The one code that has been meant: a letter or a digit too many, too few or of the other kind (``LLO1O1``)."""
    import difflib

    likely = difflib.get_close_matches(text.replace("O", "0"), list(codes), n=2, cutoff=0.85)
    return likely[0] if len(likely) == 1 else None


def _strings(value: Any, codes: Codes) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError
    return tuple(value)


def _patterns(value: Any, codes: Codes) -> tuple[str, ...]:
    return tuple(map(read_pattern, _strings(value, codes)))


def _codes(value: Any, codes: Codes) -> tuple[str, ...]:
    return tuple(read_code(item, codes) for item in _strings(value, codes))


def _boolean(value: Any, codes: Codes) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _severity(value: Any, codes: Codes) -> Severity:
    names = [severity.value for severity in Severity]
    if not isinstance(value, str):
        raise ValueError
    if value not in names:
        raise ValueError(f"unknown severity {value!r}{choose(value, names)}")
    return Severity(value)


def _least(value: Any, codes: Codes) -> Severity | str:
    return value if value == "auto" else _severity(value, codes)


def _keras_version(value: Any, codes: Codes) -> str | int:
    for version in KERAS_VERSIONS:
        if value in (version, str(version)) and not isinstance(value, (bool, float)):
            return version
    raise ValueError


def _modes(value: Any, codes: Codes) -> tuple[str, ...]:
    modes = _strings(value, codes)
    if not modes:
        raise ValueError("name at least one mode")
    for mode in modes:
        if mode not in MODES:
            raise ValueError(f"unknown mode {mode!r}{choose(mode, MODES)}")
    return modes


def _per_file(value: Any, codes: Codes) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError
    return {read_pattern(pattern): _codes(listed, codes) for pattern, listed in value.items()}


def _per_code(value: Any, codes: Codes) -> dict[str, Severity]:
    if not isinstance(value, dict):
        raise ValueError
    return {read_code(code, codes): _severity(severity, codes) for code, severity in value.items()}


def _inputs(value: Any, codes: Codes) -> dict[str, dict[str, Any]]:
    from losslint.confirmation.written import parse_spec

    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ValueError
    for place, table in value.items():
        if "::" not in place:
            raise ValueError(f"{place!r} names no loss; write it like 'losses.py::dice_loss'")
        for name, given in table.items():
            try:
                parse_spec(given) if isinstance(given, str) else _constant(given)
            except ValueError as error:
                raise ValueError(f"{place!r}: {name!r}: {error}") from None
    return value


def _constant(value: Any) -> None:
    """Settings of a loss are what both Python and JSON can write: no dates, no numbers beyond 64 bits.

    Raises:
        ValueError: it is something else.
    """
    items = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    for item in items:
        if not isinstance(item, str):
            _constant(item)
    if not isinstance(value, (bool, int, float, list, dict)) or (isinstance(value, int) and abs(value) >= 2**63):
        raise ValueError(f"must be a string, a number, true, false, a list or a table, not {_told(value)}")


def _told(value: Any) -> str:
    """A value of a settings file in a message."""
    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands of digits"


_LIST = {"type": "array", "items": {"type": "string"}}
_CODE = {"type": "string", "pattern": r"^([Aa][Ll][Ll]|[Ll][Ll]\d{0,3})$"}
_CODE_LIST = {"type": "array", "items": _CODE}
_LEVELS = {"enum": [severity.value for severity in Severity]}
STRINGS = Kind("a list of strings", _LIST, _strings)
PATTERNS = Kind("a list of file patterns", _LIST, _patterns)
CODES = Kind("a list of rule codes", _CODE_LIST, _codes)
BOOLEAN = Kind("true or false", {"type": "boolean"}, _boolean)
LEAST = Kind('"auto", info, warning or error', {"enum": ["auto", *_LEVELS["enum"]]}, _least)
KERAS = Kind('"auto", 2 or 3', {"enum": [*KERAS_VERSIONS, *map(str, KERAS_VERSIONS[1:])]}, _keras_version)
MODE_LIST = Kind("a list of modes: " + ", ".join(MODES), {"type": "array", "items": {"enum": list(MODES)}}, _modes)
PER_FILE = Kind("a table of file pattern = list of rule codes", {
    "type": "object", "additionalProperties": _CODE_LIST}, _per_file)
INPUTS = Kind("a table of file::loss = table of argument = input", {
    "type": "object", "additionalProperties": {"type": "object"}}, _inputs)
PER_CODE = Kind("a table of rule code = severity", {
    "type": "object", "propertyNames": _CODE, "additionalProperties": _LEVELS}, _per_code)


def _option(default: Any, kind: Kind, help: str, example: str) -> Any:
    metadata = {"kind": kind, "help": help, "example": example}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Everything a run can be told. ``root`` is the folder that file patterns are relative to."""

    select: tuple[str, ...] = _option((ALL_RULES,), CODES, "Rules to check, by code or prefix.", '["LL1", "LL301"]')
    ignore: tuple[str, ...] = _option(
        (), CODES, "Rules to leave out. The longer prefix wins over the shorter one.", '["LL113"]')
    extend_select: tuple[str, ...] = _option((), CODES, "Rules to check besides those of select.", '["LL401"]')
    severity: Severity | str = _option(  # noqa: RUF009
        "auto", LEAST, "The least severity that is shown; auto is warning, and info in json and rdjson.", '"info"')
    exclude: tuple[str, ...] = _option(
        DEFAULT_EXCLUDE, PATTERNS, "Files and folders that a walk leaves out, as in .gitignore.", '["legacy/"]')
    extend_exclude: tuple[str, ...] = _option((), PATTERNS, "Left out besides those of exclude.", '["*_pb2.py"]')
    force_exclude: bool = _option(
        False, BOOLEAN, "Leave out excluded files also where they are named on the command line, as by pre-commit.", "true")
    loss_functions: tuple[str, ...] = _option(
        (), STRINGS, "Qualified names that are losses, * and ? allowed.", '["mypackage.objectives.*"]')
    not_loss_functions: tuple[str, ...] = _option(
        (), STRINGS, "Qualified names that are not losses, * and ? allowed.", '["*.plot_loss"]')
    keras_version: str | int = _option(
        "auto", KERAS, "The Keras that runs the losses; auto looks at the project's requirements.", "3")
    modes: tuple[str, ...] = _option(
        ("fit",), MODE_LIST, "How the project runs its losses: by Keras fit, under its own tf.function, only eagerly.",
        '["eager"]')
    per_file_ignores: Mapping[str, tuple[str, ...]] = _option(
        {}, PER_FILE, "Rules to leave out in some files, named as in .gitignore; ! means in all others.",
        '{"tests/" = ["LL3"], "!src/" = ["LL4"]}')
    severity_overrides: Mapping[str, Severity] = _option(
        {}, PER_CODE, "Severities other than the rule's own.", '{LL301 = "error"}')
    inputs: Mapping[str, Mapping[str, Any]] = _option(
        {}, INPUTS, "What losses are run on to confirm findings: tensors as strings, settings as they are.",
        '{"losses.py::dice" = {y_pred = "float32[8, 3] in [0, 1]", gamma = 2.0}}')
    respect_gitignore: bool = _option(True, BOOLEAN, "Leave out what .gitignore files name.", "false")
    prefilter: bool = _option(
        True, BOOLEAN, "Skip files whose bytes cannot hold a loss. Only ever slower when off.", "false")
    root: Path = field(default_factory=Path.cwd)
    source: Path | None = None  # the file they were read from

    def enabled(self, code: str) -> bool:
        """Whether a rule is wanted: the longest prefix decides, ``ignore`` wins a tie."""
        return _longest(code, (*self.select, *self.extend_select)) > _longest(code, self.ignore)

    def ignored_in(self, path: Path) -> tuple[str, ...]:
        """Codes and prefixes that ``per-file-ignores`` turns off in a file."""
        matching = (codes for pattern, codes in self.per_file_ignores.items() if self._matches(path, pattern))
        return tuple(code for codes in matching for code in codes)

    def least(self, machines: bool) -> Severity:
        """The least severity that is shown to people, or given to programs."""
        if isinstance(self.severity, Severity):
            return self.severity
        return Severity.INFO if machines else Severity.WARNING

    def adjust(self, finding: Finding) -> Finding | None:
        """The finding with its configured severity, or None where it is not wanted."""
        if not self.enabled(finding.code) or _longest(finding.code, self.ignored_in(finding.path)):
            return None
        prefixes = [code for code in self.severity_overrides if finding.code.startswith(code)]
        return replace(finding, severity=self.severity_overrides[max(prefixes, key=len)]) if prefixes else finding

    def override(self, select: Iterable[str] = (), ignore: Iterable[str] = (),
                 extend_select: Iterable[str] = (), severity: Severity | None = None,
                 force_exclude: bool | None = None) -> Settings:
        """Settings as the command line changes them: ``--select`` starts afresh, the other two add."""
        added = tuple(extend_select)
        chosen = tuple(select)
        base = replace(self, select=chosen, extend_select=(), ignore=()) if chosen else self
        kept = tuple(code for code in base.ignore if not code.startswith(added)) if added else base.ignore
        return replace(base, extend_select=(*base.extend_select, *added), ignore=(*kept, *ignore),
                       severity=severity or base.severity,
                       force_exclude=base.force_exclude if force_exclude is None else force_exclude)

    def _matches(self, path: Path, pattern: str) -> bool:
        bare = pattern.removeprefix("!")
        named = bool(rules(abspath(self.root), (bare,)).verdict(abspath(path), False))
        return named != pattern.startswith("!")


def relative_to(path: Path, root: Path) -> str:
    """``path`` as seen from ``root``, with forward slashes; unchanged if it is elsewhere."""
    try:
        return Path(abspath(path)).relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def _longest(code: str, prefixes: Iterable[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=0)


def options() -> dict[str, Field[Any]]:
    """Key as written in a settings file -> its field (``metadata``: kind, help, example)."""
    return {f.name.replace("_", "-"): f for f in fields(Settings) if "kind" in f.metadata}


def default(option: Field[Any]) -> Any:
    """The value a setting has when nobody sets it."""
    return option.default_factory() if option.default_factory is not MISSING else option.default


def plain(value: Any) -> Any:
    """A setting's value as TOML and JSON know it."""
    if isinstance(value, Severity):
        return value.value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


EXTEND = "Another settings file, relative to this one, that this one builds on."


def schema() -> dict[str, Any]:
    """The JSON schema of ``losslint.toml`` and of ``[tool.losslint]``."""
    settings = {
        key: {"description": option.metadata["help"], "default": plain(default(option)), **option.metadata["kind"].schema}
        for key, option in options().items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings of losslint", "type": "object",
        "properties": {"extend": {"description": EXTEND, "type": "string"}, **settings}, "additionalProperties": False,
    }  # fmt: skip


def find(start: Path) -> Path | None:
    """The nearest settings file at or above a file or folder."""
    start = Path(abspath(start))
    for folder in (start, *start.parents):
        for name in CONFIG_NAMES:
            if (file := folder / name).is_file() and (name != "pyproject.toml" or _has_table(file)):
                return file
    return None


def resolve(paths: Iterable[Path], codes: Codes) -> list[tuple[Settings, list[Path]]]:
    """The given paths and the folders below them, each under the settings of the nearest settings file.

    Raises:
        ConfigError: one of those files cannot be used.
    """
    groups: dict[Path | None, list[Path]] = {}
    seen: dict[Path, Path | None] = {}
    for path in paths:
        folder = path if path.is_dir() else path.parent
        if folder not in seen:
            seen[folder] = find(folder)
        groups.setdefault(seen[folder], []).append(path)
        for inner in _configured_below(path) if path.is_dir() else ():
            groups.setdefault(find(inner), []).append(inner)
    governed = {file: load(file, codes) if file else Settings() for file in groups}
    folders = [Path(abspath(file.parent)) for file in groups if file is not None]
    return [(_without(settings, folders), groups[file]) for file, settings in governed.items()]


def _configured_below(top: Path) -> Iterator[Path]:
    """Folders below one that have settings of their own."""
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if name not in DEFAULT_EXCLUDE and not name.startswith("."))
        here = Path(folder)
        if here != top and any(
                name in files and (name != "pyproject.toml" or _has_table(here / name)) for name in CONFIG_NAMES):
            yield here


def _without(settings: Settings, folders: Iterable[Path]) -> Settings:
    """Settings that leave the folders below them to the settings that stand there."""
    root = Path(abspath(settings.root))
    inner = [f"/{folder.relative_to(root).as_posix()}/" for folder in folders if root in folder.parents]
    return replace(settings, extend_exclude=(*settings.extend_exclude, *inner)) if inner else settings


def load(file: Path, codes: Codes, root: Path | None = None) -> Settings:
    """The settings of one file, ``extend`` followed.

    Raises:
        ConfigError: it cannot be read, or holds something that is no setting.
    """
    return Settings(**_read(file, codes, ()), root=root or Path(abspath(file)).parent, source=file)


def _has_table(file: Path) -> bool:
    data = _bytes(file)
    named = b"losslint" in data.replace(b"\0", b"")  # also in UTF-16, which is then an error
    return named and "losslint" in _tools(file, _parse(file, data))


def _tools(file: Path, document: dict[str, Any]) -> dict[str, Any]:
    tools = document.get("tool", {})
    if not isinstance(tools, dict):
        raise ConfigError(f"{file}: `tool` must be a table")
    return tools


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error


def _parse(file: Path, data: bytes) -> dict[str, Any]:
    try:
        return parse_toml(data.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nests too deeply") from error


def _read(file: Path, codes: Codes, chain: tuple[str, ...]) -> dict[str, Any]:
    """Field -> value for the keys that a file and those it extends set."""
    here = realpath(file)
    if here in chain:
        raise ConfigError(f"{file}: `extend` comes back to this file")
    table = _table(file)
    parent = table.pop("extend", None)
    if parent is not None and (not isinstance(parent, str) or "\0" in parent):
        raise ConfigError(f"{file}: `extend` must be the path of another settings file")
    values = _read(file.parent / parent, codes, (*chain, here)) if parent is not None else {}
    for key, value in table.items():
        name = key.replace("-", "_")
        values[name] = _joined(key, values.get(name), _value(file, key, value, codes))
    return values


def _table(file: Path) -> dict[str, Any]:
    document = _parse(file, _bytes(file))
    if file.name != "pyproject.toml":
        return document
    table = _tools(file, document).get("losslint")
    if table is None:
        raise ConfigError(f"{file}: has no [tool.losslint] table")
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: `tool.losslint` must be a table")
    return dict(table)


def _value(file: Path, key: str, value: Any, codes: Codes) -> Any:
    known = options()
    if key not in known:
        hint = "; here keys stand at the top, without [tool.losslint]" if key == "tool" else did_you_mean(
            key, [*known, "extend"])
        raise ConfigError(f"{file}: unknown key {key!r}{hint}")
    kind: Kind = known[key].metadata["kind"]
    try:
        return kind.read(value, codes)
    except ValueError as error:
        raise ConfigError(f"{file}: {key}: {str(error) or f'must be {kind.expects}, not {_told(value)}'}") from error


def _joined(key: str, inherited: Any, own: Any) -> Any:
    """A file's value over the one it extends: tables and ``extend-*`` lists grow, all else is replaced."""
    if inherited is None:
        return own
    if isinstance(own, dict):
        return {**inherited, **own}
    return (*inherited, *own) if key.startswith("extend-") else own
