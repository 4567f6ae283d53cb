# tests/schemathesis/hooks.py: makes the requests of Schemathesis meet orders, users and requests that there are, and counts the answers.
# What is generated as wrong stays wrong: only requests that ought to be accepted are changed (mend.py).

import json
import os
from collections import Counter, defaultdict
from time import time_ns

import requests
import schemathesis
from schemathesis import GenerationMode

import checks  # noqa: F401  (registers them)
from mend import IS_CUSTOMER, mend_body, mend_query, one_of, operation_of, turns

API_URL = os.environ["API_URL"]
AUTHORIZATION = os.environ["API_AUTHORIZATION"]
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-lines")
# Enough to see every answer of the route; a hundred thousand orders would keep the processor busy for a minute each time.
POPULATE_MAX = 5
POPULATE_ALLOWED_MAX = 100_000
# Of the orders in a status, the newest so many: each time another one.
CHOICE_MAX = 20
# One of so many keeps the If-Match that was generated: it is never the version of the order, so the answer is always 412.
IF_MATCH_ONE_OF = 4
# One of so many signs in as a user that there is. More would be over the limit of five attempts a minute.
SIGN_IN_ONE_OF = 5
# One of so many keeps the id that was generated, of no order or of any.
GENERATED_ONE_OF = 5


@schemathesis.serializer(*NDJSON)
def one_line(ctx, value):
    """The document describes one line of the stream."""
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


@schemathesis.hook
def before_call(ctx, case, kwargs):
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("total_entries"), (int, float)):
        if POPULATE_MAX < body["total_entries"] <= POPULATE_ALLOWED_MAX:
            case.body = {**body, "total_entries": POPULATE_MAX}
    if case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE:
        mend_query(case)
        mend_body(case)
        name_what_there_is(case)


# In which orders an operation can change something.
FINDS = {
    "cancelOrder": {"status": "pending,processing"},
    "updateOrderStatus": {"status": "pending,processing"},
    "amendOrder": {"status": "pending"},
    "replaceOrder": {"status": "pending"},
    "redriveOrder": {"parked": "true"},
    "reportFulfilment": {"status": "processing"},
}
requests_seen = []
# One that no earlier run has changed or erased.
READER = {"email": f"reader-{time_ns()}@example.com", "password": "correct horse battery"}


def name_what_there_is(case):
    operation = operation_of(case)
    if operation in FINDS:
        if not one_of(IF_MATCH_ONE_OF, operation):
            case.headers.pop("if-match", None)
        if not one_of(GENERATED_ONE_OF, f"{operation} of"):
            order_id = order_for(FINDS[operation])
            if order_id is not None:
                case.path_parameters["order_id"] = order_id
    if operation == "signIn" and one_of(SIGN_IN_ONE_OF, operation):
        send("POST", "/users", json={**READER, "name": "Reader"})  # 409 if there is one, 403 if this caller may not
        case.body = READER
    if operation == "getOrderRequest" and requests_seen:
        case.path_parameters.update(requests_seen[next(turns["choice"]) % len(requests_seen)])


def order_for(wanted):
    found = send("GET", "/orders", params={**wanted, "limit": CHOICE_MAX}).json().get("orders", [])
    if not found and "status" in wanted:
        owner = {} if IS_CUSTOMER else {"user_id": "101"}
        found = [send("POST", "/orders", json={**owner, "item_ids": ["5"], "total_amount": 1}).json()]
    # Without credentials there is none.
    return found[next(turns["choice"]) % len(found)].get("order_id") if found else None


def send(method, path, **more):
    headers = {"authorization": AUTHORIZATION} if AUTHORIZATION else {}
    return requests.request(method, f"{API_URL}{path}", headers=headers, timeout=60, **more)


answers = defaultdict(Counter)


@schemathesis.hook
def after_call(ctx, case, response):
    """Counts the answers for the test, and remembers which requests the log has."""
    if case.method.upper() != case.operation.method.upper():
        return
    operation = operation_of(case)
    answers[operation][response.status_code] += 1
    with open(os.environ["ANSWERS_FILE"], "w") as file:
        json.dump(answers, file)
    if operation == "listOrderEvents" and response.status_code == 200:
        page = response.json()
        requests_seen.extend(
            {"order_id": page["order_id"], "request_id": event["id"]} for event in page["events"] if event["effect"] == "request"
        )
