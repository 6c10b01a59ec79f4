"""Recomputes a network's activations for its gradients instead of keeping them (Chen et al. 2016).

"Training Deep Nets with Sublinear Memory Cost". This costs one more forward pass each time a network is differentiated.
In exchange, memory holds the activations of one network at a time, not of all that a step calls.
"""

import functools

import keras


def rematerialize(network: keras.Model) -> None:
    """Makes a network's training calls forget their activations. Its outputs and gradients stay the same."""
    # Asked for twice, it is done once.
    plain = getattr(network.call, "__wrapped__", network.call)
    variables = network.variables
    changing = [variable for variable in variables if not variable.trainable]

    @functools.wraps(plain)
    def call(inputs, training=None, mask=None):
        if not training:
            return plain(inputs, training=training, mask=mask)

        # Pure, since the second computation must see the same norms and noise, and must not change them again.
        @keras.remat
        def pure(inputs, *values):
            with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
                outputs = plain(inputs, training=True, mask=mask)
            return outputs, [scope.get_current_value(variable) for variable in changing]

        outputs, news = pure(inputs, *map(keras.ops.copy, variables))
        for variable, value in zip(changing, news, strict=True):
            variable.assign(value)
        return outputs

    network.call = call
