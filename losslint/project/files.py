"""From paths to the bytes of Python files: the walk, what it leaves out, and the byte search that drops most files."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from os.path import abspath, realpath
from pathlib import Path
from symtable import symtable

from losslint.config import Settings
from losslint.project.patterns import SPECIAL, Rules, inside, rules, rules_of_file

# A file can hold a loss only if it has a word of both kinds. Framework words and CASED_WORDS count as written here,
# LOSS_WORDS in any case, WITHIN_WORDS in any case where they are not part of the longer word beside them.
FRAMEWORK_WORDS = (
    b"tensorflow", b"keras", b"torch", b"jax", b"tf.", b"lightning", b"flax", b"losslint", b"Loss)", b"backend.",
)  # fmt: skip
LOSS_WORDS = (
    b"loss", b"y_pred", b"y_true", b"gradient", b"minimize", b"entropy", b"nll", b"penalt", b"crit", b"objective",
    b"cost", b"regularis", b"regulariz", b"divergence", b"distance", b"likelihood", b"backward", b"score", b"energy",
    b"logit", b"supcon", b"simclr", b"evidential",
    b"crossent", b"xent", b"loglik", b"logprob", b"kld", b"jsd", b"jaccard", b"tversky", b"lovasz", b"focal",
    b"triplet", b"npairs", b"contrastive", b"infonce", b"margin", b"hinge", b"wasserstein", b"emd", b"sinkhorn",
    b"elbo", b"huber", b"logcosh", b"mse", b"mae", b"mape", b"msle", b"bce", b"cce(", b"pinball", b"quantile", b"tilted",
    b"perceptual", b"cosine", b"poisson", b"charbonnier", b"ctc", b"crps", b"mmd", b"ssim", b"distill", b"hausdorff",
    b"adversarial", b"squared", b"discrepancy", b"kl(", b"kl_", b"_kl",
)  # fmt: skip
CASED_WORDS = (b"error", b"SquaredError", b"AbsoluteError", b"PercentageError", b"LogarithmicError")
WITHIN_WORDS = ((b"dice", b"indice"), (b"iou", b"ious"))
# A file without any of these hands no function of another file to something that trains or measures with it.
USES = re.compile(rb"(?<!\bre)\.compile\(|loss|criteri|metrics|minimize|gradient|backward", re.IGNORECASE)

PYTHON_SUFFIXES = frozenset((".py", ".pyi", ".pyw", ".pyt", ".gyp", ".gypi", ".tac", ".wsgi"))  # if given explicitly
MAX_BYTES = 2_000_000  # a larger file met on a walk is generated data, not code somebody trains with
WILDCARDS = frozenset("*?[")
NO_NOTEBOOKS = "notebooks are not read yet; export it first: jupyter nbconvert --to script "


@dataclass(frozen=True)
class SourceFile:
    """A Python file: its path as it is to be shown, and its bytes."""

    path: Path
    data: bytes
    explicit: bool  # named by the user, not met on a walk


@dataclass(frozen=True)
class Problem:
    """Something about the paths that the user has to know. A ``fatal`` one means: not all that was asked was done; a
    ``minor`` one is told to those who look closely."""

    path: Path
    message: str
    fatal: bool = True
    minor: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def may_hold_a_loss(data: bytes) -> bool:
    """Whether a file is worth parsing, by its bytes alone."""
    if b"\0" in data:
        data = data.replace(b"\0", b"")  # UTF-16, which Python cannot read: the parser will say so
    if not any(word in data for word in FRAMEWORK_WORDS):
        return False
    lower = data.lower()
    return (any(word in lower for word in LOSS_WORDS) or any(word in data for word in CASED_WORDS)
            or any(lower.count(word) > lower.count(longer) for word, longer in WITHIN_WORDS))


def matters(data: bytes, settings: Settings) -> bool:
    """Whether a file can change the findings, by its bytes: it holds a loss, or trains with one of another file.

    Where the settings name losses, which may be called anything, every file can.
    """
    return bool(settings.loss_functions) or may_hold_a_loss(data) or USES.search(data) is not None


def worth_parsing(data: bytes, settings: Settings) -> bool:
    """The prefilter as the settings want it. What is not Python is worth an error."""
    return not settings.prefilter or matters(data, settings) or not is_python(data)


def is_python(data: bytes) -> bool:
    """Whether a file that is passed over parses. The symbol table of a file is had in half the time of its tree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            symtable(data, "", "exec")  # type: ignore[arg-type]  # bytes are decoded as Python does it
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def discover(paths: Iterable[Path], settings: Settings, problems: list[Problem] | None = None) -> Iterator[SourceFile]:
    """Every Python file under ``paths`` (default: the current folder) once, in an order that depends on names alone.

    Files named by the user are among them unless ``force_exclude`` is set; excludes and .gitignore files act on the walk
    through folders. What cannot be found or read is added to ``problems`` and the walk goes on.
    """
    found = [] if problems is None else problems
    seen: set[str] = set()
    notebooks: list[Path] = []
    for path, explicit, real in _candidates(sorted(_expanded(paths, found)), settings, found, notebooks):
        if real in seen:
            continue
        seen.add(real)
        data = _read(path, explicit, found)
        if data is not None:
            yield SourceFile(path, data, explicit)
    if notebooks:
        found.append(Problem(notebooks[0], NO_NOTEBOOKS + notebooks[0].name, fatal=False, minor=bool(seen)))


class Excludes:
    """What ``exclude`` and ``extend-exclude`` leave out. Most of it is names, which need no pattern."""

    def __init__(self, settings: Settings) -> None:
        patterns = (*settings.exclude, *settings.extend_exclude)
        self.root = abspath(settings.root)
        self.names = {pattern for pattern in patterns if not SPECIAL & set(pattern)}
        self.patterns = [pattern for pattern in patterns if pattern not in self.names]

    @cached_property
    def rules(self) -> Rules | None:
        """Those that are no plain names, seen from the root of the settings."""
        return rules(self.root, self.patterns) if self.patterns else None

    def name(self, path: Path) -> bool:
        """Whether they name a file or folder, or a folder between it and the root."""
        absolute = Path(abspath(path))
        above = [folder for folder in absolute.parents if Path(self.root) in folder.parents]
        return any(at.name in self.names or bool(self.rules and self.rules.verdict(str(at), at != absolute or at.is_dir()))
                   for at in (*reversed(above), absolute))


def enforced(path: Path, settings: Settings) -> bool:
    """Whether a path that the user named is left out all the same."""
    return settings.force_exclude and Excludes(settings).name(path)


def _candidates(paths: Iterable[Path], settings: Settings, problems: list[Problem],
                notebooks: list[Path]) -> Iterator[tuple[Path, bool, str]]:
    visited: set[str] = set()
    for path in paths:
        if enforced(path, settings):
            continue
        if path.is_dir():
            yield from ((file, False, real) for file, real in _Walk(path, settings, problems, visited, notebooks))
        elif refusal := _refusal(path):
            problems.append(Problem(path, refusal))
        else:
            yield path, True, realpath(path)


def _expanded(paths: Iterable[Path], problems: list[Problem]) -> Iterator[Path]:
    """The paths, with patterns that no shell has expanded replaced by what they match."""
    for path in list(paths) or [Path()]:
        matches = _glob(path) if not os.path.lexists(path) else [path]
        if not matches:
            problems.append(Problem(path, "no such file or folder"))
        yield from matches


def _glob(path: Path) -> list[Path]:
    if not WILDCARDS & set(str(path)):
        return []
    import glob

    return [Path(match) for match in glob.glob(str(path), recursive=True)]


def _refusal(path: Path) -> str | None:
    """Why a file that the user named cannot be checked."""
    suffix = path.suffix.lower()
    if path.exists() and not path.is_file():
        return "not a regular file"
    if suffix == ".ipynb":
        return NO_NOTEBOOKS + path.name
    if not suffix or suffix in PYTHON_SUFFIXES or _runs_python(path):
        return None
    return f"not a Python file (it ends in {path.suffix}, not .py)"


def _runs_python(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return True  # reading it will say what is wrong
    return first.startswith(b"#!") and b"python" in first


def _read(path: Path, explicit: bool, problems: list[Problem]) -> bytes | None:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES and not explicit:
            note = f"skipped: {size / 1e6:.1f} MB is more than code has (name the file to check it all the same)"
            problems.append(Problem(path, note, fatal=False))
            return None
        return path.read_bytes()
    except OSError as error:
        problems.append(Problem(path, f"cannot be read: {error.strerror or error}"))
        return None


class _Walk:
    """The ``*.py`` files below one folder, as (path, real path). A folder reached twice is walked once."""

    def __init__(self, top: Path, settings: Settings, problems: list[Problem], visited: set[str],
                 notebooks: list[Path]) -> None:
        self.top = top
        self.settings = settings
        self.problems = problems
        self.visited = visited
        self.notebooks = notebooks  # those that were met, and cannot be read
        self.excludes = Excludes(settings)

    def __iter__(self) -> Iterator[tuple[Path, str]]:
        gitignores = self._gitignores_above() if self.settings.respect_gitignore else []
        return self._folder(self.top, abspath(self.top), gitignores)

    def _folder(self, folder: Path, absolute: str, specs: list[Rules]) -> Iterator[tuple[Path, str]]:
        real = realpath(absolute)
        if real in self.visited:
            return
        self.visited.add(real)
        entries = self._entries(folder)
        names = {entry.name for entry in entries}
        if "pyvenv.cfg" in names and folder != self.top:
            return
        if ".gitignore" in names and self.settings.respect_gitignore:
            specs = [*rules_of_file(absolute, os.path.join(absolute, ".gitignore")), *specs]
        for entry in entries:
            path = os.path.join(absolute, entry.name)
            is_folder = _is_folder(entry)
            wanted = is_folder or entry.name.endswith((".py", ".ipynb"))
            if not wanted or self._left_out(entry.name, path, is_folder, specs):
                continue
            if is_folder:
                yield from self._folder(folder / entry.name, path, specs)
            elif entry.name.endswith(".ipynb"):
                self.notebooks.append(folder / entry.name)
            elif _is_file(entry):
                yield folder / entry.name, realpath(path) if entry.is_symlink() else os.path.join(real, entry.name)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(Problem(folder, f"cannot be read: {error.strerror or error}"))
            return []

    def _left_out(self, name: str, path: str, is_folder: bool, specs: list[Rules]) -> bool:
        return (name in self.excludes.names or bool(self._exclude and self._exclude.verdict(path, is_folder))
                or _verdict(specs, path, is_folder))

    @cached_property
    def _exclude(self) -> Rules | None:
        """The excluded patterns, seen from the root, or from ``top`` where that is elsewhere or excluded itself."""
        seen, top = self.excludes.rules, abspath(self.top)
        return seen and (seen if inside(top, seen.folder) and not seen.verdict(top, True) else Rules(top, seen.spec))

    def _gitignores_above(self) -> list[Rules]:
        """The ignore files between the repository and ``top``, deepest first; none if they ignore ``top``."""
        top = Path(abspath(self.top))
        above = list(top.parents)
        root = next((i for i, folder in enumerate((top, *above)) if (folder / ".git").exists()), 0)
        specs = [rules for folder in above[:root] for rules in rules_of_file(str(folder), str(folder / ".gitignore"))]
        repository = (top, *above)[root]
        specs += rules_of_file(str(repository), str(repository / ".git" / "info" / "exclude"))
        return [] if _verdict(specs, str(top), True) else specs


def _verdict(specs: list[Rules], path: str, is_folder: bool) -> bool:
    verdicts = (rules.verdict(path, is_folder) for rules in specs)
    return next((verdict for verdict in verdicts if verdict is not None), False)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symlink to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
