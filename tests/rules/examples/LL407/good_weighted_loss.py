import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weights = tf.gather(tf.constant([1.0, 5.0]), tf.cast(y_true, tf.int32))
    return weights * tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="softmax")])
model.compile(loss=weighted_loss)
