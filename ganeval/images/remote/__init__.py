"""Sets of images that are named by URL, read through fsspec: cloud storage, web servers, and what else it knows."""
