"""What is never left to a ranking: emergencies, what is always said, and what no log holds.

Where somebody says what they have taken or mean to do, nothing is taken for a mere question.
"""

from corank import Alarm, Policy
from corank_health.wordings import (
    ASKED_ABOUT,
    EMERGENCY,
    HERE_AND_NOW,
    OVERDOSE,
    SUICIDE_ASKED_ABOUT,
    SUICIDE_MEANT,
    SUICIDE_NAMED,
    WHATEVER_IS_ASKED,
)

HELP = {
    "en": (
        "This may be an emergency. Call your emergency number now: 112 in Europe, 999 in the UK, "
        "911 in the US, 120 in China. Do not wait for an answer here."
    ),
    "zh": (
        "这可能是紧急情况。请立即拨打急救电话:中国大陆 120,欧洲 112,英国 999,美国 911。"
        "请勿在此等待答复。"
    ),
}
POISON = {
    "en": (
        "Call your emergency number or a poison centre now: 112 in Europe, 999 in the UK, 911 in "
        "the US, 120 in China. Have the package at hand. Do not make anybody vomit, and do not "
        "wait for an answer here."
    ),
    "zh": (
        "请立即拨打急救电话或中毒咨询电话:中国大陆 120,欧洲 112,英国 999,美国 911。"
        "请备好药品包装,不要催吐,请勿在此等待答复。"
    ),
}
TALK = {
    "en": (
        "You do not have to be alone with this. If you are in danger now, call your emergency "
        "number: 112 in Europe, 999 in the UK, 911 in the US, 120 in China. To talk to somebody, "
        "day or night: 116 123 in the UK and much of Europe, 988 in the US, 12356 in China."
    ),
    "zh": (
        "您不必独自面对。如有生命危险,请立即拨打急救电话:中国大陆 120,欧洲 112,英国 999,"
        "美国 911。想找人倾诉,可随时拨打:中国大陆 12356,美国 988,英国及欧洲多国 116 123。"
    ),
}
DISCLAIMER = {
    "en": (
        "Information, not medical advice: it does not know you as a doctor or a pharmacist does. "
        "Ask one before you take, stop or combine medicines. In an emergency call 112, 999 or 911."
    ),
    "zh": (
        "仅供参考,不能代替医生或药师的意见。服用、停用或合用药物前请先咨询。紧急情况请拨打 120。"
    ),
}

POLICY = Policy(
    disclaimer=DISCLAIMER,
    abstain_below=0.35,
    alarms=(
        Alarm(
            name="suicide",
            message=TALK,
            wordings=SUICIDE_NAMED,
            calm=SUICIDE_ASKED_ABOUT,
            anyway=SUICIDE_MEANT,
        ),
        Alarm(name="overdose", message=POISON, wordings=OVERDOSE),
        Alarm(
            name="emergency",
            message=HELP,
            wordings=EMERGENCY,
            calm=ASKED_ABOUT,
            anyway=WHATEVER_IS_ASKED,
            present=HERE_AND_NOW,
        ),
    ),
    masked=("age", "allergies", "conditions", "medicines", "pregnant", "interests"),
    mask_text=True,
)
