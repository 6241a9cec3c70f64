import tensorflow as tf

def nll_loss(y_true, y_pred):
    mean, scale = tf.split(y_pred, 2, axis=-1)  # what the model, in another file, keeps above 0
    return tf.reduce_mean(tf.math.log(scale) + tf.square(y_true - mean) / (2.0 * tf.square(scale)))
