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
    "no two labels alike": ("LL304", Severity.WARNING, "labels = 0, the others = 0.4", """
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
    "the largest in a column of softmax rows": ("LL301", Severity.WARNING, "is exactly 0", """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.log(tf.reduce_max(tf.nn.softmax(y_pred), axis=0)) * y_true[0])
    """),
    "the largest of a masked softmax": ("LL301", Severity.WARNING, "is exactly 0", """
        def some_loss(y_true, y_pred):
            return -tf.reduce_mean(tf.math.log(tf.reduce_max(tf.nn.softmax(y_pred) * y_true, axis=-1)))
    """),
    "the smallest share of a softmax": ("LL301", Severity.WARNING, "is exactly 0", """
        def some_loss(y_true, y_pred):
            return -tf.reduce_mean(y_true[:, 0] * tf.math.log(tf.reduce_min(tf.nn.softmax(y_pred), axis=-1)))
    """),
    "the angle between unit vectors": ("LL307", Severity.WARNING, "acos", """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.acos(cosine(y_true, y_pred)))
    """),
    "the spread of a constant row": ("LL303", Severity.WARNING, "constant", """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.reduce_std(y_true - y_pred, axis=-1))
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
    "the largest share of a softmax": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.log(tf.reduce_max(tf.nn.softmax(y_pred), axis=-1)) * y_true[:, 0])
    """,
    "the squares of a softmax": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.log(tf.reduce_sum(tf.square(tf.nn.softmax(y_pred)), -1)) * y_true[:, 0])
    """,
    "the squares of a softmax, as a power": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.sqrt(tf.reduce_sum(tf.nn.softmax(y_pred) ** 2, axis=1)) * y_true[:, 0])
    """,
    "the mean of a softmax": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.log(tf.reduce_mean(tf.nn.softmax(y_pred), axis=-1)) * y_true[:, 0])
    """,
    "the norm of a softmax": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.norm(tf.nn.softmax(y_pred), axis=-1) * y_true[:, 0])
    """,
    "how many classes take part": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(y_true[:, 0] / tf.reduce_sum(tf.nn.softmax(y_pred) ** 2, -1))
    """,
    "shares of the largest": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(y_true * tf.nn.softmax(y_pred) / tf.reduce_max(tf.nn.softmax(y_pred), -1, keepdims=True))
    """,
    "an angle within": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.acos((1 - 1e-5) * cosine(y_true, y_pred)))
    """,
    "a root of 2 less twice a cosine": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.sqrt(2.001 - 2.0 * cosine(y_true, y_pred)))
    """,
    "the spread of noise": """
        def some_loss(y_true, y_pred):
            return tf.reduce_mean(tf.math.reduce_std(y_true - y_pred + tf.random.normal(tf.shape(y_pred)), axis=-1))
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


HEADER = """
import tensorflow as tf

def cosine(a, b):
    return tf.reduce_sum(tf.nn.l2_normalize(a, -1) * tf.nn.l2_normalize(b, -1), -1)
"""


def found(text: str) -> dict[str, tuple[Severity, str]]:
    return {f.code: (f.severity, f.message) for f in check(HEADER + textwrap.dedent(text))}


@pytest.mark.parametrize("name", CASES)
def test_is_seen(name: str) -> None:
    code, severity, said, text = CASES[name]
    seen, message = found(text)[code]
    assert seen is severity
    assert said in message


@pytest.mark.parametrize("name", FINE)
def test_is_fine(name: str) -> None:
    assert not [code for code in found(FINE[name]) if code.startswith("LL3")]


@pytest.mark.parametrize("name", FINE)
def test_tensorflow_bears_it_out(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    names: dict[str, object] = {}
    exec(HEADER + textwrap.dedent(FINE[name].replace("tf.int32), 10", "tf.int32), 3")), names)
    classes = tf.range(3.0) if "one_hot" in FINE[name] else tf.ones([3, 1])
    labels = classes if "one_hot" in FINE[name] or "equal(labels" in FINE[name] else tf.eye(3)
    for scale in (0.0, 1.0, 300.0, 1e4):
        prediction = scale * tf.constant([[0.3, -0.4, 1.0], [-1.0, 1.0, 0.2], [0.4, 0.3, 0.3]])
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            loss = names["some_loss"](labels, prediction)  # type: ignore[operator]
        assert tf.reduce_all(tf.math.is_finite(tape.gradient(loss, prediction))), scale
