"""When and on what people are shown something."""

from corank.data.context import DAYPART, DEVICE, WEEKEND

CONTEXTS = (DAYPART, WEEKEND, DEVICE)
