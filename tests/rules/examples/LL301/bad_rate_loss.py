import tensorflow as tf

def counts_loss(rate, target):
    rate = tf.nn.relu(rate)
    return tf.reduce_mean(rate - target * tf.math.log(rate))  # expect: LL301

def spread_loss(y_true, params):
    sigma = tf.nn.relu(params[:, 1])
    return tf.reduce_mean(tf.math.log(sigma) + tf.abs(y_true - params[:, 0]))  # expect: LL301

def mixture_loss(y_true, params):
    share, mean, scale = tf.split(params, 3, axis=-1)
    density = tf.nn.softmax(share, axis=-1) * tf.exp(-tf.abs(y_true - mean))
    return -tf.reduce_mean(tf.math.log(tf.reduce_sum(density, axis=-1)))  # expect: LL301
