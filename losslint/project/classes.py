"""What kind of class a class is, by its bases (also through other files of the project) and its name."""

from __future__ import annotations

import ast
import enum

from losslint.project import names
from losslint.project.index import Index, last_name
from losslint.project.module import Definition, Module, Project

MAX_BASES = 6  # levels of base classes followed

_NO_LOSS_CLASS = names.words(
    "test tests config metric callback hook monitor scheduler model error exception task trainer",
)
_FRAMEWORK_ROOTS = names.words("tensorflow keras tf_keras torch jax flax numpy abc typing enum object unittest absl")

_BARE_BASES = names.words("object ABC Generic Protocol")


class ClassKind(enum.Enum):
    """The kinds that matter for losses."""

    LOSS = "loss"
    METRIC = "metric"
    REGULARIZER = "regularizer"
    MODEL = "model"
    LAYER = "layer"
    LIGHTNING = "lightning"
    MODULE = "module"
    TEST = "test"
    OTHER = "other"


class Classes:
    """Kinds of the classes of one file."""

    def __init__(self, module: Module, project: Project) -> None:
        self.module = module
        self.project = project
        self.index: Index = module.index
        self._known: dict[ast.ClassDef, ClassKind] = {}

    def inherited(self, node: ast.ClassDef) -> ClassKind:
        """What the bases of a class make it."""
        if node not in self._known:
            self._known[node] = kind_by_bases(node, self.module, self.project, MAX_BASES)
        return self._known[node]

    def kind(self, node: ast.ClassDef) -> ClassKind:
        """What a class is. One whose bases leave it open is a loss when it is named so."""
        found = self.inherited(node)
        if found in (ClassKind.OTHER, ClassKind.MODULE, ClassKind.LAYER) and names_loss_class(node.name):
            return ClassKind.LOSS
        return found

    def derives(self, node: ast.ClassDef) -> bool:
        """Whether a class may derive from the framework's: a plain class called SomethingLoss is only ever called."""
        return derives(node, self.module, self.project, MAX_BASES)

    def base_class(self, node: ast.ClassDef, base: ast.expr) -> ast.ClassDef | None:
        """The class of this file that a base expression names."""
        if isinstance(base, ast.Name):
            values, _ = self.index.lookup(base.id, self.index.scope(node))
            return next((v for v in reversed(values) if isinstance(v, ast.ClassDef) and v is not node), None)
        return None

    def method(self, node: ast.ClassDef, *wanted: str, levels: int = MAX_BASES) -> ast.FunctionDef | None:
        """The first of the wanted methods that the class, or a base class in this file, defines."""
        bound = self.index.bound.get(node, {})
        for name in wanted:
            for value in reversed(bound.get(name, [])):
                if isinstance(value, ast.FunctionDef):
                    return value
        for base in node.bases if levels else []:
            if (parent := self.base_class(node, base)) is not None and (
                    found := self.method(parent, *wanted, levels=levels - 1)) is not None:
                return found
        return None


def names_loss_class(name: str) -> bool:
    """``DiceLoss``, ``YoloLossV2``, ``SegCriterion``; not ``LossScaleOptimizer``, ``LossHistory``."""
    split = names.parts(name)
    return (names.names_loss(name) or split[-1:] == ("criterion",)) and _NO_LOSS_CLASS.isdisjoint(split)


def local_base(node: ast.ClassDef, base: ast.expr, index: Index) -> ast.ClassDef | None:
    """The class of the same file that a base names."""
    values = index.lookup(base.id, index.scope(node))[0] if isinstance(base, ast.Name) else []
    return next((v for v in reversed(values) if isinstance(v, ast.ClassDef) and v is not node), None)


def imported_base(
    node: ast.ClassDef, dotted: str, module: Module, project: Project
) -> tuple[ast.ClassDef, Module] | None:
    """The class of another file of the project that a base names."""
    if dotted.partition(".")[0] in _FRAMEWORK_ROOTS:
        return None
    home = project.resolve(dotted, module)
    if isinstance(home, Definition) and isinstance(home.node, ast.ClassDef) and home.node is not node:
        return home.node, home.module
    return None


def derives(node: ast.ClassDef, module: Module, project: Project, levels: int) -> bool:
    """Whether some base of a class, or of its bases, is from outside of the project and does something."""
    for base in node.bases:
        if isinstance(base, ast.Subscript):
            base = base.value
        dotted = module.dotted(base) or last_name(base)
        local = local_base(node, base, module.index)
        found = (local, module) if local is not None else imported_base(node, dotted, module, project)
        if found is None and last_name(base) not in _BARE_BASES:
            return True
        if found is not None and (not levels or derives(*found, project, levels - 1)):
            return True
    return False


def kind_by_bases(node: ast.ClassDef, module: Module, project: Project, levels: int) -> ClassKind:
    """What the base classes say; OTHER when they say nothing."""
    found = ClassKind.OTHER
    for base in node.bases:
        if isinstance(base, ast.Subscript):
            base = base.value
        kind = ClassKind.OTHER
        local = local_base(node, base, module.index)
        dotted = module.dotted(base) or last_name(base)
        if local is not None and levels:
            kind = kind_by_bases(local, module, project, levels - 1)
        if kind is ClassKind.OTHER:
            kind = kind_by_name(dotted)
        if kind is ClassKind.OTHER and local is None and levels:
            home = imported_base(node, dotted, module, project)
            if home is not None:
                kind = kind_by_bases(*home, project, levels - 1)
        if kind is not ClassKind.OTHER:
            found = kind
            if kind in (ClassKind.LOSS, ClassKind.METRIC):
                return kind
    return found


def kind_by_name(dotted: str) -> ClassKind:
    """What the dotted name of a base class says."""
    path, _, last = dotted.rpartition(".")
    split = names.parts(last)
    if not split:
        return ClassKind.OTHER
    if last.endswith(("Metric", "MetricWrapper", "MetricBase")) or path.endswith("metrics"):
        return ClassKind.METRIC
    if names.names_loss(split[-1]) or last.endswith("LossFunctionWrapper") or path.endswith("losses"):
        return ClassKind.LOSS
    if "regularizer" in split or path.endswith("regularizers"):
        return ClassKind.REGULARIZER
    if last in {"Model", "Sequential", "Functional", "Network"} or last.endswith("Model"):
        return ClassKind.MODEL
    if last == "LightningModule":
        return ClassKind.LIGHTNING
    if last == "Module":
        return ClassKind.MODULE
    if split[-1] == "layer" or ".layers" in path or last == "Wrapper":
        return ClassKind.LAYER
    if last.endswith("TestCase") or split[0] == "test":
        return ClassKind.TEST
    return ClassKind.OTHER
