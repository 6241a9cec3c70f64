# mypy: ignore-errors
"""Several terms: physics-informed, multi-task, uncertainty weights, mixup, regularisers, schedules."""

import functools

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras import layers

net = keras.Sequential([keras.Input((1,)), layers.Dense(8, activation="tanh"), layers.Dense(1)])
weight = tf.Variable(1.0, trainable=False)
CLASS_WEIGHTS = {0: 1.0, 1: 2.0, 2: 5.0}


# -- physics


def residual(t):
    with tf.GradientTape() as tape:
        tape.watch(t)
        u = net(t)
    return tape.gradient(u, t) + 2.0 * u


def physics_step(model, optimizer, x, y):
    t = tf.linspace(0.0, 1.0, 10)[:, None]
    with tf.GradientTape() as tape:
        boundary = tf.square(net(tf.zeros((1, 1))) - 1.0)
        loss = tf.reduce_mean(tf.square(residual(t))) + tf.reduce_mean(boundary) + tf.reduce_mean(tf.square(y - model(x)))
    variables = net.trainable_variables + model.trainable_variables
    grads = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(grads, variables))


def physics_numpy_step(model, optimizer, x, y):
    grid = np.linspace(0.0, 1.0, 10, dtype="float32")[:, None]
    with tf.GradientTape() as tape:
        u = model(x)
        slope = np.gradient(u, axis=0)  # expect: LL101
        loss = tf.reduce_mean(tf.square(slope + 2.0)) * float(grid[-1, 0])
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def second_derivative_step(model, optimizer, x, y):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            u = model(x)
        du = inner.gradient(u, x)
        loss = tf.reduce_mean(tf.square(du)) + tf.reduce_mean(tf.square(y - u))
    grads = outer.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def conservation_loss(y_true, y_pred):
    mass = tf.reduce_sum(y_pred, axis=-1) - tf.reduce_sum(y_true, axis=-1)
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.1 * tf.reduce_mean(tf.square(mass))


def positivity_loss(y_true, y_pred):
    # truth: real
    violations = tf.cast(y_pred < 0.0, tf.float32)  # expect: LL112
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 10.0 * tf.reduce_sum(violations)


def soft_positivity_loss(y_true, y_pred):
    # truth: real
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 10.0 * tf.reduce_sum(tf.nn.relu(-y_pred))


def monotone_loss(y_true, y_pred):
    steps = y_pred[:, 1:] - y_pred[:, :-1]
    return K.mean(K.square(y_true - y_pred)) + 0.5 * K.mean(K.relu(-steps))


# -- several outputs and weights


class UncertaintyWeighted(keras.losses.Loss):
    def __init__(self, tasks=3):
        super().__init__()
        self.log_vars = tf.Variable(tf.zeros(tasks))

    def call(self, y_true, y_pred):
        precision = tf.exp(-self.log_vars)
        per_task = tf.reduce_mean(tf.square(y_true - y_pred), axis=0)
        return tf.reduce_sum(precision * per_task + self.log_vars)


class FreshUncertainty(keras.losses.Loss):
    def call(self, y_true, y_pred):
        log_var = tf.Variable(0.0)  # expect: LL208
        return tf.exp(-log_var) * tf.reduce_mean(tf.square(y_true - y_pred)) + log_var


class MultiTaskLayer(layers.Layer):
    def __init__(self, n_tasks=2, **kwargs):
        super().__init__(**kwargs)
        self.n_tasks = n_tasks

    def build(self, input_shape):
        self.log_vars = [self.add_weight(name=f"log_var{i}", shape=(1,), initializer="zeros") for i in range(self.n_tasks)]

    def multi_loss(self, ys_true, ys_pred):
        loss = 0.0
        for y_true, y_pred, log_var in zip(ys_true, ys_pred, self.log_vars):
            loss += K.sum(K.exp(-log_var[0]) * (y_true - y_pred) ** 2.0 + log_var[0], -1)
        return K.mean(loss)

    def call(self, inputs):
        ys_true, ys_pred = inputs[: self.n_tasks], inputs[self.n_tasks :]
        self.add_loss(self.multi_loss(ys_true, ys_pred))
        return K.concatenate(ys_pred, -1)


def class_weighted_loss(y_true, y_pred):
    # truth: onehot
    weights = tf.constant(list(CLASS_WEIGHTS.values()))
    sample = tf.reduce_sum(weights * y_true, axis=-1)
    return sample * keras.losses.categorical_crossentropy(y_true, y_pred)


def class_weight_lookup_loss(y_true, y_pred):
    # truth: onehot
    label = int(tf.argmax(y_true, axis=-1)[0])  # expect: LL102
    return CLASS_WEIGHTS[label] * keras.losses.categorical_crossentropy(y_true, y_pred)


def weighted_by_dict_loss(y_true, y_pred):
    # truth: onehot
    ce = keras.losses.categorical_crossentropy(y_true, y_pred)
    total = 0.0
    for c, w in CLASS_WEIGHTS.items():
        total += w * tf.reduce_mean(y_true[:, c] * ce)
    return total


def normalised_terms_loss(y_true, y_pred):
    a = tf.reduce_mean(tf.abs(y_true - y_pred))
    b = tf.reduce_mean(tf.square(y_true - y_pred))
    scale = tf.stop_gradient(a / (b + 1e-8))
    return a + scale * b


def normalised_by_float_loss(y_true, y_pred):
    a = tf.reduce_mean(tf.abs(y_true - y_pred))
    b = tf.reduce_mean(tf.square(y_true - y_pred))
    return a + b * (float(a) / float(b))  # expect: LL102


def accuracy_weighted_loss(y_true, y_pred):
    # truth: onehot
    ce = tf.reduce_mean(keras.losses.categorical_crossentropy(y_true, y_pred))
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y_true, -1), tf.argmax(y_pred, -1)), tf.float32))
    return ce * (2.0 - accuracy)


def accuracy_added_loss(y_true, y_pred):
    # truth: onehot
    ce = tf.reduce_mean(keras.losses.categorical_crossentropy(y_true, y_pred))
    accuracy = tf.reduce_mean(keras.metrics.categorical_accuracy(y_true, y_pred))  # expect: LL112
    return ce + 1.0 - accuracy


def chosen_output_loss(y_true, y_pred):
    # truth: onehot
    index = tf.argmax(y_true, axis=-1)
    outputs = tf.unstack(y_pred, axis=-1)
    return -tf.reduce_mean(outputs[index[0]])  # expect: LL204


# -- mixup, smoothing, noise


def mixup_loss(y_true, y_pred, lam=0.3):
    # truth: long
    a, b = tf.split(y_true, 2, axis=-1)
    p = tf.clip_by_value(y_pred[:, :4], 1e-7, 1.0)
    return -tf.reduce_mean(lam * tf.reduce_sum(a * tf.math.log(p), -1) + (1 - lam) * tf.reduce_sum(b * tf.math.log(p), -1))


def smoothing_schedule_loss(y_true, y_pred):
    # truth: onehot
    smooth = 0.1 * weight
    target = y_true * (1.0 - smooth) + smooth / 3.0
    return keras.losses.categorical_crossentropy(target, y_pred)


def dropout_noise_loss(y_true, y_pred):
    keep = np.random.binomial(1, 0.8, size=3).astype("float32")  # expect: LL207
    return tf.reduce_mean(keep * tf.square(y_true - y_pred))


def tf_dropout_noise_loss(y_true, y_pred):
    return tf.reduce_mean(tf.nn.dropout(tf.square(y_true - y_pred), 0.2))


# -- schedules


class Annealed(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.beta = 0.0

    def call(self, y_true, y_pred):
        # truth: callback
        return tf.reduce_mean(tf.square(y_true - y_pred)) + self.beta * tf.reduce_mean(tf.abs(y_pred))  # expect: LL207


annealed = Annealed()


class BetaSchedule(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        annealed.beta = min(1.0, epoch / 10.0)
        weight.assign(epoch / 10.0)


def scheduled_loss(y_true, y_pred):
    return weight * tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(tf.abs(y_true - y_pred))


STEP = 0


def global_counter_loss(y_true, y_pred):
    global STEP
    STEP += 1  # expect: LL207
    return tf.reduce_mean(tf.square(y_true - y_pred)) / (1.0 + 0.01 * STEP)


# -- regularisers


class Orthogonal(keras.regularizers.Regularizer):
    def __init__(self, strength=0.01):
        self.strength = strength

    def __call__(self, w):
        flat = tf.reshape(w, (-1, w.shape[-1]))
        gram = tf.matmul(flat, flat, transpose_a=True)
        return self.strength * tf.reduce_sum(tf.square(gram - tf.eye(w.shape[-1])))


class CountWeights(keras.regularizers.Regularizer):
    def __call__(self, w):
        return 0.01 * tf.reduce_sum(tf.cast(tf.abs(w) > 1e-3, tf.float32))  # expect: LL106


def l0_penalty(w):
    return 1e-3 * tf.cast(tf.math.count_nonzero(w), tf.float32)  # expect: LL105


def sparse_penalty(w):
    return 1e-3 * tf.reduce_sum(tf.abs(w))


def log_gradient_free(f):
    @functools.wraps(f)
    def wrapper(y_true, y_pred):
        value = f(y_true, y_pred)
        tf.debugging.assert_non_negative(value)
        return value

    return wrapper


@log_gradient_free
def wrapped_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred))


@log_gradient_free
def wrapped_round_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105


def lipschitz_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 1e-3 * tf.add_n([tf.nn.l2_loss(v) for v in net.trainable_variables])


def build():
    inputs = keras.Input((4,))
    hidden = layers.Dense(8, kernel_regularizer=Orthogonal(), activity_regularizer=l0_penalty)(inputs)
    hidden = layers.Dense(8, kernel_regularizer=CountWeights(), bias_regularizer=sparse_penalty)(hidden)
    model = keras.Model(inputs, layers.Dense(3)(hidden))
    model.compile("adam", loss=annealed)
    model.compile("adam", loss={"a": conservation_loss, "b": wrapped_loss}, loss_weights={"a": 1.0, "b": 0.1})
    return model
