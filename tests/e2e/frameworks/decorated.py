"""A plain function."""

import json
import sys

from handrail import Handrail, approval_required

url, key, order = sys.argv[1:]
with Handrail(url, key, agent="plain") as client:

    @approval_required("process_refund", client=client)
    def refund(order: str, amount: float) -> dict[str, object]:
        return {"order": order, "amount": amount}

    print(json.dumps(refund(order, 1500.0)))
