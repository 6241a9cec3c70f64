import tensorflow as tf

def bell_loss(y_true, y_pred):
    radius = tf.abs(y_pred)
    bell = tf.sqrt(1.0 - radius / 0.5)  # expect: LL305
    return tf.reduce_mean(tf.square(tf.where(radius < 0.5, y_pred * bell, tf.zeros_like(bell)) - y_true))
