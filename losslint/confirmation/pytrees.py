"""Parameters that a loss of JAX takes out of dictionaries and tuples: which there are, and their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from losslint.confirmation.shapes import Shape
from losslint.graph.nodes import Graph, Node
from losslint.graph.values import Const, Seq

Path = tuple[object, ...]  # the keys that lead to a leaf, from the outermost

MULTIPLIES = ("matmul", "dot", "transpose")
FIRST, LAST = 0, 1  # of a list that a loop runs over, which holds two of a kind


def leaves(graph: Graph, name: str) -> dict[Path, bool]:
    """The arrays that an argument is a tree of, and whether each is a matrix; none where it is one array itself, or is
    handed on whole."""
    whole = graph.params.get(name)
    users: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for _, operand in node.operands():
            users.setdefault(operand.index, []).append(node)
    found: dict[Path, bool] = {}
    for path, leaf in _below(whole, users) if whole is not None else ():
        is_matrix = any(user.op in MULTIPLIES for user in users.get(leaf.index, ()))
        found[path] = found.get(path, False) or is_matrix
    named = any(isinstance(key, str) for path in found for key in path)
    is_tree = () not in found and not any(a != b and b[:len(a)] == a for a in found for b in found)
    return found if is_tree and (named or any(found.values())) else {}


def _below(node: Node, users: Mapping[int, list[Node]], path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """The leaves below a node: what is not taken apart further."""
    taking = [user for user in users.get(node.index, ()) if user.op == "item" and user.inputs.get("x") is node]
    steps = [_step(user) for user in taking]
    if not taking or None in steps:
        yield path, node
        return
    for user, step in zip(taking, steps, strict=True):
        yield from _below(user, users, (*path, *(step or ())))


def _step(taken: Node) -> Path | None:
    """The key that an index adds to a path: none for a part of a list, a first and a last for a loop and what follows it;
    None where it is no key."""
    match taken.inputs.get("index"):
        case None:
            return (FIRST,)
        case Const(value=str(key)) if key.isidentifier():
            return (key,)
        case Const(value=bool()):
            return None
        case Const(value=int(position)):
            return (LAST if position == -1 else position,) if position >= -1 else None
        case Seq(kind="slice"):
            return ()
    return None


def shape_of(is_matrix: bool, inputs: Shape) -> Shape:
    """The shape of a leaf where what it is applied to has the shape ``inputs``: layers as wide as that."""
    return (*inputs[-1:], *inputs[-1:]) if is_matrix else inputs[-1:]


def name_of(name: str, path: Path) -> str:
    """What an array in a container is called."""
    return "_".join(map(str, (name, *path)))


def text_of(name: str, paths: Sequence[Path], above: Path = ()) -> str:
    """The container as an expression of its arrays."""
    below = [path for path in paths if path[:len(above)] == above]
    if above in below:
        return name_of(name, above)
    keys = list(dict.fromkeys(path[len(above)] for path in below))
    inner = {key: text_of(name, below, (*above, key)) for key in keys}
    if all(isinstance(key, int) for key in keys):
        return f"[{', '.join(inner[key] for key in sorted(keys))}]"  # type: ignore[type-var]
    return "{" + ", ".join(f"{key!r}: {text}" for key, text in inner.items()) + "}"
