//! What a stranger sees: health, a page with its files, the headers that protect it, the document.

use anyhow::{Context as _, Result, ensure};

use super::answer::{Answer, Visitor};
use super::report::Report;

/// Files whose names carry a hash of their content may be kept for a year (RFC 9111 has no "for ever").
const KEPT_S: u64 = 30_000_000;
/// A page that anybody may see.
const PAGE: &str = "/signin";

pub(super) async fn check(visitor: &Visitor, report: &mut Report) {
    report.run("alive", alive(visitor)).await;
    report.run("ready", ready(visitor)).await;
    let page = report.run("page", page(visitor)).await;
    match page {
        Some(page) => drop(report.run("assets", assets(visitor, page)).await),
        None => report.skip("assets", "there is no page whose files could be looked at"),
    }
    report.run("no listing", no_listing(visitor)).await;
    report.run("headers", headers(visitor)).await;
    openapi(visitor, report).await;
}

async fn alive(visitor: &Visitor) -> Result<((), String)> {
    visitor.get("/alive").await?.expect(200)?;
    Ok(((), "the process answers".to_owned()))
}

async fn ready(visitor: &Visitor) -> Result<((), String)> {
    let answer = visitor.get("/readyz").await?.expect(200)?;
    let body = answer.json()?;
    ensure!(body["status"] == "ok", "it answers 200 and says {}", body["status"]);
    let checks = body["checks"].as_object().map_or(0, serde_json::Map::len);
    Ok(((), format!("{checks} checks are fine")))
}

async fn page(visitor: &Visitor) -> Result<(Answer, String)> {
    let page = visitor.get(PAGE).await?.expect(200)?;
    ensure!(page.header("content-type").starts_with("text/html"), "{PAGE} is {}", page.header("content-type"));
    Ok((page, format!("{PAGE} is a page")))
}

/// The files that a page needs: there, of the right type, and kept by browsers.
async fn assets(visitor: &Visitor, page: Answer) -> Result<((), String)> {
    let paths = files(&page.text);
    ensure!(paths.iter().any(|path| content_type(path) == Some("text/css")), "{PAGE} has no stylesheet");
    for path in &paths {
        let file = visitor.get(path).await?.expect(200)?;
        let (found, wanted) = (file.header("content-type"), content_type(path));
        ensure!(wanted.is_none_or(|wanted| found.starts_with(wanted)), "{path} is {found}, where {} is right", wanted.unwrap_or_default());
        ensure!(file.header("x-content-type-options") == "nosniff", "{path} lets browsers guess its type");
        ensure!(!file.text.is_empty(), "{path} is empty");
        let kept = file.header("cache-control");
        ensure!(!is_hashed(path) || max_age(kept) >= KEPT_S, "{path} carries a hash and is not kept by browsers: `{kept}`");
    }
    let hashed = paths.iter().filter(|path| is_hashed(path)).count();
    Ok(((), format!("{} files, {hashed} of them kept for a year", paths.len())))
}

/// The addresses of files that a page asks for from this server.
fn files(html: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (before, after) in [("href=\"", ".css"), ("src=\"", ".js"), ("href=\"", ".svg"), ("src=\"", ".svg")] {
        let quoted = html.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        for path in quoted.filter(|path| path.starts_with('/') && path.ends_with(after)) {
            if !found.iter().any(|known| known == path) {
                found.push(path.to_owned());
            }
        }
    }
    found
}

fn content_type(path: &str) -> Option<&'static str> {
    match path.rsplit('.').next()? {
        "css" => Some("text/css"),
        "js" => Some("text/javascript"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// `name.0123456789ab.css`: the part before the ending is a hash.
fn is_hashed(path: &str) -> bool {
    let hash = path.rsplit('.').nth(1).unwrap_or_default();
    hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn max_age(header: &str) -> u64 {
    let age = header.split(',').find_map(|part| part.trim().strip_prefix("max-age="));
    age.and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}

/// A folder of files is not shown, nor what lies beside it.
async fn no_listing(visitor: &Visitor) -> Result<((), String)> {
    for path in ["/assets/", "/assets", "/.env", "/.git/config", "/autorisen.yaml"] {
        visitor.get(path).await?.expect(404)?;
    }
    Ok(((), "folders and hidden files are not shown".to_owned()))
}

/// The headers that hold browsers back, on a page and on a refusal.
async fn headers(visitor: &Visitor) -> Result<((), String)> {
    for path in [PAGE, "/there-is-nothing-here", "/v1/auth/me"] {
        let answer = visitor.get(path).await?;
        for (name, wanted) in [
            ("content-security-policy", "default-src"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", ""),
            ("cache-control", "no-store"),
            ("x-request-id", ""),
        ] {
            let found = answer.header(name);
            ensure!(!found.is_empty() && found.contains(wanted), "{path} answers {name}: `{found}`, where `{wanted}` is right");
        }
        if visitor.base().starts_with("https://") {
            let kept = max_age(&answer.header("strict-transport-security").replace(';', ","));
            ensure!(kept >= KEPT_S, "{path} does not hold browsers to https");
        }
        ensure!(!answer.header("server").bytes().any(|byte| byte.is_ascii_digit()), "{path} tells a version: {}", answer.header("server"));
        ensure!(answer.header("x-powered-by").is_empty(), "{path} tells what it is made of");
    }
    Ok(((), "pages and refusals carry them".to_owned()))
}

async fn openapi(visitor: &Visitor, report: &mut Report) {
    let asked = visitor.get("/openapi.json").await;
    if asked.as_ref().is_ok_and(|answer| answer.status == 404) {
        return report.skip("openapi", "it is not served here");
    }
    report.run("openapi", async { document(asked?) }).await;
}

fn document(answer: Answer) -> Result<((), String)> {
    let body = answer.expect(200)?.json()?;
    let version = body["openapi"].as_str().unwrap_or_default();
    ensure!(version.starts_with("3.1"), "the document says version {version:?}");
    let paths = body["paths"].as_object().context("the document has no paths")?.len();
    Ok(((), format!("OpenAPI {version} with {paths} paths")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_files_once() {
        let html = r#"<link href="/assets/app.0123456789ab.css"><link href="/assets/icon.0123456789ab.svg"><a href="/signup">x</a>
            <link href="/assets/app.0123456789ab.css"><script src="https://elsewhere.test/x.js"></script><script src="/assets/app.ff00ff00.js"></script>"#;
        assert_eq!(files(html), ["/assets/app.0123456789ab.css", "/assets/app.ff00ff00.js", "/assets/icon.0123456789ab.svg"]);
        assert!(is_hashed("/assets/app.0123456789ab.css") && !is_hashed("/assets/app.min.css") && !is_hashed("/app.css"));
        assert_eq!(max_age("public, max-age=31536000, immutable"), 31_536_000);
    }
}
