# mypy: ignore-errors
"""Reinforcement learning: values, policies, and the steps that train them."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

GAMMA = 0.99


def ppo_loss(y_true, y_pred, clip=0.2, entropy_weight=1e-3):
    # truth: long
    advantages, old_probability, actions = y_true[:, :1], y_true[:, 1:2], y_true[:, 2:5]
    prob = K.sum(actions * y_pred[:, :3], axis=-1, keepdims=True)
    ratio = prob / (old_probability + 1e-10)
    clipped = K.clip(ratio, 1 - clip, 1 + clip)
    entropy = -K.mean(y_pred * K.log(y_pred + 1e-10))
    return -K.mean(K.minimum(ratio * advantages, clipped * advantages)) - entropy_weight * entropy


def ppo_min_builtin_loss(y_true, y_pred, clip=0.2):
    # truth: long
    advantage = tf.reduce_mean(y_true[:, 0])
    ratio = tf.reduce_mean(y_pred[:, 0]) / tf.reduce_mean(y_true[:, 1])
    clipped = tf.clip_by_value(ratio, 1 - clip, 1 + clip)
    return -min(ratio * advantage, clipped * advantage)  # expect: LL204


def proximal_policy_loss(advantage, old_prediction, clip=0.2):
    def loss(y_true, y_pred):
        # truth: onehot
        prob, old_prob = y_true * y_pred, y_true * old_prediction
        r = prob / (old_prob + 1e-10)
        return -K.mean(K.minimum(r * advantage, K.clip(r, 1 - clip, 1 + clip) * advantage))

    return loss


ppo_closure_loss = proximal_policy_loss(np.float32(0.7), np.float32(0.4))


def policy_gradient_loss(returns):
    def modified_crossentropy(one_hot_action, action_probs):
        log_probs = K.sum(one_hot_action * K.log(action_probs + 1e-7), axis=1)
        return -K.mean(log_probs * returns)

    return modified_crossentropy


def a2c_loss(y_true, y_pred, value_weight=0.5, entropy_weight=0.01):
    # truth: long
    action, reward = tf.cast(4.0 * y_true[:, 0], tf.int32), y_true[:, 1]
    logits, value = y_pred[:, :7], y_pred[:, 7]
    advantage = reward - value
    policy = tf.nn.sparse_softmax_cross_entropy_with_logits(action, logits) * tf.stop_gradient(advantage)
    probabilities = tf.nn.softmax(logits)
    entropy = -tf.reduce_sum(probabilities * tf.nn.log_softmax(logits), axis=-1)
    return tf.reduce_mean(policy + value_weight * tf.square(advantage) - entropy_weight * entropy)


def greedy_action_loss(y_true, y_pred):
    # truth: long
    action = tf.argmax(y_pred, axis=-1)  # expect: LL105
    return tf.reduce_mean(tf.gather(y_true, action, axis=1, batch_dims=1))


def sampled_action_loss(y_true, y_pred):
    # truth: long
    action = tf.random.categorical(y_pred, 1)
    log_prob = tf.gather(tf.nn.log_softmax(y_pred), action, batch_dims=1)
    return -tf.reduce_mean(log_prob[:, 0] * y_true[:, 0])


def masked_q_loss(y_true, y_pred):
    # truth: onehot
    mask = K.cast(K.not_equal(y_true, 0.0), K.floatx())
    return K.mean(K.square((y_true - y_pred) * mask))


def double_dqn_loss(y_true, y_pred):
    # truth: long
    q, following = y_pred[:, :4], y_pred[:, 4:]
    best = tf.one_hot(tf.argmax(following, axis=-1), 4)
    target = tf.stop_gradient(y_true[:, 0] + GAMMA * tf.reduce_sum(best * following, axis=-1))
    action = tf.one_hot(tf.argmax(y_true[:, 4:], axis=-1), 4)
    return keras.losses.huber(target, tf.reduce_sum(q * action, axis=-1))


def td_all_stopped_loss(y_true, y_pred):
    # truth: long
    q, following = y_pred[:, :4], y_pred[:, 4:]
    target = tf.stop_gradient(y_true[:, 0] + GAMMA * tf.reduce_max(following, axis=-1))  # expect: LL108
    chosen = tf.reduce_max(tf.stop_gradient(q), axis=-1)  # expect: LL108
    return tf.reduce_mean(tf.square(target - chosen))


def gaussian_policy_loss(y_true, y_pred):
    # truth: long
    mean, log_std = y_pred[:, :2], tf.clip_by_value(y_pred[:, 2:4], -5.0, 2.0)
    action, advantage = y_true[:, :2], y_true[:, 2]
    log_prob = -0.5 * (tf.square((action - mean) / tf.exp(log_std)) + 2.0 * log_std + np.log(2.0 * np.pi))
    return -tf.reduce_mean(tf.reduce_sum(log_prob, axis=-1) * advantage)


def gaussian_policy_np_loss(y_true, y_pred):
    # truth: long
    mean, log_std = y_pred[:, :2], y_pred[:, 2:4]
    log_prob = -0.5 * ((y_true[:, :2] - mean) / np.exp(log_std)) ** 2 - log_std  # expect: LL101
    return -tf.reduce_mean(log_prob)


def dqn_step(model, optimizer, x, y):
    target_model = keras.models.clone_model(model)
    future = target_model.predict(x, verbose=0)
    updated_q = y[:, 0] + GAMMA * tf.reduce_max(future, axis=1)
    masks = tf.one_hot(np.random.choice(3, size=6), 3)
    with tf.GradientTape() as tape:
        q_values = model(x)
        q_action = tf.reduce_sum(tf.multiply(q_values, masks), axis=1)
        loss = keras.losses.Huber()(updated_q, q_action)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def dqn_predict_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        q_values = model.predict(x, verbose=0)  # expect: LL103
        loss = tf.reduce_mean(tf.square(y - q_values))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def ddpg_actor_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    with tf.GradientTape() as tape:
        actions = model(x, training=True)
        critic_value = critic(tf.concat([x, actions], axis=-1), training=True)
        actor_loss = -tf.math.reduce_mean(critic_value)
    grads = tape.gradient(actor_loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def ddpg_numpy_action_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    with tf.GradientTape() as tape:
        actions = model(x).numpy()  # expect: LL102
        actor_loss = -tf.math.reduce_mean(critic(tf.concat([x, actions], axis=-1)))
    grads = tape.gradient(actor_loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def ddpg_rounded_action_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    with tf.GradientTape() as tape:
        actions = tf.round(model(x))  # expect: LL105
        actor_loss = -tf.math.reduce_mean(critic(tf.concat([x, actions], axis=-1)))
    grads = tape.gradient(actor_loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def numpy_baseline_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    baseline = critic(tf.concat([x, model(x)], axis=-1)).numpy()[:, 0]
    with tf.GradientTape() as tape:
        log_probs = tf.math.log_softmax(model(x, training=True))
        taken = tf.reduce_sum(log_probs * tf.one_hot([0, 1, 2, 0, 1, 2], 3), axis=1)
        loss = -tf.reduce_mean(taken * (1.0 - baseline))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def numpy_critic_inside_the_tape_step(model, optimizer, x, y):
    critic = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    with tf.GradientTape() as tape:
        actions = model(x, training=True)
        values = critic(tf.concat([x, tf.ones((6, 3))], axis=-1)).numpy()[:, :1]
        loss = tf.reduce_mean(tf.square(actions) * values)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def boosting_step(model, optimizer, x, y):
    weights = np.ones(6, "float32")
    for _ in range(2):
        with tf.GradientTape() as tape:
            errors = tf.reduce_mean(tf.square(model(x) - y), axis=-1)
            loss = tf.reduce_mean(errors * weights)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        weights = np.exp(errors.numpy())


def weights_inside_the_tape_step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        errors = tf.reduce_mean(tf.square(model(x) - y), axis=-1)
        loss = tf.reduce_mean(errors * np.exp(errors))  # expect: LL109
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def reinforce_step(model, optimizer, x, y):
    rewards = np.cumsum(np.ones(6))[::-1]
    rewards = (rewards - np.mean(rewards)) / (np.std(rewards) + 1e-8)
    with tf.GradientTape() as tape:
        loss = 0.0
        for state, reward in zip(x, rewards):
            probs = tf.nn.softmax(model(state[None, :])[0])
            action = np.random.choice(3, p=np.squeeze(np.asarray(probs, "float64") / np.sum(np.asarray(probs, "float64"))))
            loss += -tf.math.log(probs[action]) * reward
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


class Agent:
    def __init__(self, state_size=4, action_size=3):
        self.model = keras.Sequential([keras.Input((state_size,)), keras.layers.Dense(action_size, "softmax")])
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.gamma = 0.99

    def _huber_loss(self, y_true, y_pred, clip_delta=1.0):
        error = y_true - y_pred
        cond = K.abs(error) <= clip_delta
        squared_loss = 0.5 * K.square(error)
        linear_loss = clip_delta * (K.abs(error) - 0.5 * clip_delta)
        return K.mean(tf.where(cond, squared_loss, linear_loss))

    def discounted(self, rewards):
        total, found = 0.0, []
        for r in rewards[::-1]:
            total = r + self.gamma * total
            found.append(total)
        return np.array(found[::-1], dtype="float32")

    def learn(self, states, actions, rewards):
        returns = self.discounted(rewards)
        with tf.GradientTape() as tape:
            probabilities = self.model(np.array(states), training=True)
            picked = tf.gather(probabilities, actions, batch_dims=1)
            loss = -tf.reduce_mean(tf.math.log(picked + 1e-8) * returns)
        grads = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.model.trainable_variables))
        return float(loss)

    def learn_by_accuracy(self, states, actions):
        with tf.GradientTape() as tape:
            probabilities = self.model(np.array(states), training=True)
            hits = tf.cast(tf.equal(tf.argmax(probabilities, -1), actions), tf.float32)  # expect: LL105
            loss = 1.0 - tf.reduce_mean(hits)
        grads = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.model.trainable_variables))


def train(model):
    model.compile("adam", loss=policy_gradient_loss(1.0))
    model.compile("adam", loss=[ppo_loss, a2c_loss])
