import tensorflow as tf

def parts(y_true, y_pred):
    error = y_true - y_pred
    both = tf.square(error), tf.abs(error)

def mean_loss(y_true, y_pred):
    return tf.reduce_mean(parts(y_true, y_pred), axis=-1)  # expect: LL404

def both_loss(y_true, y_pred):
    squared, absolute = parts(y_true, y_pred)  # expect: LL404
    return tf.reduce_mean(squared + absolute, axis=-1)

def scaled(scale):
    def error(y_true, y_pred):
        return scale * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)

def scaled_loss(y_true, y_pred):
    return scaled(2.0)(y_true, y_pred)  # expect: LL404

def ordered(values):
    positions = tf.argsort(values, axis=-1)

def sorted_loss(y_true, y_pred):
    return tf.reduce_mean(y_pred - tf.gather(y_true, ordered(y_true), batch_dims=1), axis=-1)  # expect: LL404
