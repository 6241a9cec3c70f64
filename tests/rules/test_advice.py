"""What a help text says to write is put in place of what it is to replace, and gives the same value and gradient."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from tests.expectations import check

LOSS = "def some_loss(y_true, y_pred):\n"


def helps(body: str, header: str = "import tensorflow as tf\n") -> str:
    found = check(f"{header}\n{LOSS}{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n")
    return next(finding.help for finding in found if finding.code in ("LL301", "LL302", "LL304"))


def measured(tf: Any, lines: str, value: str) -> list[Any]:
    """An expression after some lines, and its gradient, at an input where nothing fails."""
    y_pred = tf.constant([[2.0, -1.0, 0.5], [0.1, 0.7, -0.4]])
    names = {"tf": tf, "y_true": tf.constant([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), "y_pred": y_pred}
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        exec(lines, names)
        result = eval(value, names)
    return [result.numpy(), tf.convert_to_tensor(tape.gradient(result, y_pred)).numpy()]


@pytest.mark.parametrize(("lines", "value"), [
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.gather(p, tf.argmax(y_true, -1), batch_dims=1))"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(p[:, 1])"),
    ("p = tf.sigmoid(y_pred)", "tf.math.log(p[..., 0])"),
    ("p = tf.sigmoid(y_pred)", "tf.math.log(1.0 - p[..., 0])"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.transpose(p))"),
    ("p = tf.nn.softmax(y_pred)", "tf.math.log(tf.boolean_mask(p, y_true > 0.5))"),
    ("p = tf.nn.softmax(y_pred)\nq = tf.transpose(p)", "tf.math.log(q[1:])"),
    ("e = tf.exp(y_pred)\nn = tf.reduce_sum(e, axis=-1)", "e / tf.expand_dims(n, axis=-1)"),
])  # fmt: skip
def test_the_values_stay_where_they_are(lines: str, value: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    advice = re.match(r"write (.*?) for ", helps(f"{lines}\nreturn -tf.reduce_sum({value})"))
    assert advice is not None
    for first, second in zip(measured(tf, lines, value), measured(tf, "", advice[1]), strict=True):
        assert np.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("body", [
    """
        p = tf.nn.softmax(y_pred)
        p = tf.transpose(p)
        return -tf.reduce_mean(tf.math.log(p))
    """,
    """
        p = tf.sigmoid(y_pred)[:, 0]
        t = y_true[:, 0]
        return -tf.reduce_mean(tf.math.log(tf.reduce_max(p)))
    """,
])  # fmt: skip
def test_where_the_moves_cannot_be_written_only_the_guard_is(body: str) -> None:
    assert "tf.maximum(" in helps(body)


@pytest.mark.parametrize(("body", "told"), [
    ("y_pred = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(tf.math.log(y_pred))", "(with y_pred as it enters line 4)"),
    ("z = y_pred\np = tf.nn.softmax(z)\nz = p\nreturn -tf.reduce_mean(tf.math.log(p))", "(with z as it enters line 5)"),
    ("p = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(y_true * tf.math.log(p))", "finite there"),
    ("y_pred = 2.0 * y_pred\np = tf.sigmoid(y_pred)\nreturn -tf.reduce_mean(y_true * tf.math.log(p))", "finite there"),
])  # fmt: skip
def test_a_name_that_holds_something_else_is_told_its_line(body: str, told: str) -> None:
    assert helps(body).endswith(told)


def test_a_value_of_one_branch_is_told_so() -> None:
    header = """import tensorflow as tf

class Loss(tf.keras.losses.Loss):
    def __init__(self, from_logits=True):
        super().__init__()
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        if self.from_logits:
            p = tf.nn.softmax(y_pred)
        else:
            p = y_pred
        return -tf.reduce_mean(y_true * tf.math.log(p))
"""
    assert helps("return tf.reduce_mean(y_pred)", header).endswith("(with y_pred as it enters line 10, on that branch only)")


@pytest.mark.parametrize(("body", "elsewhere"), [
    ("s = tf.exp(y_pred)\nreturn tf.reduce_mean(y_true / s + tf.math.log(s))",
     "bound the exponent: tf.exp(tf.minimum(y_pred, 20.0))"),
    ("e = tf.exp(y_pred)\np = e / tf.reduce_sum(e, -1, keepdims=True)\nreturn -tf.reduce_mean(p * tf.math.log(p))",
     "it is normalised, so take the largest exponent off all of them: "
     "tf.exp(y_pred - tf.reduce_max(y_pred, axis=-1, keepdims=True))"),
    ("e = tf.exp(y_pred)\np = e / tf.reduce_sum(e, -1, keepdims=True)\nreturn -tf.reduce_mean(tf.math.log(p))", ""),
    ("s = tf.cast(tf.exp(y_pred), tf.float32)\nreturn tf.reduce_mean(tf.math.log(1.0 + s))", ""),
])  # fmt: skip
def test_what_is_used_outside_of_the_form_is_bounded_too(body: str, elsewhere: str) -> None:
    text = helps(body)
    assert text.startswith("write ")
    assert text.partition("; elsewhere ")[2] == elsewhere


def test_a_name_of_the_caller_is_told_its_line() -> None:
    header = "import tensorflow as tf\n\ndef log_of(x):\n    return tf.math.log(x)\n"
    text = helps("return -tf.reduce_mean(log_of(tf.nn.softmax(y_pred)))", header)
    assert text.endswith("(with y_pred as it enters line 7)")


KERAS, JAX = "from keras import ops\n", "import jax\nimport jax.numpy as np\n"
TORCH = "import torch\nimport torch.nn.functional as F\n"


def helps_of(code: str, header: str, value: str) -> str:
    text = f"{header}\ndef some_loss(y_true, y_pred):\n    return {value}\n\nloss = some_loss\n"
    return next(finding.help for finding in check(text) if finding.code == code)


@pytest.mark.parametrize(("code", "header", "value", "told"), [
    ("LL301", TORCH, "-torch.mean(y_true * torch.log(y_pred))", "torch.log(torch.clamp(y_pred, min=1e-7))"),
    ("LL301", TORCH, "-torch.mean(y_true * torch.log(F.softmax(y_pred, dim=1)))", "write torch.log_softmax(y_pred, dim=1)"),
    ("LL302", TORCH, "torch.mean(torch.log(1 + torch.exp(y_pred - y_true)))", "write F.softplus(y_pred - y_true)"),
    ("LL306", TORCH, "-(y_true * (1 - y_pred.clamp(1e-8, 1 - 1e-8)).log()).mean()",
     "write torch.clamp(1 - y_pred.clamp(1e-8, 1 - 1e-8), min=1e-7)"),
    ("LL303", "import jax\n", "jax.numpy.mean(jax.numpy.sqrt(jax.numpy.sum((y_true - y_pred) ** 2, axis=-1)))",
     "write jax.numpy.sqrt(jax.numpy.maximum("),
    ("LL306", KERAS, "-ops.mean((1 - y_true) * ops.log(1 - y_pred + 1e-8))", "write ops.maximum(1 - y_pred, 1e-7)"),
    ("LL306", JAX, "-np.mean((1 - y_true) * np.log(1 - y_pred + 1e-8))", "write np.maximum(1 - y_pred, 1e-7)"),
    ("LL304", TORCH, "((y_pred - y_true) / y_pred.std(dim=0)).mean()",
     "guard what is under the root: torch.sqrt(torch.var(y_pred, dim=0) + 1e-6) for y_pred.std(dim=0)"),
    ("LL306", JAX, "-np.mean((1 - y_true) * np.log((1 - y_pred) + 1e-8))", "write np.maximum(1 - y_pred, 1e-7)"),
    ("LL307", KERAS, "ops.mean(ops.arccos(ops.sum(y_true * y_pred, axis=-1)))",
     "clip to the inside of the domain: ops.clip(ops.sum(y_true * y_pred, axis=-1), "),
    ("LL301", KERAS, "-ops.mean(y_true * ops.log(ops.softmax(y_pred)))", "write ops.log_softmax(y_pred)"),
    ("LL301", "from keras.ops import log, log_softmax, mean, softmax\n", "-mean(y_true * log(softmax(y_pred)))",
     "write log_softmax(y_pred)"),
    ("LL301", "import tensorflow.compat.v1 as tf1\n", "-tf1.reduce_mean(y_true * tf1.log(tf1.nn.softmax(y_pred)))",
     "write tf1.nn.log_softmax(y_pred)"),
])  # fmt: skip
def test_help_is_written_with_the_names_and_operands_of_the_file(code: str, header: str, value: str, told: str) -> None:
    assert helps_of(code, header, value).startswith(told)


DOT = "tf.reduce_sum(y_true * y_pred, axis=-1)"
STD = "tf.math.reduce_std(y_pred, axis=-1, keepdims=True)"


@pytest.mark.parametrize(("code", "part"), [  # what is wrong, and the part of it that the advice is for
    (f"{DOT} / (tf.norm(y_true, axis=-1) * tf.norm(y_pred, axis=-1))", ""),
    (f"{DOT} / (tf.sqrt(tf.reduce_sum(y_true ** 2, axis=-1)) * tf.sqrt(tf.reduce_sum(tf.square(y_pred), axis=-1)))", ""),
    ("y_true * (y_pred / tf.norm(y_pred, axis=-1, keepdims=True))", "y_pred / tf.norm(y_pred, axis=-1, keepdims=True)"),
    ("y_true * (y_pred / tf.norm(y_pred, axis=-1)[:, None])", "y_pred / tf.norm(y_pred, axis=-1)[:, None]"),
    ("tf.matmul(y_pred, y_true, transpose_b=True) / (tf.norm(y_pred, axis=-1)[:, None] * 2.0)", "tf.norm(y_pred, axis=-1)"),
    (f"(y_pred - tf.reduce_mean(y_pred, axis=-1, keepdims=True)) / {STD}", STD),
])  # fmt: skip
def test_no_slope_is_steep_where_a_divisor_was_zero(code: str, part: str) -> None:
    """What is advised gives the same values elsewhere, and a moderate slope at a row of zeros, under XLA too."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    advice = re.match(r"(?:write|guard what is under the root:) (.*?)(?: for .*)?$", helps(f"return tf.reduce_mean({code})"))
    assert advice is not None
    mended = code.replace(part or code, advice[1])
    for first, second in zip(measured(tf, "", code), measured(tf, "", mended), strict=True):
        assert np.allclose(first, second, atol=1e-4)

    def slope(y_pred: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = eval(mended, {"tf": tf, "y_true": tf.ones([2, 3]), "y_pred": y_pred})
        return tape.gradient(value, y_pred)

    for run in (slope, tf.function(slope, jit_compile=True)):
        assert np.abs(run(tf.zeros([2, 3])).numpy()).max() < 1e4


STEP = "\n\ndef step(x, y):\n    with tf.GradientTape() as tape:\n        loss = some_loss(x, y)\n"
STEP += "    return tape.gradient(loss, model.trainable_variables)\n"
KEPT = re.compile(r"keep (\w+) = (.*?) in line \d+, then write (.*?) for ")


@pytest.mark.parametrize(("lines", "value"), [
    ("p = tf.sigmoid(model(x, training=True))", "tf.math.log(p)"),
    ("p = tf.sigmoid(model(x, training=True))", "tf.math.log(1.0 - p)"),
    ("p = tf.sigmoid(tf.nn.dropout(x @ model.weights[0], 0.5))", "tf.math.log(p)"),
    ("p = tf.nn.softmax(tf.random.normal(tf.shape(x)) + model(x))", "tf.math.log(p)"),
    ("pass", "tf.math.log(tf.math.cosh(model(x, training=True)))"),  # the form has it twice
])  # fmt: skip
def test_what_is_another_each_time_is_not_called_again(lines: str, value: str) -> None:
    """A model with dropout: the advised form gives what the code gives, for the one call that both share."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    layers = "tf.keras.layers.Dense(3), tf.keras.layers.Dropout(0.5)"
    header = f"import tensorflow as tf\nmodel = tf.keras.Sequential([{layers}])\n"
    found = check(f"{header}\ndef some_loss(x, y):\n    {lines}\n    return -tf.reduce_mean({value}){STEP}")
    advice = KEPT.match(next(finding.help for finding in found if finding.code in ("LL301", "LL302")))
    assert advice is not None
    name, kept, form = advice.groups()
    assert name in form
    assert kept not in form
    names: dict[str, Any] = {"tf": tf, "x": tf.constant([[0.3, -0.2, 0.5]])}
    exec(header, names)
    names["model"](names["x"])
    lines = lines.replace(kept, name)
    exec(f"{name} = {kept}\n{lines}", names)
    assert np.allclose(eval(value.replace(kept, name), names), eval(form, names), atol=1e-5)


@pytest.mark.parametrize("value", ["tf.math.log(tf.sigmoid(model(x)))", "tf.math.log(1.0 + tf.exp(model(x)))"])
def test_a_call_that_is_replaced_in_its_place_need_not_be_kept(value: str) -> None:
    header = "import tensorflow as tf\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(3)])\n"
    found = check(f"{header}\ndef some_loss(x, y):\n    return -tf.reduce_mean({value}){STEP}")
    assert next(f.help for f in found if f.code in ("LL301", "LL302")).startswith("write ")


def test_a_helper_of_tensorflow_1_makes_its_weights_once() -> None:
    found = check("""import tensorflow.compat.v1 as tf

def dense(x, rows, columns):
    return tf.matmul(x, tf.Variable(tf.truncated_normal([rows, columns])))

x = tf.placeholder(tf.float32, [None, 100])
prob = tf.nn.sigmoid(dense(x, 100, 1))
loss = -tf.reduce_mean(tf.log(prob) + tf.log(1.0 - prob))
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
""")
    kept = "keep z_prob = dense(x, 100, 1) in line 7, then write tf.math.log_sigmoid("
    assert [f.help.startswith(kept) for f in found if f.code == "LL301"] == [True, True]


SAFE = re.compile(r"guard the input too: safe = (.*), and write (.*) for (.*)$")
DENOM = "d = tf.abs(y_true) + tf.abs(y_pred)\n"


@pytest.mark.parametrize(("body", "safe", "at"), [
    (f"{DENOM}q = tf.abs(y_true - y_pred) / d\nr = tf.where(d == 0.0, 0.0, q)", "tf.where(d == 0.0, 1.0, d)", (0.0, 0.0)),
    (f"{DENOM}q = y_pred / d\nok = d > 0.0\nr = tf.where(ok, q, 0.0)", "tf.where(d > 0.0, d, 1.0)", (0.0, 0.0)),
    ("r = tf.where(y_true > 0.0, tf.math.log(tf.abs(y_pred) / y_true), 0.0)", "tf.where(y_true > 0.0, y_true, 1.0)",
     (0.0, 0.3)),
    ("q = tf.sqrt(tf.abs(y_true) / y_pred)\nr = tf.where(y_pred > 0.0, q, tf.zeros_like(q))",
     "tf.where(y_pred > 0.0, y_pred, 1.0)", (1.0, 0.0)),
    ("r = tf.where(tf.equal(y_pred, 0.0), tf.zeros_like(y_pred), y_true / y_pred)",
     "tf.where(tf.equal(y_pred, 0.0), 1.0, y_pred)", (1.0, 0.0)),
    ("e = y_pred * tf.math.log(y_pred)\nr = tf.where(tf.math.is_nan(e), tf.zeros_like(e), e) * y_true",
     "tf.where(y_pred <= 0.0, 1.0, y_pred)", (1.0, 0.0)),
    ("r = y_true - tf.where(y_pred > 0.0, y_pred, tf.exp(y_pred) - 1.0)", "tf.where(y_pred > 0.0, 0.0, y_pred)",
     (1.0, 100.0)),
    ("c = y_true * y_pred\nr = tf.where(tf.abs(c) < 1.0, tf.acos(c), 0.0)", "tf.where(tf.abs(c) < 1.0, c, 0.0)",
     (1.0, 1.0)),
    ("q = tf.reduce_sum(y_true / y_pred, axis=-1)\nr = tf.where(tf.reduce_any(y_pred == 0.0, axis=-1), 0.0, q)",
     "tf.where(y_pred == 0.0, 1.0, y_pred)", (1.0, 0.0)),
])  # fmt: skip
def test_the_second_where_asks_what_the_first_one_asks(body: str, safe: str, at: tuple[float, float]) -> None:
    """What is advised is put into the code: the same where it was finite, and finite slopes where it was not."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    indented = textwrap.indent(body, "    ")
    found = check(f"import tensorflow as tf\n\n{LOSS}{indented}\n    return tf.reduce_mean(tf.square(r))\n")
    advice = SAFE.match(next(finding.help for finding in found if finding.code == "LL305"))
    assert advice is not None
    assert advice[1] == safe
    assert body.count(advice[3]) == 1
    rows = [f"safe = {safe}\n{row.replace(advice[3], advice[2])}" if advice[3] in row else row for row in body.split("\n")]

    def measured_at(code: str, first: Any, second: Any) -> list[Any]:
        names = {"tf": tf, "y_true": tf.constant(first), "y_pred": tf.constant(second)}
        with tf.GradientTape() as tape:
            tape.watch(names["y_pred"])
            exec(code, names)
        return [names["r"].numpy(), tape.gradient(names["r"], names["y_pred"]).numpy()]

    mended, usual = "\n".join(rows), ([[0.6, 0.2, 0.9]], [[0.3, 0.8, 0.4]])
    for before, after in zip(measured_at(body, *usual), measured_at(mended, *usual), strict=True):
        assert np.allclose(before, after)
    first, second = ([[value, 0.5]] for value in at)
    value, slope = measured_at(body, first, second)
    assert not np.isfinite(slope).all()
    again, mended_slope = measured_at(mended, first, second)
    assert np.allclose(value, again)
    assert np.isfinite(mended_slope).all()


def value_and_slope(tf: Any, code: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """``r`` after some code, and its gradient for the prediction."""
    names = {"tf": tf, "y_true": tf.constant(y_true), "y_pred": tf.constant(y_pred)}
    with tf.GradientTape() as tape:
        tape.watch(names["y_pred"])
        exec(code, names)
    return names["r"].numpy(), tape.gradient(names["r"], names["y_pred"]).numpy()


def help_for(body: str, code: str) -> str:
    indented = textwrap.indent(body, "    ")
    found = check(f"import tensorflow as tf\n\n{LOSS}{indented}\n    return tf.reduce_mean(r)\n")
    return next(finding.help for finding in found if finding.code == code)


@pytest.mark.parametrize(("quotient", "divisor", "signed"), [
    ("(y_true - y_pred) / y_pred", "y_pred", True),
    ("y_true / (y_true - y_pred)", "y_true - y_pred", True),
    ("y_true / tf.abs(y_pred)", "tf.abs(y_pred)", False),
    ("y_true / tf.nn.relu(y_pred)", "tf.nn.relu(y_pred)", False),
    ("tf.square(y_true) / (tf.square(y_true) + tf.square(y_pred))", "tf.square(y_true) + tf.square(y_pred)", False),
])  # fmt: skip
def test_a_divisor_keeps_its_sign(quotient: str, divisor: str, signed: bool) -> None:
    """``maximum`` only where the divisor is never negative; both forms give the quotient, and finite slopes at 0."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    text = help_for(f"r = tf.square({quotient})", "LL304")
    advice = re.match(r"use (tf.math.divide_no_nan\(.*\)), or divide by (.*?, 1e-7(?:, .*\)|\)))(?:, with d = (.*))?$", text)
    assert advice is not None
    assert ("tf.maximum" in text) is not signed
    above = quotient.removesuffix(f" / {divisor}").removesuffix(f" / ({divisor})")
    lines = f"d = {advice[3]}\n" if advice[3] else ""
    for form in (f"r = {advice[1]}", f"{lines}r = {above} / {advice[2]}"):
        for sign in ((-1.0, 1.0) if signed else (1.0,)):
            usual = [[sign * 0.3, sign * 0.9]]
            for first, second in zip(value_and_slope(tf, f"r = {quotient}", [[0.5, 0.2]], usual),
                                     value_and_slope(tf, form, [[0.5, 0.2]], usual), strict=True):
                assert np.allclose(first, second)
        for at in ([[0.0, 0.0]], [[0.0, 0.5]]):
            assert all(np.isfinite(part).all() for part in value_and_slope(tf, form, at, [[0.0, 0.0]]))


@pytest.mark.parametrize("body", [
    "e = tf.boolean_mask(tf.abs(y_true - y_pred), y_true > 0.0)\nr = tf.reduce_mean(e)",
    "r = tf.reduce_mean(tf.abs(y_true - y_pred)[y_true > 0.0])",
    "e = tf.boolean_mask(tf.square(y_true - y_pred), y_true[:, 0] > 0.0)\nr = tf.reduce_mean(e, axis=0)",
])  # fmt: skip
def test_the_mean_of_nothing_is_zero(body: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    advice = re.match(r"(?:keep (.*), then )?write (.*) for (.*)$", help_for(body, "LL304"))
    assert advice is not None
    *before, last = body.split("\n")
    assert last == f"r = {advice[3]}"
    mended = "\n".join([*before, *filter(None, [advice[1]]), f"r = {advice[2]}"])
    usual = ([[0.6, -1.0], [0.2, 0.4]], [[0.3, 0.8], [0.1, 0.5]])
    for first, second in zip(value_and_slope(tf, body, *usual), value_and_slope(tf, mended, *usual), strict=True):
        assert np.allclose(first, second)
    value, slope = value_and_slope(tf, mended, [[-1.0, -1.0]], [[0.3, 0.8]])
    assert not np.isfinite(value_and_slope(tf, body, [[-1.0, -1.0]], [[0.3, 0.8]])[0]).any()
    assert not value.any()
    assert not slope.any()


@pytest.mark.parametrize(("value", "advised"), [
    ("tf.math.xlogy(y_true, y_pred)", "tf.math.xlogy(y_true, tf.maximum(y_pred, 1e-7))"),
    ("tf.math.xlog1py(y_true, -y_pred)", "tf.math.xlog1py(y_true, tf.maximum(-y_pred, -1.0 + 1e-6))"),
    ("tf.math.log1p(-tf.nn.softmax(y_pred))", "tf.math.log1p(tf.maximum(-tf.nn.softmax(y_pred), -1.0 + 1e-6))"),
])  # fmt: skip
def test_of_a_logarithm_the_side_that_fails_is_bounded(value: str, advised: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    form = help_for(f"r = {value}", "LL301").partition(", or compute")[0]
    assert form == advised
    usual = [[1.0, 0.3]], [[0.4, 0.8]]
    for first, second in zip(value_and_slope(tf, f"r = {value}", *usual), value_and_slope(tf, f"r = {form}", *usual),
                             strict=True):
        assert np.allclose(first, second)
        assert second.all()
    for at in ([[0.0, 1.0]], [[40.0, 1.0]]):
        assert all(np.isfinite(part).all() for part in value_and_slope(tf, f"r = {form}", [[1.0, 1.0]], at))


LONG = "tf.abs(" * 6 + "y_true - y_pred" + ")" * 6 + "[tf.logical_and(y_true > 0.0, tf.logical_not(tf.math.is_nan(y_true)))]"


def test_what_is_too_long_to_quote_is_not_called_x() -> None:
    long = LONG.replace("tf.abs", "tf.math.abs")
    assert re.match(r"keep selected = tf.math.abs.* \.\.\., then write .*tf.size\(selected\)", help_for(
        f"r = tf.reduce_mean({long})", "LL304"))


@pytest.mark.parametrize(("name", "free"), [("y_true", "d"), ("d", "u")])
def test_the_name_of_what_is_too_long_to_quote_is_not_taken(name: str, free: str) -> None:
    base = f"tf.abs({name} * 1.000000001 - y_pred * 1.00000000001) + tf.square({name} - y_pred)"
    (found,) = check(
        f"import tensorflow as tf\n\n\ndef loss(y_true, y_pred):\n    {name} = y_true\n    return tf.pow({base}, 0.3)\n")
    assert found.help == f"keep the base away from 0: tf.maximum({free}, 1e-7) ** 0.3, with {free} = {base}"


@pytest.mark.parametrize(("value", "told"), [
    ("F.l1_loss(y_pred[y_true > 0], y_true[y_true > 0])",
     'write F.l1_loss(y_pred[y_true > 0], y_true[y_true > 0], reduction="sum") / max(y_true[y_true > 0].numel(), 1)'),
    ("(y_pred - y_true)[y_true > 0].abs().mean()",
     "keep selected = (y_pred - y_true)[y_true > 0].abs(), then write selected.sum() / max(selected.numel(), 1) for "),
    ("((y_true - y_pred) / y_pred).mean()", "divide by torch.where(torch.abs(y_pred) < 1e-7, 1e-7, y_pred)"),
])  # fmt: skip
def test_means_and_divisors_of_torch(value: str, told: str) -> None:
    assert helps_of("LL304", TORCH, value).startswith(told)


CORRELATION = """x, y = y_true - tf.reduce_mean(y_true), y_pred - tf.reduce_mean(y_pred)
r = tf.reduce_sum(x * y) / {}"""
SPREADS = "tf.sqrt(tf.reduce_sum(tf.square(x)) * tf.reduce_sum(tf.square(y)))"


def test_a_correlation_of_small_numbers_stays_what_it_is() -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    advice = re.match(r"guard what is under the root: (.*) for (.*)$", help_for(CORRELATION.format(SPREADS), "LL304"))
    assert advice is not None
    assert advice[2].startswith("tf.sqrt(tf.reduce_sum(tf.square(x))")
    mended = CORRELATION.format(advice[1])
    for scale in (1.0, 1e-3):
        y_true, y_pred = np.float32([[1.0], [2.0], [1.5]]) * scale, np.float32([[0.9], [2.2], [1.1]]) * scale
        before = value_and_slope(tf, CORRELATION.format(SPREADS), y_true, y_pred)
        for first, second in zip(before, value_and_slope(tf, mended, y_true, y_pred), strict=True):
            assert np.allclose(first, second, rtol=1e-3)
    assert np.isfinite(value_and_slope(tf, mended, [[0.4], [0.5]], [[0.3], [0.3]])[1]).all()


@pytest.mark.parametrize(("under", "codes"), [
    ("tf.square(d) + 1e-8", ["LL310"]),  # once: the guard that is 0
    ("tf.reduce_sum(tf.square(d), axis=-1)", ["LL303"]),
])  # fmt: skip
def test_a_root_in_float16_is_told_once_and_with_a_bound_that_float16_holds(under: str, codes: list[str]) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    body = f"d = tf.cast(y_true - y_pred, tf.float16)\nr = tf.cast(tf.sqrt({under}), tf.float32)"
    indented = textwrap.indent(body, "    ")
    found = check(f"import tensorflow as tf\n\n{LOSS}{indented}\n    return tf.reduce_mean(r)\n")
    assert [finding.code for finding in found] == codes
    if codes == ["LL303"]:
        advice = re.match(r"write (.*)$", found[0].help)
        assert advice is not None
        mended = body.replace(f"tf.sqrt({under})", advice[1])
        assert not np.isfinite(value_and_slope(tf, body, [[0.4, 0.2]], [[0.4, 0.2]])[1]).all()
        assert np.isfinite(value_and_slope(tf, mended, [[0.4, 0.2]], [[0.4, 0.2]])[1]).all()
    else:
        assert "guard with 1e-3 or more" in found[0].help
        mended = body.replace("1e-8", "1e-3")
        assert np.isfinite(value_and_slope(tf, mended, [[0.4, 0.2]], [[0.4, 0.2]])[1]).all()


@pytest.mark.parametrize(("guarded", "at"), [("tf.clip_by_value(p, 1e-7, 0.99)", 1e-5), ("p + 1e-7", 0.0)])
def test_the_input_of_a_steep_slope_in_float16_is_the_right_one(guarded: str, at: float) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    body = f"p = tf.cast(y_pred, tf.float16)\nr = -tf.cast(tf.math.log({guarded}), tf.float32) * y_true"
    found = check(f"import tensorflow as tf\n\n{LOSS}{textwrap.indent(body, '    ')}\n    return tf.reduce_mean(r)\n")
    message = next(finding.message for finding in found if finding.code == "LL310")
    assert ("1 / 1e-7 at 0," if at == 0.0 else "1 / 1e-5 where tf.cast(y_pred, tf.float16) is 1e-5,") in message
    assert not np.isfinite(value_and_slope(tf, body, [[1.0]], [[at]])[1]).all()
    assert np.isfinite(value_and_slope(tf, body, [[1.0]], [[0.0 if at else 0.5]])[1]).all()


@pytest.mark.parametrize(("operation", "dtype"), [
    (operation, dtype) for operation in ("acos", "acosh") for dtype in ("float32", "float16", "bfloat16")])
def test_a_bound_beside_one_is_not_one(operation: str, dtype: str) -> None:
    """In the precision of the operand: 1 - 1e-6 is 1 in float16, and 1 - 1e-3 in bfloat16."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    body = f"c = tf.cast(y_true * y_pred, tf.{dtype})\nr = tf.cast(tf.{operation}(c), tf.float32)"
    advice = re.match(r"clip to the inside of the domain: (.*)$", help_for(body, "LL307"))
    assert advice is not None
    assert not np.isfinite(value_and_slope(tf, body, [[1.0]], [[1.0]])[1]).any()
    mended = body.replace(f"tf.{operation}(c)", f"tf.{operation}({advice[1]})")
    assert all(np.isfinite(part).all() for part in value_and_slope(tf, mended, [[1.0]], [[1.0]]))
    usual = ([[1.0]], [[0.5 if operation == "acos" else 1.5]])
    for first, second in zip(value_and_slope(tf, body, *usual), value_and_slope(tf, mended, *usual), strict=True):
        assert np.allclose(first, second)


def test_two_settings_are_not_taken_for_one() -> None:
    findings = check(
        "import tensorflow as tf\n\n\nclass Ratio(tf.keras.losses.Loss):\n"
        "    def __init__(self, options):\n        super().__init__()\n        self.options = options\n\n"
        "    def call(self, y_true, y_pred):\n"
        "        others = tf.reduce_sum(tf.exp(self.options.fall - y_pred), axis=-1, keepdims=True)\n"
        "        return tf.reduce_mean(tf.abs(y_true - tf.exp(self.options.rise - y_pred) / others), axis=-1)\n"
    )
    (overflow,) = [finding for finding in findings if finding.code == "LL302"]
    assert "softmax" not in overflow.help


@pytest.mark.parametrize(("lines", "value"), [
    ("p = tf.nn.softmax(y_pred)", "tf.reduce_sum(y_true * tf.pow(1 - p, 2.0) * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)\nw = tf.constant([1., 2., 3.])", "tf.reduce_sum(w * y_true * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)\nm = tf.cast(y_pred < 1.0, tf.float32)", "tf.reduce_sum(m * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)", "tf.reduce_sum(y_true * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)\nq = tf.nn.softmax(y_true)", "tf.reduce_sum(q * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)\nt = y_true * 0.9 + 0.1 / 3", "tf.reduce_sum(t * tf.math.log(p), -1)"),
    ("p = tf.nn.softmax(y_pred)\nm = tf.constant([0., 1., 1.])", "tf.math.log(tf.reduce_sum(m * p, -1))"),
    ("d = y_pred - y_true", "2.0 * tf.math.log(tf.cosh(d))"),
    ("d = y_pred - y_true", "tf.math.log(tf.cosh(d)) ** 2"),
    ("a, b = y_pred, y_true", "y_true * tf.math.log(tf.exp(a) / tf.exp(b))"),
    ("p = tf.abs(y_pred) / 3.0", "y_true * tf.math.log(p / (1.0 - p))"),
    ("e = tf.exp(y_pred)\nn = tf.reduce_sum(tf.exp(y_true + y_pred), axis=1)", "tf.math.log(e / n[:, None])"),
    ("z = tf.matmul(y_pred, y_true, transpose_b=True) / 0.1\ns = tf.exp(z)",
     "tf.math.log(tf.linalg.diag_part(s) / tf.reduce_sum(s, axis=1))"),
    ("z = tf.matmul(y_pred, y_true, transpose_b=True)\ns = tf.exp(z / 0.1)",
     "y_true[:, 0] * tf.math.log(s[:, 1] / tf.reduce_sum(s, 1))"),
    ("p = tf.sigmoid(y_pred)", "y_true * tf.pow(1.0 - p, 1 / 3)"),
    ("e = tf.boolean_mask(y_pred, y_true > 0.0)", "2.0 / tf.reduce_mean(e)"),
])  # fmt: skip
def test_what_is_pasted_keeps_value_and_slope(lines: str, value: str) -> None:
    """The advised form in place of the text that it is for, whatever stands around it, with weighted labels too."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    indented = textwrap.indent(lines, "    ")
    found = check(f"import tensorflow as tf\n\n{LOSS}{indented}\n    return -tf.reduce_mean({value})\n")
    texts = [finding.help for finding in found if finding.code in ("LL301", "LL302", "LL303", "LL304")]
    assert texts
    for text in texts:
        if "keep the base" in text:
            form, replaced = text.rpartition(": ")[2], "tf.pow(1.0 - p, 1 / 3)"
        elif advice := re.match(r"(?:keep .*, then )?write (.*?) for (.*?)(?:: the same .*|)$", text):
            form, replaced = advice.groups()
        else:
            continue  # a bound for the other operation
        if replaced not in value:  # shortened for the message
            replaced = value
        for first, second in zip(measured(tf, lines, value),
                                 measured(tf, lines, value.replace(replaced, form)), strict=True):
            assert np.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize(("quotient", "shifted"), [
    ("tf.reduce_sum(e * y_true, 1) / tf.reduce_sum(e, 1)", "z - tf.reduce_max(z, axis=1, keepdims=True)"),
    ("tf.reduce_sum(e * y_true, 1) / (tf.reduce_sum(e, 1) + 1e-8)", "z - tf.reduce_max(z, axis=1, keepdims=True)"),
    ("e[:, 0] / (e[:, 0] + tf.reduce_sum(e * y_true, 1))", ""),
    ("e / (1.0 + tf.reduce_sum(e, 1, keepdims=True))", ""),  # not the same at another scale
    ("e[:, 0] / tf.reduce_sum(e, 1) + 1e-3 * e[:, 1]", ""),
    ("y_true[:, 0] / tf.reduce_sum(e, 1)", ""),
])  # fmt: skip
def test_what_is_normalised_is_shifted(quotient: str, shifted: str) -> None:
    """A bound would leave no gradient; what is taken off all exponents cancels."""
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    text = help_for(f"z = 3.0 * y_pred\ne = tf.exp(z)\nr = tf.square(y_true[:, 0] - ({quotient}))", "LL302")
    advice = re.search(r"largest exponent off all of them: (.*)$", text)
    assert (advice[1] if advice else "") == (f"tf.exp({shifted})" if shifted else "")
    if advice is None:
        return
    for scale, low in ((3.0, 1e-3), (300.0, 0.0)):
        lines = f"z = {scale} * y_pred\n"
        value, slope = measured(tf, f"{lines}e = {advice[1]}", quotient)
        assert np.isfinite(value).all()
        assert np.isfinite(slope).all()
        assert np.abs(slope).max() >= low
    lines = "z = 3.0 * y_pred\n"
    for first, second in zip(measured(tf, f"{lines}e = tf.exp(z)", quotient),
                             measured(tf, f"{lines}e = {advice[1]}", quotient), strict=True):
        assert np.allclose(first, second, atol=1e-4)
