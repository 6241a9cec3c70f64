import tensorflow as tf

def column_loss(y_true, y_pred):  # expect: LL404
    if y_pred.shape[-1] == 1:
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
