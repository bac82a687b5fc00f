"""Reads the properties of an XMP packet (ISO 16684-1) with a strict, bounded XML parser: no entities, no DTDs."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

#: Longer packets are refused.
MAX_PACKET = 4 << 20
_MAX_DEPTH = 64
_MAX_PROPERTIES = 20_000
_MAX_VALUE = 20_000

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
DCTERMS = "http://purl.org/dc/terms/"
IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
GPANO = "http://ns.google.com/photos/1.0/panorama/"

# Prefixes for messages; a file may use any other.
_PREFIXES = {
    XMP: "xmp",
    PHOTOSHOP: "photoshop",
    DCTERMS: "dcterms",
    IPTC_EXT: "Iptc4xmpExt",
    GPANO: "GPano",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
}


@dataclass(frozen=True)
class Property:
    """A simple value and the name it stands under, however deep in lists and structures."""

    namespace: str
    name: str
    value: str

    @property
    def shown_name(self) -> str:
        """Such as ``xmp:CreatorTool``."""
        prefix = _PREFIXES.get(self.namespace)
        return f"{prefix}:{self.name}" if prefix else self.name


class XmpError(Exception):
    """The packet isn't read; the message says why, fit for the user's eyes."""


def read_xmp(packet: bytes) -> tuple[Property, ...]:
    """The simple properties of a packet, in document order.

    Raises
    ------
    XmpError
        For XML that is broken, too long or too deep, or declares a document type or an entity.
    """
    if len(packet) > MAX_PACKET:
        raise XmpError(f"longer than {MAX_PACKET >> 20} MiB")
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    # These two stop "billion laughs" and external entities before anything is expanded or opened.
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        # Padding is common; in UTF-16 a zero byte may be half of the last character.
        wide = packet[:2] in (b"\xff\xfe", b"\xfe\xff")
        parser.Parse(packet if wide else packet.strip(b"\0 \t\r\n"), True)
    except expat.ExpatError as error:
        raise XmpError(f"broken XML: {error}") from error
    # An unknown encoding in the XML declaration, or bytes that it can't hold.
    except (LookupError, ValueError) as error:
        raise XmpError("in an unknown encoding") from error
    return tuple(reading.properties)


def _refuse(*_: object) -> None:
    raise XmpError("declares a document type or an entity, which XMP never does")


@dataclass
class _Reading:
    properties: list[Property] = field(default_factory=list)
    stack: list[tuple[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    length: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.stack) >= _MAX_DEPTH:
            raise XmpError(f"nested deeper than {_MAX_DEPTH}")
        self.stack.append(_split(tag))
        self._forget_text()
        for name, value in attributes.items():
            namespace, local = _split(name)
            if namespace == RDF and local == "resource":
                self._keep(*self._owner(), value)
            elif namespace != RDF:
                self._keep(namespace, local, value)

    def characters(self, text: str) -> None:
        if self.length < _MAX_VALUE:
            self.text.append(text)
            self.length += len(text)

    def end(self, tag: str) -> None:
        value = "".join(self.text).strip()
        if value:
            self._keep(*self._owner(), value)
        self._forget_text()
        self.stack.pop()

    def _forget_text(self) -> None:
        self.text, self.length = [], 0

    def _owner(self) -> tuple[str, str]:
        """The innermost open element that isn't RDF's own: an rdf:li speaks for the property around its list."""
        return next(((space, name) for space, name in reversed(self.stack) if space != RDF), ("", ""))

    def _keep(self, namespace: str, name: str, value: str) -> None:
        if len(self.properties) >= _MAX_PROPERTIES:
            raise XmpError(f"more than {_MAX_PROPERTIES:,} properties")
        self.properties.append(Property(namespace, name, value[:_MAX_VALUE]))


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local
