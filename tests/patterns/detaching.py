# mypy: ignore-errors
"""stop_gradient, variables, tapes that do not record: on the only path, and where they are meant."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

target_network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
temperature = tf.Variable(2.0, trainable=False)


def stopped_prediction_loss(y_true, y_pred):
    y_pred = tf.stop_gradient(y_pred)  # expect: LL108
    return tf.reduce_mean(tf.square(y_true - y_pred))


def stopped_result_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.stop_gradient(loss)  # expect: LL108


def backend_stopped_loss(y_true, y_pred):
    weights = K.stop_gradient(y_pred)  # expect: LL108
    return K.mean(weights * K.abs(y_true))


def stopped_through_helper(x):
    return tf.stop_gradient(tf.nn.softmax(x))  # expect: LL108


def stopped_in_helper_loss(y_true, y_pred):
    p = stopped_through_helper(y_pred)
    return -tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(p + 1e-7), axis=-1))


def both_stopped_loss(y_true, y_pred):
    weight = tf.stop_gradient(1.0 - y_pred)  # expect: LL108
    error = tf.stop_gradient(tf.square(y_true - y_pred))  # expect: LL108
    return tf.reduce_mean(weight * error)


def stopped_everything_loss(y_true, y_pred):
    terms = [tf.abs(y_true - y_pred), tf.square(y_true - y_pred)]
    detached = [tf.stop_gradient(t) for t in terms]  # expect: LL108
    return tf.reduce_mean(tf.add_n(detached))


def stop_recording_loss(y_true, y_pred):
    # truth: skip
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        with tape.stop_recording():
            error = tf.reduce_mean(tf.square(y_true - y_pred))  # expect: LL108
    return error


class StoppedLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        q = tf.stop_gradient(tf.nn.softmax(y_pred))  # expect: LL108
        return keras.losses.categorical_crossentropy(y_true, q)


def none_gradient(x):
    @tf.custom_gradient
    def blocked(t):
        def grad(dy):
            return None

        return tf.identity(t), grad

    return blocked(x)


# -- meant


def detached_target_loss(y_true, y_pred):
    target = tf.stop_gradient(0.5 * y_true + 0.5 * y_pred)
    return tf.reduce_mean(tf.square(target - y_pred))


def detached_weight_loss(y_true, y_pred):
    weight = tf.stop_gradient(tf.abs(y_true - y_pred) ** 0.5)
    return tf.reduce_mean(weight * tf.square(y_true - y_pred))


def one_branch_stopped_loss(y_true, y_pred):
    # truth: long
    online, target = tf.split(y_pred, 2, axis=-1)
    return tf.reduce_mean(tf.square(online - tf.stop_gradient(target)))


def vq_loss(y_true, y_pred):
    code = tf.round(4.0 * y_pred) / 4.0
    commitment = tf.reduce_mean(tf.square(tf.stop_gradient(code) - y_pred))
    quantised = y_pred + tf.stop_gradient(code - y_pred)
    return tf.reduce_mean(tf.square(y_true - quantised)) + 0.25 * commitment


def max_shifted_loss(y_true, y_pred):
    # truth: onehot logits
    shifted = y_pred - tf.stop_gradient(tf.reduce_max(y_pred, axis=-1, keepdims=True))
    log_sum = tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1))
    return tf.reduce_mean(log_sum - tf.reduce_sum(y_true * shifted, axis=-1))


def variable_factor_loss(y_true, y_pred):
    return temperature * tf.reduce_mean(tf.square(y_true - y_pred) / temperature.read_value())


def updated_variable_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    temperature.assign(0.9 * temperature + 0.1 * tf.stop_gradient(error))
    return error


def circle_like_loss(y_true, y_pred):
    alpha = tf.stop_gradient(tf.nn.relu(1.25 - y_pred))
    return tf.reduce_mean(tf.nn.softplus(alpha * (1.25 - y_pred) * y_true))


@tf.custom_gradient
def clipped_identity(x):
    def grad(dy):
        return tf.clip_by_value(dy, -1.0, 1.0)

    return tf.identity(x), grad


def clipped_gradient_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - clipped_identity(y_pred)))


@tf.custom_gradient
def rounded(x):
    return tf.round(x), lambda dy: dy


def straight_through_custom_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - rounded(y_pred)))


def no_target_gradient_loss(y_true, y_pred):
    following = tf.stop_gradient(target_network(y_true))
    return tf.reduce_mean(keras.losses.huber(following, y_pred))
