//! How much would be uploaded, and the most that it may be.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Cloudflare takes 3 MB on the free plan. What is compiled must be compiled again at every start of an isolate.
const MAX_GZIP_BYTES: usize = 1_000_000;

/// Of all files together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    raw: usize,
    gzip: usize,
}

/// Packs the files one behind the other, as wrangler does to tell the size.
pub(crate) fn of(files: &[PathBuf]) -> anyhow::Result<Size> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let mut raw = 0;
    for file in files {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        gzip.write_all(&bytes)?;
        raw += bytes.len();
    }
    Ok(Size { raw, gzip: gzip.finish()?.len() })
}

impl Size {
    /// An error if the Worker has grown too large.
    pub(crate) fn check(self) -> anyhow::Result<()> {
        if self.gzip > MAX_GZIP_BYTES {
            bail!("the Worker has grown past {MAX_GZIP_BYTES} bytes: {self} (take a dependency or a feature away)");
        }
        Ok(())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes to upload, {} as gzip", self.raw, self.gzip)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A file of bytes that gzip makes no smaller.
    fn noise(folder: &tempfile::TempDir, bytes: usize) -> PathBuf {
        let mut state = 1_u32;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        });
        let file = folder.path().join(bytes.to_string());
        std::fs::write(&file, noise.take(bytes).collect::<Vec<u8>>()).unwrap();
        file
    }

    #[test]
    fn a_megabyte_packed_is_the_most() {
        let folder = tempfile::tempdir().unwrap();
        let (half, more) = (noise(&folder, 499_000), noise(&folder, 501_000));
        assert!(of(&[half.clone(), more.clone()]).unwrap().check().is_err());
        assert!(of(&[half]).unwrap().check().is_ok());
    }

    #[test]
    fn what_packs_well_may_be_larger() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zeros");
        std::fs::write(&file, vec![0; 2_000_000]).unwrap();
        let size = of(&[file]).unwrap();
        assert_eq!(size.raw, 2_000_000);
        assert!(size.gzip < 10_000 && size.check().is_ok());
    }
}
