"""The networks of a GAN that are sampled, saved and exported: averages, and their twins of stock layers."""

import keras

from ganzoo.core import initial_weights, seeding
from ganzoo.core.layers import layers_within
from ganzoo.core.precision import dtype_policy


class DeployedNetworks:
    """The part of `ganzoo.gan.gan.GAN` that says which networks leave it, and as what."""

    def build_released(self) -> dict[str, keras.Model]:
        """Returns new networks of stock Keras layers, the deployed ones among them: these are saved.

        Where networks train with layers of their own, as of an equalized rate, this builds their stock twins, and
        `release` and `adopt` say how weights go over.
        """
        return self.build_networks()

    def release(self, name: str, trained: keras.Model, stock: keras.Model) -> None:
        """Gives the stock twin of a deployed network the weights by which it computes the same."""
        stock.set_weights(trained.get_weights())

    def adopt(self, name: str, stock: keras.Model, trained: keras.Model) -> None:
        """Gives a network the weights by which it computes what a stock twin does: the inverse of `release`."""
        trained.set_weights(stock.get_weights())

    def deployed(self) -> dict[str, keras.Model]:
        """The networks that are sampled, saved and exported: moving averages where `ema_decay` is on."""
        return {**self._trained(), **self._averages}

    def released(self) -> dict[str, keras.Model]:
        """The deployed networks as they are saved: of stock layers, in float32, whatever they are trained in."""
        networks = self.deployed()
        if self._needs_twins():
            with dtype_policy("float32"), initial_weights.from_seed(self.config.seed):
                twins = self.build_released()
            for name, network in networks.items():
                self.release(name, network, twins[name])
            networks = {name: twins[name] for name in networks}
        for name, network in networks.items():
            for place, layer in layers_within(network):
                if hasattr(layer, "seed_generator"):
                    # Keras draws it, and saves it: files of the same run would differ.
                    layer.seed_generator.state.assign([seeding.derive(self.config.seed, name, place), 0])
        return networks

    def _trained(self) -> dict[str, keras.Model]:
        """The networks behind the deployed ones."""
        return {name: self._networks[name] for name in self.deployed_names}

    def _needs_twins(self) -> bool:
        """Whether the deployed networks can't be saved as they are."""
        layers = (layer for network in self._networks.values() for _, layer in layers_within(network))
        synchronized = any(getattr(layer, "synchronized", False) for layer in layers)
        has_own = type(self).build_released is not DeployedNetworks.build_released
        return self.config.precision != "float32" or synchronized or has_own
