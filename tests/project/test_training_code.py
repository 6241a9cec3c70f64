"""Losses that are found where something is trained: tapes, steps, minimisers, backward passes."""

from __future__ import annotations

import ast

from tests.project.finding import losses, names


def test_compute_loss_and_training_step() -> None:
    assert names("""
        import keras

        class Net(keras.Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                return keras.ops.mean(keras.ops.square(y - y_pred))
    """) == ["Net.compute_loss"]
    found = losses("""
        import pytorch_lightning as pl
        import torch.nn.functional as F

        class Net(pl.LightningModule):
            def training_step(self, batch, batch_idx):
                x, y = batch
                return F.mse_loss(self(x), y)
            def validation_step(self, batch, batch_idx):
                x, y = batch
                return F.mse_loss(self(x), y)
    """)
    assert list(found) == ["Net.training_step"]
    assert found["Net.training_step"].framework == "torch"


def test_tape_in_a_train_step_is_one_site_with_the_method_as_node() -> None:
    found = losses("""
        import tensorflow as tf

        class Net(tf.keras.Model):
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    value = tf.reduce_mean(tf.square(y - self(x)))
                grads = tape.gradient(value, self.trainable_variables)
                self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
                return {"loss": value}
    """)
    site = found["Net.train_step"]
    assert site.kind == "tape"
    assert isinstance(site.node, ast.FunctionDef)
    assert site.reason == "its GradientTape is differentiated in line 9"


def test_tape_at_module_level_is_the_with_statement_also_in_a_loop() -> None:
    found = losses("""
        import tensorflow as tf
        for x in range(3):
            with tf.GradientTape() as tape:
                cost = tf.reduce_mean(net(x))
            grads = tape.gradient(cost, net.trainable_variables)
    """)
    site = found["<tape>"]
    assert isinstance(site.node, ast.With)
    assert site.owner is None


def test_functions_called_under_a_tape_are_losses_whatever_their_name() -> None:
    assert names("""
        import tensorflow as tf

        def encode(x):
            return tf.nn.relu(x)

        def closeness(z):
            return -tf.reduce_mean(tf.matmul(z, z, transpose_b=True))

        def spread(z):
            return tf.math.reduce_std(z)

        with tf.GradientTape() as tape:
            z = encode(net(batch))
            total = closeness(z) + 0.1 * tf.reduce_mean(spread(z))
        grads = tape.gradient(total, net.trainable_variables)
    """) == ["closeness", "spread", "<tape>"]


def test_a_physics_tape_inside_a_compiled_loss_is_not_a_second_site() -> None:
    found = losses("""
        import tensorflow as tf

        def network(x):
            return tf.tanh(x)

        def residual(y_true, y_pred):
            with tf.GradientTape() as inner:
                inner.watch(points)
                u = network(points)
            slope = inner.gradient(u, points)
            return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(tf.square(slope))

        model.compile(loss=residual)
    """)
    assert [(site.qualname, site.kind) for site in found.values()] == [("residual", "function")]


def test_tf1_expression_at_module_level_and_through_self() -> None:
    found = losses("""
        import tensorflow.compat.v1 as tf

        x = tf.placeholder(tf.float32, [None, 3])
        cost = tf.reduce_mean(tf.square(x))
        step = tf.train.AdamOptimizer().minimize(cost)

        class Agent:
            def build(self):
                self.objective = tf.reduce_mean(tf.log(self.probs))
                grads = self.optimizer.compute_gradients(self.objective)
    """)
    assert {name: site.kind for name, site in found.items()} == {"cost": "expression", "Agent.build.objective": "expression"}
    assert found["cost"].owner is None
    assert found["Agent.build.objective"].owner is not None
    assert isinstance(found["cost"].node, ast.Name)


def test_minimize_of_a_lambda_is_a_lambda() -> None:
    found = losses("""
        import tensorflow as tf
        v = tf.Variable(2.0)
        tf.keras.optimizers.SGD().minimize(lambda: tf.square(v - 1.0), [v])
    """)
    assert [site.kind for site in found.values()] == ["lambda"]


def test_add_loss_marks_the_function_and_the_expression() -> None:
    found = losses("""
        import tensorflow as tf

        def gap(a, b):
            return tf.reduce_mean(tf.abs(a - b))

        class Tie(tf.keras.layers.Layer):
            def call(self, pair):
                self.add_loss(0.5 * gap(*pair))
                return pair[0]
    """)
    assert {name: site.kind for name, site in found.items()} == {"gap": "function", "Tie.call.<expression>": "expression"}


def test_tf1_properties_and_helper_parameters() -> None:
    found = losses("""
        import tensorflow as tf

        class Net:
            @lazy_property
            def gap(self):
                return tf.reduce_mean(self.output - self.wanted)

            @lazy_property
            def optimize(self):
                return tf.train.AdamOptimizer().minimize(self.gap)

        def train_op(value, rate):
            return tf.train.AdamOptimizer(rate).minimize(value)

        objective = tf.reduce_sum(tf.get_variable("x", [3]))
        step = train_op(objective, 0.1)
    """)
    assert {name: site.kind for name, site in found.items()} == {
        "Net.gap": "method", "Net.optimize.gap": "expression", "objective": "expression"}
    assert found["objective"].owner is None
    assert found["objective"].row == 17


def test_older_ways_to_train() -> None:
    found = losses("""
        import tensorflow as tf
        total_loss = tf.reduce_mean(net(x))
        train = tf.contrib.slim.learning.create_train_op(total_loss, opt)
        updates = opt.get_updates(loss=tf.reduce_mean(policy), params=weights)
        spec = tf.estimator.EstimatorSpec(mode, loss=tf.reduce_sum(head))
    """)
    assert list(found) == ["total_loss", "<expression>"]
    assert {site.kind for site in found.values()} == {"expression"}


def test_backward_in_its_many_forms() -> None:
    found = losses("""
        import torch
        first_loss.backward()
        scaler.scale(second).backward()
        accelerator.backward(third_loss)
        self.manual_backward(fourth)
        torch.autograd.backward(fifth)
        (sixth + seventh).backward()
        super().backward(grad)
    """)
    assert list(found) == ["first_loss", "second", "third_loss", "fourth", "fifth", "<expression>"]


def test_a_layer_that_adds_a_loss_and_returns_something_else() -> None:
    found = losses("""
        import keras

        class CTCLayer(keras.layers.Layer):
            def call(self, y_true, y_pred):
                value = keras.ops.mean(y_true - y_pred)
                self.add_loss(value)
                return y_pred
    """)
    assert {name: site.kind for name, site in found.items()} == {"CTCLayer.call.value": "expression"}


def test_a_training_step_with_a_loss_in_its_name_is_a_tape() -> None:
    found = losses("""
        import tensorflow as tf

        def loss_step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(x))
            optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
            return loss

        def gradient_penalty_loss(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                score = net(x)
            return tf.reduce_mean(tf.square(tape.gradient(score, x)))
    """)
    assert {name: site.kind for name, site in found.items()} == {"loss_step": "tape", "gradient_penalty_loss": "function"}


def test_decorator_that_differentiates_a_function_of_jax() -> None:
    found = losses("""
        from functools import partial
        import equinox as eqx
        import jax
        import jax.numpy as jnp

        @jax.jit
        @partial(jax.value_and_grad, argnums=1, has_aux=True)
        def actor(key, params, gain):
            gain = gain / gain.std()
            return -jnp.mean(params * gain), gain

        @eqx.filter_value_and_grad
        def critic(net, x):
            return jnp.mean(jax.vmap(net)(x) ** 2)
    """)
    assert {name: site.differentiated for name, site in found.items()} == {"actor": ("params",), "critic": ()}
    assert found["actor"].reason == "differentiated by jax.value_and_grad in line 8"


def test_loss_in_a_function_named_like_one_that_takes_a_loss() -> None:
    source = """
        import torch
        import torch.nn.functional as F

        def run(net, batches):
            for x, y in batches:
                loss = F.mse_loss(net(x), y)
                loss.backward()

        class Gan:
            def backward(self, z):
                self.loss = -self.critic(z).mean()
                self.loss.backward()

        class Optimizer:
            def backward(self, loss):
                loss.backward()

        class Again(torch.autograd.Function):
            @staticmethod
            def backward(ctx, upstream):
                with torch.enable_grad():
                    again = ctx.run(*ctx.saved_tensors)
                again.backward(upstream)
    """
    assert names(source) == ["run.loss", "Gan.backward.loss"]
