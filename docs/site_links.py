"""What the site cannot link to, since it lies beside docs/ in the repository, it names."""

import re
from typing import Any

BESIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!how-to/|reference/|explanation/|decisions/|runbooks/)([^)\s]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with links that leave docs/ as plain words."""
    return BESIDE.sub(lambda link: f"{link[1]} (`{link[2]}`)" if link[1] != link[2] else f"`{link[1]}`", markdown)
