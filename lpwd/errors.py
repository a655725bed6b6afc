"""The error for bad input. It needs no other module, so every module can raise it."""


class ConfigError(ValueError):
    """Bad input, described in one sentence that says what was given and what is allowed.

    `field` is the RunConfig field at fault, or "". If the sentence starts with that name, `reason` is the rest of it,
    so that a page can show the field's label instead.
    """

    def __init__(self, sentence: str, field: str = "", reason: str = "") -> None:
        super().__init__(sentence)
        self.field, self.reason = field, reason

    @classmethod
    def of(cls, field: str, reason: str) -> "ConfigError":
        """Return an error about one field: `of("lr", "is 0: ...")` reads "lr is 0: ..."."""
        return cls(f"{field} {reason}", field, reason)
