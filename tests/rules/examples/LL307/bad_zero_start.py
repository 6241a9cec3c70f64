import tensorflow as tf
from tensorflow import keras

net = keras.Sequential([keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2, kernel_initializer="zeros")])

def step(x, angles, optimizer):
    with tf.GradientTape() as tape:
        v = net(x)
        loss = tf.reduce_mean(1.0 - tf.cos(tf.atan2(v[:, 0], v[:, 1]) - angles))  # expect: LL307
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
