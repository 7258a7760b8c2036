"""What a shop knows: products, shoppers, and what shoppers did.

Only ids, titles, events and times are required; every other column may be absent or null.
Prices are in one currency of the shop's choice.
"""

import dataframely as dy

from corank import Interaction, Item, User

EVENTS = ("view", "click", "add_to_cart", "purchase", "return", "bounce")


class Product(Item):
    """Something for sale."""

    brand = dy.String(nullable=True)
    category = dy.String(nullable=True, description="a path, such as 'Kitchen > Knives'")
    description = dy.String(nullable=True)
    price = dy.Float64(nullable=True, min=0)
    stock = dy.Int64(nullable=True, min=0, description="units; null where it is not counted")
    on_promotion = dy.Bool(nullable=True)
    parent_id = dy.String(nullable=True, description="shared by the variants of one product")
    consumable = dy.Bool(nullable=True, description="bought again and again")
    released = dy.Date(nullable=True)


class Shopper(User):
    """Somebody who visits the shop."""

    signup = dy.Date(nullable=True)
    country = dy.String(nullable=True)
    price_band = dy.Enum(["value", "middle", "premium"], nullable=True)
    interests = dy.String(nullable=True, description="in the shopper's own words")


class Event(Interaction):
    """One thing a shopper did to a product."""

    event = dy.Enum(EVENTS)
    device = dy.String(nullable=True, description="such as phone, tablet, desktop")
