import tensorflow as tf


def step(encoder, head, optimizer, x, y):
    embedding = encoder(x, training=True)  # expect: LL501
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - head(embedding, training=True)))
    variables = encoder.trainable_variables + head.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients([(g, v) for g, v in zip(gradients, variables) if g is not None])


class Captioner:
    def __init__(self, vision, text, optimizer):
        self.vision, self.text, self.optimizer = vision, text, optimizer

    def train_on(self, images, words):
        features = self.vision(images, training=True)  # expect: LL501
        with tf.GradientTape() as tape:
            logits = self.text(tf.concat([features, words[:, :-1]], axis=1), training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(words, logits))
        variables = [*self.vision.trainable_variables, *self.text.trainable_variables]
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))


def alternating(generator, critic, noise):
    fake = generator(noise, training=True)  # expect: LL501
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(fake, training=True))
    return tape.gradient(loss, generator.trainable_variables)
