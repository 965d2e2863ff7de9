//! The last steps: to its size, turned as the camera said, and encoded with nothing beside its pixels.

use domain::picture::{PictureKind, SIDE_LIMIT};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder};
use png::{BitDepth, ColorType, Compression, Encoder};

use super::reduce::{Reduced, fit};
use super::{Made, Refused};

/// Where no difference is seen any more at this size.
const QUALITY: u8 = 88;

/// Encodes as JPEG, or as PNG where something can be seen through it.
pub(super) fn encode(reduced: Reduced, turned: Orientation) -> Result<Made, Refused> {
    let (width, height) = reduced.pixels.dimensions();
    let (to_width, to_height) = fit(width, height, SIDE_LIMIT);
    let pixels = if (to_width, to_height) == (width, height) {
        reduced.pixels
    } else {
        resize(&reduced.pixels, to_width, to_height, FilterType::CatmullRom)
    };
    let mut picture = DynamicImage::ImageRgba8(pixels);
    picture.apply_orientation(turned);
    if reduced.is_transparent {
        let rgba = picture.into_rgba8();
        let bytes = transparent(&rgba, rgba.width(), rgba.height())?;
        return Ok(Made {
            kind: PictureKind::Png,
            bytes,
        });
    }
    let rgb = picture.into_rgb8();
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(&rgb, rgb.width(), rgb.height(), ExtendedColorType::Rgb8)
        .map_err(|_| Refused::Damaged)?;
    Ok(Made {
        kind: PictureKind::Jpeg,
        bytes,
    })
}

fn transparent(rgba: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().map_err(|_| Refused::Damaged)?;
    writer
        .write_image_data(rgba)
        .map_err(|_| Refused::Damaged)?;
    writer.finish().map_err(|_| Refused::Damaged)?;
    Ok(bytes)
}
