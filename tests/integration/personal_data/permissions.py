"""Where the contract lets a value be that identifies a person, by place and by name of the value, each with its reason.

Places: `key of`, `header of` and `value of` a topic, and what else `Run` sees.
"""

import re

from tests.integration.personal_data.searching import Permission

_OUTCOMES = r"value of (replay\.again\.)?(accepted|flagged|denied-risk)"

PERMISSIONS = tuple(
    Permission(re.compile(place), re.compile(values), reason)
    for place, values, reason in (
        (_OUTCOMES, "claim id", "section 6: claim_id only"),
        (_OUTCOMES, "line control number", "section 5: by lines[].control_number the sender finds the line again"),
        (_OUTCOMES, "authorization number", "AUTH-01: its fix names the number the claim could have cited"),
        ("what (check|feed) says", "file name", "as its user named the file"),
        ("what check says", "claim id|line control number|authorization number", "its lines are decisions"),
        ("what check says", "source in the claim", "section 2: in check the source counts that the claim names"),
        ("answer to no HTTP", ".* the endpoint", "status 400 repeats to the asker alone the line it sent"),
    )
)
