"""Every shape in which real code writes a loss is found, with the node, owner, class and call that build it."""

from __future__ import annotations

import ast

from tests.project.finding import losses, names


def test_function_passed_to_compile_by_keyword_and_by_position() -> None:
    source = """
        import tensorflow as tf

        def gap(a, b):
            return tf.reduce_mean(tf.abs(a - b))

        def spread(a, b):
            return tf.reduce_mean(tf.square(a - b))

        model.compile(optimizer="adam", loss=gap)
        other.compile("adam", spread)
    """
    found = losses(source)
    assert list(found) == ["gap", "spread"]
    assert found["gap"].kind == "function"
    assert found["gap"].reason == "passed to compile(loss=...) in line 10"
    assert found["gap"].certain


def test_lambda_in_compile() -> None:
    found = losses("""
        import tensorflow as tf
        model.compile("sgd", loss=lambda t, o: tf.reduce_mean(tf.square(t - o)))
    """)
    assert found["<lambda>"].kind == "lambda"
    assert isinstance(found["<lambda>"].node, ast.Lambda)


def test_closure_of_a_factory_is_the_loss_and_the_factory_is_not() -> None:
    found = losses("""
        import tensorflow as tf

        def weighted(alpha):
            def inner(y_true, y_pred):
                return alpha * tf.reduce_mean(tf.square(y_true - y_pred))
            return inner

        model.compile("sgd", loss=weighted(0.3))
    """)
    assert list(found) == ["weighted.inner"]
    site = found["weighted.inner"]
    assert site.kind == "closure"
    assert isinstance(site.owner, ast.FunctionDef)
    assert site.owner.name == "weighted"
    assert site.built_by is not None
    assert ast.unparse(site.built_by) == "weighted(0.3)"


def test_factory_that_returns_a_lambda() -> None:
    found = losses("""
        import tensorflow.keras.backend as K

        def quantile_loss(q):
            return lambda y, f: K.mean(K.maximum(q * (y - f), (q - 1) * (y - f)))
    """)
    assert [(site.kind, site.reason) for site in found.values()] == [("closure", "returned by quantile_loss")]


def test_factory_of_factories() -> None:
    assert names("""
        import tensorflow as tf
        def configure(alpha):
            def make(beta):
                def final(y_true, y_pred):
                    return alpha * beta * tf.reduce_mean(y_true - y_pred)
                return final
            return make
        model.compile(loss=configure(1.0)(2.0))
    """) == ["configure.make.final"]


def test_loss_class_through_a_local_base_class() -> None:
    found = losses("""
        import keras
        from keras import ops

        class Base(keras.losses.Loss):
            pass

        class Gap(Base):
            def __init__(self, delta=1.0):
                super().__init__()
                self.delta = delta

            def call(self, y_true, y_pred):
                return ops.mean(ops.abs(y_true - y_pred)) * self.delta

        model.compile(loss=Gap(delta=2.0))
    """)
    site = found["Gap.call"]
    assert site.kind == "method"
    assert site.class_node is not None
    assert site.class_node.name == "Gap"
    assert site.built_by is not None
    assert ast.unparse(site.built_by) == "Gap(delta=2.0)"


def test_loss_classes_by_name_call_and_forward() -> None:
    assert names("""
        import tensorflow as tf
        import torch

        class SsdLoss:
            def __call__(self, targets, outputs):
                return tf.reduce_sum(tf.abs(targets - outputs))

        class DiceLossV2(torch.nn.Module):
            def forward(self, logits, target):
                return 1 - (torch.sigmoid(logits) * target).sum()

        class RegionCriterion(torch.nn.Module):
            def forward(self, logits, target):
                return torch.nn.functional.cross_entropy(logits, target)
    """) == ["SsdLoss.__call__", "DiceLossV2.forward", "RegionCriterion.forward"]


def test_regularizer_class_and_function() -> None:
    found = losses("""
        import tensorflow as tf

        class Orthogonal(tf.keras.regularizers.Regularizer):
            def __call__(self, x):
                return tf.reduce_sum(tf.square(tf.matmul(x, x, transpose_a=True)))

        def shrink(w):
            return 0.01 * tf.reduce_sum(tf.abs(w))

        layer = tf.keras.layers.Dense(3, kernel_regularizer=shrink)
    """)
    assert list(found) == ["Orthogonal.__call__", "shrink"]


def test_jax_and_torch() -> None:
    found = losses("""
        import jax, jax.numpy as jnp

        def energy(theta, batch):
            return jnp.sum(theta * batch)

        @jax.jit
        def update(params, batch):
            def objective(params):
                return jnp.mean(model(params, batch))
            return jax.value_and_grad(objective)(params)

        slope = jax.grad(energy)
        bend = jax.grad(lambda t: jnp.sin(t))
    """)
    assert {name: site.kind for name, site in found.items()} == {
        "energy": "function", "update.objective": "closure", "<lambda>": "lambda"}
    assert {site.framework for site in found.values()} == {"jax"}
    found = losses("""
        import torch

        def gap(a, b):
            return (a - b).abs().mean()

        for x, y in batches:
            total = gap(net(x), y)
            total.backward()
    """)
    assert {name: site.kind for name, site in found.items()} == {"gap": "function", "total": "expression"}


def test_partial_dict_list_and_names_on_the_way() -> None:
    found = losses("""
        import tensorflow as tf
        from functools import partial

        def focal(y_true, y_pred, gamma):
            return tf.reduce_mean((1 - y_pred) ** gamma * tf.math.log(y_pred))

        def head(t, o):
            return tf.reduce_mean(tf.abs(t - o))

        def tail(t, o):
            return tf.reduce_mean(tf.square(t - o))

        def rest(t, o):
            return tf.reduce_mean(tf.math.cosh(t - o))

        sharp = partial(focal, gamma=2.0)
        by_name = {"a": head, "b": sharp}
        model.compile(loss=by_name)
        other.compile(loss=[tail, "mse"])

        per_output = []
        per_output.append(rest)
        third.compile("adam", per_output)
    """)
    assert list(found) == ["focal", "head", "tail", "rest"]
    assert found["focal"].built_by is not None
    assert ast.unparse(found["focal"].built_by) == "partial(focal, gamma=2.0)"


def test_loss_that_reaches_compile_through_a_parameter_or_an_attribute() -> None:
    assert names("""
        import tensorflow as tf

        def gap(a, b):
            return tf.reduce_mean(tf.abs(a - b))

        def bend(a, b):
            return tf.reduce_mean(tf.square(a - b))

        def build(net, criterion_used, lr=0.1):
            net.compile(tf.keras.optimizers.SGD(lr), loss=criterion_used)

        class Runner:
            def __init__(self, fit_to):
                self.fit_to = fit_to
            def run(self, net):
                net.compile("adam", loss=self.fit_to)

        build(model, gap)
        Runner(bend).run(model)
    """) == ["gap", "bend"]


def test_keyword_arguments_defaults_and_assignments_with_a_loss_name() -> None:
    assert names("""
        import torch

        def first(a, b):
            return torch.abs(a - b).mean()
        def second(a, b):
            return torch.abs(a - b).sum()
        def third(a, b):
            return torch.abs(a - b).max()

        Trainer(net, criterion=first)
        def fit(net, loss_fn=second): ...
        losses = {"x": third}
    """) == ["first", "second", "third"]


def test_decorated_and_wrapped_functions_are_looked_through() -> None:
    assert names("""
        import tensorflow as tf
        gap = lambda a, b: tf.reduce_mean(a - b)
        model.compile(loss=tf.function(gap))
    """) == ["<lambda>"]


def test_class_defined_in_a_factory() -> None:
    found = losses("""
        import keras
        def make(alpha):
            class Scaled(keras.losses.Loss):
                def call(self, y_true, y_pred):
                    return alpha * keras.ops.mean(y_true - y_pred)
            return Scaled()
        model.compile(loss=make(2.0))
    """)
    assert list(found) == ["make.Scaled.call"]
    assert found["make.Scaled.call"].owner is not None


def test_wrapping_base_classes_tell_losses_from_metrics() -> None:
    assert names("""
        import tensorflow as tf

        def first(a, b):
            return tf.reduce_mean(a - b)

        def second_loss(a, b):
            return tf.reduce_mean(tf.cast(a != b, tf.float32))

        class First(LossFunctionWrapper):
            def __init__(self):
                super().__init__(first, name="first")

        class Second(MeanMetricWrapper):
            def __init__(self):
                super().__init__(second_loss, name="second")
    """) == ["first"]


def test_sites_come_in_source_order() -> None:
    source = "import tensorflow as tf\n" + "\n".join(
        f"def {name}_loss(y_true, y_pred):\n    return tf.reduce_mean(y_true - y_pred)\n" for name in "dbca")
    assert names(source) == ["d_loss", "b_loss", "c_loss", "a_loss"]


def test_methods_reached_through_instances_classes_and_self() -> None:
    assert names("""
        import tensorflow as tf

        class Toolbox:
            def gap(self, a, b):
                return tf.reduce_mean(tf.abs(a - b))
            @staticmethod
            def bend(a, b):
                return tf.reduce_mean(tf.square(a - b))
            def rest(self, a, b):
                return tf.reduce_mean(tf.math.cosh(a - b))
            def fit(self, model):
                model.compile("adam", self.rest)

        box = Toolbox()
        first.compile(loss=box.gap)
        second.compile(loss=Toolbox.bend)
        third.compile(loss=Toolbox().gap)
    """) == ["Toolbox.gap", "Toolbox.bend", "Toolbox.rest"]


def test_a_loss_computed_in_a_lambda_layer() -> None:
    assert names("""
        import tensorflow as tf

        def everything(args):
            outputs, truth = args
            return tf.reduce_sum(tf.square(outputs - truth))

        model_loss = tf.keras.layers.Lambda(everything, name="total")([out, truth])
        model.compile("adam", loss={"total": lambda y_true, y_pred: y_pred})
    """) == ["everything", "<model>", "<lambda>"]


def test_registered_losses() -> None:
    found = losses("""
        import torch
        @LOSSES.register_module()
        def gap(a, b):
            return torch.abs(a - b).mean()
        @register_model("x")
        def net(a):
            return torch.abs(a)
    """)
    assert {name: site.reason for name, site in found.items()} == {"gap": "registered by @LOSSES.register_module"}


def test_a_helper_written_inside_of_a_loss_is_a_part_of_it() -> None:
    assert names("""
        import tensorflow as tf
        def mixed_loss(y_true, y_pred):
            def dice_loss(a, b):
                return 1 - tf.reduce_mean(a * b)
            return dice_loss(y_true, y_pred)
    """) == ["mixed_loss"]


def test_a_custom_gradient_is_no_factory() -> None:
    assert names("""
        import tensorflow as tf
        @tf.custom_gradient
        def soft_loss(y_true, y_pred):
            def grad(dy):
                return None, dy * (y_pred - y_true)
            return tf.reduce_mean(y_true - y_pred), grad
        model.compile(loss=soft_loss)
    """) == ["soft_loss"]


def test_factors_and_scaling_helpers_are_no_terms() -> None:
    assert names("""
        import tensorflow as tf
        def weight(step):
            return tf.exp(-step)
        def scale_loss(loss):
            return tf.cast(loss, tf.float32)
        def gap(target, output):
            return tf.reduce_mean(target - output)
        with tf.GradientTape() as tape:
            total = weight(step) * gap(y, net(x))
            scaled = scale_loss(total)
        tape.gradient(total + scaled, net.trainable_variables)
    """) == ["gap", "<tape>"]


def test_numpy_in_a_framework_class_is_a_loss_and_in_a_class_of_its_own_is_not() -> None:
    assert names("""
        import numpy as np
        import keras, torch

        class Gap(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return np.mean(np.square(y_true - y_pred))

        class DiceLoss(torch.nn.Module):
            def forward(self, logits, target):
                return np.mean(logits * target)

        class Net(keras.Model):
            def compute_loss(self, x, y, y_pred, sample_weight):
                return np.mean(y - y_pred)

        class CrossEntropyLoss:
            def forward(self, prediction, target):
                return -np.mean(target * np.log(prediction))
    """) == ["Gap.call", "DiceLoss.forward", "Net.compute_loss"]


def test_jax_numpy_is_no_numpy() -> None:
    assert names("""
        import jax.numpy as jnp
        def ranking_loss(scores, wanted):
            return -jnp.einsum("bn,bn->b", scores, wanted)
    """) == ["ranking_loss"]


def test_a_loss_base_called_metric_loss() -> None:
    assert names("""
        import tensorflow as tf
        from pkg.losses.utils import compute
        def circle(query, key, distance="cosine"):
            return compute(tf.matmul(query, key), distance)
        class Circle(MetricLoss):
            def __init__(self):
                super().__init__(circle, name="circle")
    """) == ["circle"]


def test_a_maker_verb_on_a_function_that_computes() -> None:
    assert names("""
        import tensorflow as tf
        def _build_mask_loss(outputs, where):
            return tf.reduce_mean(outputs * where)
        def get_loss(identifier):
            return tf.keras.losses.get(identifier)
        def make_loss_layer(config):
            return tf.keras.layers.Dense(config)
    """) == ["_build_mask_loss"]


def test_folder_named_after_a_framework_holds_code_for_it() -> None:
    source = "import jax.numpy as jnp\n\ndef step_loss(pred, y):\n    return (pred - y).mean()\n"
    assert losses(source, name="jax.step")["step_loss"].framework == "jax"


def test_torch_module_of_input_and_target_is_a_loss_by_its_name_and_not_a_head() -> None:
    source = """
        import torch
        from torch import nn
        import torch.nn.functional as F

        class CrossEntropyLabelSmooth(nn.Module):
            def __init__(self, classes):
                super().__init__()
                self.classes = classes
                self.logsoftmax = nn.LogSoftmax(dim=1)

            def forward(self, inputs, targets):
                wanted = F.one_hot(targets, self.classes) * 0.9 + 0.1 / self.classes
                return (-wanted * self.logsoftmax(inputs)).mean(0).sum()

        class ArcMargin(nn.Module):
            def __init__(self, width, classes):
                super().__init__()
                self.weight = nn.Parameter(torch.empty(classes, width))

            def forward(self, input, label):
                cosine = F.linear(F.normalize(input), F.normalize(self.weight))
                return cosine - 0.5 * F.one_hot(label, len(self.weight))
    """
    assert names(source) == ["CrossEntropyLabelSmooth.forward"]
