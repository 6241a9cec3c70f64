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
    "what is compared with a word is a setting": """
        import torch

        class NegSDR(torch.nn.modules.loss._Loss):
            def __init__(self, reduction="none"):
                super().__init__(reduction=reduction)

            def forward(self, est_target, target):
                losses = torch.sum((est_target - target) ** 2, dim=1)
                return losses.mean() if self.reduction == "mean" else losses

        class HitLoss(torch.nn.Module):
            def forward(self, est_target, target):
                return ((est_target > 0.5) == (target > 0.5)).float().mean()  # expect: LL106
    """,
    "a flag holds no prediction, whatever it is called": """
        import torch

        class Ranker(torch.nn.Module):
            def calculate_loss_prob(self, scores, target, only_compute_prob=False):
                if not only_compute_prob:
                    return torch.nn.functional.cross_entropy(scores, target)
                return torch.softmax(scores, dim=-1)

            def calculate_rounded_loss(self, scores, target):
                return (torch.argmax(scores, dim=-1) - target).abs().mean()  # expect: LL105
    """,
    "an object of another library has what its class is given": """
        import torch
        from scipy import special
        from sklearn.base import BaseEstimator

        class Trainer(BaseEstimator):
            def compute_loss(self, y_pred, y_true):
                return self.loss_fn(y_pred, y_true)

        def smooth_loss(y_pred, y_true):
            return (special.expit(y_pred) - y_true).abs().mean()  # expect: LL103
    """,
    "what is copied into a new tensor has no gradient to lose": """
        import torch

        class WeightedLoss(torch.nn.Module):
            def forward(self, out0, out1):
                similarity = torch.einsum("nm,nm->n", out0.detach(), out1.detach())
                weight = torch.tensor(2 - out0.shape[0] * torch.softmax(similarity, dim=0))
                return (weight * (out0 - out1).pow(2).sum(1)).mean()

        class SummedLoss(torch.nn.Module):
            def forward(self, out0, out1):
                total = torch.tensor(0.0, device=out0.device, requires_grad=True)
                for column in range(3):
                    total = total + (out0[:, column] - out1[:, column]).abs().mean()
                return total

        class CopiedLoss(torch.nn.Module):
            def forward(self, pred, target):
                return torch.tensor((pred - target).pow(2).mean())  # expect: LL108
    """,
    "a new parameter is made of sizes": """
        import torch

        class Linear(torch.nn.Module):
            def __init__(self, in_features, out_features):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.Tensor(out_features, in_features))
                self.mask = torch.nn.Parameter(torch.randn(1, in_features) * 0.1)

            def regularization_loss(self):
                return self.weight.abs().mean() + self.mask.sigmoid().sum()

            def rounded_loss(self, pred, target):
                return (torch.argmax(pred, dim=-1) - target).abs().mean()  # expect: LL105
    """,
    "sampled indices and repeated lists are no factors": """
        import math
        import numpy as np
        import torch

        class Recommender(torch.nn.Module):
            def calculate_loss(self, batch):
                lengths = batch["lengths"].cpu().numpy().tolist()
                padding = [[0] * self.n_features] * (self.max_len - lengths[0])
                kl = self.kl(batch) / np.prod(self.model.img_shape)
                return kl + self.net(torch.tensor(padding)).mean()

        def step(net, x, y):
            mse = (net(x) - y).pow(2).mean()
            loss = mse * math.sqrt(mse)  # expect: LL109
            loss.backward()
    """,
    "a loss that is handed in, and one that only other classes compute": """
        import tensorflow as tf
        import torch

        def reweight_loss(mse, model_output, weight):
            return weight * mse

        def centred_loss(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - tf.reduce_mean(y_true)), axis=-1)  # expect: LL110

        class Likelihood:
            def distribution(self, params):
                pass

            def _nll_loss(self, params_out, target, sample_weight):
                return (-self.distribution(params_out).log_prob(target) * sample_weight).mean()

        class Quantiles(Likelihood):
            def distribution(self, params):
                return None

        class Loss:
            def _apply_loss(self, scores_pos, scores_neg):
                pass

            def __call__(self, scores_pos, scores_neg, regularization_losses=None):
                values = [tf.reduce_sum(self._apply_loss(scores_pos, scores_neg))]
                return tf.add_n(values + [tf.reduce_sum(regularization_losses)])
    """,
    "TensorFlow's own modules have what its public ones dropped": """
        import tensorflow as tf
        from tensorflow.python.framework import ops
        from tensorflow.python.ops import array_ops, math_ops

        def safe_mean_loss(labels, predictions):
            total = math_ops.reduce_sum(math_ops.squared_difference(labels, predictions))
            total += math_ops.reduce_sum(array_ops.diag(math_ops.log(predictions * predictions + 1.0)))
            ops.add_to_collection("losses", total)
            return math_ops.div_no_nan(total, 4.0)

        def log_loss(labels, predictions):
            return -tf.reduce_mean(labels * tf.log(predictions + 1e-6))  # expect: LL409
    """,
    "nothing stays nothing along its columns": """
        import torch
        import torch.nn.functional as F

        def box_loss(pred_dist, target, fg_mask):
            error = F.l1_loss(pred_dist[fg_mask], target[fg_mask], reduction="none").mean(-1, keepdim=True)
            return error.sum() / 4.0

        def pairs_loss(out0, out1):
            others = ~torch.eye(out0.shape[0], dtype=torch.bool)
            negatives = (out0 @ out1.t())[others].view(out0.shape[0], -1)
            return (torch.logsumexp(negatives, dim=1) - (out0 * out1).sum(1)).mean()

        def masked_loss(pred, target):
            valid = target > 0
            return (pred[valid] - target[valid]).abs().mean()  # expect: LL304
    """,
    "a divisor of settings would fail in the first step": """
        import torch

        class AlphaLoss(torch.nn.Module):
            def __init__(self, alpha=None):
                super().__init__()
                self.alpha = alpha or 0

            def forward(self, pred, target, num_boxes):
                ranks = torch.log2(torch.arange(2, 6).float())
                error = ((pred - target) ** 2).sum() / num_boxes / ranks.sum()
                return error / (self.alpha * (self.alpha - 1)) / (self.high - self.low)

        def share_loss(pred, target):
            return ((pred - target) ** 2).sum() / (pred * target).sum()  # expect: LL304
    """,
    "what runs around a function is not traced with it": """
        import jax
        import jax.numpy as jnp
        import numpy as np

        def check(params, scale):
            def loss(p):
                return jnp.sum((p - scale) ** 2)

            gradient, expected = jax.device_get((jax.grad(loss)(params), params))
            np.testing.assert_allclose(gradient, expected)
            if np.any(np.isnan(gradient)):
                raise ValueError

        def array_loss(p, y):
            return jnp.sum((np.asarray(p) - y) ** 2)  # expect: LL101

        slope = jax.grad(array_loss)
    """,
    "what is looped over beside the two that Keras passes": """
        import tensorflow as tf

        class Total(tf.keras.losses.Loss):
            def __call__(self, scores_pos, scores_neg, extra_losses=None):
                total = tf.reduce_sum(tf.nn.softplus(scores_neg - scores_pos))
                if extra_losses:
                    total += tf.add_n([tf.reduce_sum(extra) for extra in extra_losses])
                return total

        def each_loss(y_true, y_pred):
            return tf.add_n([tf.reduce_sum(tf.abs(row)) for row in y_pred]) + tf.reduce_sum(y_true)  # expect: LL203

        def train(model, x, y):
            model.compile(loss=Total())
            model.compile(loss=each_loss)
            model.fit(x, y)
    """,
    "what is added to starts as zeros": """
        import torch
        import torch.nn.functional as F

        def adaptive_loss(net_output, target, reduce=True):
            loss = net_output[0].new(1 if reduce else 4).zero_()
            for output in net_output:
                loss += F.cross_entropy(output, target)
            return loss

        def rounded_loss(pred, target):
            return (pred - target).pow(2).mean() + 0.1 * torch.round(pred).mean()  # expect: LL112
    """,
    "sizes of a split, and what a range is made of": """
        import tensorflow as tf

        def rows_loss(y_true, y_pred):
            sizes = [known(y_true, part) for part in range(2)]
            first, second = tf.split(y_pred, sizes, axis=1)
            return tf.reduce_mean(tf.square(first - second)) + tf.reduce_mean(tf.range(known(y_true, 2)))

        def ranked_loss(y_true, y_pred):
            return tf.reduce_mean(tf.cast(tf.argsort(y_pred), tf.float32) * y_true)  # expect: LL105
    """,
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
    "a quotient of what is not finite is no division by 0": """
        import torch

        def lognormal_loss(model, t):
            shape, scale = model.get_shape_scale()
            s = torch.div(torch.log(t) - shape[:, 0], torch.exp(scale[:, 0]))  # expect: LL301
            return -torch.log(0.5 - 0.5 * torch.erf(s)).mean()

        def ratio_loss(y_pred, y_true):
            return torch.mean((y_true - y_pred) / torch.sum(y_pred * y_true))  # expect: LL304
    """,
    "PyTorch gives 0 ** 0 a slope of 0, JAX and TensorFlow none": """
        import jax.numpy as jnp
        import torch

        def torch_likelihood_loss(probs, targets):
            labels = (targets > 0.5).float()
            return torch.mean(torch.where(probs <= 0.0, 1.0 - labels, torch.pow(probs, labels)))

        def jax_likelihood_loss(probs, targets):
            labels = (targets > 0.5).astype(jnp.float32)
            return jnp.mean(jnp.where(probs <= 0.0, 1.0 - labels, jnp.power(probs, labels)))  # expect: LL305
    """,
    "the losses of TensorFlow 1 are added to a collection": """
        import tensorflow.compat.v1 as tf

        def model_loss(labels, predictions):
            tf.losses.log_loss(labels, predictions)
            return tf.losses.get_total_loss()

        def regression_loss(labels, predictions):
            tf.losses.mean_squared_error(labels, predictions, loss_collection=None)  # expect: LL111
            return tf.reduce_mean(tf.abs(labels - predictions))
    """,
    "p beside y is an exponent where it has a number for a default": """
        import torch

        def sinkhorn_loss(x, y, p=2, blur=0.05):
            return ((x - y) ** 2 * torch.Tensor([1 / blur ** p])).sum()

        def scaled_loss(y, p):
            return (torch.Tensor([p.mean()]) - y).abs().mean()  # expect: LL108
    """,
    "what validation measures may be detached": """
        import torch

        class Feature(torch.nn.Module):
            def eval_loss(self, targets, predictions):
                return torch.nn.functional.mse_loss(predictions.detach(), targets)

            def train_loss(self, targets, predictions):
                return torch.nn.functional.mse_loss(predictions.detach(), targets)  # expect: LL108
    """,
    "where an inner solver stops is cut off on purpose": """
        import jax
        import jax.numpy as jnp

        def transform(cost, f):
            def solved(x):
                z = jax.lax.stop_gradient(jax.lax.while_loop(cost.goes_on, cost.step, x))
                return jnp.sum(z ** 2) + f(x - z)
            return jax.grad(solved)

        def loss(params, x, y):
            penalty = jnp.sum(jax.lax.stop_gradient(params) ** 2)  # expect: LL112
            return jnp.mean((x @ params - y) ** 2) + 0.1 * penalty

        step = jax.grad(loss)
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


GLUON = """
from mxnet.gluon.loss import Loss

class QuantileLoss(Loss):
    def hybrid_forward(self, F, y_true, y_pred):
        return F.mean(F.squeeze(y_pred, axis=-1) - y_true, axis=-1)
"""


def test_losses_of_other_frameworks_are_not_looked_at() -> None:
    assert not check(GLUON)
    assert {f.code for f in check(GLUON.replace("mxnet.gluon", "keras"))} == {"LL206"}
