"""Who calls in `.ci/fuzz`: an API key or a person, and somebody who signs in anew for each call of an
operation that ends sessions."""

import json
import os
import threading
import time
import urllib.request

import schemathesis

BASE, WHO = os.environ["FUZZ_BASE"], os.environ["FUZZ_AS"]
# They end the caller's session, or begin another in its place.
ENDING = {"logout", "end_session", "change_password", "confirm_password", "switch_organization"}
# An access token lives for a quarter of an hour.
RENEWED_EVERY_S = 300


def tokens(name: str) -> dict:
    shown = json.dumps({"email": f"{name}@fuzz.test", "password": os.environ["FUZZ_PASSWORD"]}).encode()
    request = urllib.request.Request(f"{BASE}/v1/auth/login", data=shown, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


class Person:
    """One whose token is used until it is old."""

    def __init__(self):
        self.lock, self.token, self.until = threading.Lock(), None, 0.0

    def shown(self) -> str:
        with self.lock:
            if time.monotonic() >= self.until:
                self.token, self.until = tokens("person")["access_token"], time.monotonic() + RENEWED_EVERY_S
            return self.token


PERSON = Person()


@schemathesis.auth(refresh_interval=None)
class Caller:
    def get(self, case, context):
        if WHO == "key":
            return os.environ["FUZZ_KEY"]
        if context.operation.definition.raw.get("operationId") in ENDING:
            return tokens("leaver")["access_token"]
        return PERSON.shown()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_body(context, body):
    """Every other refresh shows a token that is true: else nothing behind the door would be seen."""
    operation = context.operation.definition.raw.get("operationId") if context.operation else None
    if operation == "refresh_session" and isinstance(body, dict) and isinstance(body.get("refresh_token"), str) and len(body) == 1:
        return {"refresh_token": tokens("leaver")["refresh_token"]} if len(body["refresh_token"]) % 2 else body
    return body
