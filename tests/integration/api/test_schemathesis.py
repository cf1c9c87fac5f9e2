"""Whatever the OpenAPI allows or nearly allows is sent: no 5xx, and no answer that the OpenAPI does not promise."""

import asyncio
import sys
from pathlib import Path

import pytest

from support.api import Api, serving

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

FUZZING_S = 20
"""A short run; a longer one is made by hand before a release (docs/api.md)."""


@pytest.mark.timeout(400)
async def test_no_request_makes_a_5xx_or_an_answer_that_is_not_described(api: Api, tmp_path: Path) -> None:
    for number in range(3):
        await api.alert(alert_id=f"alert-{number}")
    token = await api.token("admin")
    async with serving(api.app) as url:
        run = await asyncio.create_subprocess_exec(
            *(SCHEMATHESIS, "run", f"{url}/api/openapi.json", "--header", f"Authorization: Bearer {token}"),
            *("--exclude-path", "/api/v1/alerts/stream", "--checks", CHECKS, "--seed", "1", "--no-color"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "5", "--max-time", str(FUZZING_S)),
            *("--request-timeout", "10", "--warnings", "off", "--max-failures", "5"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await run.communicate()
    text = said.decode(errors="replace")
    assert run.returncode == 0, text[-6000:]
    assert "passed" in text
