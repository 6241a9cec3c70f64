"""A script that shows a failure with the framework alone: the definitions the loss needs, the witness, its derivative.

Written in the main process, which imports no framework.
"""

from __future__ import annotations

import ast
import copy
import pprint
from pathlib import Path

from losslint.confirmation.comparisons import comparison
from losslint.confirmation.observation import Observation
from losslint.confirmation.program import ENTRY, Program
from losslint.confirmation.scripts import ending
from losslint.confirmation.words import constant, sentence

LOSS = "loss_function"  # the name of the callable in a script

OTHER_FILES = '''
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

# what the loss needs of the project's other files
FILES = {files}


class Files(MetaPathFinder, Loader):
    def find_spec(self, name, path, target=None):
        package = any(other.startswith(name + ".") for other in FILES)
        return ModuleSpec(name, self, is_package=package) if package or name in FILES else None

    def exec_module(self, module):
        exec(FILES.get(module.__name__, ""), module.__dict__)


sys.meta_path.insert(0, Files())
__package__ = {package!r}
'''

REAL_MODULE = '''
import importlib
import sys

sys.path.insert(0, {root!r})
globals().update(vars(importlib.import_module({module!r})))
'''

TAPE = '''

def step({parameters}):
    with tf.GradientTape(persistent=True) as tape:
        {watch}
        loss = tf.convert_to_tensor({call})
    return loss, [tape.gradient(loss, source) for source in [{sources}]]


{compiled}loss, gradients = step({arguments})
print("loss", loss.numpy())
for name, gradient in zip({names}, gradients):
    print("gradient to", name, None if gradient is None else tf.convert_to_tensor(gradient).numpy())
'''

STEP = '''
take = tf.GradientTape.gradient


def shown(tape, target, *args, **kwargs):
    gradients = take(tape, target, *args, **kwargs)
    tf.print("loss", target, "gradients", gradients)
    return gradients


tf.GradientTape.gradient = shown
{call}
'''

FIT = '''
model = tf.keras.Sequential([
    tf.keras.Input({shape}),
    tf.keras.layers.Dense({width}, kernel_initializer="identity"),  # hands the predictions on as they are
])
model.compile(optimizer="sgd", loss={loss})
model.fit({prediction}, {label}, batch_size={batch}, shuffle=False)
print("weights", *(weight.numpy() for weight in model.trainable_variables))
'''

GROWN = {
    "x": "data['x'] = tf.nest.map_structure(lambda array: array * array.dtype.type({factor}), data['x'])\n",
    "weights": "for weight in model.trainable_variables:\n    weight.assign({factor} * weight)\n",
}

SEED = "import tensorflow\n\ntensorflow.keras.utils.set_random_seed({seed})\n"  # the weights are those that were seen


def script(program: Program, seen: Observation, code: str = "") -> str:
    """The source of a script that reproduces one observation, and shows what the rule ``code`` says of it. It imports
    TensorFlow, NumPy and what the loss imports; an observation of an exception ends in that exception."""
    future, body = _definitions(program)
    head = f'"""{_title(program, seen)}"""\n'
    parts = (head, *future, _seed(program), _other_files(program), body, _run(program, seen, code))
    return "\n".join(filter(None, parts))


def _seed(program: Program) -> str:
    """The seed of a script that makes its own weights."""
    return SEED.format(seed=program.seed) if program.framework == "tensorflow" and program.kind in ("model", "step") else ""


def _title(program: Program, seen: Observation) -> str:
    row = f", row {seen.row}" if seen.row else ""
    told = sentence(seen).replace("\\", "\\\\").replace('"', "'")
    return f"{program.name} in {program.path.name}{row}.\n\nSeen by losslint ({seen.mode}): {told}\n"


def _definitions(program: Program) -> tuple[list[str], str]:
    """The statements of a program, with the callable under a plain name; ``from __future__`` apart."""
    tree = copy.deepcopy(program.tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == ENTRY:
            node.id = LOSS
    future = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
    rest = [part for s in tree.body if s not in future for part in (_smallest(s) if _is_ours(s) else [s])]
    return [ast.unparse(s) for s in future], ast.unparse(ast.Module(rest, []))


def _is_ours(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "losslint.confirmation.smallest"


def _smallest(statement: ast.stmt) -> list[ast.stmt]:
    """The code that a program imports from losslint, so that a script does without."""
    assert isinstance(statement, ast.ImportFrom)
    source = ast.parse(Path(__file__).with_name("smallest.py").read_text(encoding="utf-8"))
    code = [s for s in source.body[1:] if not (isinstance(s, ast.ImportFrom) and s.module == "__future__")]
    names = [f"{alias.asname} = {alias.name}" for alias in statement.names if alias.asname]
    return [*code, *ast.parse("\n".join(names)).body]


def _other_files(program: Program) -> str:
    """The import hook that stands in for the rest of the project; "" when the loss needs nothing of it."""
    if program.whole_file:
        return REAL_MODULE.format(root=str(program.root or program.path.parent), module=program.module or program.path.stem)
    if not program.modules:
        return ""
    package = program.module if program.path.stem == "__init__" else program.module.rpartition(".")[0]
    files = {slice_.name: ast.unparse(slice_.tree) for slice_ in program.modules}
    return OTHER_FILES.format(files=pprint.pformat(files, width=110), package=package)


def _run(program: Program, seen: Observation, code: str) -> str:
    """The call, in the mode that was seen, or the calls that were compared."""
    if program.framework != "tensorflow" and seen.mode != "load":
        return ending(program, seen, LOSS, _sources(program, seen))
    own = any(alias.asname == "tf" for s in program.tree.body if isinstance(s, ast.Import) for alias in s.names)
    lines = ["" if own else "\nimport tensorflow as tf\n", *(f"{name} = {constant(seen, name)}" for name in seen.inputs)]
    given = "\n".join(lines)
    if seen.mode == "load":
        return ""
    compared = comparison(program, seen, code, LOSS, _sources(program, seen))
    if compared:
        return f"{given}\n{compared}"
    if program.kind == "model":
        changes = "".join(GROWN[what].format(factor=factor) for what, factor in seen.grown.items())
        return f"{given}\nmodel, data = {LOSS}()\n{changes}model.fit(**data)\n"
    if program.kind == "step":
        return given + "\n" + STEP.format(call=f"{LOSS}({', '.join(f'{name}={name}' for name in seen.inputs)})")
    if seen.mode == "fit" and len(seen.inputs) == 2:
        return given + "\n" + _fit(seen)
    return given + _tape(program, seen)


def _tape(program: Program, seen: Observation) -> str:
    names = list(seen.inputs)
    sources = _sources(program, seen)
    call = ", ".join(names) if program.kind == "loss" else ", ".join(f"{name}={name}" for name in names)
    return TAPE.format(
        parameters=", ".join(names), watch=f"tape.watch([{', '.join(sources)}])", sources=", ".join(sources),
        call=f"{LOSS}({call})", compiled=_compiled(program, seen), arguments=", ".join(names), names=sources,
    )  # fmt: skip


def _compiled(program: Program, seen: Observation) -> str:
    """The line that traces the step as the mode does; a loss is traced for batches of any size, as ``fit`` does."""
    if seen.mode not in ("graph", "xla", "autograph", "fit"):
        return ""
    if seen.mode == "autograph":
        return "step = tf.function(step)\n"
    signature = ""
    if program.kind == "loss" and seen.mode != "xla":
        shapes = [(name, [None, *_shape(value)[1:]] if _shape(value) else []) for name, value in seen.inputs.items()]
        specs = [f"tf.TensorSpec({shape}, tf.{seen.dtypes.get(name, 'float32')})" for name, shape in shapes]
        signature = f", input_signature=[{', '.join(specs)}]"
    return f"step = tf.function(step, autograph=False{', jit_compile=True' if seen.mode == 'xla' else ''}{signature})\n"


def _fit(seen: Observation) -> str:
    label, prediction = seen.inputs
    shape = _shape(seen.inputs[prediction])
    return FIT.format(
        shape=shape[1:] or (1,), width=shape[-1] if len(shape) > 1 else 1, loss=LOSS, prediction=prediction, label=label,
        batch=max(2 * shape[0] // 3, 1) if shape else 1,
    )  # fmt: skip


def _sources(program: Program, seen: Observation) -> list[str]:
    """The inputs that a derivative is taken to: those of the observation's gradient, else those the specs name."""
    if isinstance(seen.gradient, dict):
        return list(seen.gradient)
    roles = {spec.name: spec.role for rung in program.inputs for spec in rung}
    floating = [name for name in seen.inputs if "float" in seen.dtypes.get(name, "float32")]
    return [name for name in floating if roles.get(name, "tensor") in ("prediction", "tensor")]


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        return ()
    return (len(value), *(_shape(value[0]) if value else ()))
