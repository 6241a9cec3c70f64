"""The ladder of a loss: shapes that its arguments can have, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from losslint.confirmation.demands import Demand
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.shapes import Shape
from losslint.project import names
from losslint.project.roles import Role

LADDER: tuple[Shape, ...] = ((8, 3), (8, 1), (8,), (4, 8, 8, 2), (4, 5, 3), (4, 8, 8, 1), (8, 8), (2, 16, 16, 3))
IMAGES: tuple[Shape, ...] = ((2, 16, 16, 3), (2, 16, 16, 1), (1, 32, 32, 3), (1, 192, 192, 3))
MAX_RUNGS = 10
TRAINED = (Role.PREDICTION, Role.TENSOR)


def rungs(
    demands: Mapping[str, Demand], roles: Mapping[str, Role], order: list[str], stated: Iterable[Shape] = (),
    channels_first: bool = False,
) -> Iterator[dict[str, TensorSpec]]:
    """The specs of each rung by argument; shapes that the file states come first."""
    if not order:
        yield {}
        return
    main = [n for n in order if not (
        demands[n].labels or demands[n].groups or demands[n].exactly == 1 or roles[n] is Role.WEIGHT)] or order
    wanted = merged([demands[n] for n in main])
    bases = (*stated, *(IMAGES if wanted.image else LADDER))
    if channels_first:
        bases = tuple((s[0], s[-1], *s[1:-1]) if len(s) > 3 else s for s in bases)
    classes = max((demands[n].classes for n in order), default=0)
    found: list[Shape] = []
    for base in bases:
        if (shape := fitted(base, wanted, classes)) is not None and shape not in found:
            found.append(shape)
    if wanted.rank in (3, 5) or wanted.exactly in (3, 5):
        rank = wanted.exactly or wanted.rank
        middle = fitted((4, *(5,) * (rank - 2), 3), wanted, classes)
        found = ([middle] if middle else []) + [s for s in found if s != middle]
    rows = {n: demands[n].row for n in order if demands[n].row}
    if rows:
        width = max(rows.values())
        first = next(iter(stated), (8, width))
        for other in dict.fromkeys([first, (8, width)]):
            yield {n: spec_for(n, (8, rows[n]) if n in rows else other, demands[n], roles[n], "") for n in order}
    prediction = next((demands[n].values for n in main if roles[n] in TRAINED and demands[n].values), "")
    for shape in found[:MAX_RUNGS]:
        rung = {name: spec_for(name, shape, demands[name], roles[name], prediction) for name in order}
        rung = {name: lengthened(spec, demands[name], rung) for name, spec in rung.items()}
        yield rung
        labels = [n for n in order if roles[n] is Role.LABEL and not demands[n].labels]
        if shape == (8, 8) and labels and len(order) == 2:  # numbers of groups against embeddings or similarities
            yield rung | {n: TensorSpec(n, (8,), "float32", "class", classes=4) for n in labels}
        if any(demands[n].labels and roles[n] is Role.LABEL for n in order) and len(shape) == 2:
            yield {n: replace(s, shape=(*s.shape, 1)) if demands[n].labels and len(s.shape) == 1 else s
                   for n, s in rung.items()}


def lengthened(spec: TensorSpec, demand: Demand, rung: Mapping[str, TensorSpec]) -> TensorSpec:
    """A tensor of which only the first part is as long as another one: a mean and a scale for each number of a label."""
    shape = list(spec.shape)
    for axis, other in demand.rest_of.items():
        like = rung[other].shape
        if -len(like) <= axis < len(like) and len(like) == len(shape):
            shape[axis] = 2 * like[axis]
    return replace(spec, shape=tuple(shape))


def merged(demands: Iterable[Demand]) -> Demand:
    """What several arguments ask of the shape that they share."""
    whole = Demand()
    for demand in demands:
        whole.rank = max(whole.rank, demand.rank)
        whole.exactly = demand.exactly or whole.exactly
        whole.image |= demand.image
        whole.fixed |= demand.fixed
        for axis, least in demand.sizes.items():
            whole.sizes[axis] = max(whole.sizes.get(axis, 0), least)
    return whole


def fitted(base: Shape, demand: Demand, classes: int) -> Shape | None:
    """A shape of the ladder made to fit; None where its rank does not."""
    rank = len(base)
    if rank < demand.rank or (demand.exactly and rank != demand.exactly):
        return None
    shape = list(base)
    for axis, least in demand.sizes.items():
        if -rank <= axis < rank:
            shape[axis] = max(shape[axis], least)
    if classes and rank > 1:
        shape[-1] = max(classes, demand.sizes.get(-1, 0))
    for axis, size in demand.fixed.items():
        if -rank <= axis < rank and axis != 0:
            shape[axis] = size
    return tuple(shape)


def spec_for(name: str, shape: Shape, demand: Demand, role: Role, prediction: str) -> TensorSpec:
    """One argument on a rung whose predictions have ``shape``."""
    if demand.labels:
        inner = (shape[0],) if demand.exactly == 1 else shape[:-1] if len(shape) > 1 else shape
        classes = demand.classes or (shape[-1] if len(shape) > 1 else 3)
        return TensorSpec(name, inner, "int32", "class", classes=classes)
    if demand.groups and role is Role.LABEL:
        return TensorSpec(name, (shape[0], 1)[:max(demand.rank, 1)], "float32", "class", classes=shape[0])
    if demand.exactly == 1:
        return TensorSpec(name, shape[:1], values=demand.values or "real")
    if role is Role.WEIGHT:
        mask = "mask" in names.parts(name)
        return TensorSpec(name, shape if mask else shape[:1], values="mask" if mask else "weight")
    values = demand.values or "real"
    if role is Role.LABEL:
        kinds = {"logits": "binary", "probability": "binary", "simplex": "onehot"}
        values = kinds.get(prediction, demand.values or "real")
        if values == "binary" and demand.values == "probability" and prediction != "logits":
            values = "probability"
    if role is Role.LABEL and demand.values == "positive":
        values = "positive"
    if role is Role.PREDICTION and values == "nonnegative":
        values = "real"
    missing = demand.missing and role is Role.LABEL
    return TensorSpec(name, shape, values=values, classes=demand.classes, missing=missing)
