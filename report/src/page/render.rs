//! The template engine: templates of ours, or an organisation's own of the same names.

use std::path::Path;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::block::Page;
use crate::error::ReportError;

/// Names of the templates, with ours.
pub const OURS: &[(&str, &str)] = &[
    ("page.html", include_str!("../../templates/page.html")),
    ("parts.html", include_str!("../../templates/parts.html")),
    ("letterhead.html", include_str!("../../templates/letterhead.html")),
    ("style.css", include_str!("../../templates/style.css")),
];

/// Templates, ready to draw.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Ours; each is replaced by a file of the same name in `folder`, where there is one.
    pub fn load(folder: Option<&Path>) -> Result<Self, ReportError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        for (name, ours) in OURS {
            let source = match folder.map(|folder| folder.join(name)) {
                None => (*ours).to_owned(),
                Some(path) => match std::fs::read_to_string(&path) {
                    Ok(own) => own,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => (*ours).to_owned(),
                    Err(source) => return Err(ReportError::TemplateFile { path, source }),
                },
            };
            environment.add_template_owned(*name, source).map_err(|error| broken(name, &error))?;
        }
        Ok(Self(environment))
    }

    /// A page as HTML.
    pub fn draw(&self, page: &Page) -> Result<String, ReportError> {
        let name = "page.html";
        let template = self.0.get_template(name).map_err(|error| broken(name, &error))?;
        template.render(page).map_err(|error| broken(name, &error))
    }
}

fn broken(name: &str, error: &minijinja::Error) -> ReportError {
    let hint = match error.kind() {
        ErrorKind::UndefinedError => " (report/src/page/block.rs lists the fields of a page)",
        _ => "",
    };
    let template = error.name().unwrap_or(name).to_owned();
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    ReportError::Template { template, message: format!("{line}{error}{hint}") }
}
