import keras
import tensorflow as tf
import torch
from torch import nn

class Distance(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class OverlapLoss(nn.Module):
    def forward(self, pred, target):
        return 1.0 - (pred * target).sum() / (pred + target + 1.0).sum()

model = keras.Sequential([keras.layers.Dense(3)])
net = nn.Linear(4, 3)

def distance_step(x, y):
    with tf.GradientTape() as tape:
        loss = Distance(y, model(x))  # expect: LL405
    return tape.gradient(loss, model.trainable_variables)

def squared_loss(y_true, y_pred):
    return tf.keras.losses.MeanSquaredError(y_true, y_pred) + tf.reduce_mean(y_pred)  # expect: LL405

def class_step(x, y):
    loss = nn.CrossEntropyLoss(net(x), y)  # expect: LL405
    loss.backward()

def overlap_step(x, y):
    loss = OverlapLoss(net(x), y)  # expect: LL405
    loss.backward()
