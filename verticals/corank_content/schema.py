"""What a publisher knows: articles, videos and films, readers, and what readers did.

Only ids, titles, events and times are required; every other column may be absent or null. Readers
are those who watch too.
"""

import dataframely as dy

from corank import Interaction, Item, User

EVENTS = ("view", "open", "finish", "like", "share", "hide")


class Content(Item):
    """Something to read or to watch."""

    kind = dy.Enum(["article", "video", "film"], nullable=True)
    publisher = dy.String(nullable=True, description="whose it is: an outlet, a channel, a studio")
    genre = dy.String(nullable=True, description="several with | between them")
    language = dy.String(nullable=True, regex=r"^[a-z]{2}$", description="ISO 639-1, such as en")
    age_rating = dy.Int64(nullable=True, min=0, max=21, description="years from which it is fit")
    minutes = dy.Float64(nullable=True, min=0, description="to read or to watch all of it")
    published = dy.Date(nullable=True)
    description = dy.String(nullable=True)


class Reader(User):
    """Somebody who reads and watches."""

    joined = dy.Date(nullable=True)
    age = dy.Int64(nullable=True, min=0, max=130, description="in years")
    languages = dy.String(nullable=True, description="ISO 639-1, several with | between them")
    interests = dy.String(nullable=True, description="in the reader's own words")


class Event(Interaction):
    """One thing a reader did to an item; a view is its title on a list, no more."""

    event = dy.Enum(EVENTS)
    dwell_seconds = dy.Float64(nullable=True, min=0, description="how long it was open")
    completion = dy.Float64(nullable=True, min=0, max=1, description="share that was seen of it")
    device = dy.String(nullable=True, description="such as phone, tablet, television")
