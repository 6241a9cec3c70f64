import tensorflow as tf

def stage_loss(y_true, y_stage, scale):
    return tf.reduce_mean(tf.abs(y_true - y_stage) * scale)

def two_stage_loss(y_true, y_pred, scale):
    first, second = y_pred
    return stage_loss(y_true, first, scale) + stage_loss(y_true, second, scale)
