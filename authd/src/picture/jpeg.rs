//! The head of a JPEG: its frame, whether a decoder must keep all of it at once, and its Exif block.

use super::look::{Format, Look, Parts};
use super::{Refused, orientation};

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const EXIF_SEGMENT: u8 = 0xE1;
const PROGRESSIVE: u8 = 0xC2;
const EXIF: &[u8] = b"Exif\0\0";

/// The frame's header (T.81, B.2.2).
struct Frame {
    is_progressive: bool,
    width: u16,
    height: u16,
    components: u8,
    /// Coefficients for each pixel, in quarters, with the coarser components counted by their share.
    quarter_coefficients: u64,
}

/// Looks at a JPEG up to its first scan.
pub(super) fn look(file: &[u8]) -> Result<Look, Refused> {
    let mut parts = Parts(file);
    parts.take(2)?;
    let mut frame = None;
    let mut exif = None;
    loop {
        let marker = marker(&mut parts)?;
        match marker {
            // Markers that stand alone.
            0x01 | 0xD0..=0xD7 => continue,
            START | END => return Err(Refused::Damaged),
            _ => {}
        }
        let length = usize::from(parts.u16()?);
        let segment = parts.take(length.checked_sub(2).ok_or(Refused::Damaged)?)?;
        match marker {
            SCAN => {
                let frame = frame.ok_or(Refused::Damaged)?;
                return Ok(found(&frame, Parts(segment).byte()?, exif));
            }
            0xC0..=0xC2 if frame.is_none() => frame = Some(read_frame(marker, segment)?),
            // A second frame, or one of a kind that no browser shows.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF => return Err(Refused::Damaged),
            EXIF_SEGMENT if exif.is_none() => exif = segment.strip_prefix(EXIF),
            _ => {}
        }
    }
}

/// The next marker; any number of fill bytes may stand before it.
fn marker(parts: &mut Parts<'_>) -> Result<u8, Refused> {
    if parts.byte()? != 0xFF {
        return Err(Refused::Damaged);
    }
    loop {
        match parts.byte()? {
            0xFF => {}
            0 => return Err(Refused::Damaged),
            marker => return Ok(marker),
        }
    }
}

fn read_frame(marker: u8, segment: &[u8]) -> Result<Frame, Refused> {
    let mut parts = Parts(segment);
    parts.byte()?;
    let height = parts.u16()?;
    let width = parts.u16()?;
    let components = parts.byte()?;
    if !matches!(components, 1 | 3 | 4) {
        return Err(Refused::Damaged);
    }
    let mut samples = 0_u64;
    let mut most = 0_u64;
    for _ in 0..components {
        let [_, sampling, _] = parts.array()?;
        let (across, down) = (u64::from(sampling >> 4), u64::from(sampling & 0x0F));
        if !(1..=4).contains(&across) || !(1..=4).contains(&down) {
            return Err(Refused::Damaged);
        }
        let area = across.saturating_mul(down);
        samples = samples.saturating_add(area);
        most = most.max(area);
    }
    Ok(Frame {
        is_progressive: marker == PROGRESSIVE,
        width,
        height,
        components,
        quarter_coefficients: samples.saturating_mul(4).div_ceil(most.max(1)),
    })
}

fn found(frame: &Frame, in_scan: u8, exif: Option<&[u8]>) -> Look {
    // Grey stays one byte a pixel, everything else becomes three.
    let shown: u64 = if frame.components == 1 { 2 } else { 6 };
    // What comes in several scans is kept as coefficients of two bytes until the last of them.
    let is_kept = frame.is_progressive || in_scan != frame.components;
    let kept = if is_kept {
        frame.quarter_coefficients
    } else {
        0
    };
    Look {
        format: Format::Jpeg,
        width: frame.width.into(),
        height: frame.height.into(),
        half_bytes_per_pixel: shown.saturating_add(kept),
        orientation: orientation(exif),
    }
}
