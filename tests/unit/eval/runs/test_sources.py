"""What a run is made with, as far as somebody else has to be asked for it."""

from assistant.settings import Settings, load_settings
from eval.runs.sources import server_version
from tests.fakes.openai_server import FakeOpenAIServer


def at(port: int) -> Settings:
    return load_settings(llm={"profile": "remote", "model": "m", "base_url": f"http://127.0.0.1:{port}/v1"})


def test_the_server_tells_its_version_and_one_that_is_away_tells_none() -> None:
    with FakeOpenAIServer() as server:
        port = server.port
        assert server_version(at(port)) == {"vllm": "0.0.fake"}
    assert server_version(at(port)) == {}
