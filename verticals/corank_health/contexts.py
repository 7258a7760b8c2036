"""When and with what people ask."""

from corank.data.context import DAYPART, DEVICE, WEEKEND

CONTEXTS = (DAYPART, WEEKEND, DEVICE)
