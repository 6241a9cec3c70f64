import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)

def samples(n=200):
    x = rng.uniform(0.0, 1.0, (n, 3))
    return x, x[:, 0] + rng.normal(0.0, 0.1, n)

x, y = samples()
data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(200).batch(32)
net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])

def step(xb, yb):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(xb) - yb))  # expect: LL401
    return tape.gradient(loss, net.trainable_variables)

for epoch in range(3):
    for xb, yb in data:
        step(xb, yb)
