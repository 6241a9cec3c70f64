"""Which statements of a file are not run for a loss: training, reading, downloading."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losslint.project.index import FunctionNode, last_name, walk
from losslint.project.module import Module
from losslint.project.names import words

MAX_CALLS = 4  # functions of the file followed from one statement

TRAINS = words(
    "fit fit_generator train_on_batch evaluate evaluate_generator predict_generator partial_fit minimize",
    "cross_val_score",
)
READS = words(
    "open read_csv read_excel read_table read_json read_parquet read_pickle read_hdf loadtxt genfromtxt fromfile",
    "loadmat imread load_data load_model load_weights load_dataset load_img get_file get_data urlopen urlretrieve",
    "download glob listdir iglob image_dataset_from_directory text_dataset_from_directory flow_from_directory",
    "flow_from_dataframe TFRecordDataset TextLineDataset download_and_prepare File fetch_openml from_pretrained",
    "input raw_input getpass check_output check_call Popen system",
)
LOADERS = words(
    "np numpy joblib pickle torch yaml json hub librosa tfds hickle dill cPickle jnp",
)


def hazard(statement: ast.stmt | ast.expr, module: Module) -> str | None:
    """Why a statement is not run, as a clause; None where nothing speaks against it."""
    if isinstance(statement, FunctionNode | ast.ClassDef):
        return None
    for call in _calls(statement, module, MAX_CALLS, set()):
        if (what := _kind(call, module)) is not None:
            return f"line {statement.lineno} {what} ({ast.unparse(call.func)})"
    return None


def _kind(call: ast.Call, module: Module) -> str | None:
    name = last_name(call.func)
    if name in TRAINS and isinstance(call.func, ast.Attribute):
        return "trains a model"
    if name in READS and not (name in {"input", "open"} and isinstance(call.func, ast.Attribute) and name == "input"):
        return "reads data"
    if name in ("load", "loads") and (module.dotted(call.func) or "").partition(".")[0] in LOADERS:
        return "reads data"
    return None


def _calls(node: ast.AST, module: Module, levels: int, seen: set[ast.AST]) -> Iterator[ast.Call]:
    """The calls that running a statement makes, into the functions of its file."""
    deferred = {
        inner for found in walk(node) if isinstance(found, (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in walk(found) if inner is not found}
    for inner in walk(node):
        if not isinstance(inner, ast.Call) or inner in deferred:
            continue
        yield inner
        if isinstance(inner.func, ast.Name) and levels:
            for called in module.bindings.get(inner.func.id, []):
                if isinstance(called, FunctionNode) and called not in seen:
                    seen.add(called)
                    for statement in called.body:
                        yield from _calls(statement, module, levels - 1, seen)
