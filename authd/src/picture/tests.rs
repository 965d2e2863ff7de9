//! Rows V5 and 14.2.8 of the threat list, by the files themselves.

use std::io::Write;

use data_encoding::BASE64;
use domain::picture::PictureKind;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use png::{BitDepth, ColorType, Encoder};

use super::look::look;
use super::{Limits, Made, Refused, make};

const LIMITS: Limits = Limits {
    max_pixels: 40_000_000,
};
/// One pixel, lossy.
const SMALLEST_LOSSY: &str = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA";

/// Red on the left, blue on the right.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 {
            Rgb([200, 10, 10])
        } else {
            Rgb([10, 10, 200])
        }
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

fn webp(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .unwrap();
    bytes
}

fn png_of(width: u32, height: u32, color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        encoder.set_palette(vec![200, 10, 10, 10, 10, 200]);
        encoder.set_trns(vec![255, 0]);
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

fn png_rgb(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    png_of(width, height, ColorType::Rgb, BitDepth::Eight, picture)
}

fn crc(name: &[u8], content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(content);
    crc.sum()
}

fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [
        &length.to_be_bytes()[..],
        name,
        content,
        &crc(name, content).to_be_bytes(),
    ]
    .concat()
}

/// The file with a chunk behind its head.
fn with_chunk(png: &[u8], name: &[u8], content: &[u8]) -> Vec<u8> {
    let head = 8 + 25;
    [&png[..head], &chunk(name, content), &png[head..]].concat()
}

fn zlib(bytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

/// A PNG that says to be of that size, with as much data as it takes to look so.
fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    [
        &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A][..],
        &chunk(b"IHDR", &head),
        &chunk(b"IDAT", &zlib(20 << 20)),
        &chunk(b"IEND", &[]),
    ]
    .concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xFF, marker][..], &length.to_be_bytes(), content].concat()
}

/// Exif with an orientation, and a place: a GPS directory with a latitude.
fn exif(turned: u8) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    block.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turned, 0, 0]);
    block.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    block.extend([0; 4]);
    block.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0GPS-CANARY");
    block
}

/// A JPEG with an Exif block.
fn photo(picture: &RgbImage, turned: u8) -> Vec<u8> {
    let plain = jpeg(picture);
    let block = [b"Exif\0\0", &exif(turned)[..]].concat();
    [&plain[..2], &segment(0xE1, &block), &plain[2..]].concat()
}

fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, content) in chunks {
        body.extend(*name);
        body.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        body.extend(content);
        body.extend(vec![0; content.len() % 2]);
    }
    let length = u32::try_from(body.len()).unwrap();
    [b"RIFF", &length.to_le_bytes()[..], &body].concat()
}

/// The one chunk of a simple WebP.
fn frame(webp: &[u8]) -> Vec<u8> {
    let length = u32::from_le_bytes(webp[16..20].try_into().unwrap());
    webp[20..20 + usize::try_from(length).unwrap()].to_vec()
}

fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    [vec![flags, 0, 0, 0], side(width), side(height)].concat()
}

fn shown(made: &Made) -> DynamicImage {
    match made.kind {
        PictureKind::Jpeg => {
            let decoder = image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(&made.bytes));
            DynamicImage::from_decoder(decoder.unwrap()).unwrap()
        }
        PictureKind::Png => {
            let mut reader = png::Decoder::new(std::io::Cursor::new(&made.bytes))
                .read_info()
                .unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!(info.color_type, ColorType::Rgba);
            let rgba = RgbaImage::from_raw(info.width, info.height, pixels).unwrap();
            DynamicImage::ImageRgba8(rgba)
        }
    }
}

#[track_caller]
fn near(pixel: Rgba<u8>, wanted: [u8; 4]) {
    let off = pixel
        .0
        .iter()
        .zip(wanted)
        .map(|(&is, was)| is.abs_diff(was))
        .max();
    assert!(off.unwrap() < 24, "{pixel:?} instead of {wanted:?}");
}

const RED: [u8; 4] = [200, 10, 10, 255];
const BLUE: [u8; 4] = [10, 10, 200, 255];

#[track_caller]
fn is_halves(made: &Made, width: u32, height: u32) {
    let shown = shown(made).into_rgba8();
    assert_eq!(shown.dimensions(), (width, height));
    near(*shown.get_pixel(width / 8, height / 2), RED);
    near(*shown.get_pixel(width - 1 - width / 8, height / 2), BLUE);
}

#[test]
fn a57_each_format_becomes_a_small_jpeg() {
    let picture = halves(1600, 400);
    for file in [jpeg(&picture), png_rgb(&picture), webp(&picture)] {
        let made = make(&file, LIMITS).unwrap();
        assert_eq!(made.kind, PictureKind::Jpeg);
        is_halves(&made, 512, 128);
    }
    // What is small stays so.
    is_halves(&make(&png_rgb(&halves(40, 30)), LIMITS).unwrap(), 40, 30);
    is_halves(
        &make(&png_rgb(&halves(700, 700)), LIMITS).unwrap(),
        512,
        512,
    );
    let lossy = BASE64.decode(SMALLEST_LOSSY.as_bytes()).unwrap();
    assert_eq!(shown(&make(&lossy, LIMITS).unwrap()).width(), 1);
}

#[test]
fn a57_every_kind_of_png_is_read() {
    let (width, height) = (16, 8);
    let halves = halves(width, height);
    let deep: Vec<u8> = halves.iter().flat_map(|&byte| [byte, 7]).collect();
    is_halves(
        &make(
            &png_of(width, height, ColorType::Rgb, BitDepth::Sixteen, &deep),
            LIMITS,
        )
        .unwrap(),
        width,
        height,
    );
    // One bit a pixel: eight of the first colour, eight of the second, which cannot be seen.
    let lines = [0x00, 0xFF].repeat(height as usize);
    let indexed = png_of(width, height, ColorType::Indexed, BitDepth::One, &lines);
    let made = make(&indexed, LIMITS).unwrap();
    assert_eq!(made.kind, PictureKind::Png);
    let pixels = shown(&made).into_rgba8();
    near(*pixels.get_pixel(2, 2), RED);
    assert_eq!(pixels.get_pixel(12, 2).0[3], 0);
    let grey = png_of(
        width,
        height,
        ColorType::Grayscale,
        BitDepth::One,
        &[0x00, 0xFF].repeat(height as usize),
    );
    let made = make(&grey, LIMITS).unwrap();
    assert_eq!(made.kind, PictureKind::Jpeg);
    near(*shown(&made).into_rgba8().get_pixel(14, 2), [255; 4]);
}

#[test]
fn a57_what_is_seen_through_stays_so_and_gives_no_colour() {
    let picture = RgbaImage::from_fn(1024, 1024, |x, _| {
        if x % 2 == 0 {
            Rgba([0, 200, 0, 255])
        } else {
            Rgba([255, 0, 0, 0])
        }
    });
    let file = png_of(1024, 1024, ColorType::Rgba, BitDepth::Eight, &picture);
    let made = make(&file, LIMITS).unwrap();
    assert_eq!(made.kind, PictureKind::Png);
    assert_eq!(shown(&made).width(), 512);
    // A larger one passes the reduction, where colours are weighed by their alpha.
    let wide = RgbaImage::from_fn(4096, 8, |x, y| *picture.get_pixel(x % 1024, y));
    let file = png_of(4096, 8, ColorType::Rgba, BitDepth::Eight, &wide);
    let pixels = shown(&make(&file, LIMITS).unwrap()).into_rgba8();
    near(*pixels.get_pixel(100, 0), [0, 200, 0, 128]);
}

#[test]
fn a57_an_interlaced_png_is_put_together() {
    // One colour a pass would hide a pass that lands elsewhere; halves would not.
    let (width, height) = (9_u32, 5_u32);
    let picture = halves(width, height);
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut lines = Vec::new();
    for (left, top, across, down) in passes {
        for y in (top..height).step_by(down) {
            lines.push(0);
            for x in (left..width).step_by(across) {
                lines.extend(picture.get_pixel(x, y).0);
            }
        }
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&lines).unwrap();
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 1]);
    let file = [
        &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A][..],
        &chunk(b"IHDR", &head),
        &chunk(b"IDAT", &packed.finish().unwrap()),
        &chunk(b"IEND", &[]),
    ]
    .concat();
    is_halves(&make(&file, LIMITS).unwrap(), width, height);
}

#[test]
fn v14_2_8_a_place_is_gone_and_the_turn_is_made() {
    let picture = halves(64, 32);
    // Turned by a quarter to the right: what was left is above.
    let made = make(&photo(&picture, 6), LIMITS).unwrap();
    let shown_photo = shown(&made).into_rgba8();
    assert_eq!(shown_photo.dimensions(), (32, 64));
    near(*shown_photo.get_pixel(16, 8), RED);
    near(*shown_photo.get_pixel(16, 56), BLUE);
    let in_png = with_chunk(&png_rgb(&picture), b"eXIf", &exif(3));
    let in_webp = riff(&[
        (b"VP8X", canvas(0b1000, 64, 32)),
        (b"VP8L", frame(&webp(&picture))),
        (b"EXIF", exif(3)),
    ]);
    for file in [in_png, in_webp] {
        let made = make(&file, LIMITS).unwrap();
        near(*shown(&made).into_rgba8().get_pixel(8, 16), BLUE);
        for canary in [&b"GPS"[..], b"Exif", b"eXIf", b"CANARY"] {
            assert!(!made.bytes.windows(canary.len()).any(|part| part == canary));
        }
    }
    assert!(!made.bytes.windows(4).any(|part| part == b"Exif"));
    assert!(!made.bytes.windows(3).any(|part| part == b"GPS"));
}

#[test]
fn v5_2_2_what_is_no_picture_is_refused_and_what_hides_behind_one_is_gone() {
    for file in [
        &b""[..],
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"\x7FELF\x02\x01\x01",
        b"PK\x03\x04",
        b"GIF89a/*\x01\x00*/=1;alert(1)",
        b"BM\x00\x00",
        b"RIFF\x00\x00\x00\x00WAVE",
    ] {
        assert_eq!(make(file, LIMITS), Err(Refused::Unknown), "{file:?}");
    }
    let script = b"<script>alert('canary')</script>";
    let picture = halves(32, 32);
    let hidden = segment(0xFE, script);
    let in_jpeg = [&jpeg(&picture)[..2], &hidden, &jpeg(&picture)[2..]].concat();
    let behind: Vec<u8> = [&jpeg(&picture)[..], script].concat();
    let in_png = with_chunk(&png_rgb(&picture), b"tEXt", &[b"a\0", &script[..]].concat());
    let behind_png = [&png_rgb(&picture)[..], b"PK\x03\x04", script].concat();
    for file in [in_jpeg, behind, in_png, behind_png] {
        let made = make(&file, LIMITS).unwrap();
        is_halves(&made, 32, 32);
        assert!(!made.bytes.windows(6).any(|part| part == b"canary"));
        assert!(!made.bytes.windows(4).any(|part| part == b"PK\x03\x04"));
    }
}

#[test]
fn v5_2_3_bombs_are_refused_by_their_heads() {
    let large = Err(Refused::TooLarge {
        max_pixels: LIMITS.max_pixels,
    });
    assert_eq!(make(&png_head(50_000, 50_000), LIMITS), large);
    assert_eq!(make(&png_head(20_000, 10), LIMITS), large);
    assert_eq!(make(&png_head(10, 20_000), LIMITS), large);
    assert_eq!(make(&png_head(6325, 6325), LIMITS), large);
    assert_eq!(make(&png_head(0, 10), LIMITS), Err(Refused::Damaged));
    // Many lines that are not there: it ends where the data does.
    assert_eq!(make(&png_head(6000, 6000), LIMITS), Err(Refused::Damaged));
    let plain = png_rgb(&halves(8, 8));
    for (name, before) in [
        (b"iCCP", &b"profile\0\0"[..]),
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"Comment\0\x01\0en\0\0"),
    ] {
        let bomb = [before, &zlib(64 << 20)].concat();
        assert!(bomb.len() < 100_000);
        let file = with_chunk(&plain, name, &bomb);
        assert_eq!(make(&file, LIMITS), Err(Refused::Bomb), "{name:?}");
        let usual = [before, &zlib(1 << 20)].concat();
        assert!(make(&with_chunk(&plain, name, &usual), LIMITS).is_ok());
    }
    // Several that are small each.
    let part = [&b"Comment\0\0"[..], &zlib(2 << 20)].concat();
    let twice = with_chunk(&with_chunk(&plain, b"zTXt", &part), b"zTXt", &part);
    assert!(make(&twice, LIMITS).is_ok());
    let thrice = with_chunk(&twice, b"zTXt", &part);
    assert_eq!(make(&thrice, LIMITS), Err(Refused::Bomb));
}

#[test]
fn v5_2_6_what_moves_is_refused() {
    let plain = png_rgb(&halves(8, 8));
    let frames = 10_000_u32;
    let control = [frames.to_be_bytes(), 0_u32.to_be_bytes()].concat();
    assert_eq!(
        make(&with_chunk(&plain, b"acTL", &control), LIMITS),
        Err(Refused::Animated)
    );
    let moving = vec![0; 24];
    for file in [
        riff(&[(b"VP8X", canvas(0b10, 8, 8))]),
        riff(&[(b"VP8X", canvas(0, 8, 8)), (b"ANMF", moving)]),
    ] {
        assert_eq!(make(&file, LIMITS), Err(Refused::Animated));
    }
}

#[test]
fn v5_2_6_sizes_that_disagree_are_refused() {
    let small = webp(&halves(8, 8));
    // A canvas within the limits around a frame beyond them.
    let hidden = riff(&[(b"VP8X", canvas(0, 4, 4)), (b"VP8L", frame(&small))]);
    assert_eq!(make(&hidden, LIMITS), Err(Refused::Damaged));
    // A chunk that says to be longer than the file.
    let mut long = riff(&[
        (b"VP8X", canvas(0b1000, 8, 8)),
        (b"VP8L", frame(&small)),
        (b"EXIF", exif(1)),
    ]);
    let at = long.windows(4).position(|part| part == b"EXIF").unwrap();
    long[at + 4..at + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(make(&long, LIMITS), Err(Refused::Damaged));
    let mut second = jpeg(&halves(8, 8));
    let frame_at = second
        .windows(2)
        .position(|part| part == [0xFF, 0xC0])
        .unwrap();
    let again = second[frame_at..frame_at + 19].to_vec();
    second.splice(frame_at..frame_at, again);
    assert_eq!(make(&second, LIMITS), Err(Refused::Damaged));
}

#[test]
fn v5_2_6_what_must_be_kept_whole_may_have_fewer_pixels() {
    let head = |marker: u8, in_scan: u8, sampling: u8| {
        let [h, w] = [5000_u16, 5000].map(u16::to_be_bytes);
        let frame = [
            &[8][..],
            &h,
            &w,
            &[3, 1, sampling, 0, 2, 0x11, 0, 3, 0x11, 0],
        ]
        .concat();
        [
            vec![0xFF, 0xD8],
            segment(marker, &frame),
            segment(0xDA, &[in_scan, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
        ]
        .concat()
    };
    let cost = |file: &[u8]| look(file).unwrap().half_bytes_per_pixel;
    assert_eq!(cost(&head(0xC0, 3, 0x22)), 6);
    assert_eq!(cost(&head(0xC2, 3, 0x22)), 12);
    assert_eq!(cost(&head(0xC2, 1, 0x11)), 18);
    assert_eq!(cost(&head(0xC0, 1, 0x11)), 18);
    // 25 megapixels at nine bytes each are over what 40 at three may take.
    assert_eq!(make(&head(0xC2, 1, 0x11), LIMITS), Err(Refused::TooCostly));
    assert_eq!(make(&head(0xC0, 3, 0x22), LIMITS), Err(Refused::Damaged));
    let lossless = webp(&halves(64, 64));
    let few = Limits {
        max_pixels: 64 * 64,
    };
    assert_eq!(make(&lossless, few), Err(Refused::TooCostly));
}

#[test]
fn a_file_that_ends_early_is_damaged_and_nothing_panics() {
    let picture = halves(64, 64);
    let exif_webp = riff(&[
        (b"VP8X", canvas(0b1000, 64, 64)),
        (b"VP8L", frame(&webp(&picture))),
        (b"EXIF", exif(6)),
    ]);
    for whole in [photo(&picture, 6), png_rgb(&picture), exif_webp] {
        for length in (0..whole.len()).step_by(7) {
            // A JPEG may end early and still be shown; it comes to an end in any case.
            drop(make(&whole[..length], LIMITS));
        }
        for at in 0..whole.len().min(600) {
            let mut turned = whole.clone();
            turned[at] ^= 0x5A;
            drop(make(&turned, LIMITS));
        }
    }
}

#[tokio::test]
async fn v15_1_3_pictures_are_made_one_by_one_in_a_bounded_queue() {
    let studio = super::Studio::start(1).unwrap();
    let file = png_rgb(&halves(600, 600));
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let (studio, file) = (studio.clone(), file.clone());
            tokio::spawn(async move { studio.make(file, LIMITS).await })
        })
        .collect();
    let (mut made, mut full) = (0, 0);
    for one in asked {
        match one.await.unwrap() {
            Ok(_) => made += 1,
            Err(super::StudioError::Full) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(made >= 1 && full >= 1 && made + full == 6, "{made} {full}");
    // Whatever was refused, the next one finds its place.
    assert!(studio.make(file, LIMITS).await.is_ok());
}
