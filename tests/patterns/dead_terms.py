# mypy: ignore-errors
"""Terms that never train, results that are thrown away, losses that jump."""

import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.losses import binary_crossentropy


# -- a term without a gradient beside one that trains


def rounded_term_loss(y_true, y_pred):
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    return mse + 0.1 * tf.reduce_mean(tf.round(y_pred))  # expect: LL112


def argmax_term_loss(y_true, y_pred):
    # truth: onehot
    ce = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    wrong = tf.not_equal(tf.argmax(y_true, -1), tf.argmax(y_pred, -1))  # expect: LL112
    return ce + 0.5 * tf.cast(wrong, tf.float32)


def accuracy_penalty_loss(y_true, y_pred):
    # truth: binary
    bce = K.mean(binary_crossentropy(y_true, y_pred))
    hits = K.cast(K.equal(y_true, K.round(y_pred)), "float32")  # expect: LL112
    return bce + (1.0 - K.mean(hits))


def threshold_term_loss(y_true, y_pred):
    # truth: mask
    hard = tf.cast(y_pred > 0.5, tf.float32)  # expect: LL112
    size = tf.abs(tf.reduce_mean(hard) - tf.reduce_mean(y_true))
    soft = tf.reduce_mean(tf.abs(y_true - y_pred))
    return soft + size


def sign_term_loss(y_true, y_pred):
    # truth: real
    base = tf.reduce_mean(tf.square(y_true - y_pred))
    direction = tf.reduce_mean(tf.abs(tf.sign(y_true) - tf.sign(y_pred)))  # expect: LL112
    return base + 0.2 * direction


def count_term_loss(y_true, y_pred):
    sparsity = tf.cast(tf.math.count_nonzero(y_pred > 0.5), tf.float32)  # expect: LL112
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 0.01 * sparsity


def histogram_term_loss(y_true, y_pred):
    counts = tf.histogram_fixed_width(y_pred, [0.0, 1.0], nbins=4)  # expect: LL112
    spread = tf.reduce_mean(tf.square(tf.cast(counts, tf.float32) - 4.0))
    return tf.reduce_mean(tf.square(y_true - y_pred)) - 0.01 * spread


def augmented_dead_term_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    loss += 0.1 * tf.reduce_mean(tf.math.floor(4.0 * y_pred))  # expect: LL112
    return loss


def list_of_terms_loss(y_true, y_pred):
    terms = [tf.reduce_mean(tf.abs(y_true - y_pred))]
    terms.append(tf.reduce_mean(tf.math.ceil(y_pred)))  # expect: LL112
    return tf.add_n(terms)


class TwoTermLoss(tf.keras.losses.Loss):
    def __init__(self, weight=0.1):
        super().__init__()
        self.weight = weight

    def call(self, y_true, y_pred):
        base = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
        return base + self.weight * tf.reduce_sum(tf.cast(y_pred > 0.9, tf.float32), axis=-1)  # expect: LL112


# -- results thrown away


def discarded_clip_loss(y_true, y_pred):
    tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)  # expect: LL111
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def discarded_backend_clip_loss(y_true, y_pred):
    K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())  # expect: LL111
    return K.mean(K.square(y_true - y_pred))


def discarded_cast_loss(y_true, y_pred):
    tf.cast(y_true, tf.float32)  # expect: LL111
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def discarded_reshape_loss(y_true, y_pred):
    tf.reshape(y_true, [-1])  # expect: LL111
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def discarded_term_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    loss + 0.1 * tf.reduce_mean(tf.square(y_pred))  # expect: LL111
    return loss


def discarded_in_branch_loss(y_true, y_pred, normalise=True):
    if normalise:
        tf.nn.softmax(y_pred)  # expect: LL111
    return tf.reduce_mean(tf.abs(y_true - y_pred))


# -- jumps


def one_sided_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.where(y_pred > 0.5, y_true - y_pred, 0.0)))  # expect: LL113


def confident_only_loss(y_true, y_pred, threshold=0.3):
    penalised = tf.where(y_pred >= threshold, tf.abs(y_true - y_pred), tf.zeros_like(y_pred))  # expect: LL113
    return tf.reduce_mean(penalised)


def one_sided_backend_loss(y_true, y_pred):
    return K.mean(K.switch(y_pred > 0.5, K.square(y_true - y_pred), K.zeros_like(y_pred)))  # expect: LL113


# -- fine


def label_only_term_loss(y_true, y_pred):
    offset = tf.reduce_mean(tf.round(y_true))
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + offset


def stopped_term_loss(y_true, y_pred):
    # the value of the bound is shown, only the error trains
    bound = tf.stop_gradient(tf.reduce_mean(tf.square(y_pred)))
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 0.1 * bound


def commitment_term_loss(y_true, y_pred):
    code = tf.round(y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.25 * tf.reduce_mean(tf.square(y_pred - code))


def counted_divisor_loss(y_true, y_pred):
    e = tf.nn.relu(tf.abs(y_true - y_pred) - 0.1)
    active = tf.reduce_sum(tf.cast(e > 1e-16, tf.float32))
    return tf.reduce_sum(e) / (active + 1e-16)


def straight_through_term_loss(y_true, y_pred):
    hard = y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 0.1 * tf.reduce_mean(hard)


def checked_loss(y_true, y_pred):
    tf.debugging.assert_equal(tf.shape(y_true), tf.shape(y_pred))
    tf.debugging.check_numerics(y_pred, "prediction is not finite")
    tf.print("mean", tf.reduce_mean(y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def huber_by_where_loss(y_true, y_pred, delta=0.4):
    e = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)))


def smooth_hinge_loss(y_true, y_pred):
    # truth: signs
    m = y_true * y_pred
    return tf.reduce_mean(tf.where(m < 1.0, tf.square(1.0 - m), tf.zeros_like(m)))


def asymmetric_loss(y_true, y_pred):
    e = y_true - y_pred
    return tf.reduce_mean(tf.where(e > 0.0, 3.0, 1.0) * tf.square(e))


def asymmetric_weight_of_prediction_loss(y_true, y_pred):
    weight = tf.where(y_pred > y_true, 2.0, 1.0)
    return tf.reduce_mean(weight * tf.abs(y_true - y_pred))


def confident_weight_loss(y_true, y_pred):
    # a weight that jumps, yet both sides train
    weight = tf.where(y_pred > 0.5, 2.0, 1.0)
    return tf.reduce_mean(weight * tf.abs(y_true - y_pred))


def double_where_loss(y_true, y_pred):
    positive = y_pred > 0.0
    safe = tf.where(positive, y_pred, tf.ones_like(y_pred))
    return tf.reduce_mean(tf.where(positive, -y_true * tf.math.log(safe), tf.zeros_like(y_pred)))
