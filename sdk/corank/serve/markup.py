"""HTML that cannot be broken by what it shows: text is escaped unless it is `Html` already.

Knows tags and attributes; knows nothing of what they are for.
"""

from html import escape


class Html(str):
    """Markup that is safe to show as it stands; only `tag` and `join` make it."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: str | int | None) -> Html:
    """Return one element. A child or attribute that is None is left out.

    ``class_="card"`` becomes ``class="card"`` and ``data_item="A1"`` becomes ``data-item="A1"``.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str | None) -> Html:
    """Return the children one after the other, escaped where they are plain text."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(child)
            for child in children
            if child is not None
        )
    )
