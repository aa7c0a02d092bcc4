//! Where routes go: the verbs with which a module adds them, and how all become one router.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use host::{Core, Registry};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::caller::Authenticator;
use crate::needed::Needed;
use crate::page::{BareShell, NavItem, Shell};
use crate::settings::Settings;
use crate::{errors_page, health, layers, openapi, reference, version};

/// Everything that modules mounted.
pub(crate) struct Mounts {
    api: Vec<OpenApiRouter<Core>>,
    public_api: Vec<OpenApiRouter<Core>>,
    raw: Vec<Router<Core>>,
    raw_dev: Vec<Router<Core>>,
    pages: Vec<Router<Core>>,
    public_pages: Vec<Router<Core>>,
    going_on: BTreeSet<&'static str>,
    pub(crate) nav: Vec<NavItem>,
    pub(crate) shell: Arc<dyn Shell>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
}

impl Default for Mounts {
    fn default() -> Self {
        Self {
            api: vec![],
            public_api: vec![],
            raw: vec![],
            raw_dev: vec![],
            pages: vec![],
            public_pages: vec![],
            going_on: BTreeSet::new(),
            nav: vec![],
            shell: Arc::new(BareShell),
            authenticator: None,
        }
    }
}

impl Mounts {
    /// What was mounted in this program.
    pub(crate) fn of(core: &Core) -> &Self {
        core.registry.get_slot::<Self>().expect("the web module registers its slot")
    }
}

/// The verbs of the room `web` on the registry.
pub trait Routes {
    /// Routes under `/v1` that need a caller.
    fn routes(&mut self, router: OpenApiRouter<Core>);
    /// Routes under `/v1` for anybody; they say `security: []` in the document.
    fn public_routes(&mut self, router: OpenApiRouter<Core>);
    /// Absolute paths outside the envelope that other standards define: webhooks, `.well-known`.
    fn raw(&mut self, router: Router<Core>);
    /// As [`Routes::raw`], only in development, demo and test.
    fn raw_dev(&mut self, router: Router<Core>);
    /// Pages for people who are signed in; others are sent to `/signin`.
    fn pages(&mut self, router: Router<Core>);
    /// Pages for anybody.
    fn public_pages(&mut self, router: Router<Core>);
    /// Says that the unsafe methods of these routes go on while nothing else may be changed: ways in
    /// and out, and what others can't send again. A path is written as it is served: `/v1/auth/login`.
    fn goes_on_read_only(&mut self, paths: &[&'static str]);
    /// An entry of the navigation.
    fn nav(&mut self, item: NavItem);
    /// The frame around pages.
    fn shell(&mut self, shell: Arc<dyn Shell>);
    /// Who finds out who calls.
    fn authenticator(&mut self, authenticator: Arc<dyn Authenticator>);
}

impl Routes for Registry {
    fn routes(&mut self, router: OpenApiRouter<Core>) {
        self.slot::<Mounts>().api.push(router);
    }
    fn public_routes(&mut self, router: OpenApiRouter<Core>) {
        self.slot::<Mounts>().public_api.push(router);
    }
    fn raw(&mut self, router: Router<Core>) {
        self.slot::<Mounts>().raw.push(router);
    }
    fn raw_dev(&mut self, router: Router<Core>) {
        self.slot::<Mounts>().raw_dev.push(router);
    }
    fn pages(&mut self, router: Router<Core>) {
        self.slot::<Mounts>().pages.push(router);
    }
    fn public_pages(&mut self, router: Router<Core>) {
        self.slot::<Mounts>().public_pages.push(router);
    }
    fn goes_on_read_only(&mut self, paths: &[&'static str]) {
        self.slot::<Mounts>().going_on.extend(paths);
    }
    fn nav(&mut self, item: NavItem) {
        let nav = &mut self.slot::<Mounts>().nav;
        nav.push(item);
        nav.sort_by_key(|item| item.order);
    }
    fn shell(&mut self, shell: Arc<dyn Shell>) {
        self.slot::<Mounts>().shell = shell;
    }
    fn authenticator(&mut self, authenticator: Arc<dyn Authenticator>) {
        self.slot::<Mounts>().authenticator = Some(authenticator);
    }
}

/// The finished router and its document.
pub struct Assembled {
    pub router: Router,
    pub document: OpenApi,
    /// Schema names and operation ids that two rooms claim; a test demands that there are none.
    pub clashes: Vec<String>,
}

/// Makes one router and one document of all that modules mounted.
pub fn assemble(core: &Core) -> Assembled {
    let mounts = Mounts::of(core);
    let (api, document, clashes) = api(mounts);
    core.parts.get::<Needed>().read(&document);
    let api = api.layer(from_fn_with_state(core.clone(), layers::again)).layer(from_fn_with_state(core.clone(), layers::script_csrf));
    let api = flowing(core, api);
    let settings = core.parts.get::<Settings>();
    let machines = held(&settings, mounts, api.merge(absolute(core, mounts)));
    let pages = held(&settings, mounts, pages(core, mounts)).layer(from_fn_with_state(core.clone(), layers::refusals_as_pages));
    let mut router = machines.merge(pages).merge(health::routes()).merge(version::routes());
    if settings.serves_openapi {
        router = router.merge(reference::routes(&document, settings.serves_docs));
    }
    let router = router
        .fallback(errors_page::nothing_here)
        .method_not_allowed_fallback(errors_page::wrong_method)
        .layer(from_fn_with_state(core.clone(), layers::authenticate))
        .layer(DefaultBodyLimit::max(settings.body_max_bytes))
        .layer(from_fn_with_state(layers::Edge::new(core), layers::edge))
        .with_state(core.clone());
    Assembled { router, document, clashes }
}

/// The document alone, without anything that runs.
pub fn document(registry: &Registry) -> OpenApi {
    registry.get_slot::<Mounts>().map_or_else(openapi::frame, |mounts| api(mounts).1)
}

fn api(mounts: &Mounts) -> (Router<Core>, OpenApi, Vec<String>) {
    let mut private = OpenApiRouter::new();
    for router in &mounts.api {
        private = private.merge(router.clone());
    }
    let mut public = OpenApiRouter::new();
    for router in &mounts.public_api {
        public = public.merge(router.clone());
    }
    openapi::mark_public(public.get_openapi_mut());
    let private = private.layer(from_fn(layers::require_caller));
    let all = OpenApiRouter::with_openapi(openapi::frame()).nest("/v1", private.merge(public));
    let (router, mut document) = all.split_for_parts();
    let clashes = openapi::finish(&mut document);
    (router, document, clashes)
}

fn absolute(core: &Core, mounts: &Mounts) -> Router<Core> {
    let raw = mounts.raw.iter().cloned().fold(Router::new(), Router::merge).layer(from_fn_with_state(core.clone(), layers::script_csrf));
    let raw = raw.layer(from_fn_with_state(core.clone(), layers::idempotency_hint));
    if core.environment.is_dev() { mounts.raw_dev.iter().cloned().fold(raw, Router::merge) } else { raw }
}

/// The same routes, of which only those go on that said so while nothing may be changed.
fn held(settings: &Settings, mounts: &Mounts, routes: Router<Core>) -> Router<Core> {
    let going_on: layers::GoingOn = Arc::new(mounts.going_on.clone());
    if settings.read_only { routes.layer(from_fn_with_state(going_on, layers::read_only)) } else { routes }
}

fn pages(core: &Core, mounts: &Mounts) -> Router<Core> {
    let private = mounts.pages.iter().cloned().fold(Router::new(), Router::merge).layer(from_fn(layers::require_sign_in));
    let all = mounts.public_pages.iter().cloned().fold(private, Router::merge);
    flowing(core, all)
}

/// The same routes, whose requests are counted, and only then read.
fn flowing(core: &Core, routes: Router<Core>) -> Router<Core> {
    let read = routes.layer(from_fn_with_state(core.clone(), layers::idempotency_hint));
    read.layer(from_fn_with_state(core.clone(), layers::flow_limit))
}
