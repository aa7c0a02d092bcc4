//! The page /members: who is here, who is invited, and the forms that change it.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use console::{Badge, Button, Choice, Complaint, Csrf, Field, Pager, Select, Tone, When, answered, wrong};
use host::{Core, Registry};
use kernel::{Check, Failed, Failure, General, InvitationId, MemberId};
use serde::Deserialize;
use web::{Ctx, Form, Html, ListQuery, NavItem, PageFault, Path, Query, Routes as _, See};

use super::{ChangeMember, MemberView, actions};
use crate::invitations::{self, InvitationState, InvitationView, NewInvitation, Sender};
use crate::page_form::told;
use crate::permissions::{MEMBERS_READ, MEMBERS_WRITE};
use crate::roles::{Role, gives};
use crate::verification::verified_person;

const PATH: &str = "/members";
const ROLES: [Choice<'static>; 3] = [
    Choice { value: "viewer", label: "Viewer: reads" },
    Choice { value: "user", label: "User: does the daily work" },
    Choice { value: "admin", label: "Admin: everything" },
];

pub(super) fn register(app: &mut Registry) {
    let pages = Router::<Core>::new()
        .route(PATH, get(members_page))
        .route("/members/{id}", post(member_change))
        .route("/members/{id}/remove", post(member_remove))
        .route("/members/invitations", post(invitation_create))
        .route("/members/invitations/{id}/revoke", post(invitation_revoke));
    app.pages(pages);
    app.nav(NavItem { href: PATH, label: "Members", order: 700, permission: Some(MEMBERS_READ) });
}

/// What was typed. Text, so that a wrong address is shown again instead of refused unread.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteForm {
    email: String,
    role: String,
}

impl Default for InviteForm {
    fn default() -> Self {
        Self { email: String::new(), role: Role::User.name().to_owned() }
    }
}

impl InviteForm {
    fn read(&self) -> Result<NewInvitation, Failure> {
        let mut check = Check::new();
        let email = check.parse("email", &self.email);
        let role = Role::ALL.into_iter().find(|role| role.name() == self.role);
        check.that(role.is_some(), "role", "is not one of the roles");
        check.done()?;
        email.zip(role).map(|(email, role)| NewInvitation { email, role }).ok_or_else(|| General::ValidationFailed.into())
    }
}

/// A member, with the id that ties its role's label to its control.
struct Row {
    view: MemberView,
    select_id: String,
    is_me: bool,
}

impl Row {
    fn role(&self) -> Select<'_> {
        Select { label: "Role", name: "role", id: &self.select_id, choices: &ROLES, value: self.view.role.name(), ..Select::default() }
    }

    fn joined(&self) -> When {
        When(self.view.created_at)
    }
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    csrf: String,
    can_write: bool,
    rows: Vec<Row>,
    invitations: Vec<InvitationView>,
    pager: Pager,
    form: InviteForm,
    complaint: Option<Complaint>,
}

impl MembersPage {
    fn csrf(&self) -> Csrf<'_> {
        Csrf(&self.csrf)
    }

    fn email(&self) -> Field<'_> {
        let error = wrong(self.complaint.as_ref(), "email");
        let hint = "We write to this address; the link in the mail holds for 48 hours.";
        Field {
            label: "Mail address",
            name: "email",
            kind: "email",
            value: &self.form.email,
            hint,
            error,
            required: true,
            ..Field::default()
        }
    }

    fn role(&self) -> Select<'_> {
        let error = wrong(self.complaint.as_ref(), "role");
        Select { label: "Role", name: "role", id: "invite-role", choices: &ROLES, value: &self.form.role, error, ..Select::default() }
    }

    fn state(invitation: &InvitationView) -> Badge<'static> {
        match invitation.state {
            InvitationState::Pending => Badge { text: "waiting", tone: Tone::Info },
            InvitationState::Frozen => Badge { text: "on hold", tone: Tone::Warn },
            InvitationState::Expired => Badge { text: "expired", tone: Tone::Warn },
            InvitationState::Accepted => Badge { text: "accepted", tone: Tone::Ok },
            InvitationState::Revoked => Badge { text: "revoked", tone: Tone::Neutral },
        }
    }

    fn until(invitation: &InvitationView) -> When {
        When(invitation.expires_at)
    }
}

async fn members_page(ctx: Ctx, Query(query): Query<ListQuery>) -> Result<Html, PageFault> {
    Ok(show(&ctx, &query, InviteForm::default(), None).await?)
}

async fn show(ctx: &Ctx, query: &ListQuery, form: InviteForm, complaint: Option<Complaint>) -> Result<Html, Failure> {
    let (limit, after) = ctx.list(query)?;
    let can_write = ctx.can(MEMBERS_WRITE);
    let mut tx = ctx.begin(MEMBERS_READ).await?;
    let page = actions::list(&mut tx, limit, after).await?;
    let invitations = if can_write { invitations::unsettled(&mut tx).await? } else { Vec::new() };
    let now = tx.now();
    tx.commit().await?;

    let me = ctx.caller()?.account;
    let row = |view: MemberView| Row { select_id: format!("role-{}", view.id), is_me: Some(view.user_id) == me, view };
    let page = MembersPage {
        csrf: ctx.csrf().expose().to_owned(),
        can_write,
        pager: Pager { next: page.next.map(|after| format!("{PATH}?cursor={}", ctx.cursor(&after))) },
        rows: page.items.into_iter().map(MemberView::from).map(row).collect(),
        invitations: invitations.into_iter().map(|invitation| InvitationView::at(now, invitation)).collect(),
        form,
        complaint,
    };
    Ok(answered(ctx.page(PATH, "Members", &page)?, page.complaint.as_ref()))
}

async fn invitation_create(ctx: Ctx, Form(form): Form<InviteForm>) -> Result<Response, PageFault> {
    match invite(&ctx, &form).await {
        Ok(()) => {
            ctx.notice("The invitation is on its way.");
            Ok(See::other(PATH).into_response())
        }
        Err(failure) => {
            let complaint = Complaint::of(failure)?;
            Ok(show(&ctx, &ListQuery::default(), form, Some(complaint)).await?.into_response())
        }
    }
}

async fn invite(ctx: &Ctx, form: &InviteForm) -> Result<(), Failure> {
    let new = form.read()?;
    invitations::count(ctx, &new.email).await?;
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    invitations::invite(&mut tx, new, verified_person(ctx)?, &Sender::of(ctx)?).await.map_err(Failed::into_failure)?;
    tx.commit().await
}

async fn member_change(ctx: Ctx, Path(id): Path<MemberId>, Form(change): Form<ChangeMember>) -> Result<See, PageFault> {
    let outcome = apply(&ctx, id, change).await;
    Ok(told(&ctx, outcome, "The change holds from their next request.", PATH)?)
}

async fn apply(ctx: &Ctx, id: MemberId, change: ChangeMember) -> Result<(), Failure> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    actions::change(&mut tx, id, change, &gives(ctx)?).await.map_err(Failed::into_failure)?;
    tx.commit().await
}

async fn member_remove(ctx: Ctx, Path(id): Path<MemberId>, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    let outcome = remove(&ctx, id).await;
    Ok(told(&ctx, outcome, "The member is removed.", PATH)?)
}

async fn remove(ctx: &Ctx, id: MemberId) -> Result<(), Failure> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    actions::remove(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await
}

async fn invitation_revoke(ctx: Ctx, Path(id): Path<InvitationId>, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    let outcome = revoke(&ctx, id).await;
    Ok(told(&ctx, outcome, "The invitation is revoked.", PATH)?)
}

async fn revoke(ctx: &Ctx, id: InvitationId) -> Result<(), Failure> {
    let mut tx = ctx.begin(MEMBERS_WRITE).await?;
    invitations::revoke(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await
}
