# mypy: ignore-errors
"""Sequences: language models, CTC, alignment, forecasts."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")  # truth: skip


def masked_loss(y_true, y_pred):
    # truth: tokens
    mask = tf.logical_not(tf.math.equal(y_true, 0))
    loss_ = loss_object(y_true, y_pred)
    mask = tf.cast(mask, dtype=loss_.dtype)
    loss_ *= mask
    return tf.reduce_sum(loss_) / tf.reduce_sum(mask)


def masked_accuracy_loss(y_true, y_pred):
    # truth: tokens
    guess = tf.cast(tf.argmax(y_pred, axis=2), y_true.dtype)  # expect: LL105
    match = tf.cast(y_true == guess, tf.float32)
    mask = tf.cast(y_true != 0, tf.float32)
    return 1.0 - tf.reduce_sum(match * mask) / tf.reduce_sum(mask)


def masked_lm_loss(labels, logits):
    # truth: tokens
    active = tf.reshape(labels, (-1,)) != -100
    reduced_logits = tf.boolean_mask(tf.reshape(logits, (-1, 4)), active)
    reduced_labels = tf.boolean_mask(tf.reshape(labels, (-1,)), active)
    return tf.reduce_mean(loss_object(reduced_labels, reduced_logits))


def label_smoothed_loss(y_true, y_pred, epsilon=0.1):
    # truth: tokens
    vocabulary = y_pred.shape[-1]
    target = tf.one_hot(tf.cast(y_true, tf.int32), vocabulary)
    target = (1 - epsilon) * target + epsilon / vocabulary
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, y_pred))


def decoded_tokens_loss(y_true, y_pred):
    # truth: tokens
    decoded = tf.argmax(y_pred, axis=-1)  # expect: LL105
    return tf.reduce_mean(tf.abs(tf.cast(decoded, tf.float32) - y_true))


def perplexity_loss(y_true, y_pred):
    # truth: tokens
    return K.exp(K.mean(loss_object(y_true, y_pred)))


def numpy_perplexity_loss(y_true, y_pred):
    # truth: tokens
    return np.exp(tf.reduce_mean(loss_object(y_true, y_pred)))  # expect: LL101


def math_free_loop_loss(y_true, y_pred):
    # truth: tokens
    total = 0.0
    for step in range(y_pred.shape[1]):
        total += tf.reduce_mean(loss_object(y_true[:, step], y_pred[:, step]))
    return total / float(y_pred.shape[1])


def time_loop_loss(y_true, y_pred):
    # truth: tokens
    total = 0.0
    for step in tf.range(tf.shape(y_pred)[1]):  # expect: LL203
        total += tf.reduce_mean(loss_object(y_true[:, step], y_pred[:, step]))
    return total


def ctc_loss(y_true, y_pred):
    # truth: tokens
    labels = tf.cast(tf.minimum(y_true[:, :2], 2.0), tf.int32)
    batch = tf.shape(y_pred)[0]
    label_length = 2 * tf.ones([batch], tf.int32)
    logit_length = tf.shape(y_pred)[1] * tf.ones([batch], tf.int32)
    return tf.nn.ctc_loss(labels, y_pred, label_length, logit_length, logits_time_major=False, blank_index=3)


def ctc_batch_cost_loss(y_true, y_pred):
    # truth: tokens, skip
    batch_len = tf.cast(tf.shape(y_true)[0], dtype="int64")
    input_length = tf.cast(tf.shape(y_pred)[1], dtype="int64") * tf.ones(shape=(batch_len, 1), dtype="int64")
    label_length = tf.cast(tf.shape(y_true)[1], dtype="int64") * tf.ones(shape=(batch_len, 1), dtype="int64")
    return keras.backend.ctc_batch_cost(y_true, y_pred, input_length, label_length)


def ctc_decode_loss(y_true, y_pred):
    # truth: tokens
    time_major = tf.transpose(y_pred, [1, 0, 2])
    decoded, _ = tf.nn.ctc_greedy_decoder(time_major, 5 * tf.ones([tf.shape(y_pred)[0]], tf.int32))  # expect: LL105
    dense = tf.sparse.to_dense(decoded[0])
    return tf.reduce_mean(tf.cast(dense, tf.float32)) + 0.0 * tf.reduce_mean(y_true)


def edit_distance_loss(y_true, y_pred):
    # truth: tokens
    guess = tf.sparse.from_dense(tf.argmax(y_pred, -1, output_type=tf.int32))  # expect: LL105
    truth = tf.sparse.from_dense(tf.cast(y_true, tf.int32))
    return tf.reduce_mean(tf.edit_distance(guess, truth))


def soft_minimum(a, b, c, gamma):
    z = tf.stack([-a, -b, -c], axis=-1) / gamma
    return -gamma * tf.reduce_logsumexp(z, axis=-1)


def soft_dtw_loss(y_true, y_pred, gamma=0.1):
    # truth: sequence
    d = tf.reduce_sum(tf.square(y_true[:, :, None] - y_pred[:, None, :]), axis=-1)
    n = 5
    big = 1e3 + tf.zeros_like(d[:, 0, 0])
    r = {(0, 0): tf.zeros_like(d[:, 0, 0])}
    for i in range(1, n + 1):
        r[i, 0], r[0, i] = big, big
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            r[i, j] = d[:, i - 1, j - 1] + soft_minimum(r[i - 1, j - 1], r[i - 1, j], r[i, j - 1], gamma)
    return r[n, n]


def numpy_table_dtw_loss(y_true, y_pred):
    # truth: sequence
    d = tf.reduce_sum(tf.square(y_true[0, :, None] - y_pred[0, None, :]), axis=-1)
    table = np.full((6, 6), 1e3)
    table[0, 0] = 0.0
    for i in range(1, 6):
        for j in range(1, 6):
            best = min(table[i - 1, j - 1], table[i - 1, j], table[i, j - 1])
            table[i, j] = d[i - 1, j - 1] + best  # expect: LL101
    return table[5, 5]


def crf_like_loss(y_true, y_pred):
    # truth: tokens
    tags = tf.one_hot(tf.cast(y_true, tf.int32), 4)
    transitions = 0.1 * tf.eye(4)
    unary = tf.reduce_sum(tags * y_pred, axis=[1, 2])
    binary = tf.reduce_sum(tf.matmul(tags[:, :-1], transitions) * tags[:, 1:], axis=[1, 2])
    alpha = y_pred[:, 0]
    for t in range(1, 5):
        alpha = tf.reduce_logsumexp(alpha[:, :, None] + transitions, axis=1) + y_pred[:, t]
    return tf.reduce_logsumexp(alpha, axis=-1) - unary - binary


def viterbi_loss(y_true, y_pred):
    # truth: tokens
    backpointers = []
    trellis = y_pred[:, 0]
    for t in range(1, 5):
        scores = trellis[:, :, None] + 0.1 * tf.eye(4)
        backpointers.append(tf.argmax(scores, axis=1))
        trellis = y_pred[:, t] + tf.reduce_max(scores, axis=1)
    best = tf.argmax(trellis, axis=-1)  # expect: LL105
    return tf.reduce_mean(tf.abs(tf.cast(best, tf.float32) - y_true[:, -1]))


def seq_last_step_loss(y_true, y_pred):
    # truth: sequence
    return keras.losses.mse(y_true[:, -1], y_pred[:, -1])


def direction_accuracy_loss(y_true, y_pred):
    # truth: sequence
    true_up = tf.sign(y_true[:, 1:] - y_true[:, :-1])
    pred_up = tf.sign(y_pred[:, 1:] - y_pred[:, :-1])  # expect: LL107
    return 1.0 - tf.reduce_mean(tf.cast(true_up * pred_up, tf.float32))


def directional_penalty_loss(y_true, y_pred):
    # truth: sequence
    true_move, pred_move = y_true[:, 1:] - y_true[:, :-1], y_pred[:, 1:] - y_pred[:, :-1]
    wrong = tf.cast(tf.less(true_move * pred_move, 0.0), tf.float32)
    return tf.reduce_mean((1.0 + 9.0 * wrong) * tf.square(true_move - pred_move))


def direction_term_loss(y_true, y_pred):
    # truth: sequence
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    wrong = tf.cast(tf.less(y_true * (y_pred - 0.5), 0.0), tf.float32)  # expect: LL112
    return mse + 0.5 * tf.reduce_mean(wrong)


def variable_length_loss(y_true, y_pred):
    # truth: sequence
    lengths = tf.cast(5.0 * y_true[:, 0, 0], tf.int32)
    mask = tf.sequence_mask(lengths, maxlen=5, dtype=tf.float32)
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return tf.reduce_sum(error * mask) / tf.maximum(tf.reduce_sum(mask), 1.0)


def nan_labels_loss(y_true, y_pred):
    missing = tf.math.is_nan(y_true)
    clean = tf.where(missing, tf.zeros_like(y_true), y_true)
    error = tf.where(missing, tf.zeros_like(y_true), tf.square(clean - y_pred))
    return tf.reduce_sum(error) / tf.maximum(tf.reduce_sum(tf.cast(~missing, tf.float32)), 1.0)


def np_nan_labels_loss(y_true, y_pred):
    valid = np.where(np.isnan(y_true), 0.0, 1.0)  # expect: LL101
    return tf.reduce_mean(tf.square((y_true - y_pred) * valid))


def train(model):
    model.compile("adam", loss=[numpy_perplexity_loss, numpy_table_dtw_loss])
