import tensorflow as tf

def weighted_error(weight):
    def error_loss(y_true, y_pred):
        return weight * tf.reduce_mean(tf.square(y_true - tf.reduce_mean(y_true)))  # expect: LL110
    return error_loss
