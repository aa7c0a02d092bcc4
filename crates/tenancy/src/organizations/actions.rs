//! The verbs.

use ::store::{AuditLine, StoreError, Tx};
use kernel::{Check, Failed, Failure};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;

use super::event::{OrganizationChanged, OrganizationFounded};
use super::organization::{ActiveModel, ChangeOrganization, Model, NewOrganization};
use super::{OrganizationFault, slug, store};
use crate::members::{self, FirstMember};
use crate::roles::Role;

/// As long as a company's registered name gets.
const NAME_LEN_MAX: usize = 200;
/// Tries to find a free generated slug: with 24 random bits each, five only fail when something
/// else is wrong.
const SLUG_TRIES_MAX: u32 = 5;

/// An organization and its first admin.
#[derive(Debug, Clone)]
pub struct Founded {
    pub organization: Model,
    pub member: members::Model,
}

/// Founds the organization whose id the transaction is pinned to, with its first admin.
///
/// 422 for a wrong name or slug, 409 `organization_slug_taken` for a given slug that another has.
pub async fn found(tx: &mut Tx, new: NewOrganization, first: FirstMember) -> Result<Founded, Failed<OrganizationFault>> {
    let mut check = Check::new();
    check.name("name", &new.name, 1..=NAME_LEN_MAX);
    check_slug(&mut check, new.slug.as_deref());
    check.done()?;

    let organization = insert(tx, &new).await?;
    let after = json!({ "name": organization.name, "slug": organization.slug });
    tx.audit(AuditLine::new("organization.founded", "organization", organization.id).after(after)).await?;
    let by = first.account;
    let member = members::admit(tx, first, Role::Admin).await?;
    tx.emit(&OrganizationFounded { organization: tx.org(), by }).await?;
    Ok(Founded { organization, member })
}

fn check_slug(check: &mut Check, given: Option<&str>) {
    if let Some(Err(wrong)) = given.map(slug::check) {
        check.that(false, "slug", wrong.to_string());
    }
}

async fn insert(tx: &mut Tx, new: &NewOrganization) -> Result<Model, Failed<OrganizationFault>> {
    let name = new.name.trim();
    let tries = if new.slug.is_some() && !new.may_vary { 1 } else { SLUG_TRIES_MAX };
    let wanted = new.slug.clone().unwrap_or_else(|| slug::from_name(name));
    for attempt in 0..tries {
        let slug = if attempt == 0 { wanted.clone() } else { slug::with_suffix(&wanted) };
        let row = ActiveModel {
            id: Set(tx.org().uuid()),
            name: Set(name.to_owned()),
            slug_normal: Set(slug.clone()),
            slug: Set(slug),
            is_active: Set(true),
            ..Default::default()
        };
        if store::insert_unless_taken(tx, row).await? {
            return Ok(store::current(tx).await?);
        }
    }
    Err(OrganizationFault::SlugTaken.into())
}

/// The organization of this transaction.
pub async fn current(tx: &mut Tx) -> Result<Model, Failure> {
    store::current(tx).await
}

/// The same, held against concurrent changes of its members until the transaction ends.
pub(crate) async fn hold(tx: &mut Tx) -> Result<Model, Failure> {
    store::hold(tx).await
}

/// Changes name and slug.
pub async fn change(tx: &mut Tx, change: ChangeOrganization) -> Result<Model, Failed<OrganizationFault>> {
    let mut check = Check::new();
    check.name_if("name", change.name.as_deref(), 1..=NAME_LEN_MAX);
    let before = store::hold(tx).await?;
    // A slug that was given before a word became reserved may stay.
    check_slug(&mut check, change.slug.as_deref().filter(|slug| *slug != before.slug));
    check.done()?;

    let name = change.name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned());
    let slug = change.slug.unwrap_or_else(|| before.slug.clone());
    if name == before.name && slug == before.slug {
        return Ok(before);
    }
    let mut row = before.clone().into_active_model();
    row.name = Set(name);
    row.slug_normal = Set(slug.clone());
    row.slug = Set(slug);
    let after = tx.update(row).await.map_err(taken)?;
    let line = AuditLine::new("organization.changed", "organization", after.id)
        .before(json!({ "name": before.name, "slug": before.slug }))
        .after(json!({ "name": after.name, "slug": after.slug }));
    tx.audit(line).await?;
    tx.emit(&OrganizationChanged { organization: tx.org() }).await?;
    Ok(after)
}

fn taken(error: StoreError) -> Failed<OrganizationFault> {
    if error.violates("organizations", "slug_normal") { OrganizationFault::SlugTaken.into() } else { error.into() }
}
