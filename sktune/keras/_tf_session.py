"""TensorFlow's compiled functions, in a session that is freed with them.

What XLA compiles for a function that is called eagerly, TensorFlow keeps until the
process ends: some 20 MB for each model. Within a session it goes with the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.config_pb2 import CallableOptions

__all__ = ["TensorflowSession"]

Array = NDArray[Any]


class TensorflowSession:
    """Runs functions on twins of variables.

    Functions are traced outside of the session, with the variables that they use
    there; in the session each of these has a twin. A graph of one's own is in use
    while something is added to it, by the thread that does so.

    Parameters
    ----------
    state : sequence of tf.Variable
        What `load` and `read` are about, in that order. Other variables keep in the
        session what they held when they were first used.
    """

    def __init__(self, state: Sequence[Any]) -> None:
        self._graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=self._graph, config=_config())
        self._twins: dict[int, _Twin] = {}
        self._device = state[0].device
        with self._graph.as_default():
            twins = [self._add(variable) for variable in state]
            new = [twin.new for twin in twins]
            assign = tf.group(*(twin.assign for twin in twins))
            values = [twin.value for twin in twins]
        self._load = self._callable(new, [], assign.name)
        self._values = self._callable([], values)

    def load(self, values: Sequence[Array]) -> None:
        """Set the state."""
        self._load(*values)

    def read(self) -> list[Array]:
        """Return copies of the state."""
        # copies: the next step may write where these are
        return [np.array(value) for value in self._values()]

    def function(
        self, function: Callable[..., Any], like: Sequence[Array], *, jit: bool
    ) -> Callable[..., Any]:
        """Return a function of arrays.

        Parameters
        ----------
        function : callable
            From tensors to a list of tensors.
        like : sequence of ndarray
            Of the shapes and types of its arguments.
        jit : bool
            Whether XLA compiles it.
        """
        specs = [tf.TensorSpec(a.shape, a.dtype) for a in like]
        traced = tf.function(
            function, jit_compile=jit, autograph=False
        ).get_concrete_function(*specs)
        for variable in traced.variables:
            if id(variable.handle) not in self._twins:
                value = variable.numpy()
                with self._graph.as_default():
                    twin = self._add(variable)
                self._session.run(twin.assign, {twin.new: value})
        captured = [self._stand_in(tensor) for tensor in traced.captured_inputs]
        with self._graph.as_default(), tf.device(self._device):
            traced.set_external_captures([tf.convert_to_tensor(c) for c in captured])
            arguments = [tf.compat.v1.placeholder(s.dtype, s.shape) for s in specs]
            results = traced(*arguments)

        return self._callable(arguments, results)

    def _callable(
        self, feeds: Sequence[Any], fetches: Sequence[Any], *targets: str
    ) -> Callable[..., list[Array]]:
        """Return a function of the feeds that runs targets and returns fetches."""
        options = CallableOptions(
            feed=[tensor.name for tensor in feeds],
            fetch=[tensor.name for tensor in fetches],
            target=targets,
        )
        # `Session.run` looks at each feed anew, which takes as long as many a step.
        return self._session._make_callable_from_options(options)  # type: ignore[no-any-return]

    def _add(self, variable: Any) -> _Twin:
        dtype, shape = variable.dtype, variable.shape
        with tf.device(variable.device):
            handle = tf.raw_ops.VarHandleOp(
                dtype=dtype, shape=shape, shared_name=str(len(self._twins))
            )
            new = tf.compat.v1.placeholder(dtype, shape)
            assign = tf.raw_ops.AssignVariableOp(resource=handle, value=new)
            value = tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)
        twin = _Twin(variable, handle, new, assign, value)
        self._twins[id(variable.handle)] = twin
        return twin

    def _stand_in(self, captured: Any) -> Any:
        """Return what stands in the session for a tensor from outside."""
        if id(captured) in self._twins:
            return self._twins[id(captured)].handle
        if captured.dtype == tf.resource:
            raise TypeError("a layer holds something that is not a variable: a table?")
        return captured.numpy()


@dataclass(frozen=True, slots=True)
class _Twin:
    """A variable, and what stands for it in a session."""

    variable: Any  # kept: it is known by the identity of its handle
    handle: Any
    new: Any
    assign: Any
    value: Any


def _config() -> Any:
    """Return how a session uses the machine: as TensorFlow does outside of it."""
    config = tf.compat.v1.ConfigProto(
        allow_soft_placement=True,
        # Operations run in the thread that calls; what XLA compiled has its own.
        inter_op_parallelism_threads=-1,
        intra_op_parallelism_threads=(
            tf.config.threading.get_intra_op_parallelism_threads()
        ),
    )
    for kind in ("CPU", "GPU"):
        config.device_count[kind] = len(tf.config.list_logical_devices(kind))
    options = config.gpu_options
    options.allow_growth = True
    gpus = tf.config.list_physical_devices("GPU")
    visible = tf.config.get_visible_devices("GPU")
    options.visible_device_list = ",".join(str(gpus.index(gpu)) for gpu in visible)
    parts = [tf.config.get_logical_device_configuration(gpu) or () for gpu in visible]
    if any(parts):  # the user has divided GPUs
        for of_gpu in parts:
            options.experimental.virtual_devices.add(
                memory_limit_mb=[part.memory_limit for part in of_gpu]
            )
    return config
