//! A look at the head of an uploaded file, with no decoder: what it is, how large it says to be, and
//! what decoding it would take. It walks the parts of a file by their lengths and believes none that
//! leads out of it.

use image::metadata::Orientation;

use super::{Refused, jpeg, png, webp};

/// What a file is, by its first bytes and by nothing that a caller says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// ITU T.81.
    Jpeg,
    /// RFC 2083 and later.
    Png,
    /// RFC 9649.
    WebP,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) format: Format,
    /// Pixels a line.
    pub(super) width: u32,
    /// Lines.
    pub(super) height: u32,
    /// What a decoder takes for each pixel, in halves of a byte.
    pub(super) half_bytes_per_pixel: u64,
    /// How it is to be turned.
    pub(super) orientation: Orientation,
}

/// Looks at a file.
pub(super) fn look(file: &[u8]) -> Result<Look, Refused> {
    if file.starts_with(png::SIGNATURE) {
        png::look(file)
    } else if file.starts_with(&[0xFF, 0xD8, 0xFF]) {
        jpeg::look(file)
    } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        webp::look(file)
    } else {
        Err(Refused::Unknown)
    }
}

/// Reads numbers and parts off the front of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a>(pub(super) &'a [u8]);

impl<'a> Parts<'a> {
    /// The next bytes; a file that has fewer is damaged.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Refused> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(Refused::Damaged)?;
        self.0 = rest;
        Ok(part)
    }

    /// The next bytes as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let (part, rest) = self.0.split_first_chunk().ok_or(Refused::Damaged)?;
        self.0 = rest;
        Ok(*part)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, Refused> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A number of two bytes, the greater first.
    pub(super) fn u16(&mut self) -> Result<u16, Refused> {
        self.array().map(u16::from_be_bytes)
    }

    /// A length of four bytes, the greatest first.
    pub(super) fn length(&mut self) -> Result<usize, Refused> {
        let length = u32::from_be_bytes(self.array()?);
        usize::try_from(length).map_err(|_| Refused::Damaged)
    }
}
