import sys
import keras
import tensorflow as tf
from keras import layers

def scores(classes, logits=True):
    inputs = keras.Input((16,))
    return keras.Model(inputs, layers.Dense(classes, activation=None if logits else "softmax")(inputs))

def chosen(classes, last="softmax"):
    inputs = keras.Input((16,))
    return keras.Model(inputs, layers.Dense(classes, activation=last)(inputs))

class Distiller(keras.Model):
    def __init__(self, student, teacher, gate, temperature=3.0):
        super().__init__()
        self.student, self.teacher, self.gate = student, teacher, gate
        self.temperature = temperature
        self.divergence = keras.losses.KLDivergence()

    def train_step(self, data):
        x, _ = data
        soft = tf.nn.softmax(self.teacher(x) / self.temperature, axis=-1)
        mixed = tf.nn.softmax(tf.math.log(self.gate(x)) / self.temperature) + tf.nn.softmax(soft * self.gate(x))
        with tf.GradientTape() as tape:
            loss = self.divergence(soft + mixed, tf.nn.softmax(self.student(x) / self.temperature))
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables))
        return {"loss": loss}

distiller = Distiller(scores(10), chosen(10, sys.argv[1]), scores(10, logits=False))
distiller.compile("adam")
chosen(10, last=None).compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
scores(10, False).compile("adam", "sparse_categorical_crossentropy")
