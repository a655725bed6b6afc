"""The entry of a Hugging Face Space, and of `python app.py`; `lpwd app` is the same."""

from lpwd.ui.app import main
from lpwd.ui.app import parse as parse

if __name__ == "__main__":
    main()
