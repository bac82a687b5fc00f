"""What an image file says of its own origin: manifests, generators' texts, EXIF/XMP/IPTC, JPEG tables, cameras."""
