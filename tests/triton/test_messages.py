"""What the server says, as notebooks show it."""

import pytest
from tritonclient.utils import InferenceServerException

from workshop.machine import services
from workshop.triton import messages, server

LOG = """\
I1127 10:00:00.000001 7 model_lifecycle.cc:472] "loading: mine:1"
[libprotobuf ERROR /build/text_format.cc:337] Error parsing text-format inference.ModelConfig: 4:35: Unknown value "FP32".
E1127 10:00:01.000001 7 manager.cc:1460] "Poll failed for model directory 'mine_3f2a_4711': failed to read /a/b/config.pbtxt"
E1127 10:00:02.000001 7 manager.cc:1460] "Poll failed for model directory 'other': no backend"
I1127 10:00:03.000001 7 model_lifecycle.cc:777] "failed to load 'other'"
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    file = tmp_path / "server.log"
    file.write_text(LOG)
    monkeypatch.delenv("TRITON_URL", raising=False)
    monkeypatch.setattr(server, "find", lambda: services.Service("triton", 1, 0.0, {}, {}, str(file)))


def test_the_log_names_the_reason_and_what_the_parser_said(log):
    assert messages.logged("mine_3f2a_4711").splitlines() == [
        'Error parsing text-format inference.ModelConfig: 4:35: Unknown value "FP32".',
        "\"Poll failed for model directory 'mine': failed to read config.pbtxt\"",
    ]


def test_another_model_has_a_line_of_its_own(log):
    assert messages.logged("other") == "\"Poll failed for model directory 'other': no backend\""
    assert messages.logged("third") == "the log has no error of third"


def test_the_log_of_a_server_elsewhere_is_there(log, monkeypatch):
    monkeypatch.setenv("TRITON_URL", "127.0.0.1:9")
    assert "docker logs" in messages.logged("mine")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("[request id: <id_unknown>] unexpected shape for 'x' of 'm_3f2a_4711'", "400: unexpected shape for 'x' of 'm'"),
        (
            "load failed for 'm': version 1 is at UNAVAILABLE state: Internal: no.\n\nAt:\n  /a/b.py(3): f\n;",
            "400: Internal: no.",
        ),
        ("got [2,3]. NOTE: a long one", "400: got [2,3]."),
    ],
)
def test_a_refusal_is_its_status_and_reason(message, said):
    assert messages.said(InferenceServerException(msg=message, status="400")) == said
