import tensorflow as tf
import torch
from tensorflow.keras import layers
from torch import nn

class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(2, 8, 3, padding=1)
        self.flow = nn.Conv2d(8, 2, 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        self.flow.bias.data.fill_(0.0)

    def forward(self, images):
        return self.flow(torch.relu(self.features(images)))

def train_flow(images):
    net = Flow()
    optimizer = torch.optim.Adam(net.parameters())
    loss = torch.sqrt(net(images).pow(2).sum(dim=1)).mean()  # expect: LL303
    loss.backward()
    optimizer.step()

def reach_loss(y_true, y_pred):
    reach = tf.sqrt(tf.reduce_sum(tf.square(y_pred), axis=-1))  # expect: LL303
    return tf.reduce_mean(tf.square(reach - tf.reduce_max(y_true, axis=-1)))

model = tf.keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, kernel_initializer="zeros")])
model.compile(loss=reach_loss)

critic = tf.keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, kernel_initializer=tf.zeros_initializer())])

def penalty(mixed):
    with tf.GradientTape() as inner:
        inner.watch(mixed)
        score = critic(mixed)
    return tf.reduce_mean(tf.square(tf.norm(inner.gradient(score, mixed), axis=1) - 1.0))  # expect: LL303

def critic_step(mixed, optimizer):
    with tf.GradientTape() as tape:
        loss = penalty(mixed)
    optimizer.apply_gradients(zip(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables))

shift = tf.Variable(tf.zeros([2]))

def shift_step(points, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(points + shift)) + 0.01 * tf.norm(shift)  # expect: LL303
    optimizer.apply_gradients(zip(tape.gradient(loss, [shift]), [shift]))

class Shift(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.kernel = self.add_weight(shape=(3, 2), initializer="zeros")
        self.offset = self.add_weight(shape=(2,), initializer="zeros")

    def call(self, x):
        return x @ self.kernel + self.offset

shifts = Shift()

def shifts_step(points, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.norm(shifts(points), axis=-1))  # expect: LL303
    optimizer.apply_gradients(zip(tape.gradient(loss, shifts.trainable_variables), shifts.trainable_variables))
