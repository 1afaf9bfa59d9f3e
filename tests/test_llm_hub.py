"""Rules of the hub download, against a loopback server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chat.llm.hub import HubError, HubFile, fetch

BYTES = bytes(range(256)) * 12_000
SPEC = "hub:owner/model.small/sub/file.gguf"


class Hub(ThreadingHTTPServer):
    """A hub with one file; `break_after` closes the connection there, once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubPages)
        self.content = BYTES
        self.sha256: str | None = hashlib.sha256(BYTES).hexdigest()
        self.break_after: int | None = None
        self.refuse: int | None = None
        self.asked: list[tuple[str, str, str | None, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubPages(BaseHTTPRequestHandler):
    """`/owner/model.small/resolve/main/…` redirects to `/store`, as the hub does for large files."""

    server: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        self._note()
        if self.server.refuse:
            return self._end(self.server.refuse)
        if self.path == "/old/name/resolve/main/sub/file.gguf":
            return self._end(307, location="/owner/model.small/resolve/main/sub/file.gguf")
        if self.path != "/owner/model.small/resolve/main/sub/file.gguf":
            return self._end(404)
        etag = self.server.sha256 or "0123abcd"
        self._end(302, location=f"{self.server.url}/store", **{
            "x-linked-etag": f'"{etag}"', "x-linked-size": str(len(BYTES)), "x-repo-commit": "c0ffee"})  # fmt: skip

    def do_GET(self) -> None:
        self._note()
        if self.path != "/store":
            return self._end(302, location=f"{self.server.url}/store")
        begin = int((self.headers["range"] or "bytes=0-")[6:-1])
        body = self.server.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        cut, self.server.break_after = self.server.break_after, None
        self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def _note(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers["range"], self.headers["authorization"]))

    def _end(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(hub: Hub, folder: Path, spec: str = SPEC, **environ: str) -> Path:
    return fetch(HubFile.parse(spec), folder, environ={"HF_ENDPOINT": hub.url, **environ}, progress=False)


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def test_a_file_arrives_whole_and_then_needs_no_network(hub: Hub, tmp_path: Path) -> None:
    path = get(hub, tmp_path)
    assert path.read_bytes() == BYTES and not parts(tmp_path)
    assert path.relative_to(tmp_path).as_posix() == "owner--model.small/main/sub/file.gguf"
    hub.asked.clear()
    assert get(hub, tmp_path) == path and not hub.asked


def test_progress_is_shown(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(HubFile.parse(SPEC), tmp_path, environ={"HF_ENDPOINT": hub.url})
    assert "file.gguf" in (shown := capsys.readouterr().err) and "100%" in shown


def test_a_broken_connection_goes_on_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.break_after = 2_000_000
    assert get(hub, tmp_path).read_bytes() == BYTES
    ranges = [asked[2] for asked in hub.asked if asked[2]]
    assert ranges and all(int(found[6:-1]) > 1_000_000 for found in ranges)


def test_a_download_is_resumed_by_a_later_run(hub: Hub, tmp_path: Path) -> None:
    path = HubFile.parse(SPEC).path_under(tmp_path)
    path.parent.mkdir(parents=True)
    version = hashlib.sha256((hub.sha256 or "").encode()).hexdigest()[:12]
    path.with_name(f"{path.name}.{version}.part").write_bytes(BYTES[:1000])
    path.with_name(f"{path.name}.of-an-older-version.part").write_bytes(b"?" * 1000)
    assert get(hub, tmp_path).read_bytes() == BYTES
    assert "bytes=1000-" in [asked[2] for asked in hub.asked]


def test_a_wrong_checksum_is_deleted_and_said(hub: Hub, tmp_path: Path) -> None:
    hub.content = BYTES[:-1] + b"?"
    with pytest.raises(HubError, match="SHA-256"):
        get(hub, tmp_path)
    assert not parts(tmp_path) and not HubFile.parse(SPEC).path_under(tmp_path).exists()


def test_a_file_without_checksum_is_measured(hub: Hub, tmp_path: Path) -> None:
    hub.sha256 = None
    assert get(hub, tmp_path).read_bytes() == BYTES
    hub.content = BYTES[:-5]
    with pytest.raises(HubError, match="broke off"):
        get(hub, tmp_path / "short")


def test_a_renamed_repository_is_followed(hub: Hub, tmp_path: Path) -> None:
    hub.content = BYTES
    with pytest.raises(HubError, match="404"):
        get(hub, tmp_path, "hub:nobody/name/sub/file.gguf")
    assert get(hub, tmp_path, "hub:old/name/sub/file.gguf").read_bytes() == BYTES


def test_a_token_goes_to_the_hub(hub: Hub, tmp_path: Path) -> None:
    get(hub, tmp_path, HF_TOKEN="secret")
    assert hub.asked[0][3] == "Bearer secret"


@pytest.mark.parametrize(("status", "advice"), [(401, "HF_TOKEN"), (403, "terms"), (404, "spelling"), (500, "later")])
def test_a_refusal_says_what_to_do(hub: Hub, tmp_path: Path, status: int, advice: str) -> None:
    hub.refuse = status
    with pytest.raises(HubError, match=advice):
        get(hub, tmp_path)


def test_no_network_says_so(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="Check the connection"):
        fetch(HubFile.parse(SPEC), tmp_path, environ={"HF_ENDPOINT": "http://127.0.0.1:9"}, progress=False)


def test_a_folder_that_cannot_be_written_says_so(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HubError, match="data folder"):
        get(hub, tmp_path / "file")


@pytest.mark.parametrize(
    "spec", ["hub:", "hub:a/b", "hub:a/../c.gguf", "hub:a/b/../../c.gguf", "hub:a/b//etc/x", "hub:a/b/", "x"]
)
def test_an_address_that_is_none_or_leaves_the_folder_is_refused(spec: str) -> None:
    with pytest.raises(HubError, match="hub:OWNER/NAME/FILE"):
        HubFile.parse(spec)


def test_an_address_may_name_a_revision() -> None:
    assert HubFile.parse("hub:a/b@v1.0/c.gguf") == HubFile(repository="a/b", revision="v1.0", file="c.gguf")
