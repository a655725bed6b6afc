"""The kernels of torch that an update can run in, by name: options of an optimizer."""

PATHS = {"for-loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}, "automatic": {}}
