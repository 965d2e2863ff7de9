//! The head of a WebP: its chunks (RFC 9649, 2), each within the file and none twice, and sizes that
//! agree wherever the file gives one.

use super::look::{Format, Look, Parts};
use super::{Refused, orientation};

/// Flag of a file whose picture moves.
const ANIMATION: u8 = 0b0000_0010;
/// Chunks that a file can have; more is no picture.
const CHUNKS: usize = 64;
/// Half bytes a pixel: brightness and colours, then red, green and blue.
const LOSSY: u64 = 9;
/// Half bytes a pixel: red, green, blue and alpha, twice.
const WHOLE: u64 = 16;

type Size = (u32, u32);

/// Looks at all chunks of a WebP.
pub(super) fn look(file: &[u8]) -> Result<Look, Refused> {
    let mut parts = Parts(file);
    parts.take(12)?;
    let mut seen: Vec<[u8; 4]> = Vec::new();
    let mut canvas: Option<Size> = None;
    let mut frame: Option<(Size, u64)> = None;
    let mut exif = None;
    // What is behind the last whole chunk header is no part of the picture.
    while parts.0.len() >= 8 {
        let name: [u8; 4] = parts.array()?;
        let length = u32::from_le_bytes(parts.array()?);
        let length = usize::try_from(length).map_err(|_| Refused::Damaged)?;
        let content = parts.take(length)?;
        if length % 2 == 1 && !parts.0.is_empty() {
            parts.byte()?;
        }
        if seen.contains(&name) || seen.len() == CHUNKS {
            return Err(Refused::Damaged);
        }
        let is_first = seen.is_empty();
        seen.push(name);
        match &name {
            b"VP8X" if is_first => canvas = Some(extended(content)?),
            b"VP8 " if frame.is_none() => frame = Some((lossy(content)?, LOSSY)),
            b"VP8L" if frame.is_none() => frame = Some((lossless(content)?, WHOLE)),
            b"ANIM" | b"ANMF" => return Err(Refused::Animated),
            b"VP8X" | b"VP8 " | b"VP8L" => return Err(Refused::Damaged),
            b"EXIF" => exif = Some(content),
            _ => {}
        }
    }
    let ((width, height), cost) = frame.ok_or(Refused::Damaged)?;
    // A canvas that is smaller than its frame would let the frame past the limits.
    if canvas.is_some_and(|canvas| canvas != (width, height)) {
        return Err(Refused::Damaged);
    }
    Ok(Look {
        format: Format::WebP,
        width,
        height,
        half_bytes_per_pixel: if canvas.is_some() { WHOLE } else { cost },
        // Some writers put the marker of a JPEG's Exif segment before the block.
        orientation: orientation(exif.map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))),
    })
}

fn extended(content: &[u8]) -> Result<Size, Refused> {
    let mut parts = Parts(content);
    let [flags, _, _, _] = parts.array()?;
    if flags & ANIMATION != 0 {
        return Err(Refused::Animated);
    }
    let mut side = || -> Result<u32, Refused> {
        let [low, middle, high] = parts.array()?;
        Ok(u32::from_le_bytes([low, middle, high, 0]).saturating_add(1))
    };
    Ok((side()?, side()?))
}

/// The head of a VP8 key frame (RFC 6386, 9.1).
fn lossy(content: &[u8]) -> Result<Size, Refused> {
    let mut parts = Parts(content);
    parts.take(6)?;
    let mut side = || -> Result<u32, Refused> {
        let side = u16::from_le_bytes(parts.array()?);
        Ok(u32::from(side & 0x3FFF))
    };
    Ok((side()?, side()?))
}

/// The head of a lossless frame (RFC 9649, 3.4).
fn lossless(content: &[u8]) -> Result<Size, Refused> {
    let mut parts = Parts(content);
    parts.byte()?;
    let bits = u32::from_le_bytes(parts.array()?);
    let side = |bits: u32| (bits & 0x3FFF).saturating_add(1);
    Ok((side(bits), side(bits >> 14)))
}
