"""Networks that keep nothing of what they computed for their gradients, but compute it anew (Chen et al. 2016).

"Training Deep Nets with Sublinear Memory Cost". It costs one more forward of each network for every time it is
differentiated; in exchange the activations of one network at a time are in memory, not of all that a step calls.
"""

import functools

import keras


def rematerialise(network: keras.Model) -> None:
    """Makes a network's calls in training mode forget their activations. Its outputs and gradients stay the same."""
    # Whoever asks twice gets it once.
    plain = getattr(network.call, "__wrapped__", network.call)
    variables = network.variables
    changing = [variable for variable in variables if not variable.trainable]

    @functools.wraps(plain)
    def call(inputs, training=None, mask=None):
        if not training:
            return plain(inputs, training=training, mask=mask)

        # A pure function: computed anew, it must see the same norms and noise, and not change them a second time.
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
