"""The process that decodes one picture or video: a damaged file can crash a decoder, and must not crash us.

Run as ``python media_child.py heic|tiff|frames|sound LIMITS`` with the file as standard input; LIMITS is a JSON object.
It writes one line of JSON, the head, and bytes. Where the file cannot be used, the head is ``{"error": KIND, ...}``.

- heic: ``{"pixels"}`` gives ``mode``, ``width``, ``height`` and the rows of the upright picture, 8 bits a channel; a
  picture of more pixels ends with the head alone.
- tiff: gives the upright picture as TIFF without compression.
- frames: ``{"pixels", "seconds", "frames"}`` gives ``seconds``, ``width``, ``height``, ``sound`` (whether there is any)
  and ``frames``, a list of second and number of bytes; then each frame as JPEG, upright.
- sound: ``{"seconds", "rate"}`` gives ``seconds`` and mono 16-bit samples, ``rate`` a second, of a recording or video.

It imports nothing of ours: it runs isolated from every path that could hold another module.
"""

import io
import json
import resource
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

CPU_SECONDS = {"heic": 20, "tiff": 20, "frames": 90, "sound": 60}
"""Processor time. A picture of 50 million pixels takes about 3, a minute of 720p about 6."""
MEMORY_BYTES = 3 * 2**30
"""Of address space: 50 million pixels take about 1 GiB while they are decoded."""

VIDEO_FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,asf,mpegts,flv,mpeg,ogg"
"""FFmpeg's readers that may run; playlists (hls, concat, sdp), which open other files and addresses, may not."""
SOUND_FORMATS = "wav,w64,aiff,caf,flac,ogg,mp3,aac,amr,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,asf,mpegts,flv,au"
"""The same for sound."""
SHORT_SIDE = 480
"""Pixels of a frame as it is given; encoders read 224 to 448."""
APART = 0.5
"""Seconds between frames that are compared."""
MOST_COMPARED = 150
"""Frames that are compared at most: of a longer video they are further apart."""
KEYS_APART = 1.1
"""Seconds: where key frames are never further apart, as in what phones record, they alone are decoded..."""
KEYS_FOR_ONE = 2
"""... if there are so many for each frame that is given."""
MOST_WORK = 4e9
"""Pixels of all frames of a video up to which every frame is decoded; of a longer or larger one only key frames."""
CUT = 0.1
"""How much two frames differ (mean of absolute differences, of 0 to 1) where another shot begins, and..."""
CUT_TIMES = 3.0
"""... how many times as much as frames of this video usually do."""
THREADS = 4


class Unusable(Exception):
    """The file cannot be used; ``head`` says why."""

    def __init__(self, error: str, **facts: float) -> None:
        super().__init__(error)
        self.head = {"error": error, **facts}


def main(task: str, limits: dict[str, float]) -> None:
    """Decode standard input to standard output; what a decoder raises goes to standard error."""
    _end_with_parent()
    _limit(CPU_SECONDS[task])
    sys.stdin.buffer.seek(0)
    try:
        head, parts = {"heic": heic, "tiff": tiff, "frames": frames, "sound": sound}[task](sys.stdin.buffer, limits)
    except Unusable as exc:
        head, parts = exc.head, []
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode() + b"\n")
    for part in parts:
        out.write(part)


def heic(file: Any, limits: dict[str, float]) -> tuple[dict[str, Any], Iterable[bytes]]:  # noqa: ANN401
    """Head and rows of a HEIC picture."""
    import pi_heif
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the size is checked here
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    with Image.open(file, formats=["HEIF"]) as image:
        head = {"mode": image.mode, "width": image.width, "height": image.height}
        if image.width * image.height > limits["pixels"]:
            return head, []
        image.load()
        return head, [image.tobytes()]


def tiff(file: Any, limits: dict[str, float]) -> tuple[dict[str, Any], Iterable[bytes]]:  # noqa: ANN401
    """Empty head and the picture of a TIFF file; the size of the picture is the caller's to check."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(file, formats=["TIFF"]) as image:
        image.load()
        try:
            upright = ImageOps.exif_transpose(image)
        except Exception:  # a broken EXIF block must not lose a good picture
            upright = image.copy()
    out = io.BytesIO()
    upright.save(out, "TIFF", compression="raw")
    return {}, [out.getvalue()]


def frames(file: Any, limits: dict[str, float]) -> tuple[dict[str, Any], Iterable[bytes]]:  # noqa: ANN401
    """Head and chosen frames of a video, as JPEG in order of time.

    Raises:
        Unusable: ``not_media``, ``no_picture`` (sound alone), ``too_long``, ``too_large`` or ``damaged``.
    """
    with _opened(file) as container:
        stream = next((s for s in container.streams.video if not s.disposition & s.disposition.attached_pic), None)
        if stream is None:
            raise Unusable("no_picture")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > limits["pixels"]:
            raise Unusable("too_large", width=width, height=height)
        stated = _stated(container, stream)
        if stated > limits["seconds"] + 1:
            raise Unusable("too_long", seconds=stated)
        stream.thread_type, stream.codec_context.thread_count = "AUTO", THREADS
        compared = _compared(container, stream, stated, limits)
        if not compared:
            raise Unusable("damaged", width=width, height=height)
        has_sound = bool(container.streams.audio)
        seconds = max(stated, compared[-1][0])
        turned = compared[0][1].rotation % 180 != 0
    chosen = [compared[n] for n in chosen_frames([thumb for _, _, thumb in compared], int(limits["frames"]))]
    pictures = [(second, _jpeg(frame)) for second, frame, _ in chosen]
    head = {
        "seconds": round(seconds, 3),
        "width": height if turned else width,
        "height": width if turned else height,
        "sound": has_sound,
        "frames": [(round(second, 3), len(picture)) for second, picture in pictures],
    }
    return head, [picture for _, picture in pictures]


def sound(file: Any, limits: dict[str, float]) -> tuple[dict[str, Any], Iterable[bytes]]:  # noqa: ANN401
    """Head and samples of a recording, or of a video's sound; more than ``seconds`` are left out.

    Raises:
        Unusable: ``not_media`` or ``no_sound``.
    """
    import av
    from av.audio.resampler import AudioResampler

    parts: list[bytes] = []
    rate = int(limits["rate"])
    most = int(limits["seconds"] * rate) * 2
    length, resampler, form = 0, None, None
    with _opened(file, SOUND_FORMATS) as container:
        if not container.streams.audio:
            raise Unusable("no_sound")
        for packet in _packets(container, container.streams.audio[0]):
            try:
                for frame in packet.decode():
                    now = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if resampler is None or now != form:
                        resampler, form = AudioResampler(format="s16", layout="mono", rate=rate), now
                    frame.pts = None  # gaps in time stamps are no gaps in sound
                    for part in resampler.resample(frame):
                        parts.append(bytes(part.planes[0])[: 2 * part.samples])  # NumPy takes longer to load
                        length += len(parts[-1])
            except av.FFmpegError:
                continue  # players skip single damaged packets
            if length >= most:
                break
    samples = b"".join(parts)[:most]
    if not samples:
        raise Unusable("no_sound")
    return {"seconds": round(len(samples) / 2 / rate, 3)}, [samples]


def chosen_frames(thumbs: Sequence[Any], most: int) -> list[int]:
    """Which of the compared frames are given: the middle of each shot, longest first, then an even spread.

    Args:
        thumbs: RGB pictures of equal size, in order of time and evenly apart.
        most: how many at most.
    """
    from PIL import ImageChops, ImageStat

    if not thumbs:
        return []
    differences = [ImageStat.Stat(ImageChops.difference(thumb, before)).mean for before, thumb in pairwise(thumbs)]
    changes = [sum(channels) / (3 * 255) for channels in differences]
    bound = max(CUT, CUT_TIMES * median(changes)) if changes else CUT
    edges = [0, *(n for n, change in enumerate(changes, start=1) if change > bound), len(thumbs)]
    shots = sorted(pairwise(edges), key=lambda shot: (shot[0] - shot[1], shot[0]))
    chosen = {(start + end - 1) // 2 for start, end in shots[:most]}
    while len(chosen) < min(most, len(thumbs)):  # the frame that is farthest from every chosen one
        distance = [min(abs(n - other) for other in chosen) for n in range(len(thumbs))]
        farthest = max(range(len(thumbs)), key=lambda n: distance[n])
        chosen.add(farthest)
    return sorted(chosen)


def _opened(file: Any, formats: str = VIDEO_FORMATS) -> Any:  # noqa: ANN401
    import av

    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    try:
        return av.open(file, mode="r", metadata_errors="ignore", options=options)
    except (av.FFmpegError, ValueError, OSError) as exc:
        raise Unusable("not_media") from exc


def _stated(container: Any, stream: Any) -> float:  # noqa: ANN401
    """The length that the header states, in seconds; 0 where it states none."""
    if container.duration and container.duration > 0:
        return float(container.duration / 1_000_000)
    return float(stream.duration * stream.time_base) if stream.duration and stream.duration > 0 else 0.0


def _compared(container: Any, stream: Any, stated: float, limits: dict[str, float]) -> list[tuple[float, Any, Any]]:  # noqa: ANN401
    """Second, small frame and thumbnail of the frames that are compared, in order of time."""
    from av.video.reformatter import VideoReformatter

    scalers = [VideoReformatter(), VideoReformatter()]  # a frame's own would be kept with it, at several MiB each
    step, most = max(APART, stated / MOST_COMPARED), limits["seconds"] + 1
    rate = float(stream.average_rate or 25)
    context = stream.codec_context
    context.skip_frame = "NONKEY"
    if stated * rate * context.width * context.height > MOST_WORK:
        found = _sought(container, stream, stated, int(2 * limits["frames"]))
        if len(found) >= limits["frames"]:
            return [_small(second, frame, scalers) for second, frame in found]
        container.seek(0)  # hardly any key frames: every frame is needed after all
    elif _has_dense_key_frames(stream, stated, step, KEYS_FOR_ONE * limits["frames"]):
        compared = _apart(_timed(_key_packets(_packets(container, stream), step)), step, most, scalers)
        if len(compared) >= limits["frames"]:
            return compared
        container.seek(0)  # the index calls frames key frames that are none
    context.skip_frame = "NONREF"
    return _apart(_timed(_packets(container, stream)), step, most, scalers)


def _apart(
    frames: Iterable[tuple[float, Any]], step: float, most: float, scalers: Sequence[Any]
) -> list[tuple[float, Any, Any]]:
    """Those of the frames that are at least a step apart, or more where they become too many.

    Raises:
        Unusable: ``too_long``, a frame is at more than ``most`` seconds.
    """
    compared: list[tuple[float, Any, Any]] = []
    for second, frame in frames:
        if second > most:
            raise Unusable("too_long", seconds=0)
        if not compared or second - compared[-1][0] >= step - 0.01:
            compared.append(_small(second, frame, scalers))
            if len(compared) > MOST_COMPARED:  # no length was stated
                compared, step = compared[::2], 2 * step
    return compared


def _has_dense_key_frames(stream: Any, stated: float, step: float, least: float) -> bool:  # noqa: ANN401
    """Whether the container's index lists at least so many key frames a step apart, and no gap among all of them."""
    times = sorted(float(entry.timestamp * stream.time_base) for entry in stream.index_entries if entry.is_keyframe)
    if not times or any(after - before > KEYS_APART for before, after in pairwise([*times, times[0] + stated])):
        return False
    kept = times[:1]
    for time in times:
        if time - kept[-1] >= step - 0.01:
            kept.append(time)
    return len(kept) >= least


def _key_packets(packets: Iterable[Any], step: float) -> Iterator[Any]:
    """Key frames at least a step apart, each of which is decoded without any other, and the packet that ends it all."""
    last = float("-inf")
    for packet in packets:
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            yield packet
        elif packet.is_keyframe and float(stamp * packet.time_base) - last >= step - 0.01:
            last = float(stamp * packet.time_base)
            yield packet


def _timed(packets: Iterable[Any]) -> Iterator[tuple[float, Any]]:
    """The frames with their seconds from the beginning; damaged packets are skipped, as players do."""
    import av

    first, last = None, -1.0
    for packet in packets:
        try:
            decoded = packet.decode()
        except av.FFmpegError:
            continue
        for frame in decoded:
            if frame.time is None or frame.is_corrupt:
                continue
            first = frame.time if first is None else first
            if frame.time - first > last:
                last = frame.time - first
                yield last, frame


def _packets(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401
    """The packets up to the end, or to where the file is cut short."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            return
        if packet is None:
            return
        yield packet


def _sought(container: Any, stream: Any, stated: float, most: int) -> list[tuple[float, Any]]:  # noqa: ANN401
    """The key frames before evenly spread places, each once."""
    import av

    found: dict[float, Any] = {}
    for n in range(most):
        try:
            container.seek(int(stated * n / most * 1_000_000))
            second, frame = next(_timed_from(container, stream), (None, None))
        except av.FFmpegError:
            continue
        if second is not None:
            found.setdefault(second, frame)
    return sorted(found.items(), key=lambda pair: pair[0])


def _timed_from(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:  # noqa: ANN401
    start = float((stream.start_time or 0) * stream.time_base)
    for frame in container.decode(stream):
        if frame.time is not None:
            yield max(0.0, frame.time - start), frame


def _small(second: float, frame: Any, scalers: Sequence[Any]) -> tuple[float, Any, Any]:  # noqa: ANN401
    scale = min(1.0, SHORT_SIDE / min(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    rotation = frame.rotation
    width, height = min(width, 16 * SHORT_SIDE), min(height, 16 * SHORT_SIDE)
    small = scalers[0].reformat(frame, width=width, height=height, format="yuv420p")
    thumb = scalers[1].reformat(small, width=24, height=24, format="rgb24").to_image()
    return second, _Turned(small, rotation), thumb


class _Turned:
    """A small frame, and by how many degrees counterclockwise it has to be turned to be upright."""

    def __init__(self, frame: Any, rotation: int) -> None:  # noqa: ANN401
        self.frame = frame
        self.rotation = rotation


def _jpeg(turned: _Turned) -> bytes:
    image = turned.frame.to_image()
    if turned.rotation % 360:
        image = image.rotate(turned.rotation, expand=True)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


def _end_with_parent() -> None:
    """Be killed when the thread that started this process ends, or end now where it has ended already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: see prctl(2)
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    if any(event & select.POLLERR for _, event in watch.poll(0)):
        sys.exit(1)


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
