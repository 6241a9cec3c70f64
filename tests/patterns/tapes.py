# mypy: ignore-errors
"""Training steps under a GradientTape: eager, in a tf.function, in a Keras train_step."""

import math

import numpy as np
import tensorflow as tf
from sklearn.metrics import mean_squared_error
from tensorflow import keras

LOG = []


# -- eager: NumPy and Python work, but cut


def numpy_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = np.mean(np.square(y - prediction))  # expect: LL101
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def numpy_method_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x).numpy()  # expect: LL102
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def predict_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(y - model.predict(x, verbose=0)))  # expect: LL103
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def sklearn_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.convert_to_tensor(mean_squared_error(y, model(x)))  # expect: LL103
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def argmax_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        guess = tf.argmax(model(x), axis=-1)  # expect: LL105
        loss = tf.reduce_mean(tf.cast(guess, tf.float32) - y[:, 0])
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def threshold_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        labels = tf.cast(model(x) > 0.5, tf.float32)  # expect: LL106
        loss = tf.reduce_mean(tf.square(y - labels))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def stopped_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        features = tf.stop_gradient(model(x))  # expect: LL108
        loss = tf.reduce_mean(tf.square(y - features))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def float_factor_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        mse = tf.reduce_mean(tf.square(y - model(x)))
        loss = mse * float(mse)  # expect: LL109
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def math_factor_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        mse = tf.reduce_mean(tf.square(y - model(x)))
        loss = mse * math.exp(mse)  # expect: LL109
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def numpy_divisor_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x)
        loss = tf.reduce_sum(tf.square(y - prediction)) / np.sum(prediction)  # expect: LL109
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def dead_term_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x)
        loss = tf.reduce_mean(tf.square(y - prediction)) + 0.1 * tf.reduce_mean(tf.round(prediction))  # expect: LL112
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def stop_recording_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            prediction = model(x)  # expect: LL108
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def loss_after_block_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
    loss = tf.reduce_mean(tf.square(y - prediction))  # expect: LL501
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def summed_after_block_eager_step(model, optimizer, x, y):
    terms = []
    with tf.GradientTape() as tape:
        for power in (1, 2):
            terms.append(tf.reduce_mean(tf.abs(y - model(x)) ** power))
    loss = tf.add_n(terms)  # expect: LL501
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


# -- eager: fine


def plain_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    LOG.append(float(loss))
    print(f"loss {loss.numpy():.4f}", np.mean(np.abs(y - prediction.numpy())))


def branching_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        prediction = model(x)
        loss = tf.reduce_mean(tf.abs(y - prediction))
        if loss > 0.1 and not tf.reduce_any(prediction < 0):
            loss = 2.0 * loss
        for row in prediction:
            loss += 0.01 * max(tf.reduce_max(row), 0.0)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def numpy_label_eager_step(model, optimizer, x, y):
    weights = 1.0 + np.mean(y)
    with tf.GradientTape() as tape:
        loss = float(weights) * tf.reduce_mean(tf.abs(np.round(y) - model(x)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def td_target_eager_step(model, optimizer, x, y):
    following = model.predict(x, verbose=0)
    target = y + 0.9 * np.max(following, axis=-1, keepdims=True)
    actions = tf.argmax(model(x), axis=-1)
    with tf.GradientTape() as tape:
        values = model(x, training=True)
        q = tf.reduce_sum(values * tf.one_hot(actions, 3), axis=-1)
        loss = tf.reduce_mean(tf.square(tf.stop_gradient(target[:, 0]) - q))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def clipped_gradient_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = keras.losses.MeanSquaredError()(y, model(x))
        loss += sum(model.losses)
    grads = tape.gradient(loss, model.trainable_variables)
    grads = [tf.clip_by_norm(g, 1.0) for g in grads]
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    accuracy = np.mean(np.argmax(model(x).numpy(), -1) == np.argmax(y.numpy(), -1))
    LOG.append(accuracy)


def accumulated_eager_step(model, optimizer, x, y):
    total = [tf.zeros_like(v) for v in model.trainable_variables]
    for part in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y[part::2] - model(x[part::2])))
        grads = tape.gradient(loss, model.trainable_variables)
        total = [a + g for a, g in zip(total, grads)]
    optimizer.apply_gradients(zip(total, model.trainable_variables))


def reported_after_block_eager_step(model, optimizer, x, y):
    with tf.GradientTape(persistent=True) as tape:
        prediction = model(x, training=True)
        terms = [tf.reduce_mean(tf.square(y - prediction)), tf.reduce_mean(tf.abs(y - prediction))]
        loss = terms[0] + terms[1]
    LOG.append(tf.reduce_max(loss - terms[0]))
    tape.gradient(terms[1], model.trainable_variables)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def reopened_tape_eager_step(model, optimizer, x, y):
    tape = tf.GradientTape()
    with tape:
        prediction = model(x, training=True)
    with tape:
        loss = tf.reduce_mean(tf.square(y - prediction))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


# -- in a graph


@tf.function
def converted_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(y - model(x)))
        if loss > 0.1:
            loss = 2.0 * loss
    grads = tape.gradient(loss, model.trainable_variables)
    for g, v in zip(grads, model.trainable_variables):
        v.assign_sub(0.1 * g)


@tf.function
def numpy_graph_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = np.mean(tf.abs(y - model(x)))  # expect: LL101
    grads = tape.gradient(loss, model.trainable_variables)
    for g, v in zip(grads, model.trainable_variables):
        v.assign_sub(0.1 * g)


@tf.function
def logged_graph_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(y - model(x)))
    grads = tape.gradient(loss, model.trainable_variables)
    LOG.append(loss.numpy())  # expect: LL102
    for g, v in zip(grads, model.trainable_variables):
        v.assign_sub(0.1 * g)


class Trainer(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            prediction = self(x, training=True)
            loss = tf.reduce_mean(tf.square(y - prediction))
            if loss > 1.0:  # expect: LL201
                loss = tf.sqrt(loss)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}


class CuttingTrainer(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            guess = tf.round(self(x, training=True))  # expect: LL105
            loss = self.compute_loss(y=y, y_pred=guess)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": loss}


class LoggingTrainer(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(y - self(x, training=True)))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables))
        return {"loss": float(loss)}  # expect: LL102


class PlainTrainer(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            prediction = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=prediction)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        for metric in self.metrics:
            metric.update_state(y, tf.round(prediction))
        return {m.name: m.result() for m in self.metrics}


class Variational(keras.layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        kl = -0.5 * tf.reduce_mean(1.0 + log_var - tf.square(mean) - tf.exp(log_var))
        self.add_loss(kl)
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


# -- what a tape is asked to differentiate by


def unwatched_penalty_eager_step(model, optimizer, x, y):
    mixed = x + 0.1 * tf.random.normal(tf.shape(x))
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            score = model(mixed, training=True)
        slope = inner.gradient(score, mixed)  # expect: LL502
        loss = tf.reduce_mean(tf.square(y - score)) + tf.reduce_mean(slope**2)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def watched_penalty_eager_step(model, optimizer, x, y):
    mixed = x + 0.1 * tf.random.normal(tf.shape(x))
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(mixed)
            score = model(mixed, training=True)
        slope = inner.gradient(score, mixed)
        loss = tf.reduce_mean(tf.square(y - score)) + tf.reduce_mean(slope**2)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def integer_grid_eager_step(model, optimizer, x, y):
    grid = tf.range(3)
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            score = model(x, training=True) * tf.cast(tf.reduce_sum(grid), tf.float32)
        slope = inner.gradient(score, grid)  # expect: LL502
        loss = tf.reduce_mean(tf.square(y - score)) + tf.reduce_mean(tf.cast(slope, tf.float32))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


# -- gradients and variables in pairs


def unpaired_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients([*grads])  # expect: LL504


def swapped_pairs_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(model.trainable_variables, grads))  # expect: LL504


def hidden_break_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        guess = tf.round(model(x, training=True))  # expect: LL105
        loss = tf.reduce_mean(tf.square(y - guess))
    grads = tape.gradient(loss, model.trainable_variables, unconnected_gradients="zero")  # expect: LL504
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def zeros_for_unused_eager_step(model, optimizer, x, y):
    unused = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    variables = [*model.trainable_variables, unused]
    grads = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    optimizer.apply_gradients(zip(grads, variables))


def filtered_pairs_eager_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - model(x, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients((g, v) for g, v in zip(grads, model.trainable_variables) if g is not None)


twin = tf.keras.Sequential([tf.keras.layers.Dense(1)])
other_twin = tf.keras.Sequential([tf.keras.layers.Dense(1)])


def clipped_for_the_twin_eager_step(model, optimizer, x, y):
    # truth: skip
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(twin(x) - other_twin(x)))
    grads = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, twin.trainable_variables)]
    optimizer.apply_gradients(zip(grads, other_twin.trainable_variables))  # expect: LL504


def clipped_for_itself_eager_step(model, optimizer, x, y):
    # truth: skip
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(twin(x) - other_twin(x)))
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, twin.trainable_variables), 1.0)
    optimizer.apply_gradients(zip([tf.clip_by_norm(g, 1.0) for g in grads], twin.trainable_variables))
