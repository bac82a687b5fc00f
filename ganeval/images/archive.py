"""A zip archive of image files."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_bytes
from ganeval.images.digest import set_fingerprint
from ganeval.images.names import folder_label, frames_in_order, is_image_path, without_dot
from ganeval.images.places import DISK, Place, StoredFile
from ganeval.images.source import DecodedImage, ImageItem, ImageSource, SourceOptions
from ganeval.wording import counted

# No image below the limit on pixels is stored in more; a member that claims more is a zip bomb.
_MAX_MEMBER_BYTES = 1 << 30
_LOCAL_HEADER = 30
# Read beyond what is expected, as the extra field before a member is often longer than the list says; the list itself
# is behind the last member, and longer than this.
_SPARE = 64


class ZipSource(ImageSource):
    """All images in a zip, sorted by their path in it; hidden files and ``__MACOSX`` are passed over.

    Where a path is there twice, the last one counts, as it would on unpacking.

    Parameters
    ----------
    path
        The zip file.
    options
        `recursive`, `clips` and ``labels="folders"`` are heeded.
    place
        Where the zip is.

    Raises
    ------
    ImageSourceError
        If the file is no zip, a broken or encrypted one, or has no image in it, or one that belongs to no clip.
    """

    kind = "zip"

    def __init__(self, path: str | Path, options: SourceOptions | None = None, *, place: Place = DISK) -> None:
        options = options or SourceOptions()
        self.name = place.title(str(path))
        self._file = place.file(str(path))
        everything = _listed(self._file)
        named = ((without_dot(info.filename), info) for info in everything)
        members = {name: info for name, info in named if is_image_path(name)}
        chosen = sorted(name for name in members if options.recursive or "/" not in name)
        if not chosen:
            raise _nothing_found(self.name, everything, len(members))
        self.in_clips = options.clips == "folders"
        if self.in_clips:
            chosen = frames_in_order(self.name, chosen)
        self._members = {name: members[name] for name in chosen}
        locked = next((name for name, info in self._members.items() if info.flag_bits & 0x1), None)
        if locked is not None:
            raise ImageSourceError(
                f"{self.name}: {locked} is encrypted", hint="Unpack the archive and give the folder."
            )
        self._with_labels = options.labels == "folders"
        if self._with_labels and not any("/" in name for name in chosen):
            raise ImageSourceError(
                f"{self.name}: class labels are to come from sub-folders, but no image lies in one",
                hint="Leave out --labels folders.",
            )

    def __iter__(self) -> Iterator[ImageItem]:
        for name, member in self._members.items():
            label = folder_label(name) if self._with_labels else None
            yield ImageItem(name, partial(self._load, name, member), label)

    @property
    def count(self) -> int:
        return len(self._members)

    def fingerprint(self) -> str | None:
        state = self._file.state()
        if not state:
            return None
        names = (f"{name}\0{self._with_labels}" for name in self._members)
        return set_fingerprint(self.kind, (state, *names))

    def _load(self, name: str, member: zipfile.ZipInfo) -> DecodedImage:
        return decode_bytes(self._read(name, member), name)

    def _read(self, name: str, member: zipfile.ZipInfo) -> bytes:
        if member.file_size > _MAX_MEMBER_BYTES:
            raise CorruptImageError([(name, f"unpacks to {member.file_size} bytes (decompression bomb)")])
        try:
            # By its place, and not through the archive: threads and far requests then wait for nothing in common.
            return _unpacked(self._file, member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise CorruptImageError([(name, f"broken in the zip: {error}")]) from error


def _unpacked(file: StoredFile, member: zipfile.ZipInfo) -> bytes:
    """The member's content; raises as `zipfile` does where it is damaged."""
    expected = _LOCAL_HEADER + len(member.filename.encode()) + len(member.extra) + _SPARE + member.compress_size
    data = file.read(member.header_offset, expected)
    if data[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no header where the list of members says")
    # The lengths of name and extra field, which may differ from those in the list, are at 26 and 28 (APPNOTE 4.3.7).
    begin = _LOCAL_HEADER + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
    packed = data[begin : begin + member.compress_size]
    if len(packed) < member.compress_size:
        packed = file.read(member.header_offset + begin, member.compress_size)
    with zipfile.ZipExtFile(io.BytesIO(packed), "r", member) as stream:
        return stream.read()


def _listed(file: StoredFile) -> list[zipfile.ZipInfo]:
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            return archive.infolist()
    except OSError as error:
        raise ImageSourceError(f"{file}: can't be read: {(error.strerror or str(error)).lower()}") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ImageSourceError(
            f"{file}: not a zip archive, or a broken one: {error}", hint="Download or pack it again."
        ) from error


def _nothing_found(name: str, everything: list[zipfile.ZipInfo], hidden_by_option: int) -> ImageSourceError:
    if hidden_by_option:
        return ImageSourceError(
            f"{name}: no image directly in this zip, but {hidden_by_option} in its folders",
            hint="Leave out --no-recursive (recursive=False) to take them.",
        )
    names = [info.filename for info in everything if not info.is_dir()]
    found = f"; it holds {counted(names, 'other file')}, such as {names[0]}" if names else "; it is empty"
    return ImageSourceError(
        f"{name}: no image in this zip{found}",
        hint="Images end in png, jpg, jpeg, webp, bmp, tif, tiff or gif.",
    )
