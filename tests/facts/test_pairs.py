"""Divisors that count the pairs of a batch: a batch may have none, whatever its labels are."""

from __future__ import annotations

import textwrap

import pytest

from losslint.findings import Severity
from tests.expectations import check

HEADER = """
import tensorflow as tf

def distances(x):
    return tf.reduce_sum(tf.square(x[:, None] - x[None]), -1)
"""
NO_TWO_ALIKE, ALL_ALIKE = [1.0, 2.0, 3.0], [1.0, 1.0, 1.0]
EMPTY = {
    "others of the same class": (NO_TWO_ALIKE, """
        def pair_loss(labels, embeddings):
            labels = tf.reshape(labels, [-1, 1])
            same = tf.cast(tf.equal(labels, tf.transpose(labels)), tf.float32) - tf.eye(tf.shape(labels)[0])
            return tf.reduce_sum(same * distances(embeddings)) / tf.reduce_sum(same)
    """),
    "others of the same class, row by row": (NO_TWO_ALIKE, """
        def pair_loss(labels, embeddings):
            other = 1.0 - tf.eye(tf.shape(labels)[0])
            same = tf.cast(labels[:, None] == labels[None, :], tf.float32) * other
            return tf.reduce_mean(tf.reduce_sum(same * distances(embeddings), 1) / tf.reduce_sum(same, 1))
    """),
    "other classes": (ALL_ALIKE, """
        def pair_loss(labels, embeddings):
            differ = tf.cast(tf.expand_dims(labels, 0) != tf.expand_dims(labels, 1), tf.float32)
            return tf.reduce_sum(differ * tf.nn.relu(1.0 - distances(embeddings))) / tf.reduce_sum(differ)
    """),
}  # fmt: skip
FINE = {
    "itself is one of them": """
        def pair_loss(labels, embeddings):
            same = tf.cast(labels[:, None] == labels[None, :], tf.float32)
            return tf.reduce_sum(same * distances(embeddings)) / tf.reduce_sum(same)
    """,
    "two views of each": """
        def pair_loss(labels, embeddings):
            labels, embeddings = tf.concat([labels, labels], 0), tf.concat([embeddings, embeddings + 1.0], 0)
            same = tf.cast(labels[:, None] == labels[None, :], tf.float32) - tf.eye(tf.shape(labels)[0])
            return tf.reduce_sum(same * distances(embeddings)) / tf.reduce_sum(same)
    """,
    "a mask for two views of each": """
        def pair_loss(labels, embeddings):
            same = tf.tile(tf.cast(labels[:, None] == labels[None, :], tf.float32), [2, 2])
            same -= tf.eye(tf.shape(same)[0])
            both = tf.concat([embeddings, embeddings + 1.0], 0)
            return tf.reduce_sum(same * distances(both)) / tf.reduce_sum(same)
    """,
    "no less than one": """
        def pair_loss(labels, embeddings):
            same = tf.cast(labels[:, None] == labels[None, :], tf.float32) - tf.eye(tf.shape(labels)[0])
            return tf.reduce_sum(same * distances(embeddings)) / tf.maximum(tf.reduce_sum(same), 1.0)
    """,
    "a count that is replaced": """
        def pair_loss(labels, embeddings):
            same = labels[:, None] == labels[None, :]
            count = tf.reduce_sum(tf.cast(~same, tf.float32))
            apart = tf.reduce_sum(tf.where(same, 0.0, tf.nn.relu(1.0 - distances(embeddings))))
            return apart / tf.where(count > 0.0, count, 1.0)
    """,
    "numbers of a row that are alike": """
        def pair_loss(y_true, y_pred):
            same = tf.cast(y_true[:, :, None] == y_true[:, None, :], tf.float32)
            return tf.reduce_sum(same * tf.abs(y_pred[:, :, None] - y_pred[:, None, :])) / tf.reduce_sum(same)
    """,
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_batch_has_none(name: str) -> None:
    labels, text = EMPTY[name]
    finding = next(f for f in check(HEADER + textwrap.dedent(text)) if f.code == "LL304")
    assert finding.severity is Severity.WARNING
    assert ("no two labels are alike" if labels is NO_TWO_ALIKE else "all labels are alike") in finding.message


@pytest.mark.parametrize("name", FINE)
def test_a_batch_has_some(name: str) -> None:
    assert not [f for f in check(HEADER + textwrap.dedent(FINE[name])) if f.code.startswith("LL3")]


def test_labels_that_callers_repeat_are_a_contract() -> None:
    step = "\ndef step(y, z):\n    y = tf.concat([y, y], 0)\n    return pair_loss(y, z)\n"
    text = textwrap.dedent(EMPTY["others of the same class"][1])
    finding = next(f for f in check(HEADER + text + step) if f.code == "LL304")
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize("name", [*EMPTY, *FINE])
def test_tensorflow_bears_it_out(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    labels, text = EMPTY.get(name) or (NO_TWO_ALIKE, FINE[name])
    names: dict[str, object] = {}
    exec(HEADER + textwrap.dedent(text), names)
    shape = [2, 3] if "y_true" in text else [3]
    batch = tf.broadcast_to(tf.constant(labels), shape)
    predictions = tf.constant([[0.1, 0.5, 0.2], [0.9, 0.3, 0.4], [0.7, 0.6, 0.8]])[: shape[0]]
    loss = names["pair_loss"]
    assert callable(loss)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        value = loss(batch, predictions)
    finite = bool(tf.reduce_all(tf.math.is_finite(tape.gradient(value, predictions))))
    assert finite is (name in FINE)
