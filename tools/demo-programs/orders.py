# SPDX-License-Identifier: Apache-2.0
"""A program that a demo can profile: parses, sums and sorts made-up orders for ever."""

import json
import random
import re

random.seed(1)
lines = [json.dumps({"id": i, "customer": f"customer-{random.randrange(500)}", "cents": random.randrange(10_000),
                     "note": "x" * random.randrange(40)}) for i in range(5000)]

while True:
    sums = {}
    for line in lines:
        order = json.loads(line)
        if re.fullmatch(r"customer-\d+", order["customer"]):
            sums[order["customer"]] = sums.get(order["customer"], 0) + order["cents"]
    sorted(sums.items(), key=lambda item: -item[1])
