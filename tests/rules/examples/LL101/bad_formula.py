import numpy as np
import tensorflow as tf

log_loss = lambda label, pred: -np.mean(label * np.log(pred + 1e-7))  # expect: LL101
model = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", loss=log_loss)
