import tensorflow as tf

class Distiller(tf.keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def train_step(self, data):
        x, y = data
        soft = tf.nn.softmax(self.teacher(x, training=False) / 2.0)
        with tf.GradientTape() as tape:
            guess = tf.nn.log_softmax(self.student(x, training=True) / 2.0)
            loss = -tf.reduce_mean(tf.reduce_sum(soft * guess, axis=-1))
        grads = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.student.trainable_variables))
        return {"loss": loss}
