//! The page /account: one's name, one's password, and where one is signed in.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use console::{Badge, Button, Complaint, Csrf, Field, Tone, When, answered};
use host::{Core, Registry};
use kernel::{Failed, Failure, OrgId, Secret, SessionId};
use serde::Deserialize;
use tenancy::MembershipView;
use web::{Ctx, Form, NavItem, PageFault, Path, Routes as _, See};

use super::signup::password_hint;
use super::{HOME, fields};
use crate::accounts::{self, UserView};
use crate::client::Client;
use crate::proofs;
use crate::proofs::Wanted;
use crate::sessions::{self, SessionView, person};

const PATH: &str = "/account";

pub(super) fn register(app: &mut Registry) {
    let pages = Router::<Core>::new()
        .route(PATH, get(account_page))
        .route("/account/name", post(name_form))
        .route("/account/password", post(password_form))
        .route("/account/verification", post(verification_form))
        .route("/account/switch", post(switch_form))
        .route("/account/sessions/end-all", post(end_all_form))
        .route("/account/sessions/{id}/end", post(end_form));
    app.pages(pages);
    // Everybody has an account page, whatever their rights.
    app.nav(NavItem { href: PATH, label: "Your account", order: 950, permission: None });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameForm {
    #[serde(default)]
    full_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    #[serde(default)]
    current_password: Secret,
    #[serde(default)]
    new_password: Secret,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    csrf: Secret,
    user: UserView,
    full_name: String,
    password_hint: String,
    rows: Vec<Row>,
    /// Where else this person is a member.
    elsewhere: Vec<MembershipView>,
    complaint: Option<Complaint>,
}

impl AccountPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(self.csrf.expose())
    }

    fn full_name(&self) -> Field<'_> {
        fields::full_name(&self.full_name, self.complaint.as_ref())
    }

    fn current_password(&self) -> Field<'_> {
        fields::known_password("Current password", "current_password", self.complaint.as_ref())
    }

    fn new_password(&self) -> Field<'_> {
        fields::new_password("New password", "new_password", &self.password_hint, self.complaint.as_ref())
    }

    fn verified(&self) -> Badge<'_> {
        match self.user.email_verified_at {
            Some(_) => Badge { text: "confirmed", tone: Tone::Ok },
            None => Badge { text: "not confirmed", tone: Tone::Warn },
        }
    }
}

/// A line of the list of sessions.
struct Row(SessionView);

impl Row {
    fn last_seen(&self) -> When {
        When(self.0.last_seen_at)
    }

    fn device(&self) -> &str {
        self.0.user_agent.as_deref().unwrap_or("A client that does not say what it is")
    }

    fn address(&self) -> &str {
        self.0.address.as_deref().unwrap_or("unknown")
    }
}

async fn account_page(ctx: Ctx) -> Result<Response, PageFault> {
    Ok(show(&ctx, None, None).await?)
}

async fn name_form(ctx: Ctx, Form(form): Form<NameForm>) -> Result<Response, PageFault> {
    let changed = accounts::change_name(ctx.core(), person(&ctx)?, &form.full_name, &Client::of(&ctx)).await;
    let again = Some(form.full_name);
    Ok(told(&ctx, changed.map_err(Failed::into_failure), "Your name is changed.", again).await?)
}

async fn password_form(ctx: Ctx, Form(form): Form<PasswordForm>) -> Result<Response, PageFault> {
    let changed = proofs::change(&ctx, &form.current_password, &form.new_password).await.map_err(Failed::into_failure);
    let done = "Your password is changed, and every other session is signed out.";
    Ok(told(&ctx, changed.map(drop), done, None).await?)
}

async fn verification_form(ctx: Ctx, Form(Button {}): Form<Button>) -> Result<Response, PageFault> {
    let email = ctx.caller()?.email.parse().map_err(Failure::internal)?;
    let asked = proofs::request(ctx.core(), Wanted::Verification, &email, &Client::of(&ctx)).await;
    Ok(told(&ctx, asked, "We sent you a mail with a new link.", None).await?)
}

/// Where to go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwitchForm {
    org_id: OrgId,
}

async fn switch_form(ctx: Ctx, Form(wish): Form<SwitchForm>) -> Result<Response, PageFault> {
    match sessions::go_to(&ctx, wish.org_id).await.map_err(Failed::into_failure) {
        Ok(_) => Ok(See::other(HOME).into_response()),
        Err(failure) => Ok(show(&ctx, None, Some(Complaint::of(failure)?)).await?),
    }
}

async fn end_form(ctx: Ctx, Path(id): Path<SessionId>, Form(Button {}): Form<Button>) -> Result<Response, PageFault> {
    let ended = sessions::end_own(ctx.core(), person(&ctx)?, id, &Client::of(&ctx)).await;
    Ok(told(&ctx, ended.map_err(Failed::into_failure), "That session is signed out.", None).await?)
}

async fn end_all_form(ctx: Ctx, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    sessions::sign_out(&ctx, true).await?;
    Ok(See::other("/signin"))
}

/// The way on from a form: a sentence on the page that follows, or the page with what was wrong.
async fn told(ctx: &Ctx, outcome: Result<(), Failure>, done: &str, full_name: Option<String>) -> Result<Response, Failure> {
    match outcome {
        Ok(()) => {
            ctx.notice(done);
            Ok(See::other(PATH).into_response())
        }
        Err(failure) => show(ctx, full_name, Some(Complaint::of(failure)?)).await,
    }
}

async fn show(ctx: &Ctx, full_name: Option<String>, complaint: Option<Complaint>) -> Result<Response, Failure> {
    let user = accounts::me(ctx).await?.user.clone();
    let sessions = sessions::list(ctx.core(), person(ctx)?, ctx.caller()?.session).await?;
    let rows = sessions.into_iter().map(Row).collect();
    let full_name = full_name.unwrap_or_else(|| user.full_name.clone());
    let page = AccountPage {
        csrf: ctx.csrf(),
        user,
        full_name,
        password_hint: password_hint(ctx),
        rows,
        elsewhere: elsewhere(ctx).await?,
        complaint,
    };
    Ok(answered(ctx.page(PATH, "Your account", &page)?, page.complaint.as_ref()).into_response())
}

async fn elsewhere(ctx: &Ctx) -> Result<Vec<MembershipView>, Failure> {
    let mut system = ctx.core().store.system_read("where else a person is a member").await?;
    let places = tenancy::memberships_of(&mut system, person(ctx)?).await?;
    let here = ctx.caller()?.org;
    Ok(places.into_iter().filter(|place| Some(place.organization.id) != here).collect())
}
