//! Pages: a feature renders its own body, the shell draws the frame around it.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Failure, Permission};

use crate::answer::{NoFault, Refusal};
use crate::ctx::Ctx;
use crate::settings::Settings;

/// What a page handler fails with: the layer around pages shows it as a page.
pub type PageFault = Refusal<NoFault>;

/// The frame around every page. The room that knows how pages look implements it.
pub trait Shell: Send + Sync + 'static {
    /// A page of somebody who is signed in: navigation, account, body.
    fn wrap(&self, page: ShellPage) -> String;
    /// A page for anybody: one card in the middle.
    fn plain(&self, page: ShellPage) -> String;
}

/// What a shell draws.
#[derive(Debug, Clone, Default)]
pub struct ShellPage {
    pub title: String,
    /// HTML; the only part that is not escaped again.
    pub body: String,
    pub nav: Vec<NavEntry>,
    pub caller_name: String,
    pub org_name: String,
    pub csrf: String,
    /// One sentence about what was done before this page was shown.
    pub notice: Option<String>,
    /// `development`, `demo`…; pages say so unless it is production.
    pub environment: String,
}

/// One entry of the navigation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NavEntry {
    pub href: String,
    pub label: String,
    pub current: bool,
}

/// An HTML page.
#[derive(Debug, Clone)]
pub struct Html {
    pub status: StatusCode,
    pub body: String,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u64>,
}

impl Html {
    /// The same page with another status: a form that is shown again because a field was wrong.
    pub fn with_status(self, status: u16) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(self.status), ..self }
    }
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A redirect after a form was done: the browser asks for the next page with GET.
#[derive(Debug, Clone)]
pub struct See(String);

impl See {
    /// To a path of our own.
    pub fn other(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl IntoResponse for See {
    fn into_response(self) -> Response {
        match HeaderValue::from_str(&self.0) {
            Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
            Err(wrong) => PageFault::from(Failure::internal(wrong)).into_response(),
        }
    }
}

impl Ctx {
    /// A page inside the console's frame; `nav` is the `href` of the entry it belongs to.
    pub fn page<T: Template>(&self, nav: &str, title: &str, template: &T) -> Result<Html, Failure> {
        let body = template.render().map_err(Failure::internal)?;
        Ok(self.framed(Some(nav), title, body))
    }

    /// A page without navigation, for people who are not signed in.
    pub fn plain_page<T: Template>(&self, title: &str, template: &T) -> Result<Html, Failure> {
        let body = template.render().map_err(Failure::internal)?;
        Ok(self.framed(None, title, body))
    }

    pub(crate) fn framed(&self, nav: Option<&str>, title: &str, body: String) -> Html {
        let mounts = self.mounts();
        let caller = self.somebody();
        let page = ShellPage {
            title: title.to_owned(),
            body,
            nav: mounts
                .nav
                .iter()
                .filter(|item| item.permission.is_none_or(|needed| self.can(needed)))
                .map(|item| item.entry(nav))
                .collect(),
            caller_name: caller.map(|caller| caller.name.clone()).unwrap_or_default(),
            org_name: caller.map(|caller| caller.org_name.clone()).unwrap_or_default(),
            csrf: caller.and_then(|caller| caller.csrf.as_ref()).map(|token| token.expose().to_owned()).unwrap_or_default(),
            notice: self.take_notice().or_else(|| self.part::<Settings>().read_only.then(|| READ_ONLY.to_owned())),
            environment: self.core().environment.to_string(),
        };
        let html = if nav.is_some() && caller.is_some() { mounts.shell.wrap(page) } else { mounts.shell.plain(page) };
        Html { status: StatusCode::OK, body: html, retry_after_s: None }
    }
}

/// What every page says while nothing may be changed.
const READ_ONLY: &str = "Nothing can be changed at the moment: the service is read-only while it is being looked after.";
/// The cookie that carries one sentence from a form to the next page.
const NOTICE: &str = "notice";
/// Longer than a redirect takes, shorter than anybody would wonder where the sentence comes from.
const NOTICE_LIFETIME: chrono::Duration = chrono::Duration::seconds(30);

impl Ctx {
    /// Says one sentence on the next page that this browser sees. It is sealed, so that nobody
    /// can plant words on our pages.
    pub fn notice(&self, sentence: &str) {
        let sealed = self.core().store.cipher().seal("web.notice", sentence);
        self.set_cookie(crate::cookies::set(self.core(), NOTICE, &sealed, Some(NOTICE_LIFETIME)));
    }

    fn take_notice(&self) -> Option<String> {
        let sealed = crate::cookies::read(self.core(), self.headers(), NOTICE)?;
        self.set_cookie(crate::cookies::clear(self.core(), NOTICE));
        self.core().store.cipher().open("web.notice", &sealed).ok().map(|sentence| sentence.expose().to_owned())
    }
}

/// An entry that a module adds to the navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    pub href: &'static str,
    pub label: &'static str,
    /// Smaller stands higher.
    pub order: u16,
    /// Shown only to callers who hold it.
    pub permission: Option<Permission>,
}

impl NavItem {
    fn entry(&self, current: Option<&str>) -> NavEntry {
        NavEntry { href: self.href.to_owned(), label: self.label.to_owned(), current: current == Some(self.href) }
    }
}

/// The frame of an app that registered no shell: a valid document and nothing more.
pub(crate) struct BareShell;

impl Shell for BareShell {
    fn wrap(&self, page: ShellPage) -> String {
        self.plain(page)
    }

    fn plain(&self, page: ShellPage) -> String {
        let title = askama::filters::escape(&page.title, askama::filters::Html).map(|safe| safe.to_string()).unwrap_or_default();
        format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><main>{}</main></html>", page.body)
    }
}
