"""What the tables know of a public name, put together for ``losslint explain``.

Two more tables stand beside those of `table`: ``points.tsv`` says where an operation or its slope is infinite,
undefined or zero; ``remarks.tsv`` holds the sentence that the columns of the others cannot say.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from losslint.ops.table import ALL, FRAMEWORKS, Api, apis, canonical_name, lookup, preferred, respelled, rows

YES, ZERO, NONE, RAISES, LEAVES, REFUSED, ABSENT, NOTHING = (
    "differentiable", "zero gradient", "no gradient", "gradient raises", "leaves the tape", "raises on a tensor",
    "does not exist", "nothing to differentiate",
)  # fmt: skip
BY_CUT = {"none": NONE, "zero": ZERO, "raises": RAISES}
NO_VALUES = frozenset({"object", "dtype", "scope", "print", "assert", "data", "state", "symbolic"})
NO_VALUE_OPERATIONS = frozenset({"config", "number", "python_type", "python_range", "python_call", "epsilon", "numpy_random",
                                 "python_random", "clock"})  # fmt: skip
REFUSED_BY_TENSORS = frozenset({"builtins.round", "builtins.divmod"})
USES_OPERATORS = frozenset({"math.prod"})  # of Python's modules: works with the tensors' own operators
COLLECTIONS = frozenset({  # of several functions each, so that no other name can be recommended for one of them
    "escape", "test", "bitwise", "window", "bessel", "special", "differentiable", "no_gradient", "unregistered_gradient",
    "fft", "rfft", "sets", "atleast", "split", "layer", "metric", "sparse", "ragged", "string", "serialize", "random",
    "random_image", "to_int", "to_bool", "static_shape", "corrcoef",
})  # fmt: skip
WITHOUT_TWIN = frozenset({"np.choose", "np.tri", "math.remainder"})  # not quite what their operation is
ALIASES = {"K": "keras.backend", "F": "torch.F", "tnp": "tf.experimental.numpy", "ops": "keras.ops"}  # as people import them


@dataclass(frozen=True)
class Point:
    """A point where an operation is not finite or has no slope. Each number is one word, or ``a/b``: b under XLA."""

    at: str  # "y=0 x=1", canonical inputs; the slope is with respect to the first
    value: str
    slope: str
    behind_mask: str  # what the slope becomes for an upstream gradient of 0: behind tf.where, or times 0
    instead: str


@dataclass(frozen=True)
class Explanation:
    """All that is known of one name."""

    api: Api
    verdict: str
    flows: tuple[str, ...]  # arguments that a gradient flows through, as the API calls them; ("*",): all
    others: tuple[str, ...]  # the arguments that get none
    instead: str
    remark: str
    points: tuple[Point, ...]


@cache
def explain(name: str) -> Explanation | None:
    """What the tables know of a dotted name, in any spelling; None when it is nothing."""
    api = lookup(_spelled_out(name))
    if api is not None and api.operation.name == "object" and (called := lookup(f"{api.name}()")) is not None:
        api = called
    return None if api is None else _explanation(api)


def _explanation(api: Api) -> Explanation:
    verdict = _verdict(api)
    through = _flows(api) if verdict == YES else ()
    others = () if ALL in through else tuple(own for canonical, own in api.parameters
                                             if canonical != "_" and own not in through)
    operation = api.operation.name
    known = api.framework in ("tensorflow", "keras") and verdict == YES
    points = (_points().get(api.name) or _points().get(operation, ())) if known else ()
    remark = _remarks().get(api.name, "")
    if not remark and (api.framework in ("tensorflow", "keras", "python") or verdict == NOTHING):
        remark = _remarks().get(operation, "")
    return Explanation(api, verdict, through, others, _instead(api, verdict), remark,
                       tuple(replace(point, instead=_own_names(point.instead, api)) for point in points))


def _verdict(api: Api) -> str:
    operation = api.operation
    if operation.family == "missing" or api.removed:
        return ABSENT
    if operation.family in NO_VALUES or operation.name in NO_VALUE_OPERATIONS:
        return NOTHING
    if api.framework == "numpy":
        return YES if api.note == "keeps the tape" else NONE if operation.family == "shape" else LEAVES
    if operation.family == "escape" and not operation.flows:
        return LEAVES
    if api.framework == "python" and not (api.name.startswith("builtins.") or api.name in USES_OPERATORS):
        return LEAVES
    if api.name in REFUSED_BY_TENSORS:
        return REFUSED
    if operation.flows and not _flows(api):
        return NOTHING  # a Hann window has no beta
    return YES if operation.flows else BY_CUT[operation.cut]


def _flows(api: Api) -> tuple[str, ...]:
    if ALL in api.operation.flows or not api.operation.flows:
        return (ALL,)
    return tuple(own for canonical, own in api.parameters if canonical in api.operation.flows)


def _instead(api: Api, verdict: str) -> str:
    if verdict == ABSENT:
        return f"`{api.note}`" if api.operation.name == "missing_method" else _twins(api)
    if verdict == LEAVES:
        text = api.operation.instead if api.framework not in ("numpy", "python") else "-"
        return _own_names(text, api) or _twins(api)
    return _own_names(api.operation.instead, api)


def _twins(api: Api) -> str:
    """The functions of TensorFlow and Keras for what NumPy, Python or an older version computes."""
    grouped = api.operation.name in COLLECTIONS | NO_VALUE_OPERATIONS or api.operation.family in NO_VALUES | {"escape"}
    if grouped or api.name in WITHOUT_TWIN:
        return ""
    names = [preferred(framework, api.operation.name) for framework in ("tensorflow", "keras")]
    return " or ".join(f"`{name}`" for name in names if name and name != api.name)


def _own_names(text: str, api: Api) -> str:
    if text == "-":
        return ""
    return text if api.framework in ("tensorflow", "numpy", "python") else respelled(text, api.framework)


@cache
def _points() -> dict[str, tuple[Point, ...]]:
    found: dict[str, tuple[Point, ...]] = {}
    for operation, *columns in rows("points.tsv"):
        found[operation] = (*found.get(operation, ()), Point(*columns))
    return found


@cache
def _remarks() -> dict[str, str]:
    return {row[0]: row[1] for row in rows("remarks.tsv")}


# -- names


def named(text: str | None) -> list[Explanation]:
    """The one explanation of a full name, those that a module or a last part may mean, or (None) all.

    Raises:
        LookupError: there is none; says which name is nearest.
    """
    if text is not None and (known := explain(text)) is not None:
        return [known]
    names = names_like(text) if text is not None else public_names()
    found = [explanation for name in names if (explanation := explain(name)) is not None]
    if not found and text is not None:
        guess = nearest_name(text)
        hint = f"did you mean {guess!r}?" if guess else "`losslint explain --all` lists the names"
        raise LookupError(f"nothing is known of {text!r}; {hint}")
    return found


def _spelled_out(name: str) -> str:
    name = name.strip().removesuffix("()")
    root, _, rest = name.partition(".")
    return f"{ALIASES[root]}.{rest}" if root in ALIASES and rest else name


def public_names() -> Iterator[str]:
    """Every name of the tables, framework by framework; of a class what its objects do when they are called."""
    for framework in FRAMEWORKS:
        table = apis(framework)
        names = (name for name in table if f"{name}()" not in table and not name.endswith(".*"))
        yield from sorted(names, key=str.lower)


def names_like(text: str) -> list[str]:
    """The names below a module (``tf.math``), or else those that end in what was given (``round``, ``Tensor.numpy``)."""
    wanted = _spelled_out(text).removesuffix(".*").removesuffix(".")
    module = canonical_name(wanted) + "."
    below = [name for name in public_names() if name.startswith(module)]
    ending = f".{wanted.lower()}"
    return below or [name for name in public_names() if f".{name.removesuffix('()')}".lower().endswith(ending)]


def nearest_name(text: str) -> str | None:
    """The public name most like ``text``; if it is only a last part, the shortest name with the nearest last part."""
    spelled = canonical_name(_spelled_out(text))
    names = list(public_names())
    if "." in spelled:
        return next(iter(difflib.get_close_matches(spelled, names, 1, 0.6)), None)
    last_parts = {name: name.removesuffix("()").rpartition(".")[2] for name in names}
    nearest = difflib.get_close_matches(spelled, list(last_parts.values()), 1, 0.6)
    return min((name for name, last in last_parts.items() if last in nearest), key=len, default=None)
