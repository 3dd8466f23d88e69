"""Each example of README.md, one after the other, as somebody would who reads it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Dict, List, Tuple
from unittest import mock

from .service import PLAYED, SCRIPT, TOKEN, URL, has, needs_service

README = Path(__file__).parent.parent / "README.md"


def examples() -> List[Tuple[str, str]]:
    """What follows `python` in the fence, and the code."""
    return re.findall(r"^```python *(\w*)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)


@needs_service
class Readme(unittest.TestCase):
    def test_examples_do_as_they_say(self) -> None:
        found = examples()
        self.assertGreater(len(found), 5)
        names: Dict[str, Any] = {}
        said = io.StringIO()
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        sleep = time.sleep
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for needs, code in found:
                if needs in ("rdkit", "pyarrow") and not has(needs):
                    continue
                # The round of the play, on the model of the play.
                code = code.replace("http://localhost:8000", URL).replace('model="qm9"', f'model="{PLAYED}"')
                code = code.replace("from_=32, minutes=60", "from_=8, updates=5")
                Path(SCRIPT).write_text('{"act": "finish"}')
                with self.subTest(code=code), contextlib.redirect_stdout(said):
                    quick = mock.patch("time.sleep", lambda seconds: sleep(min(seconds, 0.1)))
                    with mock.patch.dict(os.environ, {"MOLSTEP_ADMIN_TOKEN": TOKEN}), quick:
                        exec(compile(code, os.fspath(README), "exec"), names)
            self.assertTrue(set(os.listdir()) >= {"molecules.sdf.gz", "many.sdf.gz"})
            os.chdir(here)
        self.assertEqual((len(names["molecules"]), names["written"], names["job"].state), (16, 100, "done"))
        self.assertIn("Invalid request", said.getvalue())
