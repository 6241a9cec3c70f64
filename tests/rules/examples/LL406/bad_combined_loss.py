import tensorflow as tf

bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)

def combined_loss(y_true, y_pred):
    return bce(y_true, y_pred) + tf.reduce_mean(tf.abs(y_true - y_pred))  # expect: LL406

def make_model():
    inputs = tf.keras.Input((8, 8, 1))
    outputs = tf.keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    return tf.keras.Model(inputs, outputs)

make_model().compile(loss=combined_loss)
