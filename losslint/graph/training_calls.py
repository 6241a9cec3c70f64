"""Framework calls that train: tapes and gradients, what they are taken of and with respect to, optimizers."""

from __future__ import annotations

from losslint.graph.attributes import weight
from losslint.graph.calls import Call, call, handles, method
from losslint.graph.control_calls import CALLABLE, call_if_function
from losslint.graph.functions import opaque
from losslint.graph.nodes import Kind, Node, Pass, nodes_in
from losslint.graph.tracer import Frame, Tracer
from losslint.graph.values import NONE, Const, External, Method, Seq, Tape, Value


@handles("*.parameters", "*.named_parameters")
def _parameters(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """The weights of a PyTorch model, one standing for all."""
    if t.framework != "torch":
        return None
    one: Value = weight(t, frame, c.at)
    if c.name.endswith("named_parameters"):
        one = Seq([t.node(frame, "python.object", {}, c.at, Kind.PYTHON), one], "tuple")
    return Seq([one], open=True)


@method(Node, "parameters", "named_parameters")
def _parameters_of_node(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _parameters(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, f"method .{c.name}()")


@handles("*.state_dict")
def _state(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """The weights of a PyTorch model by name, detached unless asked otherwise."""
    kept = c.kwargs.get("keep_vars")
    if t.framework != "torch" or (kept is not None and kept != Const(False)):
        return None
    return t.node(frame, "stop_gradient", {"x": weight(t, frame, c.at)}, c.at, Kind.UNKNOWN, name=c.name)


@method(Node, "state_dict")
def _state_of_node(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _state(t, frame, c) or opaque(t, frame, m.owner, c.args, c.kwargs, c.at, "method .state_dict()")


@handles("torch.no_grad", "torch.inference_mode", "torch.enable_grad", "torch.set_grad_enabled")
def _recording(t: Tracer, frame: Frame, c: Call) -> Value:
    return External(f"{c.name}()", tuple(c.args))


@handles("tf.GradientTape")
def _tape(t: Tracer, frame: Frame, c: Call) -> Value:
    persistent = c.get(0, "persistent")
    return Tape(isinstance(persistent, Const) and persistent.value is True, frame.source(c.at).row)


@method(Tape, "watch")
def _watch(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    assert isinstance(m.owner, Tape)
    m.owner.watched += c.args
    for argument in c.args:
        for node in nodes_in(argument):
            node.detail["watched"] = True
    return NONE


@method(Tape, "stop_recording")
def _stop_recording(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return External("tensorflow.stop_recording()")


@method(Tape, "gradient", "jacobian", "batch_jacobian")
def _gradient(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    target, sources = c.get(0, "target"), c.get(1, "sources", "source")
    tape = m.owner
    assert isinstance(tape, Tape)
    again = not tape.persistent and any(frame.path[: len(path)] == path for path in tape.asked)
    tape.asked.append(frame.path)
    if target is not None:
        given = c.get(3, "unconnected_gradients")
        word = given.value if isinstance(given, Const) else given.name if isinstance(given, External) else ""
        zeros = str(word).lower().endswith("zero")
        t.target(target, "tape.gradient", frame.source(c.at), tape=tape, again=again, sources=sources, zeros=zeros)
        t.graph.asked.append(t.graph.targets[-1])
    return gradients_of(t, frame, target, sources, c)


def gradients_of(t: Tracer, frame: Frame, target: Value | None, sources: Value | None, c: Call) -> Value:
    """Gradients are values too: a gradient penalty differentiates them again."""
    if isinstance(sources, Seq) and not sources.open:
        return Seq([gradients_of(t, frame, target, source, c) for source in sources.items], sources.kind)
    inputs = {name: value for name, value in (("x", target), ("sources", sources)) if value is not None}
    tensor = isinstance(sources, Node) and (sources.kind is Kind.TENSOR or sources.detail.get("watched"))
    kind = Kind.TENSOR if tensor or t.framework == "torch" else Kind.UNKNOWN
    return t.node(frame, "gradient", inputs, c.at, kind, dtype="float")


@handles("tf.gradients", "keras.backend.gradients", "op:gradients")
def _gradients(t: Tracer, frame: Frame, c: Call) -> Value:
    target, sources = c.get(0, "ys", "loss"), c.get(1, "xs", "variables")
    if target is not None:
        t.target(target, "gradients", frame.source(c.at))
    single = sources if isinstance(sources, Seq) else Seq([sources] if sources is not None else [])
    found = gradients_of(t, frame, target, single, c)
    for node in nodes_in(found):
        node.name = c.name
    return found


@handles("torch.autograd.grad")
def _autograd_grad(t: Tracer, frame: Frame, c: Call) -> Value:
    """A tuple of gradients; they are constants unless ``create_graph`` has them recorded."""
    outputs, sources, recorded = c.get(0, "outputs"), c.get(1, "inputs"), c.get(4, "create_graph")
    goes_back(t, frame, outputs, c.get(3, "retain_graph"), recorded, c)
    single = Seq([sources] if sources is not None else [], "tuple") if not isinstance(sources, Seq) else sources
    found = gradients_of(t, frame, outputs, single, c)
    if is_off(recorded):
        for node in nodes_in(found):
            node.detail["constant"] = True
            node.detail["kept"] = not is_off(c.get(3, "retain_graph"))
    return found


def goes_back(
    t: Tracer, frame: Frame, value: Value | None, retain: Value | None, record: Value | None, c: Call
) -> None:
    """Note that PyTorch goes through a graph, and whether that is left for another time."""
    if value is not None:
        keeps = not (is_off(record) if retain is None else is_off(retain))
        t.graph.passes.append(Pass(value, frame.source(c.at), keeps, frame.path, frame.context))


def is_off(flag: Value | None) -> bool:
    return flag is None or (isinstance(flag, Const) and not flag.value)


@handles("*.minimize", "*.compute_gradients")
def _minimize(t: Tracer, frame: Frame, c: Call) -> Value | None:
    loss = c.get(0, "loss")
    if loss is None:
        return None
    if isinstance(loss, CALLABLE):
        loss = call(t, frame, loss, [], {}, c.at)
    t.target(loss, "minimize", frame.source(c.at))
    gradient = t.node(frame, "gradient", {"x": loss}, c.at, Kind.UNKNOWN)
    variable = t.unknown(frame, c.at, "a variable of the optimizer")
    return Seq([Seq([gradient, variable], "tuple")], open=True)


@method(Node, "minimize", "compute_gradients")
def _unknown_minimize(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _minimize(t, frame, c) or NONE


@handles("*.apply_gradients")
def _apply_gradients(t: Tracer, frame: Frame, c: Call) -> Value | None:
    pairs = c.get(0, "grads_and_vars")
    if pairs is not None:
        t.graph.applied.append((pairs, frame.source(c.at)))
    return NONE


@method(Node, "apply_gradients")
def _unknown_apply_gradients(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _apply_gradients(t, frame, c) or NONE


@handles("*.add_loss")
def _add_loss(t: Tracer, frame: Frame, c: Call) -> Value:
    for value in c.args[:1]:
        t.target(call_if_function(t, frame, value, c), "add_loss", frame.source(c.at))
    return NONE


@method(Node, "add_loss")
def _unknown_add_loss(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    return _add_loss(t, frame, c) or NONE


@method(Node, "backward")
def _backward(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    t.target(m.owner, "backward", frame.source(c.at), upstream=c.get(0, "gradient"))
    goes_back(t, frame, m.owner, c.get(1, "retain_graph"), c.get(2, "create_graph"), c)
    return NONE


@handles("*.update_state")
def _update_state(t: Tracer, frame: Frame, c: Call) -> None:
    """What a metric is given is kept for its ``result``."""
    metric = c.function.owner if isinstance(c.function, External) else None
    if isinstance(metric, External) and c.api is not None and c.api.operation.name == "metric":
        metric.attributes["state"] = Seq(list(c.args))


@handles("*.result")
def _result(t: Tracer, frame: Frame, c: Call) -> Value | None:
    """A metric in a tape: what it was given there enters its result, without a gradient."""
    metric = c.function.owner if isinstance(c.function, External) else None
    state = metric.attributes.get("state") if isinstance(metric, External) else None
    if not isinstance(state, Seq) or not frame.context.tapes:
        return None
    inputs = dict(zip(("y_true", "y_pred"), state.items, strict=False))
    return t.node(frame, "metric", inputs, c.at, Kind.TENSOR, dtype="float", api=c.api, name=c.api.name if c.api else "")


@handles("tf.clip_by_global_norm")
def _clip_by_global_norm(t: Tracer, frame: Frame, c: Call) -> Value:
    """A list of clipped tensors, and their norm."""
    tensors = c.get(0, "t_list")
    inputs = {"x": tensors} if tensors is not None else {}
    items = [t.node(frame, "identity", dict(inputs), c.at, Kind.UNKNOWN)]
    return Seq(
        [Seq(list(items), open=True), t.node(frame, "norm", dict(inputs), c.at, Kind.TENSOR, dtype="float")], "tuple"
    )


@method(Node, "get_scaled_loss", "scale_loss")
def _scale_loss(t: Tracer, frame: Frame, m: Method, c: Call) -> Value:
    """A loss-scaling optimizer multiplies the loss by a number."""
    return c.args[0] if c.args else NONE


@handles("*.get_scaled_loss", "*.scale_loss")
def _scale_loss_external(t: Tracer, frame: Frame, c: Call) -> Value | None:
    return c.args[0] if c.args else None
