"""The ladder of a loss: shapes that its arguments can have, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from losslint.confirmation.demands import Demand
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.shapes import Shape
from losslint.project import names
from losslint.project.roles import Role

LADDER: tuple[Shape, ...] = ((8, 3), (8, 1), (8,), (4, 8, 8, 2), (4, 5, 3), (4, 8, 8, 1), (8, 8), (2, 16, 16, 3))
IMAGES: tuple[Shape, ...] = ((2, 16, 16, 3), (2, 16, 16, 1), (1, 32, 32, 3), (1, 192, 192, 3))
MAX_RUNGS = 10
TRAINED = (Role.PREDICTION, Role.TENSOR)
LEADING = (Role.PREDICTION, Role.LABEL)  # where only one of them is told, the others have its batch


def rungs(
    demands: Mapping[str, Demand], roles: Mapping[str, Role], order: list[str], told: Mapping[str, TensorSpec],
    stated: Sequence[Shape] = (), channels_first: bool = False, columns: bool = False,
) -> Iterator[dict[str, TensorSpec]]:
    """The specs of each rung by argument, with those that are ``told`` as they are; shapes that agree with these come
    first, then those that the file states. ``columns``: one label for each sample is a column, as Keras hands them out."""
    if not order:
        yield {}
        return
    main = [n for n in order if not (
        demands[n].labels or demands[n].groups or demands[n].exactly == 1 or roles[n] is Role.WEIGHT)] or order
    wanted = merged([demands[n] for n in main if n not in told])
    leading = {n: spec for n, spec in told.items() if roles[n] in LEADING or len(spec.shape) > 1}
    stated = [*(shape for name, spec in leading.items() for shape in beside(spec, demands[name])), *stated]
    bases = [of_batch(shape, leading) for shape in (*stated, *common(wanted, channels_first))]
    classes = max((demands[n].classes for n in order), default=0)
    prediction = next((demands[n].values for n in main if roles[n] in TRAINED and demands[n].values), "")
    rows = {n: demands[n].row for n in order if demands[n].row}
    if rows:
        wide = of_batch((8, max(rows.values())), leading)
        for other in dict.fromkeys([*bases[:bool(stated)], wide]):
            sizes = {n: rows.get(n) or (demands[n].fixed.get(-1) if len(other) == 2 else None) for n in order}
            yield {n: told.get(n) or spec_for(n, (wide[0], size) if (size := sizes[n]) else other, demands[n], roles[n], "")
                   for n in order}
    shapes = dict.fromkeys(shape for base in bases if (shape := fitted(base, wanted, classes)) is not None)
    for shape in islice(shapes, MAX_RUNGS):
        rung = {n: told.get(n) or spec_for(n, shape, demands[n], roles[n], prediction) for n in order}
        rung = {n: spec if n in told else lengthened(spec, demands[n], rung) for n, spec in rung.items()}
        flat = [n for n in order if not columns or roles[n] is not Role.LABEL]
        rung = {n: spec if n in told else narrowed(spec, demands[n], rung, n in flat) for n, spec in rung.items()}
        yield rung
        labels = [n for n in order if roles[n] is Role.LABEL and n not in told]
        plain = [n for n in labels if not demands[n].labels]
        if shape == (8, 8) and plain and len(order) == 2:  # numbers of groups against embeddings or similarities
            yield rung | {n: TensorSpec(n, (8,), "float32", "class", classes=4) for n in plain}
        sparse = [n for n in order if demands[n].labels and n not in told]
        if sparse and len(shape) == 4 and any(roles[n] is Role.TENSOR for n in order if n not in sparse):
            yield rung | {n: replace(rung[n], shape=shape[:1]) for n in sparse}  # a model gives one class for each picture
        if len(plain) < len(labels) and len(shape) == 2:
            yield {n: replace(s, shape=(*s.shape, 1)) if demands[n].labels and len(s.shape) == 1 and n not in told else s
                   for n, s in rung.items()}


def common(wanted: Demand, channels_first: bool) -> tuple[Shape, ...]:
    """Shapes that tensors often have."""
    shapes = IMAGES if wanted.image else LADDER
    if (rank := wanted.exactly or wanted.rank) in (3, 5):
        shapes = ((4, *(5,) * (rank - 2), 3), *shapes)
    if channels_first:
        shapes = tuple((s[0], s[-1], *s[1:-1]) if len(s) > 3 else s for s in shapes)
    return shapes


def beside(spec: TensorSpec, demand: Demand) -> Iterator[Shape]:
    """The shapes that other arguments may have beside one that is told, the likeliest first."""
    if not demand.labels:
        shape = list(spec.shape)
        for axis in demand.rest_of:
            if -len(shape) <= axis < len(shape):
                shape[axis] //= 2
        yield tuple(shape)
    if demand.labels or spec.classes:
        classes = demand.classes or spec.classes or 3
        if spec.shape[-1:] == (1,):
            yield (*spec.shape[:-1], classes)
        yield (*spec.shape, classes)


def of_batch(shape: Shape, told: Mapping[str, TensorSpec]) -> Shape:
    """A shape with the batch of what is told."""
    batch = next((spec.shape[:1] for spec in told.values() if spec.shape), shape[:1])
    return (*batch, *shape[1:])


def lengthened(spec: TensorSpec, demand: Demand, rung: Mapping[str, TensorSpec]) -> TensorSpec:
    """A tensor of which only the first part is as long as another one: a mean and a scale for each number of a label; or
    one that a matrix is multiplied by, with as many rows as that has columns."""
    shape = list(spec.shape)
    if (demand.rows or demand.factor_of in rung) and len(shape) > 1:
        shape[-2] = demand.rows or rung[demand.factor_of].shape[-1]
    for axis, other in demand.rest_of.items():
        like = rung[other].shape
        if -len(like) <= axis < len(like) and len(like) == len(shape):
            shape[axis] = 2 * like[axis]
    return replace(spec, shape=tuple(shape))


def narrowed(spec: TensorSpec, demand: Demand, rung: Mapping[str, TensorSpec], flat: bool) -> TensorSpec:
    """A tensor that is computed with a part of another one, such as one of two columns, as large as that part is.
    ``flat``: one number for each sample has no second axis."""
    part = demand.beside
    if part is None or part.name not in rung or not -len(spec.shape) <= part.axis < len(spec.shape):
        return spec
    shape, axis = list(spec.shape), part.axis % len(spec.shape)
    shape[axis] = part.size(rung[part.name].shape[axis]) if len(rung[part.name].shape) == len(shape) else shape[axis]
    if part.gone and (flat or len(shape) > 2):
        del shape[axis]
    return replace(spec, shape=tuple(shape)) if axis else spec


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
        return TensorSpec(name, inner, "int64" if demand.wide else "int32", "class", classes=classes)
    if demand.groups and role is Role.LABEL:
        return TensorSpec(name, (shape[0], 1)[:max(demand.rank, 1)], "float32", "class", classes=shape[0])
    if demand.counts:
        return TensorSpec(name, shape[:1], values="class", classes=2)
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
    guessed = demand.guessed and values == "probability"
    return TensorSpec(name, shape, values=values, classes=demand.classes, missing=missing, guessed=guessed)
