//! PNG: its chunks before any decoder sees them, and its lines one by one, so that a picture of any
//! size takes the memory of a few lines.

use std::io::{Cursor, Read};

use flate2::read::ZlibDecoder;
use png::{BitDepth, ColorType, Decoder, Transformations};

use super::look::{Format, Look, Parts};
use super::reduce::{Layout, Reduced, Reduction};
use super::{Refused, orientation};

/// What each PNG begins with.
pub(super) const SIGNATURE: &[u8] = &[0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];
/// Bytes that all packed texts and profiles of one file may unpack to. They are skipped anyway: a file
/// that has more is not meant to be looked at.
const UNPACKED: u64 = 4 << 20;
/// What the decoder may take beside the lines.
const DECODER_BYTES: usize = 8 << 20;

/// Where the lines of an interlaced picture lie: first column and line, and the steps to the next
/// (PNG, 8.2).
const PASSES: [[u32; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// Looks at all chunks up to the end of the picture.
pub(super) fn look(file: &[u8]) -> Result<Look, Refused> {
    let mut parts = Parts(file);
    parts.take(SIGNATURE.len())?;
    let mut size = None;
    let mut exif = None;
    let mut room = UNPACKED;
    loop {
        let length = parts.length()?;
        let name: [u8; 4] = parts.array()?;
        let content = parts.take(length)?;
        parts.take(4)?;
        match &name {
            b"IHDR" if size.is_none() => {
                let mut head = Parts(content);
                size = Some((
                    u32::from_be_bytes(head.array()?),
                    u32::from_be_bytes(head.array()?),
                ));
            }
            _ if size.is_none() => return Err(Refused::Damaged),
            b"acTL" | b"fcTL" | b"fdAT" => return Err(Refused::Animated),
            b"iCCP" | b"zTXt" | b"iTXt" => room = unpacked(name, content, room)?,
            b"eXIf" => exif = Some(content),
            b"IEND" => break,
            _ => {}
        }
    }
    let (width, height) = size.ok_or(Refused::Damaged)?;
    Ok(Look {
        format: Format::Png,
        width,
        height,
        // Lines come one by one.
        half_bytes_per_pixel: 0,
        orientation: orientation(exif),
    })
}

/// What is left of the room once the packed part of a chunk is unpacked.
fn unpacked(name: [u8; 4], content: &[u8], room: u64) -> Result<u64, Refused> {
    // Keyword and NUL; then how it is packed, and for iTXt whether, with two more texts behind.
    let mut fields = content.splitn(2, |&byte| byte == 0);
    fields.next();
    let rest = fields.next().ok_or(Refused::Damaged)?;
    let packed = if &name == b"iTXt" {
        let mut parts = Parts(rest);
        if parts.byte()? == 0 {
            return Ok(room);
        }
        parts.byte()?;
        let mut texts = parts.0.splitn(3, |&byte| byte == 0);
        texts.next();
        texts.next();
        texts.next().ok_or(Refused::Damaged)?
    } else {
        let mut parts = Parts(rest);
        parts.byte()?;
        parts.0
    };
    let mut unpacking = ZlibDecoder::new(packed).take(room.saturating_add(1));
    let mut block = [0; 8192];
    let mut total = 0_u64;
    loop {
        match unpacking.read(&mut block) {
            // A damaged text harms nobody: it is skipped.
            Ok(0) | Err(_) => break,
            Ok(read) => total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX)),
        }
    }
    room.checked_sub(total).ok_or(Refused::Bomb)
}

/// Decodes line by line, and makes it small.
pub(super) fn reduce(file: &[u8], look: &Look) -> Result<Reduced, Refused> {
    let limits = png::Limits {
        bytes: DECODER_BYTES,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|_| Refused::Damaged)?;
    let info = reader.info();
    if (info.width, info.height) != (look.width, look.height) {
        return Err(Refused::Damaged);
    }
    let is_interlaced = info.interlaced;
    let layout = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Grey,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GreyAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Layout::Rgba,
        _ => return Err(Refused::Damaged),
    };
    let mut reduction = Reduction::new(look.width, look.height, layout);
    let whole = [[0, 0, 1, 1]];
    let passes: &[[u32; 4]] = if is_interlaced { &PASSES } else { &whole };
    for &[left, top, across, down] in passes {
        // A pass without a pixel has no line.
        if left >= look.width {
            continue;
        }
        let mut line = top;
        while line < look.height {
            let row = reader.next_row().map_err(|_| Refused::Damaged)?;
            let row = row.ok_or(Refused::Damaged)?;
            reduction.add(row.data(), line, left, across);
            line = line.saturating_add(down);
        }
    }
    Ok(reduction.finish())
}
