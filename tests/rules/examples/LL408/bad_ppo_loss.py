import tensorflow as tf

def ppo_loss(y_true, y_pred):
    advantage, old, action = y_true[:, 0], y_true[:, 1:4], y_true[:, 4:]
    ratio = tf.reduce_sum(action * y_pred, axis=-1) / (tf.reduce_sum(action * old, axis=-1) + 1e-6)
    surrogate = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
    entropy = tf.reduce_sum(y_pred * tf.math.log(y_pred + 1e-6), axis=-1)  # expect: LL408
    return -tf.reduce_mean(surrogate + 0.02 * entropy)

model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="softmax")])
model.compile(loss=ppo_loss)
