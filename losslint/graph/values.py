"""What a Python name can hold while a loss is traced."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

if TYPE_CHECKING:
    from losslint.graph.scope import Env
    from losslint.graph.source import Source, Unit
    from losslint.project.module import Module


class Value:
    """Base of everything a name can hold."""


@dataclass(frozen=True)
class Const(Value):
    """A Python value known while tracing: number, string, bool, None, Ellipsis, slice parts."""

    value: object

    def __repr__(self) -> str:
        return repr(self.value)


NONE = Const(None)
NOTHING = Const(None)  # what a function gives that ends without a return; equal to NONE, and told from it by identity


@dataclass(eq=False)
class Seq(Value):
    """A list or tuple. ``open``: it may hold more items of the same sort (built in a loop); ``names``: of a named tuple.
    ``mixed``: something of another sort was put behind those, so that only the ends are where they stand."""

    items: list[Value]
    kind: str = "list"
    open: bool = False
    names: tuple[str, ...] = ()
    mixed: bool = False

    def of(self, items: list[Value], kind: str = "") -> Seq:
        """Other items in the places of these."""
        return Seq(items, kind or self.kind, self.open, mixed=self.mixed)

    def extend(self, more: Seq) -> None:
        """Put further items behind these."""
        apart = self.open and bool(self.items and more.items) and sort_of(self.items[-1]) != sort_of(more.items[0])
        self.mixed = self.mixed or more.mixed or apart
        self.items += more.items
        self.open = self.open or more.open


def sort_of(item: Value) -> tuple[object, ...]:
    """What tells the items of a list apart that one line does not put there."""
    return type(item), getattr(item, "op", ""), getattr(item, "name", ""), getattr(item, "dtype", "")


@dataclass(eq=False)
class Map(Value):
    """A dict with known keys; ``open`` when further keys are possible."""

    items: dict[Any, Value]
    open: bool = False


ALTERING = ("forward", "call", "tensors", "dataset", "collate_fn")  # set on a framework's object, it does something else


@dataclass(eq=False)
class External(Value):
    """A name from outside the project, dotted and absolute; ``X()`` is an object made by calling ``X``."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: dict[str, Value] = field(default_factory=dict)
    attributes: dict[str, Value] = field(default_factory=dict)
    owner: External | None = None  # the object that this is an attribute of, or that was called to make it
    made: Source | None = None  # the call that made the object
    altered: bool = False  # given other data, layers or a hook since: what it was made of does not tell what it does


@dataclass(eq=False)
class ModuleValue(Value):
    """A module of the project."""

    module: Module


@dataclass(eq=False)
class Func(Value):
    """A function or lambda with the scope it closes over."""

    unit: Unit
    node: cst.FunctionDef | cst.Lambda
    env: Env
    name: str
    owner: ClassValue | None = None  # the class a method was found on, for super()
    decorators: tuple[Value, ...] = ()
    defaults: dict[str, Value] = field(default_factory=dict)
    autograph: bool = False  # wrapped in tf.function
    custom_gradient: str = ""  # what gives it a gradient of its own: ``tf.custom_gradient``, ``jax.custom_vjp``


@dataclass(eq=False)
class Bound(Value):
    """A method with its object."""

    function: Func
    instance: Value


@dataclass(eq=False)
class Partial(Value):
    """``functools.partial``."""

    function: Value
    args: tuple[Value, ...]
    kwargs: dict[str, Value]


@dataclass(eq=False)
class ClassValue(Value):
    """A class of the project."""

    module: Module
    node: ast.ClassDef
    env: Env


@dataclass(eq=False)
class Instance(Value):
    """An object of a project class."""

    cls: ClassValue
    attributes: dict[str, Value] = field(default_factory=dict)
    altered: bool = False  # given a hook since


@dataclass(eq=False)
class Super(Value):
    """``super()`` inside a method."""

    cls: ClassValue
    instance: Value


@dataclass(eq=False)
class Tape(Value):
    """A ``tf.GradientTape``."""

    persistent: bool = False
    row: int = 0  # where it is opened
    watched: list[Value] = field(default_factory=list)
    asked: list[tuple[Value, ...]] = field(default_factory=list)  # the path of each gradient call


@dataclass(frozen=True, eq=False)
class Unbound(Value):
    """A name that has no value on this path."""


UNBOUND = Unbound()


@dataclass(frozen=True, eq=False)
class Choice(Value):
    """One of several functions or objects: what a name holds after branches that disagree."""

    options: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Method(Value):
    """A method or attribute function of a tensor, list, dict, string or tape: ``values.append``, ``t.numpy``."""

    owner: Value
    name: str


def indices(index: Value | None) -> list[Value | None]:
    """What an index says of each axis."""
    return list(index.items) if isinstance(index, Seq) and index.kind == "index" else [index]


def is_whole_axis(index: Value | None) -> bool:
    """Whether an index is ``:``."""
    return isinstance(index, Seq) and index.kind == "slice" and all(
        isinstance(end, Const) and end.value is None for end in index.items)
