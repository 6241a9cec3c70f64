import numpy as np
import tensorflow as tf

def interactions(n):
    rating = np.random.rand(n, 1)
    return np.random.rand(n, 4), np.random.rand(n, 2), rating, np.clip(rating[:, 0], 0.02, 1.0)

train_user, train_item, train_rating, train_propensity = interactions(96)

def inverse_propensity_loss(propensity):
    weights = tf.constant(1.0 / propensity[:, None], dtype=tf.float32)

    def loss(y_true, y_pred):
        return tf.reduce_mean(weights * tf.square(y_true - y_pred), axis=-1)  # expect: LL209

    return loss

user, item = tf.keras.Input((4,)), tf.keras.Input((2,))
score = tf.keras.layers.Dense(1)(tf.keras.layers.Concatenate()([user, item]))
model = tf.keras.Model([user, item], score)
model.compile(loss=inverse_propensity_loss(train_propensity))
model.fit([train_user, train_item], train_rating, batch_size=16)
