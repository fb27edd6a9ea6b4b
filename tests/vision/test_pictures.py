"""Encoded pictures of every kind to pixels, and what is refused."""

import io
import random
import resource
import struct
import time
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, features

from workshop.vision.pictures import PictureError, decode


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, rows=b"", *, bits=8, colour=2, extra=b""):
    """A PNG with a header of choice; `colour`: 0 grey, 2 red, green and blue, 3 palette, 6 with alpha."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture(scope="module")
def noise():
    """uint8 [12, 17, 3]: red, green, blue."""
    return np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def smooth():
    """A picture without edges, which lossy formats keep: red grows to the right, green downwards."""
    down, right = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([right * 4, down * 6, np.full_like(down, 90)], 2).astype(np.uint8))


def bgr(picture):
    return np.asarray(picture.convert("RGB"))[:, :, ::-1]


# What is read


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_pixels_of_a_picture_that_loses_nothing(noise, kind):
    pixels = decode(encoded(Image.fromarray(noise), kind))
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, noise[:, :, ::-1])


def test_webp_without_losses(noise):
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(noise), "WEBP", lossless=True)), noise[:, :, ::-1])


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff(noise, compression):
    np.testing.assert_array_equal(
        decode(encoded(Image.fromarray(noise), "TIFF", compression=compression)), noise[:, :, ::-1]
    )


def test_jpeg(smooth):
    np.testing.assert_allclose(decode(encoded(smooth, "JPEG", quality=95)).astype(int), bgr(smooth), atol=8)


def test_cmyk_jpeg(smooth):
    np.testing.assert_allclose(decode(encoded(smooth.convert("CMYK"), "JPEG", quality=95)).astype(int), bgr(smooth), atol=12)


def test_a_telephones_jpeg_of_two_pictures_is_its_first(smooth):
    data = encoded(smooth, "MPO", save_all=True, append_images=[Image.new("RGB", smooth.size)], quality=95)
    np.testing.assert_allclose(decode(data).astype(int), bgr(smooth), atol=8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_grey_becomes_three_equal_channels(noise, kind):
    pixels = decode(encoded(Image.fromarray(noise[:, :, 0]), kind))
    np.testing.assert_array_equal(pixels, np.repeat(noise[:, :, :1], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_1_bit_is_black_and_white(noise, kind):
    white = noise[:, :, 0] > 127
    pixels = decode(encoded(Image.fromarray(white), kind))
    np.testing.assert_array_equal(pixels, np.repeat(white[:, :, None] * np.uint8(255), 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bits_of_grey_are_scaled(kind):
    values = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    pixels = decode(encoded(Image.fromarray(values), kind))
    np.testing.assert_array_equal(pixels, np.repeat(np.array([[[0], [0], [1], [128], [255]]], np.uint8), 3, axis=2))


@pytest.mark.parametrize("kind", [".png", ".tiff"])
def test_16_bits_a_channel(noise, kind):
    wide = noise[:, :, ::-1].astype(np.uint16) * 257
    data = cv2.imencode(kind, wide)[1].tobytes()
    np.testing.assert_allclose(decode(data).astype(int), noise[:, :, ::-1], atol=1)


def test_integers_beyond_16_bits_take_the_largest_as_white():
    values = np.array([[-5, 0, 400_000, 1_000_000]], np.int32)
    assert decode(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 0, 102, 255]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 100, 200], [0, 128, 255]),
        ([-3, 0, 1], [0, 0, 255]),
        ([float("nan"), 0.2, 1], [0, 51, 255]),
        ([float("inf"), 0.2, 1], [255, 51, 255]),
        ([float("-inf"), 0, 0], [0, 0, 0]),
    ],
)
def test_float_tiff(values, expected):
    data = encoded(Image.fromarray(np.array([values], np.float32)), "TIFF")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(data)[0, :, 0].tolist() == expected


def test_a_palette(noise):
    picture = Image.fromarray(noise).quantize(16)
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        np.testing.assert_array_equal(decode(encoded(picture, kind)), bgr(picture), err_msg=kind)


def test_one_pixel():
    for kind in ("PNG", "BMP", "TIFF", "PPM", "GIF"):
        assert decode(encoded(Image.new("RGB", (1, 1), (255, 0, 0)), kind)).tolist() == [[[0, 0, 255]]], kind


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG"])
def test_of_several_pictures_the_first_counts(kind):
    first, second = (Image.new("RGB", (9, 7), colour) for colour in ("red", "blue"))
    assert (decode(encoded(first, kind, save_all=True, append_images=[second])) == (0, 0, 255)).all()


def test_of_an_animated_webp_the_first_picture_counts():
    if not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    first, second = (Image.new("RGB", (9, 7), colour) for colour in ("red", "blue"))
    data = encoded(first, "WEBP", lossless=True, save_all=True, append_images=[second])
    assert (decode(data) == (0, 0, 255)).all()


# Transparency


def lettered(mode, ink, ground=0):
    """Bars of ink, which cover a fifth, on nothing."""
    picture = Image.new(mode, (40, 30), ground)
    ImageDraw.Draw(picture).rectangle((5, 5, 20, 18), fill=ink)
    return picture


@pytest.mark.parametrize(
    "picture, ink, ground",
    [
        (lettered("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)), 255, 0),
        (lettered("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)), 255, 0),
        (lettered("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)), 0, 255),
        (lettered("LA", (255, 255), (0, 0)), 255, 0),
        (lettered("LA", (0, 255), (0, 0)), 0, 255),
        (lettered("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)), 0, 255),
        (lettered("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)), 255, 0),
        (lettered("RGBA", (0, 0, 0, 0), (0, 0, 0, 0)), 255, 255),
        (lettered("RGBA", (0, 0, 0, 128), (0, 0, 0, 0)), 127, 255),
    ],
    ids=["white", "white on clear white", "black", "LA white", "LA black", "opaque", "opaque white", "empty", "half"],
)
def test_what_is_transparent_is_laid_on_what_it_stands_out_from(picture, ink, ground):
    pixels = decode(encoded(picture))
    assert (pixels[10, 10] == ink).all() and (pixels[25, 35] == ground).all()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("ink, ground", [(255, 0), (0, 255)])
def test_a_palette_with_a_transparent_colour(kind, ink, ground):
    picture = lettered("P", 1)
    picture.putpalette([7, 7, 7] + [ink] * 3)
    pixels = decode(encoded(picture, kind, transparency=0))
    assert (pixels[10, 10] == ink).all() and (pixels[25, 35] == ground).all()


def test_a_transparent_grey():
    rows = b"\0" + bytes([0, 0, 0, 255])
    assert decode(png(4, 1, rows, colour=0, extra=chunk(b"tRNS", b"\0\0")))[0, :, 0].tolist() == [0, 0, 0, 255]
    assert decode(png(4, 1, rows, colour=0, extra=chunk(b"tRNS", b"\0\xff")))[0, :, 0].tolist() == [0, 0, 0, 255]


# EXIF


INVERSE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that is held so stores an upright scene."""


@pytest.mark.parametrize("orientation", INVERSE)
def test_a_picture_is_turned_as_its_exif_orientation_wants(noise, smooth, orientation):
    def stored(picture):
        return picture if INVERSE[orientation] is None else picture.transpose(INVERSE[orientation])

    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        data = encoded(stored(Image.fromarray(noise)), kind, exif=exif, **options)
        np.testing.assert_array_equal(decode(data), noise[:, :, ::-1], err_msg=kind)
    data = encoded(stored(smooth), "JPEG", exif=exif, quality=95)
    np.testing.assert_allclose(decode(data).astype(int), bgr(smooth), atol=8)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_turns_nothing(noise, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(noise), exif=exif)), noise[:, :, ::-1])


def test_damaged_exif_data_do_not_lose_the_picture(noise):
    """JPEG with an orientation of 6 whose other entries are changed at random, over and over."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    exif[0x8769] = {0x9000: b"0220", 0x829A: (1, 60)}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    data = bytearray(encoded(Image.fromarray(noise), "JPEG", exif=exif))
    begin = data.index(b"Exif\0\0") + 6
    end = begin + len(exif.tobytes()) - 6
    choose = random.Random(0)
    for _ in range(300):
        changed = data.copy()
        for _ in range(choose.choice((1, 2, 4, 8))):
            changed[choose.randrange(begin, end)] = choose.randrange(256)
        assert decode(bytes(changed)).shape in ((12, 17, 3), (17, 12, 3))


# What is refused


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Serving models\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7\n1 0 obj\n",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        bytes(1000),
        b"\x89PNG\r\n\x1a\n"[:5],
    ],
    ids=["empty", "text", "SVG", "PDF", "HEIC", "zeros", "signature alone"],
)
def test_what_is_no_picture_of_a_kind_that_is_read(data):
    with pytest.raises(PictureError, match="no picture of a kind that is read here .PNG, JPEG"):
        decode(data)


def test_a_kind_that_pillow_reads_and_the_course_does_not(noise):
    for kind in ("ICO", "TGA", "PCX", "JPEG2000"):
        with pytest.raises(PictureError):
            decode(encoded(Image.fromarray(noise), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_picture_that_is_cut_off(kind, part):
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)), kind)
    with pytest.raises(PictureError):
        decode(data[: int(len(data) * part)])


def measured(data):
    """The message with which a picture is refused, after how many seconds, and by how many bytes the process grew."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(PictureError) as refused:
        decode(data)
    seconds = time.perf_counter() - began
    return str(refused.value), seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def jpeg_of(width, height):
    """A JPEG whose header tells of another size."""
    data = encoded(Image.new("RGB", (16, 16)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        png(100_000, 100_000),
        png(7_100, 7_100, bytes(7_101)),
        png(2**31 - 1, 1),
        jpeg_of(10_000, 6_000),
        b"P6\n100000 100000\n255\n",
        b"P6\n8000 8000\n255\n",
        b"GIF89a"
        + struct.pack("<HH", 60_000, 60_000)
        + bytes(3)
        + b",\0\0\0\0"
        + struct.pack("<HH", 60_000, 60_000)
        + b"\0\2\0;",
        b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f" + struct.pack("<I", 16_382 | 16_382 << 14) + bytes(13),
    ],
    ids=["PNG", "PNG a little above", "PNG in a row", "JPEG of 60 million", "PPM", "PPM of 64 million", "GIF", "WebP"],
)
def test_too_many_pixels_are_refused_by_the_header(data):
    message, seconds, grown = measured(data)
    assert "50 million pixels at most" in message
    assert seconds < 1 and grown < 30e6


def test_the_limit_is_the_callers(noise):
    data = encoded(Image.fromarray(noise))
    assert decode(data, most_pixels=12 * 17).shape == (12, 17, 3)
    with pytest.raises(PictureError, match="17 × 12 pixels: a picture may have 0.000203 million pixels at most"):
        decode(data, most_pixels=12 * 17 - 1)


@pytest.mark.parametrize(
    "name, before", [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")], ids=["zTXt", "iTXt", "iCCP"]
)
def test_a_chunk_that_unpacks_to_much_is_refused(name, before):
    packed = zlib.compress(bytes(100_000_000))
    message, seconds, grown = measured(png(1, 1, bytes(4), extra=chunk(name, before + packed)))
    assert "damaged" in message and seconds < 1 and grown < 30e6


def test_more_pixels_than_the_header_tells_are_left():
    data = png(1, 1, bytes(100_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(data).shape == (1, 1, 3)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 30e6


FILES = {
    "PNG": {},
    "JPEG": {},
    "GIF": {},
    "WEBP": {"lossless": True},
    "BMP": {},
    "TIFF": {},
    "PPM": {},
}


@pytest.mark.parametrize("kind", FILES)
def test_damaged_bytes_give_pixels_or_a_picture_error(noise, kind):
    """Files with bytes changed at random, most of them in the header, some cut off too; warnings count as errors."""
    data, choose = encoded(Image.fromarray(noise), kind, **FILES[kind]), random.Random(kind)
    read = 0
    for _ in range(200):
        changed = bytearray(data)
        for _ in range(choose.choice((1, 1, 2, 4))):
            place = choose.choice((choose.randrange(len(data)), min(int(choose.expovariate(1 / 40)), len(data) - 1)))
            changed[place] = choose.randrange(256)
        if choose.random() < 0.1:
            changed = changed[: choose.randrange(len(changed))]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                pixels = decode(bytes(changed), most_pixels=1_000_000)
            except PictureError:
                continue
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size
        read += 1
    assert read


def test_a_damaged_png_with_its_sums_put_right(noise):
    """Checksums refuse nearly every change of a PNG: here they fit what was changed."""
    rows = b"".join(b"\0" + row.tobytes() for row in noise)
    choose = random.Random(0)
    read = 0
    for _ in range(200):
        header = bytearray(struct.pack(">IIBBBBB", 17, 12, 8, 2, 0, 0, 0))
        header[choose.choice((3, 7, 8, 9, 10, 11, 12))] = choose.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
        packed = bytearray(zlib.compress(rows))
        packed[choose.randrange(len(packed))] = choose.randrange(256)
        body = chunk(b"IHDR", bytes(header)) + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")
        try:
            pixels = decode(b"\x89PNG\r\n\x1a\n" + body)
        except PictureError:
            continue
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        read += 1
    assert read


def test_alpha_of_many_pixels_takes_memory_in_bounds(noise):
    """16 million pixels out of a small file: 64 MB in RGBA, 48 MB in the answer, and a few times that on the way."""
    data = encoded(Image.new("RGBA", (4000, 4000), (255, 255, 255, 120)), compress_level=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(data).shape == (4000, 4000, 3)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 16e6 * 24
