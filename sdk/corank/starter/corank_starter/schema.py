"""What is known of documents, of those who look for them, and of what they did.

Ids, titles, events and times are required; every other column may be absent or null.
"""

import dataframely as dy

from corank import Interaction, Item, User


class Document(Item):
    """Something to read, or to fill in and send."""

    kind = dy.Enum(["guide", "form", "letter", "checklist"], nullable=True)
    topic = dy.String(nullable=True, description="what it is about, in one word")
    published = dy.Date(nullable=True)
    description = dy.String(nullable=True)


class Visitor(User):
    """Somebody who looks for a document."""

    interests = dy.String(nullable=True, description="in the visitor's own words")


class Event(Interaction):
    """One thing a visitor did; a view is a title on a list, no more."""

    event = dy.Enum(["view", "open", "download", "save", "dismiss"])
    seconds = dy.Float64(nullable=True, min=0, description="how long it was open")
