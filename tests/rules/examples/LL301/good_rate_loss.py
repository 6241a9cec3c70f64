import tensorflow as tf

def counts_loss(rate, target):
    rate = tf.nn.relu(rate) + 1e-6
    return tf.reduce_mean(rate - target * tf.math.log(rate))

def scaled_loss(y_true, sigma):
    return tf.reduce_mean(tf.math.log(sigma) + tf.abs(y_true) / sigma)

def margin_loss(anchor, positive, negative, margin):
    margin = tf.reduce_sum(tf.square(anchor - positive) - tf.square(anchor - negative), axis=-1) + margin
    return tf.reduce_mean(tf.math.log(tf.nn.relu(margin) + 1.0))
