import keras
import tensorflow as tf
from keras import layers

def backbone(width, classes, head_activation="softmax"):
    image = keras.Input((16,))
    x = layers.Dense(width, activation="relu")(image)
    return keras.Model(image, layers.Dense(classes, activation=head_activation)(x))

class Distiller(keras.Model):
    def __init__(self, student, teacher, temperature=3.0):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.temperature = temperature
        self.divergence = keras.losses.KLDivergence()
        self.loss_of_classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def train_step(self, data):
        x, y = data
        soft = tf.nn.softmax(self.teacher(x, training=False) / self.temperature, axis=-1)  # expect: LL406
        with tf.GradientTape() as tape:
            logits = self.student(x, training=True)
            loss = self.loss_of_classes(y, logits) + self.divergence(soft, tf.nn.softmax(logits / self.temperature))
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables))
        return {"loss": loss}

teacher = backbone(64, 10)
teacher.compile("adam", "sparse_categorical_crossentropy")
distiller = Distiller(backbone(8, 10, head_activation=None), teacher)
distiller.compile("adam")
other = backbone(8, 10, "softmax")
other.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))  # expect: LL406
