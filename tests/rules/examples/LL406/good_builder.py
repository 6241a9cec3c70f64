import keras
from keras import layers


def net(n=1, act=None):
    return keras.Sequential([layers.Input((3,)), layers.Dense(n, activation=act)])


def several(sizes):
    for n in sizes:
        net(n, "softmax").compile("sgd", loss="categorical_crossentropy")


net(2, "softmax").compile("sgd", loss="categorical_crossentropy")
net(1, "sigmoid").compile("sgd", loss="binary_crossentropy")
net(n=4, act="softmax").compile("sgd", loss="sparse_categorical_crossentropy")
net().compile("sgd", loss="mse")
several([2, 3])
