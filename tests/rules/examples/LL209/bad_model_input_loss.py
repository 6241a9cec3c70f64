import tensorflow as tf

def physics(places):
    def residual_loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_pred - y_true), axis=-1) + tf.square(y_pred[:, 0] - places[:, 1])  # expect: LL209
    return residual_loss

inputs = tf.keras.Input((2,))
model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(inputs))
first = model.inputs[0]
model.compile(loss=physics(model.input))
model.compile(loss=physics(model.inputs[0]))
model.compile(loss=physics(first))
