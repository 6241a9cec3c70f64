"""The shape of the labels that a file trains with, as far as the expressions that make them tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project import names
from losslint.project.index import Index, Scope, argument, keyword, last_name
from losslint.project.module import Module

BATCH = "B"  # the number of rows in a batch
Shape = tuple[int | str | None, ...]
MAX_STEPS = 20  # names and calls followed from fit to where the labels are made

_KEEPS = names.words("astype copy asarray abs exp log log1p sin cos tanh sqrt square float32 convert_to_tensor clip round "
                     "sign negative nan_to_num cast constant")  # fmt: skip
_REDUCES = names.words("sum mean max min std var prod argmax argmin any all median")
_SIZED = names.words("ones zeros empty full normal uniform random randint random_sample standard_normal lognormal "
                     "exponential poisson binomial integers choice")  # fmt: skip
_MOMENTS = names.words("normal uniform lognormal")  # of NumPy: the size is their third argument
_SAME_ROWS = names.words("batch shuffle prefetch cache repeat")  # of a data set
_LISTED = names.words("rand randn")
_ROWS_AND_LABELS = names.words("make_regression make_classification make_moons make_circles make_blobs make_friedman1")


def label_shape(module: Module) -> Shape | None:
    """The shape of the labels that every ``fit`` of a file is given, None where one is not known or they differ."""
    if "labels" not in module.notes:
        finder = _Shapes(module)
        shapes = {finder.of(y, MAX_STEPS) if y is not None else None for y in finder.labels()}
        module.notes["labels"] = shapes.pop() if len(shapes) == 1 else None
    found = module.notes["labels"]
    return found if isinstance(found, tuple) else None


def shape_of(node: ast.expr | None, module: Module) -> Shape | None:
    """The shape of an array that an expression of a file makes, None where it is not known."""
    return _Shapes(module).of(node, MAX_STEPS)


def drawn_shape(name: str, scope: Scope, module: Module) -> Shape | None:
    """The shape of a batch that a name of a scope is bound to by one loop over a data set, and by nothing else; None where
    that of what is drawn beside it is not known either."""
    values, _ = module.index.lookup(name, scope)
    loop = module.index.parents.get(values[0]) if len(values) == 1 else None
    drawn = [node for node in ast.walk(loop.target) if isinstance(node, ast.Tuple)] if isinstance(loop, ast.For) else []
    shapes = {last_name(part): shape_of(part, module) for part in drawn[-1].elts} if drawn else {}
    return shapes.get(name) if None not in shapes.values() else None


class _Shapes:
    def __init__(self, module: Module) -> None:
        self.index: Index = module.index

    def labels(self) -> Iterator[ast.expr | None]:
        """What each call of ``fit`` is given as labels; None where that is not to be seen."""
        for call in self.index.calls_by_name.get("fit", []):
            given = argument(call, 1, "y")
            yield given if given is not None else self._paired(argument(call, 0, "x"), MAX_STEPS)

    def _paired(self, data: ast.expr | None, steps: int) -> ast.expr | None:
        """The labels of ``Dataset.from_tensor_slices((x, y)).batch(32)``."""
        arrays, _ = self._sliced(data, steps)
        return arrays[1] if len(arrays) == 2 else None

    def _sliced(self, data: ast.expr | None, steps: int) -> tuple[list[ast.expr], bool]:
        """The arrays that a data set is made of, and whether it gives batches of their rows."""
        match data:
            case ast.Name() if steps:
                return self._sliced(self._value(data), steps - 1)
            case ast.Call(func=ast.Attribute(attr="from_tensor_slices"), args=[ast.Tuple(elts=arrays)]):
                return arrays, False
            case ast.Call(func=ast.Name(id=name)) if steps:
                bound = self.index.lookup(name, self.index.scope(data))[0]
                made = [r for f in bound if isinstance(f, ast.FunctionDef) for r in self.index.returns.get(f, [])]
                return self._sliced(made[0], steps - 1) if len(made) == 1 else ([], False)
            case ast.Call(func=ast.Attribute(value=inner, attr=did)) if did in _SAME_ROWS:
                arrays, batched = self._sliced(inner, steps - 1) if steps else ([], False)
                return arrays, batched or did == "batch"
        return [], False

    def _drawn(self, name: ast.Name, steps: int) -> Shape | None:
        """A batch of an array, as a loop over a data set draws it: ``for xb, yb in data:``."""
        for target, data in self._loops(name):
            if isinstance(data, ast.Call) and last_name(data.func) == "enumerate" and isinstance(target, ast.Tuple):
                target, data = target.elts[-1], data.args[0]
            names_drawn = [last_name(part) for part in target.elts] if isinstance(target, ast.Tuple) else []
            arrays, batched = self._sliced(data, steps)
            if batched and name.id in names_drawn and len(arrays) == len(names_drawn):
                shape = self.of(arrays[names_drawn.index(name.id)], steps - 1)
                return (BATCH, *shape[1:]) if shape else None
        return None

    def _loops(self, name: ast.Name) -> Iterator[tuple[ast.expr, ast.expr]]:
        """The loops that may bind a name: what they bind, and what they run over."""
        for around in self.index.ancestors(name):
            if isinstance(around, (ast.ListComp, ast.GeneratorExp)):
                yield from ((part.target, part.iter) for part in around.generators)
        value = self._value(name)
        loop = self.index.parents.get(value) if value is not None else None
        if isinstance(loop, ast.For) and loop.iter is value:
            yield loop.target, loop.iter

    def _value(self, name: ast.Name) -> ast.expr | None:
        """The one expression a name is bound to."""
        values, _ = self.index.lookup(name.id, self.index.scope(name))
        return values[0] if len(values) == 1 and isinstance(values[0], ast.expr) else None

    def of(self, node: ast.expr | None, steps: int) -> Shape | None:
        """The shape of an expression of NumPy or TensorFlow."""
        if not steps:
            return None
        match node:
            case ast.Constant(value=int() | float()):
                return ()
            case ast.Name():
                value = self._value(node)
                known = self._unpacked(node, value, steps) or self._drawn(node, steps)
                return known if known is not None else self.of(value, steps - 1)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) if elements:
                inner = self.of(elements[0], steps - 1)
                return (len(elements), *inner) if inner is not None else None
            case ast.UnaryOp(operand=operand):
                return self.of(operand, steps - 1)
            case ast.BinOp(op=ast.MatMult(), left=left, right=right):
                a, b = self.of(left, steps - 1), self.of(right, steps - 1)
                return (*a[:-1], *b[1:]) if a and b and len(a) <= 2 and len(b) <= 2 else None
            case ast.BinOp(left=left, right=right):
                a, b = self.of(left, steps - 1), self.of(right, steps - 1)
                return (a if len(a) > len(b) else b if len(b) > len(a) else wider(a, b)) if a is not None and (
                    b is not None) else None
            case ast.Compare(left=left, comparators=[_]):
                return self.of(left, steps - 1)
            case ast.Subscript(value=inner, slice=index):
                return taken(self.of(inner, steps - 1), index)
            case ast.Call():
                return self._made(node, steps - 1)
        return None

    def _unpacked(self, name: ast.Name, value: ast.expr | None, steps: int) -> Shape | None:
        """A name of ``x, y = make_regression(..)`` or ``a, b, c, d = train_test_split(x, y)``."""
        if not isinstance(value, ast.Call):
            return None
        made, order = last_name(value.func), self._order(name.id, value)
        for function in self.index.lookup(made, self.index.scope(value))[0]:
            returned = self.index.returns.get(function, []) if isinstance(function, ast.FunctionDef) else []
            tuples = [r.elts for r in returned if isinstance(r, ast.Tuple)]
            if order is not None and tuples and len(tuples) == len(returned):
                shapes = {self.of(parts[order], steps - 1) for parts in tuples if order < len(parts)} - {None}
                return shapes.pop() if len(shapes) == 1 else None  # a branch that reads a file gives what the other makes
        if made in _ROWS_AND_LABELS and order == 1:
            return (None,)
        if made == "train_test_split" and order is not None and order // 2 < len(value.args):
            whole = self.of(value.args[order // 2], steps - 1)
            return (None, *whole[1:]) if whole else None
        return None

    def _order(self, name: str, value: ast.Call) -> int | None:
        """Which of the names a call is unpacked into this one is."""
        match self.index.parents.get(value):
            case ast.Assign(targets=[ast.Tuple(elts=elements)]):
                bound = [e.id if isinstance(e, ast.Name) else "" for e in elements]
                return bound.index(name) if name in bound else None
        return None

    def _made(self, call: ast.Call, steps: int) -> Shape | None:
        name = last_name(call.func)
        method = isinstance(call.func, ast.Attribute) and not _is_module(call.func.value)
        base = call.func.value if method and isinstance(call.func, ast.Attribute) else None
        operand = base if base is not None else call.args[0] if call.args else None
        rest = call.args if base is not None else call.args[1:]
        if name in _LISTED:
            return tuple(map(_number, call.args))
        if name in _SIZED:
            return self._sized(call)
        if name == "array" or name in _KEEPS:
            return self.of(operand, steps)
        if name in ("expand_dims", "flatten", "ravel"):
            inner = self.of(operand, steps)
            return None if inner is None else (None,) if name != "expand_dims" else (*inner, 1) if (
                _number(argument(call, 0 if base is not None else 1, "axis")) == -1) else None
        if name == "reshape":
            wanted = rest[0].elts if len(rest) == 1 and isinstance(rest[0], (ast.Tuple, ast.List)) else rest
            return tuple(None if (n := _number(part)) == -1 else n for part in wanted) or None
        if name in _REDUCES:
            inner, axis = self.of(operand, steps), _number(argument(call, 0 if base is not None else 1, "axis"))
            if inner is None or axis is None or keyword(call, "keepdims", "keepdim") is not None or len(rest) > 1:
                return None
            if not -len(inner) <= axis < len(inner):
                return None
            return tuple(d for i, d in enumerate(inner) if i != axis % len(inner))
        return None

    def _sized(self, call: ast.Call) -> Shape | None:
        """``np.zeros((64, 1))``, ``rng.normal(size=64)``, ``tf.random.normal((64, 3))``."""
        name = last_name(call.func)
        given = keyword(call, "size", "shape")
        if given is None and name in {"ones", "zeros", "empty"} and len(call.args) > 1 and None not in (
                listed := tuple(map(_number, call.args))):
            return listed  # torch.zeros(64, 1)
        if given is None and name in {"ones", "zeros", "empty", "full", "random", "random_sample"}:
            given = call.args[0] if call.args else None
        if given is None:
            given = next((a for a in call.args if isinstance(a, (ast.Tuple, ast.List))), None)
        if given is None and name in _MOMENTS and len(call.args) > 2 and self._is_numpy(call.func):
            given = call.args[2]  # normal(mean, scale, n)
        if isinstance(given, (ast.Tuple, ast.List)):
            return tuple(map(_number, given.elts))
        return (_number(given),) if isinstance(given, (ast.Constant, ast.Name)) else None


    def _is_numpy(self, function: ast.expr) -> bool:
        """Whether a function is one of ``np.random``, or of a generator of NumPy."""
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        made = self._value(root) if isinstance(root, ast.Name) else None
        generator = isinstance(made, ast.Call) and last_name(made.func) in ("default_rng", "RandomState")
        return generator or (isinstance(root, ast.Name) and root.id in ("np", "numpy"))


def _is_module(node: ast.expr) -> bool:
    """``np``, ``np.random``, ``tf.random``, a generator: what functions are taken from."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in {"np", "numpy", "tf", "keras", "ops", "jnp", "rng", "tnp", "K"}


def wider(a: Shape, b: Shape) -> Shape:
    """The shape of element-wise work on two arrays of one rank."""
    return tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))


def taken(shape: Shape | None, index: ast.expr) -> Shape | None:
    """A shape after ``[...]`` with numbers, slices and None; None for other indices."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    left, result = list(shape or ()), list[int | str | None]()
    for part in parts:
        if (isinstance(part, ast.Constant) and part.value is None) or last_name(part) == "newaxis":
            result.append(1)
        elif not left:
            return None
        elif isinstance(part, ast.Slice):
            size = left.pop(0)
            whole = part.lower is None and part.upper is None and part.step is None
            one = part.step is None and isinstance(part.upper, ast.Constant) and part.upper.value == 1 and not part.lower
            result.append(size if whole else 1 if one else None)
        elif _number(part) is not None:
            left.pop(0)
        else:
            return None
    return (*result, *left)


def _number(node: ast.expr | None) -> int | None:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
    return None
