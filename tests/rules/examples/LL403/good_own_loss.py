import tensorflow as tf
import torch
import torch.nn.functional as F
from torch import nn

net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))
keras_net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])

def overlap(target, pred):
    return 1 - 2 * (target * pred).sum() / (target.sum() + pred.sum() + 1.0)

def squared(target, pred):
    return ((target - pred) ** 2).mean()

def one_sided(y_true, y_pred):
    return -(y_true * torch.log(y_pred + 1e-3)).sum(1).mean()

def smooth(target, pred):
    return F.huber_loss(pred, target)

def relative(target, pred):
    return ((target - pred).abs() / (target.abs() + 0.1)).mean()

def batch_loss(y_, y_conv):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=y_conv, labels=y_))

def both_ways(x, y, target):
    pred = net(x)
    loss = overlap(pred, y) + squared(pred, y) + one_sided(pred, y) + one_sided(y, pred) + smooth(pred, target)
    loss.backward()

def named_after_data(batch):
    inputs, outputs = batch
    y = net(inputs)
    relative(outputs, y).backward()

images, truth = tf.random.normal((20, 4)), tf.one_hot(tf.range(20) % 3, 3)
with tf.GradientTape() as tape:
    loss = batch_loss(truth, keras_net(images, training=True))
grads = tape.gradient(loss, keras_net.trainable_variables)
