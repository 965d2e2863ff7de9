//! Making a picture small while it is decoded: each pixel is added to the one that it becomes a part
//! of, so that nothing of the large one has to be kept. Colours are weighed by their alpha, so that what
//! cannot be seen gives no colour.

use image::RgbaImage;

/// Longest side of what comes out: twice what is kept, so that the last step can be a good one.
const SIDE: u32 = 1024;

/// What stands in each pixel of a line, one byte each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

impl Layout {
    /// Bytes a pixel.
    pub(super) const fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Red, green, blue and alpha of a pixel.
    fn read(self, pixel: &[u8]) -> Option<[u8; 4]> {
        Some(match (self, pixel) {
            (Self::Grey, &[grey]) => [grey, grey, grey, 255],
            (Self::GreyAlpha, &[grey, alpha]) => [grey, grey, grey, alpha],
            (Self::Rgb, &[red, green, blue]) => [red, green, blue, 255],
            (Self::Rgba, &[red, green, blue, alpha]) => [red, green, blue, alpha],
            _ => return None,
        })
    }
}

/// Sums of what a pixel is made of. A pixel takes in 300 of at most 255², which fits.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// Red, green and blue, each by its alpha.
    colours: [u32; 3],
    alpha: u32,
    count: u32,
}

/// A picture on its way to be small.
#[derive(Debug)]
pub(super) struct Reduction {
    layout: Layout,
    from: (u32, u32),
    to: (u32, u32),
    sums: Vec<Sum>,
}

/// A small picture.
#[derive(Debug)]
pub(super) struct Reduced {
    pub(super) pixels: RgbaImage,
    /// Whether anything can be seen through it.
    pub(super) is_transparent: bool,
}

impl Reduction {
    /// Of a picture of that size, which is within the limits.
    pub(super) fn new(width: u32, height: u32, layout: Layout) -> Self {
        let to = fit(width, height, SIDE);
        let count = usize::try_from(u64::from(to.0).saturating_mul(to.1.into())).unwrap_or(0);
        Self {
            layout,
            from: (width.max(1), height.max(1)),
            to,
            sums: vec![Sum::default(); count],
        }
    }

    /// Adds pixels of a line: the first in column `left`, each further one `step` columns on.
    pub(super) fn add(&mut self, row: &[u8], line: u32, left: u32, step: u32) {
        let start = place(line, self.from.1, self.to.1).saturating_mul(self.to.0 as usize);
        let end = start.saturating_add(self.to.0 as usize);
        let Some(sums) = self.sums.get_mut(start..end) else {
            return;
        };
        let mut column = left;
        for pixel in row.chunks_exact(self.layout.channels()) {
            let at = place(column, self.from.0, self.to.0);
            column = column.saturating_add(step);
            let (Some(sum), Some([red, green, blue, alpha])) =
                (sums.get_mut(at), self.layout.read(pixel))
            else {
                return;
            };
            for (total, part) in sum.colours.iter_mut().zip([red, green, blue]) {
                let weighed = u32::from(part).saturating_mul(alpha.into());
                *total = total.saturating_add(weighed);
            }
            sum.alpha = sum.alpha.saturating_add(alpha.into());
            sum.count = sum.count.saturating_add(1);
        }
    }

    /// The small picture.
    pub(super) fn finish(self) -> Reduced {
        let mut pixels = RgbaImage::new(self.to.0, self.to.1);
        let mut is_transparent = false;
        for (pixel, sum) in pixels.pixels_mut().zip(&self.sums) {
            let alpha = byte(sum.alpha, sum.count);
            is_transparent |= alpha < 255;
            let [red, green, blue] = sum.colours.map(|colour| byte(colour, sum.alpha));
            pixel.0 = [red, green, blue, alpha];
        }
        Reduced {
            pixels,
            is_transparent,
        }
    }
}

/// The mean, rounded; nothing of nothing.
fn byte(sum: u32, count: u32) -> u8 {
    let half = count / 2;
    let mean = sum.saturating_add(half).checked_div(count).unwrap_or(0);
    u8::try_from(mean).unwrap_or(u8::MAX)
}

/// Where the pixel `at` of `from` comes to lie among `to`.
fn place(at: u32, from: u32, to: u32) -> usize {
    let place = u64::from(at).saturating_mul(to.into()) / u64::from(from.max(1));
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The size with no side over `side`; a smaller picture stays as it is, and no side becomes nothing.
pub(super) fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= side {
        return (width.max(1), height.max(1));
    }
    let shrink = |length: u32| {
        let exact = u64::from(length).saturating_mul(side.into()) / u64::from(longest);
        u32::try_from(exact).unwrap_or(side).max(1)
    };
    (shrink(width), shrink(height))
}
