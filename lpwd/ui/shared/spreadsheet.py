"""Tables for spreadsheets, which run a text that begins like a formula: such a text is quoted."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the start of the app does not wait for it
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(frame: "pd.DataFrame") -> str:
    """The frame as CSV without its index; texts that a spreadsheet would run begin with an apostrophe."""
    texts = frame.select_dtypes(["object", "string"])
    return str(frame.assign(**{name: texts[name].map(plain) for name in texts}).to_csv(index=False))


def plain(value: Any) -> Any:
    """Numbers and harmless texts as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
