import tensorflow as tf
import torch


def symmetric_loss(y_true, y_pred):
    p, q = tf.nn.softmax(y_true), tf.nn.softmax(y_pred)
    return tf.reduce_mean(tf.reduce_sum((p - q) * tf.math.log(p / q), -1))  # expect: LL304


def moved_loss(logits, target):
    q = torch.softmax(logits, -1)
    return (target - q).mul(torch.log(torch.softmax(target, -1) / q)).sum(-1).mean()  # expect: LL304
