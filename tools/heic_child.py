"""The process that decodes one HEIC picture: a damaged file can crash the decoder (libde265), and must not crash us.

Run as ``python heic_child.py PIXELS`` with the file as standard input. It writes one line, ``MODE WIDTH HEIGHT``, and
the rows of the upright picture, 8 bits a channel; a picture of more than PIXELS ends with the line alone.
"""

import resource
import sys

SECONDS = 20
"""Of processor time; 50 million pixels take about 3."""
MEMORY_BYTES = 3 * 2**30
"""Of address space: 50 million pixels take about 1 GiB while they are decoded."""


def main(max_pixels: int) -> None:
    """Decode standard input to standard output; what cannot be decoded raises."""
    _limit()
    import pi_heif
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the size is checked here
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    sys.stdin.buffer.seek(0)
    out = sys.stdout.buffer
    with Image.open(sys.stdin.buffer, formats=["HEIF"]) as image:
        if image.width * image.height <= max_pixels:
            image.load()
        out.write(f"{image.mode} {image.width} {image.height}\n".encode())
        if image.width * image.height <= max_pixels:
            out.write(image.tobytes())


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main(int(sys.argv[1]))
