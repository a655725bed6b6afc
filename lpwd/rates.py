"""lambda_i of each layer, as a method of METHODS and the options of a run choose it."""

from collections.abc import Sequence

from lpwd.depth import LAYER_ORDERS, LayerOrder, LayerRule, layer_rates, profile_rates
from lpwd.methods import MEANS, METHODS, Mean, Method, get_method


def check_takes_profile(name: str) -> None:
    """Raise ValueError if the method gives all layers one rate."""
    if not get_method(name).takes_profile:
        layerwise = ", ".join(key for key, row in METHODS.items() if row.takes_profile)
        raise ValueError(f"profile sets the rates of layer-wise methods, and {name} is none: they are {layerwise}")


def decay_rates(
    method: Method,
    layer_count: int,
    weight_decay: float,
    rule: LayerRule = "2i/n",
    order: LayerOrder = "deep",
    profile: Sequence[float] | None = None,
    mean: Mean = "layers",
) -> list[float]:
    """lambda_i of a method for i = 1..n, dimensionless; llrd and AdamC decay at lambda times a learning-rate factor.

    A function of rates is called with the layers themselves: `lpwd.optim.own_rates`.
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
    """Return order and mean of a method's layer-wise rates: the options unless they are the default, else its row's.

    Raises ValueError on an unknown value, and on an order that contradicts the method's own.
    """
    if order not in LAYER_ORDERS:
        raise ValueError(f"order is {order!r}: allowed are {', '.join(LAYER_ORDERS)}")
    if mean not in MEANS:
        raise ValueError(f"mean is {mean!r}: allowed are {', '.join(MEANS)}")
    row = get_method(name)
    if "deep" not in (row.order, order) and row.order != order:
        raise ValueError(f"order is {order}: method {name} has its own, {row.order}")
    return (row.order if order == "deep" else order), (row.mean if mean == "layers" else mean)
