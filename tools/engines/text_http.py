"""Texts to vectors by a server that speaks OpenAI's protocol for embeddings, as vLLM and text-embeddings-inference do.

A server gives sentence vectors only, no vectors of tokens: the classifiers that read messages need those and are left
out. What is wrong is told without the server's address, which stands in the log.
"""

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tools.engines.lazy import Lazy
from tools.engines.text import Purpose, TextEncoder, TextModel, TokenStates, prompts_in_words
from tools.errors import ServerMissing
from tools.records import EncoderIdentity
from tools.stopping import check_stopped

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

BUSY: Final = frozenset({429, 502, 503, 504})
REFUSED: Final = frozenset({400, 413, 422})
"""Too many texts at once, or too long a text; which of them, servers say in words only."""
WAIT_SECONDS: Final = 0.5
"""Before a busy server is asked again; twice as long each time, within the request's deadline."""
LOOK_SECONDS: Final = 5.0
"""By when a server must have encoded a word, where only its state is asked for."""
SHORTEST: Final = 32
"""A text refused at so few characters is not refused for its length."""
NOTHING: Final = "-"
"""Sent in place of a blank text, which some servers refuse."""


@dataclass(frozen=True)
class EmbeddingServer:
    """Where texts are encoded.

    Attributes:
        base_url: with the API's version, for example ``http://host/v1``.
        dimensions: of the vectors; None: it is asked.
        batch: how many texts a request has at most.
        call_seconds: deadline of one request, with the waits for a busy server.
        prompts: put before texts, by purpose.
        extra_body: further keys of every request.
    """

    base_url: str
    model: str
    api_key: str = "none"
    dimensions: int | None = None
    batch: int = 32
    call_seconds: float = 30.0
    prompts: Mapping[Purpose, str] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)


class ServedTextEncoder(TextEncoder):
    """A text encoder that runs on a server; what `TextEncoder` loads is here asked for."""

    def __init__(self, server: EmbeddingServer, *, cache_folder: Path | None = None) -> None:
        super().__init__(Path(), name=server.model, cache_folder=cache_folder)
        self._server = server

    def _open(self) -> TextModel:
        return HttpTextModel(self._server)


class HttpTextModel:
    """One model of one server; safe for several threads."""

    max_tokens = 512
    """Not known: texts are cut at `tools.engines.text.CHARACTERS_A_TOKEN` times as many characters, then by the server
    or, where it refuses, by halves."""

    def __init__(self, server: EmbeddingServer) -> None:
        self._server = server
        self._client = Lazy(self._connect)
        self.prompts = dict(server.prompts)

    @cached_property
    def dimensions(self) -> int:
        """As the settings say, or as the server answers."""
        return self._server.dimensions or len(self._request(["dimensions"], self._server.call_seconds)[0])

    def identity(self, name: str) -> EncoderIdentity:
        """The weights are known by the model's name and its vectors' width alone: the server says no more.

        Raises:
            ServerMissing: the width is not known, and the server does not answer.
        """
        digest = hashlib.sha256(f"{self._server.model}\n{self.dimensions}".encode()).hexdigest()
        return EncoderIdentity(
            encoder=name,
            weights=f"{digest[:16]}, served",
            preprocessing=f"by the server{prompts_in_words(self.prompts)}, unit length",
            dimensions=self.dimensions,
        )

    def load(self, texts: Sequence[str] | None = None) -> None:
        """With None: see whether the server encodes.

        Raises:
            ServerMissing: it does not.
        """
        if texts is None:
            self._embedded(["ready"], min(LOOK_SECONDS, self._server.call_seconds))

    def encode(self, texts: Sequence[str], prompt: str, batch_size: int) -> NDArray[np.float32]:
        """Unit rows (n, d), in the order of the texts.

        Raises:
            ServerMissing: the server does not answer, refuses, or answers something else.
            ToolFailure: the work was asked to stop.
        """
        size = min(batch_size, self._server.batch)
        sent = [(prompt + text).encode(errors="replace").decode() for text in texts]  # half an emoji is no UTF-8
        rows = []
        for start in range(0, len(sent), size):
            check_stopped()
            batch = [text if text.strip() else NOTHING for text in sent[start : start + size]]
            rows.append(self._embedded(batch, self._server.call_seconds))
        return np.concatenate(rows)

    def token_states(self, text: str, prompt: str) -> TokenStates:
        """Raises `ServerMissing`: no server gives them."""
        raise ServerMissing(f"The server of the text encoder {self._server.model} gives no vectors of tokens.")

    def _embedded(self, texts: list[str], seconds: float) -> NDArray[np.float32]:
        rows = np.array(self._request(texts, seconds), np.float64)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if rows.shape[1] != self.dimensions:
            raise ServerMissing(
                f"The embedding server gives vectors of {rows.shape[1]} dimensions in place of {self.dimensions}; "
                "check text.model and text.dimensions."
            )
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ServerMissing("The embedding server gave a vector without a direction; look at its log.")
        units: NDArray[np.float32] = (rows / lengths).astype(np.float32)
        return units

    def _request(self, texts: list[str], seconds: float) -> list[list[float]]:
        """The server's vectors; refused texts are sent in halves, and a single one without its end."""
        response = self._posted(texts, seconds)
        if response.status_code in REFUSED:
            if len(texts) > 1:
                half = len(texts) // 2
                return self._request(texts[:half], seconds) + self._request(texts[half:], seconds)
            if len(texts[0]) > SHORTEST:
                return self._request([texts[0][: len(texts[0]) // 2]], seconds)
        if not response.is_success:
            raise ServerMissing(self._why(response))
        return _vectors(response, len(texts))

    def _posted(self, texts: list[str], seconds: float) -> "httpx.Response":
        import httpx

        server, wait = self._server, WAIT_SECONDS
        body = {"model": server.model, "input": texts, "encoding_format": "float", **server.extra_body}
        deadline = time.monotonic() + seconds
        while True:
            check_stopped()
            try:
                left = max(deadline - time.monotonic(), 0.001)
                response = self._client().post("embeddings", json=body, timeout=left)
            except httpx.TimeoutException as exc:
                raise self._missing(f"did not answer within {seconds:.0f} s", exc) from exc
            except httpx.ConnectError as exc:
                raise self._missing("does not answer", exc) from exc
            except (httpx.HTTPError, httpx.InvalidURL) as exc:  # also a connection that broke: it may be back soon
                if time.monotonic() + wait > deadline:
                    raise self._missing("broke the connection", exc) from exc
            else:
                if response.status_code not in BUSY or time.monotonic() + wait > deadline:
                    return response
            time.sleep(wait)
            wait *= 2

    def _missing(self, what: str, exc: Exception) -> ServerMissing:
        logger.info("the embedding server at %s: %s", self._server.base_url, exc)
        return ServerMissing(f"The embedding server {what}; check text.base_url and that server.")

    def _why(self, response: "httpx.Response") -> str:
        status = response.status_code
        logger.info("the embedding server at %s answered HTTP %d", self._server.base_url, status)
        if status in (401, 403):
            return "The embedding server refused the key; set ASSISTANT_TEXT__API_KEY."
        if status == 404:
            return (
                f"The embedding server has no model named {self._server.model}, or text.base_url lacks its end, such "
                "as /v1; check ASSISTANT_TEXT__MODEL and ASSISTANT_TEXT__BASE_URL."
            )
        if status in BUSY:
            return f"The embedding server is overloaded (HTTP {status}); try again later."
        return f"The embedding server answered HTTP {status}: {_message(response)}"

    def _connect(self) -> "httpx.Client":
        import httpx

        base_url = self._server.base_url.rstrip("/") + "/"
        return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {self._server.api_key}"})


def _vectors(response: "httpx.Response", count: int) -> list[list[float]]:
    """The vectors of an answer, in the order of the texts.

    Raises:
        ServerMissing: it is something else.
    """
    try:
        data = sorted(response.json()["data"], key=lambda entry: int(entry["index"]))
        vectors = [[float(number) for number in entry["embedding"]] for entry in data]
        indices = [int(entry["index"]) for entry in data]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        vectors, indices = [], []
    if indices != list(range(count)) or len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise ServerMissing(f"The embedding server answered something that is no list of {count} embeddings.")
    return vectors


def _message(response: "httpx.Response") -> str:
    """What the server says, shortened; both forms of an error are in use."""
    try:
        content = response.json()
        error = content.get("error", content)
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        text = response.text
    return " ".join(text.split())[:200] or "no reason"
