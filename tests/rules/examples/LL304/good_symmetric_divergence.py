import tensorflow as tf
import torch


def symmetric_loss(y_true, y_pred):
    p, q = tf.nn.softmax(y_true), tf.nn.softmax(y_pred)
    log_ratio = tf.nn.log_softmax(y_true) - tf.nn.log_softmax(y_pred)
    return tf.reduce_mean(tf.reduce_sum((p - q) * log_ratio, -1))


def guarded_loss(logits, target):
    q = torch.softmax(logits, -1)
    return (target - q).mul(torch.log((target + 1e-6) / (q + 1e-6))).sum(-1).mean()
