import tensorflow as tf

def chosen_loss(kind="l1"):
    def loss(y_true, y_pred):
        if kind == "l1":
            return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return loss

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=chosen_loss())
