"""Assertions are guards: the loss raises at the input that would break it. TensorFlow is asked whether it does."""

from __future__ import annotations

import textwrap

import pytest

from tests.expectations import check

LOG = "return -tf.reduce_mean(y_true * tf.math.log(y_pred))"
REFUSED = {  # y_pred = 0 raises
    "positive": f"tf.debugging.assert_positive(y_pred)\n{LOG}",
    "greater": f"tf.debugging.assert_greater(y_pred, 1e-3, message='p')\n{LOG}",
    "the other way round": f"tf.debugging.assert_less(0.0, y_pred)\n{LOG}",
    "none equal": f"tf.debugging.assert_none_equal(y_pred, 0.0)\n{LOG}",
    "a dependency": f"with tf.control_dependencies([tf.debugging.assert_greater(y_pred, 0.0)]):\n    {LOG}",
    "a condition": f"tf.debugging.Assert(tf.reduce_all(y_pred > 0.0), [y_pred])\n{LOG}",
    "a helper": f"checked(y_pred)\n{LOG}",
    "Python": f"assert tf.reduce_all(y_pred > 0.0)\n{LOG}",
    "an exception": f"if tf.reduce_any(y_pred <= 0.0):\n    raise ValueError\n{LOG}",
    "a sum": "n = tf.reduce_sum(y_pred)\ntf.debugging.assert_greater(n, 0.0)\nreturn tf.reduce_sum(y_true * y_pred) / n",
}
RUN = {  # y_pred = 0 does not
    "0 as well": f"tf.debugging.assert_non_negative(y_pred)\n{LOG}",
    "the other end": f"tf.debugging.assert_less_equal(y_pred, 1.0)\n{LOG}",
    "the labels": f"tf.debugging.assert_positive(y_true)\n{LOG}",
    "the shapes": f"tf.debugging.assert_equal(tf.shape(y_pred), tf.shape(y_true))\n{LOG}",
    "the numbers": f"tf.debugging.assert_all_finite(y_pred, 'p')\n{LOG}",
    "one side of a condition": f"if tf.reduce_any(y_true > 2.0):\n    tf.debugging.assert_positive(y_pred)\n{LOG}",
    "an early return": f"if tf.reduce_all(y_true < 2.0):\n    {LOG}\nchecked(y_pred)\nreturn tf.reduce_mean(y_pred)",
    "a setting": f"assert not margin\n{LOG}",
    "an exception that is caught":
        f"try:\n    checked(y_pred)\nexcept tf.errors.InvalidArgumentError:\n    y_pred = y_pred * 1.0\n{LOG}",
    "a loop": f"for row in []:\n    tf.debugging.assert_positive(row)\n{LOG}",
}
HEADER = "import tensorflow as tf\n\ndef checked(p):\n    tf.debugging.assert_positive(p)\n\n"


def text(body: str) -> str:
    return f"{HEADER}def some_loss(y_true, y_pred, margin=None):\n{textwrap.indent(body, '    ')}\n"


def hazards(code: str) -> list[str]:
    return [finding.code for finding in check(code) if finding.code in ("LL301", "LL304")]


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in REFUSED.items()])
def test_a_refused_input_is_no_hazard(body: str) -> None:
    assert not hazards(text(body))


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in RUN.items()])
def test_what_is_not_refused_is_one(body: str) -> None:
    assert hazards(text(body))


@pytest.mark.parametrize("condition", ["assert (pred > 0).all()", "torch._assert((pred > 0).all(), 'p')",
                                       "if not (pred > 0).all():\n    raise ValueError", "assert pred.min() > 0"])
def test_torch(condition: str) -> None:
    body = textwrap.indent(f"{condition}\nreturn -(target * torch.log(pred)).mean()", "    ")
    assert not hazards(f"import torch\n\ndef some_loss(pred, target):\n{body}\n\nloss = some_loss(p, t).backward()\n")


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in {**REFUSED, **RUN}.items()])
def test_tensorflow_bears_it_out(body: str) -> None:
    np, tf = pytest.importorskip("numpy"), pytest.importorskip("tensorflow")
    names: dict[str, object] = {}
    exec(text(body), names)
    try:
        value = names["some_loss"](tf.ones([2, 3]), tf.zeros([2, 3]))  # type: ignore[operator]
    except (tf.errors.InvalidArgumentError, AssertionError, ValueError):
        value = None
    assert (value is None) is (body in REFUSED.values())
    assert value is None or not np.isfinite(value.numpy())
