import tensorflow as tf


class Trainer:
    @tf.function
    def train_step(self, batch):
        states, returns = tf.numpy_function(self.sample, [], 2 * [tf.float32])
        with tf.GradientTape() as tape:
            scores, parts = self.network(states)
            loss = tf.reduce_mean(tf.square(returns))
            for score, (low, high) in zip(scores, parts):
                loss += tf.reduce_mean(tf.square(score - low) + tf.square(score - high))
            loss /= len(scores)
        return tape.gradient(loss, self.network.trainable_variables)


class LatentLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        image, mean, log_var = y_pred
        spread = tf.square(mean) + tf.exp(log_var) - log_var
        return tf.reduce_mean(tf.square(y_true - image)) + tf.reduce_mean(spread)


def style_step(model, style_model, image):
    targets = [tf.Variable(array) for array in style_model.predict(image)]
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_mean(tf.square(a - b)) for a, b in zip(targets, model(image))])
    return tape.gradient(loss, model.trainable_variables)
