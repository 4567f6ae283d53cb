# tests/schemathesis/mend.py: turns a request that ought to be accepted into one that is, where a rule is more than a schema can say.

import os
from collections import defaultdict
from itertools import count

IS_CUSTOMER = os.environ["API_ROLE"] == "customer"
AMOUNT_MAX = 9_999_999_999.99
# One of so many keeps the total that was generated, or none: mostly 422.
TOTAL_ONE_OF = 4
# One of so many of a customer's names somebody else, or an id of their own choice: always 403.
FORBIDDEN_ONE_OF = 4

SUBMITS = ("createOrder", "createOrderAsBefore", "importOrders")
# What a client may choose instead of sending an Idempotency-Key.
CHOSEN_ID = {
    "createOrder": "order_id",
    "createOrderAsBefore": "order_id",
    "createProduct": "product_id",
    "populateOrders": "batch_id",
}

turns = defaultdict(count)


def one_of(many, what):
    """True for the first of so many, and so on: chance would find other things in each run."""
    return next(turns[what]) % many == 0


def operation_of(case):
    return case.operation.definition.raw["operationId"]


def mend_query(case):
    # Opaque: only the service makes them, a cursor for its own question. tests/unit/api/reads follows them.
    case.query.pop("cursor", None)
    case.query.pop("after", None)
    case.headers.pop("consistency-token", None)
    if IS_CUSTOMER and not one_of(FORBIDDEN_ONE_OF, "list"):
        case.query.pop("user_id", None)
    # A relation between two parameters: the byte order mark is for CSV.
    if case.query.get("format") != "csv":
        case.query.pop("bom", None)


def mend_body(case):
    if not isinstance(case.body, dict):
        return
    body = with_amounts(case.body)
    if isinstance(body.get("items"), list):
        body["items"] = with_one_price_each(body["items"])
    if not one_of(TOTAL_ONE_OF, "total") and ("items" in body or "item_ids" in body):
        body["total_amount"] = total_of(body.get("items")) or body.get("total_amount", 1)
    if operation_of(case) in SUBMITS:
        if not IS_CUSTOMER:
            # A relation with the caller: a customer may leave it out, others may not.
            body.setdefault("user_id", "101")
        elif not one_of(FORBIDDEN_ONE_OF, "order"):
            body.pop("user_id", None)
            body.pop("order_id", None)
    # A relation with a header: both say what is meant.
    if CHOSEN_ID.get(operation_of(case)) in body:
        case.headers.pop("idempotency-key", None)
    case.body = body


def with_one_price_each(items):
    """Relations between entries: one product has one price and at most 10,000 pieces, and all together cost no more than an amount can be."""
    items = list({in_decimal(item["product_id"]): item for item in items}.values())
    if sum(item.get("quantity", 1) * item.get("unit_price", 0) for item in items) > AMOUNT_MAX:
        items = [{**item, "unit_price": 1} for item in items]
    return items


def total_of(items):
    """A relation with the prices: their sum if each has one; 0 for anything."""
    if not items or any("unit_price" not in item for item in items):
        return 0
    return round(sum(item.get("quantity", 1) * item["unit_price"] for item in items), 2)


def in_decimal(product_id):
    return str(int(product_id) if isinstance(product_id, float) else product_id)


def with_amounts(value, name=None):
    """`format: amount` is at most two places; `multipleOf: 0.01` would make clients that compute in doubles refuse 19.99."""
    if isinstance(value, dict):
        return {key: with_amounts(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [with_amounts(each) for each in value]
    return round(value, 2) if name in ("price", "unit_price", "total_amount") and isinstance(value, float) else value
