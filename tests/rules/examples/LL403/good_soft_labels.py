import tensorflow as tf

def student_step(student, teacher, x, y):
    soft = teacher(x)
    with tf.GradientTape() as tape:
        out = student(x)
        loss = tf.reduce_mean(tf.keras.losses.categorical_crossentropy(soft, out))
        loss += tf.reduce_mean(tf.keras.losses.categorical_crossentropy(y, out))
    return tape.gradient(loss, student.trainable_variables)

def labelling_step(labeller, x, y_logits):
    with tf.GradientTape() as tape:
        soft = labeller(x)
        loss = tf.nn.softmax_cross_entropy_with_logits(labels=soft, logits=y_logits)
    return tape.gradient(loss, labeller.trainable_variables)

def symmetric_step(model, x, y):
    with tf.GradientTape() as tape:
        out = model(x)
        forward = tf.keras.losses.categorical_crossentropy(y, out)
        backward = tf.keras.losses.categorical_crossentropy(out, y)
        loss = tf.reduce_mean(forward + 0.5 * backward)
    return tape.gradient(loss, model.trainable_variables)

def squared_step(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.keras.losses.mse(model(x), y))
    return tape.gradient(loss, model.trainable_variables)
