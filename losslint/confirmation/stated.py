"""What users say of the inputs of a loss: in annotations, in a comment on it, in the settings."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from losslint.config import DEFAULT_EXCLUDE, ConfigError, Settings, choose, did_you_mean, relative_to
from losslint.confirmation.program import TensorSpec
from losslint.confirmation.shapes import Shape
from losslint.confirmation.written import parse_parts, parse_spec
from losslint.project.index import Function, last_name, parameters
from losslint.project.sites import Site

COMMENT = re.compile(r"#\s*losslint:\s*inputs\s+(?P<rest>[^#]*)")
JAXTYPING = {"Float": "float32", "Float16": "float16", "Float32": "float32", "Float64": "float64", "BFloat16": "bfloat16",
             "Int": "int32", "Int32": "int32", "Int64": "int64", "Integer": "int32", "Bool": "bool", "Num": "float32",
             "Real": "float32", "Inexact": "float32", "UInt8": "uint8", "Shaped": "float32"}


def overrides(site: Site, function: Function, settings: Settings | None) -> dict[str, TensorSpec]:
    """What annotations, a comment on the loss and the configuration say; the later of these wins."""
    found = annotated(function, site)
    found |= commented(site, function)
    for key, value in configured(site, settings).items():
        if isinstance(value, str):
            found[key] = parse_spec(value)
    return found


def configured(site: Site, settings: Settings | None) -> dict[str, object]:
    """What ``[tool.losslint.inputs."path.py::name"]`` says of a loss: strings are tensors, all else are its settings."""
    found: dict[str, object] = {}
    for place, table in settings.inputs.items() if settings is not None else ():
        if settings is not None and is_meant(place, site, settings):
            found |= table
    return found


def is_meant(place: str, site: Site, settings: Settings) -> bool:
    """Whether ``path.py::name`` stands for a loss; a class stands for its ``call``."""
    file, _, name = place.rpartition("::")
    return name in names_of(site) and is_file(file, site.module.path, settings)


def is_file(file: str, path: Path, settings: Settings) -> bool:
    """Whether a file is meant by its path from the settings, or by its name alone."""
    return file in (relative_to(path, settings.root), path.name)


def names_of(site: Site) -> tuple[str, ...]:
    return tuple(filter(None, (site.qualname, site.qualname.rpartition(".")[0])))


def check_entries(settings: Settings, losses: Sequence[Site], checked: Iterable[Path]) -> None:
    """See that the configured inputs are for losses and arguments that there are. Those of other files than the checked
    ones are left alone, as long as there are such files.

    Raises:
        ConfigError: an entry would be ignored.
    """
    files = list(checked)
    for place, table in settings.inputs.items():
        file, _, name = place.rpartition("::")
        here = [site for site in losses if is_file(file, site.module.path, settings)]
        sites = [site for site in here if is_meant(place, site, settings)]
        wrong = ""
        if sites:
            taken = {argument for site in sites for argument in arguments_of(site)}
            if (unknown := next((argument for argument in table if argument not in taken), None)) is not None and taken:
                wrong = f"there is no argument {unknown}{choose(unknown, sorted(taken))}"
        elif any(is_file(file, path, settings) for path in files):
            known = [found for site in here for found in names_of(site)]
            wrong = f"there is no loss {name} in {file}" + (
                did_you_mean(name, known) or f"; losslint --show-losses {file} lists what is taken for one")
        elif not exists(file, settings):
            wrong = f"there is no file {file} below {settings.root}"
        if wrong:
            raise ConfigError(f"{settings.source}: inputs: {place!r}: {wrong}")


def exists(file: str, settings: Settings) -> bool:
    """Whether a file is there: at its path from the settings or, where only its name is given, anywhere below."""
    if (settings.root / file).exists() or "/" in file:
        return (settings.root / file).exists()
    for _, folders, names in os.walk(settings.root):
        if file in names:
            return True
        folders[:] = [name for name in folders if name not in DEFAULT_EXCLUDE]
    return False


def arguments_of(site: Site) -> set[str]:
    """What inputs and settings can be given for: the arguments of a loss, of the functions around it and of what makes its
    object; nothing where a class that is not in the file may make it."""
    functions: list[ast.AST] = [site.node, *site.module.ancestors(site.node)]
    if (home := site.class_node) is not None:
        makers = [s for s in home.body if getattr(s, "name", "") in ("__init__", "__new__")]
        if not makers and any(last_name(base) != "Loss" for base in home.bases):
            return set()
        functions += makers
    return {a.arg for f in functions if isinstance(f, Function) for a in parameters(f)} - {"self", "cls"}


def commented(site: Site, function: Function) -> dict[str, TensorSpec]:
    """``# losslint: inputs y_true=int32[8] in [0, 9]`` on the header of the loss or of its class, or on the line above."""
    if "losslint:" not in site.module.text:
        return {}
    found: dict[str, TensorSpec] = {}
    for node in (site.class_node, function):
        if node is None:
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        body = node.body
        last = max(node.lineno, body[0].lineno - 1) if isinstance(body, list) else node.lineno
        for row in range(first - 1, last + 1):
            if (match := COMMENT.search(site.module.comments.get(row, ""))) is not None:
                found |= {part.name: part.spec for part in parse_parts(match["rest"]) if part.spec is not None}
    return found


def annotated(function: Function, site: Site) -> dict[str, TensorSpec]:
    """``Float[Tensor, "batch 10"]`` and ``tf.TensorSpec([None, 10], tf.float32)``, on arguments or as input_signature."""
    found: dict[str, TensorSpec] = {}
    for parameter in parameters(function):
        annotation = parameter.annotation
        if isinstance(annotation, ast.Call) and (spec := tensor_spec(annotation)) is not None:
            found[parameter.arg] = spec
        match annotation:
            case ast.Subscript(value=ast.Name(id=kind) | ast.Attribute(attr=kind),
                               slice=ast.Tuple(elts=[_, ast.Constant(value=str(dims))])) if kind in JAXTYPING:
                if (shape := named_shape(dims)) is not None:
                    values = "integer" if "Int" in kind else "binary" if kind == "Bool" else "real"
                    found[parameter.arg] = TensorSpec("", shape, JAXTYPING[kind], values)
    method = isinstance(site.module.index.scope(function), ast.ClassDef)
    for decorator in getattr(function, "decorator_list", []):
        for keyword in getattr(decorator, "keywords", []):
            if keyword.arg == "input_signature" and isinstance(keyword.value, (ast.List, ast.Tuple)):
                for parameter, given in zip(parameters(function)[int(method):], keyword.value.elts, strict=False):
                    if isinstance(given, ast.Call) and (spec := tensor_spec(given)) is not None:
                        found[parameter.arg] = spec
    return found


def tensor_spec(call: ast.Call) -> TensorSpec | None:
    """A ``tf.TensorSpec(shape, dtype)`` with unknown dimensions filled in."""
    if last_name(call.func) != "TensorSpec":
        return None
    given = [*call.args, *(k.value for k in sorted(call.keywords, key=lambda k: k.arg != "shape"))]
    try:
        dimensions = ast.literal_eval(given[0]) if given else None
    except ValueError:
        return None
    if not isinstance(dimensions, (list, tuple)):
        return None
    dtype = last_name(given[1]) if len(given) > 1 else "float32"
    sizes = [8, 3, 3, 3, 3]
    shape = tuple(d if isinstance(d, int) else sizes[min(i, 4)] for i, d in enumerate(dimensions))
    return TensorSpec("", shape, dtype or "float32", "integer" if "int" in dtype else "real")


def named_shape(dims: str) -> Shape | None:
    """``"batch 10"``: numbers as they are, names by a size each."""
    sizes = iter((8, 3, 4, 5, 6, 7))
    known: dict[str, int] = {}
    shape: list[int] = []
    for part in dims.replace(",", " ").split():
        part = part.rpartition("=")[2].lstrip("#")
        if part.isdigit():
            shape.append(int(part))
        elif part.isidentifier():
            if part not in known:
                known[part] = 8 if part in ("b", "batch", "batch_size", "n", "N", "B") else next(
                    s for s in sizes if s != 8)
            shape.append(known[part])
        else:
            return None  # "..." or an expression
    return tuple(shape)
