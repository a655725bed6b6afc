"""Decay rates lambda_i of each layer, from a row of METHODS and the options of a run."""

from collections.abc import Sequence

from lpwd.depth import LAYER_ORDERS, LayerOrder, LayerRule, layer_rates, profile_rates
from lpwd.errors import ConfigError
from lpwd.methods import MEANS, METHODS, Mean, Method, get_method


def check_takes_profile(name: str) -> None:
    """Raise ConfigError if the method is not layer-wise."""
    if not get_method(name).takes_profile:
        layerwise = ", ".join(key for key, row in METHODS.items() if row.takes_profile)
        raise ConfigError.of("profile", f"is only for layer-wise methods ({layerwise}): method is {name}")


def decay_rates(
    method: Method,
    layer_count: int,
    weight_decay: float,
    rule: LayerRule = "2i/n",
    order: LayerOrder = "deep",
    profile: Sequence[float] | None = None,
    mean: Mean = "layers",
) -> list[float]:
    """Return lambda_i of a method for i = 1..n, dimensionless.

    llrd and AdamC multiply lambda by a learning-rate factor. Rates that are functions are called with the layers in
    `lpwd.optim.own_rates`.
    """
    match method.rates:
        case "none":
            return [0.0] * layer_count
        case "layerwise" if profile is not None:
            return profile_rates(layer_count, weight_decay * method.scale, profile, order, rescaled=mean != "drawn")
        case "layerwise":
            return layer_rates(layer_count, weight_decay * method.scale, rule, order)
    return [weight_decay * method.scale] * layer_count


def order_and_mean(name: str, order: LayerOrder = "deep", mean: Mean = "layers") -> tuple[LayerOrder, Mean]:
    """Return order and mean of a method's layer-wise rates: the options if set, else the values of its row.

    Raises ConfigError for an unknown value, and for an order that contradicts the method's own.
    """
    if order not in LAYER_ORDERS:
        raise ConfigError.of("order", f"is {order!r}: allowed are {', '.join(LAYER_ORDERS)}")
    if mean not in MEANS:
        raise ConfigError.of("mean", f"is {mean!r}: allowed are {', '.join(MEANS)}")
    row = get_method(name)
    if "deep" not in (row.order, order) and row.order != order:
        raise ConfigError.of("order", f"is {order}: method {name} always uses {row.order}")
    return (row.order if order == "deep" else order), (row.mean if mean == "layers" else mean)
