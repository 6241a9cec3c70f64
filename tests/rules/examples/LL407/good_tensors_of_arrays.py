import numpy as np
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.layers.Dense(3)])
x = np.random.rand(8, 4).astype("float32")
mask = (np.random.rand(8, 3) > 0.5).astype(np.uint8)
labels = np.random.randint(0, 3, (8, 3))
def plain(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred) + tf.reduce_mean(tf.cast(mask, tf.float32) * y_pred)

def told(y_true, y_pred):
    return tf.reduce_mean(tf.convert_to_tensor(mask, dtype=tf.float32) * y_pred + tf.constant(mask, tf.float32))

def floats(y_true, y_pred):
    return tf.reduce_mean(tf.reshape(y_true, [-1]) - tf.reshape(y_pred, [-1]))

def both(y_true, y_pred):
    return tf.reduce_mean(tf.multiply(mask, y_pred) + tf.where(mask > 0, y_pred, 0.0) + tf.gather(y_pred, tf.reshape(labels, [-1])[:1], axis=1))

with tf.GradientTape() as tape:
    loss = plain(mask, net(x)) + told(mask, net(x)) + floats(mask.astype("float32"), net(x)) + both(mask, net(x))
grads = tape.gradient(loss, net.trainable_variables)
