//! A pattern for each series, so that colour is never alone.

use std::fmt::Write as _;

/// Series code and the strokes that lie on its colour, in an 8 × 8 tile.
const PATTERNS: &[(&str, &str)] = &[
    ("compute", ""),
    ("home_storage", "<path class=\"ink\" d=\"M0 2h8M0 6h8\"/>"),
    ("core", "<path class=\"dot\" d=\"M1 1h2v2h-2zM5 5h2v2h-2z\"/>"),
    ("object_storage", "<path class=\"ink\" d=\"M2 0v8M6 0v8\"/>"),
    ("networking", "<path class=\"ink\" d=\"M0 4h8M4 0v8\"/>"),
    ("backup", "<path class=\"ink\" d=\"M0 2l2 2l2 -2l2 2l2 -2M0 6l2 2l2 -2l2 2l2 -2\"/>"),
    ("other", "<path class=\"dot\" d=\"M3 3h2v2h-2z\"/>"),
    ("credit", "<path class=\"thin\" d=\"M0 1h8M0 5h8\"/>"),
    ("idle", ""),
    ("unattributed", "<path class=\"dot\" d=\"M1 1h1v1h-1zM5 5h1v1h-1zM5 1h1v1h-1zM1 5h1v1h-1z\"/>"),
    ("observed", ""),
    ("unobserved", "<path class=\"hatch\" d=\"M-2 2l4 -4M0 8l8 -8M6 10l4 -4\"/>"),
];

/// All patterns, once a page, in an image that is not seen.
pub fn definitions() -> String {
    let mut out =
        String::from("<svg class=\"patterns\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>");
    for (code, strokes) in PATTERNS {
        let _ = write!(
            out,
            "<pattern id=\"fill-{code}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"c-{code}\" width=\"8\" height=\"8\"/>{strokes}</pattern>"
        );
    }
    out.push_str("</defs></svg>");
    out
}
