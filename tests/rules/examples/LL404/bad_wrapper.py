import functools
import tensorflow as tf

def scoped(name):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):  # expect: LL404
            with tf.name_scope(name):
                function(*args, **kwargs)
        return wrapper
    return decorate

@scoped("charbonnier")
def charbonnier_loss(y_true, y_pred):
    return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred) + 1e-6), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile(loss=charbonnier_loss)
