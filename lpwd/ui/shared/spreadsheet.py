"""CSV that is safe to open in a spreadsheet: text that looks like a formula is escaped."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # slow import
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(frame: "pd.DataFrame") -> str:
    """Return the frame as CSV without its index, with an apostrophe before text that looks like a formula."""
    texts = frame.select_dtypes(["object", "string"])
    return str(frame.assign(**{name: texts[name].map(plain) for name in texts}).to_csv(index=False))


def plain(value: Any) -> Any:
    """Escape text that a spreadsheet would evaluate; return other values unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
