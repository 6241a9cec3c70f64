import tensorflow as tf

def fooling_images(model, image, label):
    adversarial = tf.identity(image)
    for _ in range(10):
        with tf.GradientTape() as tape:
            tape.watch(adversarial)
            loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(label, model(adversarial)))
        adversarial = adversarial + 0.01 * tf.sign(tape.gradient(loss, adversarial))
    return adversarial

def heat_map(model, heat_model, image):
    with tf.GradientTape() as tape:
        maps, predictions = heat_model(image)
        best = predictions[:, 0]
    return tape.gradient(best, maps)
