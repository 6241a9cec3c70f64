import numpy as np
import tensorflow as tf

def padded_loss(y_true, y_pred):
    errors = tf.square(y_true - y_pred)
    kept = np.zeros(errors.shape, dtype=np.float32)
    kept[0, :2] = errors[0, :2]  # expect: LL101
    return tf.reduce_mean(tf.convert_to_tensor(kept))
