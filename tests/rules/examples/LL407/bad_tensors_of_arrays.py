import numpy as np
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.layers.Dense(3)])
x = np.random.rand(8, 4).astype("float32")
mask = (np.random.rand(8, 3) > 0.5).astype(np.uint8)
labels = np.random.randint(0, 3, (8, 3))
def flat_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(tf.reshape(y_true, [-1]) - tf.reshape(y_pred, [-1])))  # expect: LL407

def masked(y_true, y_pred):
    m = tf.convert_to_tensor(mask)
    return tf.reduce_sum(m * y_pred)  # expect: LL407

def summed(y_true, y_pred):
    return tf.reduce_sum(y_true, axis=1) * tf.reduce_sum(y_pred, axis=1)  # expect: LL407

with tf.GradientTape(persistent=True) as tape:
    loss = flat_loss(mask, net(x)) + masked(mask, net(x)) + summed(labels, net(x))
grads = tape.gradient(loss, net.trainable_variables)
