"""The service that the tests ask: `MOLSTEP_TEST_URL` says where it is. `tests/clients/python_test.ts` starts one."""

from __future__ import annotations

import importlib.util
import os
import unittest

URL = os.environ.get("MOLSTEP_TEST_URL", "")
#: The administrator's.
TOKEN = os.environ.get("MOLSTEP_TEST_TOKEN", "")
#: A model whose rounds are played, and where the play stands.
PLAYED = os.environ.get("MOLSTEP_TEST_MODEL", "")
SCRIPT = os.environ.get("MOLSTEP_TEST_SCRIPT", "")

needs_service = unittest.skipUnless(URL, "MOLSTEP_TEST_URL is not set: deno test -A tests/clients/python_test.ts sets it")


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
