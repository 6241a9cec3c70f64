import tensorflow as tf
import torch
import torch.nn.functional as F


def distil_step(student, teacher, x, y, optimizer):
    with torch.no_grad():
        _, wanted = teacher(x)
    logits, maps = student(x)
    transfer = sum(F.mse_loss(s.detach(), t.detach()) for s, t in zip(maps, wanted))  # expect: LL112
    loss = F.cross_entropy(logits, y) + 10.0 * transfer
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def consistent_loss(y_true, y_pred):
    first, second = tf.split(y_pred, 2, axis=0)
    gap = tf.stop_gradient(tf.nn.softmax(first)) - tf.stop_gradient(tf.nn.softmax(second))  # expect: LL112
    return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(tf.square(gap))
