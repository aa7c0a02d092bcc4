//! The pages with a form: a new customer, and another state of one.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use console::{Csrf, Field};
use host::Core;
use kernel::{CustomerId, Failed, Failure, Fields, General};
use serde::Deserialize;
use web::{Ctx, Form, Html, PageFault, Path, See};

use super::{CUSTOMERS_WRITE, ChangeCustomer, Customer, CustomerFault, NewCustomer};
use crate::customers;

pub(super) fn routes() -> Router<Core> {
    Router::new()
        .route("/customers/new", get(new_customer_page).post(create_from_page))
        .route("/customers/{id}/edit", get(edit_customer_page).post(change_from_page))
}

/// The form as it was filled in. Empty means nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerForm {
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    external_ref: String,
    #[serde(default)]
    locale: String,
    #[serde(default)]
    timezone: String,
    /// The version that the form was made from; empty for a new customer.
    #[serde(default)]
    version: String,
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl CustomerForm {
    fn of(row: &Customer) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            name: row.name.clone(),
            email: text(&row.email),
            phone: text(&row.phone),
            external_ref: text(&row.external_ref),
            locale: text(&row.locale),
            timezone: text(&row.timezone),
            version: row.version.to_string(),
        }
    }

    fn new_customer(&self) -> NewCustomer {
        NewCustomer {
            name: self.name.clone(),
            email: filled(&self.email),
            phone: filled(&self.phone),
            external_ref: filled(&self.external_ref),
            locale: filled(&self.locale),
            timezone: filled(&self.timezone),
        }
    }

    fn change(&self) -> ChangeCustomer {
        ChangeCustomer {
            name: filled(&self.name).into(),
            email: filled(&self.email).into(),
            phone: filled(&self.phone).into(),
            external_ref: filled(&self.external_ref).into(),
            locale: filled(&self.locale).into(),
            timezone: filled(&self.timezone).into(),
            version: self.version.parse().ok(),
        }
    }
}

#[derive(Template)]
#[template(path = "customers/form.html")]
struct FormPage<'a> {
    /// Whom the form changes; nobody when it adds one.
    id: Option<CustomerId>,
    form: &'a CustomerForm,
    /// One sentence about what is wrong with the whole.
    wrong: &'a str,
    errors: &'a Fields,
    csrf: Csrf<'a>,
}

impl FormPage<'_> {
    fn fields(&self) -> [Field<'_>; 6] {
        let field = |label, name, value, hint, autocomplete| Field {
            label,
            name,
            value,
            hint,
            autocomplete,
            error: self.errors.get(name).map(String::as_str),
            ..Field::default()
        };
        [
            Field { required: true, ..field("Name", "name", &self.form.name, "", "off") },
            Field { kind: "email", ..field("Mail address", "email", &self.form.email, "Receipts and payment links go there.", "off") },
            Field { kind: "tel", ..field("Phone", "phone", &self.form.phone, "With its country: +27 82 123 4567.", "off") },
            field("Your reference", "external_ref", &self.form.external_ref, "What your own system calls this customer.", "off"),
            field("Language", "locale", &self.form.locale, "Such as en-ZA.", "off"),
            field("Time zone", "timezone", &self.form.timezone, "Such as Africa/Johannesburg.", "off"),
        ]
    }
}

async fn new_customer_page(ctx: Ctx) -> Result<Html, PageFault> {
    // Whoever may not add one is told so before the form is filled in.
    ctx.begin(CUSTOMERS_WRITE).await?.commit().await?;
    Ok(show(&ctx, None, &CustomerForm::default(), "", &Fields::new())?)
}

async fn create_from_page(ctx: Ctx, Form(form): Form<CustomerForm>) -> Result<Response, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    match customers::create(&mut tx, &form.new_customer()).await {
        Ok(customer) => {
            tx.commit().await?;
            ctx.notice("The customer is added.");
            Ok(See::other(format!("/customers/{}", customer.customer_id())).into_response())
        }
        Err(failed) => again(&ctx, None, &form, failed),
    }
}

async fn edit_customer_page(ctx: Ctx, Path(id): Path<CustomerId>) -> Result<Html, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    let customer = customers::find(&mut tx, id).await.map_err(Failed::into_failure)?;
    tx.commit().await?;
    Ok(show(&ctx, Some(id), &CustomerForm::of(&customer), "", &Fields::new())?)
}

async fn change_from_page(ctx: Ctx, Path(id): Path<CustomerId>, Form(form): Form<CustomerForm>) -> Result<Response, PageFault> {
    let mut tx = ctx.begin(CUSTOMERS_WRITE).await?;
    match customers::change(&mut tx, id, &form.change()).await {
        Ok(_) => {
            tx.commit().await?;
            ctx.notice("The changes are saved.");
            Ok(See::other(format!("/customers/{id}")).into_response())
        }
        Err(failed) => again(&ctx, Some(id), &form, failed),
    }
}

/// Shows the form again with what is wrong, keeping all that was typed. What no field can mend
/// goes to the page of errors.
fn again(ctx: &Ctx, id: Option<CustomerId>, form: &CustomerForm, failed: Failed<CustomerFault>) -> Result<Response, PageFault> {
    let failure = failed.into_failure();
    let (sentence, errors) = if failure.is(CustomerFault::ExternalRefTaken) {
        ("", Fields::from([("external_ref".to_owned(), "belongs to another customer".to_owned())]))
    } else if failure.is(General::Conflict) {
        ("Somebody else changed this customer in the meantime. Open the customer again to see what is new.", Fields::new())
    } else if failure.fields.is_empty() {
        return Err(failure.into());
    } else {
        ("", failure.fields.clone())
    };
    Ok(show(ctx, id, form, sentence, &errors)?.with_status(failure.status).into_response())
}

fn show(ctx: &Ctx, id: Option<CustomerId>, form: &CustomerForm, wrong: &str, errors: &Fields) -> Result<Html, Failure> {
    let wrong = if wrong.is_empty() && !errors.is_empty() { "Something is not right yet. Nothing was saved." } else { wrong };
    let title = if id.is_some() { "Edit customer" } else { "New customer" };
    let token = ctx.csrf();
    ctx.page("/customers", title, &FormPage { id, form, wrong, errors, csrf: Csrf(token.expose()) })
}
