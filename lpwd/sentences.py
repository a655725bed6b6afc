"""Parts of sentences: a counted noun, and the first line of an error."""


def counted(number: int, noun: str) -> str:
    """`1 run`, `1,204 runs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_line(error: Exception) -> str:
    """At most 200 characters of the first line of an error's text, without its full stop; else the error's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".:")
