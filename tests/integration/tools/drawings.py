"""Pictures that a photo classifier recognises although they are drawn."""

import math

from PIL import Image, ImageDraw

SIDE = 320


def clock() -> Image.Image:
    """A wall clock."""
    image = Image.new("RGB", (SIDE, SIDE), (225, 220, 210))
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 300, 300), fill="white", outline="black", width=10)
    for hour in range(12):
        x, y = math.sin(hour * math.pi / 6), -math.cos(hour * math.pi / 6)
        pen.line((160 + 120 * x, 160 + 120 * y, 160 + 105 * x, 160 + 105 * y), fill="black", width=6)
        pen.text((152 + 92 * x, 150 + 92 * y), str(hour or 12), fill="black", font_size=22)
    for turn, length, width in ((5.2, 60, 9), (1.0, 95, 6)):
        tip = (160 + length * math.sin(turn), 160 - length * math.cos(turn))
        pen.line((160, 160, *tip), fill="black", width=width)
    return image


def traffic_light() -> Image.Image:
    """A traffic light that shows red."""
    image = Image.new("RGB", (300, 400), (150, 190, 230))
    pen = ImageDraw.Draw(image)
    pen.rectangle((140, 300, 160, 400), fill=(60, 60, 60))
    pen.rounded_rectangle((95, 40, 205, 310), 20, fill=(25, 25, 25))
    for position, colour in enumerate([(255, 40, 30), (70, 60, 10), (10, 60, 20)]):
        pen.ellipse((110, 55 + position * 85, 190, 135 + position * 85), fill=colour)
    return image


def mug(colour: tuple[int, int, int] = (30, 60, 140)) -> Image.Image:
    """A coffee mug."""
    image = Image.new("RGB", (SIDE, SIDE), (235, 235, 235))
    pen = ImageDraw.Draw(image)
    pen.ellipse((190, 110, 280, 220), outline=colour, width=20)
    pen.rounded_rectangle((80, 80, 220, 260), 14, fill=colour)
    pen.ellipse((80, 66, 220, 96), fill=(60, 30, 15), outline=colour, width=6)
    return image


def lamp(colour: tuple[int, int, int] = (230, 200, 120)) -> Image.Image:
    """A table lamp."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    pen.polygon([(110, 50), (210, 50), (260, 160), (60, 160)], fill=colour)
    pen.rectangle((152, 160, 168, 270), fill=(90, 60, 30))
    pen.ellipse((100, 255, 220, 290), fill=(90, 60, 30))
    return image
