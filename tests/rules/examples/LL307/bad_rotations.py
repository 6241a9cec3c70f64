import tensorflow as tf
import torch


def geodesic_loss(pred, target):
    trace = torch.einsum("bij,bij->b", pred, target)
    return torch.acos(((trace - 1) / 2).clamp(-1, 1)).mean()  # expect: LL307


def products_loss(pred, target):
    trace = (pred * target).sum((1, 2))
    return torch.acos(torch.clamp(0.5 * (trace - 1.0), -1, 1)).mean()  # expect: LL307


def diagonal_loss(y_true, y_pred):
    m = tf.matmul(y_pred, y_true, transpose_b=True)
    trace = tf.reduce_sum(tf.linalg.diag_part(m), -1)
    return tf.reduce_mean(tf.acos(tf.clip_by_value((trace - 1.0) / 2.0, -1.0, 1.0)))  # expect: LL307
