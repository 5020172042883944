"""An agent that speaks MCP with `handrail mcp`."""

import asyncio
import json
import os
import sys
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

url, key, order = sys.argv[1:]


async def main() -> None:
    environment = {"HANDRAIL_URL": url, "HANDRAIL_API_KEY": key, "PATH": os.environ["PATH"]}
    program = StdioServerParameters(command=sys.executable, args=["-m", "handrail", "mcp"], env=environment)
    async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
        await session.initialize()

        async def call(tool: str, **arguments: Any) -> Any:
            result: Any = await session.call_tool(tool, arguments)
            return json.loads(result.content[0].text)

        said = {"action": "process_refund", "arguments": {"order": order, "amount": 1500.0}}
        found = await call("request_approval", **said)
        while not found["may_run"]:
            found = await call("check_approval", approval_id=found["approval_id"], wait_seconds=20)
        print(json.dumps(found["arguments"]))
        await call("record_outcome", approval_id=found["approval_id"], status="succeeded")


asyncio.run(main())
