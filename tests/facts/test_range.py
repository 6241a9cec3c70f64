"""Whole losses, made at random from operations, reductions, guards and branches: every intermediate value that TensorFlow
computes, eagerly and in a graph, lies in the interval of its node."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from losslint.facts.hazards import HazardFacts
from losslint.facts.interval import Interval
from losslint.graph.nodes import Node, nodes_in
from losslint.graph.trace import trace
from losslint.project.module import Project
from losslint.rules.base import Loss
from tests.project.finding import losses as losses_of

tf = pytest.importorskip("tensorflow")

UNARY = (
    "tf.exp({})", "tf.math.log({})", "tf.sqrt({})", "tf.square({})", "tf.abs({})", "tf.sigmoid({})", "tf.nn.softplus({})",
    "tf.nn.relu({})", "tf.tanh({})", "-{}", "1.0 - {}", "{} + 1e-7", "1.0 / {}", "tf.clip_by_value({}, 1e-7, 1.0 - 1e-7)",
    "tf.maximum({}, 0.0)", "tf.nn.softmax({})", "tf.nn.log_softmax({})", "{} ** 2", "tf.round({})", "tf.stop_gradient({})",
    "tf.reduce_max({}, axis=-1, keepdims=True)", "tf.reduce_sum({}, axis=-1, keepdims=True)",
    "tf.reduce_mean({}, axis=-1, keepdims=True)",
    "tf.reduce_logsumexp({}, axis=-1, keepdims=True)", "tf.cast({} > 0.0, tf.float32)", "tf.math.log1p({})",
)  # fmt: skip
BINARY = (
    "{} + {}", "{} - {}", "{} * {}", "{} / {}", "tf.maximum({}, {})", "tf.minimum({}, {})", "tf.math.divide_no_nan({}, {})",
    "tf.where({0} > {1}, {0}, {1})", "tf.where({0} > 0.0, {1}, 1.0)", "tf.where({0} > 0.0, {0}, 1.0)",
    "tf.where({0} <= {1}, {0} - {1}, 0.0)", "{0} - tf.reduce_max({0}, axis=-1, keepdims=True)",
    "labels * {} + (1.0 - labels) * {}", "{0} + tf.cast({0} <= 0.0, tf.float32) * 0.5", "tf.math.xlogy({}, {})",
    "tf.math.squared_difference({}, {})",
)  # fmt: skip


@st.composite
def losses(draw: st.DrawFn) -> list[str]:
    """The right-hand sides of the statements ``v0 = ..``, ``v1 = ..`` of a loss."""
    names, lines = ["logits", "labels", "logits", "v"], []
    for position in range(draw(st.integers(2, 9))):
        form = draw(st.sampled_from(UNARY + BINARY))
        operands = [draw(st.sampled_from(names[:3] + names[4:][-4:])) for _ in range(2)]
        lines.append(form.format(*operands))
        names.append(f"v{position}")
    return lines


SPECIAL = (  # relations that random losses seldom hold
    ["logits - tf.reduce_max(logits, axis=-1, keepdims=True)", "tf.exp(v0)", "tf.reduce_sum(v1, axis=-1)",
     "tf.math.log(v2)"],
    ["tf.nn.softmax(logits)", "tf.reduce_sum(v0, axis=-1)", "tf.math.log(v1)", "tf.reduce_sum(v0, axis=0)"],
    ["tf.sigmoid(logits)", "tf.clip_by_value(v0, 1e-7, 1 - 1e-7)", "labels * v1 + (1 - labels) * (1 - v1)",
     "tf.math.log(v2)"],
    ["tf.reduce_sum(tf.square(logits), axis=-1)", "v0 + tf.cast(v0 <= 0.0, tf.float32) * 1e-3", "1.0 / v1"],
    ["logits > 0.0", "tf.where(v0, logits, 1.0)", "tf.math.log(v1)", "tf.where(v0, v2, 0.0)"],
    ["tf.sigmoid(logits)", "1.0 - v0 + 1e-8", "tf.math.log(v1)"],
    ["tf.nn.softmax(logits)", "tf.reduce_max(v0, axis=-1)", "tf.math.log(v1)", "tf.reduce_max(v0, axis=0)"],
    ["tf.nn.softmax(logits)", "v0 ** 2.0", "tf.reduce_sum(v1, axis=1)", "tf.math.log(v2)", "tf.reduce_sum(v1, axis=0)"],
    ["tf.nn.softmax(logits)", "tf.reduce_mean(3.0 * v0 * v0, axis=-1)", "1.0 / v1", "tf.norm(v0, axis=-1)"],
    ["tf.nn.softmax(logits, axis=0)", "v0 / tf.reduce_max(v0, axis=0)", "tf.reduce_mean(v0, axis=0)",
     "tf.reduce_mean(v0, axis=-1)"],
    ["tf.sigmoid(logits)", "1e-8 + (1.0 - v0)", "tf.math.log(v1)"],
)


def facts_of(text: str) -> HazardFacts:
    project = Project()
    loss = Loss(site := losses_of(text)["some_loss"], trace(site, project), 3)
    return HazardFacts(loss.gradient, next(node for value, _ in loss.results for node in nodes_in(value)))


def inputs(seed: int) -> list[Any]:
    """Logits of any size, some of them 0 or alike, and labels from 0 to 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4, 3)) * 10.0 ** rng.integers(-8, 5, size=(4, 1))
    logits = np.clip(np.where(rng.random((4, 3)) < 0.2, 0.0, logits), -1e4, 1e4)
    labels = np.where(rng.random((4, 3)) < 0.5, rng.integers(0, 2, (4, 3)), rng.random((4, 3)))
    return [labels.astype(np.float32), logits.astype(np.float32)]


def check(lines: list[str], seed: int) -> None:
    body = "\n".join(f"v{i} = {line}" for i, line in enumerate(lines))
    text = "import tensorflow as tf\n\ndef some_loss(labels, logits):\n" + textwrap.indent(body, "    ")
    names = [f"v{i}" for i in range(len(lines))]
    total = " + ".join(f"tf.reduce_sum(tf.cast({name}, tf.float32))" for name in names)
    facts = facts_of(f"{text}\n    return {total}\n")
    namespace: dict[str, Any] = {}
    exec(f"{text}\n    return ({', '.join(names)},)\n", namespace)
    arrays = [tf.constant(a) for a in inputs(seed)]
    eager = namespace["some_loss"]
    for mode, function in (("eager", eager), ("graph", tf.function(eager, autograph=False))):
        for position, value in enumerate(function(*arrays)):
            claimed = interval_of(facts, 4 + position)
            outside = [float(x) for x in np.ravel(value) if float(x) not in claimed]
            assert not outside, f"{mode}: row {position} of\n{body}\ngives {outside[:3]}, claimed {claimed}"


def interval_of(facts: HazardFacts, row: int) -> Interval:
    """Of the value that a statement gives."""
    nodes: list[Node] = [node for node in facts.nodes if node.source.row == row]
    return facts.ranges.of(nodes[-1])


@pytest.mark.parametrize("lines", SPECIAL, ids=[lines[-1] for lines in SPECIAL])
def test_relations(lines: list[str]) -> None:
    for seed in range(10):
        check(lines, seed)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(losses(), st.integers(0, 10_000))
def test_random_losses(lines: list[str], seed: int) -> None:
    check(lines, seed)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(losses(), st.integers(0, 10_000))
def test_many_random_losses(lines: list[str], seed: int) -> None:
    check(lines, seed)
