//! `docs/config.md`, written from the declarations themselves.

use std::fmt::Write as _;

use super::Config;

const PREFACE: &str = "\
# Settings

Written by the program from its own declarations; do not edit.

Settings stand in `autorisen.yaml`, one section per heading below. A value is looked for in this order, and the last
place that has it wins: the default, `autorisen.yaml`, `autorisen.{environment}.yaml`, in development the files `.env`,
`.env.dev` and `.env.host`, the variables of the environment, the command line. Plain values may hold `${NAME}` or
`${NAME:-default}`. A secret is written as a reference: `file:/run/secrets/name` or `env:NAME`; written out it works
everywhere but in production. `autorisen config explain KEY` says which value is in force and where it comes from.
";

impl Config {
    /// The text of `docs/config.md`: every setting of every registered section.
    pub fn reference_markdown(&self) -> String {
        let mut out = PREFACE.to_owned();
        for (name, about) in &self.sections {
            let _ = write!(out, "\n## {name}\n\n{}\n\n| key | default | environment | what it does |\n|---|---|---|---|\n", about.trim());
            let prefix = format!("{name}.");
            for key in self.keys.values().filter(|key| key.path.starts_with(&prefix)) {
                let env: Vec<_> = key.env.iter().map(|env| format!("`{env}`")).collect();
                let secret = if key.secret { " (secret)" } else { "" };
                let doc = key.doc.replace('|', "\\|");
                let _ = writeln!(out, "| `{}` | `{}` | {} | {doc}{secret} |", key.path, key.default.replace('|', "\\|"), env.join(", "));
            }
        }
        out
    }
}
