import keras
import numpy as np
import tensorflow as tf

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
flat = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1), keras.layers.Flatten(), keras.layers.Reshape(())])
steps = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(1)])
opt = keras.optimizers.SGD()
x = np.random.rand(32, 3).astype("float32")
y = x.sum(axis=1)
series = np.random.rand(32, 5, 3).astype("float32")
ds = tf.data.Dataset.from_tensor_slices((x, y))



for xb, yb in ds.batch(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(yb[:, None] - model(xb))) + tf.reduce_mean(tf.square(yb - model(xb)[:, 0]))
    grads = tape.gradient(loss, model.trainable_variables)
for xc, yc in ds.batch(8):
    yc = tf.reshape(yc, (-1, 1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(yc - model(xc)))
    grads = tape.gradient(loss, model.trainable_variables)
for xd, yd in ds.batch(8).map(lambda a, b: (a, b[:, None])):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(yd - model(xd)))
    grads = tape.gradient(loss, model.trainable_variables)
for xe, ye in ds.batch(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(ye - flat(xe)))
    grads = tape.gradient(loss, flat.trainable_variables)
for xf, yf in tf.data.Dataset.from_tensor_slices((series, series.sum(axis=2, keepdims=True))).batch(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(yf - steps(xf)))
    grads = tape.gradient(loss, steps.trainable_variables)


def split(xb, yb):
    return xb, yb[:, None]


def train():
    for batch in ds.batch(8):
        xb, yb = split(*batch)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(yb - model(xb)))
        tape.gradient(loss, model.trainable_variables)


train()
