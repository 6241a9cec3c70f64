"""What only a row of unlike elements shows, or a matrix of pairs."""

from __future__ import annotations

import textwrap

import pytest

from losslint.findings import Severity
from tests.expectations import check

CASES = {
    "a probability of 0 beside others": ("LL301", Severity.WARNING, "y_pred = 0, the others = 0.3", """
        def some_loss(y_true, y_pred):
            p = y_pred / tf.reduce_sum(y_pred, axis=-1, keepdims=True)
            return -tf.reduce_mean(y_true * tf.math.log(p))
    """),
    "a logit far below the largest": ("LL301", Severity.WARNING, "logits = -100, the others = 0.3", """
        def some_loss(labels, logits):
            e = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
            return -tf.reduce_mean(labels * tf.math.log(e / tf.reduce_sum(e, axis=-1, keepdims=True)))
    """),
    "no two labels alike": ("LL304", Severity.INFO, "labels = 0, the others = 0.4", """
        def some_loss(labels, embeddings):
            same = tf.cast(tf.equal(labels, tf.transpose(labels)), tf.float32)
            positives = same - tf.linalg.diag(tf.ones([tf.shape(labels)[0]]))
            return tf.reduce_sum(embeddings * positives) / tf.reduce_sum(positives)
    """),
    "the share of the class that is true": ("LL301", Severity.WARNING, "y_pred = -100, the others = 0", """
        def some_loss(y_true, y_pred):
            right = tf.reduce_sum(tf.nn.softmax(y_pred) * tf.one_hot(tf.cast(y_true, tf.int32), 10), axis=-1)
            return -tf.reduce_mean(tf.math.log(right))
    """),
    "a power of the share of the class that is true": ("LL303", Severity.WARNING, "y_pred = 0", """
        def some_loss(y_true, y_pred, q=0.5):
            chosen = tf.one_hot(tf.cast(y_true, tf.int32), 10)
            return tf.reduce_mean((1.0 - tf.pow(tf.reduce_sum(y_pred * chosen, axis=-1), q)) / q)
    """),
    "a class that no row is of": ("LL304", Severity.INFO, "is exactly 0", """
        def some_loss(y_true, y_pred):
            chosen = tf.one_hot(tf.cast(y_true, tf.int32), 10)
            return tf.reduce_mean(tf.reduce_sum(chosen * y_pred, axis=0) / tf.reduce_sum(chosen, axis=0))
    """),
    "the smallest of a row": ("LL303", Severity.WARNING, "is exactly 0", """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.sqrt(y_pred - tf.reduce_min(y_pred, axis=-1, keepdims=True)) * y_true)
    """),
}  # fmt: skip
FINE = {
    "the probability of the class that is true, with an epsilon": """
        def some_loss(y_true, y_pred):
            chosen = tf.one_hot(tf.cast(y_true, tf.int32), 10)
            return -tf.reduce_mean(tf.math.log(tf.reduce_sum(chosen * (y_pred + 1e-7), axis=-1)))
    """,
    "as many rows as there are": """
        def some_loss(y_true, y_pred):
            chosen = tf.one_hot(tf.cast(y_true, tf.int32), 10)
            return tf.reduce_sum(chosen * tf.square(y_pred)) / tf.reduce_sum(chosen)
    """,
    "each row's own pair": """
        def some_loss(labels, logits):
            same = tf.cast(tf.equal(labels, tf.transpose(labels)), tf.float32)
            same /= tf.reduce_sum(same, 1, keepdims=True)
            return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=same, logits=logits))
    """,
    "log-sum-exp by hand": """
        def some_loss(labels, logits):
            z = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
            return -tf.reduce_mean(labels * (z - tf.math.log(tf.reduce_sum(tf.exp(z), axis=-1, keepdims=True))))
    """,
}


def found(text: str) -> dict[str, tuple[Severity, str]]:
    return {f.code: (f.severity, f.message) for f in check("import tensorflow as tf\n" + textwrap.dedent(text))}


@pytest.mark.parametrize("name", CASES)
def test_is_seen(name: str) -> None:
    code, severity, said, text = CASES[name]
    seen, message = found(text)[code]
    assert seen is severity
    assert said in message


@pytest.mark.parametrize("name", FINE)
def test_is_fine(name: str) -> None:
    assert not [code for code in found(FINE[name]) if code.startswith("LL3")]
