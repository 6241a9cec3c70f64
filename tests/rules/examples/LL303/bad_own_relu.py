import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def rectified(x):
    return tf.nn.relu(x)


def root_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.sqrt(y_true) - tf.sqrt(y_pred)))  # expect: LL303


net = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=rectified)])
net.compile("adam", root_loss)
