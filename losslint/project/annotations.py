"""What annotations say of parameters and results, as far as it decides what a derivative goes by."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project import names

_ARRAYS = names.words("np.ndarray numpy.ndarray ndarray npt.NDArray NDArray")
_NOT_TRAINED = _ARRAYS | names.words("int str bool")
_AROUND = names.words("np numpy npt tuple list Tuple List Sequence Iterable Optional Union")  # containers, and roots


def is_no_tensor(annotation: ast.expr | None) -> bool:
    """Whether a parameter is said to hold whole numbers, words, flags or NumPy arrays, which no derivative goes by:
    ``int``, ``tuple[int, ...]``, ``np.ndarray | None``."""
    named = set(_named(annotation))
    return bool(named & _NOT_TRAINED) and named - _AROUND <= _NOT_TRAINED


def is_array(annotation: ast.expr | None) -> bool:
    """Whether a function is said to return NumPy arrays and nothing else: ``dict[str, np.ndarray]``."""
    named = set(_named(annotation))
    return bool(named & _ARRAYS) and named - _AROUND - {"dict", "str"} <= _ARRAYS


def _named(annotation: ast.expr | None) -> Iterator[str]:
    """The names in an annotation, also of one that is written as a string."""
    for node in ast.walk(annotation) if annotation is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield from _named(ast.parse(node.value, mode="eval").body)
            except SyntaxError:  # a shape: Float["b c"]
                yield node.value
        elif isinstance(node, (ast.Name, ast.Attribute)):
            yield ast.unparse(node)
