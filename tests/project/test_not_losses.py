"""Code that looks like a loss and is none: use beats name, and the user's word beats both."""

from __future__ import annotations

import pytest

from tests.project.finding import losses, names

TF = "import tensorflow as tf\nimport numpy as np\nimport tensorflow.keras.backend as K\n"


def test_functions_used_only_as_metrics() -> None:
    assert names(TF + """
def hard(y_true, y_pred):
    return K.mean(K.round(K.clip(y_pred, 0, 1)) * y_true)
def share_loss(y_true, y_pred):
    return K.mean(K.cast(K.argmax(y_true) != K.argmax(y_pred), "float32"))
def soft(y_true, y_pred):
    return 1 - K.mean(y_true * y_pred)
model.compile("adam", loss=soft, metrics=[hard, share_loss, "acc"])
""") == ["soft"]


def test_a_function_used_as_both_is_a_loss() -> None:
    assert names(TF + """
def soft(y_true, y_pred):
    return 1 - K.mean(y_true * y_pred)
model.compile("adam", soft, [soft])
""") == ["soft"]


@pytest.mark.parametrize("name", [
    "accuracy", "precision_at_k", "recall_m", "f1_score", "sensitivity", "specificity", "auc_roc", "tp", "confusion",
    "psnr", "r2", "r_square", "hit_rate", "top_k_accuracy", "mcc",
])
def test_metric_names_without_use_are_no_losses(name: str) -> None:
    source = TF + f"def {name}(y_true, y_pred):\n    return K.mean(K.round(y_pred) * y_true)\n"
    assert names(source) == []
    assert names(source + f"model.compile('adam', loss={name})\n") == [name]


def test_metric_classes_and_modules() -> None:
    source = TF + """
class HammingMetric(tf.keras.metrics.Metric):
    def loss_part(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred))

def overlap(y_true, y_pred):
    return K.mean(y_true * y_pred)
"""
    assert names(source) == ["overlap"]
    assert names(source, path="metrics.py") == []
    assert names(source, path="pkg/metrics/overlap.py") == []


def test_a_loss_by_name_in_a_metrics_file_is_kept_but_uncertain_and_in_a_metrics_folder_dropped() -> None:
    source = TF + "def dice_loss(y_true, y_pred):\n    return 1 - K.mean(y_true * y_pred)\n"
    assert not losses(source, path="metrics.py")["dice_loss"].certain
    assert names(source, path="metrics/dice.py") == []
    assert names(source + "model.compile(loss=dice_loss)", path="metrics/dice.py") == ["dice_loss"]


def test_numpy_twins_are_no_losses_unless_they_are_used_as_one() -> None:
    twin = "def tversky_loss_np(y_true, y_pred):\n    return 1 - np.mean(y_true * y_pred)\n"
    assert names(TF + twin) == []
    assert names(TF + twin + "model.compile(loss=tversky_loss_np)") == ["tversky_loss_np"]
    assert names(TF + "def faulty_loss(y_true, y_pred):\n    error = y_true - y_pred\n    return np.mean(error ** 2)\n"
                 "model.compile(optimizer='adam', loss=faulty_loss)") == ["faulty_loss"]


def test_a_numpy_loss_with_the_signature_of_keras_is_one_unless_it_measures() -> None:
    body = "(y_true, y_pred):\n    return np.mean(np.square(y_true - y_pred))\n"
    found = losses(TF + "def custom_loss" + body)
    assert not found["custom_loss"].certain
    assert names(TF + "def validation_loss" + body) == []
    assert names(TF + "def custom_loss" + body + "print(custom_loss(y_test, model.predict(x_test)))\n") == []
    assert names("import numpy as np\ndef custom_loss" + body) == []
    assert names(TF + "def custom_loss" + body, path="metrics.py") == []


def test_a_network_written_in_numpy_has_no_losses() -> None:
    assert names("""
        import numpy as np
        class Loss:
            def calculate(self, output, y):
                return np.mean(self.forward(output, y))
        class CCELoss(Loss):
            def forward(self, y_pred, y_true):
                return -np.log(np.sum(np.clip(y_pred, 1e-7, 1) * y_true, axis=1))
    """) == []


def test_what_does_not_come_from_the_arguments_is_no_loss() -> None:
    assert names(TF + """
def best_threshold_by_loss(y_true, y_pred):
    best = 1e9
    for t in np.linspace(0, 1, 11):
        value = float(tf.reduce_mean(tf.abs(y_true - tf.cast(y_pred > t, tf.float32))))
        if value < best:
            best, found = value, t
    return found
""") == []


def test_a_numpy_backend_has_no_losses() -> None:
    assert names("""
        import numpy as np
        from keras.src import backend
        from keras.src.backend.numpy.core import convert_to_tensor

        def sigmoid(x):
            return 1 / (1 + np.exp(-x))

        def binary_crossentropy(target, output, from_logits=False):
            target = convert_to_tensor(target)
            output = sigmoid(output) if from_logits else output
            output = np.clip(output, backend.epsilon(), 1.0 - backend.epsilon())
            return -(target * np.log(output) + (1.0 - target) * np.log(1.0 - output))
    """) == []


def test_a_scalar_demo_function_is_no_loss() -> None:
    assert names(TF + """
def contrastive_by_hand(p, correct):
    if correct:
        return p ** 2
    return max(100 - p, 0) ** 2

def evaluate_contrastive(y_true, y_pred):
    return np.log10(np.mean((y_true - y_pred) ** 2))
""") == []


def test_framework_object_in_kwargs_is_a_framework() -> None:
    assert names("""
        def dice_loss(gt, pr, **kwargs):
            backend = kwargs["backend"]
            return 1 - backend.sum(gt * pr) / backend.sum(gt + pr)
    """) == ["dice_loss"]


@pytest.mark.parametrize("source", [
    "def plot_loss(history):\n    plt.plot(tf.cast(history, tf.float32))\n    return plt\n",
    "def get_loss(name):\n    return LOSSES[name]\n",
    "def get_loss_fn(config):\n    return tf.keras.losses.MeanSquaredError()\n",
    "def build_loss_layer(x):\n    return tf.keras.layers.Dense(1)\n",
    "def loss_name(config):\n    return f'{config}_loss'\n",
    "def loss_scale(step):\n    return tf.pow(2.0, step)\n",
    "def load_loss_weights(path):\n    return tf.io.read_file(path)\n",
    "def log_losses(writer, step, losses):\n    tf.summary.scalar('loss', tf.reduce_mean(losses))\n    return step\n",
    "def test_loss():\n    assert tf.reduce_mean(tf.zeros(3)) == 0\n    return tf.zeros(3)\n",
    "def lossless_jpeg(image):\n    return tf.image.encode_jpeg(image)\n",
    "def pathloss(distance, frequency):\n    return 20.0 * tf.math.log(distance * frequency)\n",
    "def self_blocking_loss(angle, width):\n    return tf.where(tf.abs(angle) < width, 30.0, 0.0)\n",
    "def loss():\n    raise NotImplementedError\n",
    "def loss_fn(y_true, y_pred):\n    pass\n",
    "class LossHistory(tf.keras.callbacks.Callback):\n    def call(self, x):\n        return tf.reduce_mean(x)\n",
    "class LossConfig:\n    def __call__(self, x):\n        return tf.reduce_mean(x)\n",
    "class Loss:\n    def call(self, y_true, y_pred):\n        raise NotImplementedError('subclass')\n",
    "class Net:\n    @property\n    def losses(self):\n        return [l for layer in self.layers for l in layer.losses]\n",
])
def test_helpers_around_losses(source: str) -> None:
    assert names(TF + source) == []


def test_get_loss_with_labels_and_predictions_computes_one() -> None:
    assert names("""
        import tensorflow as tf
        def get_loss(pred, label):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(logits=pred, labels=label)
        def log_loss(y_true, y_pred):
            return -tf.reduce_mean(y_true * tf.math.log(y_pred))
    """) == ["get_loss", "log_loss"]


def test_evaluation_without_gradient() -> None:
    assert names("""
        import torch

        @torch.no_grad()
        def estimate_batch_loss(net, x, y):
            return torch.nn.functional.cross_entropy(net(x), y)

        def held_out_loss(net, x, y):
            with torch.no_grad():
                return torch.nn.functional.cross_entropy(net(x), y)

        def epoch_loss(net, x, y):
            return torch.nn.functional.cross_entropy(net(x), y).item()

        def mean_loss(net, x, y):
            return float(torch.nn.functional.cross_entropy(net(x), y))

        def shown_loss(net, x, y):
            return torch.nn.functional.cross_entropy(net(x), y)

        print("loss", shown_loss(net, x, y))
    """) == []


def test_a_python_number_from_the_canonical_signature_is_still_a_loss() -> None:
    assert names(TF + "def my_loss(y_true, y_pred):\n    return float(tf.reduce_mean(y_true - y_pred))\n") == ["my_loss"]


def test_gradient_checks_in_tests_are_no_losses() -> None:
    assert names("""
        import tensorflow as tf

        class LayerTest(tf.test.TestCase):
            def test_gradient(self):
                def square(x):
                    return tf.square(x)
                with tf.GradientTape() as tape:
                    y = square(self.x)
                self.assertAllClose(tape.gradient(y, self.x.trainable_variables), 2.0)
    """) == []


def test_things_called_compile_minimize_and_backward_that_are_none() -> None:
    assert names("""
        import re
        import torch
        import scipy.optimize

        def cost(x):
            return (x ** 2).sum()

        pattern = re.compile("a", cost)
        faster = torch.compile(net, cost)
        best = scipy.optimize.minimize(cost, x0)

        class Layer:
            def backward(self, grad):
                return super().backward(grad)
    """) == []


def test_values_computed_with_a_loss_name_do_not_make_their_makers_losses() -> None:
    assert names("""
        import tensorflow as tf
        from helpers import read

        def collect(step):
            return tf.reduce_mean(step)

        loss = collect(3)
        loss_factor = read("x")
        report(loss=collect(4))
    """) == []


def test_comments_decide() -> None:
    found = losses(TF + """
# losslint: loss
def drift(a, b):
    return helper(a, b)

def also(a, b):  # losslint: loss
    return helper(a, b)

@decorated  # losslint: not-loss
def my_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)

# losslint: not-loss
class FocalLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_true - y_pred)

x = 1  # losslint: loss
def after_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)
""")
    assert list(found) == ["drift", "also", "after_loss"]
    assert found["drift"].reason == "marked with # losslint: loss"
    assert found["after_loss"].reason == "its name contains 'loss': after_loss"


def test_comments_on_tapes_and_expressions() -> None:
    assert names("""
        import tensorflow as tf
        with tf.GradientTape() as tape:  # losslint: not-loss
            y = tf.square(x)
        tape.gradient(y, x)
        optimizer.minimize(objective)  # losslint: not-loss
    """) == []


def test_patterns_decide() -> None:
    source = TF + """
class Head:
    def drift(self, a, b):
        return helper(a, b)
def my_loss(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)
class FocalLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(y_true - y_pred)
"""
    assert names(source, loss_functions=("Head.*",)) == ["Head.drift", "my_loss", "FocalLoss.call"]
    assert losses(source, loss_functions=("dri*",))["Head.drift"].reason == "matches loss-functions = ['dri*']"
    assert names(source, not_loss_functions=("my_*", "FocalLoss")) == []
    assert names(source, name="pkg.head", loss_functions=("pkg.head.Head.drift",), not_loss_functions=("*loss*",)) == [
        "Head.drift", "FocalLoss.call"]


def test_what_is_predicted_may_have_any_name() -> None:
    found = losses(TF + """
def supcon(labels, feats):
    feats = tf.math.l2_normalize(feats, axis=1)
    same = tf.cast(tf.equal(labels[:, None], labels[None, :]), tf.float32)
    return -tf.reduce_mean(same * tf.math.log(tf.matmul(feats, feats, transpose_b=True)))
def poisson_nll(y_true, rate):
    return tf.reduce_mean(rate - y_true * tf.math.log(rate))
def gaussian_nll(y, mu, sigma, eps=1e-6):
    per_sample = tf.square((y - mu) / sigma) + tf.math.log(sigma + eps)
    total = K.sum(per_sample, axis=-1)
    return total
""")
    assert list(found) == ["supcon", "poisson_nll", "gaussian_nll"]
    assert found["gaussian_nll"].reason == "it is named gaussian_nll and takes the mean or sum over y"


@pytest.mark.parametrize("source", [
    "def accuracy(y_true, x):\n    return tf.reduce_mean(tf.cast(tf.equal(y_true, x), tf.float32))",
    "def error_rate(y_true, x):\n    return tf.reduce_mean(tf.abs(y_true - x))",
    "def eval_error(labels, x):\n    return tf.reduce_mean(tf.square(labels - x))",
    "def error_score(labels, x):\n    return tf.reduce_mean(tf.square(labels - x))",
    "def plot_error(labels, x):\n    return tf.reduce_mean(tf.square(labels - x))",
    "def report_mse(labels, x):\n    return float(tf.reduce_mean(tf.square(labels - x)))",
    "def squared(labels, x):\n    return np.mean(np.square(labels - x))",
    "def class_means(labels, x):\n    return tf.reduce_mean(tf.where(labels > 0, x, 0.0), axis=0)",
    "def label_entropy(labels, axis):\n    return -tf.reduce_sum(labels * tf.math.log(labels), axis=-1)",
    "def shifted_error(labels, x):\n    return labels - x",
    "def mse(labels, x):\n    return tf.reduce_mean(tf.square(labels - x))\nprint(mse(a, b))",
    "class Data:\n    def error(self, labels, x):\n        return tf.reduce_mean(tf.square(labels - x))",
    "def labels_error(x, labels_kept):\n    return tf.reduce_mean(tf.square(x))",
])
def test_a_mean_over_labels_that_measures_or_makes_data(source: str) -> None:
    assert names(TF + source) == []
