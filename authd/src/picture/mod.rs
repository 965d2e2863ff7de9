//! Pictures that were uploaded: looked at before any decoder sees them, decoded within limits on a
//! thread of its own, made small, and encoded anew, so that nothing of the uploaded file is kept.
//! Never a file, the network, the database, or the question whose picture it is.

mod encode;
mod jpeg;
mod look;
mod png;
mod reduce;
mod studio;
#[cfg(test)]
mod tests;
mod webp;

use std::io::Cursor;

use domain::picture::PictureKind;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder};

use look::{Format, Look};
use reduce::{Layout, Reduced, Reduction};

pub use studio::{Studio, StudioError};

/// Longest side that is decoded; who needs more has a strip, and no picture.
pub const LONGEST_SIDE: u32 = 16_384;
/// Bytes that a decoder may take for each pixel of the limit: what a JPEG of three colours takes when
/// it is decoded line by line. Whatever takes more for a pixel may have fewer of them.
const BYTES_PER_PIXEL: u64 = 3;

/// Limits of an uploaded picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels.
    pub max_pixels: u64,
}

impl Limits {
    const fn bytes(self) -> u64 {
        self.max_pixels.saturating_mul(BYTES_PER_PIXEL)
    }
}

/// A picture, made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How it is encoded.
    pub kind: PictureKind,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Why an uploaded file is no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Neither JPEG nor PNG nor WebP.
    #[error("expected a JPEG, PNG or WebP picture")]
    Unknown,
    /// More than one frame.
    #[error("expected a picture that does not move")]
    Animated,
    /// Too many pixels.
    #[error("expected at most {max_pixels} pixels, and no side over {LONGEST_SIDE}")]
    TooLarge {
        /// The limit.
        max_pixels: u64,
    },
    /// Its decoding takes more memory than it may.
    #[error(
        "a picture of this kind takes too much memory at this size; expected a smaller one, or a plain JPEG"
    )]
    TooCostly,
    /// Something packed in it unpacks to more than it may.
    #[error("a packed part of the picture is larger than any has to be")]
    Bomb,
    /// It says one thing and holds another, or ends early.
    #[error("the picture is damaged")]
    Damaged,
}

impl Refused {
    /// Stable reason for the `fields` of an error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_picture",
            Self::Animated => "animated_picture",
            Self::TooLarge { .. } => "too_many_pixels",
            Self::TooCostly | Self::Bomb => "too_costly",
            Self::Damaged => "damaged_picture",
        }
    }
}

/// Makes a picture anew; it blocks, and may take seconds.
///
/// # Errors
/// [`Refused`]; nothing is taken over from a file that cannot be decoded.
pub fn make(file: &[u8], limits: Limits) -> Result<Made, Refused> {
    let look = look::look(file)?;
    check(&look, limits)?;
    let reduced = match look.format {
        Format::Png => png::reduce(file, &look)?,
        Format::Jpeg => whole(JpegDecoder::new(Cursor::new(file)), &look)?,
        Format::WebP => whole(WebPDecoder::new(Cursor::new(file)), &look)?,
    };
    encode::encode(reduced, look.orientation)
}

fn check(look: &Look, limits: Limits) -> Result<(), Refused> {
    let max_pixels = limits.max_pixels;
    let pixels = u64::from(look.width).saturating_mul(look.height.into());
    if look.width == 0 || look.height == 0 {
        return Err(Refused::Damaged);
    }
    if pixels > max_pixels || look.width > LONGEST_SIDE || look.height > LONGEST_SIDE {
        return Err(Refused::TooLarge { max_pixels });
    }
    // Halves of a byte, rounded up: the largest products stay far below 2^64.
    let bytes = pixels.saturating_mul(look.half_bytes_per_pixel).div_ceil(2);
    if bytes > limits.bytes() {
        return Err(Refused::TooCostly);
    }
    Ok(())
}

/// Decodes a picture into memory, and makes it small.
fn whole<D: ImageDecoder>(decoder: image::ImageResult<D>, look: &Look) -> Result<Reduced, Refused> {
    let decoder = decoder.map_err(|_| Refused::Damaged)?;
    // The limits were held against what the look found: the decoder must have found the same.
    if decoder.dimensions() != (look.width, look.height) {
        return Err(Refused::Damaged);
    }
    let layout = match decoder.color_type() {
        ColorType::L8 => Layout::Grey,
        ColorType::La8 => Layout::GreyAlpha,
        ColorType::Rgb8 => Layout::Rgb,
        ColorType::Rgba8 => Layout::Rgba,
        _ => return Err(Refused::Damaged),
    };
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Refused::TooCostly)?;
    let mut pixels = vec![0; bytes];
    decoder
        .read_image(&mut pixels)
        .map_err(|_| Refused::Damaged)?;
    let mut reduction = Reduction::new(look.width, look.height, layout);
    let line = layout.channels().saturating_mul(look.width as usize).max(1);
    for (y, row) in (0_u32..).zip(pixels.chunks_exact(line)) {
        reduction.add(row, y, 0, 1);
    }
    Ok(reduction.finish())
}

/// How to turn a picture, by the Exif block that a camera wrote.
fn orientation(exif: Option<&[u8]>) -> Orientation {
    exif.and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms)
}
