import keras
import numpy as np
import tensorflow as tf

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
opt = keras.optimizers.Adam()
x = np.random.rand(32, 3).astype("float32")
y = x.sum(axis=1)
ds = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
for xb, yb in ds:
    with tf.GradientTape() as tape:
        pred = model(xb, training=True)
        loss = tf.reduce_mean(tf.square(yb - pred))  # expect: LL401
    grads = tape.gradient(loss, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))
