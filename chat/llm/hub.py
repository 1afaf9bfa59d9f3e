"""Downloads a model file from a Hugging Face style hub: `hub:OWNER/NAME/FILE` or `hub:OWNER/NAME@REVISION/FILE`.

The file arrives under a `.part` name that carries its version, goes on after an interruption where it stopped, is
checked against the hub's SHA-256, and only then gets its name: a file with its name is whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import httpx
from pydantic import BaseModel
from tqdm import tqdm

HUB = "https://huggingface.co"
PREFIX = "hub:"
_SPEC = re.compile(
    r"hub:(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:@(?P<revision>[\w.-]+))?/(?P<file>[\w./ -]+)", re.ASCII
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_TRIES = 3
_HOPS = 5
_REASONS = {
    401: "it is closed or does not exist; set HF_TOKEN if you may read it",
    403: "you may not read it; accept its terms on the hub and set HF_TOKEN",
    404: "there is no such repository, revision or file; check the spelling",
    416: "the hub refuses to go on with the partial file; delete the .part file and run again",
}


class HubError(RuntimeError):
    """A file that cannot be had; the text says why and what to do."""


class HubFile(BaseModel, frozen=True, extra="forbid"):
    """One file of one repository."""

    repository: str
    file: str
    revision: str = "main"

    @classmethod
    def parse(cls, spec: str) -> HubFile:
        """Reads `hub:OWNER/NAME[@REVISION]/FILE`. Raises HubError for anything else, and for a path with `..`."""
        found = _SPEC.fullmatch(spec.strip())
        parts = [*found.group("owner", "name"), *found["file"].split("/"), found["revision"] or "main"] if found else []
        if not found or any(part in ("", ".", "..") for part in parts):
            example = "hub:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf"
            raise HubError(f"{spec!r} is no hub address. Write hub:OWNER/NAME/FILE, such as {example}.")
        return cls(repository=f"{found['owner']}/{found['name']}", file=found["file"], revision=parts[-1])

    def path_under(self, folder: Path) -> Path:
        """Where it lies under `folder`; files of other repositories and revisions lie elsewhere."""
        return folder / self.repository.replace("/", "--") / self.revision / self.file

    def url_at(self, endpoint: str) -> str:
        """Its address on the hub."""
        return f"{endpoint.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.file}"


class _Version(NamedTuple):
    """What the hub says about a file before it is fetched; `etag` is the SHA-256 for large files."""

    etag: str
    size: int | None

    @property
    def sha256(self) -> str | None:
        return self.etag if _SHA256.fullmatch(self.etag) else None


def fetch(wanted: HubFile, folder: Path, *, environ: Mapping[str, str], progress: bool = True) -> Path:
    """The file on disk, downloaded where it is not there yet; once there, no network is needed.

    `environ`: HF_ENDPOINT (another hub) and HF_TOKEN (for closed repositories) are read. Raises HubError.
    """
    target = wanted.path_under(folder)
    if target.is_file():
        return target
    url = wanted.url_at(environ.get("HF_ENDPOINT") or HUB)
    token = environ.get("HF_TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=True) as client:
            version = _version(client, url)
            part = target.with_name(f"{target.name}.{_short(version.etag)}.part")
            _download(client, url, part, version, progress)
    except httpx.HTTPError as error:
        wrong = f"{url} could not be read ({type(error).__name__}: {error}). Check the connection; run again to go on."
        raise HubError(wrong) from error
    except OSError as error:
        wrong = f"{target} could not be written: {error}. Free space or choose another data folder."
        raise HubError(wrong) from error
    _check(part, version, url)
    part.replace(target)
    return target


def _version(client: httpx.Client, url: str) -> _Version:
    """Asks the hub itself, not the store that it redirects to: only the hub knows the file's checksum."""
    address = httpx.URL(url)
    for _ in range(_HOPS):
        answer = client.head(address, headers={"accept-encoding": "identity"}, follow_redirects=False)
        if not answer.is_redirect or httpx.URL(answer.headers["location"]).is_absolute_url:
            break
        # A renamed repository is redirected within the hub, by a relative address.
        address = address.join(answer.headers["location"])
    _refuse(answer, url)
    etag = answer.headers.get("x-linked-etag") or answer.headers.get("etag") or ""
    size = answer.headers.get("x-linked-size") or (None if answer.is_redirect else answer.headers.get("content-length"))
    return _Version(etag.removeprefix("W/").strip('"').lower(), int(size) if size else None)


def _download(client: httpx.Client, url: str, part: Path, version: _Version, progress: bool) -> None:
    """Fills `part`; a broken connection is taken up again where it broke, `_TRIES` times."""
    for attempt in range(1, _TRIES + 1):
        try:
            _go_on(client, url, part, version, progress)
            return
        except httpx.TransportError:
            if attempt == _TRIES:
                raise


def _go_on(client: httpx.Client, url: str, part: Path, version: _Version, progress: bool) -> None:
    have = part.stat().st_size if part.exists() else 0
    if version.size is not None and have == version.size:
        return
    if version.size is not None and have > version.size:
        part.unlink()
        have = 0
    headers = {"accept-encoding": "identity"} | ({"range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        _refuse(answer, url)
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            have = 0
        with part.open("ab" if have else "wb") as out, _bar(part, version, have, progress) as bar:
            _copy(answer, out, bar)


def _copy(answer: httpx.Response, out: BinaryIO, bar: tqdm) -> None:
    for block in answer.iter_raw(_BLOCK):
        out.write(block)
        bar.update(len(block))


def _bar(part: Path, version: _Version, have: int, progress: bool) -> tqdm:
    name = part.name.rsplit(".", 2)[0]
    return tqdm(total=version.size, initial=have, unit="B", unit_scale=True, desc=name, disable=not progress)


def _refuse(answer: httpx.Response, url: str) -> None:
    if not answer.is_error:
        return
    reason = _REASONS.get(answer.status_code, "the hub is in trouble; try later")
    raise HubError(f"{url} answers {answer.status_code}: {reason}.")


def _check(part: Path, version: _Version, url: str) -> None:
    """Deletes and reports a file that is not what the hub announced; a short one stays, to go on with."""
    have = part.stat().st_size
    if version.size is not None and have < version.size:
        raise HubError(f"{url} broke off at {have} of {version.size} bytes. Run again to go on.")
    if version.sha256 is not None:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != version.sha256:
            part.unlink()
            said = version.sha256
            raise HubError(f"{url} arrived with SHA-256 {found}, the hub says {said}. It was deleted; run again.")


def _short(etag: str) -> str:
    return hashlib.sha256(etag.encode()).hexdigest()[:12]
