import tensorflow as tf
from tensorflow.keras import backend as K

critic = tf.keras.Sequential([tf.keras.Input((10,)), tf.keras.layers.Dense(1)])
samples = tf.random.normal((8, 10))

@tf.function
def traced_step(x):
    with tf.GradientTape() as tape:
        slope = tf.gradients(critic(x), x)[0]
        loss = tf.reduce_mean(tf.square(slope)) + tf.reduce_mean(critic(x))
    return tape.gradient(loss, critic.trainable_variables)

def fitted_loss(y_true, y_pred):
    slope = K.gradients(K.sum(K.square(y_pred)), y_pred)[0]
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + 0.0 * tf.reduce_mean(slope, axis=-1)

critic.compile("adam", loss=fitted_loss)
traced_step(samples)
