"""tf.autodiff: forward mode. A VJP is linear in its cotangent, so the VJP of the VJP is the JVP."""

import numpy as np

from . import nest
from .tape import GradientTape, UnconnectedGradients, _wants_zeros, _zeros, densify
from .tensor import Tensor, Variable, active, as_source, as_tensor


class ForwardAccumulator:
    """Computes Jacobian-vector products of everything calculated in its block.

    Args:
      primals: tensor, variable or structure of them. tangents: the same structure, one per primal.
    Raises:
      ValueError: structures that differ, or a primal given twice.

    >>> import tapelab as tf
    >>> x = tf.constant([1.0, 2.0])
    >>> with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as acc:
    ...     y = tf.reduce_sum(x ** 2)
    >>> float(acc.jvp(y))
    2.0
    """

    def __init__(self, primals, tangents):
        nest.assert_same_structure(primals, tangents, check_types=False)
        self._primals = [as_source(p) for p in nest.flatten(primals)]
        self._tangents = []
        for p, t in zip(self._primals, nest.flatten(tangents)):
            self._tangents.append(as_tensor(t, p.dtype._np))
        seen = set()
        for p in self._primals:
            if id(p) in seen:
                raise ValueError(
                    f"Tensor {p!r} was specified as a primal multiple times. This may indicate an error. If "
                    f"it was intended, please sum the corresponding tangents."
                )
            seen.add(id(p))
        self._tape = GradientTape(persistent=True, watch_accessed_variables=False)

    def __enter__(self):
        if self._tape._recording:
            raise ValueError("Accumulator is already recording.")
        self._tape.__enter__()
        self._tape.watch(self._primals)
        return self

    def __exit__(self, *exception):
        self._tape.__exit__(*exception)

    def jvp(self, primals, unconnected_gradients=UnconnectedGradients.NONE):
        """The Jacobian-vector products of results: their rates of change along the tangents.

        Args:
          primals: tensor or structure of them, computed in the block.
        Returns:
          The same structure; None (or zeros) where nothing depends on the primals given at first.
        """
        zero = _wants_zeros(unconnected_gradients)
        return nest.map_structure(lambda p: self._one(p, zero), primals)

    def _one(self, target, zero):
        z = target._t if isinstance(target, Variable) else as_source(target)
        tape, rate = self._tape, None
        tapes = active.tapes
        active.tapes = tuple(t for t in tapes if t is not tape)
        try:
            if id(z) in tape._tracked:
                # Pull a dummy cotangent back, on a tape; then pull the tangents back through that.
                dummy = Tensor(np.ones(z._a.shape, z._a.dtype)[()])
                with GradientTape(watch_accessed_variables=False) as transpose:
                    transpose.watch(dummy)
                    found = tape._pull(tape._records, {id(z): (z, dummy)}, self._primals)
                    pairs = [(densify(g), t) for g, t in zip(found, self._tangents) if g is not None]
                if pairs:
                    gs, ts = zip(*pairs)
                    rate = transpose.gradient(list(gs), dummy, output_gradients=list(ts))
        finally:
            active.tapes = tapes
        return _zeros(target) if rate is None and zero else rate
