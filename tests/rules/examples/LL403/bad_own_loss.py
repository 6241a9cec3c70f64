import tensorflow as tf
import torch
import torch.nn.functional as F
from torch import nn

net = nn.Sequential(nn.Linear(4, 3))
keras_net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])

def focal(pred, labels):
    hot = F.one_hot(labels.long(), 3).float()  # expect: LL105
    return -(hot * F.log_softmax(pred, dim=1)).sum(1).mean()

def relative(target, pred):
    return ((target - pred).abs() / (target.abs() + 0.1)).mean()

def batch_loss(y_, y_conv):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=y_, labels=y_conv))  # expect: LL403

def classes(x, labels):
    logits = net(x)
    focal(labels, logits).backward()  # expect: LL403

def distance(x, y):
    output = net(x)
    loss = relative(output, y)  # expect: LL403
    loss.backward()

images, truth = tf.random.normal((20, 4)), tf.one_hot(tf.range(20) % 3, 3)
with tf.GradientTape() as tape:
    loss = batch_loss(truth, keras_net(images, training=True))
grads = tape.gradient(loss, keras_net.trainable_variables)
