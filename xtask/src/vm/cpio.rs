//! An archive as the kernel unpacks it before its first program: cpio, the `newc` form.

/// Folders and files, each written once.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

/// What kind of entry it is, with its rights.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

impl Archive {
    /// A folder; those above it must be there.
    pub(crate) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER, &[]);
    }

    /// A file that may be run.
    pub(crate) fn file(&mut self, path: &str, contents: &[u8]) {
        self.entry(path, PROGRAM, contents);
    }

    /// The archive with its end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.entries += 1;
        let path = path.trim_start_matches('/');
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        // Number, mode, owner, group, links, time, length, four of devices, name with its end, sum.
        let (size, name) = (length(contents.len()), length(path.len() + 1));
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0];
        self.bytes.extend(b"070701");
        fields.iter().for_each(|field| self.bytes.extend(format!("{field:08x}").bytes()));
        self.bytes.extend(path.bytes().chain([0]));
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_begin_at_multiples_of_four() {
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("/bin/a", b"12345");
        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("07070100000001000041ed"), "{text}");
        let at = text.find("12345").unwrap();
        assert_eq!(at % 4, 0);
        assert_eq!(text.find("TRAILER!!!").unwrap() % 2, 0);
        assert_eq!(bytes.len() % 4, 0);
        assert!(text[..at].ends_with("bin/a\0"), "{text}");
    }
}
