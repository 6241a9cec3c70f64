"""Scripts for what shows only when two things are compared: a gradient and a slope, a traced call and an eager one, two
orders of the arguments. Written in the main process, which imports no framework.
"""

from __future__ import annotations

from losslint.confirmation.observation import CHEAPER, Observation, Outcome
from losslint.confirmation.program import Program

VALUE = '''

def value({parameters}):
    return tf.convert_to_tensor({call}).numpy()


'''

SAMPLES = '''print("result", value({arguments}), "for", len({prediction}), "samples: one sample_weight scales all of it")
'''

SHAPES = '''print({shapes}, "mean", value({arguments}).mean())
{flat}'''
FLAT = '''try:
    print("with {name} of shape (B,): mean", value({arguments}).mean())
except (ValueError, tf.errors.InvalidArgumentError) as error:
    print("with {name} of shape (B,): not taken:", str(error).splitlines()[0])
'''

ORDER = '''print("as Keras passes them:", value({arguments}).mean())
print("exchanged:", value({exchanged}).mean())
'''

CHEAPEST = '''print("{prediction} as given costs", value({arguments}).mean())
print("{prediction} equal to {label} costs", value({equal}).mean())
'''

OPPOSITE = '''opposite = {opposite}
print("a perfect prediction costs", value({arguments}).mean())
print("the opposite costs", value({others}).mean())
'''

SLOPE = '''given = [tf.cast(one, tf.float64) if one.dtype.is_floating else one for one in [{arguments}]]
sources = [index for index, name in enumerate({names}) if name in {trained}]


def total(tensors):
    return tf.reduce_sum(tf.convert_to_tensor({entry}(*tensors)))


with tf.GradientTape() as tape:
    tape.watch([given[index] for index in sources])
    loss = total(given)
gradients = dict(zip(sources, tape.gradient(loss, [given[index] for index in sources])))
print("gradients", [None if gradient is None else gradient.numpy() for gradient in gradients.values()])


def moved(size):
    """The loss, all inputs moved in the direction of their gradient."""
    return total([one + size * tf.sign(gradients[index]) if gradients.get(index) is not None else one
                  for index, one in enumerate(given)])


print("slope by the gradient", sum(float(tf.reduce_sum(abs(g))) for g in gradients.values() if g is not None))
print("slope by central differences", float(moved(1e-4) - moved(-1e-4)) / 2e-4)
'''

UPSTREAM = '''for factor in (1.0, 3.0):
    with tf.GradientTape() as tape:
        tape.watch([{sources}])
        loss = factor * tf.convert_to_tensor({call})
    print("gradient of", factor, "* loss", [g if g is None else g.numpy() for g in tape.gradient(loss, [{sources}])])
'''

DRAWN = '''traced = tf.function(lambda: tf.convert_to_tensor({call}), autograph=False)
print("traced, three times:", *(traced().numpy() for _ in range(3)))
print("eager, three times:", *(value({arguments}) for _ in range(3)))
'''

CHANGED = '''traced = tf.function(lambda: tf.convert_to_tensor({call}), autograph=False)
print("traced", traced().numpy(), "eager", value({arguments}))
bound = getattr({entry}, "__self__", {entry})
holder = next(names for names in (getattr(bound, "__dict__", {{}}), globals()) if {name!r} in names)
holder[{name!r}] = {number}
print("after {name} = {number}: traced", traced().numpy(), "eager", value({arguments}))
'''

LATE = '''print("loss", value({arguments}))
code = {entry}.__code__
if {name!r} in code.co_freevars:
    {entry}.__closure__[code.co_freevars.index({name!r})].cell_contents = {number}
else:
    {entry}.__globals__[{name!r}] = {number}
print("after {name} = {number}:", value({arguments}))
'''

BYPASSED = '''with tf.GradientTape(persistent=True) as tape:
    tape.watch([{arguments}])
    by_keyword = {function}({keywords})
    by_position = {function}({arguments})
for how, loss in (("keyword", by_keyword), ("position", by_position)):
    print("by", how, [g if g is None else g.numpy() for g in tape.gradient(loss, [{arguments}])])
'''

ANSWERS = '''for right, wrong in ((-3.0, 4.5), (20.0, -20.0), (-20.0, 20.0)):  # of the first class, which is the label
    model, data = {entry}()
    output, loss, gradient = answering(model, data["x"], right, wrong)
    print("output", output, "loss", loss, "gradient", gradient)
'''

ORDERS, OPPOSITES = ("LL403",), ("LL406", "LL408")


def comparison(program: Program, seen: Observation, code: str, entry: str, sources: list[str]) -> str:
    """The end of a script that shows what was compared; "" where a single call with its gradient shows it all."""
    names = list(seen.inputs)
    if program.kind == "model" and code == "LL406":
        return ANSWERS.format(entry=entry)
    if program.kind not in ("loss", "function") or not names:
        return ""
    arguments = ", ".join(names)
    by_name = ", ".join(f"{name}={name}" for name in names)
    call = f"{entry}({arguments if program.kind == 'loss' else by_name})"
    roles = {spec.name: spec.role for rung in program.inputs for spec in rung}
    prediction = next((name for name in names if roles.get(name) == "prediction"), names[-1])
    value = VALUE.format(parameters=arguments, call=call)
    name, _, number = seen.operation.partition(" = ")
    if code == "LL514":
        return BYPASSED.format(function=seen.operation, arguments=arguments, keywords=by_name)
    if code == "LL511":
        return UPSTREAM.format(sources=", ".join(sources), call=call)
    if seen.outcome is Outcome.WRONG_GRADIENT:
        return SLOPE.format(arguments=arguments, names=names, trained=sources, entry=entry)
    if seen.outcome is Outcome.FROZEN:
        template = CHANGED if number else DRAWN
        return value + template.format(call=call, entry=entry, arguments=arguments, name=name, number=number)
    if code == "LL210" and number:
        return value + LATE.format(entry=entry, arguments=arguments, name=name, number=number)
    if code == "LL402":
        return value + SAMPLES.format(arguments=arguments, prediction=prediction)
    if code == "LL401":
        shapes = ", ".join(f'"{one}", {one}.shape' for one in names)
        wide = [one for one in names if _is_column(seen.inputs[one])]
        flat = "".join(FLAT.format(name=one, arguments=_with(names, one, f"{one}[:, 0]")) for one in wide)
        return value + SHAPES.format(shapes=shapes, arguments=arguments, flat=flat)
    if seen.operation == CHEAPER:
        label = next(name for name in names if roles.get(name) == "label")
        return value + CHEAPEST.format(
            prediction=prediction, label=label, arguments=arguments, equal=_with(names, prediction, label))
    if code in ORDERS and len(names) == 2 and seen.loss is not None:
        return value + ORDER.format(arguments=arguments, exchanged=", ".join(reversed(names)))
    if code in OPPOSITES:
        opposite = f"1.0 - {prediction}" if _inside(seen.inputs[prediction]) else f"-{prediction}"
        others = _with(names, prediction, "opposite")
        return value + OPPOSITE.format(opposite=opposite, arguments=arguments, others=others)
    return ""


def _with(names: list[str], name: str, instead: str) -> str:
    return ", ".join(instead if one == name else one for one in names)


def _is_column(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list) and len(value[0]) == 1


def _inside(value: object) -> bool:
    """Whether all numbers of nested lists lie in [0, 1]."""
    if isinstance(value, list):
        return all(_inside(part) for part in value)
    return isinstance(value, (int, float)) and 0.0 <= value <= 1.0
