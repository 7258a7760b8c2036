"""When and on what somebody reads."""

from corank.data.context import DAYPART, DEVICE, WEEKEND

CONTEXTS = (DAYPART, WEEKEND, DEVICE)
