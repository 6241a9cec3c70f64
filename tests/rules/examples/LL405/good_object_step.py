import keras
import tensorflow as tf
import torch
from torch import nn

class Distance(keras.losses.Loss):
    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = scale, shift

    def call(self, y_true, y_pred):
        return self.scale * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1) + self.shift

class OverlapLoss(nn.Module):
    def forward(self, pred, target):
        return 1.0 - (pred * target).sum() / (pred + target + 1.0).sum()

model = keras.Sequential([keras.layers.Dense(3)])
net = nn.Linear(4, 3)
weights, ignored = torch.tensor([1.0, 2.0, 3.0]), -1

def distance_step(x, y):
    with tf.GradientTape() as tape:
        loss = Distance(2.0, 0.5)(y, model(x)) + tf.keras.losses.MeanSquaredError("sum", "mse")(y, model(x))
    return tape.gradient(loss, model.trainable_variables)

def class_step(x, y):
    loss = nn.CrossEntropyLoss(weights, None, ignored)(net(x), y) + OverlapLoss()(net(x), y)
    loss.backward()
