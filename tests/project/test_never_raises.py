"""Finding losses never raises on code that Python accepts, and stays cheap on it."""

from __future__ import annotations

import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslint.project.module import Module, Project, decode
from losslint.project.sites import SiteOptions, collect_uses, find_sites

WORDS = st.sampled_from([
    "loss", "y_true", "y_pred", "f", "g", "self", "tape", "tf", "K", "make_loss", "Loss", "metrics", "model", "np", "x",
])
LEAVES = st.one_of(WORDS, st.sampled_from(["1", "None", "'a'", "...", "[]", "{}", "()", "lambda: 0", "lambda x, y: x - y"]))
EXPRESSIONS = st.recursive(LEAVES, lambda inner: st.one_of(
    st.builds("{}.{}".format, WORDS, WORDS),
    st.builds("{}({}, {}={})".format, WORDS, inner, WORDS, inner),
    st.builds("{}.{}({}, *{}, **{})".format, WORDS, st.sampled_from([
        "compile", "minimize", "gradient", "gradients", "backward", "add_loss", "append", "grad", "run", "function",
    ]), inner, inner, inner),
    st.builds("partial({}, {})".format, inner, inner),
    st.builds("({})({})".format, inner, inner),
    st.builds("({} if {} else {})".format, inner, inner, inner),
    st.builds("[{} for {} in {}]".format, inner, WORDS, inner),
    st.builds("{{{}: {}, **{}}}".format, inner, inner, inner),
    st.builds("({} + {})".format, inner, inner),
    st.builds("({})[{}]".format, inner, inner),
    st.builds("(lambda loss={}: {})".format, inner, inner),
), max_leaves=8)


def indented(lines: list[str]) -> str:
    return "\n".join("    " + line for block in lines for line in block.splitlines())


def bodies(statements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(statements, min_size=1, max_size=3).map(lambda lines: indented(["pass", *lines]))


STATEMENTS = st.recursive(st.one_of(
    st.builds("{} = {}".format, WORDS, EXPRESSIONS),
    st.builds("self.{} = {}".format, WORDS, EXPRESSIONS),
    st.builds("{}, *{} = {}".format, WORDS, WORDS, EXPRESSIONS),
    st.builds("{} += {}".format, WORDS, EXPRESSIONS),
    st.builds("from {} import {}".format, st.sampled_from([".", "..", "tensorflow", "keras", ".loss", "torch"]), WORDS),
    st.builds("from {} import *".format, st.sampled_from([".", "tensorflow", "jax"])),
    st.builds("import {} as {}".format, st.sampled_from(["tensorflow", "torch", "numpy", "a.b"]), WORDS),
    EXPRESSIONS,
    st.just("# losslint: loss"),
    st.just("pass"),
), lambda inner: st.one_of(
    st.builds("@{}\ndef {}({}={}, *args, {}_=None, **kw):\n{}\n    return {}".format, EXPRESSIONS, WORDS, WORDS,
              EXPRESSIONS, WORDS, bodies(inner), EXPRESSIONS),
    st.builds("class {}({}):\n{}".format, WORDS, EXPRESSIONS, bodies(inner)),
    st.builds("with tf.GradientTape() as {}:\n{}".format, WORDS, bodies(inner)),
    st.builds("for {} in {}:\n{}".format, WORDS, EXPRESSIONS, bodies(inner)),
), max_leaves=10)


@settings(max_examples=60, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=8).map("\n".join))
def test_random_code(source: str) -> None:
    try:
        module = Module(Path("code.py"), source)
    except SyntaxError:
        return
    project = Project()
    project.add(module)
    uses = collect_uses([module], project)
    sites = find_sites(module, project, SiteOptions(("*loss*",), ("g",)), uses)
    assert [site.row for site in sites] == sorted(site.row for site in sites)
    assert all(site.reason and site.qualname for site in sites)


@pytest.mark.parametrize("source", [
    "",
    "\ufeffx = 1",
    "def loss(): return loss\ncompile(loss=loss)",
    "def f(): return g\ndef g(): return f\nmodel.compile(loss=f)",
    "f = f\nmodel.compile(loss=f)",
    "class A(B): pass\nclass B(A):\n    def call(self, y_true, y_pred): return y_true - y_pred",
    "class A(A): pass\nmodel.compile(loss=A())",
    "class Loss(Loss):\n    def call(self, y_true, y_pred): return super().call(y_true, y_pred)",
    "def fit(loss): fit(loss)\nfit(loss)",
    "def train(loss): opt.minimize(loss); train(loss)\nimport tensorflow as tf",
    "loss = lambda y_true, y_pred: loss(y_true, y_pred)",
    "with tf.GradientTape() as (a, b): pass\nwith tape: pass\na.gradient()",
    "with tf.GradientTape() as t: pass\nt.gradient()\nt.gradient(*a)\nt.gradient(1, 2)",
    "model.compile(*args, **kwargs)\nmodel.compile()\nmodel.compile('adam', *rest)",
    "x = " + "+".join(["loss(y)"] * 800),
    "x = " + "f(" * 80 + ")" * 80,
    "import tensorflow as tf\n" + "if x:\n    loss = f(loss)\n" * 500 + "tf.gradients(loss, x)",
    "import tensorflow as tf\nmodel.compile(loss=[" + "lambda y_true, y_pred: 0, " * 500 + "])",
    "async def loss(y_true, y_pred):\n    return await tf.reduce_mean(y_true - y_pred)\nimport tensorflow as tf",
    "match x:\n    case {'loss': loss, **rest}:\n        model.compile(loss=loss)",
    "def loss(y_true, /, y_pred, *, w=1): return tf.reduce_mean(y_true - y_pred * w)\nimport tensorflow as tf",
])
def test_corner_cases(source: str) -> None:
    module = Module(Path("code.py"), source.removeprefix("\ufeff"))
    started = time.perf_counter()
    find_sites(module, Project())
    assert time.perf_counter() - started < 5


def standard_library() -> list[Path]:
    return sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))


def check(paths: list[Path]) -> None:
    project = Project()
    for path in paths:
        try:
            module = Module(path, decode(path.read_bytes()), path.stem)
        except SyntaxError:
            continue
        assert find_sites(module, project) == [], path


def test_a_part_of_the_standard_library_holds_no_losses() -> None:
    check(standard_library()[::12])


@pytest.mark.slow
def test_the_standard_library_holds_no_losses() -> None:
    check(standard_library())
