# mypy: ignore-errors
"""Auto-encoders, GANs, distillation, style transfer, image quality."""

import numpy as np
import tensorflow as tf
from skimage.metrics import structural_similarity
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras import layers

features = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(4, 3), layers.Conv2D(4, 3)])
features.trainable = False
cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)


# -- variational auto-encoders


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        epsilon = tf.random.normal(tf.shape(mean))
        return mean + tf.exp(0.5 * log_var) * epsilon


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total = keras.metrics.Mean(name="loss")

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(data)
            reconstruction = self.decoder(z)
            reconstruction_loss = tf.reduce_mean(
                tf.reduce_sum(keras.losses.binary_crossentropy(data, reconstruction), axis=(1, 2))
            )
            kl_loss = -0.5 * (1 + log_var - tf.square(mean) - tf.exp(log_var))
            total_loss = reconstruction_loss + tf.reduce_mean(tf.reduce_sum(kl_loss, axis=1))
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.total.update_state(total_loss)
        return {"loss": self.total.result()}


class NumpyVAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder

    def train_step(self, data):
        with tf.GradientTape() as tape:
            mean, log_var = self.encoder(data)
            z = mean + np.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))  # expect: LL101
            loss = tf.reduce_mean(tf.square(data - self.decoder(z)))
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        return {"loss": loss}


class KLRegularised(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        if tf.reduce_mean(log_var) > 5.0:  # expect: LL201
            log_var = tf.clip_by_value(log_var, -5.0, 5.0)
        self.add_loss(-0.5 * tf.reduce_mean(1 + log_var - tf.square(mean) - tf.exp(log_var)))
        return mean


def vae_loss_of(z_mean, z_log_var):
    def vae_loss(y_true, y_pred):
        xent = K.sum(K.binary_crossentropy(y_true, y_pred), axis=-1)
        kl = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)  # expect: LL209
        return xent + K.mean(kl)

    return vae_loss


def build_vae():
    x = keras.Input((12,))
    h = layers.Dense(8, activation="relu")(x)
    mean, log_var = layers.Dense(2)(h), layers.Dense(2)(h)
    z = Sampling()([mean, log_var])
    vae = keras.Model(x, layers.Dense(12, activation="sigmoid")(z))
    vae.compile("adam", loss=vae_loss_of(mean, log_var))
    return vae


# -- adversarial


def discriminator_loss(real_output, fake_output):
    real_loss = cross_entropy(tf.ones_like(real_output), real_output)
    fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
    return real_loss + fake_loss


def generator_loss(fake_output):
    return cross_entropy(tf.ones_like(fake_output), fake_output)


def detached_generator_loss(fake_output):
    return cross_entropy(tf.ones_like(fake_output), tf.stop_gradient(fake_output))  # expect: LL108


def hard_discriminator_loss(real_output, fake_output):
    real_ok = tf.cast(real_output > 0.0, tf.float32)  # expect: LL106
    fake_ok = tf.cast(fake_output < 0.0, tf.float32)  # expect: LL106
    return 2.0 - tf.reduce_mean(real_ok) - tf.reduce_mean(fake_ok)


def hinge_discriminator_loss(real_output, fake_output):
    return tf.reduce_mean(tf.nn.relu(1.0 - real_output)) + tf.reduce_mean(tf.nn.relu(1.0 + fake_output))


def gradient_penalty(critic, real_images, fake_images):
    alpha = tf.random.normal([tf.shape(real_images)[0], 1], 0.0, 1.0)
    interpolated = real_images + alpha * (fake_images - real_images)
    with tf.GradientTape() as tape:
        tape.watch(interpolated)
        prediction = critic(interpolated, training=True)
    grads = tape.gradient(prediction, [interpolated])[0]
    norm = tf.sqrt(tf.reduce_sum(tf.square(grads), axis=[1]) + 1e-12)
    return tf.reduce_mean((norm - 1.0) ** 2)


def wgan_gp_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    with tf.GradientTape() as critic_tape, tf.GradientTape() as generator_tape:
        fake = model(x, training=True)
        critic_loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(y)) + 10.0 * gradient_penalty(critic, y, fake)
        generator_loss_value = -tf.reduce_mean(critic(fake))
    optimizer.apply_gradients(zip(generator_tape.gradient(generator_loss_value, model.trainable_variables), model.trainable_variables))
    keras.optimizers.SGD(0.1).apply_gradients(
        zip(critic_tape.gradient(critic_loss, critic.trainable_variables), critic.trainable_variables)
    )


def gan_numpy_noise_step(model, optimizer, x, y):
    noise = np.random.normal(0, 1, (6, 4)).astype("float32")
    valid = np.ones((6, 1), "float32")
    discriminator = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    with tf.GradientTape() as tape:
        loss = cross_entropy(valid, discriminator(model(noise)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def cycle_step(model, optimizer, x, y):
    back = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    with tf.GradientTape(persistent=True) as tape:
        fake = model(x, training=True)
        cycled = back(fake, training=True)
        total = 10.0 * tf.reduce_mean(tf.abs(x - cycled)) + 5.0 * tf.reduce_mean(tf.abs(fake - y))
    optimizer.apply_gradients(zip(tape.gradient(total, model.trainable_variables), model.trainable_variables))


# -- style and content


def gram_matrix(x):
    x = tf.transpose(x, (0, 3, 1, 2))
    flat = tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1], -1))
    return tf.matmul(flat, tf.transpose(flat, (0, 2, 1)))


def style_loss(y_true, y_pred):
    # truth: image
    s, c = gram_matrix(y_true), gram_matrix(y_pred)
    return tf.reduce_sum(tf.square(s - c)) / (4.0 * 3**2 * (16 * 16) ** 2)


def numpy_gram_loss(y_true, y_pred):
    # truth: image
    t, p = tf.reshape(y_true, (-1, 3)), tf.reshape(y_pred, (-1, 3))
    gram = np.dot(np.transpose(p), p)  # expect: LL101
    return tf.reduce_mean(tf.square(tf.matmul(t, t, transpose_a=True) - gram))


def transposed_gram_loss(y_true, y_pred):
    # truth: image
    t, p = tf.reshape(y_true, (-1, 3)), tf.reshape(y_pred, (-1, 3))
    return tf.reduce_mean(tf.square(tf.matmul(t, t, transpose_a=True) - tf.matmul(p.T, p)))  # expect: LL206


def perceptual_loss(y_true, y_pred):
    # truth: image
    return K.mean(K.square(features(y_true) - features(y_pred)))


def perceptual_predict_loss(y_true, y_pred):
    # truth: image
    return K.mean(K.square(features.predict(y_true) - features.predict(y_pred)))  # expect: LL103


def perceptual_uint8_loss(y_true, y_pred):
    # truth: image
    pixels = tf.cast(y_pred * 255.0, tf.uint8)  # expect: LL105
    return K.mean(K.square(features(y_true) - features(tf.cast(pixels, tf.float32) / 255.0)))


def perceptual_converted_loss(y_true, y_pred):
    # truth: image
    pixels = tf.image.convert_image_dtype(y_pred, tf.uint8)  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - tf.image.convert_image_dtype(pixels, tf.float32)))


def total_variation_loss(y_true, y_pred):
    # truth: image
    a = K.square(y_pred[:, :-1, :-1, :] - y_pred[:, 1:, :-1, :])
    b = K.square(y_pred[:, :-1, :-1, :] - y_pred[:, :-1, 1:, :])
    return K.mean(K.abs(y_true - y_pred)) + 1e-3 * K.sum(K.pow(a + b + 1e-6, 1.25))


def style_step(model, optimizer, x, y):
    # truth: skip
    image = tf.Variable(tf.random.uniform((1, 16, 16, 3)))
    style = gram_matrix(features(tf.random.uniform((1, 16, 16, 3))))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(gram_matrix(features(image)) - style))
        loss += 1e-4 * tf.reduce_mean(tf.image.total_variation(image))
    grad = tape.gradient(loss, image)
    optimizer.apply_gradients([(grad, image)])
    image.assign(tf.clip_by_value(image, 0.0, 1.0))


# -- image quality


def ssim_loss(y_true, y_pred):
    # truth: image
    return 1.0 - tf.reduce_mean(tf.image.ssim(y_true, y_pred, max_val=1.0, filter_size=7))


def skimage_ssim_loss(y_true, y_pred):
    # truth: image
    return 1.0 - structural_similarity(y_true, y_pred, channel_axis=-1)  # expect: LL103


def ssim_l1_loss(y_true, y_pred, alpha=0.84):
    # truth: image
    ssim = tf.image.ssim(y_true, y_pred, 1.0, filter_size=5)
    l1 = tf.reduce_mean(tf.abs(y_true - y_pred), axis=[1, 2, 3])
    return alpha * (1.0 - ssim) + (1.0 - alpha) * l1


def psnr_loss(y_true, y_pred):
    # truth: image
    return -tf.reduce_mean(tf.image.psnr(y_true, y_pred, max_val=1.0))


def psnr_log10_loss(y_true, y_pred):
    # truth: image
    mse = K.mean(K.square(y_true - y_pred))
    return 10.0 * np.log10(mse)  # expect: LL101


def charbonnier_loss(y_true, y_pred):
    # truth: image
    return K.mean(K.sqrt(K.square(y_true - y_pred) + 1e-6))


def edge_loss(y_true, y_pred):
    # truth: image
    return tf.reduce_mean(tf.abs(tf.image.sobel_edges(y_true) - tf.image.sobel_edges(y_pred)))


def hard_edge_loss(y_true, y_pred):
    # truth: image
    edges = tf.reduce_max(tf.abs(tf.image.sobel_edges(y_pred)), axis=-1) > 0.5  # expect: LL106
    return tf.reduce_mean(tf.abs(tf.cast(edges, tf.float32) - y_true))


def fft_loss(y_true, y_pred):
    # truth: image
    t = tf.signal.fft2d(tf.cast(tf.transpose(y_true, [0, 3, 1, 2]), tf.complex64))
    p = tf.signal.fft2d(tf.cast(tf.transpose(y_pred, [0, 3, 1, 2]), tf.complex64))
    return tf.reduce_mean(tf.abs(tf.abs(t) - tf.abs(p)))


def fft_cast_loss(y_true, y_pred):
    # truth: image
    p = tf.signal.fft2d(tf.cast(y_pred, tf.complex64))
    return tf.reduce_mean(tf.abs(y_true - tf.cast(p, tf.float32)))


def np_fft_loss(y_true, y_pred):
    # truth: image
    p = np.fft.fft2(y_pred)  # expect: LL101
    return tf.reduce_mean(tf.abs(tf.cast(p, tf.float32)))


def hue_loss(y_true, y_pred):
    # truth: image
    t, p = tf.image.rgb_to_hsv(y_true), tf.image.rgb_to_hsv(y_pred)
    return tf.reduce_mean(tf.abs(t[..., 0] - p[..., 0]))


def sharpened_loss(y_true, y_pred):
    # truth: image
    grey = tf.image.rgb_to_grayscale(y_pred)
    return tf.reduce_mean(tf.abs(tf.image.rgb_to_grayscale(y_true) - tf.image.adjust_brightness(grey, 0.1)))


def colour_histogram_loss(y_true, y_pred):
    # truth: image
    t = tf.histogram_fixed_width(y_true, [0.0, 1.0], nbins=16)
    p = tf.histogram_fixed_width(y_pred, [0.0, 1.0], nbins=16)  # expect: LL105
    return tf.reduce_mean(tf.cast(tf.abs(t - p), tf.float32))


# -- distillation


class Distiller(keras.Model):
    def __init__(self, student, teacher, alpha=0.1, temperature=3.0):
        super().__init__()
        self.student, self.teacher = student, teacher
        self.alpha, self.temperature = alpha, temperature
        self.student_loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.distillation_loss_fn = keras.losses.KLDivergence()

    def train_step(self, data):
        x, y = data
        teacher_predictions = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            student_predictions = self.student(x, training=True)
            student_loss = self.student_loss_fn(y, student_predictions)
            distillation_loss = self.distillation_loss_fn(
                tf.nn.softmax(teacher_predictions / self.temperature, axis=1),
                tf.nn.softmax(student_predictions / self.temperature, axis=1),
            )
            loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss * self.temperature**2
        grads = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.student.trainable_variables))
        return {"loss": loss}


class PredictingDistiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def train_step(self, data):
        x, y = data
        soft = self.teacher.predict(x)  # expect: LL103
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.kl_divergence(soft, self.student(x, training=True)))
        grads = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.student.trainable_variables))
        return {"loss": loss}


def hard_label_distillation_loss(y_true, y_pred):
    # truth: onehot logits
    hard = tf.one_hot(tf.argmax(y_true, -1), 3)
    return tf.nn.softmax_cross_entropy_with_logits(hard, y_pred / 2.0)


def student_argmax_loss(y_true, y_pred):
    # truth: onehot logits
    student = tf.one_hot(tf.argmax(y_pred, -1), 3)  # expect: LL105
    return tf.nn.softmax_cross_entropy_with_logits(student, y_true)


def train(model):
    model.compile("adam", loss=[skimage_ssim_loss, psnr_log10_loss])
    model.compile("adam", loss=perceptual_predict_loss)
