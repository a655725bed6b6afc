"""Helpers for messages: a counted noun, and the first line of an error."""


def counted(number: int, noun: str) -> str:
    """Return `1 run`, `1,204 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message (200 characters, no full stop), or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".:")
