"""What schemathesis shall hold against every answer beside what the document says."""

import os

import schemathesis

WHO = os.environ["API_CHECK_WHO"]
PUBLIC = "/api/v1/openapi.json"
# What an operation needs stands in its description, which is made of the same table as the check itself.
RIGHTS = ("read", "deliveries", "terminals", "people", "administer")
HAS = {
    "administrator": RIGHTS,
    "reader": ("read",),
    "limited": ("read", "deliveries", "terminals", "people"),
    "nobody": (),
}[WHO]


@schemathesis.check
def no_data_without_a_right(ctx, response, case):
    """Nothing but a problem for whoever lacks the right."""
    if case.path == PUBLIC or response.status_code >= 400:
        return
    description = case.operation.definition.raw.get("description", "")
    needed = [right for right in RIGHTS if f"Needs the right `{right}`" in description]
    assert needed, f"{case.method} {case.path} names no right"
    assert needed[0] in HAS, f"{WHO} got {response.status_code} by {case.method} {case.path}"
    if WHO == "limited":
        assert "Not for whoever is limited" not in description, f"{case.path} is not for {WHO}"
        assert b"SIM000002" not in response.content, f"{case.path} tells {WHO} of another's terminal"


@schemathesis.check
def no_page(ctx, response, case):
    """The API never answers with a page."""
    assert "html" not in response.headers.get("content-type", [""])[0]
