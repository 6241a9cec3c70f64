import keras
import tensorflow as tf

generator = keras.Sequential([keras.layers.Dense(1)])
critic = keras.Sequential([keras.layers.Dense(1)])
optimizer = keras.optimizers.Adam()

def critic_step(real, noise):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(critic(generator(noise))) - tf.reduce_mean(critic(real))
    grads = [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, critic.trainable_variables)]
    optimizer.apply_gradients(zip(grads, generator.trainable_variables))  # expect: LL504
