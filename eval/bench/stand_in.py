"""A scripted language model behind OpenAI's protocol, in a process of its own: ``python -m eval.bench.stand_in PORT``.

It plans nothing beyond the rules, ranks in the order given and explains in three words, each after a short wait: what
is left of a turn's time is the product's own. It never stands for a model where quality is measured.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

MODEL = "stand-in"
WAIT = 0.5
"""Seconds before each answer, about what a GPU server takes for 30 to 70 tokens."""

app = FastAPI()


@app.get("/health")
async def health() -> Response:
    """The server lives."""
    return Response()


@app.get("/v1/models")
async def models() -> dict[str, Any]:
    """The one model."""
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "bench"}]}


@app.post("/v1/chat/completions", response_model=None)
async def complete(request: Request) -> Response:
    """What the script says, whole or in pieces."""
    try:
        body = await request.json()
    except ClientDisconnect:  # the worker that asked was killed
        return Response(status_code=400)
    text = _text(body)
    await asyncio.sleep(WAIT)
    if body.get("stream"):
        return StreamingResponse(_pieces(text), media_type="text/event-stream")
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse({**_head("chat.completion"), "choices": [choice], "usage": _USAGE})


_USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": int(time.time()), "model": MODEL}


def _text(body: dict[str, Any]) -> str:
    json_schema = (body.get("response_format") or {}).get("json_schema", {})
    if body.get("tools"):
        return "done"
    if json_schema.get("name") == "rank":
        listing = json_schema["schema"]["properties"]["ranking"]
        entries = [entry["properties"] for entry in listing["items"]["anyOf"]][: listing["minItems"]]
        ranking = [{"item": e["item"]["const"], "evidence": e["evidence"]["items"]["enum"][:1]} for e in entries]
        return json.dumps({"ranking": ranking})
    return "It fits well."


async def _pieces(text: str) -> AsyncIterator[str]:
    for piece in [*text.split(" "), None]:
        delta = {"content": piece + " "} if piece is not None else {}
        choice = {"index": 0, "delta": delta, "finish_reason": None if piece is not None else "stop"}
        yield f"data: {json.dumps({**_head('chat.completion.chunk'), 'choices': [choice]})}\n\n"
    yield f"data: {json.dumps({**_head('chat.completion.chunk'), 'choices': [], 'usage': _USAGE})}\n\n"
    yield "data: [DONE]\n\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
