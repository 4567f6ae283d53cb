# tests/schemathesis/checks.py: what Schemathesis does not check by itself: lines of streams, headers, answers to bodies that none reads.

import json

import jsonschema_rs
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CONTENT_TYPE_PROBES, CoveragePhaseData

NDJSON = "application/x-ndjson"
# They mean the same in all of HTTP, or belong to the connection.
UNDESCRIBED = {
    *("cache-control", "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive"),
    *("transfer-encoding", "vary", "x-content-type-options"),
}


@schemathesis.check
def documented_headers(ctx, response, case):
    """Every header of an answer is in the document."""
    described = described_answer(case, response)
    if described is None:
        return
    names = {name.lower() for name, _ in described.headers.items()} | UNDESCRIBED
    unknown = sorted(set(response.headers) - names)
    assert not unknown, f"headers that are not in the document: {', '.join(unknown)}"


@schemathesis.check
def documented_answers_to_strange_bodies(ctx, response, case):
    """Schemathesis sends bodies with wrong content types, and does not ask what comes back."""
    phase = case.meta.phase.data if case.meta else None
    if not isinstance(phase, CoveragePhaseData) or phase.scenario not in CONTENT_TYPE_PROBES:
        return
    assert described_answer(case, response) is not None, f"{response.status_code} is not in the document"


@schemathesis.check
def documented_lines(ctx, response, case):
    """Every line of an NDJSON answer is as described."""
    lines = lines_of(response)
    validator = line_validator(case) if lines else None
    for line in lines:
        problems = [error.message for error in validator.iter_errors(line)]
        assert not problems, f"{json.dumps(line)}: {'; '.join(problems)}"


@schemathesis.check
def imported_lines(ctx, response, case):
    """The answer to an import is 200, and the line says what became of it: a wrong one is refused, a right one is not for its form."""
    if case.meta is None or case.operation.definition.raw["operationId"] != "importOrders":
        return
    is_wrong = case.meta.is_negative_at(ParameterLocation.BODY)
    for line in lines_of(response):
        assert (line["status"] == 400) == is_wrong, f"the line {case.body!r} has the result {json.dumps(line)}"


def lines_of(response):
    if not response.headers.get("content-type", [""])[0].startswith(NDJSON):
        return []
    # `splitlines` would end a line at U+2028 too, which a text may contain.
    return [json.loads(line) for line in response.content.decode().split("\n") if line]


def line_validator(case):
    document = case.operation.schema.raw_schema
    answer = case.operation.definition.raw["responses"]["200"]
    return jsonschema_rs.validator_for({**answer["content"][NDJSON]["schema"], "components": document["components"]})


def described_answer(case, response):
    """None for a method that the path does not have: its answer belongs to no operation."""
    if response.request.method.upper() != case.operation.method.upper():
        return None
    return case.operation.responses.find_by_status_code(response.status_code)
