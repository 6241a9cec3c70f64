"""False alarms in published packages, each reduced to its cause: a quiet form, and a twin beside it that must be found.

``# expect: CODE`` marks the twin's finding, so no case passes because nothing was looked at.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from losslint.check import check_paths
from losslint.config import Settings

from tests.expectations import check, expected, loud

CASES = {
    "an abstract method is left to a subclass": """
        import abc
        from keras import losses, ops

        class PairLoss(losses.Loss, abc.ABC):
            @abc.abstractmethod
            def of_pairs(self, pairs):
                pass

            def call(self, y_true, y_pred):
                pairs = self.of_pairs(y_pred[:, None] - y_pred[None, :])
                return ops.sum(ops.multiply(pairs, y_true[:, None] - y_true[None, :]), axis=-1)

        class HardPairLoss(PairLoss):
            def of_pairs(self, pairs):
                return ops.sign(pairs)  # expect: LL107
    """,
    "an item of an item is assigned to": """
        import torch

        def graph_loss(local_enc, global_enc, graph_index):
            mask = torch.zeros((local_enc.shape[0], global_enc.shape[0]))
            for node, graph in enumerate(graph_index):
                mask[node][graph] = 1.0
            return (torch.mm(local_enc, global_enc.t()) * mask).sum() / mask.sum()

        def pull_loss(output, target):
            return torch.sqrt((output - target).pow(2).sum())  # expect: LL303
    """,
    "a loss class of the project's own is called with its own conventions": """
        import tensorflow as tf

        class StandardLoss:
            def __call__(self, outputs, labels, weights):
                return tf.reduce_mean(weights[0] * tf.square(outputs[0] - labels[0]))

        class TaskLoss(StandardLoss):
            def __call__(self, outputs, labels, weights):
                outputs = [t[:, self.task] for t in outputs]
                return super().__call__(outputs, labels, weights)

        class KerasLoss(tf.keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.add_n([tf.square(t) for t in y_pred])  # expect: LL203
    """,
    "what an object is built with is configuration": """
        import math
        import tensorflow as tf

        class Perturbed(tf.keras.regularizers.Regularizer):
            def __init__(self, classes, epsilon):
                self.noise = tf.random.normal([3, 3], stddev=math.sqrt(2.0 / epsilon))
                self.strength = math.sqrt(classes) / 4

            def __call__(self, x):
                return self.strength * tf.reduce_sum(tf.square(x)) + tf.reduce_sum(x * self.noise)

        def step(model, optimizer, x, y):
            with tf.GradientTape() as tape:
                mse = tf.reduce_mean(tf.square(y - model(x)))
                loss = mse * math.sqrt(mse)  # expect: LL109
            optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    """,
    "gradients mapped over stay as many as they were": """
        import tensorflow as tf

        class Private(tf.keras.Model):
            def per_example(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.square(y - self(x)))
                return tape.gradient(loss, self.trainable_variables)

            def train_step(self, data):
                clipped = tf.vectorized_map(self.per_example, data)
                grads = tf.nest.map_structure(lambda g: tf.reduce_mean(g, axis=0), clipped)
                with tf.GradientTape() as tape:
                    penalty = tf.add_n(self.losses)
                extra = tape.gradient(penalty, self.trainable_variables)
                grads = [a + b for a, b in zip(grads, extra)]
                norms = [n for n in tf.norm(grads[0], axis=0)]  # expect: LL203
                self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
    """,
    "what a session fetches is NumPy": """
        import numpy as np
        import tensorflow.compat.v1 as tf

        def iou(session, occupancy, labels):
            values = [session.run(occupancy) for _ in range(3)]
            return np.sum(np.concatenate(values, axis=1) * labels)

        def main(points, labels):
            occupancy = tf.layers.dense(tf.placeholder(tf.float32, [None, 3]), 1)
            loss = tf.reduce_mean(tf.square(occupancy - np.mean(occupancy)))  # expect: LL101
            train = tf.train.AdamOptimizer().minimize(loss)
            with tf.Session() as session:
                session.run(train)
                print(iou(session, occupancy, labels))
    """,
    "a variable that is made once, when it is first needed": """
        import tensorflow as tf

        def memory_like(tensor):
            return tf.Variable(tf.zeros(tensor.shape[1:]), trainable=False)

        class MemoryLoss(tf.keras.losses.Loss):
            def __init__(self):
                super().__init__()
                self.memory = None

            def call(self, y_true, y_pred):
                if self.memory is None:
                    self.memory = memory_like(y_pred)
                return tf.reduce_mean(tf.square(y_true - y_pred + self.memory))

        class ForgetfulLoss(tf.keras.losses.Loss):
            def call(self, y_true, y_pred):
                memory = tf.Variable(tf.zeros(y_pred.shape[1:]), trainable=False)  # expect: LL208
                return tf.reduce_mean(tf.square(y_true - y_pred + memory))
    """,
    "one of several things that a model returns may be a distribution": """
        import tensorflow as tf

        def cloning_loss(experience, actor_net):
            output, _ = actor_net(experience.observation, training=False)
            losses = tf.nest.map_structure(
                lambda dist, action: tf.reduce_sum(tf.square(dist.mean() - action), axis=-1), output, experience.action)
            return tf.add_n(tf.nest.flatten(losses))

        def plain_loss(y_true, y_pred):
            return tf.abs(y_true - y_pred).mean()  # expect: LL206
    """,
    "a loss inside of a test runs as the test runs it": """
        import numpy as np
        import tensorflow.compat.v1 as tf

        class InputTest(tf.test.TestCase):
            def test_input(self):
                def _loss(model, features, labels):
                    self.assertTrue(np.array_equal(labels, [1.0]))
                    return tf.losses.absolute_difference(labels, model(features))

                tf.Session().run(_loss)

            def test_model(self):
                class Model(tf.keras.Model):
                    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                        return tf.reduce_mean(tf.abs(y - y_pred)) if len(tf.shape(y_pred)) == 2 else 0.0

        def graph_loss(labels, predictions):
            return tf.losses.absolute_difference(np.cumsum(predictions), labels)  # expect: LL101
    """,
    "a distance that only its name and arguments speak for may be a metric": """
        import numpy as np
        import tensorflow.compat.v1 as tf

        def wasserstein_distance(real_images, fake_images):
            fake = tf.py_func(np.sort, [fake_images], tf.float32)
            return tf.reduce_mean(tf.abs(real_images - fake))

        def sorted_loss(real_images, fake_images):
            fake = tf.py_func(np.sort, [fake_images], tf.float32)  # expect: LL104
            return tf.reduce_mean(tf.abs(real_images - fake))
    """,
    "where that takes the singular value hides nothing": """
        import tensorflow as tf

        def modulated_loss(labels, logits):
            modulator = tf.exp(2.0 * labels * -logits - 2.0 * tf.math.log1p(tf.exp(-logits)))  # expect: LL302
            return tf.where(labels > 0.5, 0.25 * modulator, 0.75 * modulator)
    """,
}


@pytest.mark.parametrize("text", [pytest.param(textwrap.dedent(text), id=case) for case, text in CASES.items()])
def test_quiet_form_and_loud_twin(text: str) -> None:
    found = check(text)
    assert expected(text)
    assert loud(found) == expected(text), found


def test_a_base_class_in_another_file_is_no_frameworks(tmp_path: Path) -> None:
    base, task = CASES["a loss class of the project's own is called with its own conventions"].split("class TaskLoss")
    (tmp_path / "base.py").write_text(textwrap.dedent(base))
    head = "import tensorflow as tf\nfrom base import StandardLoss\n\n"
    (tmp_path / "task.py").write_text(head + textwrap.dedent("        class TaskLoss" + task))
    found = check_paths([tmp_path], Settings()).findings
    assert {(f.path.name, f.code) for f in found if f.code == "LL203"} == {("task.py", "LL203")}
    assert len([f for f in found if f.code == "LL203"]) == 1


AVERAGED = """
import tensorflow as tf


def train_step(features, labels, model, optimizer):
    with tf.GradientTape() as tape:
        maps = model(features, training=True)["ct"]
        number = tf.reduce_sum(labels["mask"])
        total = 0.0
        for one in maps:
            total += tf.square(one - labels["map"])
        loss = tf.reduce_sum(total) / (len(maps) * number)
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
"""


def test_the_length_of_an_unknown_list_is_not_0() -> None:
    guarded = AVERAGED.replace('tf.reduce_sum(labels["mask"])', 'tf.maximum(tf.reduce_sum(labels["mask"]), 1.0)')
    assert guarded != AVERAGED
    assert [f.code for f in check(guarded)] == []
    assert [f.code for f in check(AVERAGED)] == ["LL304"]
