import tensorflow as tf

def box_loss(y_true, y_pred):
    return tf.reduce_sum(y_true - y_pred)  # expect: LL408

def depth_loss(y_true, y_pred):
    return -tf.reduce_mean(y_pred - y_true, axis=-1)  # expect: LL408
