"""Training steps of models that the file neither makes nor fits: they are given what they take apart."""

import keras
import tensorflow as tf


class Weighted(keras.Model):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.core = keras.layers.Dense(width)

    def call(self, x):
        return self.core(x)

    def train_step(self, data):
        x, y, w = data
        with tf.GradientTape() as tape:
            p = self(x, training=True)
            loss = tf.reduce_mean(w[:, None] * tf.square(y - tf.round(p)))  # LL105 confirmed
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables))
        return {"loss": loss}


class Functional(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables))
        return {"loss": loss}


class Pairs(keras.Model):
    def __init__(self, encoder, head, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.head = encoder, head

    def train_step(self, data):
        a, b = data
        with tf.GradientTape() as tape:
            u = tf.argmax(self.head(self.encoder(a, training=True)), -1)  # LL105 confirmed
            v = tf.argmax(self.head(self.encoder(b, training=True)), -1)  # LL105 confirmed
            loss = tf.reduce_mean(tf.cast(u != v, tf.float32))
        trained = self.encoder.trainable_variables + self.head.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained))
        return {"loss": loss}


class Autoencoder(keras.Model):
    def __init__(self, enc, dec):
        super().__init__()
        self.enc, self.dec = enc, dec

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, spread = self.enc(data)
            z = mean + tf.exp(0.5 * spread) * tf.random.normal(tf.shape(mean))
            loss = tf.reduce_mean(tf.square(self.dec(z) - data) + tf.square(mean) + tf.exp(spread) - spread)
        slopes = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_weights))
        return {"loss": loss}


class Images(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim

    def train_step(self, real):
        n = tf.shape(real)[0]
        fake = self.generator(tf.random.normal((n, self.latent_dim)))
        labels = tf.concat([tf.ones((n, 3)), tf.zeros((n, 3))], 0)
        with tf.GradientTape() as tape:
            guess = self.discriminator(tf.concat([fake, real], 0))
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(labels, guess, from_logits=True))
        slopes = tape.gradient(loss, self.discriminator.trainable_weights)
        self.optimizer.apply_gradients(zip(slopes, self.discriminator.trainable_weights))
        return {"loss": loss}


regressor = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
stepper = keras.optimizers.Adam()


@tf.function
def with_norms(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - regressor(x, training=True)))
        loss += 1e-3 * sum(tf.sqrt(tf.reduce_sum(w ** 2)) for w in regressor.trainable_variables)  # LL902 confirmed
    slopes = tape.gradient(loss, regressor.trainable_variables)
    stepper.apply_gradients(zip(slopes, regressor.trainable_variables))
    return loss


WIDTH = 6


def values_of():
    return keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(4)])


online, target = values_of(), values_of()


@tf.function
def learn(state, action, reward, following):
    goal = tf.stop_gradient(reward + 0.9 * tf.reduce_max(target(following), axis=1))
    with tf.GradientTape() as tape:
        chosen = tf.reduce_sum(online(state) * tf.one_hot(action, 4), axis=1)
        loss = tf.reduce_mean(tf.square(goal - chosen))
    stepper.apply_gradients(zip(tape.gradient(loss, online.trainable_variables), online.trainable_variables))
    return loss
