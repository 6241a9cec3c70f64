import tensorflow as tf
import torch
from tensorflow.keras import layers
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.gain = nn.Parameter(torch.zeros(1))
        self.last = nn.Linear(4, 4)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.offset = nn.Linear(4, 4)
        nn.init.zeros_(self.offset.weight)
        self.places = nn.Parameter(torch.zeros(4))
        nn.init.trunc_normal_(self.places)

    def forward(self, x):
        h = x + self.gain * self.body(x)
        return h + self.last(torch.relu(h)), self.offset(h), self.places

def train_block(x):
    net = Block()
    optimizer = torch.optim.Adam(net.parameters())
    y, offset, places = net(x)
    loss = sum(torch.sqrt((value ** 2).sum(-1)).mean() for value in (y, offset, places))
    loss.backward()
    optimizer.step()

one = tf.keras.Sequential([layers.Dense(8, activation="relu"),
                           layers.Dense(3, kernel_initializer="zeros", bias_initializer="ones")])
zero = tf.keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, kernel_initializer="zeros")])
scale, mean = tf.Variable(tf.zeros([3])), tf.Variable(tf.zeros([3]))

def step(x, t, optimizer):
    with tf.GradientTape() as tape:
        v = zero(x)
        loss = tf.reduce_mean(tf.norm(one(x), axis=-1)) + tf.reduce_mean(tf.norm((t - mean) / tf.exp(scale), axis=-1))
        loss += tf.reduce_mean(tf.sqrt(tf.reduce_sum(v * v, -1) + 1e-6)) + tf.reduce_mean(tf.abs(v - t))
    weights = [*one.trainable_variables, *zero.trainable_variables, scale, mean]
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

class Gain(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.kernel = self.add_weight(shape=(3, 2), initializer="glorot_uniform")
        self.offset = self.add_weight(shape=(2,), initializer="zeros")
        self.gain = self.add_weight(shape=(2,), initializer="zeros")

    def call(self, x):
        return (x @ self.kernel + self.offset) * tf.exp(self.gain)

gains = Gain()

def gains_step(points, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.norm(gains(points), axis=-1))
    optimizer.apply_gradients(zip(tape.gradient(loss, gains.trainable_variables), gains.trainable_variables))
