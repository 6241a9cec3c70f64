import tensorflow as tf
from tensorflow.keras import backend as K

critic = tf.keras.Sequential([tf.keras.Input((10,)), tf.keras.layers.Dense(1)])
samples = tf.random.normal((8, 10))

def penalty_loss(y_pred, averaged):
    gradients = K.gradients(y_pred, averaged)[0]  # expect: LL409
    return K.mean(K.square(1.0 - K.sum(K.square(gradients), axis=1)))

with tf.GradientTape() as tape:
    score = critic(samples)
    loss = 10.0 * penalty_loss(score, samples) - tf.reduce_mean(score)
grads = tape.gradient(loss, critic.trainable_variables)

def step(x):
    with tf.GradientTape() as inner:
        inner.watch(x)
        slope = tf.gradients(critic(x), x)[0]  # expect: LL409
        energy = tf.reduce_mean(tf.square(slope)) + tf.reduce_mean(critic(x))
    return inner.gradient(energy, critic.trainable_variables)

step(samples)
