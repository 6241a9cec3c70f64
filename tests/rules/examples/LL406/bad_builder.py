import keras
from keras import layers


def net(n=1, act=None):
    return keras.Sequential([layers.Input((3,)), layers.Dense(n, activation=act)])  # expect: LL406


net(1, "softmax").compile("sgd", loss="binary_crossentropy")
